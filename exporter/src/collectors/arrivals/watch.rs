//! When the master is asked who arrives: while a target is silent, and gently.

use super::history::History;
use super::{ARRIVALS, ArrivalRow, Arrivals, CAP, CONNECTED, ConnectedRow, NEEDS};
use crate::collectors::assemble::incomplete;
use crate::collectors::reading::{Collected, CollectorReport};
use crate::collectors::result_cache::Kept;
use crate::collectors::targets::Targets;
use crate::model::{Collector, Stage};
use crate::sqlserver::{BatchError, Clock, Context, ReadError, ResultSet, Session, Set};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The ring buffer is expensive to read: the view builds the texts of all ring buffers before it leaves most of them out.
const RECORDS_EVERY: Duration = Duration::from_secs(5 * 60);
/// A target that has just fallen silent, or whose page is opened, is worth a look of its own, but not more often than this.
const RECORDS_AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// What was found so far, and when it may be asked for again.
#[derive(Debug, Default)]
pub(in crate::collectors) struct ArrivalWatch {
    history: History,
    permitted: bool,
    /// The last look at the records and its price, whether it succeeded or not.
    records: Option<Kept<()>>,
    /// The same for the sessions.
    sessions: Option<Kept<()>>,
    /// `server_id` of the targets that were silent at the last look at the records.
    silent: BTreeSet<i32>,
    read_at: Option<Timestamp>,
    /// Somebody looks at a silent target.
    requested: Arc<AtomicBool>,
}

/// What is to be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Due {
    sessions: bool,
    records: bool,
}

impl ArrivalWatch {
    pub(in crate::collectors) fn new(requested: Arc<AtomicBool>) -> ArrivalWatch {
        ArrivalWatch { requested, ..ArrivalWatch::default() }
    }

    /// What is known where nothing is asked.
    pub(in crate::collectors) fn at_rest(&self) -> Collected<Arrivals> {
        self.collected(self.price(), None)
    }

    /// What is reported while no target is silent: no one asks what is remembered, so it is not copied.
    fn unasked(&self) -> Collected<Arrivals> {
        let rows = Arrivals { permitted: self.permitted, ..Arrivals::default() };
        Collected { report: self.report(self.price(), None), rows: Some(Arc::new(rows)) }
    }

    /// Asks what is due. The second answer is why the batch did not reach its end.
    pub(in crate::collectors) async fn look(
        &mut self,
        session: &mut Session,
        targets: Option<&Targets>,
        msdb: &str,
        deadline: Instant,
    ) -> (Collected<Arrivals>, Option<BatchError>) {
        self.permitted = session.capabilities.complete_for(&NEEDS);
        let Some(targets) = targets.filter(|_| self.permitted) else { return (self.at_rest(), None) };
        let silent: BTreeSet<i32> =
            targets.rows.iter().filter(|row| row.is_silent(targets.clock.now)).map(|row| row.server_id).collect();
        let Due { sessions, records } = self.due(&silent);
        let mut connected = sessions.then(|| ResultSet::<ConnectedRow>::of(&CONNECTED));
        let mut arrivals = records.then(|| ResultSet::<ArrivalRow>::of(&ARRIVALS));
        let mut sets: Vec<&mut dyn Set> = Vec::new();
        sets.extend(connected.as_mut().map(|set| set as &mut dyn Set));
        sets.extend(arrivals.as_mut().map(|set| set as &mut dyn Set));
        if sets.is_empty() {
            return (if silent.is_empty() { self.unasked() } else { self.at_rest() }, None);
        }
        let start = Instant::now();
        // No column of these is a local time.
        let mut clock = Clock::default();
        let mut context = Context::new(&mut clock);
        let asked = timeout_at(deadline, session.ask(msdb, &mut sets, &mut context, None)).await;
        let end = asked.unwrap_or(Err(BatchError::Deadline)).err();
        let broken = end.as_ref().map(|end| in_words(end, start.elapsed()));
        let fault =
            sets.iter().find_map(|set| incomplete(set.statement().name, set.outcome(), end.as_ref(), broken.as_ref()));
        let read_at = Timestamp::now();
        let mut took = Duration::ZERO;
        let mut price = |set: &dyn Set| {
            let price = set.outcome().closing.map_or(CAP, |closing| closing.took);
            took += price;
            Some(Kept::new((), read_at, price))
        };
        if let Some(set) = &connected {
            self.sessions = price(set);
        }
        if let Some(set) = &arrivals {
            self.records = price(set);
            self.silent = silent;
        }
        if fault.is_none() {
            self.read_at = Some(read_at);
            if let Some(set) = arrivals {
                self.history.add_records(set.rows, targets.clock.now, targets.clock.started);
            }
            if let Some(set) = connected {
                self.history.add_connected(set.rows, targets.clock.now);
            }
        }
        (self.collected(took, fault), end)
    }

