//! The scripts of `deploy/sql` in force: with what they give, everything is read; with any one of it taken away, the
//! exporter names exactly that. The rights are read out of the files themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[allow(dead_code)]
#[path = "statements/check.rs"]
mod check;
#[allow(dead_code)]
#[path = "statements/documented.rs"]
mod documented;
#[path = "../harness/mod.rs"]
mod harness;
#[allow(dead_code)]
#[path = "statements/names.rs"]
mod names;
#[path = "statements/scripts.rs"]
mod scripts;

use harness::exporter::{Setup, command, data, log};
use harness::{Page, TestServer};
use msx_exporter::sqlserver::{Principal, grant_files};
use msx_lab::msdb::{Lab, PASSWORD, Scenario, USER};
use msx_lab::tds::Options;
use serde_json::Value;
use std::fs;
use std::path::Path;

const COLLECTORS: [&str; 5] = ["targets", "downloads", "jobs", "server", "arrivals"];
const VERSIONS: [u16; 7] = [2012, 2014, 2016, 2017, 2019, 2022, 2025];

/// What the file for this version gives: the first three blocks, and the fourth.
fn given(version: u16) -> (Vec<String>, Vec<String>) {
    let folder = if version >= 2022 { "2022-2025" } else { "2012-2019" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sql").join(folder).join("grant-sql-login.sql");
    let text = fs::read_to_string(path).unwrap();
    let (core, doctor) = (scripts::script(&text, USER), scripts::doctor_block(&text, USER));
    assert_eq!((core.wrong.len(), doctor.wrong.len()), (0, 0));
    (core.rights(), doctor.rights())
}

/// A master whose login has these rights and no other.
fn master(version: u16, scenario: Scenario, rights: &[String]) -> TestServer {
    let lab = Lab::scenario(scenario).version(version).at("2026-11-22T12:00:00Z");
    lab.add_login(USER, PASSWORD);
    rights.iter().for_each(|right| lab.grant(right));
    TestServer::start(lab, Options::default())
}

/// The collectors that the page calls denied.
fn denied(page: &Page) -> Vec<&'static str> {
    let denied = COLLECTORS.into_iter().filter(|collector| page.permission(collector) == Some(0.0));
    let denied: Vec<&str> = denied.collect();
    for collector in COLLECTORS {
        let fine = if denied.contains(&collector) { 0.0 } else { 1.0 };
        assert_eq!((page.permission(collector), page.success(collector)), (Some(fine), Some(fine)), "{collector}");
    }
    denied
}

/// The lines in which the exporter complains of a right, and names the statement that gives it.
fn named(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("the login lacks a right")).collect()
}

/// The collectors that cannot do without a right, or leave a fact out, and the statement that gives the right.
fn belongs_to(right: &str) -> (&'static [&'static str], String) {
    let on = |table: &str| format!("GRANT SELECT ON dbo.{table} TO <user>");
    match right {
        "systargetservers" | "systargetservergroups" | "systargetservergroupmembers" => (&["targets"], on(right)),
        "sysdownloadlist" => (&["downloads"], on(right)),
        "sysjobs" | "sysjobservers" => (&["jobs"], on(right)),
        "sysoperators(name)" => (&["server"], on("sysoperators (name)")),
        permission => {
            let collectors: &[&str] = match permission {
                "VIEW SERVER SECURITY STATE" => &["server"],
                "VIEW SERVER PERFORMANCE STATE" => &["arrivals"],
                // One permission for both, before it was split.
                _ => &["server", "arrivals"],
            };
            (collectors, format!("GRANT {permission} TO <login>"))
        }
    }
}

#[test]
fn with_exactly_the_rights_of_the_file_everything_is_read_and_nothing_is_missed() {
    for version in VERSIONS {
        let master = master(version, Scenario::Everything, &given(version).0);
        let setup = Setup::of(&master);
        let output = setup.run(&["once"]);
        assert_eq!(output.status.code(), Some(0), "{version}: {}", log(&output));
        let page = Page::parse(&data(&output));
        assert!(page.up() && denied(&page).is_empty(), "{version}: {}", log(&output));
        assert_eq!(page.value("msx_agent_running", &[]), Some(1.0), "{version}");
        assert!(named(&log(&output)).is_empty(), "{version}: {}", log(&output));
        let script = data(&setup.run(&["grants"]));
        assert!(script.contains("Nothing is missing"), "{version}: {script}");
    }
}

