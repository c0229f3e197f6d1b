//! When the master is asked who arrives: while a target is silent, and gently.

use super::history::History;
use super::master_state::{MasterState, StateSets, UnlistedPolls};
use super::{ARRIVALS, ArrivalRow, Arrivals, CAP, CONNECTED, ConnectedRow, Interruptions, NEEDS};
use crate::collectors::assemble::incomplete;
use crate::collectors::reading::{Collected, CollectorReport};
use crate::collectors::result_cache::{Kept, REST};
use crate::collectors::targets::Targets;
use crate::model::{Collector, Stage};
use crate::sqlserver::{BatchError, Capabilities, Clock, Context, MissingRight, ReadError, ResultSet, Session, Set};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A look and the acknowledgement of its end take no longer.
pub const LOOK_ENDS_WITHIN: Duration = Duration::from_millis(2_500);
/// The ring buffer is expensive to read: the view builds the texts of all ring buffers before it leaves most of them out.
const RECORDS_EVERY: Duration = Duration::from_secs(5 * 60);
/// A target that has just fallen silent, or whose page is opened, is worth a look of its own, but not more often than this.
const RECORDS_AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// The list of locks is long on a busy master.
const STATE_EVERY: Duration = Duration::from_secs(60);
/// A look that was interrupted so often in a row may go on while a scrape waits that has the time.
const INTERRUPTED_TOO_OFTEN: u32 = 3;

/// Ends a look.
#[derive(Debug)]
pub(in crate::collectors) struct Interrupt(Arc<Notify>);

/// What ends a look when it comes.
#[derive(Debug)]
pub(in crate::collectors) struct Interrupted(Arc<Notify>);

impl Interrupt {
    pub(in crate::collectors) fn new() -> (Interrupt, Interrupted) {
        let notify = Arc::<Notify>::default();
        (Interrupt(notify.clone()), Interrupted(notify))
    }

    pub(in crate::collectors) fn send(&self) {
        self.0.notify_one();
    }
}

/// What was found so far, and when it may be asked for again.
#[derive(Debug, Default)]
pub(in crate::collectors) struct ArrivalWatch {
    history: History,
    permitted: bool,
    missing: Vec<MissingRight>,
    /// The last look at the records.
    records: Option<Glance>,
    sessions: Option<Glance>,
    state: Option<Glance>,
    master_state: Option<MasterState>,
    polls: UnlistedPolls,
    /// `server_id` of the targets that were silent at the last look at the records.
    silent: BTreeSet<i32>,
    /// Somebody opened the page of a silent target, and the records were not read since.
    wished: bool,
    /// When a look last succeeded, and why the last one did not.
    read_at: Option<Timestamp>,
    fault: Option<ReadError>,
    /// Looks that were interrupted since the last one at the records that was not.
    interrupted: u32,
}

/// The last look of a kind with its price, whether it succeeded or not.
#[derive(Debug)]
struct Glance {
    kept: Kept<()>,
    /// Whether it was interrupted: it is tried again once its price was rested for.
    interrupted: bool,
}

impl Glance {
    fn new(price: Price) -> Glance {
        Glance { kept: Kept::new((), Timestamp::now(), price.took), interrupted: price.interrupted }
    }

    fn is_due(&self, every: Duration) -> bool {
        self.rests(every).is_zero()
    }

    fn rests(&self, every: Duration) -> Duration {
        self.kept.rests(if self.interrupted { self.kept.took.saturating_mul(REST) } else { every })
    }
}

/// What a set cost.
#[derive(Debug, Clone, Copy, Default)]
struct Price {
    took: Duration,
    interrupted: bool,
}

impl Price {
    fn and(self, other: Price) -> Price {
        Price { took: self.took + other.took, interrupted: self.interrupted || other.interrupted }
    }
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

/// How the batch of a look ended.
struct Ended {
    end: Option<BatchError>,
    broken: Option<ReadError>,
    /// The set in which it ended early, and how long that had run.
    culprit: Option<(&'static str, Duration)>,
}

impl Ended {
    fn new(sets: &[&mut dyn Set], end: Option<BatchError>, after: Duration) -> Ended {
        let closed: Duration = sets.iter().filter_map(|set| set.outcome().closing).map(|closing| closing.took).sum();
        let open = sets.iter().find(|set| set.outcome().closing.is_none());
        let culprit = open.map(|set| (set.statement().name, after.saturating_sub(closed)));
        Ended { broken: end.as_ref().map(|end| in_words(end, after)), end, culprit }
    }

