//! When the master is asked who arrives: while a target is silent, and gently.

use super::Arrivals;
use super::history::History;
use crate::model::{Collector, Stage};
use crate::sqlserver::batch::{self, BatchError, Harvest};
use crate::sqlserver::faults;
use crate::sqlserver::reading::{Collected, CollectorReport, Fault, Targets};
use crate::sqlserver::result_cache::Kept;
use crate::sqlserver::session::Session;
use crate::sqlserver::statements::Set;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use tiberius::error::Error as DriverError;
use tokio::time::{Instant, timeout_at};

/// The ring buffer is expensive to read: the view builds the texts of all ring buffers before it leaves most of them out.
const RECORDS_EVERY: Duration = Duration::from_secs(5 * 60);
/// A target that has just fallen silent is worth a look of its own, but not more often than this.
const RECORDS_AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// No statement of these may hold the reading up for longer.
const CAP: Duration = Duration::from_secs(2);

/// What was found so far, and when it may be asked for again.
#[derive(Debug, Default)]
pub(in crate::sqlserver) struct ArrivalWatch {
    history: History,
    permitted: bool,
    /// The last look at the records and its price, whether it succeeded or not.
    records: Option<Kept<()>>,
    /// The same for the sessions.
    sessions: Option<Kept<()>>,
    /// `server_id` of the targets that were silent at the last look at the records.
    silent: BTreeSet<i32>,
    read_at: Option<Timestamp>,
}

impl ArrivalWatch {
    /// What is known where nothing is asked.
    pub(in crate::sqlserver) fn at_rest(&self) -> Collected<Arrivals> {
        self.collected(self.price(), None)
    }

    /// Asks what is due. The second answer is why the batch did not reach its end.
    pub(in crate::sqlserver) async fn look(
        &mut self,
        session: &mut Session,
        targets: Option<&Targets>,
        msdb: &str,
        deadline: Instant,
    ) -> (Collected<Arrivals>, Option<BatchError>) {
        self.permitted = session.capabilities.complete_for(Collector::Arrivals);
        let Some(targets) = targets.filter(|_| self.permitted) else { return (self.at_rest(), None) };
        let silent: BTreeSet<i32> =
            targets.rows.iter().filter(|row| row.is_silent(targets.now)).map(|row| row.server_id).collect();
        let due = self.due(&silent);
        if due.is_empty() {
            return (self.at_rest(), None);
        }
        let mut harvest = Harvest::default();
        let text = batch::text(&due, msdb);
        let running = batch::run(&mut session.client, &text, &due, |_| Some(CAP), &mut harvest);
        let end = match timeout_at(deadline, running).await {
            Ok(result) => result.err(),
            Err(_) => Some(BatchError::Deadline),
        };
        if due.contains(&Set::Arrivals) {
            self.silent = silent;
        }
        let fault = due.iter().find_map(|set| fault(*set, &harvest, end.as_ref()));
        let read_at = Timestamp::now();
        let mut took = Duration::ZERO;
        for set in due {
            let closing = harvest.closed.get(&set);
            let price = closing.map_or(CAP, |closing| closing.took);
            took += price;
            let kept = Some(Kept::new((), read_at, price));
            if set == Set::Arrivals { self.records = kept } else { self.sessions = kept }
        }
        if fault.is_none() {
            self.read_at = Some(read_at);
            if self.records.as_ref().is_some_and(|kept| kept.read_at == read_at) {
                let rows = std::mem::take(&mut harvest.rows.arrivals);
                self.history.add_records(rows, targets.now, targets.started);
            }
            self.history.add_connected(std::mem::take(&mut harvest.rows.connected), targets.now);
        }
        (self.collected(took, fault), end)
    }

