//! The request as a page, to print and to copy.

use super::lists::Lists;
use super::request::{Need, Readiness, Request, Row};
use super::text::head;
use crate::model::figures::readable_instant;
use crate::pages::Frame;
use askama::Template;

/// Draws the page.
///
/// # Errors
/// None that the data can cause.
pub(crate) fn page(request: &Request, frame: Frame) -> Result<String, askama::Error> {
    let lists = Lists::of(request);
    let groups = [Need::Required, Need::Nothing, Need::ForPeople].map(|need| {
        let rows = request.rows.iter().filter(|row| row.need == need);
        Group { head: head(need), rows: rows.map(|row| RowView::new(row, &lists)).collect() }
    });
    DoctorPage {
        frame,
        request,
        made: readable_instant(request.made.0),
        groups: groups.into_iter().filter(|group| !group.rows.is_empty()).collect(),
        lists: lists.written().collect(),
        readiness: request.readiness.iter().map(ReadinessView::new).collect(),
        closed: request.closed().len(),
        unseen: request.unseen().len(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "doctor.html")]
struct DoctorPage<'a> {
    frame: Frame,
    request: &'a Request,
    made: String,
    groups: Vec<Group<'a>>,
    /// Hosts that are counted in the rows.
    lists: Vec<(String, String)>,
    readiness: Vec<ReadinessView<'a>>,
    closed: usize,
    unseen: usize,
}

struct Group<'a> {
    head: &'static str,
    rows: Vec<RowView<'a>>,
}

struct RowView<'a> {
    source: String,
    destination: String,
    service: String,
    class: &'static str,
    at: Option<String>,
    row: &'a Row,
}

impl<'a> RowView<'a> {
    fn new(row: &'a Row, lists: &Lists<'_>) -> RowView<'a> {
        RowView {
            source: lists.name(&row.source),
            destination: lists.name(&row.destination),
            service: row.service(),
            class: class(row.now.open, row.need == Need::Required),
            at: row.now.at.map(|at| readable_instant(at.0)),
            row,
        }
    }
}

struct ReadinessView<'a> {
    item: &'a Readiness,
    class: &'static str,
    fine: &'static str,
}

impl<'a> ReadinessView<'a> {
    fn new(item: &'a Readiness) -> ReadinessView<'a> {
        ReadinessView { item, class: class(item.fine, true), fine: super::yes_no(item.fine) }
    }
}

/// What is not required is never bad.
fn class(fine: Option<bool>, required: bool) -> &'static str {
    match fine {
        Some(true) => "good",
        Some(false) if required => "bad",
        _ => "unknown",
    }
}
