//! What holds for any fleet.

use super::parser::parse;
use crate::collectors::{JobRow, JobTargetRow};
use crate::diagnosis::{Fleet, Job, JobRun, MasterFleet, Orphan, Target};
use crate::exposition::Format;
use crate::fixtures::*;
use crate::metrics::page;
use crate::model::{Cause, Check, Collector, OrphanKind, PortState, Stage};
use crate::probe::PortResults;
use enum_map::EnumMap;
use jiff::Timestamp;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Names as SQL Server takes them, and worse.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z]{1,6}[0-9]{1,3}(\\\\[A-Z]{1,6})?", "[\\\\\"\\n{}=, #a]{1,6}", "\\PC{1,12}", any::<String>(),]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000).prop_map(|millis| Timestamp::from_millisecond(millis).unwrap())
}

prop_compose! {
    fn any_target(name: String)(
        enlisted in any::<bool>(),
        groups in btree_set(super::properties::name(), 0..3),
        location in super::properties::name(),
        labels in vec((super::properties::name(), super::properties::name()), 0..3),
        cause in prop::sample::select(&Cause::ALL[..]),
        last_poll in instant(),
        skew in prop::option::of(-1800.0..1800.0_f64),
        errors in any::<[u32; 7]>(),
        downloads in any::<bool>(),
    ) -> Target {
        let mut target = judged(&name, cause, "because");
        target.labels = labels;
        match &mut target.enlisted {
            Some(row) if enlisted => {
                row.row_mut().groups = groups.into_iter().collect();
                row.row_mut().location = Some(location);
                row.row_mut().last_poll = last_poll;
                row.clock_skew_seconds = skew;
                if let Some(list) = &mut row.downloads { list.waiting.errors = EnumMap::from_array(errors.map(u64::from)); }
                if !downloads { row.downloads = None; }
            }
            _ => target.enlisted = None,
        }
        target
    }
}

fn any_fleet() -> impl Strategy<Value = MasterFleet> {
    let targets = btree_set(name(), 0..6).prop_flat_map(|names| names.into_iter().map(any_target).collect::<Vec<_>>());
    let state =
        prop::sample::select(vec![PortState::Open, PortState::Filtered, PortState::NoAnswer, PortState::Skipped]);
    (targets, btree_set(name(), 0..4), btree_set(name(), 0..3), name(), state, any::<[bool; 3]>()).prop_map(
        |(targets, orphans, jobs, text, state, [up, server, failed_jobs])| {
            let mut fleet = fleet(targets);
            let orphan = |kind| move |target: &String| Orphan { target: target.clone(), kind, count: 2 };
            fleet.orphans = Some(
                orphans
                    .iter()
                    .map(orphan(OrphanKind::Defect))
                    .chain(orphans.iter().map(orphan(OrphanKind::Other)))
                    .collect(),
            );
            let names: Vec<String> = fleet.targets.iter().map(|target| target.name.clone()).collect();
            let runs = |at| {
                let run = |target: &String| JobRun {
                    target: target.clone(),
                    success: Some(true),
                    at,
                    row: JobTargetRow { duration: Some(Duration::from_nanos(1)), ..JobTargetRow::default() },
                };
                names.iter().map(run).collect::<Vec<_>>()
            };
            fleet.jobs = Some(
                jobs.into_iter()
                    .map(|id| Job {
                        row: JobRow { id, name: text.clone(), enabled: false },
                        targets: 9,
                        failed_targets: 0,
                        succeeded_targets: 0,
                        runs: runs(Some(NOW)),
                    })
                    .collect(),
            );
            let findings =
                |name: &String| (name.clone(), vec![finding(Check::Engine, state), finding(Check::Browser, state)]);
            fleet.port_results =
                Arc::new(PortResults { findings: names.iter().map(findings).collect(), ..PortResults::default() });
            if let Some(facts) = &mut fleet.server {
                facts.name = text;
            }
            if !server {
                fleet.server = None;
            }
            if failed_jobs {
                fleet.jobs = None;
                fleet.reports = vec![failed(Collector::Jobs, Stage::Query)];
            }
            if !up {
                fleet.master = None;
            }
            fleet
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// The parser refuses a series that stands twice, so this holds that too.
    #[test]
    fn any_fleet_becomes_a_page_that_parses(fleet in any_fleet(), series in 0_usize..400) {
        let shown = Arc::new(Fleet::from(&fleet));
        let limits = crate::config::Limits { series, ..*LIMITS };
        let text = parse(&page(&shown, &facts(), &limits, Format::Text004), false).map_err(TestCaseError::fail)?;
        let open = parse(&page(&shown, &facts(), &limits, Format::OpenMetrics100), true).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&text.samples, &open.samples);
    }

    #[test]
    fn names_come_back_as_they_were(fleet in any_fleet()) {
        let up = fleet.master.is_some();
        let shown = Arc::new(Fleet::from(&fleet));
        let parsed = parse(&page(&shown, &facts(), &LIMITS, Format::Text004), false).map_err(TestCaseError::fail)?;
        let found: BTreeSet<&str> = parsed.of("msx_target_enlisted").map(|(labels, _)| labels["target"].as_str()).collect();
        let expected: BTreeSet<&str> =
            fleet.targets.iter().filter(|_| up).map(|target| target.name.as_str()).collect();
        prop_assert_eq!(found, expected);
        for target in fleet.targets.iter().filter(|_| up) {
            let Some(row) = &target.enlisted else { continue };
            let groups: BTreeSet<&str> = parsed
                .of("msx_target_group_info")
                .filter(|(labels, _)| labels["target"] == target.name)
                .map(|(labels, _)| labels["group"].as_str())
                .collect();
            let expected: BTreeSet<&str> = row.groups.iter().map(String::as_str).collect();
            prop_assert_eq!(groups, if expected.is_empty() { BTreeSet::from([""]) } else { expected });
            let poll = parsed.value("msx_target_last_poll_timestamp_seconds", &[("target", &target.name)]).unwrap();
            prop_assert_eq!((poll * 1000.0).round() as i64, row.last_poll.as_millisecond());
        }
    }

    #[test]
    fn exactly_one_cause_holds(fleet in any_fleet()) {
        prop_assume!(fleet.master.is_some());
        let shown = Arc::new(Fleet::from(&fleet));
        let parsed = parse(&page(&shown, &facts(), &LIMITS, Format::Text004), false).map_err(TestCaseError::fail)?;
        let holding: BTreeSet<(&str, &str)> = parsed
            .of("msx_target_diagnosis")
            .filter(|(_, value)| *value == 1.0)
            .map(|(labels, _)| (labels["target"].as_str(), labels["cause"].as_str()))
            .collect();
        let expected: BTreeSet<(&str, &str)> =
            fleet.targets.iter().map(|target| (target.name.as_str(), target.diagnosis.cause.name())).collect();
        prop_assert_eq!(holding, expected);
        prop_assert_eq!(parsed.of("msx_target_diagnosis").count(), fleet.targets.len());
        let codes: BTreeSet<(&str, u64)> = parsed
            .of("msx_target_diagnosis_code")
            .map(|(labels, value)| (labels["target"].as_str(), value as u64))
            .collect();
        let expected: BTreeSet<(&str, u64)> = fleet
            .targets
            .iter()
            .map(|target| (target.name.as_str(), u64::from(target.diagnosis.cause.code())))
            .collect();
        prop_assert_eq!(codes, expected);
    }
}