    /// The statements to send now. None while no target is silent.
    fn due(&self, silent: &BTreeSet<i32>) -> Vec<Set> {
        if silent.is_empty() {
            return Vec::new();
        }
        let fresh = !silent.is_subset(&self.silent);
        let every = if fresh { RECORDS_AT_MOST_EVERY } else { RECORDS_EVERY };
        let is_due = |kept: &Option<Kept<()>>, every| kept.as_ref().is_none_or(|kept| kept.is_due(every));
        let mut due = Vec::new();
        if is_due(&self.sessions, Duration::ZERO) {
            due.push(Set::Connected);
        }
        if is_due(&self.records, every) {
            due.push(Set::Arrivals);
        }
        due
    }

    fn price(&self) -> Duration {
        [&self.records, &self.sessions].into_iter().flatten().map(|kept| kept.took).sum()
    }

    fn collected(&self, duration: Duration, fault: Option<Fault>) -> Collected<Arrivals> {
        let (covered_since, covered_until) = self.history.covered();
        let rows = Arrivals {
            permitted: self.permitted,
            covered_since,
            covered_until,
            records: self.history.records(),
            sightings: self.history.sightings(),
        };
        let report = CollectorReport {
            collector: Collector::Arrivals,
            duration,
            permission: self.permitted,
            read_at: self.read_at.filter(|_| fault.is_none()),
            fault,
        };
        Collected { rows: report.fault.is_none().then_some(rows), report }
    }
}

/// Why the rows of a set are not whole, if they are not.
fn fault(set: Set, harvest: &Harvest, end: Option<&BatchError>) -> Option<Fault> {
    match harvest.closed.get(&set) {
        Some(closing) if closing.error == 0 => harvest.misfits.get(&set).cloned().map(Fault::from),
        Some(closing) => {
            let text = match end {
                Some(BatchError::Driver(DriverError::Server(token))) if token.code() == closing.error => {
                    Some(token.message())
                }
                _ => None,
            };
            Some(faults::on_statement(closing.error, text))
        }
        None => Some(match end {
            Some(BatchError::Driver(error)) => faults::on_reading(error),
            Some(BatchError::CellError(misfit)) => Fault::from(misfit.clone()),
            Some(BatchError::OverCap(set, cap)) => {
                Fault::timed_out(Stage::Query, &format!("statement {}", set.name()), *cap)
            }
            Some(BatchError::Deadline) => Fault {
                stage: Stage::Query,
                timeout: true,
                message: "the time for the whole reading was up while the master was asked who arrives".to_owned(),
                hint: None,
            },
            None => Fault::new(Stage::Decode, format!("the answer ended before set {}", set.name())),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(took: Duration) -> Option<Kept<()>> {
        Some(Kept::new((), Timestamp::UNIX_EPOCH, took))
    }

    fn after_a_look(price_of_records: Duration) -> ArrivalWatch {
        let cheap = Duration::from_millis(3);
        let (records, sessions) = (asked(price_of_records), asked(cheap));
        ArrivalWatch { records, sessions, silent: BTreeSet::from([1]), ..ArrivalWatch::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_while_no_target_is_silent() {
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::new()), []);
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::from([1])), [Set::Connected, Set::Arrivals]);
    }

    #[tokio::test(start_paused = true)]
    async fn records_are_asked_for_every_five_minutes_and_sooner_for_one_that_has_just_fallen_silent() {
        let watch = after_a_look(Duration::from_millis(20));
        let (same, more) = (BTreeSet::from([1]), BTreeSet::from([1, 2]));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert_eq!(watch.due(&more), [Set::Connected]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), [Set::Connected, Set::Arrivals]);
        assert_eq!(watch.due(&same), [Set::Connected]);
        tokio::time::advance(Duration::from_secs(270)).await;
        assert_eq!(watch.due(&same), [Set::Connected, Set::Arrivals]);
        assert_eq!(watch.due(&BTreeSet::new()), []);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expensive_look_rests_for_a_hundred_times_its_price_in_every_case() {
        let watch = after_a_look(Duration::from_secs(2));
        let more = BTreeSet::from([1, 2]);
        tokio::time::advance(Duration::from_millis(199_999)).await;
        assert_eq!(watch.due(&more), [Set::Connected]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), [Set::Connected, Set::Arrivals]);
    }
}
