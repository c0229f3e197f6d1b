#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::collectors::{Arrival, Arrivals, Reading, RecordKind};
use crate::diagnosis::fixtures::{ago, config, never_polled, now, polled_at, read, reading, target};
use crate::diagnosis::{MasterFleet, Memory, assess};
use crate::model::{Address, Certificate, Check, Collector, Direction, PortState, Store, UtcInstant};
use crate::probe::protocol::{Encryption, EngineFacts, Verdict};
use crate::probe::{Finding, PortResults};
use crate::sqlserver::{MasterAnswers, Member};
use crate::target_pages::{KnownPage, PagesOfTarget, TargetPage, tests::page};
use crate::target_side::{LocalTarget, Presented};
use jiff::Timestamp;
use std::sync::Arc;

fn finding(check: Check, state: PortState, port: Option<u16>) -> Finding {
    Finding {
        state,
        port,
        address: Some("10.1.0.7".parse().unwrap()),
        evidence: format!("{} as tried", state.name()),
        ..Finding::skipped(check, Direction::ToTarget, now())
    }
}

/// One target that polls, one that is silent, one that never polled; the first with findings.
fn fleet() -> MasterFleet {
    let rows = vec![target(1, "SQL01"), polled_at(target(2, r"SQL02\PAYROLL"), 4000), never_polled(3, "SQL03", 9000)];
    let mut port_results = PortResults::default();
    let tried = [
        finding(Check::Engine, PortState::Open, Some(1433)),
        finding(Check::RpcMapper, PortState::Open, Some(135)),
        finding(Check::RpcScm, PortState::Filtered, Some(49_667)),
        finding(Check::Smb, PortState::Filtered, Some(445)),
    ];
    port_results.findings.insert("SQL01".to_owned(), tried.into());
    let at = "10.1.0.8".parse().unwrap();
    port_results.addresses.insert(r"SQL02\PAYROLL".to_owned(), vec![at]);
    let refused = Arrival {
        at: ago(30),
        up_ms: 0,
        connection: None,
        from: Some(at),
        kind: RecordKind::Error,
        error: Some(18_456),
        state: Some(8),
        before_login: false,
        sent: None,
        timers: None,
    };
    let (covered_since, covered_until, records) = (Some(ago(5_000)), Some(now()), vec![refused].into());
    let arrivals = Arrivals { permitted: true, covered_since, covered_until, records, ..Arrivals::default() };
    let reading = Reading { arrivals: Some(read(Collector::Arrivals, arrivals)), ..reading(rows) };
    assess(&reading, Arc::new(port_results), &config(), &mut Memory::default()).fleet
}

fn master(name: &str, ports: &[u16]) -> MasterEnd {
    MasterEnd {
        name: name.to_owned(),
        addresses: vec!["10.0.0.1".parse().unwrap()],
        ports: ports.to_vec(),
        port_source: "the test".to_owned(),
        page_share: None,
    }
}

fn answers() -> MasterAnswers {
    let member = Member { name: r"CORP\TSX".to_owned(), kind: "WINDOWS_GROUP".to_owned() };
    MasterAnswers { listeners: Ok(Vec::new()), members: Ok(vec![member]), arrivals_grant: "GRANT x".to_owned() }
}

fn examine(fleet: &MasterFleet, master: &MasterEnd, now: Timestamp) -> Request {
    super::examine(fleet, master, &Ok(answers()), now)
}

fn request() -> Request {
    examine(&fleet(), &master(r"MSX01\HQ", &[14330]), now())
}

fn find<'a>(request: &'a Request, source: &str, destination: &str, ports: &str) -> &'a Row {
    let row = request
        .rows
        .iter()
        .find(|row| row.source[0].name == source && row.destination[0].name == destination && row.ports == ports);
    row.unwrap_or_else(|| panic!("no row {source} -> {destination} {ports}"))
}

#[test]
fn each_target_calls_the_master_and_a_poll_or_whatever_arrives_is_the_proof() {
    let request = request();
    let states = ["SQL01", "SQL02", "SQL03"].map(|name| find(&request, name, "MSX01", "14330").now.open);
    assert_eq!(states, [Some(true), Some(true), None]);
    let evidence = &find(&request, "SQL02", "MSX01", "14330").now.evidence;
    assert_eq!(evidence, "it does not poll, and its host reaches the port: logins refused");
    assert!(find(&request, "SQL01", "MSX01", "14330").handling.contains("no TLS inspection"));
}

