//! Each row of the table of causes, before, at and past its thresholds, through the complete assessment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Diagnosis;
use crate::collectors::{DownloadRow, Reading, TargetRow};
use crate::config::Config;
use crate::diagnosis::fixtures::{
    ago, config, engine_port, failed, never_polled, polled_at, port_results, reading, target, waiting, with_downloads,
};
use crate::diagnosis::{Assessment, Memory, assess};
use crate::model::{Cause, Check, Collector, Direction, ErrorClass, PortState};
use crate::probe::{Finding, PortResults};
use enum_map::{EnumMap, enum_map};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

const NAME: &str = "SQL01";

fn judge(reading: &Reading) -> Diagnosis {
    judge_with(reading, Arc::default(), &config(), &mut Memory::default())
}

/// The verdict on SQL01.
fn judge_with(reading: &Reading, port_results: Arc<PortResults>, config: &Config, memory: &mut Memory) -> Diagnosis {
    let fleet = assess(reading, port_results, config, memory).fleet;
    fleet.targets.into_iter().find(|target| target.name == NAME).unwrap().diagnosis
}

fn alone(row: TargetRow) -> Reading {
    reading(vec![row])
}

fn sql01() -> TargetRow {
    target(1, NAME)
}

fn stale() -> TargetRow {
    polled_at(sql01(), 181)
}

fn blocked() -> DownloadRow {
    DownloadRow {
        errors: enum_map! { ErrorClass::ProxyDisabled => 1, ErrorClass::Permission => 2, _ => 0 },
        ..waiting(NAME, 3, 60)
    }
}

fn started(reading: Reading, at: Timestamp) -> Reading {
    let mut reading = reading;
    let targets = reading.targets.as_mut().unwrap().rows.as_mut().unwrap();
    Arc::make_mut(targets).clock.started = at;
    reading
}

fn causes(diagnosis: &Diagnosis) -> Vec<Option<Cause>> {
    diagnosis.evidence.iter().map(|evidence| evidence.cause).collect()
}

fn evidence(diagnosis: &Diagnosis, cause: Cause) -> &str {
    &diagnosis.evidence.iter().find(|evidence| evidence.cause == Some(cause)).unwrap().text
}

#[test]
fn a_target_that_polls_and_takes_what_is_posted_is_fine() {
    let verdict = judge(&alone(sql01()));
    assert_eq!((verdict.cause, verdict.evidence), (Cause::Ok, vec![]));
}

#[test]
fn stale_is_over_three_intervals_by_the_clock_of_the_master() {
    for (age, cause) in [
        // A poll that is ahead was written while the master's clock was wrong.
        (-7_200, Cause::StoppedPolling),
        (-301, Cause::StoppedPolling),
        (-300, Cause::Ok),
        (0, Cause::Ok),
        (180, Cause::Ok),
        (181, Cause::StoppedPolling),
        (9_999, Cause::StoppedPolling),
    ] {
        assert_eq!(judge(&alone(polled_at(sql01(), age))).cause, cause, "{age}");
    }
    let slow = TargetRow { poll_interval_seconds: 28_800, ..sql01() };
    assert_eq!(judge(&alone(polled_at(slow.clone(), 86_400))).cause, Cause::Ok);
    assert_eq!(judge(&alone(polled_at(slow, 86_401))).cause, Cause::StoppedPolling);
    let none = TargetRow { poll_interval_seconds: 0, ..sql01() };
    assert_eq!(judge(&alone(polled_at(none.clone(), 180))).cause, Cause::Ok);
    assert_eq!(judge(&alone(polled_at(none, 181))).cause, Cause::StoppedPolling);
}

#[test]
fn the_masters_local_arithmetic_decides_nothing() {
    let in_the_night_of_the_change = TargetRow { local_poll_age_seconds: 3_620, ..sql01() };
    assert_eq!(judge(&alone(in_the_night_of_the_change)).cause, Cause::Ok);
    let an_hour_hidden = TargetRow { local_poll_age_seconds: -3_419, ..stale() };
    assert_eq!(judge(&alone(an_hour_hidden)).cause, Cause::StoppedPolling);
}

