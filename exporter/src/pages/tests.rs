//! Tests of the pages and of the JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::collectors::{CollectorReport, Instruction, Instructions, JobMessage, Outcome, TargetDetail};
use crate::diagnosis::{
    Change, EventSelection, Evidence, Fleet, History, HistoryEvent, JobCounts, JobRun, MasterFleet, Selection,
};
use crate::fixtures::*;
use crate::model::{Cause, Collector, HistoryKind, MasterEvidence, Operation, Stage};
use crate::sqlserver::{MissingRight, ReadError};
use crate::{api, pages};

fn overview(fleet: impl Into<Fleet>, details: bool) -> String {
    shown(&fleet.into(), &[], details).unwrap()
}

/// The page with these parameters.
fn shown(fleet: &Fleet, query: &[(&str, &str)], details: bool) -> Option<String> {
    pages::overview(fleet, &selection(query), &facts(), details).unwrap()
}

fn selection(query: &[(&str, &str)]) -> Selection {
    Selection::read(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap()
}

fn single(name: &str, details: bool) -> Option<String> {
    pages::single(&full().into(), name, None, details).unwrap()
}

fn json(fleet: impl Into<Fleet>, details: bool) -> serde_json::Value {
    written(&fleet.into(), None, details).unwrap()
}

fn written(fleet: &Fleet, only: Option<&str>, details: bool) -> Option<serde_json::Value> {
    let mut out = Vec::new();
    let query: Vec<_> = only.map(|name| ("name", name)).into_iter().collect();
    api::write_targets(&mut out, fleet, &selection(&query), None, None, details).unwrap()?;
    Some(serde_json::from_slice(&out).unwrap())
}

/// Asserts that the page holds the texts in this order.
fn in_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let at = rest.find(text).unwrap_or_else(|| panic!("{text:?} is missing, or stands too early"));
        rest = &rest[at + text.len()..];
    }
}

