//! Why a target is silent, from what the master remembers of who arrives: the real program against a master that plays
//! each case, and against what must not be mistaken for one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup, log};
use harness::{Page, TestServer, until};
use jiff::SignedDuration;
use msx_lab::msdb::{Arrival, Lab, LoginPart, Operation, Scenario, State};
use msx_lab::tds::certs::Authority;
use msx_lab::tds::{Encryption, Options};
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ADDRESS: &str = "10.1.0.3";
const ADDRESSES: &str = "targets:\n  addresses:\n    - { match: SQL03, address: 10.1.0.3 }";
const TARGETS: [&str; 6] = ["SQL01", "SQL02", "SQL03", "SQL04", "SQL05", "SQL06"];
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
fn agents_behind_one_address_are_distinguished_by_the_hosts_that_they_state() {
    let lab = since_silent(Arrival::Orderly);
    for (login, host) in [("CORP\\x", "SQL03"), ("CORP\\y", "AA01"), ("CORP\\a", "ZZ99")] {
        lab.arrives("192.0.2.1", 60, Arrival::Agent { login: login.into(), host: host.into(), blocked_by: 0 });
    }
    let (_, details) = suspects(lab.clone());
    assert!(details.contains("Agent session of CORP\\\\x from SQL03, seen"), "{details}");
    assert_eq!(judged(lab), is(CONNECTED_NOT_POLLING, "agent_connected"));
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

/// SQL03 as the JSON has it once the master was read, with everything that it may show.
fn target(exporter: &Exporter) -> serde_json::Value {
    exporter.scrape_until("a reading", Page::up);
    page_of(exporter)
}

/// SQL03 as the JSON of it alone has it, which waits for a look where SQL03 is known to be silent.
fn page_of(exporter: &Exporter) -> serde_json::Value {
    let answer = exporter.get("/api/v1/targets?name=SQL03").text();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["targets"].as_array().unwrap().iter().find(|target| target["name"] == "SQL03").unwrap().clone()
}

/// The titles of its suspects, and its details in one text.
fn suspects(lab: Lab) -> (Vec<String>, String) {
    let stand = TestServer::start(lab, Options::default());
    let shown = target(&Setup::of(&stand).with(&format!("{ADDRESSES}\nexplain: {{ details: true }}")).start());
    let evidence = &shown["master_evidence"];
    let titles = evidence["suspects"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned());
    (titles.collect(), evidence["details"].to_string())
}

#[test]
fn the_state_of_the_master_is_a_suspect_and_its_figures_are_details() {
    type Change = fn(&mut State);
    for (change, suspect, detail) in [
        ((|state| state.read_only = true) as Change, "msdb of the master is read-only", ""),
        (
            |state| (state.log_used_percent, state.log_waits_for) = (99, "ACTIVE_TRANSACTION".to_owned()),
            "The log of msdb is full on the master",
            "The log of msdb is 99 % full at its size and waits for ACTIVE_TRANSACTION.",
        ),
        (
            |state| state.blocker = Some(71),
            "A session on the master holds up all polls",
            "Session 71 on the master holds a lock on the table of targets and holds up 1 request.",
        ),
    ] {
        for version in [2012, 2025] {
            let lab = lab(Scenario::Stopped).version(version);
            lab.state(change);
            lab.grant("VIEW DEFINITION");
            let (titles, details) = suspects(lab);
            assert!(titles[0].starts_with(suspect), "{version}: {titles:?}");
            assert!(details.contains(detail), "{version}: {details}");
        }
    }
    let renamed = lab(Scenario::Stopped);
    renamed.state(|state| state.local_name = Some("OLD01".to_owned()));
    let (titles, _) = suspects(renamed);
    assert!(titles.iter().any(|title| title.starts_with("The master was renamed")), "{titles:?}");
}

#[test]
fn a_master_that_lets_no_poll_be_written_is_named_where_all_are_silent() {
    for (scenario, stands_out) in [
        (Scenario::MsdbReadOnly, "What stands out there: msdb of the master is read-only."),
        (Scenario::PollsBlocked, "What stands out there: a session holds a lock on the table of targets"),
    ] {
        let stand = TestServer::start(lab(scenario.clone()), Options::default());
        let shown = target(&Setup::of(&stand).start());
        assert_eq!(shown["diagnosis"]["cause"], "master_side", "{}", scenario.name());
        let said = shown["diagnosis"]["evidence"].to_string();
        assert!(said.contains(stands_out) && !said.contains("71"), "{said}");
        assert!(!said.contains("SQL Server Agent is stopped there"), "no guess under a cause: {said}");
    }
    // Without the right nothing of it is known, and the verdict is the same.
    let without = lab(Scenario::MsdbReadOnly);
    without.revoke("VIEW SERVER STATE");
    let page = page(without, "");
    assert_eq!((page.cause("SQL03"), page.permission("arrivals")), (Some("master_side"), Some(0.0)));
}

#[test]
fn errors_and_times_of_what_ended_before_login_choose_the_suspect() {
    for (what, suspect) in [
        (Arrival::Refused(17_819, 1), "The master takes strict encryption alone"),
        (Arrival::Slow(17_830, LoginPart::Ticket), "The account of the target's Agent gets no ticket"),
        (Arrival::Slow(17_830, LoginPart::Worker), "The master has no worker thread free"),
        (Arrival::Slow(17_830, LoginPart::Reads), "Packets are lost on the way"),
    ] {
        let (titles, _) = suspects(since_silent(what.clone()));
        assert!(titles[0].starts_with(suspect), "{what:?}: {titles:?}");
    }
}

#[test]
fn a_master_that_came_back_elsewhere_is_a_suspect_of_all_that_are_silent_since() {
    const MOVED: &str = "the master is not where or what it was before its last start";
    for (silent, cause) in [(&["SQL03"][..], "stopped_polling"), (&TARGETS, "master_side")] {
        let lab = lab(Scenario::Healthy);
        let mut stand = TestServer::start(lab.clone(), Options::default());
        let exporter = Setup::of(&stand).with(ADDRESSES).start();
        exporter.scrape_until("a reading", Page::up);
        silent.iter().for_each(|name| assert!(lab.stop(name)));
        lab.advance(SignedDuration::from_secs(60));
        stand.stop();
        lab.restart();
        lab.state(|state| state.node = Some("NODE2".to_owned()));
        lab.advance(SignedDuration::from_mins(20));
        stand.come_back();
        exporter.scrape_until("SQL03 silent", |page| page.cause("SQL03") == Some(cause));
        let shown = target(&exporter);
        let suspects = shown["master_evidence"].to_string();
        assert!(suspects.contains("The master has another computer, address, port or version"), "{suspects}");
        assert!(suspects.contains(MOVED), "{suspects}");
        let verdict = shown["diagnosis"].to_string();
        assert_eq!(verdict.contains(&format!("What stands out there: {MOVED}")), cause == "master_side", "{verdict}");
    }
}

#[test]
fn another_certificate_since_the_last_poll_is_the_first_suspect_of_the_one_that_fell_silent() {
    let lab = lab(Scenario::Healthy);
    let stand = TestServer::start(lab.clone(), Options { encryption: Encryption::Required, ..Options::default() });
    let setup = Setup::of(&stand).master("encrypt", "required").master("trust_server_certificate", "true");
    let exporter = setup.with(ADDRESSES).start();
    exporter.scrape_until("a reading", Page::up);
    lab.stop("SQL03");
    lab.advance(SignedDuration::from_secs(60));
    let other = Authority::new("Another Authority").unwrap().issue(&["msx01"]).unwrap();
    stand.control.change(|options| options.identity = Some(Arc::new(other)));
    lab.restart();
    stand.control.hang_up();
    lab.advance(SignedDuration::from_mins(20));
    exporter.scrape_until("SQL03 silent", |page| page.cause("SQL03") == Some("stopped_polling"));
    let suspects = target(&exporter)["master_evidence"]["suspects"].clone();
    let first = suspects[0].to_string();
    assert!(first.contains("The target does not trust the certificate of the master"), "{suspects}");
    assert!(first.contains("the master presents another certificate since the last poll"), "{suspects}");
}

#[test]
fn many_that_are_refused_alike_are_quoted_and_the_odd_one_out_is_named() {
    let lab = lab(Scenario::Healthy);
    TARGETS.iter().for_each(|name| assert!(lab.stop(name)));
    lab.advance(SignedDuration::from_secs(60));
    for number in 1..=6 {
        let what = if number == 4 { Arrival::Refused(18_456, 8) } else { Arrival::Refused(18_486, 1) };
        lab.arrives(&format!("10.1.0.{number}"), 60, what);
    }
    lab.advance(SignedDuration::from_mins(20));
    let rule = |number| format!("\n    - {{ match: SQL0{number}, address: 10.1.0.{number} }}");
    let rules: String = (1..=6).map(rule).collect();
    let stand = TestServer::start(lab, Options::default());
    for (details, locked) in [(true, true), (false, false)] {
        let config = format!("targets:\n  addresses:{rules}\nexplain: {{ details: {details} }}");
        let shown = target(&Setup::of(&stand).with(&config).start());
        assert_eq!(shown["diagnosis"]["cause"], "master_side");
        let said = shown["diagnosis"]["evidence"].to_string();
        assert!(said.contains("shows the same of 5 of 6: logins refused. SQL04 is the odd one out"), "{said}");
        let all = format!("{}{}", shown["diagnosis"], shown["master_evidence"]);
        assert_eq!(all.contains("Its old password may have locked the login that they share."), locked, "{all}");
        assert_eq!(all.contains("18486"), locked, "{all}");
    }
}

#[test]
fn a_look_that_fails_takes_no_cause_away() {
    let lab = lab(Scenario::LoginRefused);
    let stand = TestServer::start(lab.clone(), Options::default());
    let exporter = Setup::of(&stand).with(ADDRESSES).start();
    let refused = |page: &Page| verdict(page) == is(LOGIN_REFUSED, "refused");
    exporter.scrape_until("its cause", refused);
    lab.fault("dm_exec_connections", Mishap::Lock(std::time::Duration::from_secs(60)));
    let page = exporter.scrape_until("a look that fails", |page| page.success("arrivals") == Some(0.0));
    assert!(refused(&page));
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

#[test]
fn looks_that_are_all_slow_take_no_more_than_one_and_each_has_its_turn() {
    let lab = lab(Scenario::LoginRefused);
    let locks_and_counters = ["dm_os_performance_counters", "dm_tran_locks", "dm_exec_procedure_stats"];
    for table in ["dm_exec_connections", "dm_os_ring_buffers"].into_iter().chain(locks_and_counters) {
        lab.command(&format!("fault {table} wait 1500ms")).unwrap();
    }
    let master = TestServer::start(lab, Options::default());
    let exporter = Setup::of(&master).with(ADDRESSES).start();
    exporter.scrape_until("a reading", Page::up);
    until("the records, which come last", || {
        (page_of(&exporter)["diagnosis"]["cause"] == "login_refused").then_some(())
    });
}

/// Scrapes, and answers how long that took.
fn timed(exporter: &Exporter) -> (Page, Duration) {
    let began = Instant::now();
    let page = exporter.scrape();
    (page, began.elapsed())
}

#[test]
fn no_scrape_waits_for_a_look_and_what_a_look_left_is_read_over_the_same_connection() {
    /// Shorter than a look that hangs, longer than a reading on a busy machine.
    const SOON: Duration = Duration::from_millis(1_500);
    let lab = lab(Scenario::LoginRefused);
    lab.fault(
        "dm_os_ring_buffers",
        Mishap::Replies { after: 0, replies: vec![Reply::Wait(Duration::from_secs(3_600))] },
    );
    let master = TestServer::start(lab, Options::default());
    let exporter = Setup::of(&master).with(ADDRESSES).start();
    let began = Instant::now();
    let (page, took) = timed(&exporter);
    assert!(page.up() && took < SOON, "{took:?}");
    until("a reading that is too old to be shared", || (began.elapsed() > Duration::from_millis(1_100)).then_some(()));
    let (page, took) = timed(&exporter);
    assert!(page.up() && took < SOON, "the look ends for it: {took:?}");
    assert_eq!((master.logins(), page.success("targets")), (1, Some(1.0)), "{}", exporter.log());
    assert_eq!(page.success("arrivals"), Some(1.0), "a look that was interrupted has not failed");
    // The page of a silent target waits for a look until it ends, and says what is known.
    assert_eq!(page_of(&exporter)["diagnosis"]["cause"], "stopped_polling");
}

#[test]
fn once_waits_for_its_look() {
    let lab = lab(Scenario::LoginRefused);
    lab.command("fault dm_os_ring_buffers wait 1500ms").unwrap();
    assert_eq!(judged(lab), is(LOGIN_REFUSED, "refused"));
}

#[test]
fn a_run_that_the_ring_buffer_holds_from_its_beginning_alone_is_no_cause_of_a_target_that_never_polled() {
    let lab = lab(Scenario::NeverPolled);
    lab.arrives(ADDRESS, 60, Arrival::Refused(18_456, 8));
    lab.advance(SignedDuration::from_mins(20));
    assert_eq!(judged(lab.clone()), is(LOGIN_REFUSED, "refused"), "it began after the enlistment");
    // Whether it was there before the enlistment is not known any more: monitoring fails once a minute too.
    lab.restart();
    lab.advance(SignedDuration::from_mins(20));
    assert_eq!(judged(lab), is(NEVER_POLLED, "refused"));
}

#[test]
fn a_restored_msdb_is_a_suspect_of_what_is_silent_since() {
    let lab = lab(Scenario::Healthy);
    let stand = TestServer::start(lab.clone(), Options::default());
    let exporter = Setup::of(&stand).with(ADDRESSES).start();
    exporter.scrape_until("a reading", Page::up);
    lab.with(|fleet, _| {
        for target in fleet.targets.values_mut() {
            target.last_poll_date = target.last_poll_date.checked_sub(SignedDuration::from_mins(7)).unwrap();
        }
    });
    until("its suspect", || {
        let suspects = page_of(&exporter)["master_evidence"]["suspects"].to_string();
        suspects.contains("msdb of the master was restored to an earlier time").then_some(())
    });
}

#[test]
fn numbers_of_instructions_that_went_back_are_a_restored_msdb_and_an_emptied_list_is_none() {
    for restored in [true, false] {
        let lab = lab(Scenario::Healthy);
        lab.post("SQL01", Operation::Insert);
        lab.advance(SignedDuration::from_hours(3));
        lab.stop("SQL03");
        let copy = lab.with(|fleet, _| fleet.clone());
        lab.post("SQL01", Operation::Insert);
        let stand = TestServer::start(lab.clone(), Options::default());
        let exporter = Setup::of(&stand).with(ADDRESSES).start();
        let rows = |page: &Page| page.value("msx_downloadlist_rows", &[]);
        let before = rows(&exporter.scrape_until("a reading", Page::up));
        lab.with(|fleet, now| if restored { fleet.restore(copy.clone()) } else { fleet.resync_all(now) });
        lab.advance(SignedDuration::from_mins(10));
        exporter.scrape_until("the other list", |page| rows(page) != before);
        let said = page_of(&exporter)["master_evidence"]["suspects"].to_string();
        let history = exporter.get("/api/v1/history").text();
        for (text, word) in [(said, "the numbers of instructions went back"), (history, "msdb_restored")] {
            assert_eq!(text.contains(word), restored, "{word}: {text}");
        }
    }
}

#[test]
fn someone_who_polls_without_a_row_is_a_suspect_once_that_was_seen_three_times() {
    let lab = lab(Scenario::Healthy);
    lab.grant("VIEW DEFINITION");
    TARGETS.iter().for_each(|name| assert!(lab.stop(name)));
    lab.advance(SignedDuration::from_mins(20));
    lab.state(|state| state.unlisted_every = Some(5));
    let stand = TestServer::start(lab.clone().speed(1.0), Options::default());
    let exporter = Setup::of(&stand).with(ADDRESSES).start();
    exporter.scrape_until("a reading", Page::up);
    let seen = "someone polls this master without a row";
    let says = || page_of(&exporter)["master_evidence"]["suspects"].to_string();
    assert!(!says().contains(seen), "one may be a target that was deleted just then");
    let suspects = until("three looks at it, half a minute apart", || Some(says()).filter(|all| all.contains(seen)));
    assert!(suspects.contains("It polls under another name"), "{suspects}");
}

#[test]
fn our_own_session_is_no_evidence_of_a_target_that_arrives_from_the_same_address() {
    let lab = lab(Scenario::Stopped);
    lab.state(|state| state.client = ADDRESS.to_owned());
    assert_eq!(judged(lab), is(STOPPED_POLLING, "no_trace"));
}

#[test]
fn a_look_that_scrapes_ended_three_times_rests_says_when_it_comes_again_and_then_has_its_turn() {
    let lab = lab(Scenario::LoginRefused);
    // A reading shares its first second with those who ask meanwhile; the rest of it is what a look has.
    lab.command("fault systargetservers wait 900ms").unwrap();
    let hangs = Mishap::Replies { after: 0, replies: vec![Reply::Wait(Duration::from_secs(3_600))] };
    lab.fault("dm_os_ring_buffers", hangs);
    let master = TestServer::start(lab.clone(), Options::default());
    let exporter = Setup::of(&master).with(ADDRESSES).start();
    let longest = Cell::new(Duration::ZERO);
    let scrape = || {
        let (page, took) = timed(&exporter);
        longest.set(longest.get().max(took));
        page
    };
    let said = || {
        assert!(scrape().up());
        exporter.get("/api/v1/targets").text()
    };
    let ended = " looks ended early in a row because a scrape came; the next may begin in ";
    let looks = |said: &str| said.split_once(ended)?.0.rsplit(' ').next()?.parse::<u32>().ok();
    until("three looks that were ended", || looks(&said()).filter(|looks| *looks >= 3));
    assert!(longest.get() < Duration::from_millis(2_500), "no scrape waited for one: {:?}", longest.get());
    lab.clear_faults();
    until("a look that has its turn", || (verdict(&scrape()) == is(LOGIN_REFUSED, "refused")).then_some(()));
    assert_eq!(master.logins(), 1, "over the same connection: {}", exporter.log());
}

#[test]
fn garbage_and_a_hundred_sessions_hide_nothing_and_delay_nothing() {
    let lab = since_silent(Arrival::Refused(18_456, 8));
    lab.arrives("10.9.9.9", 10, Arrival::Garbage);
    (0..100).for_each(|_| lab.arrives("10.9.9.9", 60, Arrival::Session));
    lab.advance(SignedDuration::from_mins(20));
    let master = TestServer::start(lab, Options::default());
    let exporter = Setup::of(&master).with(ADDRESSES).start();
    exporter.scrape_until("a reading", Page::up);
    until("its cause", || (page_of(&exporter)["diagnosis"]["cause"] == "login_refused").then_some(()));
    let (page, took) = timed(&exporter);
    assert!(page.success("arrivals") == Some(1.0) && took < Duration::from_millis(1_500), "{took:?}");
}
