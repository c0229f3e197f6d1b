//! The page at `/target?name=…`: everything that is known of one target, in the order of the question at night.

use super::frame::Frame;
use super::parts::{FaultView, NONE, When, port_class, state, way_class};
use super::row::Row;
use super::story::ChapterView;
use super::target_context::{Meanwhile, RemarkView};
use super::target_jobs::{InstructionView, JobRows};
use super::words::words;
use crate::collectors::{DetailResult, TargetDetail};
use crate::diagnosis::{Briefing, Enlisted, Evidence, Fleet, MasterFleet, Selected, Suspect, Target, Trace, elapsed};
use crate::model::figures::{ago, readable_instant, span};
use crate::model::{Cause, ServerName, WayToMaster, names, query_value};
use crate::probe::Finding;
use crate::target_pages::KnownPage;
use askama::Template;
use jiff::Timestamp;
use std::borrow::Cow;

/// The page as HTML, or `None` for a name that the fleet does not have: unknown, or not known while the master cannot
/// be read. Without `details` it holds no error texts, addresses or traces. `detail` is what was read of the target alone.
///
/// # Errors
/// None that the data can cause: a template that writes into a String does not fail.
pub fn single(
    fleet: &Fleet,
    name: &str,
    detail: DetailResult<'_>,
    details: bool,
) -> Result<Option<String>, askama::Error> {
    let frame = Frame::new(fleet, "");
    let fleet = match fleet {
        Fleet::Master(fleet) => fleet,
        Fleet::Target(fleet) => {
            let is_called =
                |name: &str| fleet.target_side.views.iter().any(|view| names::same(&view.local_target.target, name));
            let known = ServerName::meant(name).iter().any(|name| is_called(name));
            return known.then(|| super::target_side::page(fleet, frame, details)).transpose();
        }
    };
    let Some(clock) = &fleet.master else { return Ok(None) };
    let Some(target) = fleet.target(name) else { return Ok(None) };
    let selected = Selected::new(fleet, target);
    let jobs = JobRows::new(fleet, target, selected.jobs, clock.now, detail);
    let briefing = Briefing::of(fleet, target, details);
    let lists = detail.map(|detail| detail.and_then(|detail| detail.instructions.as_ref()));
    let read = lists.and_then(Result::ok);
    let page = Single {
        frame: frame.selected(&format!("name={}", query_value(&target.name))),
        row: Row::new(fleet, clock.now, selected),
        findings: target.diagnosis.evidence.iter().map(EvidenceView::new).collect(),
        healthy: jobs.in_words(),
        next: words(target.diagnosis.cause).next,
        figures: target.enlisted.as_ref().map(|row| figures(clock.now, target, row)).unwrap_or_default(),
        way: target
            .way_to_master(clock.now)
            .zip(target.enlisted.as_ref())
            .map(|(way, row)| Way::new(way, row, clock.now)),
        ports: fleet.findings(&target.name).map(|port| PortView::new(port, fleet.began)).collect(),
        trace: target.trace.as_ref().map(|trace| TraceView::new(trace, target.diagnosis.cause, details)),
        written: target.known_pages().map(|known| written(fleet, target, known)).collect(),
        refused: target.pages.as_ref().map(|pages| pages.refused.as_slice()).unwrap_or_default(),
        situation: briefing.iter().flat_map(|known| &known.situation).map(RemarkView::new).collect(),
        briefing: briefing.as_ref(),
        jobs,
        failed: read.map(|lists| InstructionView::of_each(&lists.failed, clock.now)).unwrap_or_default(),
        waiting: read.map(|lists| InstructionView::of_each(&lists.waiting, clock.now)).unwrap_or_default(),
        unread: lists.and_then(Result::err).map(|fault| FaultView::new(fault, details)),
        read_of_it: detail.and_then(Result::ok).map(|detail| ReadOfIt::new(detail, fleet.began)),
        history: fleet.history.of(&target.name).map(|event| ChapterView::of_target(event, fleet, details)).collect(),
        since: fleet.history.since().map(readable_instant).unwrap_or_default(),
        meanwhile: Meanwhile::new(fleet, &target.name, details),
        details,
    };
    page.render().map(Some)
}