#[test]
fn a_target_shows_the_way_to_its_master() {
    let page = overview(target_side(), true);
    in_order(&page, &["SQL01</h2>", "not seen", "engine tcp 1433", "for polling", ">open<", "10.1.2.3"]);
    in_order(&page, &["SQL01\\PAYROLL</h2>", "cannot poll", "Certificate for the name MSX01", "for another name"]);
    in_order(&page, &["Issuer CN=Corp &#60;CA&#62;"]);
    assert!(!overview(target_side(), false).contains("10.1.2.3"));
    let settings: Vec<&str> = page.lines().filter(|line| line.starts_with("<dt>With ")).collect();
    assert_eq!(settings.len(), 3, "{settings:?}");
    assert!(settings[0].contains("With 0<") && settings[0].contains("not known"), "{settings:?}");
    assert!(settings[1].contains("With 1<") && settings[1].contains("connects"), "{settings:?}");
    assert!(settings[2].contains("With 2, as set here<") && settings[2].contains("is refused"), "{settings:?}");
    let own = pages::single(&target_side(), "sql01\\payroll", None, false).unwrap();
    assert!(own.is_some_and(|page| page.contains("The way to the master")));
    assert_eq!(pages::single(&target_side(), "SQL02", None, false).unwrap(), None);
    let document = json(target_side(), false);
    let [first, second] = document["local_targets"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!((&first["name"], &first["certificate"]), (&"SQL01".into(), &serde_json::Value::Null));
    assert_eq!(second["certificate"]["reason"], "name_mismatch");
    assert_eq!(second["settings"].as_array().unwrap().len(), 3);
    assert!(second["remarks"].as_array().is_some_and(|remarks| !remarks.is_empty()), "{document}");
    assert_eq!(
        (&first["ports"][0]["check"], &first["ports"][0]["address"]),
        (&"engine".into(), &serde_json::Value::Null)
    );
    assert!(json(full(), false).get("local_targets").is_none());
}

#[test]
fn the_worst_stand_first_and_every_target_stands_there() {
    let page = overview(full(), false);
    in_order(&page, &["MSX01", ">can be read<", ">NEW9", ">SQL&#60;03&#62;", ">SQL02", ">SQL01\\PAYROLL", ">SQL04"]);
    in_order(
        &page,
        &["SQL02</a>", "Stopped polling", "2025-11-24 14:00:00 UTC", "2 h ago", "120 of its intervals of 1 min"],
    );
    in_order(
        &page,
        &["SQL02</a>", "0 of 1", "as of its last poll", "to the master: reached: the master sees its connections"],
    );
    in_order(&page, &["SQL01\\PAYROLL</a>", "Maintenance: patching &#60;night&#62;", "2 proxy_missing", "1 of 1"]);
    in_order(
        &page,
        &[
            "SQL01\\PAYROLL</a>",
            "to the master, engine 1433: open, TLS failed",
            "to the target, engine 1433: open, not required",
        ],
    );
    in_order(&page, &["GONE1", "defect", "GONE2", "other"]);
    in_order(&page, &["SQL&#60;03&#62;</a>", ">never<", ">SQL02"]);
}

#[test]
fn names_are_escaped_in_texts_and_in_links() {
    let page = overview(full(), true);
    assert!(page.contains("target?name=SQL01%5CPAYROLL\""));
    assert!(page.contains("target?name=SQL%3C03%3E\""));
    assert!(!page.contains("<03>") && !page.contains("<night>") && !page.contains("<failed>"));
}

#[test]
fn texts_of_errors_and_addresses_stand_only_where_they_are_allowed() {
    for fleet in [full(), unreadable()] {
        let shut = [overview(&fleet, false), json(&fleet, false).to_string()];
        assert!(shut.iter().all(|text| !text.contains("10.1.2.3")), "an address is shown");
    }
    assert!(overview(unreadable(), true).contains("login of 10.1.2.3 &#60;failed&#62;"));
    assert!(json(unreadable(), true).to_string().contains("10.1.2.3"));
    assert!(!single("SQL02", false).unwrap().contains("10.1.2.3"));
    assert!(single("SQL02", true).unwrap().contains("10.1.2.3: connect to 10.1.2.3: filtered"));
}

#[test]
fn a_master_that_cannot_be_read_shows_where_it_stopped_and_no_old_target() {
    let page = overview(unreadable(), false);
    in_order(&page, &["cannot be read", "Stopped at: login", "Next: Look at the master"]);
    assert_eq!(page.matches("Look at the master").count(), 1, "one fault is shown once");
    let mut other = unreadable();
    other.reports[3] = failed(Collector::Jobs, Stage::Query);
    in_order(&overview(&other, false), &["Stopped at: login", "Parts of the reading that failed", "jobs", "query"]);
    let stale = overview(MasterFleet { master: None, ..full() }, true);
    assert!(!stale.contains("SQL04") && !stale.contains("GONE1") && !stale.contains("MSX01"));
}

#[test]
fn a_collector_that_failed_is_named_with_its_next_step() {
    let mut fleet = full();
    fleet.reports = vec![report(Collector::Targets), failed(Collector::Downloads, Stage::Query)];
    in_order(
        &overview(&fleet, false),
        &["Parts of the reading that failed", "downloads", "query (time is up)", "Look"],
    );
}

#[test]
fn one_target_has_a_page_with_all_its_evidence() {
    let page = single("SQL02", false).unwrap();
    in_order(
        &page,
        &[
            "Has stopped polling",
            "<strong>Stopped polling</strong>",
            "last poll 2 h ago",
            "not needed for polling",
            "Next:",
        ],
    );
    in_order(&page, &["engine tcp 1433, to it", "filtered", "2 h ago (2025-11-24 14:00:00 UTC)"]);
    assert!(single("NEW9", false).unwrap().contains("Run sp_msx_enlist on the target"));
    assert_eq!(single("sql02 ", false), Some(page), "as SQL Server compares names");
    assert_eq!(single("SQL022", false), None);
    assert_eq!(pages::single(&unreadable().into(), "SQL02", None, true).unwrap(), None);
}

#[test]
fn fleets_of_none_and_of_a_thousand_have_a_page() {
    assert!(overview(fleet(vec![]), false).contains("No target is enlisted"));
    let many = || (0..1000).map(|number| target(&format!("SQL{number:04}"))).collect();
    let page = overview(fleet(many()), false);
    assert_eq!(page.matches("target?name=").count(), 500);
    in_order(&page, &["1000 × OK", "1000 of 1000 targets, page 1 of 2", "./?page=2", "SQL0000", "SQL0499"]);
    let fleet = fleet(many()).into();
    in_order(
        &shown(&fleet, &[("page", "2"), ("by", "cause")], false).unwrap(),
        &["Previous page", "1000 × Polls", "SQL0500", "SQL0999"],
    );
    assert_eq!(shown(&fleet, &[("page", "3")], false), None);
    let lost = shown(&unreadable().into(), &[("page", "3")], false).unwrap();
    assert!(lost.contains("cannot be read"), "{lost}");
}

#[test]
fn a_group_that_is_asked_for_is_seen_to_be_chosen() {
    for (asked, option) in [("üBER \"alles\" ", "Über &#34;alles&#34;"), ("gone", "gone")] {
        let page = shown(&full().into(), &[("group", asked), ("name", "SQL01\\PAYROLL")], false).unwrap();
        assert!(page.contains(&format!("<option selected>{option}</option>")), "{page}");
        assert!(page.contains("<input type=\"hidden\" name=\"name\" value=\"SQL01\\PAYROLL\">"), "{page}");
    }
}

#[test]
fn a_passive_exporter_says_so() {
    let mut facts = facts();
    facts.passive = Some(true);
    let fleet = MasterFleet { reports: vec![], ..unreadable() }.into();
    let page = pages::overview(&fleet, &Selection::default(), &facts, false).unwrap().unwrap();
    assert!(page.contains("passive") && !page.contains("cannot be read"));
    let mut out = Vec::new();
    api::write_targets(&mut out, &fleet, &Selection::default(), None, facts.passive, false).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&document["passive"], &document["up"]), (&true.into(), &false.into()));
}

