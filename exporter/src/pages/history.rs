//! The page at `/history`: what changed in the fleet since the exporter started, as a story.

use super::frame::{self, Frame};
use super::story::ChapterView;
use crate::diagnosis::Fleet;
use crate::model::figures::{count, readable_instant};
use askama::Template;

/// Chapters on one page.
const CHAPTERS: usize = 200;

/// The page as HTML, `number` from 1. `None` on the side of a target, and for a page beyond the last.
///
/// # Errors
/// None that the data can cause.
pub fn history(fleet: &Fleet, number: usize, details: bool) -> Result<Option<String>, askama::Error> {
    let Some(read) = fleet.of_master() else { return Ok(None) };
    let story = read.history.story();
    let chunk = story.chunks(CHAPTERS).nth(number - 1);
    let chapters = match chunk {
        Some(chapters) => chapters,
        None if number == 1 => &[],
        None => return Ok(None),
    };
    let since = read.history.since().map(readable_instant);
    let mut summary = match since {
        Some(since) if story.is_empty() => {
            format!("Nothing changed since this exporter first read the master, at {since}.")
        }
        Some(since) => format!("What changed since this exporter first read the master, at {since}; the newest first."),
        None => "The master was not read yet.".to_owned(),
    };
    if read.history.dropped() > 0 {
        summary.push_str(&format!(" {} were given up for newer ones.", count(read.history.dropped(), "older event")));
    }
    let page = History {
        frame: Frame::new(fleet, frame::HISTORY),
        summary,
        chapters: chapters.iter().map(|chapter| ChapterView::new(chapter, read.began, details)).collect(),
        older: (story.len() > number * CHAPTERS).then_some(number + 1),
    };
    page.render().map(Some)
}

#[derive(Template)]
#[template(path = "history.html")]
struct History<'a> {
    frame: Frame,
    summary: String,
    chapters: Vec<ChapterView<'a>>,
    older: Option<usize>,
}
