//! The state of each target, and the reason. Pure: no clock of its own, no I/O.

mod arrivals;
mod assess;
pub(crate) mod batches;
mod briefing;
mod change;
mod clock_skew;
mod downloads;
mod enlisted;
mod event_selection;
#[cfg(test)]
pub(crate) mod fixtures;
mod history;
mod impact;
mod jobs;
mod master_memory;
mod memory;
mod pages;
mod parameters;
#[cfg(test)]
mod properties;
mod roster;
mod rules;
mod selection;
mod similar;
mod target;
mod unmatched;

pub use crate::sqlserver::MasterClock;
pub use arrivals::{Run, Suspect, Trace};
pub use assess::{Assessment, Observed, assess};
pub use batches::Batch;
pub use briefing::{Briefing, Remark};
pub use change::{Change, summary};
pub use event_selection::EventSelection;
pub use history::{Chapter, History, HistoryEvent};
pub use memory::Memory;
pub(crate) use parameters::Parameters;
pub(crate) use rules::order;
pub use rules::{Diagnosis, Evidence};
pub use selection::Selection;
pub(crate) use selection::{Order, Selected, State};
pub(crate) use target::elapsed;
pub use target::{Enlisted, Job, JobCounts, JobRun, Orphan, PollStatus, Target, TargetDownloads};
pub use unmatched::unmatched;

use crate::collectors::{CollectorReport, ServerFacts, TargetRow};
use crate::model::{ServerName, names};
use crate::probe::{Finding, PortResults};
use crate::target_pages::PageResults;
use crate::target_side::TargetSide;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is rendered, as seen from one of the two sides.
#[derive(Debug, Clone)]
pub enum Fleet {
    /// With `role: master`: all targets, by one reading of their master.
    Master(Box<MasterFleet>),
    /// With `role: target`: the connections of the targets on this machine to their master.
    Target(TargetFleet),
}

impl Fleet {
    /// What [`Fleet::role`] may be, as the configuration names it.
    pub(crate) const ROLES: [&'static str; 2] = ["master", "target"];

    /// The role in which it was seen.
    pub(crate) fn role(&self) -> &'static str {
        match self {
            Fleet::Master(_) => Fleet::ROLES[0],
            Fleet::Target(_) => Fleet::ROLES[1],
        }
    }

    /// When it was seen, by this machine's clock.
    pub fn began(&self) -> Timestamp {
        match self {
            Fleet::Master(fleet) => fleet.began,
            Fleet::Target(fleet) => fleet.began,
        }
    }

    /// The findings of the port checks.
    pub fn port_results(&self) -> &Arc<PortResults> {
        match self {
            Fleet::Master(fleet) => &fleet.port_results,
            Fleet::Target(fleet) => &fleet.port_results,
        }
    }

    /// The outcome of each collector. Empty on the target side, which reads nothing from SQL Server.
    pub fn reports(&self) -> &[CollectorReport] {
        match self {
            Fleet::Master(fleet) => &fleet.reports,
            Fleet::Target(_) => &[],
        }
    }

    /// The master's fleet; `None` on the target side.
    pub fn of_master(&self) -> Option<&MasterFleet> {
        match self {
            Fleet::Master(fleet) => Some(fleet),
            Fleet::Target(_) => None,
        }
    }
}

impl From<MasterFleet> for Fleet {
    fn from(fleet: MasterFleet) -> Fleet {
        Fleet::Master(Box::new(fleet))
    }
}

/// The targets on this machine and what they see of their master.
#[derive(Debug, Clone)]
pub struct TargetFleet {
    /// When it was seen, by this machine's clock.
    pub began: Timestamp,
    /// The targets, with the facts about their master.
    pub target_side: TargetSide,
    /// The findings of the port checks.
    pub port_results: Arc<PortResults>,
}

/// The fleet by one reading of its master.
#[derive(Debug, Clone)]
pub struct MasterFleet {
    /// When the reading began, by this machine's clock.
    pub began: Timestamp,
    /// The master's clock. `None` when the targets were not read: `msx_up` is 0.
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
    /// The jobs of the targets that are shown whose runs are beyond `limits.job_pairs`, counted for each target.
    pub jobs_left_out: BTreeMap<String, JobCounts>,
    /// What happened since the exporter started, this reading included.
    pub history: Arc<History>,
    /// The outcome of each collector.
    pub reports: Vec<CollectorReport>,
    /// The findings of the port checks.
    pub port_results: Arc<PortResults>,
    /// What the targets wrote about themselves.
    pub pages: Arc<PageResults>,
}

impl MasterFleet {
    /// The ports of a target in both directions: as they were checked from here, and as its page shows the master's.
    pub fn findings(&self, target: &str) -> impl Iterator<Item = &Finding> {
        let of_page = self.pages.of(target).map(|pages| pages.ports(self.began)).unwrap_or_default();
        self.port_results.of(target).iter().chain(of_page)
    }

    /// The rows of the enlisted targets, by the names under which they are shown.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &TargetRow)> + Clone {
        self.targets.iter().filter_map(|target| Some((target.name.as_str(), &**target.enlisted.as_ref()?)))
    }

    /// The target of this name, as SQL Server compares names; where there is none, the one that a person means by it.
    pub(crate) fn target(&self, name: &str) -> Option<&Target> {
        let named = |name: &str| self.targets.iter().find(|target| names::same(&target.name, name));
        ServerName::meant(name).iter().find_map(|name| named(name))
    }

    /// The jobs of one target with their last run there: what failed first, then what is not known, then by name. `None`
    /// where jobs were not read.
    pub(crate) fn jobs_of(&self, target: &str) -> Option<Vec<(&Job, &JobRun)>> {
        let runs = self.jobs.as_ref()?.iter().flat_map(|job| job.runs.iter().map(move |run| (job, run)));
        let mut runs: Vec<_> = runs.filter(|(_, run)| run.target == target).collect();
        let place = |success| [Some(false), None, Some(true)].iter().position(|known| *known == success);
        runs.sort_by(|(a, x), (b, y)| (place(x.success), &a.name).cmp(&(place(y.success), &b.name)));
        Some(runs)
    }

    /// The download list of the enlisted targets, by the names under which they are shown.
    pub(crate) fn downloads(&self) -> impl Iterator<Item = (&str, &TargetDownloads)> + Clone {
        self.targets
            .iter()
            .filter_map(|target| Some((target.name.as_str(), target.enlisted.as_ref()?.downloads.as_ref()?)))
    }
}

/// The number of entries beyond `limits` of the configuration, after the filters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limited {
    /// Enlisted targets beyond `limits.targets`. Names that are expected and not enlisted are never left out.
    pub targets: u64,
    /// Pairs of job and target beyond `limits.job_pairs`, and those of targets that are left out.
    pub job_pairs: u64,
}
