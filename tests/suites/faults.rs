//! What goes wrong between the exporter and its master: each fault is named by its stage on the page and in the log,
//! and the process lives on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{Page, TestServer};
use msx_lab::msdb::{Lab, PASSWORD, Scenario};
use msx_lab::tds::{Encryption, Fault, Identity, Options};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

const STAGES: [&str; 7] = ["resolve", "connect", "tls", "login", "permission", "query", "decode"];

/// The page of a master that could not be read, and the line about it.
fn failure(exporter: &mut Exporter, stage: &str) -> (Page, String) {
    let page = exporter.scrape();
    let line = exporter.logged(&["cannot read the master", &format!("stage={stage}")]);
    assert_eq!(page.value("msx_up", &[]), Some(0.0));
    assert_eq!(page.targets().len(), 0, "no target may be named");
    assert!(page.value("msx_server_time_seconds", &[]).is_none());
    for other in STAGES {
        assert_eq!(page.errors(other) > 0.0, other == stage, "stage {other}: {line}");
    }
    assert!(exporter.lives());
    assert_eq!(exporter.get("/-/healthy").status, 200);
    (page, line)
}

/// Everything that anybody can see of an exporter.
fn all_that_is_seen(exporter: &Exporter) -> String {
    let pages = ["/", "/metrics", "/api/v1/targets", "/target?name=SQL01"].map(|path| exporter.get(path).text());
    exporter.log() + &pages.concat()
}

#[test]
fn a_caller_that_hardly_waits_is_no_fault_of_the_master() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    exporter.scrape_until("the master to be read", Page::up);
    for _ in 0..20 {
        let hasty = [("X-Prometheus-Scrape-Timeout-Seconds", "1e-9")];
        assert_eq!(exporter.request("GET", "/metrics", &hasty).status, 200);
    }
    assert!(exporter.scrape().up());
    let log = exporter.log();
    assert!(!log.contains("cannot read the master") && !log.contains("can be read again"), "{log}");
}

