//! Building blocks of several pages.

use super::words::Tone;
use crate::diagnosis::{Enlisted, JobRun, MasterFleet, Target};
use crate::model::figures::{ago, readable_instant, span};
use crate::model::{Direction, PortState, WayToMaster, names, query_value};
use crate::probe::Finding;
use crate::sqlserver::ReadError;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Shown where nothing is known or nothing exists.
pub(super) const NONE: &str = "–";
/// What a click opens at most.
const MOST_OPENED: usize = 200;

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

/// What a line has room for, and what stands behind a click.
pub(crate) struct Few<T> {
    pub(crate) shown: Vec<T>,
    pub(crate) opened: Vec<T>,
    /// More of them, which are only counted.
    pub(crate) more: usize,
}

impl<T> Few<T> {
    /// Of `all`, from which `items` may leave some out.
    pub(crate) fn new(mut items: impl Iterator<Item = T>, room: usize, all: usize) -> Few<T> {
        let shown: Vec<T> = items.by_ref().take(room).collect();
        let opened: Vec<T> = items.take(MOST_OPENED).collect();
        Few { more: all.saturating_sub(shown.len() + opened.len()), shown, opened }
    }

    /// How many are not shown at once.
    pub(crate) fn others(&self) -> usize {
        self.opened.len() + self.more
    }
}

/// A name that is a link.
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) link: String,
}

impl<'a> Named<'a> {
    pub(super) fn new(name: &'a str) -> Named<'a> {
        Named { name, link: query_value(name) }
    }
}

/// The groups of targets, and which of them is chosen; that one too where no target is in it.
pub(super) fn groups<'a>(fleet: &'a MasterFleet, chosen: Option<&'a str>) -> Vec<(&'a str, bool)> {
    let known: BTreeSet<&str> = fleet.targets.iter().flat_map(|target| target.groups()).map(String::as_str).collect();
    let is_chosen = |name: &str| chosen.is_some_and(|chosen| names::same(chosen, name));
    let unknown = chosen.filter(|_| !known.iter().any(|name| is_chosen(name)));
    known.into_iter().map(|name| (name, is_chosen(name))).chain(unknown.map(|name| (name, true))).collect()
}

/// How a run of a job ended.
pub(super) fn outcome(run: &JobRun) -> String {
    match run.row.last_run {
        Some(_) => run.row.outcome.name().replace('_', " "),
        None => "no outcome yet".to_owned(),
    }
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

    /// With its age as a length, where a column says of what.
    pub(super) fn length(now: Timestamp, at: Option<Timestamp>) -> When {
        let When { age, instant } = When::new(now, at);
        When { age: age.trim_end_matches(" ago").to_owned(), instant }
    }

    /// Both in one line.
    pub(super) fn line(self) -> String {
        if self.instant.is_empty() { self.age } else { format!("{} ({})", self.age, self.instant) }
    }
}

/// One port, as a sign with a meaning in words.
pub(super) struct Port {
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) meaning: String,
}

impl Port {
    /// The way to the master that polling takes, then what leads to the target.
    pub(super) fn both_ways(fleet: &MasterFleet, target: &Target, now: Timestamp) -> Vec<Port> {
        let findings = fleet.port_results.of(&target.name);
        let (there, back): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().partition(|finding| finding.direction == Direction::ToMaster);
        let mut ports: Vec<Port> = there.into_iter().map(Port::new).collect();
        if ports.is_empty() {
            ports.extend(target.way_to_master(now).map(Port::to_master));
        }
        ports.extend(back.into_iter().map(Port::new));
        ports
    }

    fn new(finding: &Finding) -> Port {
        let number = finding.port.map(|port| format!(" {port}")).unwrap_or_default();
        let required = if finding.required { "" } else { ", not required" };
        let way = match finding.direction {
            Direction::ToMaster => "to the master",
            Direction::ToTarget => "to the target",
        };
        Port {
            class: if finding.required { port_class(finding) } else { Tone::Unknown.class() },
            sign: sign(finding.direction, finding.state.open()),
            meaning: format!("{way}, {}{number}: {}{required}", finding.check.name(), state(finding.state)),
        }
    }

    fn to_master(way: WayToMaster) -> Port {
        let open = (way != WayToMaster::NotSeen).then_some(true);
        Port {
            class: way_class(way),
            sign: sign(Direction::ToMaster, open),
            meaning: format!("to the master: {}", way.word().title),
        }
    }
}

/// A way of which nothing is seen may be open.
pub(super) fn way_class(way: WayToMaster) -> &'static str {
    let tone = if way == WayToMaster::NotSeen { Tone::Unknown } else { Tone::Good };
    tone.class()
}

fn sign(direction: Direction, open: Option<bool>) -> &'static str {
    match (direction, open) {
        (Direction::ToMaster, Some(true)) => "→✓",
        (Direction::ToMaster, Some(false)) => "→✕",
        (Direction::ToMaster, None) => "→?",
        (Direction::ToTarget, Some(true)) => "←✓",
        (Direction::ToTarget, Some(false)) => "←✕",
        (Direction::ToTarget, None) => "←?",
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
