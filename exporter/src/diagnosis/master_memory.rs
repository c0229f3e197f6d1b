//! What is remembered of the master itself: whether it was readable, where it was before it last started, what it
//! presented, whether its Agent and its operator were there, and how far its targets had polled and its instructions were
//! numbered.

use super::history::HistoryEvent;
use crate::collectors::{Downloads, ServerFacts, TargetRow, Targets};
use crate::model::figures::readable_instant;
use crate::model::{Certificate, HistoryKind, Stage};
use crate::sqlserver::ReadError;
use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

/// Two readings of the start of one instance differ by less.
const SAME_START: SignedDuration = SignedDuration::from_mins(1);
/// A last poll that went back by less was read with another rounding.
const WENT_BACK: SignedDuration = SignedDuration::from_mins(1);
/// A shift by a multiple of this is another belief about the zone of the master.
const ZONES_APART: i128 = 15 * 60 * 1_000;
/// A master whose last reading before its start is not known may have been down for so long, as while it is patched.
const DOWN_AT_MOST: SignedDuration = SignedDuration::from_hours(1);
/// What was posted sooner than this before an instant was posted before it, whatever summer time makes of the two.
const SURELY_BEFORE: SignedDuration = SignedDuration::from_hours(2);

/// Begins empty with the process: a move while no exporter ran is not seen.
#[derive(Debug, Default)]
pub(crate) struct MasterMemory {
    seen: Option<Seen>,
    start: Option<Start>,
    moved: Option<Moved>,
    /// By `server_id`: when it was enlisted, and its last poll.
    polls: HashMap<i32, (Timestamp, Timestamp)>,
    /// Whether its Agent ran, and whether its operator was there, when that was last known.
    agent_running: Option<bool>,
    operator_present: Option<bool>,
    /// The number that was last given to an instruction, and when that was read.
    last_number: Option<(i64, Timestamp)>,
    restored: Option<Restore>,
    /// The last one that was seen, and with which start of the master it became another.
    certificate: Option<Certificate>,
    certificate_changed: Option<Between>,
    /// Where the last reading of the targets stopped. `None` while they are read.
    stopped_at: Option<Stage>,
}

#[derive(Debug)]
struct Seen {
    started: Timestamp,
    server: ServerFacts,
}

/// The start since which the master runs.
#[derive(Debug)]
struct Start {
    at: Timestamp,
    /// The last reading before it, where there was one.
    read_before: Option<Timestamp>,
    last_read: Timestamp,
}

/// Between which instants something became another, by the master's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) after: Timestamp,
    pub(crate) by: Timestamp,
}

impl Between {
    /// Whether a target that was last fine at `fine` and was missed from `missed` on may have fallen silent over it.
    pub(crate) fn can_silence(self, fine: Timestamp, missed: Timestamp) -> bool {
        fine < self.by && self.after <= missed
    }
}

/// msdb went back to an earlier time.
#[derive(Debug)]
pub(crate) struct Restore {
    pub(crate) between: Between,
    /// By `server_id`: when it was enlisted, and its last poll, as they were before.
    polls: HashMap<i32, (Timestamp, Timestamp)>,
}

impl Restore {
    /// The last poll of a target, be it one that the restore took away.
    pub(crate) fn last_poll(&self, row: &TargetRow) -> Timestamp {
        let before = self.polls.get(&row.server_id).filter(|(enlisted, _)| *enlisted == row.enlisted_at);
        before.map_or(row.last_poll, |(_, at)| row.last_poll.max(*at))
    }
}

/// The master is not what or where it was before it last started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    /// From the last reading before its start to that start.
    pub(crate) between: Between,
    /// What is another: its computer, address, port or version.
    pub(crate) what: Vec<&'static str>,
}

impl MasterMemory {
    /// Notes a reading that did not get the targets, where the one before got further or not so far.
    pub(crate) fn observe_failure(&mut self, at: Timestamp, fault: &ReadError) -> Option<HistoryEvent> {
        let before = self.stopped_at.replace(fault.stage);
        (before != Some(fault.stage)).then(|| {
            let text = format!("The reading stops at: {}.", fault.stage.name());
            HistoryEvent::of_fleet(at, HistoryKind::MasterLost, text).with_detail(fault.message.as_str())
        })
    }

