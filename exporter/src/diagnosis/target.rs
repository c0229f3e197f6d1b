//! One target with its facts.

use super::arrivals::Trace;
use super::rules::Diagnosis;
use crate::collectors::{DownloadRow, DownloadedRow, JobRow, JobTargetRow, TargetRow};
use crate::model::{OrphanKind, WayToMaster, names, silence};
use crate::target_pages::{KnownPage, PagesOfTarget};
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// A target that is enlisted, or that the configuration expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The name as enlisted (`HOST` or `HOST\INSTANCE`), or as expected.
    pub name: String,
    /// Its row on the master. `None` for a target that is expected and not enlisted.
    pub enlisted: Option<Enlisted>,
    /// Whether the configuration lists it as expected. `None` where there is no such list.
    pub expected: Option<bool>,
    /// The host that the configuration has in the place of the one in the name (`ports.overrides`).
    pub address: Option<String>,
    /// From where it arrives at the master, where the configuration says so (`targets.addresses`).
    pub arrives_from: Vec<IpAddr>,
    /// Labels that the configuration adds to `msx_target_info`.
    pub labels: Vec<(String, String)>,
    /// Whether the configuration says that it is under maintenance at the master's now, and why.
    pub maintenance: Option<String>,
    /// Why it is, or is not, fine.
    pub diagnosis: Diagnosis,
    /// What the master shows of a silent target. `None` for others, and where that is not asked for.
    pub trace: Option<Trace>,
    /// What it wrote about itself. `None` where nothing was read.
    pub pages: Option<Arc<PagesOfTarget>>,
}

impl Target {
    /// What it wrote about itself, one page for each node.
    pub fn known_pages(&self) -> impl Iterator<Item = &KnownPage> {
        self.pages.iter().flat_map(|pages| &pages.pages)
    }

    /// Whether its newest page says that its Agent runs.
    pub(crate) fn has_running_agent(&self) -> bool {
        self.pages.as_ref().and_then(|pages| pages.newest()).is_some_and(|known| known.page.agent_running == Some(true))
    }

    /// Why a page says nothing of the time since its last poll; `None` where it does. `now` is the time of this computer.
    pub(crate) fn objection(&self, known: &KnownPage, now: Timestamp) -> Option<String> {
        let last_poll = self.enlisted.as_ref().map(|row| row.last_poll_by_its_clock(now));
        known.objection(now, last_poll.unwrap_or(Timestamp::MIN))
    }

    /// The target server groups that it is in.
    pub(crate) fn groups(&self) -> &[String] {
        self.enlisted.as_ref().map(|row| row.groups.as_slice()).unwrap_or_default()
    }

    /// Whether it is in a group, as SQL Server compares names.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups().iter().any(|own| names::same(own, group))
    }

    /// What its polls and the master's own evidence prove of the way to the master. `None` for one that is not enlisted.
    pub(crate) fn way_to_master(&self, now: Timestamp) -> Option<WayToMaster> {
        let arrives = self.trace.as_ref().is_some_and(|trace| trace.word.is_arrival());
        self.enlisted.as_ref().map(|row| match row.is_stale(now) {
            false => WayToMaster::InUse,
            true if arrives => WayToMaster::Reached,
            true => WayToMaster::NotSeen,
        })
    }

    /// Whether it is enlisted and has not polled in time.
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        self.enlisted.as_ref().is_some_and(|row| row.is_stale(now))
    }
}

/// The master's facts about an enlisted target.
#[derive(Debug, Clone, PartialEq)]
pub struct Enlisted {
    /// Its row; the target dereferences to it.
    pub row: Arc<TargetRow>,
    /// False while its last poll is within 1 s of its enlistment.
    pub polled: bool,
    /// The interval that it reported; 60 s where it reported 0 or less.
    pub poll_interval: Duration,
    /// The bits of `sp_help_targetserver`. When the download list was not read, `blocked` is only what is stored.
    pub status: PollStatus,
    /// Target clock minus master clock at the last poll, folded to the nearest hour. `None` until it polled.
    pub clock_skew_seconds: Option<f64>,
    /// Its instructions. `None` when the download list was not read.
    pub downloads: Option<TargetDownloads>,
}

