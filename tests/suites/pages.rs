//! The pages and documents of the real program: one target, its history, jobs and the firewall request, and what stands
//! in their place where there is nothing to show.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup, data};
use harness::{Page, TestServer, until};
use jiff::SignedDuration;
use msx_lab::msdb::{Lab, Operation, Scenario};
use msx_lab::tds::Options;
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use serde_json::Value;
use std::fs;
use std::time::Duration;

const DETAILS: &str = "explain:\n  details: true";
const HOSTILE: &str = "<script>alert('x')</script>";

fn master(scenario: Scenario) -> TestServer {
    TestServer::start(Lab::scenario(scenario).at("2026-11-22T12:00:00Z"), Options::default())
}

/// The status and the text of an answer.
fn answered(exporter: &Exporter, path: &str) -> (u16, String) {
    let answer = exporter.get(path);
    (answer.status, answer.text())
}

fn page(exporter: &Exporter, path: &str) -> String {
    let (status, text) = answered(exporter, path);
    assert_eq!(status, 200, "{path}: {text}");
    text
}

fn json(exporter: &Exporter, path: &str) -> Value {
    serde_json::from_str(&page(exporter, path)).unwrap()
}

#[test]
fn what_a_target_wrote_is_shown_to_those_who_may_see_it() {
    let master = master(Scenario::Blocked);
    let failed = master.lab.post("SQL03", Operation::Insert);
    master.lab.with(|fleet, _| fleet.fail(failed, HOSTILE));
    let open = Setup::of(&master).with(DETAILS).start();
    let text = page(&open, "/target?name=SQL03");
    assert!(
        text.contains("Failed instructions") && text.contains("proxy matching is disabled on the target server"),
        "{text}"
    );
    assert!(text.contains("&#60;script&#62;alert(") && !text.contains("<script>alert("), "{text}");
    let document = json(&open, "/api/v1/targets?name=SQL03");
    let lists = &document["targets"][0]["instructions"];
    assert_eq!(lists["failed"][0]["error"], HOSTILE, "the newest first: {document}");
    assert!(lists["fault"].is_null() && lists["failed"].as_array().unwrap().len() > 1, "{document}");
    assert!(lists["waiting"].as_array().unwrap().iter().all(|row| row["error"].is_null()), "{document}");

    let shut = Setup::of(&master).start();
    let (text, document) = (page(&shut, "/target?name=SQL03"), json(&shut, "/api/v1/targets?name=SQL03"));
    assert!(
        !text.contains("proxy matching is disabled on the target server")
            && text.contains("stand here with authentication"),
        "{text}"
    );
    assert!(document["targets"][0]["instructions"].is_null(), "loopback alone opens nothing: {document}");
}

#[test]
fn a_target_whose_jobs_fail_is_not_called_fine() {
    let master = master(Scenario::Everything);
    let exporter = Setup::of(&master).with(DETAILS).start();
    let jobs = json(&exporter, "/api/v1/jobs");
    let failed = jobs["jobs"].as_array().unwrap().iter().flat_map(|job| job["runs"].as_array().unwrap());
    let failed: Vec<&str> =
        failed.filter(|run| run["success"] == false).map(|run| run["target"].as_str().unwrap()).collect();
    assert!(!failed.is_empty(), "{jobs}");
    let documents = json(&exporter, "/api/v1/targets");
    let fine = |name: &&&str| {
        let mut all = documents["targets"].as_array().unwrap().iter();
        all.any(|target| target["name"] == ***name && target["diagnosis"]["cause"] == "ok")
    };
    let name = failed.iter().find(fine).expect("a target that is fine but for its jobs");
    let text = page(&exporter, &format!("/target?name={name}"));
    assert!(text.contains("failed.") && !text.contains("Nothing was found against it."), "{text}");
    let one = json(&exporter, &format!("/api/v1/targets?name={name}"));
    assert_eq!(one["targets"][0]["jobs"][0]["success"], false, "failing ones first: {one}");
    let text = page(&exporter, "/jobs");
    assert!(text.contains(&format!(">{name}</a>")), "{text}");
}