    /// Compares a reading with those before it, and says what changed. `at` is when it began.
    pub(crate) fn observe(
        &mut self,
        at: Timestamp,
        targets: &Targets,
        server: Option<&ServerFacts>,
        downloads: Option<&Downloads>,
    ) -> Vec<HistoryEvent> {
        let mut events = Vec::new();
        let mut note = |kind, text: String| events.push(HistoryEvent::of_fleet(at, kind, text));
        if self.stopped_at.take().is_some() {
            note(HistoryKind::MasterBack, String::new());
        }
        let started = targets.clock.started;
        let last_read = self.start.as_ref().map(|start| start.last_read);
        self.start = Some(Start::read(self.start.take(), started, targets.clock.now));
        if let Some(server) = server {
            let now = Seen { started, server: server.clone() };
            if self.seen.as_ref().is_some_and(|before| before.server.name != server.name) {
                // Another instance, as behind the listener of an availability group, has all of this for itself.
                (self.last_number, self.agent_running, self.operator_present) = (None, None, None);
            }
            if let Some(what) = self.seen.as_ref().filter(|before| before.restarted(&now)).map(|b| b.changed_to(&now)) {
                let when = format!("It started at {}", readable_instant(started));
                if what.is_empty() {
                    note(HistoryKind::MasterRestarted, format!("{when}."));
                } else {
                    note(HistoryKind::MasterMoved, format!("{when} with another {}.", what.join(", ")));
                    self.moved = Some(Moved { between: self.started(started), what });
                }
            }
            self.seen = Some(now);
            self.turned(server).for_each(|kind| note(kind, String::new()));
            if let Some(now) = &server.certificate {
                if self.certificate.as_ref().is_some_and(|before| before != now) {
                    note(HistoryKind::CertificateChanged, format!("It ends at {}.", readable_instant(now.not_after)));
                    self.certificate_changed = Some(self.started(started));
                }
                self.certificate = Some(now.clone());
            }
        }
        let polls = targets.rows.iter().map(|row| (row.server_id, (row.enlisted_at, row.last_poll))).collect();
        let before = std::mem::replace(&mut self.polls, polls);
        let went_back = [
            (polls_went_back(&before, targets), "Last polls went back."),
            (self.numbers_went_back(targets.clock.now, downloads), "The numbers of instructions went back."),
        ];
        if let Some((_, what)) = went_back.into_iter().find(|(went_back, _)| *went_back) {
            note(HistoryKind::MsdbRestored, what.to_owned());
            let by = targets.clock.now;
            self.restored = Some(Restore { between: Between { after: last_read.unwrap_or(by), by }, polls: before });
        }
        events
    }

    /// What became of its Agent and of its operator since they were last known.
    fn turned(&mut self, server: &ServerFacts) -> impl Iterator<Item = HistoryKind> + use<> {
        use HistoryKind::{MasterAgentStarted, MasterAgentStopped, OperatorBack, OperatorLost};
        [
            turned(&mut self.agent_running, server.agent_running, [MasterAgentStopped, MasterAgentStarted]),
            turned(&mut self.operator_present, server.operator_present, [OperatorLost, OperatorBack]),
        ]
        .into_iter()
        .flatten()
    }

    /// Between which instants the master came to run since a start. It is not read while it is down, and its targets do
    /// not poll then, so what it changed counts from the last reading before.
    pub(crate) fn started(&self, at: Timestamp) -> Between {
        let read = self.start.as_ref().filter(|start| is_same_start(start.at, at)).and_then(|start| start.read_before);
        let after = read.or_else(|| at.checked_sub(DOWN_AT_MOST).ok()).unwrap_or(at);
        Between { after: after.min(at), by: at }
    }

    /// Whether instructions are numbered lower than at the reading before, in a list that holds rows from before it. One
    /// that was truncated, as by `sp_resync_targetserver 'ALL'`, is numbered from one again and holds none.
    fn numbers_went_back(&mut self, now: Timestamp, downloads: Option<&Downloads>) -> bool {
        let Some((number, oldest)) = downloads.and_then(|list| Some((list.last_number?, list.oldest_posted))) else {
            return false;
        };
        self.last_number.replace((number, now)).is_some_and(|(before, at)| {
            number < before && oldest.is_some_and(|oldest| at.duration_since(oldest) > SURELY_BEFORE)
        })
    }

    /// What the master last said of itself since it started then: a reading that lacks it does not take it away.
    pub(crate) fn server_since(&self, started: Timestamp) -> Option<&ServerFacts> {
        let seen = self.seen.as_ref().filter(|seen| is_same_start(seen.started, started))?;
        Some(&seen.server)
    }

    /// The last move that was seen.
    pub(crate) fn moved(&self) -> Option<&Moved> {
        self.moved.as_ref()
    }

    /// With which start of the master it came to present another certificate than before, where that was seen.
    pub(crate) fn certificate_changed(&self) -> Option<Between> {
        self.certificate_changed
    }

    /// When last polls or numbers of instructions were seen to go back, as after a restore of msdb.
    pub(crate) fn restored(&self) -> Option<&Restore> {
        self.restored.as_ref()
    }
}