#[test]
fn what_to_paste_is_filled_in_for_a_silent_target_of_which_something_was_seen() {
    let request = request();
    let titles: Vec<&str> = request.paste.iter().map(|paste| paste.title.as_str()).collect();
    assert_eq!(titles, [r"To paste on the master (SQL02\PAYROLL)", r"To paste on the target (SQL02\PAYROLL)"]);
    for form in [RequestFormat::Text, RequestFormat::Markdown, RequestFormat::Json] {
        let drawn = draw(&request, form);
        assert!(drawn.contains("N'CLIENT: 10.1.0.8]'") && drawn.contains("sp_sqlagent_notify"), "{drawn}");
    }
    let fine = assess(&reading(vec![target(1, "SQL01")]), Arc::default(), &config(), &mut Memory::default()).fleet;
    assert_eq!(examine(&fine, &master("MSX01", &[1433]), now()).paste, []);
}

#[test]
fn a_share_for_pages_has_a_row_of_each_target_and_of_the_exporter() {
    let mut fleet = fleet();
    let page = KnownPage { page: page(ago(120)), first_seen: ago(60) };
    fleet.targets[1].pages = Some(Arc::new(PagesOfTarget { pages: vec![page], ..PagesOfTarget::default() }));
    let master = MasterEnd { page_share: Some("PAGES".to_owned()), ..master("MSX01", &[1433]) };
    let request = examine(&fleet, &master, now());
    let seen = |source| {
        let row = find(&request, source, "PAGES", "445");
        (row.initiator.as_str(), row.need, row.now.open)
    };
    let sources = ["SQL01", "SQL02", "SQL03", "exporter next to the master"];
    let [closed, open] = [None, Some(true)].map(|open| move |initiator| (initiator, Need::Required, open));
    assert_eq!(sources.map(seen), [closed("target"), open("target"), closed("target"), open("exporter")]);
}

#[test]
fn a_page_that_counts_has_the_state_of_the_way_with_its_age() {
    let way = |check, state| Finding {
        direction: Direction::ToMaster,
        master: Some(r"MSX01\HQ".to_owned()),
        ..finding(check, state, Some(14_330))
    };
    let ports = vec![way(Check::Engine, PortState::Filtered), way(Check::Browser, PortState::Open)];
    for (taken, open, evidence) in [
        (120, [Some(false), Some(true)], "by its page, taken 2 min ago on SQL01"),
        (1_500, [None, None], "it has never polled; this way can be tested on the target alone"),
    ] {
        let page = TargetPage { ports: ports.clone(), ..page(ago(taken)) };
        let pages = vec![KnownPage { page, first_seen: ago(60) }];
        let mut fleet = fleet();
        fleet.targets[2].pages = Some(Arc::new(PagesOfTarget { pages, ..PagesOfTarget::default() }));
        let request = examine(&fleet, &master(r"MSX01\HQ", &[14330]), now());
        let rows = ["14330", "1434"].map(|port| &find(&request, "SQL03", "MSX01", port).now);
        assert_eq!((rows.map(|seen| seen.open), rows[0].evidence.as_str()), (open, evidence));
    }
}

#[test]
fn a_group_says_how_old_the_oldest_of_what_was_seen_is() {
    for (taken, said) in [(120, false), (1_140, true)] {
        let way = Finding {
            direction: Direction::ToMaster,
            master: Some(r"MSX01\HQ".to_owned()),
            checked_at: ago(taken),
            ..finding(Check::Engine, PortState::Filtered, Some(14_330))
        };
        let page = TargetPage { ports: vec![way], ..page(ago(taken)) };
        let pages = vec![KnownPage { page, first_seen: ago(60) }];
        let mut fleet = fleet();
        fleet.targets[2].pages = Some(Arc::new(PagesOfTarget { pages, ..PagesOfTarget::default() }));
        let request = aggregate(examine(&fleet, &master(r"MSX01\HQ", &[14330]), now()));
        let evidence = &find(&request, "SQL01", "MSX01", "14330").now.evidence;
        let oldest = format!("; the oldest of this was seen at {}", UtcInstant(ago(taken)));
        assert_eq!(evidence.ends_with(&oldest), said, "{evidence}");
    }
}

