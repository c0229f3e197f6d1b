//! Pages that targets write, read by the exporter of their master: the real program, with real files, against a master
//! whose SQL03 has been silent for half an hour.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Setup, command, data, log};
use harness::{Page, TestServer};
use jiff::{SignedDuration, Timestamp};
use msx_lab::msdb::{Arrival, Lab, Scenario};
use msx_lab::tds::{Encryption, Options};
use std::fs;

const ADDRESS: &str = "10.1.0.3";
const STOPPED_POLLING: f64 = 5.0;
const LOGIN_REFUSED: f64 = 14.0;
const CONNECTED_NOT_POLLING: f64 = 16.0;
const WAY_CLOSED: f64 = 17.0;
const CERTIFICATE_REFUSED: f64 = 18.0;
const AGENT_STOPPED: f64 = 19.0;

/// A master on which SQL03 fell silent half an hour ago, and something else arrives from its host since.
fn master(arrives: Option<Arrival>) -> TestServer {
    silent(None, arrives)
}

/// The same, where something has arrived from its host all the time.
fn silent(before: Option<Arrival>, arrives: Option<Arrival>) -> TestServer {
    let begin = Timestamp::now() - SignedDuration::from_mins(60);
    let lab = Lab::scenario(Scenario::Healthy).at(&begin.to_string());
    if let Some(what) = before {
        lab.arrives(ADDRESS, 60, what);
    }
    lab.advance(SignedDuration::from_mins(30));
    lab.stop("SQL03");
    lab.advance(SignedDuration::from_mins(1));
    if let Some(what) = arrives {
        lab.arrives(ADDRESS, 60, what);
    }
    lab.advance(SignedDuration::from_mins(29));
    TestServer::start(lab, Options { encryption: Encryption::LoginOnly, ..Options::default() })
}

/// The exporter of that master, which reads pages from its own folder.
fn exporter(master: &TestServer) -> Setup {
    let setup = Setup::of(master).with("targets:\n  addresses:\n    - { match: SQL03, address: 10.1.0.3 }");
    let files = setup.folder().path().join("{target}").join("*.prom");
    setup.with(&format!("target_pages:\n  files: '{}'\n  interval: 50ms", files.display()))
}

/// What the fingerprint is of the certificate that a master presents, as a target sees it.
fn fingerprint(master: &TestServer) -> String {
    let address = format!("--master.address={}", master.address);
    let page = data(&command().args(["once", "--role=target", "--local.name=SQL03", &address]).output().unwrap());
    assert!(page.ends_with("\n# EOF\n"), "{page}");
    let page = Page::parse(&page);
    let look = &page.all("msx_master_certificate_look_info", &[])[0];
    assert_eq!((look.labels["name"].as_str(), look.labels["store"].as_str()), ("127.0.0.1", "file"));
    look.labels["sha256"].clone()
}

/// The page of a target on which all is well.
struct Written {
    age: i64,
    target: &'static str,
    node: &'static str,
    running: u8,
    agent: u8,
    master: &'static str,
    option: u8,
    reason: &'static str,
    sha256: String,
    state: &'static str,
}

impl Written {
    fn of(target: &'static str) -> Written {
        Written {
            age: 30,
            target,
            node: "NODE1",
            running: 1,
            agent: 1,
            master: "MSX01",
            option: 2,
            reason: "ok",
            sha256: "0".repeat(64),
            state: "open",
        }
    }

    fn text(&self) -> String {
        let Written { target, node, running, agent, master, option, reason, sha256, state, .. } = self;
        let at = (Timestamp::now() - SignedDuration::from_secs(self.age)).as_second();
        let port = format!("target=\"{target}\",check=\"engine\",direction=\"to_master\",master=\"{master}\"");
        let open = u8::from(*state == "open");
        format!(
            "msx_target_master_info{{target=\"{target}\",master=\"{master}\"}} 1\n\
             msx_target_encrypt_channel_option{{target=\"{target}\"}} {option}\n\
             msx_master_certificate_valid{{target=\"{target}\",reason=\"{reason}\"}} 1\n\
             msx_target_page_timestamp_seconds{{target=\"{target}\"}} {at}\n\
             msx_target_page_interval_seconds{{target=\"{target}\"}} 600\n\
             msx_target_page_info{{target=\"{target}\",node=\"{node}\",source=\"script\",version=\"0.1.0\"}} 1\n\
             msx_target_instance_running{{target=\"{target}\"}} {running}\n\
             msx_target_agent_running{{target=\"{target}\"}} {agent}\n\
             msx_master_certificate_look_info{{target=\"{target}\",name=\"{master}\",store=\"windows\",sha256=\"{sha256}\"}} 1\n\
             msx_port_open{{{port}}} {open}\n\
             msx_port_required{{{port}}} 1\n\
             msx_port_state{{{port},state=\"{state}\"}} 1\n\
             msx_port_check_timestamp_seconds{{{port}}} {at}\n\
             # EOF\n"
        )
    }
}