    /// What to ask now. Nothing while no target is silent.
    fn due(&self, silent: &BTreeSet<i32>) -> Due {
        if silent.is_empty() {
            return Due::default();
        }
        let fresh = self.requested.swap(false, Ordering::Relaxed) || !silent.is_subset(&self.silent);
        let every = if fresh { RECORDS_AT_MOST_EVERY } else { RECORDS_EVERY };
        let is_due = |kept: &Option<Kept<()>>, every| kept.as_ref().is_none_or(|kept| kept.is_due(every));
        Due { sessions: is_due(&self.sessions, Duration::ZERO), records: is_due(&self.records, every) }
    }

    fn price(&self) -> Duration {
        [&self.records, &self.sessions].into_iter().flatten().map(|kept| kept.took).sum()
    }

    fn collected(&self, duration: Duration, fault: Option<ReadError>) -> Collected<Arrivals> {
        let (covered_since, covered_until) = self.history.covered();
        let rows = Arrivals {
            permitted: self.permitted,
            covered_since,
            covered_until,
            records: self.history.records(),
            sightings: self.history.sightings(),
        };
        let report = self.report(duration, fault);
        // One look that fails takes nothing away: what earlier looks found says how old it is.
        Collected { rows: Some(Arc::new(rows)), report }
    }

    fn report(&self, duration: Duration, fault: Option<ReadError>) -> CollectorReport {
        CollectorReport {
            collector: Collector::Arrivals,
            duration,
            permission: self.permitted,
            read_at: self.read_at.filter(|_| fault.is_none()),
            fault,
        }
    }
}

/// Why the batch broke off.
fn in_words(end: &BatchError, after: Duration) -> ReadError {
    match end {
        BatchError::Deadline => ReadError {
            timeout: true,
            ..ReadError::new(Stage::Query, "the time for the reading was up while the master was asked who arrives")
        },
        other => other.read_error(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Due = Due { sessions: false, records: false };
    const SESSIONS: Due = Due { sessions: true, records: false };
    const BOTH: Due = Due { sessions: true, records: true };

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
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::new()), NOTHING);
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::from([1])), BOTH);
    }

    #[tokio::test(start_paused = true)]
    async fn records_are_asked_for_every_five_minutes_and_sooner_for_one_that_has_just_fallen_silent() {
        let watch = after_a_look(Duration::from_millis(20));
        let (same, more) = (BTreeSet::from([1]), BTreeSet::from([1, 2]));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert_eq!(watch.due(&more), SESSIONS);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), BOTH);
        assert_eq!(watch.due(&same), SESSIONS);
        tokio::time::advance(Duration::from_secs(270)).await;
        assert_eq!(watch.due(&same), BOTH);
        assert_eq!(watch.due(&BTreeSet::new()), NOTHING);
    }

    #[tokio::test(start_paused = true)]
    async fn who_opens_a_page_has_a_look_of_the_last_thirty_seconds() {
        let requested = Arc::<AtomicBool>::default();
        let watch = ArrivalWatch { requested: requested.clone(), ..after_a_look(Duration::from_millis(20)) };
        let silent = BTreeSet::from([1]);
        for (seconds, due) in [(29, SESSIONS), (1, BOTH)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            requested.store(true, Ordering::Relaxed);
            assert_eq!(watch.due(&silent), due);
            assert_eq!(watch.due(&silent), SESSIONS, "one request is one look");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_expensive_look_rests_for_a_hundred_times_its_price_in_every_case() {
        let watch = after_a_look(Duration::from_secs(2));
        let more = BTreeSet::from([1, 2]);
        tokio::time::advance(Duration::from_millis(199_999)).await;
        watch.requested.store(true, Ordering::Relaxed);
        assert_eq!(watch.due(&more), SESSIONS);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), BOTH);
    }
}
