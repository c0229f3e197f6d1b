//! The fleet against what the procedures of msdb do.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::wire::{Backend, Login, Reply, Value};
use jiff::{SignedDuration, Timestamp};

const NOON: &str = "2026-11-22T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ask(lab: &Lab, sql: &str) -> Vec<Vec<Value>> {
    let login = Login { user: "sa".to_owned(), session: 60, ..Login::default() };
    let replies = lab.batch(&login, sql);
    let failed = replies.iter().find(|reply| matches!(reply, Reply::Error(_)));
    assert_eq!(failed, None, "{sql}");
    crate::tsql::session::rows(&replies)
}

fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.enlist("sql01", at("2026-11-22T10:00:00Z")).unwrap();
    fleet
}

fn status(fleet: &Fleet, instance: i32) -> (u8, bool) {
    let row = &fleet.instructions[&instance];
    (row.status, row.date_downloaded.is_some())
}

#[test]
fn a_poll_is_written_although_the_target_is_blocked() {
    let mut fleet = fleet();
    fleet.target_mut("SQL01").unwrap().fails_with = Some("Proxy not found.".into());
    let first = fleet.post(Operation::Insert, [1; 16], "SQL01", at("2026-11-22T10:00:10Z"));
    let second = fleet.post(Operation::Insert, [2; 16], "SQL01", at("2026-11-22T10:00:11Z"));
    fleet.advance(at(NOON));
    assert_eq!(fleet.instructions[&first].error_message.as_deref(), Some("Proxy not found."));
    assert_eq!((status(&fleet, first), status(&fleet, second)), ((0, false), (0, false)));
    assert_eq!(fleet.target("SQL01").unwrap().last_poll_date, "2026-11-22T12:00:00".parse().unwrap());
}

#[test]
fn the_last_poll_is_the_last_one_due_however_long_the_leap() {
    let mut fleet = fleet();
    fleet.advance(at("2026-12-22T12:00:30Z"));
    assert_eq!(fleet.target("SQL01").unwrap().last_poll_date, "2026-12-22T12:00:00".parse().unwrap());
    let mut slow = self::fleet();
    slow.target_mut("SQL01").unwrap().downloading = Downloading::One;
    let posted = at("2026-11-22T10:00:10Z");
    let ids = [1, 2, 3].map(|n| slow.post(Operation::Insert, [n; 16], "SQL01", posted));
    slow.advance(at("2026-11-22T10:02:30Z"));
    assert_eq!(ids.map(|id| status(&slow, id).0), [1, 1, 0]);
}

#[test]
fn set_poll_shows_only_after_the_next_poll() {
    let mut fleet = fleet();
    fleet.post(Operation::SetPoll, packed_seconds(900), "SQL01", at("2026-11-22T10:00:10Z"));
    fleet.advance(at("2026-11-22T10:01:30Z"));
    assert_eq!(fleet.target("SQL01").unwrap().poll_interval, 60, "downloaded, not yet reported");
    fleet.advance(at("2026-11-22T10:30:00Z"));
    assert_eq!(fleet.target("SQL01").unwrap().poll_interval, 900);
}

#[test]
fn deleting_leaves_a_defect_until_the_target_comes() {
    let mut fleet = fleet();
    fleet.delete("SQL01", true, at("2026-11-22T10:00:10Z"));
    assert!(fleet.targets.is_empty() && fleet.instructions.len() == 1);
    fleet.advance(at("2026-11-22T10:02:00Z"));
    assert!(fleet.instructions.is_empty(), "it lived and came");
    let mut dead = self::fleet();
    dead.target_mut("SQL01").unwrap().alive = false;
    dead.delete("SQL01", true, at("2026-11-22T10:00:10Z"));
    dead.advance(at(NOON));
    assert_eq!(dead.instructions.values().map(|i| i.operation).collect::<Vec<_>>(), [Operation::Defect]);
}

