//! Answers that are not complete: each costs the collectors that it must cost, in the right stage, and the next reading
//! over the same process is complete.

use crate::script::{SETS, Script, aborted, closing, columns, row, rows, sound, text};
use crate::support::Site;
use msx_exporter::collectors::Reading;
use msx_exporter::model::{Collector, Stage};
use msx_lab::wire::{Column, Reply, ServerError, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use Collector::{Downloads, Jobs, Server, Targets};

/// The stage of each collector that failed.
fn failed(reading: &Reading) -> BTreeMap<&'static str, Stage> {
    let reports = reading.reports();
    reports.filter_map(|report| Some((report.collector.name(), report.fault.as_ref()?.stage))).collect()
}

fn all(collectors: &[Collector], stage: Stage) -> BTreeMap<&'static str, Stage> {
    collectors.iter().map(|collector| (collector.name(), stage)).collect()
}

fn message(reading: &Reading, collector: Collector) -> String {
    let report = reading.reports().find(|report| report.collector == collector);
    report.and_then(|report| report.fault.as_ref()).map(ToString::to_string).unwrap_or_default()
}

fn error(number: u32, class: u8, text: &str) -> Reply {
    Reply::Error(ServerError::new(number, class, text))
}

/// The collectors that cannot do without a set.
pub(crate) fn spoils(set: &str) -> &'static [Collector] {
    match set {
        // Without the clock no time can be told.
        "clock" => &[Targets, Downloads],
        "targets" | "groups" => &[Targets],
        "downloads" | "download_rows" | "downloaded" => &[Downloads],
        "agent" | "operator" => &[Server],
        _ => &[Jobs],
    }
}

/// What one batch asks for while no target is silent.
const ASKED: [Collector; 4] = [Targets, Downloads, Server, Jobs];

struct Play {
    script: Arc<Script>,
    site: Site,
}

impl Play {
    async fn start() -> Play {
        let script = Arc::new(Script::default());
        let play = Play { site: Site::start(script.clone()).await, script };
        play.is_complete().await;
        play
    }

    async fn is_complete(&self) {
        self.script.mend();
        let reading = self.site.read().await;
        assert_eq!(failed(&reading), BTreeMap::new(), "{reading:?}");
        assert_eq!(reading.targets.as_ref().unwrap().rows.as_ref().unwrap().rows.len(), 1);
        assert_eq!(reading.jobs.as_ref().unwrap().rows.as_ref().unwrap().pairs.len(), 1);
    }
}

#[tokio::test]
async fn a_set_that_an_error_cut_short_is_not_taken_for_a_small_one() {
    let play = Play::start().await;
    let cells = sound("targets");
    play.script.set(
        "targets",
        vec![columns("targets", &cells), row(&cells), error(1205, 13, "Deadlocked."), Reply::Done { rows: None }],
    );
    play.script.set("closing:targets", closing("targets", 1205));
    let reading = play.site.read().await;
    assert_eq!(failed(&reading), all(&[Targets], Stage::Query), "later sets are complete");
    let told = message(&reading, Targets);
    assert!(told.contains("Deadlocked.") && told.contains("1205") && told.contains("hint"), "{told}");
    assert!(reading.targets.as_ref().unwrap().rows.is_none());
    play.is_complete().await;
}

#[tokio::test]
async fn two_errors_in_one_batch_cost_two_collectors() {
    let play = Play::start().await;
    for (set, number) in [("downloads", 1222), ("job_targets", 601)] {
        let cells = sound(set);
        play.script.set(
            set,
            vec![columns(set, &cells), error(number, 16, &format!("Error of {set}.")), Reply::Done { rows: None }],
        );
        play.script.set(&format!("closing:{set}"), closing(set, i64::from(number)));
    }
    let reading = play.site.read().await;
    assert_eq!(failed(&reading), all(&[Downloads, Jobs], Stage::Query));
    // The driver keeps the first text alone; the second error is still known by its number.
    assert!(message(&reading, Downloads).contains("Error of downloads."), "{}", message(&reading, Downloads));
    assert!(message(&reading, Jobs).contains("601") && !message(&reading, Jobs).contains("Error of downloads"));
    let timeouts: Vec<bool> = reading.reports().filter_map(|r| Some(r.fault.as_ref()?.timeout)).collect();
    assert_eq!(timeouts, [true, false], "1222 is a lock that was waited for");
    play.is_complete().await;
}

#[tokio::test]
async fn a_missing_right_in_the_batch_is_a_fault_of_permission() {
    let play = Play::start().await;
    for number in [229, 230, 297, 300, 916] {
        play.script.set("jobs", vec![error(number, 14, "Denied."), Reply::Done { rows: None }]);
        play.script.set("closing:jobs", closing("jobs", i64::from(number)));
        let reading = play.site.read().await;
        assert_eq!(failed(&reading), all(&[Jobs], Stage::Permission), "{number}");
        assert!(!reading.jobs.as_ref().unwrap().report.permission && message(&reading, Jobs).contains("grants"));
    }
    play.is_complete().await;
}

