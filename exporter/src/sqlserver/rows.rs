//! Turns the rows of each result set into plain values. Times stay local here: the clock comes later.

use super::arrivals::{self, RawArrival, RawConnected};
use super::cells::{Cell, CellError, Positions};
use super::reading::{JobRow, JobTargetRow, Outcome};
use super::statements::Set;
use crate::model::ErrorClass;
use enum_map::EnumMap;
use jiff::civil::{Date, DateTime, Time};
use std::collections::BTreeMap;
use std::time::Duration;
use tiberius::Row;

/// The master's clock as it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ClockRow {
    pub(super) utc_now: DateTime,
    pub(super) local_now: DateTime,
    pub(super) utc_offset_minutes: i32,
    pub(super) started: DateTime,
}

/// A row of `systargetservers`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawTarget {
    pub(super) server_id: i32,
    pub(super) name: String,
    pub(super) location: Option<String>,
    pub(super) time_zone_adjustment: i32,
    pub(super) enlist_date: DateTime,
    pub(super) last_poll_date: DateTime,
    pub(super) status: i32,
    pub(super) local_time_at_last_poll: DateTime,
    pub(super) poll_interval: i32,
}

/// One name of the download list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawDownload {
    pub(super) target: String,
    pub(super) pending: BTreeMap<u8, u64>,
    pub(super) oldest_pending: Option<DateTime>,
    pub(super) defect_waiting: u64,
    pub(super) other_waiting: u64,
    pub(super) errors: EnumMap<ErrorClass, u64>,
}

/// What one name has downloaded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawDownloaded {
    pub(super) target: String,
    pub(super) count: u64,
    pub(super) last: Option<DateTime>,
}

/// Every row that came, by result set.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) clock: Option<ClockRow>,
    pub(super) targets: Vec<RawTarget>,
    pub(super) groups: Vec<(i32, String)>,
    pub(super) downloads: Vec<RawDownload>,
    pub(super) downloaded: Vec<RawDownloaded>,
    pub(super) table_rows: Option<i64>,
    pub(super) agent_status: Option<i32>,
    pub(super) operator_present: bool,
    pub(super) jobs: Vec<JobRow>,
    pub(super) job_targets: Vec<JobTargetRow>,
    pub(super) arrivals: Vec<RawArrival>,
    pub(super) connected: Vec<RawConnected>,
}

const CLOCK: [&str; 4] = ["utc_now", "local_now", "utc_offset_minutes", "started"];
const TARGETS: [&str; 9] = [
    "server_id",
    "server_name",
    "location",
    "time_zone_adjustment",
    "enlist_date",
    "last_poll_date",
    "status",
    "local_time_at_last_poll",
    "poll_interval",
];
const GROUPS: [&str; 2] = ["server_id", "group_name"];
const DOWNLOADS: [&str; 4] = ["target_server", "oldest_pending", "defect_waiting", "other_waiting"];
/// Operation codes 1 to 9, and 0 for a code that is not documented.
const PENDING: [&str; 10] = [
    "pending_other",
    "pending_insert",
    "pending_update",
    "pending_delete",
    "pending_start",
    "pending_stop",
    "pending_re_enlist",
    "pending_defect",
    "pending_sync_time",
    "pending_set_poll",
];
/// In the order of [`crate::model::ErrorClass::ALL`].
const ERRORS: [&str; 7] = [
    "errors_proxy_disabled",
    "errors_proxy_missing",
    "errors_permission",
    "errors_object_exists",
    "errors_subsystem",
    "errors_version",
    "errors_other",
];
const DOWNLOADED: [&str; 3] = ["target_server", "downloaded", "last_download"];
const DOWNLOAD_ROWS: [&str; 1] = ["table_rows"];
const AGENT: [&str; 1] = ["status"];
const OPERATOR: [&str; 1] = ["operator_name"];
const JOBS: [&str; 3] = ["job_id", "job_name", "enabled"];
const JOB_TARGETS: [&str; 6] =
    ["job_id", "server_id", "last_run_outcome", "last_run_date", "last_run_time", "last_run_duration"];

