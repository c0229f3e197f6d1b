//! SQL Server 2012 to 2025: the same facts from each, and what a version lacks is left out.

use crate::support::Site;
use jiff::SignedDuration;
use msx_exporter::collectors::{Reading, TargetRow};
use msx_lab::msdb::{Lab, Scenario};
use std::sync::Arc;

const VERSIONS: [(u16, &str); 7] =
    [(2012, "11."), (2014, "12."), (2016, "13."), (2017, "14."), (2019, "15."), (2022, "16."), (2025, "17.")];

async fn read(lab: Lab) -> Arc<Reading> {
    Site::start(Arc::new(lab)).await.read().await
}

/// In a zone that no machine which runs these tests is in: only the server itself can tell it.
fn kolkata(version: u16) -> Lab {
    Lab::scenario(Scenario::Everything).version(version).zone("Asia/Kolkata").at("2026-11-22T12:00:00Z")
}

#[tokio::test]
async fn every_version_tells_the_same() {
    let first = read(kolkata(2012)).await;
    let rows = |reading: &Reading| {
        let targets = reading.targets.as_ref().unwrap().rows.as_ref().unwrap().rows.clone();
        let downloads = reading.downloads.as_ref().unwrap().rows.clone();
        (targets, downloads, reading.jobs.as_ref().unwrap().rows.clone())
    };
    for (version, number) in VERSIONS {
        let reading = read(kolkata(version)).await;
        for report in reading.reports() {
            assert!(report.success() && report.permission, "{version}: {report:?}");
        }
        assert_eq!(rows(&reading), rows(&first), "{version}");
        let targets = reading.targets.as_ref().unwrap().rows.as_ref().unwrap();
        assert_eq!((targets.rows.len(), targets.clock.zone_known), (23, version >= 2022), "{version}");
        let server = reading.server.as_ref().unwrap().rows.as_ref().unwrap();
        assert!(server.version.starts_with(number), "{version}: {}", server.version);
        assert_eq!((server.agent_running, server.operator_present), (Some(true), Some(true)), "{version}");
    }
}

#[tokio::test]
async fn what_the_login_may_not_see_is_left_out_in_every_version() {
    for (version, _) in VERSIONS {
        let lab = kolkata(version);
        lab.revoke("VIEW SERVER STATE");
        lab.revoke("sysoperators(name)");
        let reading = read(lab.clone()).await;
        assert!(reading.reports().all(|report| report.success()), "{version}: {reading:?}");
        let server = reading.server.as_ref().unwrap();
        assert!(!server.report.permission, "{version}");
        let facts = server.rows.as_ref().unwrap();
        assert_eq!((facts.agent_running, facts.operator_present), (None, None), "{version}");
        // From 2022 on the half of the permission that is needed is enough; before, nobody knows it.
        lab.grant("VIEW SERVER SECURITY STATE");
        let facts = read(lab).await.server.as_ref().unwrap().rows.clone().unwrap();
        assert_eq!(facts.agent_running, (version >= 2022).then_some(true), "{version}");
    }
}

#[tokio::test]
async fn an_agent_that_stands_and_an_operator_that_is_missing_are_facts() {
    for (version, _) in VERSIONS {
        let lab = kolkata(version);
        lab.agent_running(false);
        lab.operator(false);
        let reading = read(lab).await;
        let server = reading.server.as_ref().unwrap().rows.as_ref().unwrap();
        assert_eq!((server.agent_running, server.operator_present), (Some(false), Some(false)), "{version}");
    }
}

#[tokio::test]
async fn who_enlisted_it_is_sent_of_each_target_that_is_silent_and_of_no_other() {
    let reading = read(kolkata(2019)).await;
    let targets = reading.targets.as_ref().unwrap().rows.as_ref().unwrap();
    let silent = |row: &TargetRow| {
        let age = targets.clock.now.duration_since(row.last_poll);
        age.is_negative() || age > SignedDuration::try_from(row.patience()).unwrap()
    };
    let (silent, polling): (Vec<_>, Vec<_>) = targets.rows.iter().partition(|row| silent(row));
    assert!(silent.len() > 3 && polling.len() > 3, "{} and {}", silent.len(), polling.len());
    assert!(silent.iter().all(|row| row.enlisted_by.as_deref() == Some("CORP\\svc_agent")), "{silent:?}");
    assert!(polling.iter().all(|row| row.enlisted_by.is_none()), "{polling:?}");
}
