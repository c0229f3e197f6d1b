//! What a verdict means for the jobs on a target: the order in which people need to see them.

use super::Target;
use crate::model::Cause;

/// From the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Impact {
    /// No job runs there.
    NothingRuns,
    /// Whether jobs run there is not known.
    NotKnown,
    /// Its Agent runs, and its outcomes do not arrive.
    Unreported,
    /// It polls, and something is wrong.
    Polls,
    /// Too early to say, or not read.
    Undecided,
    /// Nothing is wrong.
    None,
}

impl Impact {
    pub(crate) fn of(target: &Target) -> Impact {
        let has_jobs = target.enlisted.as_ref().is_some_and(|row| row.polled);
        match target.diagnosis.cause {
            Cause::Ok => Impact::None,
            Cause::NotEnlisted | Cause::EngineDown | Cause::AgentStopped => Impact::NothingRuns,
            cause if cause.is_silent() && !has_jobs => Impact::NothingRuns,
            Cause::WayClosed | Cause::CertificateRefused if target.has_running_agent() => Impact::Unreported,
            // Its Agent was seen to try.
            Cause::LoginRefused | Cause::EndedBeforeLogin | Cause::ConnectedNotPolling => Impact::Unreported,
            cause if cause.is_silent() => Impact::NotKnown,
            Cause::Settling | Cause::Unknown => Impact::Undecided,
            _ => Impact::Polls,
        }
    }
}
