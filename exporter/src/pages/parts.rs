//! Building blocks of both pages.

use super::words::{Tone, words};
use crate::diagnosis::{Enlisted, MasterFleet, Target};
use crate::model::figures::{ago, readable_instant, span};
use crate::model::{MasterEvidence, PortState};
use crate::probe::Finding;
use crate::sqlserver::ReadError;
use jiff::Timestamp;

/// Shown where nothing is known or nothing exists.
pub(super) const NONE: &str = "–";

/// One target in a table.
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    /// The name as the value of a query.
    pub(super) link: String,
    pub(super) groups: String,
    pub(super) maintenance: Option<&'a str>,
    pub(super) tone: Tone,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) evidence: Option<&'a str>,
    /// The master's evidence for a silent target, in at most 60 characters.
    pub(super) master_shows: Option<&'static str>,
    pub(super) last_poll: When,
    pub(super) interval: String,
    pub(super) pending: String,
    pub(super) oldest: When,
    pub(super) errors: String,
    pub(super) ports: Vec<Port>,
}

impl<'a> Row<'a> {
    pub(super) fn new(fleet: &'a MasterFleet, now: Timestamp, target: &'a Target) -> Row<'a> {
        let row = target.enlisted.as_ref();
        let list = row.and_then(|row| row.downloads.as_ref());
        let words = words(target.diagnosis.cause);
        Row {
            name: &target.name,
            link: query_value(&target.name),
            groups: row.map(|row| row.groups.join(", ")).unwrap_or_default(),
            maintenance: target.maintenance.as_deref(),
            tone: words.tone,
            class: words.tone.class(),
            state: words.title,
            evidence: target.diagnosis.evidence.first().map(|evidence| evidence.text.as_str()),
            master_shows: target
                .trace
                .as_ref()
                .filter(|trace| trace.word != MasterEvidence::Unknown)
                .map(|trace| trace.word.word().title),
            last_poll: match row {
                Some(row) if !row.polled => When { age: "never".to_owned(), instant: String::new() },
                _ => When::new(now, row.map(|row| row.last_poll)),
            },
            interval: row.map_or_else(|| NONE.to_owned(), |row| span(row.poll_interval)),
            pending: list.map_or_else(|| NONE.to_owned(), |list| list.waiting.pending_total().to_string()),
            oldest: When::new(now, list.and_then(|list| list.waiting.oldest_pending)),
            errors: row.map_or_else(|| NONE.to_owned(), errors),
            ports: fleet.findings(&target.name).map(Port::new).collect(),
        }
    }
}

/// Failed instructions by class.
pub(super) fn errors(row: &Enlisted) -> String {
    let Some(list) = &row.downloads else { return NONE.to_owned() };
    let classes: Vec<String> = list
        .waiting
        .errors
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| format!("{count} {}", class.name()))
        .collect();
    if classes.is_empty() { "none".to_owned() } else { classes.join(", ") }
}

/// An instant with its age by the master's clock.
pub(super) struct When {
    pub(super) age: String,
    pub(super) instant: String,
}

impl When {
    pub(super) fn new(now: Timestamp, at: Option<Timestamp>) -> When {
        match at {
            Some(at) => When { age: ago(now, at), instant: readable_instant(at) },
            None => When { age: NONE.to_owned(), instant: String::new() },
        }
    }

    /// Both in one line.
    pub(super) fn line(self) -> String {
        if self.instant.is_empty() { self.age } else { format!("{} ({})", self.age, self.instant) }
    }
}

/// One port in a table.
pub(super) struct Port {
    pub(super) class: &'static str,
    pub(super) text: String,
}

impl Port {
    fn new(finding: &Finding) -> Port {
        let number = finding.port.map(|port| format!(" {port}")).unwrap_or_default();
        let text = format!("{}{number}: {}", finding.check.name(), state(finding.state));
        Port { class: port_class(finding), text }
    }
}

/// A closed port is bad only where it must be open.
pub(super) fn port_class(finding: &Finding) -> &'static str {
    match (finding.state, finding.required) {
        (PortState::Open, _) => Tone::Good.class(),
        (PortState::Skipped | PortState::NoAnswer, false) => Tone::Unknown.class(),
        (_, true) => Tone::Bad.class(),
        (_, false) => Tone::Unknown.class(),
    }
}

/// A state in words.
pub(super) fn state(state: PortState) -> &'static str {
    match state {
        PortState::Open => "open",
        PortState::Refused => "refused",
        PortState::Filtered => "filtered",
        PortState::Unreachable => "unreachable",
        PortState::Unresolved => "name not found",
        PortState::NoAnswer => "no answer",
        PortState::Denied => "open, access denied",
        PortState::WrongProtocol => "open, another protocol",
        PortState::TlsFailed => "open, TLS failed",
        PortState::Skipped => "not checked",
    }
}

/// Why a reading failed. The message holds addresses and logins, so it is set only where details are allowed.
pub(super) struct FaultView<'a> {
    pub(super) stage: &'static str,
    pub(super) timeout: bool,
    pub(super) message: Option<&'a str>,
    pub(super) hint: Option<&'a str>,
    pub(super) next_attempt: Option<String>,
}

impl<'a> FaultView<'a> {
    pub(super) fn new(fault: &'a ReadError, details: bool) -> FaultView<'a> {
        FaultView {
            stage: fault.stage.name(),
            timeout: fault.timeout,
            message: details.then_some(fault.message.as_str()),
            hint: fault.hint.as_deref(),
            next_attempt: fault.next_attempt.map(span),
        }
    }
}

/// A name as a value in a query (RFC 3986: everything but the unreserved characters is escaped).
fn query_value(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