#[test]
fn polls_come_from_the_configured_addresses_and_a_loopback_address_is_none() {
    let mut fleet = fleet();
    let mut here = finding(Check::Engine, PortState::Open, Some(1433));
    here.address = Some("127.0.0.1".parse().unwrap());
    Arc::make_mut(&mut fleet.port_results).findings.insert("SQL03".to_owned(), vec![here]);
    fleet.targets.iter_mut().for_each(|target| target.arrives_from = vec!["10.9.0.1".parse().unwrap()]);
    fleet.targets.last_mut().unwrap().arrives_from.clear();
    let request = examine(&fleet, &master("MSX01", &[1433]), now());
    let calls = |name| find(&request, name, "MSX01", "1433").source[0].to_string();
    assert_eq!(["SQL01", "SQL03"].map(calls), ["SQL01 (10.9.0.1)", "SQL03"]);
    let called = |name| find(&request, "machine with SSMS", name, "1433").destination[0].to_string();
    assert_eq!(["SQL01", "SQL03"].map(called), ["SQL01 (10.1.0.7)", "SQL03"]);
}

#[test]
fn sql_browser_is_asked_for_only_where_the_master_is_a_named_instance() {
    let udp = |request: &Request| request.rows.iter().filter(|row| row.transport == Some(Transport::Udp)).count();
    assert_eq!(udp(&request()), 3);
    assert_eq!(udp(&examine(&fleet(), &master("MSX01", &[1433]), now())), 0);
}

#[test]
fn nothing_is_asked_for_from_the_master_to_its_targets() {
    let request = request();
    let back: Vec<&Row> = request.rows.iter().filter(|row| row.source[0].name == "MSX01").collect();
    assert_eq!(back.len(), 1);
    assert_eq!((back[0].need, back[0].transport, back[0].destination.len()), (Need::Nothing, None, 3));
}

#[test]
fn a_host_with_two_instances_is_named_once_where_nothing_is_needed() {
    let rows = vec![target(1, r"SQL01\PAYROLL"), target(2, r"SQL01\STOCK"), target(3, "SQL02")];
    let fleet = assess(&reading(rows), Arc::new(PortResults::default()), &config(), &mut Memory::default()).fleet;
    let request = examine(&fleet, &master("MSX01", &[1433]), now());
    let nothing = request.rows.iter().find(|row| row.transport.is_none()).unwrap();
    let names: Vec<&str> = nothing.destination.iter().map(|end| end.name.as_str()).collect();
    assert_eq!(names, ["SQL01", "SQL02"]);
}

#[test]
fn a_port_that_the_configuration_requires_is_asked_for_and_its_want_is_a_fault() {
    let mut fleet = fleet();
    assert_eq!(examine(&fleet, &master("MSX01", &[1433]), now()).closed(), [""; 0]);
    let mut closed = finding(Check::Engine, PortState::Refused, Some(1433));
    closed.required = true;
    Arc::make_mut(&mut fleet.port_results).findings.insert("SQL01".to_owned(), vec![closed]);
    let request = examine(&fleet, &master("MSX01", &[1433]), now());
    assert_eq!(find(&request, "MSX01", "SQL01", "1433").now.state, "refused");
    assert_eq!(request.closed().len(), 1);
}

#[test]
fn the_wizard_needs_the_dynamic_port_and_not_135_alone() {
    let request = request();
    let rpc = find(&request, "machine with SSMS", "SQL01", "135, 49152-65535");
    assert_eq!((rpc.now.open, rpc.now.state.as_str()), (Some(false), "filtered"));
    assert_eq!(rpc.need, Need::ForPeople);
}

#[test]
fn a_port_that_is_not_known_is_never_guessed() {
    let request = examine(&fleet(), &master(r"MSX01\HQ", &[]), now());
    assert!(find(&request, "SQL01", "MSX01", "unknown").test.contains("find the port first"));
    assert!(request.rows.iter().filter(|row| row.destination[0].name == "MSX01").all(|row| row.ports != "1433"));
}