/// Reads the rows of one result set, whose columns were found by name once.
#[derive(Debug)]
pub(super) enum Decoder {
    Clock(Positions<4>),
    Targets(Positions<9>),
    Groups(Positions<2>),
    Downloads(Positions<4>, Positions<10>, Positions<7>),
    Downloaded(Positions<3>),
    DownloadRows(Positions<1>),
    Agent(Positions<1>),
    Operator(Positions<1>),
    Jobs(Positions<3>),
    JobTargets(Positions<6>),
    Arrivals(Positions<3>),
    Connected(Positions<7>),
}

impl Decoder {
    pub(super) fn new(set: Set, columns: &[String]) -> Result<Decoder, CellError> {
        Ok(match set {
            Set::Clock => Decoder::Clock(Positions::locate(&CLOCK, columns)?),
            Set::Targets => Decoder::Targets(Positions::locate(&TARGETS, columns)?),
            Set::Groups => Decoder::Groups(Positions::locate(&GROUPS, columns)?),
            Set::Downloads => Decoder::Downloads(
                Positions::locate(&DOWNLOADS, columns)?,
                Positions::locate(&PENDING, columns)?,
                Positions::locate(&ERRORS, columns)?,
            ),
            Set::Downloaded => Decoder::Downloaded(Positions::locate(&DOWNLOADED, columns)?),
            Set::DownloadRows => Decoder::DownloadRows(Positions::locate(&DOWNLOAD_ROWS, columns)?),
            Set::Agent => Decoder::Agent(Positions::locate(&AGENT, columns)?),
            Set::Operator => Decoder::Operator(Positions::locate(&OPERATOR, columns)?),
            Set::Jobs => Decoder::Jobs(Positions::locate(&JOBS, columns)?),
            Set::JobTargets => Decoder::JobTargets(Positions::locate(&JOB_TARGETS, columns)?),
            Set::Arrivals => Decoder::Arrivals(Positions::locate(&arrivals::ARRIVALS, columns)?),
            Set::Connected => Decoder::Connected(Positions::locate(&arrivals::CONNECTED, columns)?),
        })
    }

    /// Adds one row.
    pub(super) fn read(&self, row: &Row, rows: &mut Rows) -> Result<(), CellError> {
        match self {
            Decoder::Clock(positions) => {
                let [utc_now, local_now, offset, started] = positions.cells(row)?;
                rows.clock = Some(ClockRow {
                    utc_now: utc_now.wall_time()?,
                    local_now: local_now.wall_time()?,
                    utc_offset_minutes: offset.integer()?,
                    started: started.wall_time()?,
                });
            }
            Decoder::Targets(positions) => rows.targets.push(target(positions.cells(row)?)?),
            Decoder::Groups(positions) => {
                let [server_id, name] = positions.cells(row)?;
                rows.groups.push((server_id.integer()?, name.text()?));
            }
            Decoder::Downloads(whole, pending, errors) => {
                rows.downloads.push(download(whole.cells(row)?, pending.cells(row)?, errors.cells(row)?)?);
            }
            Decoder::Downloaded(positions) => {
                let [target, count, last] = positions.cells(row)?;
                rows.downloaded.push(RawDownloaded {
                    target: target.text()?,
                    count: count.integer()?,
                    last: last.wall_time_or_null()?,
                });
            }
            Decoder::DownloadRows(positions) => {
                let [count] = positions.cells(row)?;
                rows.table_rows = count.integer_or_null()?;
            }
            Decoder::Agent(positions) => {
                let [status] = positions.cells(row)?;
                rows.agent_status = Some(status.integer()?);
            }
            Decoder::Operator(positions) => {
                let [name] = positions.cells(row)?;
                name.text()?;
                rows.operator_present = true;
            }
            Decoder::Jobs(positions) => {
                let [id, name, enabled] = positions.cells(row)?;
                rows.jobs.push(JobRow { id: id.guid()?, name: name.text()?, enabled: enabled.integer::<u8>()? != 0 });
            }
            Decoder::JobTargets(positions) => rows.job_targets.push(job_target(positions.cells(row)?)?),
            Decoder::Arrivals(positions) => arrivals::read_arrival(positions.cells(row)?, &mut rows.arrivals)?,
            Decoder::Connected(positions) => arrivals::read_connected(positions.cells(row)?, &mut rows.connected)?,
        }
        Ok(())
    }
}

