//! One reading of the master: plain rows, every instant already in UTC.

use super::arrivals::Arrivals;
use crate::model::{Certificate, Collector, ErrorClass, Stage, silence};
use enum_map::EnumMap;
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Why something could not be read: what was tried, where it stopped, what to do next. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stopped.
    pub stage: Stage,
    /// Whether a deadline ended it.
    pub timeout: bool,
    /// What was tried and what came of it.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.name(), self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " (hint: {hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// How one collector fared in one reading.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectorReport {
    /// Which one.
    pub collector: Collector,
    /// How long its statements took, as seen from here.
    pub duration: Duration,
    /// Whether the login has every right that it needs. A missing right is no success either.
    pub permission: bool,
    /// When its rows were read. Older than the reading only where a dear statement is spaced out.
    pub read_at: Option<Timestamp>,
    /// Why it failed, where it did.
    pub fault: Option<Fault>,
}

impl CollectorReport {
    /// Whether its rows are whole.
    pub fn success(&self) -> bool {
        self.fault.is_none()
    }
}

/// What one collector read, or why it did not.
#[derive(Debug, Clone)]
pub struct Collected<T> {
    /// How it fared.
    pub report: CollectorReport,
    /// Its rows: present exactly when it succeeded.
    pub rows: Option<T>,
}

/// Everything that was read from the master at once. A collector that is switched off is `None`.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When the reading began, by this machine's clock.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The targets, always asked for unless switched off.
    pub targets: Option<Collected<Targets>>,
    /// The download list.
    pub downloads: Option<Collected<Downloads>>,
    /// The master itself.
    pub server: Option<Collected<ServerFacts>>,
    /// Multiserver jobs.
    pub jobs: Option<Collected<Jobs>>,
    /// Who arrives, as the master remembers it.
    pub arrivals: Option<Collected<Arrivals>>,
}

impl Reading {
    /// A reading for which nothing was asked.
    pub fn nothing(began: Timestamp) -> Reading {
        Reading {
            began,
            took: Duration::ZERO,
            targets: None,
            downloads: None,
            server: None,
            jobs: None,
            arrivals: None,
        }
    }

    /// The reports of all collectors that are switched on.
    pub fn reports(&self) -> impl Iterator<Item = &CollectorReport> {
        [
            self.targets.as_ref().map(|c| &c.report),
            self.downloads.as_ref().map(|c| &c.report),
            self.server.as_ref().map(|c| &c.report),
            self.jobs.as_ref().map(|c| &c.report),
            self.arrivals.as_ref().map(|c| &c.report),
        ]
        .into_iter()
        .flatten()
    }
}

/// The rows of `msdb.dbo.systargetservers` with the clock by which they are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// The master's clock when the rows were read.
    pub now: Timestamp,
    /// Offset of the master's local time from UTC in force at `now`, in seconds east.
    pub utc_offset_seconds: i32,
    /// Whether the rules of its time zone are known. If not, the offset in force now stands for every instant, and
    /// a target that is silent across a change of clocks is an hour off until it polls.
    pub zone_known: bool,
    /// When the instance started (`create_date` of tempdb).
    pub started: Timestamp,
    /// One for each enlisted target, before any filter of the configuration. `server_id` 0 is never among them.
    pub rows: Vec<TargetRow>,
}

/// One enlisted target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetRow {
    /// `server_id`, the key of groups and job outcomes.
    pub server_id: i32,
    /// `server_name` as stored.
    pub name: String,
    /// `location`, free text.
    pub location: Option<String>,
    /// `enlist_date`.
    pub enlisted_at: Timestamp,
    /// `last_poll_date`; equals the enlistment, within a second, until the first poll.
    pub last_poll: Timestamp,
    /// Seconds between `last_poll_date` and the master's now, both in its local wall time, as
    /// `DATEDIFF(second, …)` counts them. Wrong by an hour on the nights when clocks change;
    /// only for parity with `sp_help_targetserver`.
    pub local_poll_age_seconds: i64,
    /// `status` as stored: a bit set, in practice always 1.
    pub stored_status: i32,
    /// `local_time_at_last_poll`: the target's own wall clock.
    pub local_time_at_last_poll: DateTime,
    /// `time_zone_adjustment`: minutes east of UTC as the target reports them, without daylight saving.
    pub time_zone_adjustment_minutes: i32,
    /// `poll_interval` as stored, in seconds. May be 0 or less.
    pub poll_interval_seconds: i32,
    /// Names of the target server groups that it belongs to, sorted.
    pub groups: Vec<String>,
}

