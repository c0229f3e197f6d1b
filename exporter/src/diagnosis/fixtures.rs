//! Readings for tests: a healthy fleet, and ways to change it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::collectors::{
    Collected, CollectorReport, DownloadRow, DownloadedRow, Downloads, JobRow, JobTargetRow, Jobs, Outcome, Reading,
    ServerFacts, TargetRow, Targets,
};
use crate::config::{Config, Filter, Pattern};
use crate::model::{Check, Collector, Direction, Operation, PortState, Stage};
use crate::probe::{Finding, PortResults};
use crate::sqlserver::{MasterClock, ReadError};
use enum_map::enum_map;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The master's now in every reading that sets no other.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// So many seconds before [`now`].
pub(crate) fn ago(seconds: i64) -> Timestamp {
    now().checked_sub(SignedDuration::from_secs(seconds)).unwrap()
}

/// The local time at an instant in a zone so many minutes east.
pub(crate) fn wall_clock(at: Timestamp, minutes_east: i32) -> DateTime {
    Offset::from_seconds(minutes_east * 60).unwrap().to_datetime(at)
}

/// The default configuration, with a login that is never used.
pub(crate) fn config() -> Config {
    let mut config = crate::config::defaults();
    config.ports.checks.clear();
    config
}

/// A filter that accepts every name.
pub(crate) fn everything() -> Filter {
    Filter { include: pattern(".*"), exclude: pattern("^$") }
}

/// A regular expression of the configuration.
pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

/// A target in UTC that was enlisted thirty days ago, polls every minute and did so 20 s ago.
pub(crate) fn target(server_id: i32, name: &str) -> TargetRow {
    polled_at(
        TargetRow {
            server_id,
            name: name.into(),
            enlisted_at: ago(30 * 86_400),
            last_poll: now(),
            local_poll_age_seconds: 0,
            stored_status: 1,
            local_time_at_last_poll: DateTime::default(),
            time_zone_adjustment_minutes: 0,
            poll_interval_seconds: 60,
            ..TargetRow::default()
        },
        20,
    )
}

/// The same target with its last poll so many seconds ago and its clock right.
pub(crate) fn polled_at(row: TargetRow, seconds_ago: i64) -> TargetRow {
    let last_poll = ago(seconds_ago);
    TargetRow {
        last_poll,
        local_poll_age_seconds: seconds_ago,
        local_time_at_last_poll: wall_clock(last_poll, row.time_zone_adjustment_minutes),
        ..row
    }
}

/// A target that was enlisted so many seconds ago and has never polled.
pub(crate) fn never_polled(server_id: i32, name: &str, seconds_ago: i64) -> TargetRow {
    TargetRow { enlisted_at: ago(seconds_ago), ..polled_at(target(server_id, name), seconds_ago) }
}

/// A reading in which all collectors succeeded: these targets, an empty download list, no jobs.
pub(crate) fn reading(rows: Vec<TargetRow>) -> Reading {
    let clock = MasterClock { now: now(), utc_offset_seconds: 3_600, zone_known: true, started: ago(90 * 86_400) };
    let targets = Targets { clock, rows: rows.into_iter().map(Arc::new).collect() };
    let server = ServerFacts { name: "MSX01".into(), version: "16.0.4135.4".into(), ..ServerFacts::default() };
    Reading {
        given_up: false,
        began: now(),
        took: Duration::from_millis(20),
        targets: Some(read(Collector::Targets, targets)),
        downloads: Some(read(
            Collector::Downloads,
            Downloads { downloaded: Some(Arc::default()), ..Downloads::default() },
        )),
        server: Some(read(Collector::Server, server)),
        jobs: Some(read(Collector::Jobs, Jobs::default())),
        arrivals: None,
    }
}

/// The same reading with this download list.
pub(crate) fn with_downloads(reading: Reading, rows: Vec<DownloadRow>) -> Reading {
    let downloads = Downloads { rows, downloaded: Some(Arc::default()), table_rows: Some(0), ..Downloads::default() };
    Reading { downloads: Some(read(Collector::Downloads, downloads)), ..reading }
}

/// The same reading with these jobs.
pub(crate) fn with_jobs(reading: Reading, jobs: Vec<JobRow>, pairs: Vec<JobTargetRow>) -> Reading {
    Reading { jobs: Some(read(Collector::Jobs, Jobs { jobs, pairs })), ..reading }
}

/// So many INSERT instructions that wait, the oldest for so many seconds.
pub(crate) fn waiting(target: &str, count: u64, seconds: i64) -> DownloadRow {
    DownloadRow {
        target: target.into(),
        pending: enum_map! { Operation::Insert => count, _ => 0 },
        oldest_pending: Some(ago(seconds)),
        other_waiting: count,
        ..DownloadRow::default()
    }
}

/// What one name has downloaded.
pub(crate) fn downloaded(target: &str, count: u64, last: Option<Timestamp>) -> DownloadedRow {
    let mut row = DownloadedRow { target: target.into(), count, ..DownloadedRow::default() };
    row.last = last;
    row
}

/// A job with this name and identity.
pub(crate) fn job(id: &str, name: &str) -> JobRow {
    JobRow { id: id.into(), name: name.into(), enabled: true }
}

/// A run of a job that took 90 s, at a local time of the target.
pub(crate) fn run(job_id: &str, server_id: i32, outcome: Outcome, last_run: Option<DateTime>) -> JobTargetRow {
    let mut row = JobTargetRow { job_id: job_id.into(), server_id, outcome, last_run, ..JobTargetRow::default() };
    row.duration = last_run.map(|_| Duration::from_secs(90));
    row
}

/// A collector that succeeded.
pub(crate) fn read<T>(collector: Collector, rows: T) -> Collected<T> {
    Collected { report: report(collector, None), rows: Some(Arc::new(rows)) }
}

/// A collector that failed for want of a right.
pub(crate) fn failed<T>(collector: Collector) -> Collected<T> {
    let fault = ReadError::new(Stage::Permission, "no SELECT");
    Collected { report: report(collector, Some(fault)), rows: None }
}

fn report(collector: Collector, fault: Option<ReadError>) -> CollectorReport {
    CollectorReport {
        collector,
        duration: Duration::from_millis(3),
        permission: fault.is_none(),
        missing: Vec::new(),
        read_at: fault.is_none().then(now),
        fault,
    }
}

/// A finding of a check of an engine port from the master.
pub(crate) fn engine_port(state: PortState, required: bool) -> Finding {
    Finding { state, required, port: Some(1433), ..Finding::skipped(Check::Engine, Direction::ToTarget, now()) }
}

/// Port results with these findings on one target.
pub(crate) fn port_results(target: &str, findings: Vec<Finding>) -> Arc<PortResults> {
    Arc::new(PortResults { findings: BTreeMap::from([(target.into(), findings)]), ..PortResults::default() })
}
