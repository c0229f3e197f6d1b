//! Why a target is silent, from what the master remembers of who arrives: the real program against a master that plays
//! each case, and against what must not be mistaken for one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Setup, log};
use harness::{Page, TestServer};
use jiff::SignedDuration;
use msx_lab::msdb::{Arrival, Lab, Scenario};
use msx_lab::tds::Options;
use msx_lab::tsql::world::Mishap;

const ADDRESS: &str = "10.1.0.3";
const ADDRESSES: &str = "targets:\n  addresses:\n    - { match: SQL03, address: 10.1.0.3 }";
const NEVER_POLLED: f64 = 4.0;
const STOPPED_POLLING: f64 = 5.0;
const LOGIN_REFUSED: f64 = 14.0;
const ENDED_BEFORE_LOGIN: f64 = 15.0;
const CONNECTED_NOT_POLLING: f64 = 16.0;

fn lab(scenario: Scenario) -> Lab {
    Lab::scenario(scenario).at("2026-11-22T12:00:00Z")
}

fn page(lab: Lab, config: &str) -> Page {
    let master = TestServer::start(lab, Options::default());
    let output = Setup::of(&master).with(config).run(&["once"]);
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    Page::parse(&String::from_utf8(output.stdout).unwrap())
}

/// The code of the cause of SQL03, and the one word of evidence.
fn verdict(page: &Page) -> (f64, Option<String>) {
    let target = [("target", "SQL03")];
    let words = page.all("msx_target_master_evidence", &target);
    assert!(words.len() < 2 && words.iter().all(|word| word.value == 1.0));
    let word = words.first().map(|word| word.labels["evidence"].clone());
    (page.value("msx_target_diagnosis_code", &target).unwrap(), word)
}

fn judged(lab: Lab) -> (f64, Option<String>) {
    verdict(&page(lab, ADDRESSES))
}

fn is(code: f64, word: &str) -> (f64, Option<String>) {
    (code, Some(word.to_owned()))
}

#[test]
fn what_the_master_remembers_tells_the_cases_apart() {
    for version in [2012, 2019, 2022, 2025] {
        for (scenario, expected) in [
            (Scenario::LoginRefused, is(LOGIN_REFUSED, "refused")),
            (Scenario::EndedBeforeLogin, is(ENDED_BEFORE_LOGIN, "before_login")),
            (Scenario::ConnectedNotPolling, is(CONNECTED_NOT_POLLING, "agent_connected")),
            // A firewall, a stopped Agent, a wrong name and a client that hangs up in order are one group.
            (Scenario::HungUpInOrder, is(STOPPED_POLLING, "no_trace")),
            (Scenario::Stopped, is(STOPPED_POLLING, "no_trace")),
            (Scenario::NeverPolled, is(NEVER_POLLED, "no_trace")),
        ] {
            assert_eq!(judged(lab(scenario.clone()).version(version)), expected, "{version}: {}", scenario.name());
        }
    }
}

#[test]
fn only_silent_targets_have_evidence() {
    let page = page(lab(Scenario::LoginRefused), ADDRESSES);
    assert_eq!(page.all("msx_target_master_evidence", &[]).len(), 1);
    assert_eq!(self::page(lab(Scenario::Healthy), ADDRESSES).all("msx_target_master_evidence", &[]).len(), 0);
}

/// SQL03 has been silent for twenty minutes, and something else arrives from its host all the time.
fn with(what: Arrival, every_seconds: i64) -> Lab {
    let lab = lab(Scenario::Healthy);
    lab.arrives(ADDRESS, every_seconds, what);
    lab.advance(SignedDuration::from_mins(60));
    lab.stop("SQL03");
    lab.advance(SignedDuration::from_mins(20));
    lab
}

#[test]
fn monitoring_that_fails_once_a_minute_is_no_cause() {
    let polling = lab(Scenario::Healthy);
    polling.arrives(ADDRESS, 60, Arrival::Refused(18_456, 8));
    polling.advance(SignedDuration::from_mins(60));
    assert_eq!(judged(polling), (0.0, None));
    assert_eq!(judged(with(Arrival::Refused(18_456, 8), 60)), is(STOPPED_POLLING, "refused"), "it was there before");
}

/// What arrives begins after SQL03 fell silent, at the rhythm of its polls.
fn since_silent(what: Arrival) -> Lab {
    let lab = lab(Scenario::Healthy);
    lab.stop("SQL03");
    lab.advance(SignedDuration::from_secs(60));
    lab.arrives(ADDRESS, 60, what);
    lab.advance(SignedDuration::from_mins(20));
    lab
}

