//! What changed since the exporter started: the story of an incident.

use super::change::Change;
use crate::model::{Cause, HistoryKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Events that are kept of each target, and of each kind that is about none.
const OF_EACH: usize = 64;
/// Events that are kept in all: about 2 MB at their longest.
const IN_ALL: usize = 8_192;
/// Characters that are kept of a text.
const TEXT: usize = 240;
/// What stands for the rest of a text.
const CUT: char = '…';
/// What happened this close to a change may have to do with it.
pub(crate) const AROUND: SignedDuration = SignedDuration::from_mins(5);

/// Something that happened, with its time by this machine's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// When the reading began that showed it, or the configuration was loaded.
    pub at: Timestamp,
    /// What it is.
    pub kind: HistoryKind,
    /// The target's name. `None` for what concerns the master or the configuration.
    pub target: Option<String>,
    /// The cause before. `None` where the target was not known before, and for what concerns no target.
    pub from: Option<Cause>,
    /// The cause since then.
    pub to: Option<Cause>,
    /// The evidence, or what was seen.
    pub text: String,
    /// What only those may see who may see texts of errors and addresses.
    pub detail: Option<String>,
}

impl HistoryEvent {
    /// What concerns the master or the configuration.
    pub(crate) fn of_fleet(at: Timestamp, kind: HistoryKind, text: impl Into<String>) -> HistoryEvent {
        HistoryEvent { at, kind, target: None, from: None, to: None, text: cut(text.into()), detail: None }
    }

    /// What concerns one target.
    pub(crate) fn of_target(at: Timestamp, kind: HistoryKind, target: String) -> HistoryEvent {
        HistoryEvent { target: Some(target), ..HistoryEvent::of_fleet(at, kind, "") }
    }

    /// Whether the first reading found it so: nothing says that it changed then.
    pub fn is_found(&self) -> bool {
        self.kind == HistoryKind::CauseChanged && self.from.is_none()
    }

    /// Whether its text was longer.
    pub fn is_cut(&self) -> bool {
        self.text.ends_with(CUT) && self.text.chars().count() > TEXT
    }

    /// With a text that is not for everybody.
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> HistoryEvent {
        HistoryEvent { detail: Some(cut(detail.into())), ..self }
    }

    /// A change of cause. `kind` tells a target that was not there before from one whose cause changed.
    pub(crate) fn of_change(at: Timestamp, kind: HistoryKind, change: &Change) -> HistoryEvent {
        let evidence = change.evidence.first().map(|evidence| evidence.text.as_str());
        let text = change.ended.as_deref().into_iter().chain(evidence).collect::<Vec<_>>().join(" ");
        HistoryEvent {
            from: change.from,
            to: Some(change.to),
            text: cut(text),
            ..HistoryEvent::of_target(at, kind, change.target.clone())
        }
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT) {
        text.truncate(end);
        text.push(CUT);
    }
    text
}

/// One or several events of one reading that are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapter<'a> {
    /// The newest of them; the others are of the same kind, and have the same cause since.
    pub event: &'a HistoryEvent,
    /// The targets that they concern.
    pub targets: Vec<&'a str>,
}

impl<'a> Chapter<'a> {
    /// Puts together what one reading showed of several targets alike.
    pub(crate) fn of_each(events: impl Iterator<Item = &'a HistoryEvent>) -> Vec<Chapter<'a>> {
        let mut chapters: Vec<Chapter<'a>> = Vec::new();
        for event in events {
            let mut of_reading = chapters.iter_mut().rev().take_while(|chapter| chapter.event.at == event.at);
            match of_reading.find(|chapter| chapter.has_room_for(event)) {
                Some(chapter) => chapter.targets.extend(event.target.as_deref()),
                None => chapters.push(Chapter { event, targets: event.target.as_deref().into_iter().collect() }),
            }
        }
        // Those of one reading were recorded in the order of their names.
        chapters.iter_mut().for_each(|chapter| chapter.targets.reverse());
        chapters
    }

    fn has_room_for(&self, event: &HistoryEvent) -> bool {
        let alike = |event: &HistoryEvent| (event.kind, event.to);
        event.target.is_some() && alike(self.event) == alike(event)
    }
}

/// The events since the exporter started, bounded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// When the first reading began. `None` before it.
    since: Option<Timestamp>,
    /// Oldest first.
    events: VecDeque<Arc<HistoryEvent>>,
    /// How many were given up for newer ones.
    dropped: u64,
}