#[test]
fn a_last_poll_that_lies_ahead_is_a_finding() {
    let verdict = judge(&alone(polled_at(sql01(), -7_200)));
    let text = evidence(&verdict, Cause::StoppedPolling);
    assert!(text.starts_with("Its last poll lies 2 h ahead of the master's clock (2026-11-22T14:00:00Z)"), "{text}");
    let young = started(alone(polled_at(sql01(), -7_200)), ago(60));
    assert_eq!(judge(&young).cause, Cause::Settling, "it is no poll since the start");
}

#[test]
fn stopped_polling_tells_its_figures() {
    let verdict = judge(&alone(polled_at(sql01(), 725)));
    let text = evidence(&verdict, Cause::StoppedPolling);
    assert!(
        text.starts_with("Last poll 12 min 5 s ago (2026-11-22T11:47:55Z), over 3 of its intervals of 1 min."),
        "{text}"
    );
}

#[test]
fn a_waiting_defect_wins_over_everything() {
    let defect = DownloadRow { defect_waiting: 1, ..blocked() };
    let verdict = judge(&started(with_downloads(alone(stale()), vec![defect]), ago(60)));
    assert_eq!(
        causes(&verdict),
        [Cause::DefectPending, Cause::Settling, Cause::StoppedPolling, Cause::DownloadError].map(Some)
    );
    assert_eq!(verdict.cause, Cause::DefectPending);
}

#[test]
fn a_defect_waits_for_an_expected_name_without_a_row_too() {
    let expecting = Config { expected_targets: vec![NAME.into()], ..config() };
    let defect = DownloadRow { target: "sql01".into(), defect_waiting: 2, ..DownloadRow::default() };
    let reading = with_downloads(reading(vec![target(2, "SQL02")]), vec![defect]);
    let verdict = judge_with(&reading, Arc::default(), &expecting, &mut Memory::default());
    assert_eq!(causes(&verdict), [Some(Cause::DefectPending), Some(Cause::NotEnlisted)]);
    assert!(evidence(&verdict, Cause::DefectPending).starts_with("2 DEFECT instructions not fetched, and the row"));
}

#[test]
fn an_expected_name_without_a_row_is_not_enlisted_even_if_the_download_list_failed() {
    let expecting = Config { expected_targets: vec![NAME.into()], ..config() };
    let reading = Reading { downloads: Some(failed(Collector::Downloads)), ..reading(vec![]) };
    let verdict = judge_with(&reading, Arc::default(), &expecting, &mut Memory::default());
    assert_eq!(causes(&verdict), [Some(Cause::NotEnlisted), Some(Cause::Unknown)]);
}

#[test]
fn a_master_that_has_just_started_is_given_three_intervals() {
    for (up, cause) in
        [(-5, Cause::Settling), (0, Cause::Settling), (179, Cause::Settling), (180, Cause::StoppedPolling)]
    {
        assert_eq!(judge(&started(alone(polled_at(sql01(), 500)), ago(up))).cause, cause, "{up}");
    }
    assert_eq!(judge(&started(alone(polled_at(sql01(), 180)), ago(60))).cause, Cause::Ok, "it is not silent");
    assert_eq!(judge(&started(alone(polled_at(sql01(), 181)), ago(60))).cause, Cause::Settling);
    assert_eq!(judge(&started(alone(polled_at(sql01(), 60)), ago(60))).cause, Cause::Ok, "polled since");
}

#[test]
fn a_silence_that_was_seen_before_the_master_started_does_not_settle() {
    let never = || never_polled(1, NAME, 900);
    for (before, row, cause) in [
        (Some(polled_at(sql01(), 500)), polled_at(sql01(), 500), Cause::StoppedPolling),
        (Some(never()), never(), Cause::NeverPolled),
        (Some(polled_at(sql01(), 20)), polled_at(sql01(), 500), Cause::Settling),
        // It was enlisted again since.
        (Some(never()), never_polled(1, NAME, 30), Cause::Settling),
        (None, polled_at(sql01(), 500), Cause::Settling),
    ] {
        let mut memory = Memory::default();
        let mut judge = |reading: &Reading| {
            let Assessment { fleet, changes } = assess(reading, Arc::default(), &config(), &mut memory);
            (fleet.targets[0].diagnosis.cause, changes.len())
        };
        let was = before.map(|row| judge(&alone(row)).0);
        let restarted = started(alone(row), ago(60));
        assert_eq!(judge(&restarted), (cause, usize::from(was != Some(cause))), "{was:?}");
        assert_eq!(judge(&restarted), (cause, 0), "{was:?}");
    }
}