#[test]
fn resync_of_all_starts_the_numbers_anew_and_the_limiter_trims_what_was_downloaded() {
    let mut fleet = fleet();
    for _ in 0..5 {
        fleet.downloaded(Operation::Update, [1; 16], "SQL01", at("2026-11-22T10:00:00Z"), at("2026-11-22T10:01:00Z"));
    }
    fleet.downloaded_max_rows = 2;
    fleet.limit_downloaded("SQL01");
    assert_eq!(fleet.instructions.keys().copied().collect::<Vec<_>>(), [4, 5]);
    fleet.resync_all(at(NOON));
    assert_eq!(fleet.instructions.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(fleet.instructions[&1].operation, Operation::Delete);
    assert!(fleet.enlist("SQL01", at(NOON)).is_none(), "its row still stands");
}

#[test]
fn times_are_the_masters_wall_time_and_the_targets_own() {
    let lab = Lab::scenario(Scenario::Everything).zone("Europe/Berlin").at("2026-10-25T00:30:00Z");
    let sql =
        "SELECT last_poll_date, local_time_at_last_poll, time_zone_adjustment, GETDATE() FROM msdb.dbo.systargetservers
               WHERE server_name = N'KOLKATA-DB'";
    let row = ask(&lab, sql).remove(0);
    let Value::DateTime(poll) = row[0] else { panic!("{row:?}") };
    let Value::DateTime(theirs) = row[1] else { panic!("{row:?}") };
    assert_eq!((poll.hour(), theirs.hour(), &row[2]), (2, if poll.minute() < 30 { 5 } else { 6 }, &Value::Int(330)));
    lab.advance(SignedDuration::from_hours(1));
    let Value::DateTime(now) = ask(&lab, sql)[0][3] else { panic!() };
    assert_eq!(now, "2026-10-25T02:30:00".parse().unwrap(), "the hour is repeated");
}

#[test]
fn never_polled_is_the_case_that_people_ask_about() {
    let lab = Lab::scenario(Scenario::NeverPolled).at(NOON);
    let sql = "SELECT DATEDIFF(second, t.enlist_date, t.last_poll_date),
                      (SELECT COUNT(*) FROM msdb.dbo.sysdownloadlist d WHERE d.target_server = t.server_name AND d.status = 0
                       AND d.date_downloaded IS NULL AND d.error_message IS NULL)
               FROM msdb.dbo.systargetservers AS t WHERE t.server_name = N'SQL03'";
    assert_eq!(ask(&lab, sql), [[Value::Int(0), Value::Int(3)]]);
}

#[test]
fn every_scenario_shows_what_it_says() {
    let stale = "SELECT server_name FROM msdb.dbo.systargetservers
                 WHERE DATEDIFF(second, last_poll_date, GETDATE()) > 3 * poll_interval";
    for (scenario, expected) in [
        (Scenario::Healthy, 0),
        (Scenario::NeverPolled, 1),
        (Scenario::Stopped, 1),
        (Scenario::Blocked, 0),
        (Scenario::BlockedAndDead, 1),
        (Scenario::NotDownloading, 0),
        (Scenario::DefectPending, 1),
        (Scenario::Orphan, 0),
        (Scenario::ClockSkew, 0),
        (Scenario::Renamed, 1),
        (Scenario::ResyncStorm, 0),
        (Scenario::MasterJustStarted, 6),
        (Scenario::CertificateEnded, 6),
        (Scenario::NoTargets, 0),
        (Scenario::Everything, 5),
    ] {
        let lab = Lab::scenario(scenario.clone()).at(NOON);
        assert_eq!(ask(&lab, stale).len(), expected, "{}", scenario.name());
        assert_eq!(Scenario::named(scenario.name()), Some(scenario));
    }
    let everything = Lab::scenario(Scenario::Everything).at(NOON);
    assert_eq!(
        ask(&everything, "SELECT MAX(LEN(server_name)), COUNT(*) FROM msdb.dbo.systargetservers"),
        [[Value::Int(128), Value::Int(23)]]
    );
}

#[test]
fn a_login_is_judged() {
    let lab = Lab::scenario(Scenario::Healthy);
    let login = |user: &str, database: &str| Login { user: user.into(), database: database.into(), ..Login::default() };
    assert!(lab.login(&login(USER, "master"), PASSWORD).is_ok());
    assert_eq!(lab.login(&login(USER, ""), "wrong").unwrap_err().number, 18456);
    assert_eq!(lab.login(&login(USER, "nothing"), PASSWORD).unwrap_err().number, 4060);
    lab.disable_login(USER, true);
    assert_eq!(lab.login(&login(USER, ""), PASSWORD).unwrap_err().number, 18456);
}