fn write(setup: &Setup, folder: &str, name: &str, text: &str) {
    let folder = setup.folder().path().join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// The code of the cause of SQL03 with this page.
fn judged(master: &TestServer, page: &Written) -> (f64, Page) {
    let setup = exporter(master);
    write(&setup, "SQL03", "node1.prom", &page.text());
    let output = setup.run(&["once"]);
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    let page = Page::parse(&data(&output));
    (page.value("msx_target_diagnosis_code", &[("target", "SQL03")]).unwrap(), page)
}

#[test]
fn one_case_in_five_variants_is_distinguished_with_a_page() {
    let fine = || Written::of("SQL03");
    let quiet = master(None);
    let sha256 = fingerprint(&quiet);
    let closed = judged(&quiet, &Written { state: "filtered", ..fine() });
    assert_eq!(closed.0, WAY_CLOSED);
    let row = [("target", "SQL03"), ("direction", "to_master")];
    assert_eq!(closed.1.value("msx_port_open", &row), Some(0.0));
    assert_eq!(closed.1.value("msx_target_page_interval_seconds", &[("target", "SQL03")]), Some(600.0));
    assert_eq!(closed.1.all("msx_target_page_timestamp_seconds", &[]).len(), 1);
    assert_eq!(closed.1.all("msx_target_agent_running", &[]).len(), 0, "that stays on the page of the target");
    let untrusted = Written { reason: "untrusted", sha256, ..fine() };
    assert_eq!(judged(&quiet, &untrusted).0, CERTIFICATE_REFUSED);
    assert_eq!(judged(&quiet, &Written { agent: 0, ..fine() }).0, AGENT_STOPPED);
    assert_eq!(judged(&quiet, &fine()).0, STOPPED_POLLING);
    assert_eq!(judged(&master(Some(Arrival::Refused(18_456, 8))), &fine()).0, LOGIN_REFUSED);
    let agent = Arrival::Agent { login: "CORP\\sql03".into(), host: "SQL03".into(), blocked_by: 0 };
    assert_eq!(judged(&master(Some(agent)), &fine()).0, CONNECTED_NOT_POLLING);
}

#[test]
fn what_a_page_cannot_know_it_does_not_prove() {
    let quiet = master(None);
    let sha256 = fingerprint(&quiet);
    let wrong =
        || Written { agent: 0, state: "filtered", reason: "untrusted", sha256: sha256.clone(), ..Written::of("SQL03") };
    assert_eq!(judged(&quiet, &wrong()).0, AGENT_STOPPED);
    let certificate = || Written { agent: 1, state: "open", ..wrong() };
    assert_eq!(judged(&quiet, &certificate()).0, CERTIFICATE_REFUSED);
    for (name, page) in [
        ("stale", Written { age: 1_501, ..wrong() }),
        ("dated ahead", Written { age: -310, ..wrong() }),
        ("of a passive node", Written { running: 0, ..wrong() }),
        ("of another master", Written { master: "MSX02", agent: 1, ..wrong() }),
        ("with option 0", Written { option: 0, ..certificate() }),
        ("with option 1", Written { option: 1, ..certificate() }),
        ("against another certificate", Written { sha256: "1".repeat(64), ..certificate() }),
    ] {
        assert_eq!(judged(&quiet, &page).0, STOPPED_POLLING, "{name}");
    }
}

#[test]
fn monitoring_that_is_refused_once_a_minute_opens_the_way_and_changes_nothing_else() {
    let busy = silent(Some(Arrival::Refused(18_456, 8)), None);
    assert_eq!(judged(&busy, &Written { agent: 0, ..Written::of("SQL03") }).0, AGENT_STOPPED);
    let closed = Written { state: "filtered", age: 400, ..Written::of("SQL03") };
    assert_eq!(judged(&busy, &closed).0, STOPPED_POLLING);
    assert_eq!(judged(&master(None), &closed).0, WAY_CLOSED);
}

#[test]
fn a_look_from_the_host_of_a_target_at_the_time_of_its_page_is_no_evidence() {
    let begin = Timestamp::now() - SignedDuration::from_mins(60);
    let lab = Lab::scenario(Scenario::Healthy).at(&begin.to_string());
    lab.advance(SignedDuration::from_mins(30));
    lab.stop("SQL03");
    lab.advance(SignedDuration::from_mins(25));
    // It comes once.
    lab.arrives(ADDRESS, 86_400, Arrival::Reset(104));
    lab.advance(SignedDuration::from_mins(5));
    let master = TestServer::start(lab, Options { encryption: Encryption::LoginOnly, ..Options::default() });
    for (age, word) in [(300, "no_trace"), (120, "before_login")] {
        let (_, page) = judged(&master, &Written { age, ..Written::of("SQL03") });
        let evidence = page.all("msx_target_master_evidence", &[("target", "SQL03")]);
        assert_eq!(evidence[0].labels["evidence"], word, "a page that is {age} s old");
    }
}

#[cfg(unix)]
#[test]
fn bad_input_is_reported_once_and_delays_nothing() {
    let master = master(None);
    let setup = exporter(&master);
    let good = Written { state: "filtered", ..Written::of("SQL03") }.text();
    let at = |path: &str| setup.folder().path().join(path);
    write(&setup, "SQL03", "good.prom", &good);
    write(&setup, "SQL01", "half.prom", &good[..good.len() / 2]);
    write(&setup, "SQL01", "other.prom", &good);
    write(&setup, "SQL01", "huge.prom", "");
    fs::File::create(at("SQL01/huge.prom")).unwrap().set_len(1 << 30).unwrap();
    write(&setup, "SQL02", "one.prom", &Written::of("SQL02").text());
    write(&setup, "SQL02", "two.prom", &Written::of("SQL02").text());
    std::os::unix::fs::symlink(at("SQL03/good.prom"), at("SQL02/link.prom")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("SQL02/device.prom")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("SQL02/pipe.prom")).status().unwrap().success());
    for number in 0..10_000 {
        write(&setup, "SQL04", &format!("{number}.txt"), "");
    }
    let exporter = setup.start();
    let page = exporter.scrape_until("the page of SQL03", |page| {
        page.value("msx_target_diagnosis_code", &[("target", "SQL03")]) == Some(WAY_CLOSED)
    });
    let timestamps = page.all("msx_target_page_timestamp_seconds", &[]);
    assert_eq!(timestamps.iter().map(|sample| sample.labels["target"].as_str()).collect::<Vec<_>>(), ["SQL03"]);
    let refused = [
        "half.prom is cut",
        "is one of \\\"SQL03",
        "larger than 256 KiB",
        "one.prom is of the same node",
        "two.prom is of the same node",
        "a symbolic link",
        "a named pipe",
        "more than 1000 files",
    ];
    for why in refused {
        exporter.logged(&[why]);
    }
    // A page that comes later is read, so there were rounds since; each fault still has its one line.
    let folder = exporter.folder().join("SQL03");
    fs::write(folder.join("good.prom"), Written { agent: 0, ..Written::of("SQL03") }.text()).unwrap();
    exporter.scrape_until("the newer page of SQL03", |page| {
        page.value("msx_target_diagnosis_code", &[("target", "SQL03")]) == Some(AGENT_STOPPED)
    });
    fs::write(folder.join("good.prom"), Written { age: 120, ..Written::of("SQL03") }.text()).unwrap();
    exporter.logged(&["good.prom is older than the one of NODE1"]);
    let code = exporter.scrape().value("msx_target_diagnosis_code", &[("target", "SQL03")]);
    assert_eq!(code, Some(AGENT_STOPPED), "the newer page goes on counting");
    let log = exporter.log();
    for why in refused.iter().filter(|why| **why != "a symbolic link") {
        assert_eq!(log.lines().filter(|line| line.contains(why)).count(), 1, "{why}: {log}");
    }
}

#[test]
fn the_pages_of_five_hundred_targets_are_read_next_to_the_scrapes() {
    let master = TestServer::start(Lab::fleet(500, 0, 0), Options::default());
    let setup = Setup::of(&master);
    let files = setup.folder().path().join("{target}").join("msx.prom");
    let exporter = setup.with(&format!("target_pages:\n  files: '{}'\n  interval: 50ms", files.display())).start();
    let enlisted = exporter.scrape();
    let names = enlisted.all("msx_target_enlisted", &[]).into_iter().map(|sample| sample.labels["target"].clone());
    for target in names {
        let folder = exporter.folder().join(target.replace('\\', "$"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("msx.prom"), Written::of("T").text().replace("\"T\"", &format!("{target:?}"))).unwrap();
    }
    let page =
        exporter.scrape_until("all pages", |page| page.all("msx_target_page_timestamp_seconds", &[]).len() == 500);
    assert_eq!(page.all("msx_port_open", &[("direction", "to_master")]).len(), 500);
}
