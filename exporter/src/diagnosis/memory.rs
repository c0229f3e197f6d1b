//! The state that one assessment leaves for the next, and nothing else.

use super::arrivals::AttemptIndex;
use super::history::{History, HistoryEvent};
use super::jobs::Outcomes;
use super::master_memory::MasterMemory;
use crate::model::{Cause, HistoryKind};
use jiff::Timestamp;
use std::sync::Arc;

/// The state left by earlier assessments. Empty at the start of the process; drops targets and jobs that no longer
/// exist.
#[derive(Debug, Default)]
pub struct Memory {
    /// With the names of the targets as shown, sorted by them.
    pub(crate) targets: Vec<(String, TargetMemory)>,
    /// The last run of each job on each target. A target that is enlisted again has another `server_id` and starts
    /// without memory.
    pub(crate) outcomes: Outcomes,
    /// What the master's records of arrivals amount to, while a target is silent.
    pub(crate) attempts: AttemptIndex,
    /// Where the master was, and how far its targets had polled.
    pub(crate) master: MasterMemory,
    /// Whether the targets were ever read: those of the first reading are no newcomers.
    pub(crate) has_read_targets: bool,
    /// What happened since the process started.
    pub(crate) history: Arc<History>,
}

impl Memory {
    /// Notes that a configuration was put in force, or refused.
    pub fn note_reload(&mut self, at: Timestamp, successful: bool) {
        let (kind, text) = match successful {
            true => (HistoryKind::Reloaded, ""),
            false => (HistoryKind::NotReloaded, "The one before stays in force; the log says what is wrong."),
        };
        History::record(&mut self.history, vec![HistoryEvent::of_fleet(at, kind, text)]);
    }
}

/// The remembered state of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetMemory {
    /// Its last verdict, for the log lines about changes.
    pub(crate) cause: Cause,
    /// Its last poll, while it is known to be silent.
    pub(crate) silent_since: Option<Timestamp>,
    /// Whether its engine port was ever open from the master's side while it polled. Only then does a closed port say
    /// anything about a silent target, because polling never uses this direction.
    pub(crate) engine_was_open: bool,
    /// The version that its engine reported while it polled.
    pub(crate) version: Option<KnownVersion>,
}

/// A version that an engine reported, and when it last did, by the master's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownVersion {
    pub(crate) text: String,
    pub(crate) reported: Timestamp,
}