    fn is_interrupted(&self) -> bool {
        matches!(self.end, Some(BatchError::Interrupted))
    }

    fn fault(&self, set: &dyn Set) -> Option<ReadError> {
        incomplete(set.statement().name, set.outcome(), self.end.as_ref(), self.broken.as_ref())
    }

    /// What a set cost: all that it may where the batch ended in it. `None` for one behind that, which was not reached.
    fn price(&self, set: &dyn Set) -> Option<Price> {
        if let Some(closing) = set.outcome().closing {
            return Some(Price { took: closing.took, interrupted: false });
        }
        let (_, ran) = self.culprit.filter(|(name, _)| *name == set.statement().name)?;
        let interrupted = self.is_interrupted();
        Some(Price { took: if interrupted { ran } else { CAP }, interrupted })
    }
}

impl ArrivalWatch {
    /// What earlier looks found, for a reading of these targets. While no target is silent no one asks for it, so it is not
    /// copied.
    pub(in crate::collectors) fn known(
        &mut self,
        capabilities: Option<&Capabilities>,
        msdb: &str,
        targets: Option<&Targets>,
    ) -> Collected<Arrivals> {
        if let Some(capabilities) = capabilities {
            self.missing = capabilities.missing_rights(&NEEDS, msdb);
            self.permitted = self.missing.is_empty();
        }
        if let Some(targets) = targets {
            self.polls.compare(targets);
            if silent_of(targets).is_empty() {
                (self.fault, self.wished) = (None, false);
                let rows = Arrivals { permitted: self.permitted, ..Arrivals::default() };
                return Collected { report: self.report(self.price()), rows: Some(Arc::new(rows)) };
            }
        }
        self.collected(self.price())
    }

    /// Whether looks were interrupted so often that the next one needs its time.
    pub(in crate::collectors) fn insists(&self) -> bool {
        self.interrupted >= INTERRUPTED_TOO_OFTEN
    }

    /// Counts how a look ended. Looks at the sessions alone are short: that one reached its end says nothing of one at the
    /// records.
    fn count(&mut self, asked: Due, interrupted: bool) {
        if interrupted {
            self.postpone();
        } else if asked.records {
            self.interrupted = 0;
        }
    }

    /// Counts a look that could not even begin.
    pub(in crate::collectors) fn postpone(&mut self) {
        self.interrupted = self.interrupted.saturating_add(1);
    }

    /// Asks what is due. The second answer is why the batch did not reach its end. `None` where nothing was asked.
    pub(in crate::collectors) async fn look(
        &mut self,
        session: &mut Session,
        targets: &Targets,
        msdb: &str,
        wished: bool,
        interrupted: Interrupted,
    ) -> Option<(Collected<Arrivals>, Option<BatchError>)> {
        let silent = silent_of(targets);
        if !self.permitted || silent.is_empty() {
            return None;
        }
        self.wished |= wished;
        let asked = self.due(&silent);
        let mut due = DueSets::new(asked);
        let mut sets = due.all();
        if sets.is_empty() {
            return None;
        }
        let start = Instant::now();
        // No column of these is a local time.
        let mut clock = Clock::default();
        let mut context = Context::new(&mut clock);
        let result = tokio::select! {
            biased;
            () = interrupted.0.notified() => Err(BatchError::Interrupted),
            // All of them together: each within its own cap might still use up the time of several.
            asked = timeout_at(start + CAP, session.ask(msdb, &mut sets, &mut context, None)) => {
                asked.unwrap_or(Err(BatchError::Deadline))
            }
        };
        let ended = Ended::new(&sets, result.err(), start.elapsed());
        let fault = sets.iter().find_map(|set| ended.fault(&**set));
        let took = sets.iter().filter_map(|set| ended.price(&**set)).map(|price| price.took).sum();
        self.take(due, silent, targets, &ended);
        self.count(asked, ended.is_interrupted());
        if !ended.is_interrupted() {
            if fault.is_none() {
                self.read_at = Some(Timestamp::now());
            }
            self.fault = fault;
        }
        Some((self.collected(took), ended.end))
    }

