//! What happened, for people.

use super::words::{Tone, words};
use crate::diagnosis::{Chapter, EventSelection, HistoryEvent};
use crate::model::figures::{ago, instant, readable_instant};
use crate::model::{HistoryKind, query_value};
use jiff::Timestamp;

/// Targets that are named in one chapter.
const MOST_NAMED: usize = 20;

/// One or several events that are alike.
pub(super) struct ChapterView<'a> {
    pub(super) datetime: String,
    pub(super) when: String,
    /// The query of the history of the minutes around it.
    pub(super) around: String,
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) targets: Vec<Named<'a>>,
    /// Targets that are not named.
    pub(super) more: usize,
    pub(super) text: &'a str,
    pub(super) detail: Option<&'a str>,
}

pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) link: String,
}

impl<'a> ChapterView<'a> {
    pub(super) fn new(chapter: &Chapter<'a>, now: Timestamp, details: bool) -> ChapterView<'a> {
        let named = chapter.targets.iter().take(MOST_NAMED);
        let targets: Vec<_> = named.map(|name| Named { name, link: query_value(name) }).collect();
        let more = chapter.targets.len() - targets.len();
        let text = if chapter.targets.len() > 1 { "" } else { &chapter.event.text };
        ChapterView { targets, more, text, ..ChapterView::of_target(chapter.event, now, details) }
    }

    /// One event on the page of its target.
    pub(super) fn of_target(event: &'a HistoryEvent, now: Timestamp, details: bool) -> ChapterView<'a> {
        let found = if event.is_found() { ", as the first reading found it" } else { "" };
        ChapterView {
            datetime: instant(event.at),
            around: EventSelection::around(event.at).query(),
            when: format!("{}, {}{found}", readable_instant(event.at), ago(now, event.at)),
            class: tone(event).class(),
            title: title(event),
            targets: Vec::new(),
            more: 0,
            text: &event.text,
            detail: event.detail.as_deref().filter(|_| details),
        }
    }
}

fn title(event: &HistoryEvent) -> String {
    match (event.kind, event.to) {
        (HistoryKind::CauseChanged, Some(to)) => words(to).title.to_owned(),
        (kind, Some(to)) => format!("{}: {}", kind.word().title, words(to).title),
        (kind, None) => kind.word().title.to_owned(),
    }
}

fn tone(event: &HistoryEvent) -> Tone {
    match (event.kind, event.to) {
        (_, Some(to)) => words(to).tone,
        (HistoryKind::MasterLost | HistoryKind::NotReloaded, _) => Tone::Bad,
        (HistoryKind::MasterBack, _) => Tone::Good,
        _ => Tone::Unknown,
    }
}