fn target(cells: [Cell<'_>; 9]) -> Result<RawTarget, CellError> {
    let [server_id, name, location, zone, enlisted, last_poll, status, local_time, interval] = cells;
    Ok(RawTarget {
        server_id: server_id.integer()?,
        name: name.text()?,
        location: location.text_or_null()?,
        time_zone_adjustment: zone.integer()?,
        enlist_date: enlisted.wall_time()?,
        last_poll_date: last_poll.wall_time()?,
        status: status.integer()?,
        local_time_at_last_poll: local_time.wall_time()?,
        poll_interval: interval.integer()?,
    })
}

fn download(whole: [Cell<'_>; 4], pending: [Cell<'_>; 10], errors: [Cell<'_>; 7]) -> Result<RawDownload, CellError> {
    let [target, oldest_pending, defect_waiting, other_waiting] = whole;
    let mut by_operation = BTreeMap::new();
    for (code, cell) in (0u8..).zip(pending) {
        let count: u64 = cell.integer()?;
        if count > 0 {
            by_operation.insert(code, count);
        }
    }
    let mut by_class = EnumMap::<ErrorClass, u64>::default();
    for (class, cell) in EnumMap::<ErrorClass, _>::from_array(errors) {
        by_class[class] = cell.integer()?;
    }
    Ok(RawDownload {
        target: target.text()?,
        pending: by_operation,
        oldest_pending: oldest_pending.wall_time_or_null()?,
        defect_waiting: defect_waiting.integer()?,
        other_waiting: other_waiting.integer()?,
        errors: by_class,
    })
}

fn job_target(cells: [Cell<'_>; 6]) -> Result<JobTargetRow, CellError> {
    let [job_id, server_id, outcome, date, time, duration] = cells;
    Ok(JobTargetRow {
        job_id: job_id.guid()?,
        server_id: server_id.integer()?,
        outcome: match outcome.integer::<u8>()? {
            0 => Outcome::Failed,
            1 => Outcome::Succeeded,
            2 => Outcome::Retry,
            3 => Outcome::Cancelled,
            4 => Outcome::InProgress,
            _ => Outcome::Unknown,
        },
        last_run: run_time(date.integer()?, time.integer()?),
        duration: run_duration(duration.integer()?),
    })
}

/// `last_run_date` (YYYYMMDD, 0 for never) and `last_run_time` (HHMMSS without leading zeros).
fn run_time(date: i32, time: i32) -> Option<DateTime> {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let time = Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, 0).ok()?;
    (date.year() > 0).then(|| date.to_datetime(time))
}

/// HHMMSS, where the hours may have more than two digits. Nonsense is no time at all.
fn run_duration(hhmmss: i32) -> Duration {
    let digits = u64::try_from(hhmmss).unwrap_or(0);
    Duration::from_secs(digits / 10_000 * 3_600 + digits / 100 % 100 * 60 + digits % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn run_times_lose_their_leading_zeros() {
        assert_eq!(run_time(20_261_122, 5), Some(datetime(2026, 11, 22, 0, 0, 5, 0)));
        assert_eq!(run_time(20_261_122, 93_000), Some(datetime(2026, 11, 22, 9, 30, 0, 0)));
        assert_eq!(run_time(20_261_122, 235_959), Some(datetime(2026, 11, 22, 23, 59, 59, 0)));
    }

    #[test]
    fn a_date_of_zero_or_nonsense_is_never() {
        for (date, time) in
            [(0, 0), (0, 120_000), (20_261_340, 0), (20_261_122, 250_000), (-1, -1), (i32::MAX, i32::MAX)]
        {
            assert_eq!(run_time(date, time), None, "{date} {time}");
        }
    }

    #[test]
    fn durations_may_last_for_days() {
        assert_eq!(run_duration(0), Duration::ZERO);
        assert_eq!(run_duration(130), Duration::from_secs(90));
        assert_eq!(run_duration(1_000_000), Duration::from_secs(100 * 3_600));
        assert_eq!(run_duration(-5), Duration::ZERO);
    }
}