#[test]
fn a_target_that_was_enlisted_after_the_start_and_has_not_polled_lets_the_master_settle() {
    assert_eq!(judge(&started(alone(never_polled(1, NAME, 30)), ago(60))).cause, Cause::Settling);
}

#[test]
fn never_polled_is_said_after_ten_minutes_or_three_intervals() {
    for (age, cause) in [
        (0, Cause::Settling),
        (181, Cause::Settling),
        (600, Cause::Settling),
        (601, Cause::NeverPolled),
        (-300, Cause::Settling),
        // An enlistment that is ahead does not show how long the target has been silent.
        (-301, Cause::StoppedPolling),
    ] {
        assert_eq!(judge(&alone(never_polled(1, NAME, age))).cause, cause, "{age}");
    }
    let slow = |age| TargetRow { poll_interval_seconds: 600, ..never_polled(1, NAME, age) };
    assert_eq!(judge(&alone(slow(1_800))).cause, Cause::Settling);
    assert_eq!(judge(&alone(slow(1_801))).cause, Cause::NeverPolled);
}

#[test]
fn many_that_fall_silent_together_accuse_the_master() {
    let silent =
        |server_id: i32| polled_at(target(server_id, &format!("SQL{server_id:02}")), 300 + i64::from(server_id));
    let polling = |server_id: i32| target(server_id, &format!("SQL{server_id:02}"));
    let fleet =
        |dead: i32, living: i32| reading((1..=dead).map(silent).chain((50..50 + living).map(polling)).collect());
    assert_eq!(judge(&fleet(2, 0)).cause, Cause::StoppedPolling, "two may be chance");
    assert_eq!(judge(&fleet(3, 3)).cause, Cause::StoppedPolling, "half is not over half");
    let verdict = judge(&fleet(3, 2));
    assert_eq!(causes(&verdict), [Some(Cause::MasterSide), Some(Cause::StoppedPolling)]);
    assert!(evidence(&verdict, Cause::MasterSide).starts_with("3 targets fell silent together, of 5 that had polled"));
}

#[test]
fn targets_that_never_polled_or_are_left_out_do_not_count_as_the_fleet() {
    let mut rows: Vec<_> = (1..=3).map(|id| polled_at(target(id, &format!("SQL{id:02}")), 300)).collect();
    rows.extend((10..20).map(|id| never_polled(id, &format!("NEW{id}"), 900)));
    rows.extend((20..30).map(|id| target(id, &format!("DEV{id}"))));
    let mut config = config();
    config.targets.filter.exclude = crate::diagnosis::fixtures::pattern("DEV.*");
    let verdict = judge_with(&reading(rows), Arc::default(), &config, &mut Memory::default());
    assert_eq!(verdict.cause, Cause::MasterSide);
}

