//! When the master is asked who arrives: while a target is silent, and gently.

use super::history::History;
use super::master_state::{MasterState, StateSets, UnlistedPolls};
use super::{ARRIVALS, ArrivalRow, Arrivals, CAP, CONNECTED, ConnectedRow, NEEDS};
use crate::collectors::assemble::incomplete;
use crate::collectors::reading::{Collected, CollectorReport};
use crate::collectors::result_cache::{Kept, REST, is_due};
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
/// The list of locks is long on a busy master.
const STATE_EVERY: Duration = Duration::from_secs(60);

/// What was found so far, and when it may be asked for again.
#[derive(Debug, Default)]
pub(in crate::collectors) struct ArrivalWatch {
    history: History,
    permitted: bool,
    /// The last look at the records and its price, whether it succeeded or not.
    records: Option<Kept<()>>,
    /// The same for the sessions.
    sessions: Option<Kept<()>>,
    /// The same for the master's own state, with what was found.
    state: Option<Kept<Option<MasterState>>>,
    polls: UnlistedPolls,
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
    state: bool,
    records: bool,
}

/// The sets that are asked for; what is most expensive comes last.
struct DueSets {
    connected: Option<ResultSet<ConnectedRow>>,
    state: Option<StateSets>,
    arrivals: Option<ResultSet<ArrivalRow>>,
}

impl DueSets {
    fn new(due: Due) -> DueSets {
        DueSets {
            connected: due.sessions.then(|| ResultSet::of(&CONNECTED)),
            state: due.state.then(StateSets::new),
            arrivals: due.records.then(|| ResultSet::of(&ARRIVALS)),
        }
    }