impl History {
    /// When the first reading began: nothing before is known.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// How many events were given up for newer ones.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The events, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &HistoryEvent> {
        self.events.iter().rev().map(Arc::as_ref)
    }

    /// The events of one target, the newest first.
    pub fn of<'a, 't: 'a>(&'a self, target: &'t str) -> impl Iterator<Item = &'a HistoryEvent> {
        self.newest_first().filter(move |event| event.target.as_deref() == Some(target))
    }

    /// What else happened in the minutes around an instant, the newest first.
    pub fn around<'a>(&'a self, target: &'a str, at: Timestamp) -> impl Iterator<Item = &'a HistoryEvent> {
        let others = self.newest_first().filter(move |event| event.target.as_deref() != Some(target));
        others.filter(move |event| event.at.duration_since(at).abs() <= AROUND)
    }

    /// Begins with a reading; fleets share the history until something happens.
    pub(crate) fn begin(history: &mut Arc<History>, at: Timestamp) {
        if history.since.is_none() {
            Arc::make_mut(history).since = Some(at);
        }
    }

    /// Adds what happened.
    pub(crate) fn record(history: &mut Arc<History>, events: Vec<HistoryEvent>) {
        if !events.is_empty() {
            Arc::make_mut(history).extend(events);
        }
    }

    fn extend(&mut self, events: Vec<HistoryEvent>) {
        self.events.extend(events.into_iter().map(Arc::new));
        let before = self.events.len();
        let mut kept: HashMap<(Option<&str>, Option<HistoryKind>), usize> = HashMap::new();
        let mut keep: Vec<bool> = self
            .events
            .iter()
            .rev()
            .enumerate()
            .map(|(place, event)| {
                let target = event.target.as_deref();
                let same = kept.entry((target, target.is_none().then_some(event.kind))).or_default();
                *same += 1;
                place < IN_ALL && *same <= OF_EACH
            })
            .collect();
        self.events.retain(|_| keep.pop().unwrap_or(true));
        self.dropped += (before - self.events.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::constant(1_764_000_000, 0) + SignedDuration::from_secs(second)
    }

    fn of_target(second: i64, target: &str) -> HistoryEvent {
        HistoryEvent::of_target(at(second), HistoryKind::CauseChanged, target.to_owned())
    }

    fn seconds<'a>(events: impl Iterator<Item = &'a HistoryEvent>) -> Vec<i64> {
        events.map(|event| event.at.as_second() - at(0).as_second()).collect()
    }

    #[test]
    fn the_newest_of_each_target_and_of_each_kind_stay() {
        let mut history = Arc::<History>::default();
        let lost = |second| HistoryEvent::of_fleet(at(second), HistoryKind::MasterLost, "connect");
        History::record(&mut history, vec![of_target(0, "SQL02"), lost(0)]);
        for second in 1..=70 {
            History::record(&mut history, vec![of_target(second, "SQL01"), lost(second)]);
        }
        assert_eq!(seconds(history.of("SQL01")), (7..=70).rev().collect::<Vec<_>>());
        assert_eq!(seconds(history.of("SQL02")), [0], "one that flaps pushes no other out");
        assert_eq!((history.events.len(), history.dropped()), (64 + 1 + 64, 6 + 7));
    }

    #[test]
    fn the_oldest_of_all_leave_first() {
        let mut history = Arc::<History>::default();
        let all = (0..10_000).map(|number| of_target(number, &format!("SQL{number}"))).collect();
        History::record(&mut history, all);
        assert_eq!((history.events.len(), history.dropped()), (IN_ALL, 10_000 - IN_ALL as u64));
        assert_eq!(seconds(history.newest_first()).last(), Some(&(10_000 - IN_ALL as i64)));
    }

    #[test]
    fn a_fleet_keeps_the_history_that_it_was_given() {
        let mut history = Arc::<History>::default();
        History::begin(&mut history, at(0));
        let before = history.clone();
        History::record(&mut history, Vec::new());
        assert!(Arc::ptr_eq(&before, &history), "nothing happened, nothing is copied");
        History::record(&mut history, vec![of_target(1, "SQL01")]);
        History::begin(&mut history, at(9));
        assert_eq!((before.events.len(), history.events.len(), history.since()), (0, 1, Some(at(0))));
    }

    #[test]
    fn what_else_happened_is_within_five_minutes_and_not_of_the_target_itself() {
        let mut history = Arc::<History>::default();
        let others = [-301, -300, 0, 300, 301].map(|second| of_target(second, "SQL02"));
        History::record(&mut history, others.into_iter().chain([of_target(0, "SQL01")]).collect());
        assert_eq!(seconds(history.around("SQL01", at(0))), [300, 0, -300]);
    }

    #[test]
    fn what_one_reading_showed_of_many_targets_is_one_chapter() {
        let mut history = Arc::<History>::default();
        let lost = HistoryEvent::of_fleet(at(1), HistoryKind::MasterLost, "");
        let left = HistoryEvent { kind: HistoryKind::Left, ..of_target(1, "SQL03") };
        let events =
            vec![of_target(0, "SQL01"), of_target(1, "SQL01"), of_target(1, "SQL02"), left, lost.clone(), lost];
        History::record(&mut history, events);
        let story: Vec<_> =
            Chapter::of_each(history.newest_first()).into_iter().map(|chapter| chapter.targets.join(",")).collect();
        assert_eq!(story, ["", "", "SQL03", "SQL01,SQL02", "SQL01"]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let event =
            HistoryEvent::of_fleet(at(0), HistoryKind::MasterLost, "ß".repeat(300)).with_detail("x".repeat(240));
        assert_eq!((event.text.chars().count(), event.is_cut()), (241, true));
        assert_eq!(event.detail.map(|detail| detail.len()), Some(240));
        let as_long = HistoryEvent::of_fleet(at(0), HistoryKind::MasterLost, "x".repeat(239) + "…");
        assert!(!as_long.is_cut());
    }
}
