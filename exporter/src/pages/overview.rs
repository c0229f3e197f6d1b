//! The page at `/`: the fleet at a glance, the worst targets first.

use super::parts::{FaultView, Row};
use super::words::{Tone, words};
use crate::diagnosis::{Fleet, MasterClock, MasterFleet, Orphan};
use crate::exposition::ExporterFacts;
use crate::model::figures::{ago, readable_instant};
use crate::model::{Cause, Collector, OrphanKind};
use askama::Template;

/// The page as HTML. Without `details` it holds no error texts, addresses or traces.
///
/// # Errors
/// None that the data can cause: a template that writes into a String does not fail.
pub fn overview(fleet: &Fleet, facts: &ExporterFacts, details: bool) -> Result<String, askama::Error> {
    match fleet {
        Fleet::Master(fleet) => of_master(fleet, facts, details),
        Fleet::Target(fleet) => super::target_side::page(fleet, facts, details),
    }
}

fn of_master(fleet: &MasterFleet, facts: &ExporterFacts, details: bool) -> Result<String, askama::Error> {
    let clock = fleet.master.as_ref();
    let ended = match clock {
        Some(_) => None,
        None => fleet.reports.iter().find(|r| r.collector == Collector::Targets).and_then(|r| r.fault.as_ref()),
    };
    let mut rows: Vec<Row<'_>> = clock
        .map(|clock| fleet.targets.iter().map(|target| Row::new(fleet, clock.now, target)).collect())
        .unwrap_or_default();
    // A target under maintenance raises no alert, so it comes after those that need attention.
    rows.sort_by_key(|row| (row.tone == Tone::Good, row.maintenance.is_some(), row.tone));
    let present = |cause: &Cause| clock.is_some() && fleet.targets.iter().any(|t| t.diagnosis.cause == *cause);
    let causes: Vec<Cause> = Cause::ALL.into_iter().filter(present).collect();
    let mut counts: Vec<Count> = causes
        .iter()
        .map(|cause| {
            let words = words(*cause);
            let count = fleet.targets.iter().filter(|target| target.diagnosis.cause == *cause).count();
            Count { tone: words.tone, class: words.tone.class(), title: words.title, count }
        })
        .collect();
    counts.sort_by_key(|count| count.tone);
    let steps = causes
        .iter()
        .map(|cause| words(*cause))
        .filter(|words| !words.next.is_empty())
        .map(|words| Step { title: words.title, next: words.next })
        .collect();
    Overview {
        version: facts.build.version,
        master: MasterView::new(fleet, clock, facts, ended.map(|fault| FaultView::new(fault, details))),
        counts,
        rows,
        steps,
        orphans: fleet.orphans.iter().flatten().filter(|_| clock.is_some()).map(OrphanView::new).collect(),
        collectors: fleet
            .reports
            .iter()
            .filter_map(|report| Some((report.collector.name(), report.fault.as_ref()?)))
            // A fault that ended the complete reading is shown once, not for each collector.
            .filter(|(_, fault)| Some(*fault) != ended)
            .map(|(name, fault)| CollectorView { name, fault: FaultView::new(fault, details) })
            .collect(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    version: &'a str,
    master: MasterView<'a>,
    counts: Vec<Count>,
    rows: Vec<Row<'a>>,
    steps: Vec<Step>,
    orphans: Vec<OrphanView<'a>>,
    collectors: Vec<CollectorView<'a>>,
}

struct MasterView<'a> {
    title: &'a str,
    up: bool,
    class: &'static str,
    state: &'static str,
    lines: Vec<String>,
    fault: Option<FaultView<'a>>,
}

impl<'a> MasterView<'a> {
    fn new(
        fleet: &'a MasterFleet,
        clock: Option<&MasterClock>,
        facts: &ExporterFacts,
        fault: Option<FaultView<'a>>,
    ) -> MasterView<'a> {
        let server = fleet.server.as_ref().filter(|_| clock.is_some());
        let (tone, state) = match clock {
            Some(_) => (Tone::Good, "up"),
            None if facts.passive == Some(true) => (Tone::Unknown, "passive: another cluster node holds the instance"),
            None if fleet.reports.is_empty() => (Tone::Unknown, "not read yet"),
            None => (Tone::Bad, "cannot be read"),
        };
        let mut lines = Vec::new();
        if let Some(server) = server {
            let session = if server.encrypted { "encrypted" } else { "not encrypted" };
            lines.push(format!("SQL Server {}, {}. Our session is {session}.", server.version, server.edition));
            if server.agent_running == Some(false) {
                lines.push("SQL Server Agent does not run on the master.".to_owned());
            }
            if server.operator_present == Some(false) {
                lines.push("The operator MSXOperator is missing: enlisting a target will fail.".to_owned());
            }
        }
        if let Some(clock) = clock {
            let (now, started) = (readable_instant(clock.now), ago(clock.now, clock.started));
            lines.push(format!("Read at {now} by the master's clock, which judges every age here. Started {started}."));
        }
        MasterView {
            title: server.map_or("Master", |server| server.name.as_str()),
            up: clock.is_some(),
            class: tone.class(),
            state,
            lines,
            fault,
        }
    }
}

struct Count {
    tone: Tone,
    class: &'static str,
    title: &'static str,
    count: usize,
}

struct Step {
    title: &'static str,
    next: &'static str,
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
