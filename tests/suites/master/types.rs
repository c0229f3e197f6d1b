//! Every column of every set: its type, NULL, and what does not fit.

use crate::broken::spoils;
use crate::script::{ARRIVALS, SETS, Script, sound, wall};
use crate::support::Site;
use msx_exporter::collectors::{Outcome, Reading};
use msx_exporter::model::{Collector, Operation, Stage};
use msx_exporter::sqlserver::ReadError;
use msx_lab::wire::{Type, Value};
use std::sync::Arc;
use std::time::Duration;

fn fault(reading: &Reading, collector: Collector) -> Option<&ReadError> {
    reading.reports().find(|report| report.collector == collector).and_then(|report| report.fault.as_ref())
}

/// Every column with what may stand in for its value without being wrong.
fn may_be_null(set: &str, column: &str) -> bool {
    matches!(
        (set, column),
        ("targets", "location")
            | ("downloads", "oldest_pending")
            | ("downloaded", "last_download")
            | ("download_rows", _)
    ) || (set == "downloads" && (column.starts_with("pending_") || column.starts_with("errors_")))
}

#[tokio::test]
async fn a_sound_answer_is_read_to_the_last_cell() {
    let site = Site::start(Arc::new(Script::default())).await;
    let reading = site.read().await;
    let targets = reading.targets.as_ref().unwrap().rows.as_ref().unwrap();
    assert_eq!(targets.clock.now.to_string(), "2026-11-22T11:00:00Z");
    assert_eq!((targets.clock.utc_offset_seconds, targets.clock.zone_known), (3_600, true));
    assert_eq!(targets.clock.started.to_string(), "2026-11-01T05:00:00Z");
    let [target] = targets.rows.as_slice() else { panic!("{targets:?}") };
    assert_eq!((target.server_id, target.name.as_str(), target.location.as_deref()), (7, "SQL01", Some("Room 1")));
    assert_eq!(target.enlisted_at.to_string(), "2026-10-01T07:00:00Z");
    assert_eq!(target.last_poll.to_string(), "2026-11-22T10:59:30Z");
    assert_eq!((target.local_poll_age_seconds, target.stored_status), (30, 1));
    assert_eq!((target.time_zone_adjustment_minutes, target.poll_interval_seconds), (60, 60));
    assert_eq!(target.local_time_at_last_poll.to_string(), "2026-11-22T11:59:30");
    assert_eq!(target.groups, ["PRODUCTION"]);
    let downloads = reading.downloads.as_ref().unwrap().rows.as_ref().unwrap();
    let waiting = enum_map::enum_map! { Operation::Insert => 3, Operation::Start => 1, _ => 0 };
    let [row] = downloads.rows.as_slice() else { panic!("{downloads:?}") };
    assert_eq!((row.target.as_str(), row.pending), ("SQL01", waiting));
    assert_eq!(row.oldest_pending.unwrap().to_string(), "2026-11-22T10:58:00Z");
    assert_eq!((row.defect_waiting, row.other_waiting, row.errors), (0, 4, enum_map::EnumMap::default()));
    assert_eq!((downloads.table_rows, downloads.last_number), (Some(1_234), Some(5_678)));
    assert_eq!(downloads.oldest_posted.unwrap().to_string(), "2026-11-20T08:00:00Z");
    let [downloaded] = downloads.downloaded.as_ref().unwrap().as_slice() else { panic!("{downloads:?}") };
    assert_eq!((downloaded.target.as_str(), downloaded.count), ("SQL01", 1_230));
    assert_eq!(downloaded.last.unwrap().to_string(), "2026-11-22T10:00:00Z");
    let server = reading.server.as_ref().unwrap().rows.as_ref().unwrap();
    assert_eq!((server.name.as_str(), server.version.as_str()), ("MSX01", "16.0.4215.2"));
    assert_eq!((server.auth_scheme.as_deref(), server.encrypted), (Some("SQL"), false));
    assert_eq!((server.agent_running, server.operator_present), (Some(true), Some(true)));
    let jobs = reading.jobs.as_ref().unwrap().rows.as_ref().unwrap();
    let ([job], [pair]) = (jobs.jobs.as_slice(), jobs.pairs.as_slice()) else { panic!("{jobs:?}") };
    assert_eq!(
        (job.id.as_str(), job.name.as_str(), job.enabled),
        ("6F9619FF-8B86-4011-B42D-00C04FC964FF", "Nightly backup", true)
    );
    assert_eq!((&*pair.job_id, pair.server_id, pair.outcome), (job.id.as_str(), 7, Outcome::Succeeded));
    assert_eq!(pair.last_run.unwrap().to_string(), "2026-11-22T01:30:00");
    assert_eq!(pair.duration, Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn null_is_nothing_where_it_may_be_and_a_fault_of_one_collector_where_it_may_not() {
    let script = Arc::new(Script::default());
    let site = Site::start(script.clone()).await;
    for set in SETS {
        for (column, ty, _) in sound(set) {
            script.cell(set, column, ty, Value::Null);
            let reading = site.read_afresh().await;
            let spoilt = if may_be_null(set, column) { &[] } else { spoils(set) };
            for collector in Collector::ALL {
                let fault = fault(&reading, collector);
                assert_eq!(
                    fault.is_some(),
                    spoilt.contains(&collector),
                    "{set}.{column} is NULL: {collector:?}, {fault:?}"
                );
                let Some(fault) = fault else { continue };
                assert_eq!((fault.stage, fault.timeout), (Stage::Decode, false), "{set}.{column}: {fault}");
                assert!(fault.message.contains(column) && fault.message.contains("NULL"), "{set}.{column}: {fault}");
            }
            script.mend();
        }
    }
}

/// The target polls every second, and did so half a minute ago.
fn silent(script: &Script) {
    script.cell("targets", "poll_interval", Type::Int, Value::Int(1));
}

#[tokio::test]
async fn who_arrives_is_read_while_a_target_is_silent() {
    let script = Arc::new(Script::default());
    let site = Site::start(script.clone()).await;
    let before = site.read().await;
    let arrivals = before.arrivals.as_ref().unwrap();
    assert!(arrivals.report.success() && arrivals.report.read_at.is_none(), "nothing was asked: {arrivals:?}");
    silent(&script);
    let reading = site.read_with_look().await;
    assert!(reading.reports().all(|report| report.success()), "{reading:?}");
    let arrivals = reading.arrivals.as_ref().unwrap().rows.as_ref().unwrap();
    assert_eq!(arrivals.covered_since.unwrap().to_string(), "2026-11-01T05:00:00Z");
    let [record] = arrivals.records.as_slice() else { panic!("{arrivals:?}") };
    assert_eq!((record.at.to_string().as_str(), record.error), ("2026-11-22T10:59:30Z", Some(18_456)));
    let [sighting] = arrivals.sightings.values().collect::<Vec<_>>()[..] else { panic!("{arrivals:?}") };
    let agent = &sighting.agents[0];
    assert_eq!((agent.login.as_deref(), agent.blocked_by), (Some("CORP\\sql01"), Some(71)));
}

#[tokio::test]
async fn what_does_not_fit_there_is_a_fault_of_that_collector_alone() {
    let script = Arc::new(Script::default());
    let site = Site::start(script.clone()).await;
    for set in ARRIVALS {
        for (at, (column, ty, _)) in sound(set).into_iter().enumerate() {
            for wrong in [true, false] {
                silent(&script);
                let (other, value) = WRONG[at % WRONG.len()];
                if wrong {
                    script.cell(set, column, other, value())
                } else {
                    script.cell(set, column, ty, Value::Null)
                }
                let reading = site.read_afresh().await;
                let faulty = |collector| fault(&reading, collector).map(|fault| fault.stage);
                let never_null = ["age_ms", "up_ms", "session_id", "waiting"].contains(&column);
                let expected = (wrong || never_null).then_some(Stage::Decode);
                assert_eq!(faulty(Collector::Arrivals), expected, "{set}.{column}");
                for collector in [Collector::Targets, Collector::Downloads, Collector::Server, Collector::Jobs] {
                    assert_eq!(faulty(collector), None, "{set}.{column}: {collector:?}");
                }
                script.mend();
            }
        }
    }
}

/// A type that no column of ours may have, whatever it holds.
const WRONG: [(Type, fn() -> Value); 4] = [
    (Type::Float, || Value::Float(1.0)),
    (Type::VarBinary(Some(16)), || Value::Bytes([1].as_slice().into())),
    (Type::Decimal { precision: 10, scale: 0 }, || Value::Decimal(1)),
    (Type::DateTimeOffset(3), || Value::DateTimeOffset("2026-11-22T12:00:00".parse().unwrap(), 60)),
];

#[tokio::test]
async fn a_wrong_type_is_a_fault_of_decoding_and_the_next_reading_is_complete() {
    let script = Arc::new(Script::default());
    let site = Site::start(script.clone()).await;
    for set in SETS {
        for (at, (column, ..)) in sound(set).into_iter().enumerate() {
            let (ty, value) = WRONG[at % WRONG.len()];
            script.cell(set, column, ty, value());
            let reading = site.read_afresh().await;
            for collector in Collector::ALL {
                let fault = fault(&reading, collector);
                assert_eq!(
                    fault.is_some(),
                    spoils(set).contains(&collector),
                    "{set}.{column}: {collector:?}, {fault:?}"
                );
                let Some(fault) = fault else { continue };
                assert_eq!(fault.stage, Stage::Decode, "{set}.{column}: {fault}");
                assert!(fault.message.contains(column), "{set}.{column}: {fault}");
            }
            script.mend();
        }
    }
    let reading = site.read().await;
    assert!(reading.reports().all(|report| report.success()), "{reading:?}");
}

#[tokio::test]
async fn every_width_of_an_integer_and_every_kind_of_time_is_understood() {
    let script = Arc::new(Script::default());
    let site = Site::start(script.clone()).await;
    for ty in [Type::Bit, Type::TinyInt, Type::SmallInt, Type::Int, Type::BigInt] {
        script.cell("targets", "poll_interval", ty, Value::Int(1));
        let reading = site.read_afresh().await;
        let rows = reading.targets.as_ref().unwrap().rows.as_ref().unwrap_or_else(|| panic!("{ty:?}: {reading:?}"));
        assert_eq!(rows.rows[0].poll_interval_seconds, 1, "{ty:?}");
    }
    for (interval, fine) in [(i64::from(i32::MAX), true), (i64::from(i32::MIN), true), (i64::from(i32::MAX) + 1, false)]
    {
        script.cell("targets", "poll_interval", Type::BigInt, Value::Int(interval));
        let reading = site.read_afresh().await;
        assert_eq!(reading.targets.as_ref().unwrap().rows.is_some(), fine, "{interval}");
    }
    for scale in 0..=7 {
        script.cell("targets", "last_poll_date", Type::DateTime2(scale), wall("2026-11-22T11:59:30"));
        let reading = site.read_afresh().await;
        let rows = reading.targets.as_ref().unwrap().rows.as_ref().unwrap();
        assert_eq!(rows.rows[0].last_poll.to_string(), "2026-11-22T10:59:30Z", "datetime2({scale})");
    }
    for ty in [Type::VarChar(Some(128)), Type::NVarChar(None)] {
        script.cell("targets", "server_name", ty, Value::Text("SQL02".into()));
        let reading = site.read_afresh().await;
        assert_eq!(reading.targets.as_ref().unwrap().rows.as_ref().unwrap().rows[0].name, "SQL02", "{ty:?}");
    }
}

#[tokio::test]
async fn times_at_the_edges_of_what_sql_server_can_store_end_no_process() {
    let script = Arc::new(Script::default());
    let site = Site::start(script.clone()).await;
    for at in ["1753-01-01T00:00:00", "1900-01-01T00:00:00", "2079-06-06T00:00:00", "9999-12-31T23:59:59"] {
        for (set, column) in
            [("targets", "last_poll_date"), ("targets", "local_time_at_last_poll"), ("clock", "started")]
        {
            script.mend();
            script.cell(set, column, Type::DateTime, wall(at));
            let reading = site.read_afresh().await;
            let fault = fault(&reading, Collector::Targets);
            assert!(fault.is_none_or(|fault| fault.stage == Stage::Decode), "{set}.{column} {at}: {fault:?}");
        }
    }
    for at in ["0001-01-01T00:00:00", "9999-12-31T23:59:59"] {
        script.mend();
        script.cell("clock", "utc_now", Type::DateTime2(3), wall(at));
        let reading = site.read_afresh().await;
        let fault = fault(&reading, Collector::Targets);
        assert!(fault.is_none_or(|fault| fault.stage == Stage::Decode), "utc_now {at}: {fault:?}");
    }
    script.mend();
    for offset in [-100_000, 1_000_000, i64::from(i32::MAX)] {
        script.cell("clock", "utc_offset_minutes", Type::Int, Value::Int(offset));
        let reading = site.read_afresh().await;
        assert_eq!(fault(&reading, Collector::Targets).map(|fault| fault.stage), Some(Stage::Decode), "{offset}");
    }
    script.mend();
    assert!(site.read().await.reports().all(|report| report.success()));
}
