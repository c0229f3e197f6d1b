//! The page at `/`: the fleet at a glance, one line for each target, the worst first.

use super::frame::{self, Frame};
use super::master_strip::{Fact, readable, strip, without_success};
use super::parts::{FaultView, When, groups};
use super::rights::MissingGrant;
use super::row::{Bar, Row};
use super::words::{Tone, Words, words};
use crate::diagnosis::{Fleet, MasterFleet, Order, Orphan, Selected, Selection, State};
use crate::exposition::ExporterFacts;
use crate::model::{Cause, Collector, HistoryKind, OrphanKind};
use askama::Template;

/// Targets on one page.
const ROWS: usize = 500;

/// The page as HTML, or `None` for a page beyond the last. Without `details` it holds no error texts, addresses or traces.
///
/// # Errors
/// None that the data can cause: a template that writes into a String does not fail.
pub fn overview(
    fleet: &Fleet,
    selection: &Selection,
    facts: &ExporterFacts,
    details: bool,
) -> Result<Option<String>, askama::Error> {
    match fleet {
        Fleet::Target(seen) => super::target_side::page(seen, Frame::new(fleet, frame::WAY), details).map(Some),
        Fleet::Master(read) => {
            let selected = selection.of(read);
            // While the master is not read, every page is the one that says so.
            let page = selection.page.filter(|_| read.master.is_some()).unwrap_or(1);
            let Some(paging) = Paging::new(selection, page, selected.len()) else { return Ok(None) };
            let in_all = Selection { page: None, ..selection.clone() };
            let frame = Frame::new(fleet, frame::FLEET).selected(&in_all.query());
            of_master(read, frame, &selected, paging, facts, details).map(Some)
        }
    }
}

