//! The master in one strip above its targets.

use super::rights::{MissingGrant, not_seen};
use super::words::Tone;
use crate::collectors::{CollectorReport, ServerFacts};
use crate::diagnosis::{MasterClock, MasterFleet};
use crate::exposition::ExporterFacts;
use crate::model::figures::{ago, readable_instant};
use crate::model::{Acceptance, Cause, Certificate, Stage};
use crate::sqlserver::ReadError;
use jiff::Timestamp;

/// One fact about the master.
pub(super) struct Fact {
    pub(super) topic: &'static str,
    pub(super) class: &'static str,
    pub(super) value: String,
    pub(super) note: String,
    /// Where there is more, and what it is.
    pub(super) link: Option<(&'static str, &'static str)>,
}

impl Fact {
    fn new(topic: &'static str, tone: Tone, value: impl Into<String>, note: impl Into<String>) -> Fact {
        Fact { topic, class: tone.class(), value: value.into(), note: note.into(), link: None }
    }
}

/// Whether the master can be read, in words.
pub(super) fn readable(fleet: &MasterFleet, facts: &ExporterFacts) -> (Tone, &'static str) {
    match fleet.master {
        Some(_) => (Tone::Good, "can be read"),
        None if facts.passive == Some(true) => (Tone::Unknown, "passive: another cluster node holds the instance"),
        None if fleet.reports.is_empty() => (Tone::Unknown, "not read yet"),
        None => (Tone::Bad, "cannot be read"),
    }
}

/// The facts of a master that was read.
pub(super) fn strip(fleet: &MasterFleet, grants: &[MissingGrant<'_>]) -> Vec<Fact> {
    let Some(clock) = &fleet.master else { return Vec::new() };
    let server = fleet.server.as_ref();
    vec![
        engine(server, clock),
        agent(server),
        certificate(server, clock.now),
        rights(fleet, grants),
        silent(fleet, clock.now),
    ]
}

fn engine(server: Option<&ServerFacts>, clock: &MasterClock) -> Fact {
    let started = format!("started {}", ago(clock.now, clock.started));
    match server {
        None => Fact::new("SQL Server", Tone::Unknown, "not read", started),
        Some(server) => {
            let session = if server.encrypted { "session encrypted" } else { "session not encrypted" };
            let value = format!("{}, {}", server.version, server.edition);
            Fact::new("SQL Server", Tone::Good, value, format!("{started}, {session}"))
        }
    }
}

fn agent(server: Option<&ServerFacts>) -> Fact {
    let note = match server.and_then(|server| server.operator_present) {
        Some(true) => "MSXOperator is there",
        Some(false) => "The operator MSXOperator is missing: enlisting a target will fail",
        None => "whether MSXOperator is there is not known",
    };
    let is_missing = server.is_some_and(|server| server.operator_present == Some(false));
    let (tone, value) = match server.and_then(|server| server.agent_running) {
        Some(false) => (Tone::Bad, "does not run"),
        Some(true) if is_missing => (Tone::Bad, "runs without its operator"),
        Some(true) => (Tone::Good, "running"),
        None => (Tone::Unknown, "not known"),
    };
    Fact::new("SQL Server Agent", tone, value, note)
}

fn certificate(server: Option<&ServerFacts>, now: Timestamp) -> Fact {
    let fact = |tone, value: String, note: String| Fact::new("Certificate that targets are shown", tone, value, note);
    let Some(certificate) = server.and_then(|server| server.certificate.as_ref()) else {
        return fact(Tone::Unknown, "not seen".to_owned(), String::new());
    };
    let Certificate { subject, not_after, .. } = certificate;
    let acceptance = certificate.acceptance(now);
    let note = acceptance.word().title;
    let with_end = || format!("{note}; ends {}", readable_instant(*not_after));
    match acceptance {
        Acceptance::Ended => fact(Tone::Bad, format!("ended {}", ago(now, *not_after)), note.to_owned()),
        Acceptance::Fallback => fact(Tone::Warning, "SQL Server's own".to_owned(), note.to_owned()),
        Acceptance::SelfSigned => fact(Tone::Warning, subject.clone(), with_end()),
        Acceptance::OfAuthority => fact(Tone::Good, subject.clone(), with_end()),
    }
}

/// What the login may not read, and what else was not read.
fn rights(fleet: &MasterFleet, grants: &[MissingGrant<'_>]) -> Fact {
    let all = fleet.reports.len();
    let failed: Vec<&str> = without_success(fleet).map(|(name, _)| name).collect();
    let unread = fleet.reports.iter().filter(|report| !report.success()).count();
    let mut notes = Vec::new();
    if !grants.is_empty() {
        notes.push(format!("not seen for want of a right: {}", not_seen(grants)));
    }
    if !failed.is_empty() {
        notes.push(format!("not read, why below: {}", failed.join(", ")));
    }
    let tone = if notes.is_empty() { Tone::Good } else { Tone::Warning };
    let note = if notes.is_empty() { "no right is missing".to_owned() } else { notes.join("; ") };
    let link = (!grants.is_empty()).then_some(("#rights", "what to grant"));
    Fact { link, ..Fact::new("What the exporter may read", tone, format!("{} of {all} parts", all - unread), note) }
}

/// The collectors that failed, but for those whose missing rights are known.
pub(super) fn without_success(fleet: &MasterFleet) -> impl Iterator<Item = (&'static str, &ReadError)> {
    let known =
        |fault: &ReadError, report: &CollectorReport| fault.stage == Stage::Permission && !report.missing.is_empty();
    let failed = fleet.reports.iter().filter_map(|report| Some((report, report.fault.as_ref()?)));
    failed.filter(move |(report, fault)| !known(fault, report)).map(|(report, fault)| (report.collector.name(), fault))
}

fn silent(fleet: &MasterFleet, now: Timestamp) -> Fact {
    let rows = || fleet.targets.iter().filter_map(|target| target.enlisted.as_ref());
    let polls = rows().filter(|row| row.is_stale(now)).map(|row| row.polled_at());
    let (count, newest) = polls.fold((0, None), |(count, newest), at| (count + 1, newest.max(at)));
    let together = fleet.targets.iter().filter(|target| target.diagnosis.cause == Cause::MasterSide).count();
    let value = format!("{count} of {}", rows().count());
    if count == 0 {
        return Fact::new("Silent now", Tone::Good, value, "");
    }
    let note = match (together, newest) {
        (0, Some(newest)) => format!("the last to fall silent polled {}", ago(now, newest)),
        (0, None) => "none of them ever polled".to_owned(),
        _ => format!("{together} fell silent together, look at the master"),
    };
    Fact { link: Some(("./?state=silent", "which")), ..Fact::new("Silent now", Tone::Bad, value, note) }
}
