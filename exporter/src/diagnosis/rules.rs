//! Why a target is, or is not, fine.

mod instructions;
mod judge;
mod outage;
mod ports;
mod silence;
#[cfg(test)]
mod truth_table;

pub(crate) use judge::{Circumstances, Subject, diagnose, stale};
pub(crate) use outage::{Outages, Poll};
pub(crate) use ports::engine;

/// The winner among everything that was found, exactly one for each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Nothing is wrong.
    Ok,
    /// Its clock is over 5 minutes off.
    ClockSkew,
    /// It polls and does not take what was posted.
    NotDownloading,
    /// An instruction failed: everything behind it is held.
    DownloadError,
    /// It was enlisted and has never polled.
    NeverPolled,
    /// It polled once and no longer does.
    StoppedPolling,
    /// It is silent and its host refuses the engine port.
    EngineDown,
    /// It is silent and its engine port is filtered or unreachable.
    Unreachable,
    /// It is silent and its name no longer resolves.
    Unresolved,
    /// A DEFECT waits for it.
    DefectPending,
    /// The configuration expects it and it is not enlisted.
    NotEnlisted,
    /// Nothing is proved and a collector that the verdict needs failed.
    Unknown,
    /// The master has just started.
    Settling,
    /// Many targets fell silent at once: look at the master.
    MasterSide,
}

impl Cause {
    /// All causes in the order of their codes.
    pub const ALL: [Cause; 14] = [
        Cause::Ok,
        Cause::ClockSkew,
        Cause::NotDownloading,
        Cause::DownloadError,
        Cause::NeverPolled,
        Cause::StoppedPolling,
        Cause::EngineDown,
        Cause::Unreachable,
        Cause::Unresolved,
        Cause::DefectPending,
        Cause::NotEnlisted,
        Cause::Unknown,
        Cause::Settling,
        Cause::MasterSide,
    ];

    /// The value of `msx_target_diagnosis_code`; never reused.
    pub fn code(self) -> u8 {
        match self {
            Cause::Ok => 0,
            Cause::ClockSkew => 1,
            Cause::NotDownloading => 2,
            Cause::DownloadError => 3,
            Cause::NeverPolled => 4,
            Cause::StoppedPolling => 5,
            Cause::EngineDown => 6,
            Cause::Unreachable => 7,
            Cause::Unresolved => 8,
            Cause::DefectPending => 9,
            Cause::NotEnlisted => 10,
            Cause::Unknown => 11,
            Cause::Settling => 12,
            Cause::MasterSide => 13,
        }
    }

    /// A finding that speaks for this cause.
    fn because(self, text: String) -> Evidence {
        Evidence { cause: Some(self), text }
    }

    /// Whether the target is silent: its polls do not come, for whatever reason.
    pub fn is_silent(self) -> bool {
        matches!(
            self,
            Cause::NeverPolled
                | Cause::StoppedPolling
                | Cause::EngineDown
                | Cause::Unreachable
                | Cause::Unresolved
                | Cause::MasterSide
        )
    }

    /// The name in labels.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Ok => "ok",
            Cause::ClockSkew => "clock_skew",
            Cause::NotDownloading => "not_downloading",
            Cause::DownloadError => "download_error",
            Cause::NeverPolled => "never_polled",
            Cause::StoppedPolling => "stopped_polling",
            Cause::EngineDown => "engine_down",
            Cause::Unreachable => "unreachable",
            Cause::Unresolved => "unresolved",
            Cause::DefectPending => "defect_pending",
            Cause::NotEnlisted => "not_enlisted",
            Cause::Unknown => "unknown",
            Cause::Settling => "settling",
            Cause::MasterSide => "master_side",
        }
    }
}

/// The verdict on one target: the winner, and everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The winner.
    pub cause: Cause,
    /// Every finding in the order of the table of causes, the winner's first. Empty when all is well.
    pub evidence: Vec<Evidence>,
}

/// One finding in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it speaks for. `None` for a remark, such as a closed port that polling does not need.
    pub cause: Option<Cause>,
    /// What was seen, with its figures.
    pub text: String,
}