#[test]
fn the_json_holds_the_same_facts() {
    insta::assert_snapshot!("targets_json", serde_json::to_string_pretty(&json(full(), true)).unwrap());
    let down = json(unreadable(), false);
    assert_eq!(down["up"], false);
    assert_eq!(down["fault"]["stage"], "login");
    for absent in ["master", "targets", "orphans", "jobs"] {
        assert!(down[absent].is_null(), "{absent}");
    }
    let causes: Vec<_> =
        json(full(), false)["targets"].as_array().unwrap().iter().map(|t| t["diagnosis"]["code"].clone()).collect();
    assert_eq!(
        causes,
        [Cause::NotEnlisted, Cause::NeverPolled, Cause::StoppedPolling, Cause::DownloadError, Cause::Ok]
            .map(Cause::code)
    );
}

#[test]
fn the_json_of_one_target_has_what_its_page_has() {
    let one = written(&full().into(), Some("sql02"), false).unwrap();
    let [target] = one["targets"].as_array().unwrap().as_slice() else { panic!("{one}") };
    let briefing = &target["briefing"];
    assert_eq!(briefing["remarks"][0]["topic"], "Silent since");
    let names: Vec<_> = briefing["batches"].as_array().unwrap().iter().map(|batch| &batch["name"]).collect();
    assert_eq!(names, ["on-master", "on-target", "record-logins"]);
    let page = single("SQL02", false).unwrap();
    in_order(&page, &["Silent since", "At that time", "Alone or together", "Impact", "The master refused 4 logins"]);
    in_order(
        &page,
        &["that memory was read 22 s ago", "The login is refused", "DECLARE @target sysname = N&#39;SQL02&#39;"],
    );
    in_order(&page, &["sp_sqlagent_notify", "CREATE EVENT SESSION", "Firewall"]);
    assert!(json(full(), true)["targets"][2].get("briefing").is_none(), "a large fleet's document stays short");
    assert!(!single("SQL04", true).unwrap().contains("Silent since"), "it polls");
    assert_eq!(written(&full().into(), Some("SQL022"), true), None);
    assert_eq!(written(&unreadable().into(), Some("SQL02"), true).unwrap()["up"], false);
}

#[test]
fn the_example_in_the_document_is_what_is_written() {
    let (_, example) = include_str!("../../API.md").split_once("```json\n").unwrap();
    let (example, _) = example.split_once("\n```").unwrap();
    let written = written(&full().into(), Some("SQL04"), false).unwrap();
    assert_eq!(example, serde_json::to_string_pretty(&written["targets"][0]).unwrap());
}