    /// Takes in what came. Each set counts by itself; one that was not reached stays due.
    fn take(&mut self, due: DueSets, silent: BTreeSet<i32>, targets: &Targets, ended: &Ended) {
        let now = targets.clock.now;
        if let Some(set) = due.connected
            && let Some(price) = ended.price(&set)
        {
            self.sessions = Some(Glance::new(price));
            if ended.fault(&set).is_none() {
                self.history.add_connected(set.rows, now);
            }
        }
        if let Some(mut sets) = due.state
            && let Some(price) = sets.all().iter().filter_map(|set| ended.price(&**set)).reduce(Price::and)
        {
            self.state = Some(Glance::new(price));
            if sets.all().iter().all(|set| ended.fault(&**set).is_none()) {
                self.master_state = Some(sets.collect(now, &mut self.polls));
            }
        }
        if let Some(set) = due.arrivals
            && let Some(price) = ended.price(&set)
        {
            self.records = Some(Glance::new(price));
            if !price.interrupted {
                (self.silent, self.wished) = (silent, false);
            }
            if ended.fault(&set).is_none() {
                self.history.add_records(set.rows, now, targets.clock.started);
            }
        }
    }

    /// What to ask now.
    fn due(&self, silent: &BTreeSet<i32>) -> Due {
        let fresh = self.wished || !silent.is_subset(&self.silent);
        let every = if fresh { RECORDS_AT_MOST_EVERY } else { RECORDS_EVERY };
        // Readings may come each second, so these rest however cheap they are.
        let rest = self.sessions.as_ref().map_or(Duration::ZERO, |last| last.kept.took * REST);
        let is_due = |last: &Option<Glance>, every| last.as_ref().is_none_or(|last| last.is_due(every));
        Due {
            sessions: is_due(&self.sessions, rest),
            state: is_due(&self.state, every.min(STATE_EVERY)),
            records: is_due(&self.records, every),
        }
    }

    fn price(&self) -> Duration {
        [&self.records, &self.sessions, &self.state].into_iter().flatten().map(|last| last.kept.took).sum()
    }

    /// One look that fails takes nothing away: what earlier looks found says how old it is.
    fn collected(&self, duration: Duration) -> Collected<Arrivals> {
        let (covered_since, covered_until) = self.history.covered();
        let rows = Arrivals {
            permitted: self.permitted,
            covered_since,
            covered_until,
            records: self.history.records(),
            connected_at: self.history.connected_at(),
            sightings: self.history.sightings(),
            state: self.master_state.clone().map(|state| self.polls.complete(state)),
            interruptions: self.interruptions(),
        };
        Collected { report: self.report(duration), rows: Some(Arc::new(rows)) }
    }

    fn interruptions(&self) -> Option<Interruptions> {
        let ended = self.records.as_ref().is_none_or(|last| last.interrupted);
        let next_attempt = || self.records.as_ref().map_or(Duration::ZERO, |last| last.rests(Duration::ZERO));
        (self.interrupted > 0 && ended).then(|| Interruptions { looks: self.interrupted, next_attempt: next_attempt() })
    }

    /// In how long the most expensive of the last looks has rested.
    fn next_attempt(&self) -> Option<Duration> {
        let looks = [&self.records, &self.sessions, &self.state].into_iter().flatten();
        looks.map(|last| last.rests(Duration::ZERO)).max().filter(|rest| !rest.is_zero())
    }