impl Deref for Enlisted {
    type Target = TargetRow;

    fn deref(&self) -> &TargetRow {
        &self.row
    }
}

impl Enlisted {
    /// Its row, to be changed.
    #[cfg(test)]
    pub(crate) fn row_mut(&mut self) -> &mut TargetRow {
        Arc::make_mut(&mut self.row)
    }

    /// Its last poll; `None` where it never polled, whose `last_poll` is its enlistment.
    pub(crate) fn polled_at(&self) -> Option<Timestamp> {
        self.polled.then_some(self.last_poll)
    }

    /// What its own clock showed at a time of the master's, as far as its last poll tells.
    pub(crate) fn by_its_clock(&self, at: Timestamp) -> Timestamp {
        let skew = SignedDuration::try_from_secs_f64(self.clock_skew_seconds.unwrap_or_default()).unwrap_or_default();
        at.checked_add(skew).unwrap_or(at)
    }

    /// Its last poll by its own clock; one that lies too far ahead says nothing of when it was.
    pub(crate) fn last_poll_by_its_clock(&self, now: Timestamp) -> Timestamp {
        let at = Some(self.row.last_poll).filter(|at| !silence::is_ahead(now, *at));
        at.map_or(Timestamp::MIN, |at| self.by_its_clock(at))
    }

    /// Whether its last poll is over three of its intervals ago, in UTC by the master's clock, or too far ahead of it.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        silence::is_silent(now, self.last_poll, self.poll_interval)
    }
}

/// The time since an instant; 0 for one that is ahead.
pub(crate) fn elapsed(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// The bit set of `sp_help_targetserver`, in its own local-time arithmetic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollStatus {
    /// 0x1
    pub normal: bool,
    /// 0x2: the last poll is over 3 intervals ago.
    pub suspected_offline: bool,
    /// 0x4: an instruction failed.
    pub blocked: bool,
}

impl PollStatus {
    /// The names of the bits that are set, in the order of their values.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let bits = [("normal", self.normal), ("suspected_offline", self.suspected_offline), ("blocked", self.blocked)];
        bits.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
    }
}

/// The download list as one target sees it, with the spellings of its name added up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TargetDownloads {
    /// What waits for it, and what failed.
    pub waiting: DownloadRow,
    /// What it has downloaded. `None` until that was first counted.
    pub downloaded: Option<DownloadedRow>,
}

/// Waiting instructions for a name that is not enlisted.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// The name as the download list has it.
    pub target: String,
    /// The kind of the instructions.
    pub kind: OrphanKind,
    /// How many rows.
    pub count: u64,
}

/// A multiserver job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its row; the job dereferences to it.
    pub row: JobRow,
    /// Targets that it is sent to, after the configuration's filter.
    pub targets: u64,
    /// Targets on which its last run failed or was cancelled.
    pub failed_targets: u64,
    /// Targets on which its last run succeeded.
    pub succeeded_targets: u64,
    /// Its last run on each target, up to `limits.job_pairs` over all jobs, sorted by target.
    pub runs: Vec<JobRun>,
}

impl Job {
    /// Counts the last run on one more target.
    pub(crate) fn count(&mut self, success: Option<bool>) {
        self.failed_targets += u64::from(success == Some(false));
        self.succeeded_targets += u64::from(success == Some(true));
    }
}

impl Deref for Job {
    type Target = JobRow;

    fn deref(&self) -> &JobRow {
        &self.row
    }
}

/// The jobs of one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// How many it has.
    pub all: usize,
    /// Those whose last run failed or was cancelled.
    pub failing: usize,
}

impl JobCounts {
    /// Counts one more job by its last run.
    pub(crate) fn count(&mut self, success: Option<bool>) {
        self.all += 1;
        self.failing += usize::from(success == Some(false));
    }
}

/// The last run of a job on one target.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRun {
    /// The target's name as enlisted.
    pub target: String,
    /// `None` when it never ran, or its outcome is not known.
    pub success: Option<bool>,
    /// When it ran. `None` when it never did.
    pub at: Option<Timestamp>,
    /// Its row.
    pub row: JobTargetRow,
}