#[tokio::test]
async fn a_batch_that_is_aborted_costs_what_had_not_come() {
    let play = Play::start().await;
    let cells = sound("downloads");
    play.script
        .set("downloads", vec![columns("downloads", &cells), row(&cells), error(823, 24, "I/O error."), aborted()]);
    play.script.set("closing:downloads", vec![aborted()]);
    let reading = play.site.read().await;
    assert_eq!(failed(&reading), all(&[Downloads, Server, Jobs], Stage::Query));
    assert!(message(&reading, Downloads).contains("I/O error."), "{}", message(&reading, Downloads));
    play.is_complete().await;
}

#[tokio::test]
async fn what_broke_the_batch_goes_last_until_it_succeeds() {
    let play = Play::start().await;
    play.script.set("downloads", vec![error(8_630, 17, "Internal error."), aborted()]);
    play.script.set("closing:downloads", vec![aborted()]);
    assert_eq!(failed(play.site.read().await.as_ref()), all(&[Downloads, Server, Jobs], Stage::Query));
    assert_eq!(failed(play.site.read().await.as_ref()), all(&[Downloads], Stage::Query), "the others come first now");
    play.is_complete().await;
}

#[tokio::test]
async fn a_closing_row_that_is_missing_costs_its_collector() {
    let play = Play::start().await;
    for (set, collector) in [("targets", Targets), ("downloads", Downloads), ("agent", Server), ("job_targets", Jobs)] {
        play.script.set(&format!("closing:{set}"), Vec::new());
        let reading = play.site.read().await;
        assert_eq!(failed(&reading), all(&[collector], Stage::Decode), "{set}");
        assert!(message(&reading, collector).contains(set), "{}", message(&reading, collector));
        play.script.mend();
    }
    play.is_complete().await;
}

#[tokio::test]
async fn a_closing_row_that_makes_no_sense_ends_the_batch() {
    let play = Play::start().await;
    let column = |name: &str, ty| Column { name: name.to_owned(), ty, nullable: true };
    let odd = |name, error: Value| {
        let columns = [column("closing", Type::NVarChar(Some(32))), column("error", Type::Int)];
        vec![Reply::Columns(columns.into()), Reply::Row(vec![name, error]), Reply::Done { rows: Some(1) }]
    };
    for replies in [
        odd(text("targts"), Value::Int(0)),
        odd(Value::Null, Value::Int(0)),
        odd(text("targets"), Value::Null),
        odd(text("targets"), Value::Int(-1)),
        vec![Reply::Columns([column("closing", Type::NVarChar(Some(32)))].into()), Reply::Row(vec![text("targets")])],
    ] {
        play.script.set("closing:targets", replies.clone());
        let reading = play.site.read_afresh().await;
        assert_eq!(failed(&reading), all(&ASKED, Stage::Decode), "{replies:?}");
    }
    play.is_complete().await;
}

#[tokio::test]
async fn a_column_may_be_added_and_none_may_be_missing() {
    let play = Play::start().await;
    for set in SETS {
        let mut more = sound(set);
        more.insert(0, ("added", Type::Float, Value::Float(0.5)));
        more.push(("also_added", Type::VarBinary(None), Value::Null));
        play.script.set(set, rows(set, &more));
    }
    assert_eq!(failed(play.site.read_afresh().await.as_ref()), BTreeMap::new());
    play.script.mend();
    for set in SETS {
        for missing in 0..sound(set).len() {
            let mut fewer = sound(set);
            let (column, ..) = fewer.remove(missing);
            play.script.set(set, rows(set, &fewer));
            let reading = play.site.read_afresh().await;
            let told = failed(&reading);
            assert_eq!(told, all(spoils(set), Stage::Decode), "{set}.{column}");
            let faults: Vec<String> = reading.reports().filter_map(|r| Some(r.fault.as_ref()?.to_string())).collect();
            assert!(faults.iter().any(|fault| fault.contains(column)), "{set}.{column}: {faults:?}");
            play.script.mend();
        }
    }
    play.is_complete().await;
}

#[tokio::test]
async fn sets_may_come_with_their_columns_in_another_order() {
    let play = Play::start().await;
    let before = play.site.read().await;
    for set in SETS {
        let mut turned = sound(set);
        turned.reverse();
        play.script.set(set, rows(set, &turned));
    }
    let after = play.site.read_afresh().await;
    let rows = |reading: &Reading| {
        let targets = reading.targets.as_ref().unwrap().rows.clone();
        (targets, reading.downloads.as_ref().unwrap().rows.clone(), reading.jobs.as_ref().unwrap().rows.clone())
    };
    assert_eq!(rows(&before), rows(&after));
}