#[test]
fn a_closed_engine_port_proves_something_where_it_is_required() {
    for (state, cause) in [
        (PortState::Unresolved, Cause::Unresolved),
        (PortState::Filtered, Cause::Unreachable),
        (PortState::Unreachable, Cause::Unreachable),
        (PortState::Refused, Cause::EngineDown),
        (PortState::Open, Cause::StoppedPolling),
        (PortState::NoAnswer, Cause::StoppedPolling),
        (PortState::Denied, Cause::StoppedPolling),
        (PortState::WrongProtocol, Cause::StoppedPolling),
        (PortState::TlsFailed, Cause::StoppedPolling),
        (PortState::Skipped, Cause::StoppedPolling),
    ] {
        let seen = |row, required| {
            let findings = port_results(NAME, vec![engine_port(state, required)]);
            judge_with(&alone(row), findings, &config(), &mut Memory::default())
        };
        let required = seen(stale(), true);
        assert_eq!(required.cause, cause, "{state:?}");
        assert!(causes(&required).contains(&Some(Cause::StoppedPolling)), "every finding is listed");
        assert_eq!(causes(&required).len(), if cause == Cause::StoppedPolling { 1 } else { 2 });

        let watched = seen(stale(), false);
        assert_eq!(watched.cause, Cause::StoppedPolling, "{state:?} proves nothing");
        let remark = watched.evidence.iter().find(|evidence| evidence.cause.is_none());
        assert_eq!(remark.is_some(), state.open() == Some(false));
        assert!(remark.is_none_or(|remark| remark.text.ends_with("not needed for polling.")), "{remark:?}");

        let polling = seen(sql01(), true);
        assert_eq!(polling.cause, Cause::Ok, "{state:?} while it polls");
    }
}

#[test]
fn a_closed_engine_port_proves_something_where_it_was_open_while_the_target_polled() {
    let after = |first: TargetRow, state: PortState| {
        let mut memory = Memory::default();
        judge_with(&alone(first), port_results(NAME, vec![engine_port(state, false)]), &config(), &mut memory);
        // A sweep that finds the port closed before the target is stale does not erase that it was open.
        let closed = || port_results(NAME, vec![engine_port(PortState::Refused, false)]);
        judge_with(&alone(sql01()), closed(), &config(), &mut memory);
        judge_with(&alone(stale()), closed(), &config(), &mut memory).cause
    };
    assert_eq!(after(sql01(), PortState::Open), Cause::EngineDown);
    assert_eq!(after(sql01(), PortState::TlsFailed), Cause::EngineDown, "open is open");
    assert_eq!(after(sql01(), PortState::NoAnswer), Cause::StoppedPolling, "not known is not open");
    assert_eq!(after(stale(), PortState::Open), Cause::StoppedPolling, "it did not poll then");
    assert_eq!(after(never_polled(1, NAME, 30), PortState::Open), Cause::StoppedPolling, "it had not polled yet");
}

#[test]
fn what_is_remembered_of_a_port_goes_with_the_target() {
    let mut memory = Memory::default();
    let open = || port_results(NAME, vec![engine_port(PortState::Open, false)]);
    judge_with(&alone(sql01()), open(), &config(), &mut memory);
    assess(&reading(vec![target(2, "SQL02")]), open(), &config(), &mut memory);
    let closed = port_results(NAME, vec![engine_port(PortState::Refused, false)]);
    assert_eq!(judge_with(&alone(stale()), closed, &config(), &mut memory).cause, Cause::StoppedPolling);
}

#[test]
fn only_the_engine_port_speaks_for_the_engine() {
    let smb = Finding { check: Check::Smb, port: Some(445), ..engine_port(PortState::Refused, true) };
    let verdict = judge_with(&alone(stale()), port_results(NAME, vec![smb]), &config(), &mut Memory::default());
    assert_eq!(causes(&verdict), [Some(Cause::StoppedPolling), None]);
    assert_eq!(
        verdict.evidence[1].text,
        "From here the port of smb 445/tcp is refused; required by the configuration."
    );
}

#[test]
fn the_far_side_says_nothing_of_the_engine_of_the_target() {
    let to_master = Finding { direction: Direction::ToMaster, ..engine_port(PortState::Refused, true) };
    let verdict = judge_with(&alone(stale()), port_results(NAME, vec![to_master]), &config(), &mut Memory::default());
    assert_eq!(causes(&verdict), [Some(Cause::StoppedPolling)]);
}

#[test]
fn a_failed_instruction_holds_everything_behind_it() {
    let verdict = judge(&with_downloads(alone(sql01()), vec![blocked()]));
    assert_eq!(verdict.cause, Cause::DownloadError);
    let text = evidence(&verdict, Cause::DownloadError);
    assert!(
        text.starts_with("3 instructions failed on the target: proxy_disabled 1, permission 2; everything"),
        "{text}"
    );
    assert!(text.contains("3 waiting") && text.contains("sp_resync_targetserver N'SQL01'"), "{text}");
}