impl Start {
    /// The start that a reading shows, after the one that the reading before showed.
    fn read(before: Option<Start>, at: Timestamp, now: Timestamp) -> Start {
        let read_before = before.and_then(|before| match is_same_start(before.at, at) {
            true => before.read_before,
            false => Some(before.last_read),
        });
        Start { at, read_before, last_read: now }
    }
}

/// What happened to a state that was known to be another before. A reading that lacks it takes nothing away.
fn turned(known: &mut Option<bool>, now: Option<bool>, [ended, began]: [HistoryKind; 2]) -> Option<HistoryKind> {
    match (known.replace(now?), now?) {
        (Some(true), false) => Some(ended),
        (Some(false), true) => Some(began),
        _ => None,
    }
}

/// Whether any last poll is older than at the reading before.
fn polls_went_back(before: &HashMap<i32, (Timestamp, Timestamp)>, targets: &Targets) -> bool {
    targets.rows.iter().any(|row| {
        let before = before.get(&row.server_id).filter(|(enlisted, _)| *enlisted == row.enlisted_at);
        before.is_some_and(|(_, last_poll)| {
            let back = last_poll.duration_since(row.last_poll);
            // One that lies ahead was written by a clock that was put right since.
            *last_poll <= targets.clock.now && back > WENT_BACK && back.as_millis() % ZONES_APART != 0
        })
    })
}

fn is_same_start(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= SAME_START
}

impl Seen {
    fn restarted(&self, now: &Seen) -> bool {
        !is_same_start(self.started, now.started)
    }