    fn all(&mut self) -> Vec<&mut dyn Set> {
        let mut sets: Vec<&mut dyn Set> = Vec::new();
        sets.extend(self.connected.as_mut().map(|set| set as &mut dyn Set));
        sets.extend(self.state.as_mut().into_iter().flat_map(StateSets::all));
        sets.extend(self.arrivals.as_mut().map(|set| set as &mut dyn Set));
        sets
    }
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
        self.polls.compare(targets);
        let mut due = DueSets::new(self.due(&silent));
        let mut sets = due.all();
        if sets.is_empty() {
            return (if silent.is_empty() { self.unasked() } else { self.at_rest() }, None);
        }
        let start = Instant::now();
        // All of them together: each within its own cap might still use up the time that a scrape has.
        let deadline = deadline.min(start + CAP);
        // No column of these is a local time.
        let mut clock = Clock::default();
        let mut context = Context::new(&mut clock);
        let asked = timeout_at(deadline, session.ask(msdb, &mut sets, &mut context, None)).await;
        let end = asked.unwrap_or(Err(BatchError::Deadline)).err();
        let broken = end.as_ref().map(|end| in_words(end, start.elapsed()));
        let fault_of = |set: &dyn Set| incomplete(set.statement().name, set.outcome(), end.as_ref(), broken.as_ref());
        let fault = sets.iter().find_map(|set| fault_of(&**set));
        let culprit = sets.iter().find(|set| set.outcome().closing.is_none()).map(|set| set.statement().name);
        let price = |set: &dyn Set| price(set, culprit);
        let took = sets.iter().filter_map(|set| price(&**set)).sum();
        self.take(due, silent, targets, |set| fault_of(set).is_none(), price);
        if fault.is_none() {
            self.read_at = Some(Timestamp::now());
        }
        (self.collected(took, fault), end)
    }

    /// Takes in what came. Each set counts by itself; one that was not reached stays due.
    fn take(
        &mut self,
        due: DueSets,
        silent: BTreeSet<i32>,
        targets: &Targets,
        is_fine: impl Fn(&dyn Set) -> bool,
        price: impl Fn(&dyn Set) -> Option<Duration>,
    ) {
        let (read_at, now) = (Timestamp::now(), targets.clock.now);
        if let Some(set) = due.connected
            && let Some(took) = price(&set)
        {
            self.sessions = Some(Kept::new((), read_at, took));
            if is_fine(&set) {
                self.history.add_connected(set.rows, now);
            }
        }
        if let Some(mut sets) = due.state
            && let Some(took) = sets.all().iter().filter_map(|set| price(&**set)).reduce(|sum, took| sum + took)
        {
            let fine = sets.all().iter().all(|set| is_fine(&**set));
            let state = if fine { Some(sets.collect(now, &mut self.polls)) } else { self.known_state() };
            self.state = Some(Kept::new(state, read_at, took));
        }
        if let Some(set) = due.arrivals
            && let Some(took) = price(&set)
        {
            self.records = Some(Kept::new((), read_at, took));
            self.silent = silent;
            if is_fine(&set) {
                self.history.add_records(set.rows, now, targets.clock.started);
            }
        }
    }

    fn known_state(&self) -> Option<MasterState> {
        self.state.as_ref().and_then(|kept| kept.rows.clone())
    }

    /// What to ask now. Nothing while no target is silent.
    fn due(&self, silent: &BTreeSet<i32>) -> Due {
        if silent.is_empty() {
            return Due::default();
        }
        let fresh = self.requested.swap(false, Ordering::Relaxed) || !silent.is_subset(&self.silent);
        let every = if fresh { RECORDS_AT_MOST_EVERY } else { RECORDS_EVERY };
        // Readings may come each second, so these rest however cheap they are.
        let rest = self.sessions.as_ref().map_or(Duration::ZERO, |kept| kept.took * REST);
        Due {
            sessions: is_due(self.sessions.as_ref(), rest),
            state: is_due(self.state.as_ref(), STATE_EVERY),
            records: is_due(self.records.as_ref(), every),
        }
    }

    fn price(&self) -> Duration {
        let state = self.state.as_ref().map(|kept| kept.took);
        [&self.records, &self.sessions].into_iter().flatten().map(|kept| kept.took).chain(state).sum()
    }

    fn collected(&self, duration: Duration, fault: Option<ReadError>) -> Collected<Arrivals> {
        let (covered_since, covered_until) = self.history.covered();
        let rows = Arrivals {
            permitted: self.permitted,
            covered_since,
            covered_until,
            records: self.history.records(),
            connected_at: self.history.connected_at(),
            sightings: self.history.sightings(),
            state: self.known_state(),
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

/// What a set cost: all that it may where the batch ended in it. `None` for one behind that, which was not reached.
fn price(set: &dyn Set, culprit: Option<&str>) -> Option<Duration> {
    let ended_here = || (culprit == Some(set.statement().name)).then_some(CAP);
    set.outcome().closing.map(|closing| closing.took).or_else(ended_here)
}

/// Why the batch broke off.
fn in_words(end: &BatchError, after: Duration) -> ReadError {
    match end {
        BatchError::Deadline => ReadError {
            timeout: true,
            ..ReadError::new(Stage::Query, "the time for it was up while the master was asked who arrives")
        },
        other => other.read_error(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Due = Due { sessions: false, state: false, records: false };
    const SESSIONS: Due = Due { sessions: true, ..NOTHING };
    const STATE_TOO: Due = Due { state: true, ..SESSIONS };
    const ALL: Due = Due { records: true, ..STATE_TOO };
    const RECORDS_TOO: Due = Due { records: true, ..SESSIONS };

    fn asked(took: Duration) -> Option<Kept<()>> {
        Some(Kept::new((), Timestamp::UNIX_EPOCH, took))
    }

    fn after_a_look(price_of_records: Duration) -> ArrivalWatch {
        let cheap = Duration::from_millis(3);
        let (records, sessions) = (asked(price_of_records), asked(cheap));
        let state = Some(Kept::new(None, Timestamp::UNIX_EPOCH, cheap));
        ArrivalWatch { records, sessions, state, silent: BTreeSet::from([1]), ..ArrivalWatch::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_while_no_target_is_silent() {
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::new()), NOTHING);
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::from([1])), ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn records_are_asked_for_every_five_minutes_and_sooner_for_one_that_has_just_fallen_silent() {
        let watch = after_a_look(Duration::from_millis(20));
        let (same, more) = (BTreeSet::from([1]), BTreeSet::from([1, 2]));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert_eq!(watch.due(&more), SESSIONS);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), RECORDS_TOO);
        assert_eq!(watch.due(&same), SESSIONS);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(watch.due(&same), STATE_TOO);
        tokio::time::advance(Duration::from_secs(240)).await;
        assert_eq!(watch.due(&same), ALL);
        assert_eq!(watch.due(&BTreeSet::new()), NOTHING);
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_are_cheap_to_read_take_no_more_than_a_hundredth_either() {
        let watch = ArrivalWatch { sessions: asked(Duration::from_millis(100)), ..after_a_look(Duration::ZERO) };
        let silent = BTreeSet::from([1]);
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert_eq!(watch.due(&silent), NOTHING);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&silent), SESSIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn who_opens_a_page_has_a_look_of_the_last_thirty_seconds() {
        let requested = Arc::<AtomicBool>::default();
        let watch = ArrivalWatch { requested: requested.clone(), ..after_a_look(Duration::from_millis(20)) };
        let silent = BTreeSet::from([1]);
        for (seconds, due) in [(29, SESSIONS), (1, RECORDS_TOO)] {
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
        assert_eq!(watch.due(&more), STATE_TOO);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), ALL);
    }
}