#[test]
fn each_right_taken_away_is_the_one_that_is_named() {
    for version in VERSIONS {
        let rights = given(version).0;
        assert_eq!(rights.len(), if version >= 2022 { 9 } else { 8 }, "{rights:?}");
        for taken in &rights {
            let rest: Vec<String> = rights.iter().filter(|right| *right != taken).cloned().collect();
            let master = master(version, Scenario::Everything, &rest);
            let setup = Setup::of(&master);
            let output = setup.run(&["once"]);
            let (collectors, grant) = belongs_to(taken);
            assert_eq!(denied(&Page::parse(&data(&output))), collectors, "{version}, {taken}: {}", log(&output));
            let log = log(&output);
            let lines = named(&log);
            assert_eq!(lines.len(), collectors.len(), "{version}, {taken}: {lines:?}");
            for (line, collector) in lines.iter().zip(collectors) {
                for word in [&grant, &format!("collector={collector}")] {
                    assert!(line.contains(word), "{version}, {taken}: no {word} in {line}");
                }
                assert_eq!(line.matches("GRANT ").count(), 1, "{version}, {taken}: {line}");
            }
            let refused = log.lines().filter(|line| line.contains("stage=permission")).collect::<Vec<&str>>();
            assert!(refused.iter().all(|line| line.contains(grant.as_str())), "{version}, {taken}: {refused:?}");
            // `grants` prints the same and no more, once for each block that needs it, the doctor's aside.
            let script = data(&setup.run(&["grants"]));
            let missing: Vec<&str> = script.lines().filter(|line| line.starts_with("GRANT ")).collect();
            let wanted = grant.replace("<user>", "[msx_exporter]").replace("<login>", "[msx_exporter]");
            assert_eq!(missing, vec![format!("{wanted};"); collectors.len()], "{version}");
        }
    }
}

#[test]
fn without_the_user_in_msdb_the_collectors_that_read_it_say_so() {
    for version in [2019, 2022] {
        let master = master(version, Scenario::Healthy, &given(version).0);
        master.lab.allow_msdb(false);
        let output = Setup::of(&master).run(&["once"]);
        let page = Page::parse(&data(&output));
        for collector in ["targets", "downloads", "jobs"] {
            assert_eq!(page.permission(collector), Some(0.0), "{version}: {collector}");
        }
        assert!(log(&output).contains("may not enter database msdb"), "{version}: {}", log(&output));
        assert!(data(&Setup::of(&master).run(&["grants"])).contains("CREATE USER [msx_exporter]"));
    }
}

/// The subjects that the doctor knows nothing of, with their remedies.
fn unknown(master: &TestServer) -> Vec<(String, String)> {
    let setup =
        Setup::of(master).with("  timeout: 1s\n  overrides: [{ match: '.*', host: 127.0.0.3, engine_port: 1 }]");
    let output = setup.run(&["doctor", "--format=json"]);
    let request: Value = serde_json::from_str(&data(&output)).unwrap_or_else(|_| panic!("{}", log(&output)));
    let items = request["readiness"].as_array().unwrap().iter();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let unknown = items.filter(|item| text(item, "evidence").starts_with("not known"));
    unknown.map(|item| (text(item, "subject"), text(item, "remedy"))).collect()
}

#[test]
fn the_doctor_knows_all_with_its_block_and_names_what_was_taken_from_it() {
    for version in VERSIONS {
        let (core, doctor) = given(version);
        let rights = [core, doctor.clone()].concat();
        assert_eq!(unknown(&master(version, Scenario::Stopped, &rights)), [], "{version}");
        let states: &[&str] = match version {
            2022.. => &["VIEW SERVER SECURITY STATE", "VIEW SERVER PERFORMANCE STATE"],
            _ => &["VIEW SERVER STATE"],
        };
        for taken in doctor.iter().map(String::as_str).chain(states.iter().copied()) {
            let rest: Vec<String> = rights.iter().filter(|right| *right != taken).cloned().collect();
            let unknown = unknown(&master(version, Scenario::Stopped, &rest));
            let subjects: Vec<&str> = unknown.iter().map(|(subject, _)| subject.as_str()).collect();
            let wanted: &[&str] = match taken {
                "VIEW DEFINITION" => &["TargetServersRole"],
                "VIEW SERVER PERFORMANCE STATE" => &["what the master remembers"],
                "VIEW SERVER SECURITY STATE" => &["ports on which the master listens"],
                // One permission for both, before it was split.
                _ => &["ports on which the master listens", "what the master remembers"],
            };
            for subject in wanted {
                assert!(subjects.iter().any(|found| found.contains(subject)), "{version}, {taken}: {subjects:?}");
            }
            assert_eq!(subjects.len(), wanted.len(), "{version}, {taken}: {subjects:?}");
            for (subject, remedy) in &unknown {
                assert!(remedy.contains(&format!("GRANT {taken} TO ")), "{version}, {subject}: {remedy}");
            }
        }
    }
}

#[test]
fn each_file_is_what_the_program_prints_for_its_flags() {
    for file in grant_files() {
        let kind = match file.principal {
            Principal::SqlLogin => "sql-login",
            Principal::WindowsAccount => "windows-account",
            Principal::WindowsGroup => "windows-group",
        };
        let version = format!("--server.version={}", file.year);
        let mut call = command();
        call.args(["grants", &format!("--login.kind={kind}"), &version]);
        call.args(file.revokes.then_some("--revoke"));
        let output = call.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", log(&output));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sql").join(&file.path);
        assert_eq!(data(&output), fs::read_to_string(path).unwrap(), "{}", file.path);
    }
    let output = command().args(["grants", "--server.version=2008"]).output().unwrap();
    assert_eq!((output.status.code(), data(&output)), (Some(64), String::new()));
    assert!(log(&output).contains("2012, 2014"), "{}", log(&output));
    let output = command().args(["grants", "--login.kind=windows-group", r"--login.name=CORP\msx"]).output().unwrap();
    assert!(data(&output).contains(r"CREATE LOGIN [CORP\msx] FROM WINDOWS"), "{}", data(&output));
    assert!(!data(&output).contains("DOMAIN"), "{}", data(&output));
}