#[tokio::test]
async fn a_set_that_was_not_asked_for_is_not_guessed_at() {
    let play = Play::start().await;
    for name in ["set:gossip", "gossip", ""] {
        let column = Column { name: name.to_owned(), ty: Type::Int, nullable: true };
        play.script.set(
            "first",
            vec![Reply::Columns([column].into()), Reply::Row(vec![Value::Int(1)]), Reply::Done { rows: Some(1) }],
        );
        let reading = play.site.read_afresh().await;
        assert_eq!(failed(&reading), all(&ASKED, Stage::Decode), "{name:?}");
        assert!(message(&reading, Targets).contains(name), "{name:?}: {}", message(&reading, Targets));
    }
    play.is_complete().await;
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_costs_what_had_not_come() {
    let play = Play::start().await;
    for end in [Reply::Close, Reply::Reset, Reply::CutAfter(7)] {
        let cells = sound("agent");
        play.script.set("agent", vec![columns("agent", &cells), Reply::Wait(Duration::ZERO), end.clone(), row(&cells)]);
        let reading = play.site.read().await;
        let told = failed(&reading);
        assert!(told.contains_key("server") && told.contains_key("jobs"), "{end:?}: {told:?}");
        assert!(told.values().all(|stage| *stage == Stage::Query), "{end:?}: {told:?}");
        // What came before the end depends on how the bytes were cut; what is reported of it is all or nothing.
        for collected in reading.targets.iter().filter_map(|targets| targets.rows.as_ref()) {
            assert_eq!(collected.rows.len(), 1);
        }
        play.is_complete().await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_tds_end_the_reading_and_not_the_process() {
    let play = Play::start().await;
    for seed in 0..24u32 {
        let noise = (0..97u32).map(|at| u8::try_from((at * 2_654_435 + seed * 40_503) >> 7 & 0xFF).unwrap()).collect();
        play.script.set("targets", vec![Reply::Garbage(noise)]);
        let reading = play.site.read_afresh().await;
        assert!(reading.targets.as_ref().unwrap().rows.is_none(), "{seed}: {reading:?}");
        let stage = failed(&reading)["targets"];
        assert!(matches!(stage, Stage::Decode | Stage::Query), "{seed}: {stage:?}");
    }
    play.is_complete().await;
}

#[tokio::test]
async fn a_huge_text_is_read_and_a_row_of_text_in_every_script_comes_back() {
    let play = Play::start().await;
    let huge = "ä漢🌍\u{0}\n\"\\".repeat(40_000);
    play.script.cell("targets", "location", Type::NVarChar(None), text(&huge));
    let reading = play.site.read_afresh().await;
    let location = reading.targets.as_ref().unwrap().rows.as_ref().unwrap().rows[0].location.clone();
    assert_eq!(location.as_deref(), Some(huge.as_str()));
    for name in ["SQL01\\PAYROLL", "СЕРВЕР-01", "東京-DB", "A\"B", "O'BRIEN", "", " ", &"X".repeat(128)] {
        play.script.cell("targets", "server_name", Type::NVarChar(Some(128)), text(name));
        let reading = play.site.read_afresh().await;
        assert_eq!(reading.targets.as_ref().unwrap().rows.as_ref().unwrap().rows[0].name, name);
    }
}

#[tokio::test]
async fn information_tokens_change_nothing() {
    let play = Play::start().await;
    let info = |number| Reply::Info(ServerError::new(number, 0, "Changed database context to 'master'."));
    for set in SETS {
        let mut replies = vec![info(5701)];
        replies.extend(rows(set, &sound(set)));
        replies.push(info(8153));
        play.script.set(set, replies);
    }
    assert_eq!(failed(play.site.read_afresh().await.as_ref()), BTreeMap::new());
}

#[tokio::test]
async fn each_kind_of_failure_is_counted_under_its_stage() {
    let play = Play::start().await;
    let before = play.site.reader_stats.sql_errors();
    assert_eq!(before, enum_map::EnumMap::default());
    play.script.set("closing:jobs", closing("jobs", 229));
    play.site.read().await;
    play.script.set("closing:jobs", closing("jobs", 1205));
    play.script.set("closing:targets", closing("targets", 1205));
    play.site.read().await;
    play.script.mend();
    play.script.cell("jobs", "enabled", Type::Float, Value::Float(1.0));
    play.site.read().await;
    let at = |stage: Stage| play.site.reader_stats.sql_errors()[stage];
    assert_eq!([at(Stage::Permission), at(Stage::Query), at(Stage::Decode)], [1, 1, 1], "once for each reading");
    play.is_complete().await;
}
