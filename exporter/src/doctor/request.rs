//! The request to the firewall team as data, row by row.

use super::rules::UNKNOWN_PORT;
use crate::model::UtcInstant;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// The answer to "which ports should I request, from targets to the master and vice versa?".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its subject, in one line.
    pub title: String,
    /// When it was made, in UTC.
    pub made: UtcInstant,
    /// One for each rule, and for each connection that needs none.
    pub rows: Vec<Row>,
    /// The requirements of enlisting and polling besides ports.
    pub readiness: Vec<Readiness>,
    /// T-SQL for whom a target's silence is not yet clear; empty while none is silent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paste: Vec<Paste>,
    /// The commands to run on other machines for what cannot be seen from here.
    pub next: Vec<String>,
    /// Remarks that belong to no row.
    pub notes: Vec<String>,
}

/// One rule, or the statement that none is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The machines that open the connection.
    pub source: Vec<End>,
    /// The machines that accept it.
    pub destination: Vec<End>,
    /// `None` where no rule is needed.
    pub transport: Option<Transport>,
    /// A number or a range; empty where no rule is needed.
    pub ports: String,
    /// Who begins, in one word.
    pub initiator: String,
    /// Whether it must be open.
    pub need: Need,
    /// What needs it.
    pub justification: String,
    /// How often the connection is used.
    pub frequency: String,
    /// What the firewall must and must not do with the connection.
    pub handling: String,
    /// How long the rule is needed.
    pub valid_until: String,
    /// The command that tests it, on the source.
    pub test: String,
    /// The present state.
    pub now: Seen,
    /// The state in an earlier request; only with --verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seen>,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its name, or what it is.
    pub name: String,
    /// Its addresses, where they are known here.
    pub addresses: Vec<IpAddr>,
}

/// The transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// Whether a port must be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Without it a target does not poll, or the configuration requires it.
    Required,
    /// No rule is needed.
    Nothing,
    /// Only for people who work with SSMS on another machine.
    ForPeople,
}

/// The known state of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Whether it is open; `None` where that is not known.
    pub open: Option<bool>,
    /// The state in one word.
    pub state: String,
    /// When, in UTC.
    pub at: Option<UtcInstant>,
    /// How that is known, and from which machine.
    pub evidence: String,
    /// Of a row for several hosts whose states differ: the hosts of each state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_state: Vec<NamesInState>,
}

/// What a row found in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamesInState {
    /// The state in one word.
    pub state: String,
    /// The hosts, or the targets where a host has several.
    pub names: Vec<String>,
}

/// Hosts of one state that the evidence of a row names; more are counted in it.
pub(crate) const MOST_NAMED: usize = 3;

/// A requirement of enlisting or polling besides ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// What is required, such as a right or a registry value.
    pub subject: String,
    /// Whether it is met; `None` where that is not known.
    pub fine: Option<bool>,
    /// How that is known, or why not.
    pub evidence: String,
    /// What to do; empty where it is met.
    pub remedy: String,
    /// Since when, who else, and what it costs. Of a silent target alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub situation: Vec<String>,
    /// Possible reasons, the likeliest first. Only for silent targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspicion>,
}

/// A text to paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paste {
    /// Where it belongs, and for which target it is filled in.
    pub title: String,
    /// T-SQL.
    pub text: String,
}

/// A possible reason of a silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Its name.
    pub title: String,
    /// The next step.
    pub step: String,
}

impl Readiness {
    pub(crate) fn new(subject: &str, fine: Option<bool>, evidence: String, remedy: &str) -> Readiness {
        Readiness {
            subject: subject.to_owned(),
            fine,
            evidence,
            remedy: remedy.to_owned(),
            situation: Vec::new(),
            suspects: Vec::new(),
        }
    }
}

/// The head of the commands for the other machines.
pub(crate) const OTHER_DIRECTION: &str = "The other direction: on each target, with its own name";

/// Stands next to a test of the first of several hosts.
pub(crate) const OTHERS_ALIKE: &str = "and the others in the same way";