    fn report(&self, duration: Duration) -> CollectorReport {
        let fault = self.fault.clone().filter(|_| self.permitted);
        let fault = fault.map(|fault| ReadError { next_attempt: self.next_attempt(), ..fault });
        let read_at = self.read_at.filter(|_| fault.is_none());
        let (permission, missing) = (self.permitted, self.missing.clone());
        CollectorReport { collector: Collector::Arrivals, duration, permission, missing, read_at, fault }
    }
}

fn silent_of(targets: &Targets) -> BTreeSet<i32> {
    let silent = targets.rows.iter().filter(|row| row.is_silent(targets.clock.now));
    silent.map(|row| row.server_id).collect()
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

    fn asked(took: Duration) -> Option<Glance> {
        Some(Glance::new(Price { took, interrupted: false }))
    }

    fn after_a_look(price_of_records: Duration) -> ArrivalWatch {
        let cheap = Duration::from_millis(3);
        let (records, sessions, state) = (asked(price_of_records), asked(cheap), asked(cheap));
        ArrivalWatch { records, sessions, state, silent: BTreeSet::from([1]), ..ArrivalWatch::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn at_first_everything_is_asked() {
        assert_eq!(ArrivalWatch::default().due(&BTreeSet::from([1])), ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn records_are_asked_for_every_five_minutes_and_sooner_for_one_that_has_just_fallen_silent() {
        let watch = after_a_look(Duration::from_millis(20));
        let (same, more) = (BTreeSet::from([1]), BTreeSet::from([1, 2]));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert_eq!(watch.due(&more), SESSIONS);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), ALL);
        assert_eq!(watch.due(&same), SESSIONS);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(watch.due(&same), STATE_TOO);
        tokio::time::advance(Duration::from_secs(240)).await;
        assert_eq!(watch.due(&same), ALL);
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
    async fn a_page_that_is_opened_too_soon_for_a_look_has_it_as_soon_as_it_may_be() {
        let watch = ArrivalWatch { wished: true, ..after_a_look(Duration::from_millis(20)) };
        let silent = BTreeSet::from([1]);
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(watch.due(&silent), SESSIONS);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(watch.due(&silent), ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_interrupted_is_tried_again_once_its_price_was_rested_for() {
        let mut watch = after_a_look(Duration::from_millis(20));
        watch.records = Some(Glance::new(Price { took: Duration::from_millis(100), interrupted: true }));
        let silent = BTreeSet::from([1]);
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert_eq!(watch.due(&silent), SESSIONS);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&silent), RECORDS_TOO);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_were_ended_are_counted_until_one_reaches_its_end_and_say_when_the_next_may_begin() {
        let mut watch = after_a_look(Duration::from_millis(20));
        assert_eq!(watch.interruptions(), None);
        watch.records = Some(Glance::new(Price { took: Duration::from_millis(100), interrupted: true }));
        for (asked, interrupted) in [(ALL, true), (SESSIONS, false), (ALL, true), (SESSIONS, false), (ALL, true)] {
            assert!(!watch.insists());
            watch.count(asked, interrupted);
        }
        tokio::time::advance(Duration::from_secs(4)).await;
        let expected = Interruptions { looks: 3, next_attempt: Duration::from_secs(6) };
        assert_eq!((watch.interruptions(), watch.insists()), (Some(expected), true));
        watch.records = asked(Duration::from_millis(20));
        assert_eq!(watch.interruptions(), None, "what was ended then was a look at the sessions");
        watch.count(ALL, false);
        assert!(!watch.insists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_failed_says_when_the_next_may_begin() {
        let fault = ReadError::new(Stage::Query, "it was not answered");
        let watch = ArrivalWatch { permitted: true, fault: Some(fault), ..after_a_look(CAP) };
        let next = || watch.report(Duration::ZERO).fault.and_then(|fault| fault.next_attempt);
        tokio::time::advance(Duration::from_secs(80)).await;
        assert_eq!(next(), Some(Duration::from_secs(120)));
        tokio::time::advance(Duration::from_secs(120)).await;
        assert_eq!(next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expensive_look_rests_for_a_hundred_times_its_price_in_every_case() {
        let watch = ArrivalWatch { wished: true, ..after_a_look(Duration::from_secs(2)) };
        let more = BTreeSet::from([1, 2]);
        tokio::time::advance(Duration::from_millis(199_999)).await;
        assert_eq!(watch.due(&more), STATE_TOO);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watch.due(&more), ALL);
    }
}
