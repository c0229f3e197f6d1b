//! Every statement that the exporter ships, run against a lab: its text must be understood, its names must be
//! documented, and its figures must be right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use msx_lab::msdb::{Lab, Scenario, USER};
use msx_lab::wire::{Backend, Login, Reply, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

fn statements() -> BTreeMap<String, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../exporter/src");
    let folders = ["sqlserver/sql", "collectors"].map(|folder| sources.join(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the exporter's statements"));
    let sql = files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "sql"));
    sql.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn ask(lab: &Lab, sql: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let login = Login { user: USER.to_owned(), session: 51, ..Login::default() };
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for reply in lab.batch(&login, sql) {
        match reply {
            Reply::Columns(set) => columns = set.iter().map(|c| c.name.clone()).collect(),
            Reply::Row(row) => rows.push(row),
            Reply::Error(error) => panic!("{error}\n{sql}"),
            _ => {}
        }
    }
    (columns, rows)
}

fn column(answer: &(Vec<String>, Vec<Vec<Value>>), row: usize, name: &str) -> Value {
    let at = answer.0.iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"));
    answer.1[row][at].clone()
}

#[test]
fn every_statement_runs_in_every_scenario() {
    let statements = statements();
    assert!(statements.len() >= 10, "{statements:?}");
    for scenario in Scenario::all() {
        let lab = Lab::scenario(scenario.clone()).at("2026-11-22T12:00:00Z");
        ask(&lab, &statements["session"]);
        for (name, sql) in statements.iter().filter(|(name, _)| *name != "session") {
            let (columns, _) = ask(&lab, sql);
            assert_eq!(columns.first(), Some(&format!("set:{name}")), "{}", scenario.name());
        }
    }
}

#[test]
fn only_the_time_zone_is_new() {
    let statements = statements();
    for version in [2012, 2014, 2016, 2017, 2019, 2022, 2025] {
        let lab = Lab::scenario(Scenario::Healthy).version(version);
        for (_, sql) in statements.iter().filter(|(name, _)| *name != "timezone" || version >= 2022) {
            ask(&lab, sql);
        }
    }
}

#[test]
fn a_blocked_target_is_counted_as_blocked() {
    let lab = Lab::scenario(Scenario::Blocked).at("2026-11-22T12:00:00Z");
    let answer = ask(&lab, &statements()["downloads"]);
    assert_eq!(answer.1.len(), 1, "only SQL03 waits");
    assert_eq!(column(&answer, 0, "target_server"), Value::Text("SQL03".into()));
    assert_eq!(column(&answer, 0, "errors_proxy_disabled"), Value::Int(1));
    assert_eq!(column(&answer, 0, "pending_insert"), Value::Int(2));
}

#[test]
fn a_big_download_list_is_counted_quickly() {
    let lab = Lab::fleet(10_000, 100_000, 3).at("2026-11-22T12:00:00Z");
    let began = Instant::now();
    let answer = ask(&lab, &statements()["downloads"]);
    assert_eq!(answer.1.len(), 10_000);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