#[test]
fn the_history_tells_what_happened_in_the_same_minutes() {
    let master = master(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    let events = |wished: &dyn Fn(&[Value]) -> bool| {
        until("the history to have it", || {
            exporter.scrape();
            let document = json(&exporter, "/api/v1/history");
            Some(document["events"].as_array().unwrap().clone()).filter(|events| wished(events))
        })
    };
    assert_eq!(events(&|_| true), Vec::<Value>::new(), "all was fine at the first reading");
    master.lab.stop("SQL03");
    master.lab.advance(SignedDuration::from_mins(20));
    let changed = events(&|events| !events.is_empty());
    assert_eq!(changed[0]["kind"], "cause_changed");
    assert_eq!(
        (&changed[0]["target"], &changed[0]["from"], &changed[0]["to"]),
        (&"SQL03".into(), &"ok".into(), &"stopped_polling".into())
    );
    master.lab.restart();
    events(&|events| events.iter().any(|event| event["kind"] == "master_restarted"));
    let text = page(&exporter, "/target?name=SQL03");
    assert!(text.contains("Within 5 minutes of its last change") && text.contains("master restarted"), "{text}");
    let text = page(&exporter, "/history");
    assert!(text.contains("Has stopped polling") && text.contains("master restarted"), "{text}");
    for (query, kinds) in [
        ("kind=master_restarted", &["master_restarted"][..]),
        ("name=sql03&state=ok", &["cause_changed"]),
        ("q=restarted&name=SQL03", &[]),
        ("until=2020-01-01", &[]),
    ] {
        let found = json(&exporter, &format!("/api/v1/history?{query}"));
        let found: Vec<_> = found["events"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
        assert_eq!(found, kinds, "{query}");
        let text = page(&exporter, &format!("/history?{query}"));
        assert!(text.contains(&format!(">{} of ", kinds.len())), "{query}: {text}");
    }
}

#[test]
fn what_cannot_be_shown_has_a_page_that_says_so() {
    let master = master(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    for (path, status, says) in [
        ("/target?name=NOBODY", 404, "no such target"),
        ("/target", 400, "no target named"),
        ("/history?page=99", 404, "page"),
        ("/history?page=x", 400, "page"),
        ("/history?kind=gone", 400, "cause_changed"),
        ("/doctor", 403, "authentication"),
        ("/doctor?format=pdf", 400, "format"),
    ] {
        let answer = exporter.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains("<main") && answer.text().contains(says), "{path}: {}", answer.text());
    }
    let (status, text) = answered(&exporter, "/api/v1/targets?name=%3Cb%3ENOBODY");
    assert_eq!(status, 404);
    assert!(text.ends_with("\"<b>NOBODY\"; hint: api/v1/targets?q=%3Cb%3ENOBODY searches for it\n"), "{text}");
    let (status, text) = answered(&exporter, "/api/v1/targets?name=SQL0");
    assert_eq!(status, 404);
    assert!(text.contains("\"SQL0\"; hint: similar: SQL01, SQL02, SQL03; api/v1/targets?q=SQL0 searches"), "{text}");
    let text = exporter.get("/target?name=%3Cb%3ENOBODY").text();
    assert!(text.contains("<a href=\"./?q=%3Cb%3ENOBODY\">Search for &#60;b&#62;NOBODY</a>"), "{text}");
    let text = exporter.get("/target?name=SQL0").text();
    assert!(text.contains("<a href=\"target?name=SQL02\">SQL02</a> · "), "{text}");
    page(&exporter, "/target?name=SQL03");
    master.lab.with(|fleet, now| fleet.delete("SQL03", false, now));
    let gone = until("the target to be gone", || {
        exporter.scrape();
        Some(exporter.get("/target?name=SQL03")).filter(|answer| answer.status == 404)
    });
    assert!(gone.text().contains("<main"), "{}", gone.text());
    master.lab.close(Some((18_456, 1)));
    master.control.hang_up();
    for path in ["/target?name=SQL02", "/jobs", "/history?group=x"] {
        let answer = until("the master not to be read", || {
            exporter.request("GET", "/metrics", &[]);
            Some(exporter.get(path)).filter(|answer| answer.status != 200)
        });
        assert_eq!((answer.status, answer.text().contains("<main")), (503, true), "{path}: {}", answer.text());
    }
    assert!(page(&exporter, "/history").contains("master not readable"));
}

#[test]
fn the_firewall_request_of_the_page_is_that_of_the_command() {
    let master = master(Scenario::Healthy);
    let setup = Setup::of(&master).with(DETAILS);
    let command = setup.run(&["doctor", "--format=csv"]);
    let exporter = setup.start();
    let rows = |text: &str| -> Vec<String> {
        // Source, destination, transport, port, who begins, need.
        text.lines().map(|line| line.split(',').take(6).collect::<Vec<_>>().join(",")).collect()
    };
    let answer = exporter.get("/doctor?format=csv");
    assert_eq!(rows(&answer.text()), rows(&data(&command)));
    let disposition = answer.header("Content-Disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"firewall-request.csv\"");
    let document = json(&exporter, "/api/v1/doctor");
    assert_eq!(document["rows"].as_array().unwrap().len(), rows(&answer.text()).len() - 1);
    assert!(page(&exporter, "/doctor?format=markdown").starts_with("# "));
    let text = page(&exporter, "/doctor");
    assert!(text.contains("<h2>Required</h2>") && text.contains("Download"), "{text}");
}

#[test]
fn pages_of_one_target_ask_the_master_once() {
    let master = master(Scenario::Blocked);
    let exporter = Setup::of(&master).with(DETAILS).start();
    let first = json(&exporter, "/api/v1/targets?name=SQL03")["targets"][0]["instructions"]["read_at"].clone();
    for _ in 0..5 {
        let again = json(&exporter, "/api/v1/targets?name=SQL03");
        assert_eq!(again["targets"][0]["instructions"]["read_at"], first, "{again}");
    }
}

#[test]
fn no_scrape_waits_for_what_the_page_of_a_target_asks() {
    let master = master(Scenario::Blocked);
    let exporter = Setup::of(&master).with(DETAILS).with("collectors:\n  jobs: false").start();
    exporter.scrape();
    let hour = Duration::from_secs(3600);
    master.lab.fault("sysjobs", Mishap::Replies { after: 0, replies: vec![Reply::Wait(hour)] });
    let text = std::thread::scope(|scope| {
        let page = scope.spawn(|| page(&exporter, "/target?name=SQL03"));
        while !page.is_finished() {
            let answer = exporter.request("GET", "/metrics", &[("X-Prometheus-Scrape-Timeout-Seconds", "1.3")]);
            assert!(Page::parse(&answer.text()).up(), "{}", exporter.log());
        }
        page.join().unwrap()
    });
    assert!(text.contains("Its instructions were not read"), "{text}");
}

/// The example of a document in API.md.
fn example(name: &str) -> Value {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/API.md")).unwrap();
    let (_, rest) = text.split_once(&format!("# `/api/v1/{name}`")).unwrap();
    let (_, rest) = rest.split_once("```json\n").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

/// The blocks of a language in API.md.
fn blocks(language: &str) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/API.md")).unwrap();
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The paths of fields behind a word, such as `enlisted.downloads.pending` behind `$_.`.
fn paths<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let ends = |letter: char| !letter.is_ascii_alphanumeric() && !"._".contains(letter);
    text.split(word).skip(1).map(|rest| rest.split(ends).next().unwrap()).filter(|path| !path.is_empty()).collect()
}

#[test]
fn the_scripts_of_the_document_read_fields_that_there_are() {
    let master = master(Scenario::Stopped);
    let exporter = Setup::of(&master).start();
    let fleet = json(&exporter, "/api/v1/targets?sort=name");
    let has = |value: &Value, path: &str| value.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
    let (powershell, jq) = (blocks("powershell"), blocks("sh"));
    let of_fleet = paths(&powershell, "$fleet.");
    assert!(of_fleet.contains(&"master.now") && of_fleet.iter().all(|path| has(&fleet, path)), "{of_fleet:?}");
    let mut of_target = paths(&powershell, "$_.");
    of_target.extend([paths(&jq, "[."), paths(&jq, "(."), paths(&jq, ", .")].concat());
    assert!(of_target.len() >= 8, "{of_target:?}");
    for path in of_target {
        assert!(has(&fleet["targets"][0], path), "{path}: {}", fleet["targets"][0]);
    }
}

/// The names of all fields with their kind, lists by their first entry.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(all) => all.first().map_or(Value::Null, |first| Value::Array(vec![shape(first)])),
        _ => Value::Null,
    }
}

#[test]
fn the_examples_of_the_document_have_the_fields_of_the_answers() {
    let master = master(Scenario::Everything);
    let exporter = Setup::of(&master).with(DETAILS).start();
    exporter.scrape();
    for name in ["jobs", "history"] {
        assert_eq!(shape(&example(name)), shape(&json(&exporter, &format!("/api/v1/{name}"))), "{name}");
    }
}
