//! What is true of each target now, and why. Pure: no clock of its own, no I/O.

mod arrivals;
mod assess;
mod change;
mod clock_skew;
mod downloads;
mod enlisted;
#[cfg(test)]
pub(crate) mod fixtures;
mod jobs;
mod memory;
#[cfg(test)]
mod properties;
mod roster;
mod rules;
mod target;

pub use arrivals::{Run, Suspect, Trace};
pub use assess::{Assessment, assess};
pub use change::{Change, summary};
pub use memory::Memory;
pub(crate) use rules::order;
pub use rules::{Diagnosis, Evidence};
pub use target::{Enlisted, Job, JobRun, Orphan, Pending, PollStatus, Target, TargetDownloads};

use crate::probe::PortResults;
use crate::sqlserver::{CollectorReport, ServerFacts};
use crate::target_side::TargetSide;
use jiff::Timestamp;
use std::sync::Arc;

/// The fleet as of one reading: everything that is rendered.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// When the reading began, by this machine's clock.
    pub began: Timestamp,
    /// The master's clock and what was read with it. `None` when the targets were not read: `msx_up` is 0.
    pub master: Option<MasterClock>,
    /// Facts about the master. `None` when they were not read, or when the targets were not.
    pub server: Option<ServerFacts>,
    /// Targets that are enlisted or expected, after the configuration's filter, sorted by name.
    /// Empty when the targets were not read.
    pub targets: Vec<Target>,
    /// Waiting instructions for names that are not enlisted. `None` when the download list was not read.
    pub orphans: Option<Vec<Orphan>>,
    /// Rows of the download list.
    pub downloadlist_rows: Option<i64>,
    /// Multiserver jobs. `None` when they were not read.
    pub jobs: Option<Vec<Job>>,
    /// Whether the configuration has a maintenance window, in force or not.
    pub has_maintenance_windows: bool,
    /// What the limits left out.
    pub limited: Limited,
    /// How each collector fared.
    pub reports: Vec<CollectorReport>,
    /// What the port checks know.
    pub port_results: Arc<PortResults>,
    /// With `role: target`, what the targets on this machine see of their master. Nothing is read from SQL Server then.
    pub target_side: Option<TargetSide>,
}

impl Fleet {
    /// The fleet of an exporter that runs on a target: its own way to the master, and nothing else.
    pub fn seen_from_target(began: Timestamp, port_results: Arc<PortResults>, target_side: TargetSide) -> Fleet {
        Fleet {
            began,
            master: None,
            server: None,
            targets: Vec::new(),
            orphans: None,
            downloadlist_rows: None,
            jobs: None,
            has_maintenance_windows: false,
            limited: Limited::default(),
            reports: Vec::new(),
            port_results,
            target_side: Some(target_side),
        }
    }
}

/// What `limits` of the configuration left out, after the filters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limited {
    /// Enlisted targets beyond `limits.targets`. Names that are expected and not enlisted are never left out.
    pub targets: u64,
    /// Pairs of job and target beyond `limits.job_pairs`, and those of targets that are left out.
    pub job_pairs: u64,
}

/// The master's clock, read with the polls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MasterClock {
    /// The master's now: the clock by which every age is judged.
    pub now: Timestamp,
    /// Offset of its local time from UTC in force now, in seconds east.
    pub utc_offset_seconds: i32,
    /// Whether the rules of its time zone are known; else the offset in force now stands for every instant.
    pub zone_known: bool,
    /// When the instance started.
    pub started: Timestamp,
}
