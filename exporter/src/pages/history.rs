//! The page at `/history`: what changed in the fleet since the exporter started, as a story.

use super::frame::{self, Frame};
use super::parts::groups;
use super::story::ChapterView;
use crate::diagnosis::{Chapter, EventSelection, Fleet, MasterFleet};
use crate::model::figures::{count, readable_instant};
use crate::model::{Cause, HistoryKind};
use askama::Template;
use jiff::Timestamp;

/// Chapters on one page.
const CHAPTERS: usize = 200;

/// The page as HTML. `None` on the side of a target, and for a page beyond the last.
///
/// # Errors
/// None that the data can cause.
pub fn history(fleet: &Fleet, selection: &EventSelection, details: bool) -> Result<Option<String>, askama::Error> {
    let Some(read) = fleet.of_master() else { return Ok(None) };
    let selected = selection.of(read);
    let story = Chapter::of_each(selected.iter().copied());
    let number = selection.page.unwrap_or(1);
    let chapters = match story.chunks(CHAPTERS).nth(number - 1) {
        Some(chapters) => chapters,
        None if number == 1 => &[],
        None => return Ok(None),
    };
    let all = read.history.newest_first().count();
    let in_all = EventSelection { page: None, ..selection.clone() };
    let page = History {
        frame: Frame::new(fleet, frame::HISTORY).selected(&in_all.query()),
        summary: summary(read, all),
        filter: (all > 0).then(|| Filter::new(read, selection)),
        found: format!("{} of {}", selected.len(), count(all as u64, "event")),
        chapters: chapters.iter().map(|chapter| ChapterView::new(chapter, read, details)).collect(),
        others: others(selection, number, story.len().div_ceil(CHAPTERS)),
    };
    page.render().map(Some)
}

#[derive(Template)]
#[template(path = "history.html")]
struct History<'a> {
    frame: Frame,
    summary: String,
    /// Absent where there is nothing to choose from.
    filter: Option<Filter<'a>>,
    found: String,
    chapters: Vec<ChapterView<'a>>,
    /// The links to the pages around this one.
    others: Vec<(&'static str, String)>,
}

fn summary(fleet: &MasterFleet, all: usize) -> String {
    let history = &fleet.history;
    let mut summary = match history.since().map(readable_instant) {
        Some(since) if all == 0 => {
            format!("Nothing changed since this exporter first read the master, at {since} by its own clock.")
        }
        Some(since) => format!(
            "What changed since this exporter first read the master, at {since}; the newest first, by the exporter's clock."
        ),
        None => "The master was not read yet.".to_owned(),
    };
    if history.dropped() > 0 {
        summary.push_str(&format!(" {} were given up for newer ones.", count(history.dropped(), "older event")));
    }
    summary
}

fn others(selection: &EventSelection, page: usize, last: usize) -> Vec<(&'static str, String)> {
    let link = |page| format!("history?{}", EventSelection { page: Some(page), ..selection.clone() }.query());
    let newer = (page > 1).then(|| ("Newer", link(page - 1)));
    let older = (page < last).then(|| ("Older", link(page + 1)));
    newer.into_iter().chain(older).collect()
}

/// What the form offers, and what of it is chosen.
struct Filter<'a> {
    name: &'a str,
    text: &'a str,
    kinds: Vec<Choice>,
    states: Vec<Choice>,
    groups: Vec<(&'a str, bool)>,
    since: String,
    until: String,
}

struct Choice {
    name: &'static str,
    title: &'static str,
    is_chosen: bool,
}

impl<'a> Filter<'a> {
    fn new(fleet: &'a MasterFleet, selection: &'a EventSelection) -> Filter<'a> {
        let kind = |kind: HistoryKind| Choice {
            name: kind.name(),
            title: kind.word().title,
            is_chosen: selection.kind == Some(kind),
        };
        let state = |cause: Cause| Choice {
            name: cause.name(),
            title: cause.facts().short,
            is_chosen: selection.state == Some(cause),
        };
        Filter {
            name: selection.name.as_deref().unwrap_or_default(),
            text: selection.text.as_deref().unwrap_or_default(),
            kinds: HistoryKind::ALL.map(kind).into(),
            states: Cause::ALL.map(state).into(),
            groups: groups(fleet, selection.group.as_deref()),
            since: selection.since.map(field).unwrap_or_default(),
            until: selection.until.map(field).unwrap_or_default(),
        }
    }
}

/// An instant as a field of a form holds it, in UTC.
fn field(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