/// When its instructions and the messages of its jobs were read.
struct ReadOfIt {
    at: String,
    /// How long before the reading that the rest of the page is of, where that is longer than they are kept.
    older_by: Option<String>,
}

impl ReadOfIt {
    fn new(detail: &TargetDetail, began: Timestamp) -> ReadOfIt {
        let older = elapsed(began, detail.read_at);
        ReadOfIt { at: readable_instant(detail.read_at), older_by: (older > TargetDetail::FRESH).then(|| span(older)) }
    }
}

#[derive(Template)]
#[template(path = "target.html")]
struct Single<'a> {
    frame: Frame,
    row: Row<'a>,
    findings: Vec<EvidenceView<'a>>,
    /// What its jobs say where nothing was found against it.
    healthy: String,
    next: &'static str,
    figures: Vec<Figure>,
    way: Option<Way>,
    ports: Vec<PortView<'a>>,
    trace: Option<TraceView<'a>>,
    /// What it wrote about itself.
    written: Vec<String>,
    /// Why other files of its folder do not count; shown only with `details`.
    refused: &'a [String],
    briefing: Option<&'a Briefing>,
    situation: Vec<RemarkView<'a>>,
    jobs: JobRows<'a>,
    failed: Vec<InstructionView<'a>>,
    waiting: Vec<InstructionView<'a>>,
    /// Why its instructions were not read.
    unread: Option<FaultView<'a>>,
    read_of_it: Option<ReadOfIt>,
    history: Vec<ChapterView<'a>>,
    since: String,
    meanwhile: Meanwhile<'a>,
    details: bool,
}

/// A page in one line.
fn written(fleet: &MasterFleet, target: &Target, known: &KnownPage) -> String {
    let page = &known.page;
    let state = |what: &str, runs: Option<bool>| {
        let runs = runs.map_or("not known", |runs| if runs { "runs" } else { "does not run" });
        format!("{what}: {runs}")
    };
    let mut parts = vec![
        format!("A page {} by the {}", page.taken(fleet.began), page.source.name()),
        state("its instance there", page.instance_running),
        state("its Agent there", page.agent_running),
    ];
    parts.extend(page.agent_start_mode.map(|mode| format!("the Agent starts {}", mode.adverb())));
    parts.extend(page.master.as_ref().map(|master| format!("its master there: {master}")));
    parts.extend(page.encrypt_channel_option.map(|option| format!("MsxEncryptChannelOptions: {option}")));
    parts.extend(page.certificate.as_ref().map(|look| {
        format!(
            "the master's certificate for {}: {} by the store {}",
            look.name,
            look.verdict.name(),
            look.store.name()
        )
    }));
    parts.extend(target.objection(known, fleet.began).map(|why| format!("{why}, so it proves nothing")));
    parts.join("; ") + "."
}

/// The master's evidence for a silent target. Addresses, logins and states are set only with `details`.
struct TraceView<'a> {
    word: &'static str,
    /// Empty where the evidence of the verdict says the same.
    text: &'a str,
    details: &'a [String],
    /// Whether there are details that this page does not show.
    is_withheld: bool,
    suspects: Vec<&'a Suspect>,
}

impl<'a> TraceView<'a> {
    fn new(trace: &'a Trace, cause: Cause, details: bool) -> TraceView<'a> {
        let is_said = cause.is_arrival();
        TraceView {
            word: trace.word.word().title,
            text: if is_said { "" } else { &trace.text },
            details: if details { &trace.details } else { &[] },
            is_withheld: !details && !trace.details.is_empty(),
            suspects: trace.suspects_shown(details).collect(),
        }
    }
}

struct EvidenceView<'a> {
    cause: Option<&'static str>,
    text: &'a str,
}

