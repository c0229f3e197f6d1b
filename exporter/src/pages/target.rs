//! The page at `/target?name=…`: everything that is known of one target.

use super::parts::{NONE, Row, When, port_class, state};
use super::words::words;
use crate::diagnosis::{Briefing, Enlisted, Evidence, Fleet, Suspect, Target, Trace};
use crate::exposition::ExporterFacts;
use crate::model::figures::{readable_instant, span};
use crate::model::{Cause, names};
use crate::probe::Finding;
use askama::Template;
use jiff::Timestamp;
use std::borrow::Cow;

/// The page as HTML, or `None` for a name that the fleet does not have: unknown, or not known while the master cannot
/// be read. Without `details` it holds no error texts, addresses or traces.
///
/// # Errors
/// None that the data can cause: a template that writes into a String does not fail.
pub fn single(
    fleet: &Fleet,
    name: &str,
    facts: &ExporterFacts,
    details: bool,
) -> Result<Option<String>, askama::Error> {
    let fleet = match fleet {
        Fleet::Master(fleet) => fleet,
        Fleet::Target(fleet) => {
            let mut views = fleet.target_side.views.iter();
            let known = views.any(|view| names::same(&view.local_target.target, name));
            return known.then(|| super::target_side::page(fleet, facts, details)).transpose();
        }
    };
    let Some(clock) = &fleet.master else { return Ok(None) };
    let Some(target) = fleet.targets.iter().find(|target| names::same(&target.name, name)) else { return Ok(None) };
    let page = Single {
        version: facts.build.version,
        row: Row::new(fleet, clock.now, target),
        evidence: target.diagnosis.evidence.iter().map(EvidenceView::new).collect(),
        next: words(target.diagnosis.cause).next,
        figures: target.enlisted.as_ref().map(|row| figures(clock.now, target, row)).unwrap_or_default(),
        ports: fleet.port_results.of(&target.name).iter().map(PortView::new).collect(),
        trace: target.trace.as_ref().map(|trace| TraceView::new(trace, target.diagnosis.cause, details)),
        briefing: Briefing::of(fleet, target, details),
        details,
    };
    page.render().map(Some)
}

#[derive(Template)]
#[template(path = "target.html")]
struct Single<'a> {
    version: &'a str,
    row: Row<'a>,
    evidence: Vec<EvidenceView<'a>>,
    next: &'static str,
    figures: Vec<Figure>,
    ports: Vec<PortView>,
    trace: Option<TraceView<'a>>,
    briefing: Option<Briefing>,
    details: bool,
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
        let is_said = matches!(cause, Cause::LoginRefused | Cause::EndedBeforeLogin | Cause::ConnectedNotPolling);
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
        EvidenceView { cause: evidence.cause.map(Cause::name), text: &evidence.text }
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
            add(
                "Downloaded",
                list.downloaded.as_ref().map_or_else(|| "not counted yet".to_owned(), |row| row.count.to_string()),
            );
            add(
                "Last download",
                list.downloaded.as_ref().and_then(|row| row.last).map_or_else(|| "never".to_owned(), at),
            );
        }
    }
    let labels = target.labels.iter().filter(|(_, value)| !value.is_empty());
    figures.extend(labels.map(|(name, value)| Figure { name: format!("Label {name}").into(), value: value.clone() }));
    figures
}

struct PortView {
    check: &'static str,
    direction: String,
    class: &'static str,
    state: &'static str,
    number: String,
    required: &'static str,
    connect: String,
    checked: String,
    trace: String,
}

impl PortView {
    fn new(finding: &Finding) -> PortView {
        let none = || NONE.to_owned();
        let source = finding.source.name();
        PortView {
            check: finding.check.name(),
            direction: match &finding.master {
                Some(master) => format!("target to master {master}"),
                None => "master to target".to_owned(),
            },
            class: port_class(finding),
            state: state(finding.state),
            number: finding.port.map_or_else(none, |port| format!("{port}/{} ({source})", finding.transport)),
            required: if finding.required { "yes" } else { "no" },
            connect: finding.connect.map_or_else(none, |connect| format!("{:.1} ms", connect.as_secs_f64() * 1000.0)),
            checked: readable_instant(finding.checked_at),
            trace: match finding.address {
                Some(address) => format!("{address}: {}", finding.evidence),
                None => finding.evidence.clone(),
            },
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