#[test]
fn a_group_is_one_rule_and_keeps_its_worst_state() {
    let complete = request();
    let few = aggregate(complete.clone());
    let polling = find(&few, "SQL01", "MSX01", "14330");
    assert_eq!(polling.source.len(), 3);
    let evidence = "2 open (SQL01, SQL02), 1 unknown (SQL03)";
    assert_eq!((polling.now.open, polling.now.evidence.as_str()), (None, evidence));
    // Polling, SQL Browser, nothing back; SSMS: engine of the master, RPC to all, SMB to all, engines of targets.
    let services: Vec<String> = few.rows.iter().map(Row::service).collect();
    assert_eq!(
        services,
        ["TCP 14330", "UDP 1434", "nothing", "TCP 14330", "TCP 135, 49152-65535", "TCP 445", "TCP 1433", "TCP unknown"]
    );
    let tested = |row: &Row| (row.service(), row.destination.len(), row.command().is_some(), row.tests_the_first());
    assert_eq!(
        few.rows[4..].iter().map(tested).collect::<Vec<_>>(),
        [
            ("TCP 135, 49152-65535".to_owned(), 4, true, true),
            ("TCP 445".to_owned(), 4, true, true),
            ("TCP 1433".to_owned(), 2, true, true),
            ("TCP unknown".to_owned(), 1, false, false),
        ]
    );
    let is_command = |row: &&Row| row.command().is_some_and(|command| command.contains(", "));
    assert_eq!(few.rows.iter().find(is_command), None, "words in a command");
    let machines = |request: &Request| request.rows.iter().flat_map(|row| row.destination.clone()).count();
    assert!(machines(&few) < machines(&complete));
}

#[test]
fn a_fleet_is_a_page_and_no_line_of_it_a_list() {
    let rows = (1..25).map(|number| {
        let row = target(number, &format!("SQL{number:02}-OF-THE-FLEET"));
        if number % 2 == 0 { row } else { polled_at(row, 4000) }
    });
    let fleet =
        assess(&reading(rows.collect()), Arc::new(PortResults::default()), &config(), &mut Memory::default()).fleet;
    let mut request = aggregate(examine(&fleet, &master(r"MSX01\HQ", &[14330]), now()));
    // Its batches come at the end, and are as long as they are.
    assert_eq!(std::mem::take(&mut request.paste).len(), 2);
    let text = draw(&request, RequestFormat::Text);
    assert!(text.lines().count() < 100, "{text}");
    assert!(text.is_ascii(), "{text}");
    assert_eq!(text.matches("every 60 s").count(), 1, "{text}");
    assert!(text.contains("  24 hosts (list 1) -> MSX01 (10.0.0.1)  TCP 14330\n"), "{text}");
    assert!(text.contains("  machine with SSMS -> MSX01 (10.0.0.1) and 24 hosts (list 1)  TCP 445\n"), "{text}");
    let commands = ["test ", "-> ", "msx_exporter doctor"];
    let long = |line: &&str| line.len() > 100 && !commands.iter().any(|command| line.contains(command));
    assert_eq!(text.lines().filter(long).collect::<Vec<_>>(), [""; 0]);
    let markdown = draw(&request, RequestFormat::Markdown);
    let list = markdown.lines().filter(|line| line.matches("-OF-THE-FLEET").count() > 1);
    assert!(list.map(str::len).max().is_some_and(|longest| longest <= 100), "{markdown}");
}

#[test]
fn instances_of_one_host_are_distinguished_where_each_has_a_row() {
    let rows = vec![target(1, "SQL01"), polled_at(target(2, r"SQL01\PAYROLL"), 4000), target(3, "SQL02")];
    let fleet = assess(&reading(rows), Arc::new(PortResults::default()), &config(), &mut Memory::default()).fleet;
    let request = examine(&fleet, &master("MSX01", &[1433]), now());
    for (name, open) in [("SQL01", Some(true)), (r"SQL01\PAYROLL", None), ("SQL02", Some(true))] {
        assert_eq!(find(&request, name, "MSX01", "1433").now.open, open, "{name}");
    }
    let desk = find(&request, "machine with SSMS", r"SQL01\PAYROLL", "unknown");
    assert_eq!(desk.test, "find the port first");
    let smb = request.rows.iter().filter(|row| row.ports == "445" && row.destination[0].name.starts_with("SQL01"));
    assert_eq!(smb.count(), 1, "the wizard asks a host");
    assert_eq!(request.unseen(), [r"SQL01\PAYROLL -> MSX01 (10.0.0.1), TCP 1433 (unknown)"]);
}

