//! The request as a page, to print and to copy.

use super::lists::{Lists, head as list_head};
use super::request::{End, NamesInState, Need, OTHER_DIRECTION, OTHERS_ALIKE, Readiness, Request, Row};
use super::text::head;
use crate::model::figures::readable_instant;
use crate::pages::{Few, Frame};
use askama::Template;

/// Draws the page.
///
/// # Errors
/// None that the data can cause.
pub(crate) fn page(request: &Request, frame: Frame) -> Result<String, askama::Error> {
    let lists = Lists::of(request);
    let groups = [Need::Required, Need::Nothing, Need::ForPeople].map(|need| {
        let rows = request.rows.iter().enumerate().filter(|(_, row)| row.need == need);
        Group { head: head(need), rows: rows.map(|(place, row)| RowView::new(place, row, &lists)).collect() }
    });
    DoctorPage {
        frame,
        request,
        made: readable_instant(request.made.0),
        groups: groups.into_iter().filter(|group| !group.rows.is_empty()).collect(),
        lists: lists.each().map(|(number, list)| ListView::new(number, list)).collect(),
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
    lists: Vec<ListView<'a>>,
    readiness: Vec<ReadinessView<'a>>,
    closed: usize,
    unseen: usize,
}

struct Group<'a> {
    head: &'static str,
    rows: Vec<RowView<'a>>,
}

struct RowView<'a> {
    source: Cell,
    destination: Cell,
    service: String,
    class: &'static str,
    at: Option<String>,
    counted: Vec<Counted<'a>>,
    row: &'a Row,
}

/// Hosts in a few words.
struct Cell {
    text: String,
    /// The number of the list that names them.
    list: Option<usize>,
}

impl<'a> RowView<'a> {
    fn new(place: usize, row: &'a Row, lists: &Lists<'_>) -> RowView<'a> {
        let cell = |named: &[End]| Cell { text: lists.name(named), list: lists.number(named) };
        RowView {
            source: cell(&row.source),
            destination: cell(&row.destination),
            service: row.service(),
            class: class(row.now.open, row.need == Need::Required),
            at: row.now.at.map(|at| readable_instant(at.0)),
            counted: row.now.counted().map(|group| Counted::new(place, group)).collect(),
            row,
        }
    }
}

/// The names in one state, where a row only counts them.
struct Counted<'a> {
    id: String,
    head: String,
    names: Few<&'a str>,
}

impl<'a> Counted<'a> {
    fn new(place: usize, NamesInState { state, names }: &'a NamesInState) -> Counted<'a> {
        let id = format!("row-{place}-{}", state.replace(' ', "-"));
        let (count, names) = (names.len(), names.iter().map(String::as_str));
        Counted { id, head: format!("{count} {state}"), names: Few::new(names, 0, count) }
    }
}

/// A list of hosts.
struct ListView<'a> {
    number: usize,
    head: String,
    hosts: Few<&'a End>,
}

impl<'a> ListView<'a> {
    fn new(number: usize, list: &'a [End]) -> ListView<'a> {
        ListView { number, head: list_head(number, list), hosts: Few::new(list.iter(), 0, list.len()) }
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