    /// What is another after a start of the instance. Without one our own way to it may have changed.
    fn changed_to(&self, now: &Seen) -> Vec<&'static str> {
        let differs = |before: bool, name| before.then_some(name);
        let both =
            |one: Option<&String>, other: Option<&String>| one.zip(other).is_some_and(|(one, other)| one != other);
        let (was, is) = (&self.server.place, &now.server.place);
        let elsewhere =
            was.address.zip(is.address).is_some_and(|(was, is)| was != is && !was.is_loopback() && !is.is_loopback());
        [
            differs(both(was.node.as_ref(), is.node.as_ref()), "computer"),
            differs(elsewhere, "address"),
            differs(was.port.zip(is.port).is_some_and(|(was, is)| was != is), "port"),
            differs(self.server.version != now.server.version, "version"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::diagnosis::fixtures::{ago, polled_at, reading, target};
    use crate::sqlserver::Place;

    fn place(node: &str, address: &str, port: i64) -> Place {
        let (node, address) = (Some(node.to_owned()), crate::model::canonical(address));
        Place { local_name: None, node, address, port: Some(port) }
    }

    fn observed(
        memory: &mut MasterMemory,
        started: i64,
        place: Place,
        version: &str,
        polled: i64,
    ) -> Vec<HistoryEvent> {
        let rows = reading(vec![polled_at(target(1, "SQL01"), polled)]).targets.unwrap().rows.unwrap();
        let mut targets = Targets::clone(&rows);
        targets.clock.started = ago(started);
        let server = ServerFacts { version: version.into(), place, ..ServerFacts::default() };
        memory.observe(ago(0), &targets, Some(&server), None)
    }

    #[test]
    fn what_the_master_said_of_itself_holds_until_it_starts_again() {
        let mut memory = MasterMemory::default();
        observed(&mut memory, 90_000, place("NODE1", "10.0.0.1", 1433), "16.0.1", 20);
        let targets = reading(Vec::new()).targets.unwrap().rows.unwrap();
        memory.observe(ago(0), &targets, None, None);
        let node = |started| memory.server_since(ago(started)).and_then(|server| server.place.node.as_deref());
        assert_eq!((node(90_000), node(600)), (Some("NODE1"), None));
    }

    #[test]
    fn what_is_another_after_a_start_is_remembered_and_nothing_without_one() {
        let here = || place("NODE1", "10.0.0.1", 1433);
        for (place, version, started, what) in [
            (here(), "16.0.1", 600, &[][..]),
            (place("NODE2", "10.0.0.1", 1433), "16.0.1", 600, &["computer"]),
            (place("NODE2", "10.0.0.2", 1434), "16.0.2", 600, &["computer", "address", "port", "version"]),
            (place("NODE1", "127.0.0.1", 1433), "16.0.1", 600, &[]),
            (place("NODE1", "10.0.0.1", 1434), "16.0.1", 90_000, &[]),
        ] {
            let mut memory = MasterMemory::default();
            observed(&mut memory, 90_000, here(), "16.0.1", 20);
            let events = observed(&mut memory, started, place, version, 20);
            let between = Between { after: ago(600), by: ago(600) };
            let expected = (!what.is_empty()).then(|| Moved { between, what: what.to_vec() });
            assert_eq!(memory.moved(), expected.as_ref());
            let kind = match (started, what) {
                (90_000, _) => None,
                (_, []) => Some(HistoryKind::MasterRestarted),
                _ => Some(HistoryKind::MasterMoved),
            };
            assert_eq!(events.first().map(|event| event.kind), kind);
        }
    }

    #[test]
    fn what_becomes_of_the_agent_and_of_the_operator_is_noted_once_and_only_where_it_is_known() {
        use HistoryKind::{MasterAgentStarted, MasterAgentStopped, OperatorBack, OperatorLost};
        let (yes, no) = (Some(true), Some(false));
        let steps = [
            ("MSX01", no, yes, &[][..]),
            ("MSX01", no, yes, &[]),
            ("MSX01", yes, None, &[MasterAgentStarted]),
            ("MSX01", None, no, &[OperatorLost]),
            ("MSX01", no, no, &[MasterAgentStopped]),
            ("MSX01", yes, yes, &[MasterAgentStarted, OperatorBack]),
            // Another instance.
            ("MSX02", no, no, &[]),
            ("MSX02", no, yes, &[OperatorBack]),
        ];
        let mut memory = MasterMemory::default();
        let targets = reading(Vec::new()).targets.unwrap().rows.unwrap();
        for (step, (name, agent_running, operator_present, expected)) in steps.into_iter().enumerate() {
            let server = ServerFacts { name: name.into(), agent_running, operator_present, ..ServerFacts::default() };
            let events = memory.observe(ago(0), &targets, Some(&server), None);
            let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, expected, "{step}");
            assert!(memory.observe(ago(0), &targets, None, None).is_empty());
        }
    }

    #[test]
    fn last_polls_that_go_back_are_a_restore_unless_a_zone_explains_them() {
        for (first, later, restored) in [
            (20, 20, false),
            (20, 79, false),
            (20, 82, true),
            (20, 3_620, false),
            (20, 4_000, true),
            // It was written while the clock was ahead.
            (-700, 20, false),
        ] {
            let mut memory = MasterMemory::default();
            observed(&mut memory, 90_000, Place::default(), "16.0.1", first);
            observed(&mut memory, 90_000, Place::default(), "16.0.1", later);
            assert_eq!(memory.restored().is_some(), restored, "{later}");
        }
    }

    #[test]
    fn numbers_that_go_back_in_a_list_with_older_rows_are_a_restore() {
        let numbered = |last_number, oldest: Option<i64>| Downloads {
            last_number,
            oldest_posted: oldest.map(ago),
            ..Downloads::default()
        };
        for (first, later, oldest, restored) in [
            (Some(500), Some(499), Some(90_000), true),
            // What was deleted takes no number back.
            (Some(500), Some(500), Some(90_000), false),
            (Some(500), Some(500), None, false),
            (Some(500), Some(900), Some(90_000), false),
            // Truncated: nothing from before is there.
            (Some(500), Some(1), None, false),
            (Some(500), Some(7), Some(0), false),
            // Within an hour that was repeated, or of which the zone is not known.
            (Some(500), Some(7), Some(7_200), false),
            (Some(500), Some(7), Some(7_201), true),
            // Not visible.
            (None, Some(7), Some(90_000), false),
            (Some(500), None, Some(90_000), false),
        ] {
            let mut memory = MasterMemory::default();
            let targets = reading(Vec::new()).targets.unwrap().rows.unwrap();
            memory.observe(ago(0), &targets, None, Some(&numbered(first, Some(90_000))));
            let events = memory.observe(ago(0), &targets, None, Some(&numbered(later, oldest)));
            assert_eq!(memory.restored().is_some(), restored, "{first:?} {later:?} {oldest:?}");
            let said = events.first().map(|event| event.kind);
            assert_eq!(said, restored.then_some(HistoryKind::MsdbRestored));
            // A reading without the list takes nothing away, and what was seen is not seen twice.
            memory.observe(ago(0), &targets, None, None);
            assert!(memory.observe(ago(0), &targets, None, Some(&numbered(later, oldest))).is_empty());
        }
    }

    #[test]
    fn another_instance_at_the_same_address_has_numbers_of_its_own() {
        for (later, restored) in [("MSX01", true), ("MSX02", false)] {
            let mut memory = MasterMemory::default();
            let targets = reading(Vec::new()).targets.unwrap().rows.unwrap();
            for (name, number) in [("MSX01", 500), (later, 7)] {
                let list =
                    Downloads { last_number: Some(number), oldest_posted: Some(ago(90_000)), ..Downloads::default() };
                let server = ServerFacts { name: name.into(), ..ServerFacts::default() };
                memory.observe(ago(0), &targets, Some(&server), Some(&list));
            }
            assert_eq!(memory.restored().is_some(), restored, "{later}");
        }
    }
}