#[test]
fn a_port_is_known_where_its_name_is_not() {
    let mut fleet = fleet();
    let unresolved = Finding { port: None, required: true, ..finding(Check::Engine, PortState::Unresolved, None) };
    for name in ["SQL01", r"SQL02\PAYROLL"] {
        let browser = Finding { check: Check::Browser, transport: "udp", ..unresolved.clone() };
        Arc::make_mut(&mut fleet.port_results).findings.insert(name.to_owned(), vec![unresolved.clone(), browser]);
    }
    let request = examine(&fleet, &master("MSX01", &[1433]), now());
    find(&request, "MSX01", "SQL02", "1434");
    find(&request, "MSX01", "SQL01", "1433");
    find(&request, "MSX01", "SQL02", "unknown");
    let mut end = target_end(PortState::Unresolved, Verdict::Ok);
    end.findings[0].port = None;
    let row = find(&examine_on_target(&end, now()), "SQL01", "MSX01", "1433").clone();
    assert_eq!(row.test, "Test-NetConnection -ComputerName MSX01 -Port 1433");
}

#[test]
fn a_named_master_that_targets_poll_has_its_way_looked_at() {
    let rows = vec![target(1, "SQL01"), target(2, "SQL02")];
    let fleet = assess(&reading(rows), Arc::new(PortResults::default()), &config(), &mut Memory::default()).fleet;
    assert_eq!(examine(&fleet, &master(r"MSX01\HQ", &[14330]), now()).unseen(), [""; 0]);
}

#[test]
fn an_earlier_request_is_compared_whether_aggregated_or_not() {
    let mut earlier = request();
    earlier.rows.retain(|row| row.ports != "445");
    earlier.rows[0].now.state = "filtered".to_owned();
    for earlier in [earlier.clone(), aggregate(earlier)] {
        let verified = verify(request(), &draw(&earlier, RequestFormat::Json)).unwrap();
        let before = &find(&verified, "SQL01", "MSX01", "14330").before;
        assert!(["filtered", "mixed"].contains(&before.as_ref().unwrap().state.as_str()));
        assert_eq!(find(&verified, "machine with SSMS", "SQL01", "445").before, None);
        assert!(verified.notes.iter().any(|note| note.starts_with("new since") && note.contains("TCP 445")));
    }
    assert!(verify(request(), "{}").unwrap_err().contains("no request"));
}

#[test]
fn what_became_of_a_port_since_is_said_in_words() {
    let mut row = request().rows.remove(0);
    for (before, now, since) in [
        (Some(false), Some(true), "open now"),
        (None, Some(true), "open now"),
        (Some(true), Some(true), "still open"),
        (Some(false), Some(false), "still closed"),
        (Some(true), Some(false), "closed now"),
        (Some(false), None, "not known now"),
    ] {
        row.before = Some(Seen { open: before, ..Seen::unknown("") });
        row.now.open = now;
        assert_eq!(row.since(), Some(since));
    }
    row.before = None;
    assert_eq!(row.since(), None);
}

#[test]
fn what_json_says_reads_back() {
    let request = request();
    assert_eq!(serde_json::from_str::<Request>(&draw(&request, RequestFormat::Json)).unwrap(), request);
}

#[test]
fn each_form_is_drawn() {
    let mut fleet = fleet();
    fleet.server.as_mut().unwrap().certificate = Some(Certificate {
        subject: "CN=SSL_Self_Signed_Fallback".to_owned(),
        issuer: "CN=SSL_Self_Signed_Fallback".to_owned(),
        self_signed: true,
        not_after: "2056-01-01T00:00:00Z".parse().unwrap(),
        names: Vec::new(),
        sha256: String::new(),
    });
    let mut request = aggregate(examine(&fleet, &master(r"MSX01\HQ", &[14330, 14331]), now()));
    // deploy/sql has it.
    request.paste.iter_mut().for_each(|paste| "SELECT 1;\n".clone_into(&mut paste.text));
    insta::assert_snapshot!("text", draw(&request, RequestFormat::Text));
    insta::assert_snapshot!("markdown", draw(&request, RequestFormat::Markdown));
    insta::assert_snapshot!("csv", draw(&request, RequestFormat::Csv));
}

