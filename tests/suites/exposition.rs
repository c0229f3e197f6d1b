//! The page of each scenario, in both formats, and how it is sent.
//!
//! `healthy` and `everything` are kept complete, in the plain format, from which the other follows; of every other
//! scenario what differs from `healthy`. After a change that
//! is meant: `INSTA_UPDATE=always cargo test -p msx-exporter --test exposition`, and read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{Page, TestServer, until};
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::Options;
use std::collections::BTreeSet;

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
/// The lab's clock stands here, so that every time on a page can be foretold.
const NOW: &str = "2026-11-22T12:00:00Z";

/// What differs from one run to the next.
const VOLATILE: [&str; 5] = [
    "process_",
    "msx_exporter_collector_duration_seconds",
    "msx_exporter_collector_read_timestamp_seconds",
    "msx_exporter_config_last_reload_success_timestamp_seconds",
    "msx_exporter_build_info",
];

fn exporter_for(lab: Lab) -> (TestServer, Exporter) {
    let master = TestServer::start(lab.at(NOW), Options::default());
    let exporter = Setup::of(&master).start();
    (master, exporter)
}

/// A page without what differs from one run to the next.
fn steady(text: &str) -> String {
    let line = |line: &str| {
        let volatile = VOLATILE.iter().any(|name| line.starts_with(name));
        match line.rsplit_once(' ') {
            Some((series, _)) if volatile => format!("{} …\n", series.split('{').next().unwrap()),
            _ => format!("{line}\n"),
        }
    };
    // One line is enough for a family that differs, and whether there is a process_ series is the system's affair.
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.dedup();
    lines.retain(|line| !line.contains("process_"));
    lines.concat()
}

fn page(scenario: &Scenario, accept: &str) -> String {
    let (_stand, exporter) = exporter_for(Lab::scenario(scenario.clone()));
    // Who arrives is read after a page is answered, and shown on the next one.
    let page = until("a page that knows who arrives where a target is silent", || {
        let answer = exporter.request("GET", "/metrics", &[("Accept", accept)]);
        assert_eq!(answer.status, 200);
        let page = Page::parse(&answer.text());
        let arrivals = [("collector", "arrivals")];
        let is_known = page.value("msx_exporter_collector_read_timestamp_seconds", &arrivals).is_some();
        (is_known || page.all("msx_target_master_evidence", &[]).is_empty()).then_some(page)
    });
    assert!(page.up(), "{}", exporter.log());
    steady(&page.text)
}

/// Keeps the samples; the snapshots of `exporter/src/metrics/tests` hold the head of each metric.
fn keep(name: &str, text: &str) {
    let is_head = |line: &str| line.trim_start_matches(['-', '+', ' ']).starts_with("# ");
    let text: String = text.lines().filter(|line| !is_head(line)).map(|line| format!("{line}\n")).collect();
    insta::with_settings!({ snapshot_path => "../golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// Which lines came and which went, in the order of the pages.
fn difference(before: &str, after: &str) -> String {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), after.lines().collect());
    let gone = before.lines().filter(|line| !new.contains(line)).map(|line| format!("- {line}\n"));
    let come = after.lines().filter(|line| !old.contains(line)).map(|line| format!("+ {line}\n"));
    gone.chain(come).collect()
}

#[test]
fn the_complete_page_of_a_healthy_fleet_and_of_one_in_all_states() {
    for scenario in [Scenario::Healthy, Scenario::Everything] {
        keep(&format!("{}.prom", scenario.name()), &page(&scenario, "*/*"));
    }
}

/// What the OpenMetrics page must be, given the plain one: heads of counters lose `_total`, and there is an end mark.
fn as_openmetrics(plain: &str) -> String {
    let head = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["#", "HELP" | "TYPE", name, ..] if name.ends_with("_total") => line.replacen("_total", "", 1),
        _ => line.to_owned(),
    };
    plain.lines().map(|line| head(line) + "\n").chain(["# EOF\n".to_owned()]).collect()
}

#[test]
fn every_other_scenario_differs_from_a_healthy_fleet_in_this() {
    let healthy = page(&Scenario::Healthy, "*/*");
    for scenario in Scenario::all() {
        if !matches!(scenario, Scenario::Healthy | Scenario::Everything) {
            keep(&format!("{}.diff", scenario.name()), &difference(&healthy, &page(scenario, "*/*")));
        }
    }
}

#[test]
fn the_page_of_a_master_that_cannot_be_read() {
    let mut master = TestServer::play(Scenario::Everything);
    master.stop();
    let exporter = Setup::of(&master).start();
    keep("down.prom", &steady(&exporter.scrape().text));
}