/// The state of a way that a target's polls show to work, though it cannot be looked at.
pub(crate) const IN_USE: &str = "in use";

impl Request {
    /// The required ports that are known not to be open, each in one line.
    pub fn closed(&self) -> Vec<String> {
        self.required(|row| row.now.open == Some(false))
    }

    /// The required ports that could not be looked at, each in one line.
    pub fn unseen(&self) -> Vec<String> {
        self.required(|row| row.now.open.is_none() && row.now.state != IN_USE)
    }

    fn required(&self, is: impl Fn(&Row) -> bool) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row.need == Need::Required && is(row));
        let line = |row: &Row| {
            format!("{} -> {}, {} ({})", ends(&row.source), ends(&row.destination), row.service(), row.now.state)
        };
        rows.map(line).collect()
    }
}

impl Row {
    /// Transport and ports, such as `TCP 1433`.
    pub(crate) fn service(&self) -> String {
        match self.transport {
            Some(transport) => format!("{transport} {}", self.ports),
            None => "nothing".to_owned(),
        }
    }

    /// The test, where it is a command and not the reason why there is none.
    pub(crate) fn command(&self) -> Option<&str> {
        (self.transport.is_some() && self.ports != UNKNOWN_PORT).then_some(self.test.as_str())
    }

    /// Whether the test names the first of several hosts.
    pub(crate) fn tests_the_first(&self) -> bool {
        let names_source = self.test.contains("--local.name=");
        self.command().is_some() && (self.destination.len() > 1 || (self.source.len() > 1 && names_source))
    }

    /// What changed since an earlier request, with --verify.
    pub(crate) fn since(&self) -> Option<&'static str> {
        let before = self.before.as_ref()?;
        Some(match (before.open, self.now.open) {
            _ if self.need == Need::Nothing => "not needed",
            (Some(true), Some(true)) => "still open",
            (_, Some(true)) => "open now",
            (Some(false), Some(false)) => "still closed",
            (_, Some(false)) => "closed now",
            (_, None) => "not known now",
        })
    }
}

impl Seen {
    /// What was seen of one connection.
    pub(crate) fn new(
        open: Option<bool>,
        state: impl Into<String>,
        at: Option<UtcInstant>,
        evidence: impl Into<String>,
    ) -> Seen {
        Seen { open, state: state.into(), at, evidence: evidence.into(), by_state: Vec::new() }
    }

    /// A state that cannot be seen from here.
    pub(crate) fn unknown(evidence: impl Into<String>) -> Seen {
        Seen::new(None, "unknown", None, evidence)
    }

    /// The hosts that the evidence counts and does not name.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &NamesInState> {
        self.by_state.iter().filter(|group| group.names.len() > MOST_NAMED)
    }

    /// The evidence with every host.
    pub(crate) fn in_full(&self) -> String {
        let counted = self.counted().map(|NamesInState { state, names }| format!("; {state}: {}", names.join(", ")));
        std::iter::once(self.evidence.clone()).chain(counted).collect()
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        })
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::Required => "required",
            Need::ForPeople => "for SSMS only",
            Need::Nothing => "not needed",
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        // A name that is an address is not repeated.
        if addresses.is_empty() || addresses == [self.name.as_str()] {
            return Ok(());
        }
        write!(f, " ({})", addresses.join(", "))
    }
}

/// Joins requests, such as those of the instances of one machine; `None` of none.
pub fn together(requests: impl IntoIterator<Item = Request>) -> Option<Request> {
    let mut requests = requests.into_iter();
    let mut all = requests.next()?;
    for Request { title, made: _, rows, readiness, paste, next, notes } in requests {
        all.title = format!("{}; {title}", all.title);
        all.rows.extend(rows);
        all.readiness.extend(readiness);
        all.paste.extend(paste);
        for (list, more) in [(&mut all.next, next), (&mut all.notes, notes)] {
            for line in more {
                if !list.contains(&line) {
                    list.push(line);
                }
            }
        }
    }
    all.rows.sort_by_key(|row| row.need);
    Some(all)
}

/// Several ends in one cell.
pub(crate) fn ends(ends: &[End]) -> String {
    ends.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