impl<'a> EvidenceView<'a> {
    fn new(evidence: &'a Evidence) -> EvidenceView<'a> {
        EvidenceView { cause: evidence.cause.map(|cause| cause.facts().short), text: &evidence.text }
    }
}

struct Figure {
    name: Cow<'static, str>,
    value: String,
}

/// Without a sign where it rounds to zero.
fn clock_skew(seconds: f64) -> String {
    let seconds = if seconds.abs() < 0.05 { 0.0 } else { seconds };
    format!("{seconds:.1} s")
}

fn figures(now: Timestamp, target: &Target, row: &Enlisted) -> Vec<Figure> {
    let at = |at| When::new(now, Some(at)).line();
    let mut figures = Vec::new();
    let mut add = |name: &'static str, value: String| figures.push(Figure { name: name.into(), value });
    add("Enlisted", at(row.enlisted_at));
    add("Last poll", if row.polled { at(row.last_poll) } else { "never".to_owned() });
    add("Poll interval", span(row.poll_interval));
    // By SQL Server's own local-time arithmetic, which is wrong when clocks change: for comparison with SSMS.
    add("State as SSMS shows it", row.status.names().join(", ").replace('_', " "));
    if let Some(location) = row.location.as_ref().filter(|location| !location.is_empty()) {
        add("Location", location.clone());
    }
    if !row.groups.is_empty() {
        add("Groups", row.groups.join(", "));
    }
    if let Some(skew) = row.clock_skew_seconds {
        add("Clock, target minus master", clock_skew(skew));
    }
    add("Its offset from UTC, without daylight saving", format!("{} min", row.utc_offset_seconds() / 60));
    match &row.downloads {
        None => add("Download list", "was not read".to_owned()),
        Some(list) => {
            let operations = list.waiting.pending.into_iter().filter(|(_, count)| *count > 0);
            let operations: Vec<_> =
                operations.map(|(operation, count)| format!("{count} {}", operation.name())).collect();
            add("Pending", if operations.is_empty() { "none".to_owned() } else { operations.join(", ") });
            if let Some(oldest) = list.waiting.oldest_pending {
                add("Oldest pending", at(oldest));
            }
            add("Errors", super::parts::errors(row));
            match &list.downloaded {
                None => add("Downloaded", "not counted yet".to_owned()),
                Some(downloaded) => {
                    add("Downloaded", downloaded.count.to_string());
                    add("Last download", downloaded.last.map_or_else(|| "never".to_owned(), at));
                }
            }
        }
    }
    let labels = target.labels.iter().filter(|(_, value)| !value.is_empty());
    figures.extend(labels.map(|(name, value)| Figure { name: format!("Label {name}").into(), value: value.clone() }));
    figures
}

/// The way from the target to its master, which its polls, or its connections, prove.
struct Way {
    class: &'static str,
    state: &'static str,
    text: String,
}

impl Way {
    fn new(way: WayToMaster, row: &Enlisted, now: Timestamp) -> Way {
        let text =
            if row.polled { format!("it polled {}", ago(now, row.last_poll)) } else { "it never polled".to_owned() };
        Way { class: way_class(way), state: way.word().title, text }
    }
}

struct PortView<'a> {
    title: String,
    class: &'static str,
    state: &'static str,
    need: &'static str,
    checked: String,
    address: Option<std::net::IpAddr>,
    evidence: &'a str,
}

impl<'a> PortView<'a> {
    fn new(finding: &'a Finding, now: Timestamp) -> PortView<'a> {
        let port = finding.port.map_or_else(|| NONE.to_owned(), |port| port.to_string());
        let service = format!("{} {} {port}", finding.check.name(), finding.transport);
        PortView {
            title: match &finding.master {
                Some(master) => format!("{service} of {master}, from it"),
                None => format!("{service}, to it"),
            },
            class: port_class(finding),
            state: state(finding.state),
            need: if finding.required { "needed" } else { "not needed" },
            checked: ago(now, finding.checked_at),
            address: finding.address,
            evidence: &finding.evidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_right_has_no_sign() {
        let shown = [-0.02, 0.02, -0.387, 720.0].map(clock_skew);
        assert_eq!(shown, ["0.0 s", "0.0 s", "-0.4 s", "720.0 s"]);
    }
}