/// The names of all fields, without the keys of maps, which are data.
fn fields(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Array(all) => all.iter().for_each(|one| fields(one, found)),
        serde_json::Value::Object(all) => {
            for (name, value) in all {
                found.insert(name.clone());
                if !matches!(name.as_str(), "labels" | "errors" | "pending_by_operation") {
                    fields(value, found);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_of_the_json_is_documented() {
    let document = include_str!("../../API.md");
    let mut found = std::collections::BTreeSet::new();
    fields(&json(full(), true), &mut found);
    fields(&written(&full().into(), Some("SQL02"), true).unwrap(), &mut found);
    fields(&json(unreadable(), true), &mut found);
    fields(&json(target_side(), true), &mut found);
    assert!(found.len() > 40, "{found:?}");
    for field in found {
        assert!(document.contains(&format!("`{field}`")) || document.contains(&format!("`{field}[]`")), "{field}");
    }
}

#[test]
fn what_the_verdict_says_of_arrivals_is_not_said_twice() {
    let said = |cause| {
        let mut fleet = full();
        let target = fleet.targets.iter_mut().find(|target| target.name == "SQL02").unwrap();
        target.diagnosis.cause = cause;
        pages::single(&fleet.into(), "SQL02", None, true).unwrap().unwrap().contains("refused 4 logins")
    };
    assert!(said(Cause::StoppedPolling) && !said(Cause::LoginRefused));
}

#[test]
fn what_the_master_shows_has_its_details_only_with_details() {
    let shown = |details: bool| (single("SQL02", details).unwrap(), json(full(), details).to_string());
    let (page, json) = shown(true);
    for text in [&page, &json] {
        for word in ["refused 4 logins", "state 8", "the password is wrong", "The login is refused"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    assert!(!page.contains("stand here with authentication"), "{page}");
    let (page, json) = shown(false);
    assert!(page.contains("stand here with authentication, or with explain.details: true"), "{page}");
    for text in [&page, &json] {
        assert!(text.contains("refused 4 logins") && text.contains("The login is refused"), "{text}");
        assert!(!text.contains("state 8") && !text.contains("the password is wrong"), "{text}");
    }
    assert!(page.contains("&#60;since&#62;"), "{page}");
}

#[test]
fn the_overview_says_in_short_what_the_master_shows_of_a_silent_target() {
    let shown = |word| {
        let mut fleet = full();
        fleet.targets.iter_mut().filter_map(|target| target.trace.as_mut()).for_each(|trace| trace.word = word);
        overview(fleet, false)
    };
    for word in MasterEvidence::ALL {
        let line = format!("The master shows: {}", word.word().title);
        assert!(line.len() <= 60, "{line}");
        let lines = shown(word).matches(">The master shows: ").count();
        assert_eq!(lines, usize::from(word != MasterEvidence::Unknown), "{line}");
        assert!(
            word == MasterEvidence::Unknown || shown(word).contains(&format!(">{line}</span><span class=\"said\">")),
            "{line}"
        );
    }
    in_order(&shown(MasterEvidence::Refused), &["SQL02</a>", "The master shows: logins refused", ">SQL01"]);
}

/// What was read of SQL02 alone.
fn detail() -> TargetDetail {
    let row = |id: &str, error: Option<&str>| Instruction {
        id: id.to_owned(),
        operation: Operation::Insert,
        job: Some("Back <up>".to_owned()),
        posted: ago(600),
        error: error.map(str::to_owned),
    };
    TargetDetail {
        read_at: ago(5),
        instructions: Ok(Instructions {
            waiting: vec![row("211", None)],
            failed: vec![row("210", Some("<script>alert(1)</script>"))],
        }),
        messages: Ok(vec![JobMessage { job_id: "0F3C".into(), message: Some("The job failed. <b>".to_owned()) }]),
    }
}

#[test]
fn what_was_read_of_one_target_alone_stands_on_its_page_and_in_its_document() {
    let detail = detail();
    let page = pages::single(&full().into(), "SQL02", Some(Ok(&detail)), true).unwrap().unwrap();
    in_order(&page, &["Failed instructions", "210", "&#60;script&#62;alert(1)", "wait, the oldest first", "211"]);
    assert!(
        !page.contains("<script>alert")
            && !page.contains("<up>")
            && page.contains("were read at 2025-11-24 15:59:55 UTC"),
        "{page}"
    );
    assert!(!page.contains("Not read again yet"));
    let old = TargetDetail { read_at: ago(570), ..detail.clone() };
    let page_of_old = pages::single(&full().into(), "SQL02", Some(Ok(&old)), true).unwrap().unwrap();
    in_order(&page_of_old, &["Not read again yet", "9 min 30 s older than the rest", "Failed instructions"]);
    let mut out = Vec::new();
    let selection = selection(&[("name", "SQL02")]);
    api::write_targets(&mut out, &full().into(), &selection, Some(Ok(&detail)), None, true).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let lists = &document["targets"][0]["instructions"];
    assert_eq!((&lists["failed"][0]["id"], &lists["waiting"][0]["job"]), (&"210".into(), &"Back <up>".into()));
    let rests = ReadError {
        next_attempt: Some(std::time::Duration::from_secs(90)),
        ..ReadError::new(Stage::Query, "it rests")
    };
    let page = pages::single(&full().into(), "SQL02", Some(Err(&rests)), true).unwrap().unwrap();
    in_order(&page, &["were not read", "it rests", "next attempt in 1 min 30 s"]);
}

#[test]
fn jobs_stand_with_those_that_fail_first_and_a_fleet_without_jobs_says_so() {
    let page = pages::jobs(&full().into()).unwrap().unwrap();
    insta::assert_snapshot!("jobs", page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0);
    assert!(pages::jobs(&fleet(vec![]).into()).unwrap().unwrap().contains("No job has a target."));
    let unread = MasterFleet { jobs: None, reports: vec![failed(Collector::Jobs, Stage::Permission)], ..full() };
    in_order(
        &pages::jobs(&unread.into()).unwrap().unwrap(),
        &["Jobs were not read", "permission", "Look at the master"],
    );
    assert_eq!(pages::jobs(&unreadable().into()).unwrap(), None);
    assert_eq!(pages::jobs(&target_side()).unwrap(), None);
}

#[test]
fn what_is_said_of_jobs_holds_for_runs_that_a_limit_leaves_out_too() {
    let mut fleet = full();
    fleet.limited.job_pairs = 18;
    let job = &mut fleet.jobs.as_mut().unwrap()[0];
    job.runs.clear();
    for (failed, succeeded, said) in
        [(0, 0, "no outcome yet"), (0, 3, "none failed"), (2, 0, "failed or cancelled on 2")]
    {
        (job.failed_targets, job.succeeded_targets) = (failed, succeeded);
        let page = pages::jobs(&MasterFleet { jobs: Some(vec![job.clone()]), ..full() }.into()).unwrap().unwrap();
        in_order(&page, &[&format!(">{said}<")]);
    }
    fleet.jobs_left_out.insert("SQL04".to_owned(), JobCounts { all: 18, failing: 1 });
    let fleet: Fleet = fleet.into();
    in_order(
        &pages::jobs(&fleet).unwrap().unwrap(),
        &["1 job; the last run of 1 failed", "Counts hold for all targets; limits.job_pairs leaves 18 runs out"],
    );
    in_order(&shown(&fleet, &[("jobs", "failing")], false).unwrap(), &["1 of 5 targets", "SQL04</a>", ">1 of 18<"]);
    let page = pages::single(&fleet, "SQL04", None, false).unwrap().unwrap();
    let left_out = "limits.job_pairs leaves out 18 more jobs; the last run of 1 of them failed or was cancelled.";
    in_order(&page, &["1 job failed", "the last run of 1 of its 18 jobs failed", "<h2>Its jobs</h2>", left_out]);
    let document = written(&fleet, Some("SQL04"), false).unwrap();
    assert_eq!(document["targets"][0]["jobs_left_out"], serde_json::json!({ "count": 18, "failing": 1 }));
}

#[test]
fn a_run_that_was_cancelled_is_not_said_to_have_failed() {
    for (failed_targets, outcomes, said) in [
        (1, [Outcome::Cancelled, Outcome::Succeeded], "cancelled on 1"),
        (2, [Outcome::Cancelled, Outcome::Failed], "failed on 1, cancelled on 1"),
        (3, [Outcome::Cancelled, Outcome::Failed], "failed or cancelled on 3"),
    ] {
        let mut fleet = full();
        let job = &mut fleet.jobs.as_mut().unwrap()[0];
        job.failed_targets = failed_targets;
        for (run, outcome) in job.runs.iter_mut().zip(outcomes) {
            (run.row.outcome, run.success) = (outcome, Some(outcome == Outcome::Succeeded));
        }
        let page = pages::jobs(&fleet.into()).unwrap().unwrap();
        let run =
            "PAYROLL</a> <span class=\"soft\">cancelled <span title=\"2025-11-24 15:45:00 UTC\">15 min ago</span>";
        in_order(&page, &[&format!(">{said}<"), run]);
    }
}

#[test]
fn the_history_shows_texts_of_errors_only_where_they_are_allowed() {
    let mut fleet = full();
    let lost = HistoryEvent::of_fleet(ago(60), HistoryKind::MasterLost, "It stops at: connect.");
    History::record(&mut fleet.history, vec![lost.with_detail("connect to 10.1.2.3: <refused>")]);
    let fleet = fleet.into();
    for details in [false, true] {
        let page = pages::history(&fleet, &EventSelection::default(), details).unwrap().unwrap();
        let mut out = Vec::new();
        api::write_history(&mut out, &fleet, &EventSelection::default(), details).unwrap().unwrap();
        in_order(&page, &["master not readable", "It stops at: connect."]);
        for text in [page, String::from_utf8(out).unwrap()] {
            assert_eq!(text.contains("10.1.2.3"), details, "{text}");
        }
    }
}

#[test]
fn of_a_target_that_never_polled_no_last_poll_is_shown() {
    let mut fleet = full();
    let page = overview(fleet.clone(), false);
    in_order(&page, &["Silent now", "2 of 4", "the last to fall silent polled 2 h ago"]);
    in_order(&page, &["SQL&#60;03&#62;</a>", "title=\"no outcome of its 1 job: it never polled\">–</td>", "SQL02</a>"]);
    in_order(&single("SQL<03>", false).unwrap(), &["<h2>Its jobs, before its first poll</h2>"]);
    in_order(&single("SQL02", false).unwrap(), &["<h2>Its jobs, as of its last poll</h2>"]);
    fleet.targets.retain(|target| target.name != "SQL02");
    in_order(&overview(fleet, false), &["Silent now", "1 of 3", "none of them ever polled"]);
}

#[test]
fn silence_is_a_filter_and_a_filter_counts_what_it_shows_under_the_others() {
    let all: Fleet = full().into();
    let page = |query: &[(&str, &str)]| shown(&all, query, false).unwrap();
    in_order(&page(&[]), &["Silent now", "2 of 4", "<a href=\"./?state=silent\">which</a>"]);
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&[], &["1 × Stopped", "2 × Silent", "1 × Jobs failing", "5 of 5 targets"]),
        (&[("state", "silent")], &["1 × Stopped", "./?\" aria-current=\"true\">2 × Silent", "2 of 5 targets"]),
        (&[("q", "sql02")], &["1 × Stopped", "1 × Silent", "1 of 5 targets"]),
        (&[("q", "sql02"), ("state", "ok")], &["1 × Stopped", "0 × OK", "1 × Silent", "0 of 5 targets"]),
        (&[("state", "ok"), ("jobs", "failing")], &["unknown\" href=\"./?state=ok\" aria-current=\"true\">0 × Jobs"]),
    ];
    for (query, texts) in cases {
        in_order(&page(query), texts);
    }
    let silent = page(&[("q", "sql02"), ("state", "silent")]);
    assert!(!silent.contains("Jobs failing</a>\n</nav>"), "{silent}");
    assert!(silent.contains("name=\"state\" value=\"silent\""), "the form keeps it");
    let quiet = overview(fleet(vec![target("SQL04")]), false);
    assert!(quiet.contains("Silent now") && !quiet.contains("state=silent"), "{quiet}");
}

#[test]
fn what_the_first_reading_found_is_no_change() {
    let at_once = |target: &str, from| HistoryEvent {
        from,
        to: Some(Cause::StoppedPolling),
        ..HistoryEvent::of_target(ago(60), HistoryKind::CauseChanged, target.to_owned())
    };
    for (from, is_change) in [(None, false), (Some(Cause::Ok), true)] {
        let mut fleet = full();
        History::record(&mut fleet.history, ["SQL02", "SQL04"].map(|target| at_once(target, from)).into());
        let fleet = fleet.into();
        let page = pages::history(&fleet, &EventSelection::default(), false).unwrap().unwrap();
        assert_eq!(page.contains("1 min ago, as the first reading found it"), !is_change, "{page}");
        let page = pages::single(&fleet, "SQL02", None, false).unwrap().unwrap();
        assert_eq!(page.contains("Within 5 minutes of its last change"), is_change, "{page}");
    }
}

#[test]
fn a_master_that_was_lost_says_since_when() {
    let mut fleet = unreadable();
    assert!(!overview(&fleet, false).contains("Not readable since"));
    let lost = HistoryEvent::of_fleet(ago(60), HistoryKind::MasterLost, "It stops at: connect.");
    History::record(&mut fleet.history, vec![lost]);
    let page = overview(fleet, false);
    in_order(&page, &["Not readable since", "min ago (2025-11-24 15:59:00 UTC)", "href=\"history\""]);
    assert!(!page.contains("A bar counts"), "no legend without targets");
}

#[test]
fn a_missing_right_says_what_it_costs_and_how_it_is_granted() {
    let shown = |reports| overview(MasterFleet { reports, ..full() }, false);
    let lacks = |not_seen, report: CollectorReport| {
        let missing =
            vec![MissingRight { not_seen, grant: "USE master; GRANT VIEW SERVER STATE TO <login>".to_owned() }];
        CollectorReport { permission: false, missing, ..report }
    };
    let (server, arrivals) = (lacks("the Agent", report(Collector::Server)), lacks("why", report(Collector::Arrivals)));
    let page = shown(vec![report(Collector::Targets), server.clone(), arrivals]);
    in_order(
        &page,
        &["mark warn\">3 of 3 parts", "not seen for want of a right: the Agent; why: <a href=\"#rights\">"],
    );
    in_order(&page, &["id=\"rights\"", "<td>the Agent; why</td>", "GRANT VIEW SERVER STATE TO &#60;login&#62;"]);
    assert_eq!(page.matches("GRANT VIEW").count(), 1, "{page}");
    let page = shown(vec![server.clone(), lacks("jobs", failed(Collector::Jobs, Stage::Permission))]);
    in_order(&page, &["1 of 2 parts", "for want of a right: the Agent; jobs: <a"]);
    assert!(!page.contains("Parts of the reading that failed"), "{page}");
    let page = shown(vec![server, failed(Collector::Jobs, Stage::Query)]);
    in_order(&page, &["1 of 2 parts", "the Agent; not read, why below: jobs", "Parts of the reading that failed"]);
    assert!(shown(vec![report(Collector::Targets)]).contains("no right is missing"));
}

#[test]
fn each_page_leads_to_its_own_document_with_its_filter() {
    let fleet: Fleet = full().into();
    let events = [("q".to_owned(), "a&b".to_owned()), ("state".to_owned(), "ok".to_owned())];
    let events = EventSelection::read(events).unwrap();
    for (page, document) in [
        (shown(&fleet, &[], false), "targets"),
        (shown(&fleet, &[("state", "silent"), ("page", "1")], false), "targets?state=silent"),
        (pages::jobs(&fleet).unwrap(), "jobs"),
        (pages::history(&fleet, &events, false).unwrap(), "history?state=ok&#38;q=a%26b"),
        (single("SQL02", false), "targets?name=SQL02"),
        (shown(&target_side(), &[], false), "targets"),
    ] {
        let page = page.unwrap();
        assert!(page.contains(&format!("<a href=\"api/v1/{document}\">JSON</a>")), "{document}: {page}");
    }
}

#[test]
fn a_page_of_the_history_beyond_the_last_is_none() {
    let history = |fleet: Fleet, page| {
        pages::history(&fleet, &EventSelection { page: Some(page), ..EventSelection::default() }, false).unwrap()
    };
    assert!(history(full().into(), 1).unwrap().contains("The master was not read yet."));
    assert_eq!((history(full().into(), 2), history(full().into(), usize::MAX)), (None, None));
    assert_eq!(history(target_side(), 1), None);
}

/// A target that fell silent a minute ago, with this evidence.
fn fell_silent(target: &str, evidence: &str) -> HistoryEvent {
    let change = Change {
        target: target.to_owned(),
        from: Some(Cause::Ok),
        to: Cause::StoppedPolling,
        evidence: vec![Evidence { cause: None, text: evidence.to_owned() }],
        ended: None,
    };
    HistoryEvent::of_change(ago(60), HistoryKind::CauseChanged, &change)
}

fn history_with(events: Vec<HistoryEvent>) -> Fleet {
    let mut fleet = full();
    History::begin(&mut fleet.history, ago(3_600));
    History::record(&mut fleet.history, events);
    fleet.into()
}

#[test]
fn names_without_room_stand_behind_a_click_and_the_rest_is_counted() {
    for (count, shown, texts) in [
        (20, 20, &["SQL0019</a></li>"][..]),
        (33, 33, &["SQL0019</a><details id=\"2025", "<summary>and 13 more<", "SQL0032</a></details>"]),
        (1_000, 220, &["<summary>and 980 more<", "SQL0219</a> and 780 that are only counted here</details>"]),
    ] {
        let fleet = history_with((0..count).map(|number| fell_silent(&format!("SQL{number:04}"), "")).collect());
        let page = pages::history(&fleet, &EventSelection::default(), false).unwrap().unwrap();
        assert_eq!(page.matches("href=\"target?name=SQL").count(), shown, "{page}");
        in_order(&page, texts);
    }
    let mut fleet = full();
    let job = &mut fleet.jobs.as_mut().unwrap()[0];
    let failed = JobRun { success: Some(false), ..job.runs[0].clone() };
    job.failed_targets = 50;
    job.runs = (0..45).map(|number| JobRun { target: format!("T{number}"), ..failed.clone() }).collect();
    let page = pages::jobs(&fleet.into()).unwrap().unwrap();
    in_order(&page, &["T39</a>", "<summary>and 10 more<", "T44</a>", "and 5 that are only counted here</details>"]);
    let mut fleet = full();
    fleet.targets.extend((0..7).map(|number| target(&format!("X{number}"))));
    for other in &mut fleet.targets {
        other.enlisted.iter_mut().for_each(|row| row.row_mut().last_poll = ago(7_200));
    }
    let page = pages::single(&fleet.into(), "SQL02", None, false).unwrap().unwrap();
    in_order(
        &page,
        &["Alone or together", "X1 and 5 more; 0 of", "<summary>and 5 more<", "name=X2\">X2</a>", "X6</a>"],
    );
}

#[test]
fn what_else_happened_then_leads_to_the_rest_of_it() {
    let others = (0..14).map(|second| HistoryEvent { at: ago(100 - second), ..fell_silent("SQL04", "") });
    let fleet = history_with(others.chain([fell_silent("SQL02", "")]).collect());
    let page = pages::single(&fleet, "SQL02", None, false).unwrap().unwrap();
    let link = "<a href=\"history?since=2025-11-24T15%3A54%3A00Z&#38;until=2025-11-24T16%3A04%3A01Z\">and 2 more</a>";
    in_order(&page, &["Within 5 minutes of its last change", link]);
}

#[test]
fn evidence_that_the_history_cuts_leads_to_all_of_it_while_its_cause_holds() {
    let (long, short) = ("x".repeat(300), "y".repeat(240));
    let (of_silent, of_another) = (fell_silent("SQL02", &long), fell_silent("SQL04", &long));
    let later = HistoryEvent { at: ago(30), ..fell_silent("SQL02", &short) };
    let link = "…</small>".replace('<', " <a href=\"target?name=SQL02#known\">all of it</a><");
    for (events, links) in [
        (vec![of_silent.clone()], 1),
        (vec![fell_silent("SQL02", &short)], 0),
        // Another cause holds there now, or it began again since.
        (vec![of_another], 0),
        (vec![of_silent, later], 0),
    ] {
        let page = pages::history(&history_with(events), &EventSelection::default(), false).unwrap().unwrap();
        assert_eq!((page.matches(&link).count(), page.matches("#known").count()), (links, links), "{page}");
    }
}

#[test]
fn where_two_clocks_stand_on_a_page_each_has_its_name() {
    let fleet = history_with(vec![fell_silent("SQL02", "")]);
    for page in [
        pages::history(&fleet, &EventSelection::default(), false),
        pages::single(&fleet, "SQL02", Some(Ok(&detail())), true),
    ] {
        let page = page.unwrap().unwrap();
        let named = "2025-11-24 16:00:00 UTC by the master&#39;s clock, 17:00:00 there.";
        in_order(&page, &[named, "y the exporter"]);
    }
}

#[test]
fn a_target_is_found_by_its_name_as_it_stands_before_what_a_person_may_mean_by_it() {
    let names = ["ZZ", "ZZ,1433", ".\\HR", "SQL02"];
    let fleet: Fleet = fleet(names.map(target).into()).into();
    let found = |asked: &str| {
        let page = pages::single(&fleet, asked, None, false).unwrap()?;
        let heading = page.split_once("<h1 id=\"name\" data-live>")?.1;
        Some(heading.split_once(" <")?.0.to_owned())
    };
    for (asked, name) in [
        ("ZZ,1433", Some("ZZ,1433")),
        ("zz,1434", Some("ZZ")),
        (".\\hr", Some(".\\HR")),
        ("tcp:sql02", Some("SQL02")),
        (".", None),
    ] {
        assert_eq!(found(asked).as_deref(), name, "{asked}");
    }
}