#[test]
fn a_wrong_password_is_a_fault_of_the_login_and_is_not_hammered() {
    let master = TestServer::play(Scenario::Healthy);
    let mut exporter = Setup::of(&master).with("explain:\n  details: true").arg("--log.level=debug").start();
    exporter.setup().folder().write("password", "Sw0rdfish");
    let began = Instant::now();
    let (_, line) = failure(&mut exporter, "login");
    for part in ["msx_exporter", "18456", "hint=", "check master.user and its password"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // Rests of about 1, 2, 4 s, each a fifth shorter at most.
    exporter.scrape_until("a third attempt", |_| master.logins() >= 3);
    assert!(began.elapsed() >= Duration::from_millis(2_400), "three attempts within {:?}", began.elapsed());
    let seen = all_that_is_seen(&exporter);
    assert!(!seen.contains("Sw0rdfish") && !seen.contains(PASSWORD));
    // One line tells of the fault, however often it was met.
    assert_eq!(exporter.log().matches("cannot read the master").count(), 1, "{}", exporter.log());

    exporter.setup().folder().write("password", PASSWORD);
    exporter.scrape_until("the new password to be taken", Page::up);
    exporter.logged(&["the master can be read again"]);
}

#[test]
fn a_server_that_lets_no_one_in_for_now_is_named_and_seen_when_it_does() {
    let master = TestServer::play(Scenario::Healthy);
    master.lab.close(Some((18401, 1)));
    let mut exporter = Setup::of(&master).start();
    let (_, line) = failure(&mut exporter, "login");
    for part in ["error 18401, state 1", "being upgraded", "next attempt in"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(exporter.get("/").text().contains("next attempt in"), "for all who may see the page");
    master.lab.close(Some((18456, 1)));
    exporter.scrape_until("the other refusal", |_| exporter.log().contains("error 18456, state 1"));
    master.lab.close(None);
    exporter.scrape_until("the master to be read", Page::up);
}

#[test]
fn the_one_session_of_single_user_mode_is_left_to_an_administrator() {
    let master = TestServer::play(Scenario::Healthy);
    master.lab.single_user(true);
    let mut exporter = Setup::of(&master).start();
    let (_, line) = failure(&mut exporter, "login");
    assert!(line.contains("single-user mode") && line.contains("administrator"), "{line}");
    assert_eq!(exporter.scrape().value("msx_exporter_sql_connections", &[]), Some(0.0));
    assert_eq!(master.logins(), 1, "it rests");
}

#[test]
fn a_missing_right_costs_its_own_collector_alone() {
    for (right, collector, grant) in [
        ("systargetservers", "targets", "GRANT SELECT ON dbo.systargetservers TO"),
        ("systargetservergroups", "targets", "GRANT SELECT ON dbo.systargetservergroups TO"),
        ("systargetservergroupmembers", "targets", "GRANT SELECT ON dbo.systargetservergroupmembers TO"),
        ("sysdownloadlist", "downloads", "GRANT SELECT ON dbo.sysdownloadlist TO"),
        ("sysjobs", "jobs", "GRANT SELECT ON dbo.sysjobs TO"),
        ("sysjobservers", "jobs", "GRANT SELECT ON dbo.sysjobservers TO"),
    ] {
        let master = TestServer::play(Scenario::Stopped);
        master.lab.revoke(right);
        let exporter = Setup::of(&master).start();
        let page = exporter.scrape();
        exporter.logged(&["the login lacks a right", &format!("collector={collector}"), grant]);
        assert_eq!(page.up(), collector != "targets", "{right}");
        for other in ["targets", "downloads", "jobs", "server"] {
            let fine = Some(f64::from(u8::from(other != collector)));
            assert_eq!((page.success(other), page.permission(other)), (fine, fine), "{right}, {other}");
        }
        assert_eq!(page.errors("permission"), 1.0, "{right}");
        assert_eq!(page.all("msx_target_pending_downloads", &[]).is_empty(), collector != "jobs", "{right}");
        // Without the download list it is not known whether a target that polls is fine.
        let expected = match collector {
            "targets" => [None, None],
            "downloads" => [Some("unknown"), Some("stopped_polling")],
            _ => [Some("ok"), Some("stopped_polling")],
        };
        assert_eq!(["SQL01", "SQL03"].map(|target| page.cause(target)), expected, "{right}");
    }
}

#[test]
fn facts_of_the_server_are_left_out_one_by_one() {
    let has = |right: Option<&str>, name: &str| {
        let master = TestServer::play(Scenario::Healthy);
        right.into_iter().for_each(|right| master.lab.revoke(right));
        let exporter = Setup::of(&master).start();
        let page = exporter.scrape();
        assert!(page.up());
        assert_eq!(page.permission("server"), Some(f64::from(u8::from(right.is_none()))));
        !page.all(name, &[]).is_empty()
    };
    for name in ["msx_agent_running", "msx_operator_present", "msx_server_start_timestamp_seconds"] {
        assert!(has(None, name), "{name}");
    }
    assert!(!has(Some("VIEW SERVER STATE"), "msx_agent_running"));
    assert!(has(Some("VIEW SERVER STATE"), "msx_operator_present"));
    assert!(!has(Some("sysoperators(name)"), "msx_operator_present"));
    assert!(has(Some("sysoperators(name)"), "msx_agent_running"));
}

/// Takes a minute, for that is what it promises.
#[test]
fn a_right_that_is_given_back_needs_no_restart() {
    let master = TestServer::play(Scenario::Stopped);
    let exporter = Setup::of(&master).start();
    assert_eq!(exporter.scrape().success("downloads"), Some(1.0));
    master.lab.revoke("sysdownloadlist");
    let page = exporter.scrape_until("the right to be missed", |page| page.permission("downloads") == Some(0.0));
    assert!(page.up() && page.all("msx_target_pending_downloads", &[]).is_empty());
    let missed = Instant::now();
    exporter.scrape_until("the grant to be reported", |_| exporter.log().contains("the login lacks a right"));
    assert!(missed.elapsed() < Duration::from_secs(30), "reported after {:?}", missed.elapsed());
    master.lab.grant("sysdownloadlist");
    exporter.scrape_until("the right to be seen", |page| page.permission("downloads") == Some(1.0));
    assert_eq!(master.logins(), 1, "the connection was good all the time");
}

#[test]
fn a_server_without_msdb_and_one_that_does_not_let_us_in() {
    let master = TestServer::start(Lab::scenario(Scenario::Healthy).msdb(None), Options::default());
    let exporter = Setup::of(&master).start();
    let page = exporter.scrape();
    assert!(!page.up() && page.errors("query") == 1.0);
    assert_eq!(page.success("server"), Some(1.0));
    exporter.logged(&["collector=targets", "stage=query", "there is no database msdb", "master.msdb"]);
    assert!(!exporter.log().contains("GRANT"), "no right is missing: {}", exporter.log());

    let master = TestServer::play(Scenario::Healthy);
    master.lab.allow_msdb(false);
    let exporter = Setup::of(&master).start();
    let page = exporter.scrape();
    assert!(!page.up() && page.errors("permission") == 1.0);
    assert_eq!(page.permission("targets"), Some(0.0));
    exporter.logged(&["collector=targets", "stage=permission", "may not enter database msdb", "grants"]);

    let master = TestServer::start(Lab::scenario(Scenario::Healthy).msdb(Some("agent copy")), Options::default());
    let exporter = Setup::of(&master).master("msdb", "agent copy").start();
    assert_eq!(exporter.scrape().value("msx_targets", &[]), Some(6.0));
}

#[test]
fn a_server_that_is_no_master_is_no_fault() {
    let master = TestServer::play(Scenario::NoTargets);
    let exporter = Setup::of(&master).start();
    let page = exporter.scrape();
    assert!(page.up());
    assert_eq!(page.value("msx_targets", &[]), Some(0.0));
    assert_eq!(page.targets().len(), 0);
    assert_eq!(exporter.get("/").status, 200);
    assert!(!exporter.log().contains("level=warn") && !exporter.log().contains("level=error"), "{}", exporter.log());
}

#[test]
fn a_name_without_an_address_and_a_port_without_a_listener() {
    let mut exporter = Setup::new("no-such-master.invalid").start();
    let (_, line) = failure(&mut exporter, "resolve");
    assert!(line.contains("no-such-master.invalid") && line.contains("hint="), "{line}");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut exporter = Setup::new(free).start();
    let (_, line) = failure(&mut exporter, "connect");
    assert!(line.contains(&free.to_string()) && line.contains("TCP enabled"), "{line}");
}

#[test]
fn what_is_no_sql_server_is_distinguished_from_one_that_hangs() {
    let http = Fault::Answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec());
    let garbage = Fault::Answer((0..64).map(|byte: u8| byte.wrapping_mul(151)).collect());
    for (fault, encrypt, stage, word) in [
        (http.clone(), "off", "tls", "TDS"),
        (http, "required", "tls", "TDS"),
        (garbage, "required", "tls", "TDS"),
        (Fault::CloseAtOnce, "required", "tls", "PRELOGIN"),
        (Fault::Silent, "required", "tls", "no answer within 1 s"),
        (Fault::StopAfterPrelogin, "required", "tls", "no answer within 1 s"),
        (Fault::StopAfterPrelogin, "off", "login", "no answer within 1 s"),
        (Fault::StopInLogin, "required", "login", "no answer within 1 s"),
        (Fault::StopInLogin, "off", "login", "no answer within 1 s"),
    ] {
        let encryption = if encrypt == "off" { Encryption::None } else { Encryption::Required };
        let options = Options { encryption, fault: Some(fault.clone()), ..Options::default() };
        let master = TestServer::start(Lab::scenario(Scenario::Healthy), options);
        let mut exporter = Setup::of(&master).master("encrypt", encrypt).master("timeout", "1s").start();
        let (_, line) = failure(&mut exporter, stage);
        assert!(line.contains(word) && line.contains("hint="), "{fault:?}, {encrypt}: {line}");
        master.control.change(|options| options.fault = None);
        exporter.scrape_until("the server to be read when it is complete again", Page::up);
    }
}

#[test]
fn a_certificate_is_judged_and_the_message_says_whose_it_is() {
    let options = Options { encryption: Encryption::Required, ..Options::default() };
    let master = TestServer::start(Lab::scenario(Scenario::Healthy), options);
    let verified = || {
        let setup = Setup::of(&master).master("encrypt", "required").master("trust_server_certificate", "false");
        let ca = setup.folder().write("ca.pem", master.authority.pem());
        (setup, ca.display().to_string())
    };
    let present = |identity: Identity| master.control.change(|options| options.identity = Some(Arc::new(identity)));

    let (setup, _) = verified();
    let mut exporter = setup.start();
    let (_, line) = failure(&mut exporter, "tls");
    for part in ["certificate", "Suite Authority", "master.ca_file"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let (setup, ca) = verified();
    assert!(setup.master("ca_file", &ca).start().scrape().up(), "the authority is known");

    present(master.authority.issue_expired(&["localhost", "127.0.0.1"]).unwrap());
    let (setup, ca) = verified();
    let mut exporter = setup.master("ca_file", &ca).start();
    let (_, line) = failure(&mut exporter, "tls");
    assert!(line.to_lowercase().contains("expired") && line.contains("2021-01-01"), "{line}");

    present(master.authority.issue(&["master.corp.example"]).unwrap());
    let (setup, ca) = verified();
    let mut exporter = setup.master("ca_file", &ca).start();
    let (_, line) = failure(&mut exporter, "tls");
    for part in ["127.0.0.1", "master.corp.example", "master.host_name_in_certificate"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let (setup, ca) = verified();
    let setup = setup.master("ca_file", &ca).master("host_name_in_certificate", "master.corp.example");
    assert!(setup.start().scrape().up(), "the name is known");

    let own = Identity::own_authority(&["127.0.0.1"]).unwrap();
    let pem = own.pem().to_owned();
    present(own);
    let (setup, ca) = verified();
    let mut exporter = setup.master("ca_file", &ca).start();
    let (_, line) = failure(&mut exporter, "tls");
    assert!(line.contains("signed itself") && line.contains("this very certificate"), "{line}");
    exporter.setup().folder().write("ca.pem", &pem);
    exporter.scrape_until("the very certificate that is named to be taken", Page::up);

    let exporter = Setup::of(&master).master("encrypt", "required").start();
    assert!(exporter.scrape().up(), "on this machine any certificate will do");
}

#[test]
fn what_ends_at_its_cap_rests_and_keeps_its_session() {
    for encryption in [Encryption::None, Encryption::Required] {
        let encrypt = if encryption == Encryption::None { "off" } else { "required" };
        let master = TestServer::start(Lab::scenario(Scenario::Healthy), Options { encryption, ..Options::default() });
        master.lab.command("fault sysdownloadlist wait 5s").unwrap();
        let exporter = Setup::of(&master).master("encrypt", encrypt).start();
        let first = exporter.scrape();
        assert!(first.up() && first.success("downloads") == Some(0.0));
        let began = Instant::now();
        let read =
            |page: &Page| page.value("msx_exporter_collector_read_timestamp_seconds", &[("collector", "targets")]);
        let mut last = read(&first);
        for _ in 0..3 {
            let page = exporter.scrape_until("another reading", |page| read(page) > last);
            last = read(&page);
            assert!(page.up() && page.success("downloads") == Some(0.0));
        }
        assert!(began.elapsed() < Duration::from_secs(5), "asked again after {:?}", began.elapsed());
        assert_eq!(master.logins(), 1, "{encrypt}: the session is kept");
        exporter.logged(&["collector=downloads", "no answer within 2 s"]);
    }
}

#[test]
fn ten_thousand_targets_are_reported() {
    let master = TestServer::start(Lab::fleet(10_000, 0, 0), Options::default());
    let exporter = Setup::of(&master).master("timeout", "50s").with("limits:\n  targets: 10000").start();
    let page = exporter.scrape();
    assert!(page.up(), "{}", exporter.log());
    assert_eq!(page.value("msx_targets", &[]), Some(10_000.0));
    assert_eq!(page.targets().len(), 10_000);
    let small = Setup::of(&master).master("timeout", "50s").with("limits:\n  targets: 10").start().scrape();
    assert_eq!(small.targets().len(), 10);
    assert_eq!(small.value("msx_exporter_series_limited", &[("collector", "targets")]).map(|n| n > 0.0), Some(true));
}