#[test]
fn both_spellings_of_a_record_and_a_handshake_of_windows_are_read() {
    for what in [Arrival::NewSpelling(18_456, 8), Arrival::Refused(17_806, 14), Arrival::Refused(18_456, 5)] {
        assert_eq!(judged(since_silent(what.clone())), is(LOGIN_REFUSED, "refused"), "{what:?}");
    }
    assert_eq!(judged(since_silent(Arrival::Closed)), is(ENDED_BEFORE_LOGIN, "before_login"));
    assert_eq!(judged(since_silent(Arrival::Reset(0))), is(STOPPED_POLLING, "reached"), "it sent nothing");
    assert_eq!(judged(since_silent(Arrival::Session)), is(STOPPED_POLLING, "connected"));
}

#[test]
fn what_says_nothing_of_the_target_is_left_out() {
    for what in [Arrival::Outgoing(18_456), Arrival::Garbage] {
        assert_eq!(judged(since_silent(what.clone())), is(STOPPED_POLLING, "no_trace"), "{what:?}");
    }
    for host in ["<local machine>", "<named pipe>", "", "10.1.0.30", "2001:db8::3"] {
        let lab = since_silent(Arrival::Orderly);
        lab.arrives(host, 60, Arrival::Refused(18_456, 8));
        lab.advance(SignedDuration::from_mins(5));
        assert_eq!(judged(lab), is(STOPPED_POLLING, "no_trace"), "{host:?}");
    }
}

#[test]
fn an_address_is_the_same_in_both_families() {
    let mapped = since_silent(Arrival::Orderly);
    mapped.arrives("::ffff:10.1.0.3", 60, Arrival::Agent { login: "x".into(), host: "y".into(), blocked_by: 0 });
    assert_eq!(judged(mapped), is(CONNECTED_NOT_POLLING, "agent_connected"));
}

#[test]
fn a_ring_that_was_turned_over_or_lost_at_a_restart_brings_no_cause() {
    let lab = since_silent(Arrival::Refused(18_456, 8));
    lab.arrives("10.9.9.9", 1, Arrival::Refused(18_456, 8));
    lab.advance(SignedDuration::from_mins(9));
    let (code, word) = judged(lab);
    assert_eq!((code, word.as_deref()), (STOPPED_POLLING, Some("refused")), "what was before its last poll is gone");
    let lab = since_silent(Arrival::Refused(18_456, 8));
    lab.nothing_arrives();
    lab.restart();
    lab.advance(SignedDuration::from_secs(179));
    assert_eq!(judged(lab), is(12.0, "unknown"), "the master has just started");
}

#[test]
fn without_the_right_everything_else_goes_on() {
    for version in [2019, 2022, 2025] {
        let lab = lab(Scenario::LoginRefused).version(version);
        lab.revoke("VIEW SERVER STATE");
        if version >= 2022 {
            lab.grant("VIEW SERVER SECURITY STATE");
        }
        let page = page(lab, ADDRESSES);
        assert_eq!(verdict(&page), is(STOPPED_POLLING, "unknown"), "{version}");
        assert_eq!((page.up(), page.permission("arrivals")), (true, Some(0.0)), "{version}");
        assert_eq!(page.permission("targets"), Some(1.0), "{version}");
    }
    let off = format!("{ADDRESSES}\ncollectors:\n  arrivals: false");
    let page = page(lab(Scenario::LoginRefused), &off);
    assert_eq!((verdict(&page), page.permission("arrivals")), ((STOPPED_POLLING, None), None));
}

#[test]
fn without_an_address_nothing_is_known() {
    assert_eq!(verdict(&page(lab(Scenario::LoginRefused), "")), is(STOPPED_POLLING, "unknown"));
}

#[test]
fn a_master_that_does_not_answer_for_it_spoils_nothing_else() {
    let lab = lab(Scenario::LoginRefused);
    lab.fault("dm_os_ring_buffers", Mishap::Lock(std::time::Duration::from_secs(60)));
    let page = page(lab, ADDRESSES);
    assert_eq!(verdict(&page), is(STOPPED_POLLING, "unknown"));
    assert!(page.up());
    for (collector, fine) in [("targets", 1.0), ("downloads", 1.0), ("jobs", 1.0), ("server", 1.0), ("arrivals", 0.0)] {
        assert_eq!(page.success(collector), Some(fine), "{collector}");
    }
}