#[test]
fn a_target_that_is_blocked_and_dead_is_not_called_blocked() {
    let verdict = judge(&with_downloads(alone(stale()), vec![blocked()]));
    assert_eq!(causes(&verdict), [Some(Cause::StoppedPolling), Some(Cause::DownloadError)]);
}

#[test]
fn not_downloading_is_said_after_two_intervals_and_ten_minutes() {
    // Its last poll was 20 s ago.
    for (posted, cause) in [(10, Cause::Ok), (620, Cause::Ok), (621, Cause::NotDownloading)] {
        assert_eq!(judge(&with_downloads(alone(sql01()), vec![waiting(NAME, 1, posted)])).cause, cause, "{posted}");
    }
    let slow = || TargetRow { poll_interval_seconds: 3_600, ..sql01() };
    assert_eq!(judge(&with_downloads(alone(slow()), vec![waiting(NAME, 1, 7_220)])).cause, Cause::Ok);
    assert_eq!(judge(&with_downloads(alone(slow()), vec![waiting(NAME, 1, 7_221)])).cause, Cause::NotDownloading);
}

#[test]
fn what_was_posted_to_a_target_that_has_not_polled_is_not_refused() {
    let old = waiting(NAME, 1, 9_999);
    assert_eq!(judge(&with_downloads(alone(never_polled(1, NAME, 30)), vec![old])).cause, Cause::Settling);
}

#[test]
fn a_clock_may_be_five_minutes_off() {
    let off = |seconds| {
        let row = sql01();
        let local = row.local_time_at_last_poll.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        judge(&alone(TargetRow { local_time_at_last_poll: local, ..row }))
    };
    for (seconds, cause) in [
        (-301, Cause::ClockSkew),
        (-300, Cause::Ok),
        (300, Cause::Ok),
        (301, Cause::ClockSkew),
        (3_600, Cause::Ok),
        (3_901, Cause::ClockSkew),
    ] {
        assert_eq!(off(seconds).cause, cause, "{seconds}");
    }
    assert!(evidence(&off(423), Cause::ClockSkew).starts_with("Its clock was 7 min 3 s ahead of the master's"));
    assert!(evidence(&off(-423), Cause::ClockSkew).starts_with("Its clock was 7 min 3 s behind the master's"));
}

#[test]
fn nothing_is_fine_while_the_download_list_is_not_read() {
    let unread = |row| judge(&Reading { downloads: Some(failed(Collector::Downloads)), ..alone(row) });
    let verdict = unread(sql01());
    assert_eq!((verdict.cause, causes(&verdict)), (Cause::Unknown, vec![Some(Cause::Unknown)]));
    assert!(evidence(&verdict, Cause::Unknown).contains("stopped at permission"));
    assert_eq!(causes(&unread(stale())), [Some(Cause::StoppedPolling), Some(Cause::Unknown)], "what is proved stands");
}

#[test]
fn collectors_that_no_verdict_needs_may_fail_and_one_may_be_switched_off() {
    let others =
        Reading { server: Some(failed(Collector::Server)), jobs: Some(failed(Collector::Jobs)), ..alone(sql01()) };
    assert_eq!(judge(&others).cause, Cause::Ok);
    assert_eq!(judge(&Reading { downloads: None, ..alone(sql01()) }).cause, Cause::Ok);
}

#[test]
fn the_order_of_the_table_is_kept() {
    let skewed = TargetRow { time_zone_adjustment_minutes: 20, ..sql01() };
    let blocked = DownloadRow { oldest_pending: Some(ago(9_999)), ..blocked() };
    let verdict = judge(&with_downloads(alone(skewed.clone()), vec![blocked.clone()]));
    assert_eq!(causes(&verdict), [Cause::DownloadError, Cause::NotDownloading, Cause::ClockSkew].map(Some));
    let verdict = judge(&with_downloads(alone(skewed), vec![DownloadRow { errors: EnumMap::default(), ..blocked }]));
    assert_eq!(causes(&verdict), [Cause::NotDownloading, Cause::ClockSkew].map(Some));
}
