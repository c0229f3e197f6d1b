//! Complete pages, and the rules that a page must keep.

use super::parser::{Parsed, parse};
use crate::diagnosis::{Fleet, Limited, MasterFleet};
use crate::exposition::{ExporterFacts, Format, Group, Kind, catalogue};
use crate::fixtures::*;
use crate::metrics::{Origin, page, page_into, textfile_page};
use crate::model::{Cause, Collector, ErrorClass, Stage};
use enum_map::enum_map;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn text(fleet: impl Into<Fleet>, facts: &ExporterFacts) -> String {
    page(&Arc::new(fleet.into()), facts, &LIMITS, Format::Text004)
}

fn read(fleet: impl Into<Fleet>) -> Parsed {
    parse(&text(fleet, &facts()), false).unwrap()
}

fn names(parsed: &Parsed) -> BTreeSet<&str> {
    parsed.samples.keys().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_fleet_with_one_of_everything() {
    insta::assert_snapshot!("full_text004", text(full(), &facts()));
}

#[test]
fn a_master_that_cannot_be_read() {
    // The heads are those of the page above.
    let text = text(unreadable(), &facts());
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with("# ")).collect();
    insta::assert_snapshot!("unreadable_text004", samples.join("\n"));
}

/// What the OpenMetrics page must be, given the plain one: heads of counters lose `_total`, and there is an end mark.
fn as_openmetrics(plain: &str) -> String {
    let head = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["#", "HELP" | "TYPE", name, ..] if name.ends_with("_total") => line.replacen("_total", "", 1),
        _ => line.to_owned(),
    };
    plain.lines().map(|line| head(line) + "\n").chain(["# EOF\n".to_owned()]).collect()
}

/// So the snapshots of the plain pages stand for both formats.
#[test]
fn both_formats_hold_the_same_families_and_samples() {
    for fleet in [full().into(), unreadable().into(), target_side()] {
        let fleet = Arc::new(fleet);
        let plain = page(&fleet, &facts(), &LIMITS, Format::Text004);
        let open = page(&fleet, &facts(), &LIMITS, Format::OpenMetrics100);
        assert_eq!(as_openmetrics(&plain), open);
        let (plain, open) = (parse(&plain, false).unwrap(), parse(&open, true).unwrap());
        assert_eq!(plain.samples, open.samples);
        assert_eq!(plain.kinds.len(), open.kinds.len());
        for (name, kind) in &plain.kinds {
            let family = if kind == "counter" { name.strip_suffix("_total").unwrap() } else { name };
            assert_eq!(open.kinds.get(family), Some(kind), "{name}");
        }
    }
}

#[test]
fn one_of_everything_writes_the_complete_catalogue_and_only_it() {
    let mut facts = facts();
    facts.passive = Some(false);
    let on_master = parse(&text(full(), &facts), false).unwrap();
    let origin = Origin { node: "SQL01", interval: Some(Duration::from_secs(600)) };
    let on_target = textfile_page(&Arc::new(target_side()), &facts, &LIMITS, &[], origin);
    let on_target = parse(on_target.strip_suffix("# EOF\n").unwrap(), false).unwrap();
    let written: BTreeSet<&str> = names(&on_master).union(&names(&on_target)).copied().collect();
    let known: BTreeSet<&str> = catalogue().iter().map(|metric| metric.name).collect();
    assert_eq!(written, known);
    for metric in catalogue() {
        let parsed = if metric.group == Group::TargetSide { &on_target } else { &on_master };
        assert_eq!(parsed.kinds[metric.name], metric.kind.name(), "{}", metric.name);
        for (labels, _) in parsed.of(metric.name) {
            // `route` is what the configuration adds.
            let labels = labels.keys().map(String::as_str).filter(|label| *label != "route");
            let optional = |label: &&&str| **label != "master" || metric.name == "msx_server_info";
            let found: BTreeSet<&str> = labels.filter(|label| *label != "master").collect();
            assert_eq!(found, metric.labels.iter().filter(optional).copied().collect(), "{}", metric.name);
        }
    }
}

#[test]
fn names_and_helps_keep_the_rules_of_the_formats() {
    let mut seen = BTreeSet::new();
    for metric in catalogue() {
        assert!(seen.insert(metric.name), "{} stands twice", metric.name);
        assert!(metric.name.starts_with("msx_") || metric.name.starts_with("process_"), "{}", metric.name);
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\\', '\n', '"', '|']), "{}", metric.name);
    }
}

