//! What has to be remembered from one assessment to the next, and nothing else.

use super::arrivals::AttemptIndex;
use super::jobs::Outcomes;
use crate::model::Cause;

/// What earlier assessments leave behind. It begins empty with the process, and forgets a target or a job that leaves.
#[derive(Debug, Default)]
pub struct Memory {
    /// With the names of the targets as shown, sorted by them.
    pub(crate) targets: Vec<(String, TargetMemory)>,
    /// The last run of each job on each target. A target that is enlisted again has another `server_id` and starts
    /// afresh.
    pub(crate) outcomes: Outcomes,
    /// What the master's records of arrivals amount to, while a target is silent.
    pub(crate) attempts: AttemptIndex,
}

/// What is remembered of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetMemory {
    /// Its last verdict, for the lines that tell of changes.
    pub(crate) cause: Cause,
    /// Whether its engine port was once open from the master's side while it polled. Only then does a closed port
    /// say anything about a silent target: polling never goes this way.
    pub(crate) engine_was_open: bool,
}