#[test]
fn both_formats_tell_the_same() {
    let (_stand, exporter) = exporter_for(Lab::scenario(Scenario::Everything));
    let plain = exporter.get("/metrics");
    let open = exporter.request("GET", "/metrics", &[("Accept", OPENMETRICS)]);
    assert_eq!(plain.header("content-type").unwrap(), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(open.header("content-type").unwrap(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.text().ends_with("\n# EOF\n") && !plain.text().contains("# EOF"));
    let reported = |text: &str| -> BTreeSet<String> {
        let lasting = |name: &str| !VOLATILE.iter().any(|volatile| name.starts_with(volatile));
        let samples = Page::parse(text).samples.into_iter().filter(|sample| lasting(&sample.name));
        samples.map(|sample| format!("{sample:?}")).collect()
    };
    assert_eq!(reported(&plain.text()), reported(&open.text()));
    assert_eq!(as_openmetrics(&page(&Scenario::Everything, "*/*")), page(&Scenario::Everything, OPENMETRICS));
}

/// How many series a target has in the mean of the fleet that the benchmark measures, only smaller.
fn series_of_a_target(ports: &str) -> f64 {
    const TARGETS: usize = 100;
    let master = TestServer::start(Lab::fleet(TARGETS, 2 * TARGETS, 0), Options::default());
    let engine_port = master.address.port();
    let exporter = Setup::of(&master)
        .ports(&format!(
            "{ports}\n  interval: 1h\n  timeout: 1s\n  overrides: [{{ match: '.*', host: 127.0.0.1, engine_port: \
             {engine_port} }}]"
        ))
        .start();
    let page = exporter.scrape_until("a complete reading and a complete sweep", |page| {
        let swept = page.value("msx_exporter_port_sweep_timestamp_seconds", &[]).is_some();
        page.up() && page.success("downloads") == Some(1.0) && (swept || ports.contains("enabled: false"))
    });
    assert_eq!(page.targets().len(), TARGETS);
    let of_targets = page.samples.iter().filter(|sample| sample.labels.contains_key("target")).count();
    of_targets as f64 / TARGETS as f64
}

#[test]
fn a_target_has_few_series() {
    let without_ports = series_of_a_target("  enabled: false");
    let with_one_check = series_of_a_target("  checks: { browser: { sweep: false } }");
    println!("series of a target: {without_ports} without ports, {with_one_check} with one port check");
    assert!(without_ports <= 18.0, "{without_ports}");
    assert!(with_one_check > without_ports && with_one_check <= 24.0, "{with_one_check}");
}

#[test]
fn names_that_are_hard_to_print_come_through_unchanged() {
    let (master, exporter) = exporter_for(Lab::scenario(Scenario::Everything));
    let page = exporter.scrape();
    let enlisted = master.lab.with(|fleet, _| fleet.names());
    assert_eq!(page.all("msx_target_info", &[]).len(), enlisted.len());
    for name in &enlisted {
        assert_eq!(page.all("msx_target_info", &[("target", name)]).len(), 1, "{name}");
        assert!(page.cause(name).is_some(), "{name}");
    }
    for hard in [r"SQL01\PAYROLL", "A\"QUOTE", "O'BRIEN", "СЕРВЕР-01", "東京-DB"] {
        assert!(enlisted.iter().any(|name| name == hard), "{hard}");
    }
    assert!(enlisted.iter().any(|name| name.chars().count() == 128));
    assert!(!page.all("msx_target_group_info", &[("group", "Größere \"Gruppe\"")]).is_empty());
    // The page for one target is asked for by that name.
    let encoded: String = "A\"QUOTE".bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(exporter.get(&format!("/target?name={encoded}")).status, 200);
}

#[test]
fn a_page_is_sent_as_it_was_asked_for() {
    let (_stand, exporter) = exporter_for(Lab::scenario(Scenario::Healthy));
    let plain = exporter.get("/metrics");
    assert_eq!(plain.header("vary").unwrap(), "Accept, Accept-Encoding");
    assert_eq!(plain.header("content-encoding"), None);
    let zipped = exporter.request("GET", "/metrics", &[("Accept-Encoding", "gzip")]);
    assert_eq!(zipped.header("content-encoding").unwrap(), "gzip");
    assert_eq!(zipped.header("vary").unwrap(), "Accept, Accept-Encoding");
    assert_eq!(steady(&zipped.unzipped()), steady(&plain.text()));
    assert!(zipped.body.len() * 4 < plain.body.len());

    let head = exporter.request("HEAD", "/metrics", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), plain.header("content-type"));
    assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 1000);

    for (accept, format) in [
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain"),
        ("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5", "application/openmetrics"),
        ("application/json", "text/plain"),
    ] {
        let answer = exporter.request("GET", "/metrics", &[("Accept", accept)]);
        assert!(answer.header("content-type").unwrap().starts_with(format), "{accept}");
    }
    let post = exporter.request("POST", "/metrics", &[]);
    assert_eq!((post.status, post.header("allow").as_deref()), (405, Some("GET, HEAD")));
    assert_eq!(exporter.get("/metricss").status, 404);
}