#[test]
fn what_is_expected_and_not_enlisted_has_three_metrics_alone() {
    let parsed = read(full());
    let written: BTreeSet<&str> = parsed
        .samples
        .keys()
        .filter(|(_, labels)| labels.get("target").is_some_and(|target| target == "NEW9"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(written, BTreeSet::from(["msx_target_diagnosis", "msx_target_diagnosis_code", "msx_target_enlisted"]));
    assert_eq!(parsed.value("msx_target_enlisted", &[("target", "NEW9")]), Some(0.0));
    assert_eq!(parsed.value("msx_targets", &[]), Some(4.0));
}

#[test]
fn only_the_cause_that_holds_is_written_with_its_code() {
    let fleet = fleet(Cause::ALL.map(|cause| judged(cause.name(), cause, "because")).into());
    let parsed = read(fleet);
    assert_eq!(parsed.of("msx_target_diagnosis").count(), Cause::ALL.len());
    for cause in Cause::ALL {
        let target = ("target", cause.name());
        assert_eq!(parsed.value("msx_target_diagnosis", &[target, ("cause", cause.name())]), Some(1.0));
        assert_eq!(parsed.value("msx_target_diagnosis_code", &[target]), Some(f64::from(cause.code())));
    }
}

#[test]
fn failed_instructions_are_summed_up_and_only_classes_that_occur_are_written() {
    let mut failing = target("SQL05");
    if let Some(list) = failing.enlisted.as_mut().and_then(|row| row.downloads.as_mut()) {
        list.waiting.errors = enum_map! { ErrorClass::ProxyMissing => 2, ErrorClass::Other => 1, _ => 0 };
    }
    let mut countless = target("SQL06");
    if let Some(list) = countless.enlisted.as_mut().and_then(|row| row.downloads.as_mut()) {
        list.waiting.errors = enum_map! { ErrorClass::ProxyMissing => u64::MAX, ErrorClass::Other => 1, _ => 0 };
    }
    let mut unread = target("SQL07");
    if let Some(row) = &mut unread.enlisted {
        row.downloads = None;
    }
    let parsed = read(fleet(vec![target("SQL04"), failing, countless, unread]));
    let sum = |name| parsed.value("msx_target_download_errors", &[("target", name)]);
    assert_eq!(["SQL04", "SQL05", "SQL07"].map(sum), [Some(0.0), Some(3.0), None]);
    assert_eq!(sum("SQL06"), Some(u64::MAX as f64));
    let classes = |name: &'static str| {
        parsed
            .of("msx_target_download_errors_by_class")
            .filter(move |(labels, _)| labels["target"] == name)
            .map(|(labels, value)| (labels["class"].as_str(), value))
            .collect::<Vec<_>>()
    };
    assert_eq!(classes("SQL05"), [("other", 1.0), ("proxy_missing", 2.0)]);
    assert_eq!((classes("SQL04"), classes("SQL07")), (vec![], vec![]));
}

#[test]
fn maintenance_is_written_only_where_the_configuration_has_a_window() {
    let mut planned = fleet(vec![target("SQL04")]);
    assert_eq!(read(planned.clone()).of("msx_target_maintenance").count(), 0);
    planned.has_maintenance_windows = true;
    assert_eq!(read(planned.clone()).value("msx_target_maintenance", &[("target", "SQL04")]), Some(0.0));
    planned.targets[0].maintenance = Some("patching".to_owned());
    assert_eq!(read(planned).value("msx_target_maintenance", &[("target", "SQL04")]), Some(1.0));
}

#[test]
fn when_the_targets_were_not_read_nothing_of_the_master_is_written() {
    // Even where a fleet still holds old rows.
    let stale = MasterFleet { master: None, ..full() };
    let parsed = read(stale);
    assert_eq!(parsed.value("msx_up", &[]), Some(0.0));
    for name in names(&parsed) {
        let goes_on =
            ["msx_up", "msx_port_", "msx_exporter_", "process_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(goes_on, "{name}");
    }
    assert!(names(&parsed).contains("msx_port_open"));
}

#[test]
fn on_a_target_there_is_nothing_of_a_master_but_the_way_to_it() {
    let page = text(target_side(), &facts());
    let lines = page.lines().filter(|line| !line.starts_with(['#']) && line.starts_with("msx_"));
    let own: Vec<&str> = lines.filter(|line| !line.starts_with("msx_exporter_")).collect();
    insta::assert_snapshot!("far_side_text004", own.join("\n"));
}

#[test]
fn a_collector_that_failed_writes_nothing() {
    let mut fleet = full();
    fleet.orphans = None;
    fleet.downloadlist_rows = None;
    fleet.jobs = None;
    fleet.server = None;
    for row in fleet.targets.iter_mut().filter_map(|target| target.enlisted.as_mut()) {
        row.downloads = None;
    }
    fleet.reports = vec![report(Collector::Targets), failed(Collector::Downloads, Stage::Permission)];
    let parsed = read(fleet);
    for metric in catalogue() {
        let written = names(&parsed).contains(metric.name);
        let failed = matches!(metric.collector, Some(Collector::Downloads | Collector::Jobs | Collector::Server));
        assert!(!(failed && written), "{}", metric.name);
        assert!(metric.collector != Some(Collector::Targets) || written, "{}", metric.name);
    }
    let of = |name, collector| parsed.value(name, &[("collector", collector)]);
    assert_eq!(of("msx_exporter_collector_success", "downloads"), Some(0.0));
    assert_eq!(of("msx_exporter_collector_permission", "downloads"), Some(0.0));
    assert_eq!(of("msx_exporter_collector_success", "targets"), Some(1.0));
    assert_eq!(of("msx_exporter_collector_read_timestamp_seconds", "downloads"), None);
    assert_eq!(of("msx_exporter_collector_success", "jobs"), None);
}

#[test]
fn a_passive_exporter_does_not_say_whether_the_master_is_up() {
    let mut facts = facts();
    facts.passive = Some(true);
    let parsed = parse(&text(MasterFleet { reports: vec![], ..unreadable() }, &facts), false).unwrap();
    assert_eq!(parsed.value("msx_up", &[]), None);
    assert_eq!(parsed.value("msx_exporter_passive", &[]), Some(1.0));
}

#[test]
fn targets_over_the_limit_are_counted_with_the_others() {
    let fleet = full();
    let limited = Limited { targets: 90_000, ..fleet.limited };
    let parsed = parse(&text(MasterFleet { limited, ..fleet }, &facts()), false).unwrap();
    assert_eq!(parsed.value("msx_targets", &[]), Some(90_004.0));
    assert_eq!(parsed.value("msx_exporter_series_limited", &[("collector", "targets")]), Some(90_000.0));
}

#[test]
fn over_the_limit_families_go_in_their_order() {
    let fleet = Arc::new(full().into());
    let read = |series| {
        let limits = crate::config::Limits { series, ..*LIMITS };
        parse(&page(&fleet, &facts(), &limits, Format::Text004), false).unwrap()
    };
    let series = |parsed: &Parsed| parsed.samples.len() - parsed.of("msx_exporter_series_limited").count();
    let complete = read(500_000);
    // A job on 4 targets of which 3 are shown: one pair is missing from the start.
    let limited = |parsed: &Parsed, of| parsed.value("msx_exporter_series_limited", &[("collector", of)]);
    assert_eq!((limited(&complete, "jobs"), limited(&complete, "ports")), (Some(3.0), Some(0.0)));
    let all = series(&complete);
    assert_eq!(names(&read(all)), names(&complete));

    let without_runs = read(all - 1);
    assert_eq!((limited(&without_runs, "jobs"), limited(&without_runs, "ports")), (Some(9.0), Some(0.0)));
    assert_eq!(without_runs.of("msx_job_target_last_run_success").count(), 0);
    assert_eq!(series(&without_runs), all - 6);

    let without_durations = read(all - 7);
    assert_eq!((limited(&without_durations, "jobs"), limited(&without_durations, "ports")), (Some(9.0), Some(2.0)));
    assert_eq!(without_durations.of("msx_port_connect_duration_seconds").count(), 0);
    assert_eq!(without_durations.of("msx_port_info").count(), 5);

    let least = read(0);
    assert_eq!((limited(&least, "jobs"), limited(&least, "ports")), (Some(9.0), Some(7.0)));
    assert_eq!(series(&least), all - 13);
    for name in ["msx_target_diagnosis", "msx_target_diagnosis_code", "msx_target_download_errors_by_class"] {
        assert_eq!(least.of(name).count(), complete.of(name).count(), "{name}");
    }
}

#[test]
fn a_buffer_that_is_used_again_holds_only_the_new_page() {
    let mut buffer = String::new();
    page_into(&mut buffer, &Arc::new(full().into()), &facts(), &LIMITS, Format::OpenMetrics100);
    let small = Arc::new(unreadable().into());
    page_into(&mut buffer, &small, &facts(), &LIMITS, Format::Text004);
    assert_eq!(buffer, page(&small, &facts(), &LIMITS, Format::Text004));
}

#[test]
fn a_label_that_prometheus_would_refuse_is_left_out() {
    let mut odd = target("SQL05");
    let label = |name: &str| (name.to_owned(), "x".to_owned());
    odd.labels = ["route", "target", "route", "1st", "__name__", "a-b", "", "location", "Ä"].map(label).into();
    let parsed = read(fleet(vec![odd]));
    let (labels, _) = parsed.of("msx_target_info").next().unwrap();
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["location", "route", "target"]);
    assert_eq!(labels["target"], "SQL05");
}