fn of_master(
    fleet: &MasterFleet,
    frame: Frame,
    selected: &[Selected<'_>],
    paging: Paging<'_>,
    facts: &ExporterFacts,
    details: bool,
) -> Result<String, askama::Error> {
    let ended = match fleet.master {
        Some(_) => None,
        None => fleet.reports.iter().find(|r| r.collector == Collector::Targets).and_then(|r| r.fault.as_ref()),
    };
    let (tone, state) = readable(fleet, facts);
    let grants = MissingGrant::of(fleet);
    Overview {
        frame,
        title: fleet.server.as_ref().filter(|_| fleet.master.is_some()).map_or("Master", |server| server.name.as_str()),
        class: tone.class(),
        state,
        fault: ended.map(|fault| FaultView::new(fault, details)),
        lost: ended.and_then(|_| lost(fleet)),
        strip: strip(fleet, &grants),
        chips: chips(fleet, selected, paging.selection),
        groups: groups(fleet, paging.selection.group.as_deref()),
        columns: columns(paging.selection),
        sections: sections(fleet, selected, &paging),
        all: fleet.targets.len(),
        paging,
        orphans: fleet.orphans.iter().flatten().filter(|_| fleet.master.is_some()).map(OrphanView::new).collect(),
        grants,
        collectors: without_success(fleet)
            // A fault that ended the complete reading is shown once, not for each collector.
            .filter(|(_, fault)| Some(*fault) != ended)
            .map(|(name, fault)| CollectorView { name, fault: FaultView::new(fault, details) })
            .collect(),
    }
    .render()
}

/// Since when the master cannot be read, where it could be read before.
fn lost(fleet: &MasterFleet) -> Option<String> {
    let event = fleet.history.newest_first().find(|event| event.kind == HistoryKind::MasterLost)?;
    Some(When::new(fleet.began, Some(event.at)).line())
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    frame: Frame,
    title: &'a str,
    class: &'static str,
    state: &'static str,
    fault: Option<FaultView<'a>>,
    /// Since when the master cannot be read.
    lost: Option<String>,
    strip: Vec<Fact>,
    chips: Vec<Chip>,
    /// The groups, and whether their targets are shown alone.
    groups: Vec<(&'a str, bool)>,
    columns: [Column; 8],
    sections: Vec<Section<'a>>,
    /// Targets, selected or not.
    all: usize,
    paging: Paging<'a>,
    orphans: Vec<OrphanView<'a>>,
    grants: Vec<MissingGrant<'a>>,
    collectors: Vec<CollectorView<'a>>,
}

/// The part of the selected targets that one page shows.
struct Paging<'a> {
    selection: &'a Selection,
    count: usize,
    range: std::ops::Range<usize>,
    page: usize,
    last: usize,
}

impl<'a> Paging<'a> {
    /// `None` beyond the last page.
    fn new(selection: &'a Selection, page: usize, count: usize) -> Option<Paging<'a>> {
        let last = count.div_ceil(ROWS).max(1);
        let from = (page - 1).checked_mul(ROWS)?;
        (page <= last).then(|| Paging { selection, count, range: from..(from + ROWS).min(count), page, last })
    }

    /// The links to the pages around this one.
    fn others(&self) -> Vec<(&'static str, String)> {
        let link = |page| link(&Selection { page: Some(page), ..self.selection.clone() });
        let before = (self.page > 1).then(|| ("Previous page", link(self.page - 1)));
        let after = (self.page < self.last).then(|| ("Next page", link(self.page + 1)));
        before.into_iter().chain(after).collect()
    }
}

/// Relative, so that it holds behind any prefix.
fn link(selection: &Selection) -> String {
    format!("./?{}", selection.query())
}

/// A filter that is switched on and off.
struct Chip {
    class: &'static str,
    title: &'static str,
    count: usize,
    link: String,
    is_on: bool,
}

/// One for each cause that holds somewhere, in the order of their targets, one for silence and one for jobs that fail. Each
/// counts what it shows together with the filters of the other kinds.
fn chips(fleet: &MasterFleet, selected: &[Selected<'_>], selection: &Selection) -> Vec<Chip> {
    let Some(clock) = &fleet.master else { return Vec::new() };
    let first = Selection { page: None, ..selection.clone() };
    let in_any_state = Selection { state: None, ..first.clone() }.of(fleet);
    let holding = |state: State| in_any_state.iter().filter(|one| state.holds(one.target, clock.now)).count();
    let chosen = match selection.state {
        Some(State::Cause(cause)) => Some(cause),
        _ => None,
    };
    let mut states: Vec<Cause> = Vec::new();
    for cause in in_any_state.iter().map(|one| one.target.diagnosis.cause).chain(chosen) {
        if !states.contains(&cause) {
            states.push(cause);
        }
    }
    states.sort_by_key(|cause| words(*cause).tone);
    let of_state = |state, title, tone: Tone| {
        let is_on = selection.state == Some(state);
        let link = link(&Selection { state: (!is_on).then_some(state), ..first.clone() });
        Chip { class: tone.class(), title, count: holding(state), link, is_on }
    };
    let bad_unless_none = |chip: Chip| match chip.count {
        0 => Chip { class: Tone::Unknown.class(), ..chip },
        _ => chip,
    };
    let of_cause = |cause: Cause| of_state(State::Cause(cause), cause.facts().short, words(cause).tone);
    let silent = of_state(State::Silent, "Silent", Tone::Bad);
    let failing = Chip {
        class: Tone::Bad.class(),
        title: "Jobs failing",
        count: selected.iter().filter(|one| one.jobs.failing > 0).count(),
        link: link(&Selection { failing_jobs: !selection.failing_jobs, ..first.clone() }),
        is_on: selection.failing_jobs,
    };
    let mut chips: Vec<Chip> = states.into_iter().map(of_cause).collect();
    chips.extend([silent, failing].into_iter().filter(|chip| chip.count > 0 || chip.is_on).map(bad_unless_none));
    chips
}

/// The head of a column.
struct Column {
    title: &'static str,
    class: &'static str,
    /// Where the targets are sorted by it: a link, and whether they are.
    sort: Option<(String, bool)>,
}

fn columns(selection: &Selection) -> [Column; 8] {
    let column = |title, class, order: Option<Order>| Column {
        title,
        class,
        sort: order
            .map(|order| (link(&Selection { order, page: None, ..selection.clone() }), selection.order == order)),
    };
    [
        column("Target", "", Some(Order::Name)),
        column("State", "", Some(Order::Worst)),
        column("Evidence", "", None),
        column("Last poll", "", Some(Order::LastPoll)),
        column("Pending", "number", Some(Order::Pending)),
        column("Errors", "number", None),
        column("Jobs failing", "number", None),
        column("Ports", "", None),
    ]
}

/// The targets of one cause, or all.
struct Section<'a> {
    /// Where the targets are shown by cause: how many have it on all pages, its title and its next step.
    heading: Option<(usize, &'static str, &'static str)>,
    rows: Vec<Row<'a>>,
}

fn sections<'a>(fleet: &'a MasterFleet, selected: &[Selected<'a>], paging: &Paging<'_>) -> Vec<Section<'a>> {
    let Some(clock) = &fleet.master else { return Vec::new() };
    let rows = |shown: &[Selected<'a>]| shown.iter().map(|one| Row::new(fleet, clock.now, *one)).collect();
    let shown = &selected[paging.range.clone()];
    if !paging.selection.by_cause {
        return vec![Section { heading: None, rows: rows(shown) }];
    }
    let cause = |one: &Selected<'_>| one.target.diagnosis.cause;
    let section = |same: &[Selected<'a>]| {
        let of = cause(same.first()?);
        let count = selected.iter().filter(|one| cause(one) == of).count();
        let Words { title, next, .. } = words(of);
        Some(Section { heading: Some((count, title, next)), rows: rows(same) })
    };
    shown.chunk_by(|one, other| cause(one) == cause(other)).filter_map(section).collect()
}

struct OrphanView<'a> {
    name: &'a str,
    kind: &'static str,
    count: u64,
    meaning: &'static str,
}

impl<'a> OrphanView<'a> {
    fn new(orphan: &'a Orphan) -> OrphanView<'a> {
        let meaning = match orphan.kind {
            OrphanKind::Defect => {
                "It was removed here and never came to fetch its defection: it may still believe that it is enlisted."
            }
            OrphanKind::Other => "Left over from a target that is gone or was renamed. No target will download it.",
        };
        OrphanView { name: &orphan.target, kind: orphan.kind.name(), count: orphan.count, meaning }
    }
}

struct CollectorView<'a> {
    name: &'static str,
    fault: FaultView<'a>,
}
