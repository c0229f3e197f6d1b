//! What happened, for people.

use super::parts::{Few, Named};
use super::words::{Tone, words};
use crate::diagnosis::{Chapter, EventSelection, HistoryEvent, MasterFleet};
use crate::model::figures::{ago, instant, readable_instant};
use crate::model::{Cause, HistoryKind, query_value};

/// Targets that are named in one chapter.
const MOST_NAMED: usize = 20;

/// One or several events that are alike.
pub(super) struct ChapterView<'a> {
    /// What no other chapter of a page has.
    pub(super) id: String,
    pub(super) datetime: String,
    pub(super) when: String,
    /// The query of the history of the minutes around it.
    pub(super) around: String,
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) targets: Few<Named<'a>>,
    pub(super) text: &'a str,
    /// Where all of a text stands that was cut.
    pub(super) complete: Option<String>,
    pub(super) detail: Option<&'a str>,
}

impl<'a> ChapterView<'a> {
    pub(super) fn new(chapter: &Chapter<'a>, fleet: &MasterFleet, details: bool) -> ChapterView<'a> {
        let count = chapter.targets.len();
        let targets = Few::new(chapter.targets.iter().map(|name| Named::new(name)), MOST_NAMED, count);
        let view = ChapterView { targets, ..ChapterView::of_target(chapter.event, fleet, details) };
        if count > 1 { ChapterView { text: "", complete: None, ..view } } else { view }
    }

    /// One event on the page of its target.
    pub(super) fn of_target(event: &'a HistoryEvent, fleet: &MasterFleet, details: bool) -> ChapterView<'a> {
        let found = if event.is_found() { ", as the first reading found it" } else { "" };
        let (datetime, age) = (instant(event.at), ago(fleet.began, event.at));
        ChapterView {
            id: format!("{datetime}-{}-{}", event.kind.name(), event.to.map_or("", Cause::name)),
            datetime,
            around: EventSelection::around(event.at).query(),
            when: format!("{}, {age}{found}", readable_instant(event.at)),
            class: tone(event).class(),
            title: title(event),
            targets: Few::new(std::iter::empty(), 0, 0),
            text: &event.text,
            complete: complete(event, fleet),
            detail: event.detail.as_deref().filter(|_| details),
        }
    }
}

/// A target's page has all of its evidence while the cause holds that began with it.
fn complete(event: &HistoryEvent, fleet: &MasterFleet) -> Option<String> {
    let target = event.target.as_ref().filter(|_| event.is_cut())?;
    let holds = fleet.target(target)?.diagnosis.cause == event.to? && fleet.history.of(target).next() == Some(event);
    holds.then(|| format!("target?name={}#known", query_value(target)))
}

fn title(event: &HistoryEvent) -> String {
    match (event.kind, event.to) {
        (HistoryKind::CauseChanged, Some(to)) => words(to).title.to_owned(),
        (kind, Some(to)) => format!("{}: {}", kind.word().title, words(to).title),
        (kind, None) => kind.word().title.to_owned(),
    }
}

fn tone(event: &HistoryEvent) -> Tone {
    use HistoryKind::{MasterAgentStarted, MasterAgentStopped, MasterBack, MasterLost};
    use HistoryKind::{NotReloaded, OperatorBack, OperatorLost};
    match (event.kind, event.to) {
        (_, Some(to)) => words(to).tone,
        (MasterLost | NotReloaded | MasterAgentStopped | OperatorLost, _) => Tone::Bad,
        (MasterBack | MasterAgentStarted | OperatorBack, _) => Tone::Good,
        _ => Tone::Unknown,
    }
}
