//! Multiserver jobs, and the last outcome of each on each target.

use super::result_cache::{Kept, is_due};
use super::truth;
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::Value;
use crate::exposition::in_order::InOrder;
use crate::model::Collector;
use crate::sqlserver::{Cell, CellError, Column, Context, Needs, ResultSet, Right, Set, Statement, row};
use jiff::civil::{Date, DateTime, Time};
use std::sync::Arc;
use std::time::Duration;

const JOBS: Statement = Statement::new("jobs", include_str!("jobs.sql"));
const JOB_TARGETS: Statement = Statement::new("job_targets", include_str!("job_targets.sql"));

pub(super) const NEEDS: Needs =
    Needs { collector: Collector::Jobs, essential: &[Right::Jobs, Right::JobServers], helpful: &[] };

row! {
    /// One multiserver job.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct JobRow {
        /// In the form that SQL Server prints: upper case with hyphens.
        pub id: String = ["job_id"] => guid,
        /// Its name.
        pub name: String = "job_name",
        /// Whether it is enabled.
        pub enabled: bool = "enabled",
    }
}

row! {
    /// The last outcome of one job on one target (`msdb.dbo.sysjobservers`).
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct JobTargetRow {
        /// The job, in the form of [`JobRow::id`].
        pub job_id: Arc<str> = ["job_id"] => guid,
        /// The target, never 0.
        pub server_id: i32 = "server_id",
        /// How the run ended, or that it has not.
        pub outcome: Outcome = "last_run_outcome",
        /// When, as the target's local time; `None` when it never ran (date 0) or the numbers are no date.
        pub last_run: Option<DateTime> = ["last_run_date", "last_run_time"] => run_time,
        /// How long it took; `None` when it never ran.
        pub duration: Option<Duration> = ["last_run_date", "last_run_time", "last_run_duration"] => run_duration,
    }
}

/// `last_run_outcome` of `sysjobservers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
    #[default]
    Unknown,
}

impl Outcome {
    /// The name in documents.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Failed => "failed",
            Outcome::Succeeded => "succeeded",
            Outcome::Retry => "retry",
            Outcome::Cancelled => "cancelled",
            Outcome::InProgress => "in_progress",
            Outcome::Unknown => "unknown",
        }
    }
}

impl Column for Outcome {
    fn read(cell: &Cell<'_>, _: &mut Context<'_>) -> Result<Outcome, CellError> {
        Ok(match cell.integer::<u8>()? {
            0 => Outcome::Failed,
            1 => Outcome::Succeeded,
            2 => Outcome::Retry,
            3 => Outcome::Cancelled,
            4 => Outcome::InProgress,
            _ => Outcome::Unknown,
        })
    }
}

/// Multiserver jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Jobs {
    /// Jobs that have at least one target, before any filter of the configuration.
    pub jobs: Vec<JobRow>,
    /// One for each job and target, sorted by job and target.
    pub pairs: Vec<JobTargetRow>,
}

/// What is kept between two readings.
pub(super) type Cache = Option<Kept<Arc<Jobs>>>;

/// What is asked for.
pub(super) struct Sets {
    jobs: ResultSet<JobRow>,
    pairs: ResultSet<JobTargetRow>,
}

impl Sets {
    /// Everything; `None` while an expensive answer rests.
    pub(super) fn due(cache: &Cache) -> Option<Sets> {
        is_due(cache.as_ref(), Duration::ZERO)
            .then(|| Sets { jobs: ResultSet::of(&JOBS), pairs: ResultSet::of(&JOB_TARGETS) })
    }

    pub(super) fn all(&mut self) -> Vec<&mut dyn Set> {
        vec![&mut self.jobs, &mut self.pairs]
    }

    /// Sorted, so that a limit keeps the same pairs each time.
    pub(super) fn collect(self) -> Jobs {
        let (mut jobs, mut pairs) = (self.jobs.rows, self.pairs.rows);
        jobs.sort_by(|a, b| a.id.cmp(&b.id));
        pairs.sort_by(|a, b| (&a.job_id, a.server_id).cmp(&(&b.job_id, b.server_id)));
        Jobs { jobs, pairs }
    }
}

/// The labels of everything about one job.
pub(crate) fn labels(job: &JobRow) -> [(&'static str, &str); 2] {
    [("job_id", job.id.as_str()), ("job_name", job.name.as_str())]
}

/// What comes straight from the rows.
pub(crate) fn metrics<'a>(families: &mut InOrder<'a>, jobs: impl Iterator<Item = &'a JobRow> + 'a) {
    families.family(
        &metric::JOB_INFO,
        jobs.map(|job| {
            let [id, name] = labels(job);
            ([id, name, ("enabled", truth(job.enabled))], Value::from(true))
        }),
    );
}

type RunValue = fn(&JobTargetRow) -> Option<Value>;

/// What comes straight from the row of a run. A table, for the series of all runs are counted before any is written.
pub(crate) const RUN_METRICS: &[(&Metric, RunValue)] =
    &[(&metric::JOB_RUN_DURATION, |row| row.duration.map(Value::from))];

pub(super) fn guid<T: From<String>>([cell]: [Cell<'_>; 1], _: &mut Context<'_>) -> Result<T, CellError> {
    cell.guid().map(T::from)
}

fn run_time([date, time]: [Cell<'_>; 2], _: &mut Context<'_>) -> Result<Option<DateTime>, CellError> {
    Ok(date_and_time(date.integer()?, time.integer()?))
}

fn run_duration(
    [date, time, duration]: [Cell<'_>; 3],
    context: &mut Context<'_>,
) -> Result<Option<Duration>, CellError> {
    let duration = hours_minutes_seconds(duration.integer()?);
    Ok(run_time([date, time], context)?.map(|_| duration))
}

/// `last_run_date` (YYYYMMDD, 0 for never) and `last_run_time` (HHMMSS without leading zeros).
fn date_and_time(date: i32, time: i32) -> Option<DateTime> {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let time = Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, 0).ok()?;
    (date.year() > 0).then(|| date.to_datetime(time))
}

/// HHMMSS, where the hours may have more than two digits. Nonsense is no time at all.
fn hours_minutes_seconds(hhmmss: i32) -> Duration {
    let digits = u64::try_from(hhmmss).unwrap_or(0);
    Duration::from_secs(digits / 10_000 * 3_600 + digits / 100 % 100 * 60 + digits % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn run_times_lose_their_leading_zeros() {
        assert_eq!(date_and_time(20_261_122, 5), Some(datetime(2026, 11, 22, 0, 0, 5, 0)));
        assert_eq!(date_and_time(20_261_122, 93_000), Some(datetime(2026, 11, 22, 9, 30, 0, 0)));
        assert_eq!(date_and_time(20_261_122, 235_959), Some(datetime(2026, 11, 22, 23, 59, 59, 0)));
    }

    #[test]
    fn a_date_of_zero_or_nonsense_is_never() {
        for (date, time) in
            [(0, 0), (0, 120_000), (20_261_340, 0), (20_261_122, 250_000), (-1, -1), (i32::MAX, i32::MAX)]
        {
            assert_eq!(date_and_time(date, time), None, "{date} {time}");
        }
    }

    #[test]
    fn durations_may_last_for_days() {
        assert_eq!(hours_minutes_seconds(0), Duration::ZERO);
        assert_eq!(hours_minutes_seconds(130), Duration::from_secs(90));
        assert_eq!(hours_minutes_seconds(1_000_000), Duration::from_secs(100 * 3_600));
        assert_eq!(hours_minutes_seconds(-5), Duration::ZERO);
    }
}