#[test]
fn every_host_of_a_group_is_named_where_its_state_is_only_counted() {
    let rows = (0..604).map(|number| {
        let row = target(number, &format!("SQL{number:04}"));
        if number < 4 { polled_at(row, 4_000) } else { row }
    });
    let fleet = assess(&reading(rows.collect()), Arc::default(), &config(), &mut Memory::default()).fleet;
    let request = aggregate(examine(&fleet, &master("MSX01", &[1433]), now()));
    let row = find(&request, "SQL0000", "MSX01", "1433");
    assert_eq!((row.now.state.as_str(), row.now.evidence.as_str()), ("mixed", "600 open, 4 unknown"));
    for form in [RequestFormat::Markdown, RequestFormat::Csv, RequestFormat::Json] {
        let drawn = draw(&request, form);
        let last = drawn.lines().filter(|line| line.contains("SQL0603")).count();
        assert!(last >= 2, "as a source, and by its state: {drawn}");
    }
    let written: Request = serde_json::from_str(&draw(&request, RequestFormat::Json)).unwrap();
    assert_eq!(written, request);
    let page = super::page(&request, crate::pages::Frame::alone("")).unwrap();
    for text in [
        "<a href=\"#list-1\">604 hosts (list 1)</a>",
        "<details id=\"row-0-open\"><summary>600 open</summary>SQL0004, SQL0005, ",
        "SQL0203 and 400 that are only counted here</details>",
        "<summary>4 unknown</summary>SQL0000, SQL0001, SQL0002, SQL0003</details>",
        "<details id=\"list-1\" open><summary>list 1, 604 hosts</summary>SQL0000, ",
        "SQL0199 and 404 that are only counted here</details>",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

fn target_end(state: PortState, verdict: Verdict) -> TargetEnd {
    let engine = Finding {
        direction: Direction::ToMaster,
        master: Some("MSX01".to_owned()),
        required: true,
        ..finding(Check::Engine, state, Some(1433))
    };
    let facts = EngineFacts { version: Some("16.0.4135".to_owned()), ..EngineFacts::default() };
    TargetEnd {
        local_target: LocalTarget {
            target: "SQL01".to_owned(),
            master: "MSX01".to_owned(),
            address: Address { host: "MSX01".to_owned(), port: None, instance: None },
            enlisted_to: None,
            alias: None,
            encrypt_channel_option: None,
        },
        addresses: vec!["10.0.0.1".parse().unwrap()],
        findings: vec![engine],
        facts: (state == PortState::Open).then_some(facts),
        presented: (state == PortState::Open).then_some(Presented {
            store: Store::File,
            verdict,
            encryption: if verdict == Verdict::NoTls { Encryption::Unavailable } else { Encryption::Required },
            certificate: None,
            seen_at: now(),
        }),
        nodes: Vec::new(),
        answers: None,
    }
}

#[test]
fn on_a_target_the_way_of_polling_is_tried_and_its_want_is_a_fault() {
    let open = examine_on_target(&target_end(PortState::Open, Verdict::Ok), now());
    assert_eq!(find(&open, "SQL01", "MSX01", "1433").now.open, Some(true));
    assert_eq!(open.closed(), [""; 0]);
    let filtered = examine_on_target(&target_end(PortState::Filtered, Verdict::Ok), now());
    assert_eq!(filtered.closed(), ["SQL01 -> MSX01 (10.0.0.1), TCP 1433 (filtered)"]);
    assert!(filtered.readiness.is_empty());
}

#[test]
fn each_node_of_a_failover_cluster_is_a_source_and_its_network_name_is_not() {
    let node = |name: &str| End { name: name.to_owned(), addresses: Vec::new() };
    let end = TargetEnd { nodes: vec![node("NODE1"), node("NODE2")], ..target_end(PortState::Open, Verdict::Ok) };
    let request = examine_on_target(&end, now());
    assert_eq!(request.rows[0].source, [node("NODE1"), node("NODE2")]);
    assert_eq!(find(&request, "MSX01", "SQL01", "").destination, [node("SQL01")]);
    assert!(request.notes.iter().any(|note| note.contains("each of them")));
}

#[test]
fn what_the_registry_says_is_held_against_what_is_seen() {
    for (master, option, fine, words) in [
        ("MSX01", 1, true, "MSXServerName is MSX01, MsxEncryptChannelOptions 1"),
        ("MSX01", 2, false, "is 2: it refuses the master's certificate"),
        ("MSX02", 0, false, "is enlisted to MSX02"),
    ] {
        let mut end = target_end(PortState::Open, Verdict::Untrusted);
        end.local_target.enlisted_to = Some(master.to_owned());
        end.local_target.encrypt_channel_option = Some(option);
        let request = examine_on_target(&end, now());
        let item = request.readiness.iter().find(|item| item.subject.starts_with("registry")).unwrap();
        assert_eq!(item.fine, Some(fine), "{item:?}");
        assert!(item.evidence.contains(words), "{item:?}");
    }
}

#[test]
fn the_setting_here_stands_first_and_each_other_is_named() {
    let said = |option, verdict| {
        let mut end = target_end(PortState::Open, verdict);
        end.local_target.encrypt_channel_option = option;
        let about = |item: &&Readiness| item.subject.starts_with("connection with");
        let all = examine_on_target(&end, now()).readiness;
        all.iter().filter(about).cloned().collect::<Vec<_>>()
    };
    for (option, verdict, expected) in [
        (Some(0), Verdict::NoTls, [("0 (set here)", Some(true)), ("2", Some(false)), ("1", Some(false))]),
        (Some(0), Verdict::Untrusted, [("0 (set here)", None), ("2", Some(false)), ("1", Some(true))]),
        (Some(1), Verdict::Untrusted, [("1 (set here)", Some(true)), ("2", Some(false)), ("0", None)]),
        (Some(2), Verdict::Untrusted, [("2 (set here)", Some(false)), ("1", Some(true)), ("0", None)]),
        (None, Verdict::Ok, [("2 (the default)", Some(true)), ("1", Some(true)), ("0", Some(true))]),
    ] {
        let said = said(option, verdict);
        let found = said.iter().map(|item| (item.subject.split("= ").nth(1).unwrap(), item.fine));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{option:?} {verdict:?}");
        // Only the setting in force, where it does not connect, has a remedy.
        let asked = said.iter().filter(|item| !item.remedy.is_empty()).count();
        assert_eq!(asked, usize::from(expected[0].1 == Some(false)), "{said:#?}");
    }
}

#[test]
fn the_requests_of_two_targets_on_one_machine_become_one() {
    let mut other = target_end(PortState::Filtered, Verdict::Ok);
    other.local_target.target = r"SQL01\PAYROLL".to_owned();
    let one = examine_on_target(&target_end(PortState::Open, Verdict::Ok), now());
    let both = together([one.clone(), examine_on_target(&other, now())]).unwrap();
    assert_eq!(both.rows.len(), 4);
    assert!(both.rows.is_sorted_by_key(|row| row.need));
    assert!(both.title.contains("; ") && both.notes == one.notes);
    assert_eq!(both.closed(), [r"SQL01\PAYROLL -> MSX01 (10.0.0.1), TCP 1433 (filtered)"]);
    let rule = find(&aggregate(both), "SQL01", "MSX01", "1433").clone();
    let evidence = r"1 filtered (SQL01\PAYROLL), 1 open (SQL01); 2 targets on 1 host";
    assert_eq!((rule.source.len(), rule.now.evidence.as_str()), (1, evidence));
    assert_eq!(together([]), None);
}

#[test]
fn a_certificate_that_a_target_refuses_comes_with_what_to_do() {
    for (verdict, remedy) in [
        (Verdict::NameMismatch, "the name that is checked is \"MSX01\""),
        (Verdict::Untrusted, "MsxEncryptChannelOptions to 1"),
        (Verdict::Expired, "renew"),
        (Verdict::NoTls, "MsxEncryptChannelOptions to 0"),
    ] {
        let request = examine_on_target(&target_end(PortState::Open, verdict), now());
        let judged = request.readiness.iter().find(|item| item.fine == Some(false)).unwrap();
        assert!(judged.remedy.contains(remedy), "{}", judged.remedy);
    }
}
