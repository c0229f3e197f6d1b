//! The answer of `/api/v1/history`, and the history of one target.

use crate::diagnosis::{EventSelection, Fleet, HistoryEvent};
use crate::model::{Cause, UtcInstant};
use serde::Serialize;
use std::io;

/// The answer: what happened since the exporter started, of the events that are selected, the newest first. Texts of
/// errors stand in it only with `details`. `None` on the side of a target, where no fleet is seen.
///
/// # Errors
/// Where `out` fails.
pub fn write_history(
    out: impl io::Write,
    fleet: &Fleet,
    selection: &EventSelection,
    details: bool,
) -> Result<Option<()>, serde_json::Error> {
    let Some(read) = fleet.of_master() else { return Ok(None) };
    let document = HistoryDocument {
        since: read.history.since().map(UtcInstant),
        dropped: read.history.dropped(),
        events: selection.of(read).into_iter().map(|event| EventFacts::new(event, details)).collect(),
    };
    serde_json::to_writer(out, &document).map(Some)
}

#[derive(Serialize)]
struct HistoryDocument<'a> {
    since: Option<UtcInstant>,
    dropped: u64,
    events: Vec<EventFacts<'a>>,
}

#[derive(Serialize)]
pub(super) struct EventFacts<'a> {
    at: UtcInstant,
    kind: &'static str,
    target: Option<&'a str>,
    from: Option<&'static str>,
    to: Option<&'static str>,
    text: &'a str,
    detail: Option<&'a str>,
}

impl<'a> EventFacts<'a> {
    pub(super) fn new(event: &'a HistoryEvent, details: bool) -> EventFacts<'a> {
        EventFacts {
            at: UtcInstant(event.at),
            kind: event.kind.name(),
            target: event.target.as_deref(),
            from: event.from.map(Cause::name),
            to: event.to.map(Cause::name),
            text: &event.text,
            detail: event.detail.as_deref().filter(|_| details),
        }
    }
}