impl TargetRow {
    /// Whether it is silent by the master's clock.
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        silence::is_silent(now, self.last_poll, silence::poll_interval(self.poll_interval_seconds))
    }
}

/// The download list, one row for each name in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Downloads {
    /// Rows that wait or have failed, by `target_server` as stored. Names that differ only in case stay apart here.
    pub rows: Vec<DownloadRow>,
    /// Rows that were downloaded, counted at most every five minutes. `None` until they were first counted.
    pub downloaded: Option<Vec<DownloadedRow>>,
    /// Rows of the whole table, from the partition's metadata.
    pub table_rows: Option<i64>,
}

/// What waits for one name, and what failed there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DownloadRow {
    /// `target_server` as stored.
    pub target: String,
    /// Rows with status 0 and no error, by operation code.
    pub pending: BTreeMap<u8, u64>,
    /// The oldest `date_posted` among them.
    pub oldest_pending: Option<Timestamp>,
    /// Rows with status 0 and operation 7 (DEFECT), with or without an error.
    pub defect_waiting: u64,
    /// Rows with status 0 and any other operation, with or without an error.
    pub other_waiting: u64,
    /// Rows with an error message (even an empty one), by class.
    pub errors: EnumMap<ErrorClass, u64>,
}

/// What one name has downloaded.
#[derive(Debug, Clone, PartialEq)]
pub struct DownloadedRow {
    /// `target_server` as stored.
    pub target: String,
    /// Rows with status 1; SQL Server trims them by DownloadedMaxRows.
    pub count: u64,
    /// The newest `date_downloaded`.
    pub last: Option<Timestamp>,
}

/// The master itself. A field is `None` where the login may not see it or the version does not have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerFacts {
    /// `SERVERPROPERTY('ServerName')`.
    pub name: String,
    /// `SERVERPROPERTY('ProductVersion')`, such as 16.0.4135.4.
    pub version: String,
    /// `SERVERPROPERTY('Edition')`.
    pub edition: String,
    /// How our own session logged in: SQL, NTLM or KERBEROS.
    pub auth_scheme: Option<String>,
    /// Whether our own session is encrypted after the login.
    pub encrypted: bool,
    /// Whether SQL Server Agent runs on the master.
    pub agent_running: Option<bool>,
    /// Whether the operator MSXOperator exists.
    pub operator_present: Option<bool>,
    /// The certificate that the master presents, where it was looked at.
    pub certificate: Option<Certificate>,
}

/// Multiserver jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Jobs {
    /// Jobs that have at least one target, before any filter of the configuration.
    pub jobs: Vec<JobRow>,
    /// One for each job and target, sorted by job and target.
    pub pairs: Vec<JobTargetRow>,
}

/// One multiserver job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// `job_id`, in the form that SQL Server prints: upper case with hyphens.
    pub id: String,
    /// `name`.
    pub name: String,
    /// `enabled`.
    pub enabled: bool,
}

/// The last outcome of one job on one target (`msdb.dbo.sysjobservers`).
#[derive(Debug, Clone, PartialEq)]
pub struct JobTargetRow {
    /// `job_id`.
    pub job_id: String,
    /// `server_id` of the target, never 0.
    pub server_id: i32,
    /// `last_run_outcome`.
    pub outcome: Outcome,
    /// `last_run_date` and `last_run_time` as the target's local time; `None` when it never ran (date 0) or the
    /// numbers are no date.
    pub last_run: Option<DateTime>,
    /// `last_run_duration`, decoded from HHMMSS (hours may have more than two digits).
    pub duration: Duration,
}

/// `last_run_outcome` of `sysjobservers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0
    Failed,
    /// 1
    Succeeded,
    /// 2
    Retry,
    /// 3
    Cancelled,
    /// 4
    InProgress,
    /// 5, or a number that is not documented.
    Unknown,
}
