//! What really goes over the wire: every batch of the exporter, written down by the master that answers it.

use super::{check, scripts};
use crate::support::{self, Recorder};
use msx_exporter::sqlserver::{Grantee, ask_master, missing_grants};
use msx_lab::msdb::{Lab, Scenario};
use std::collections::BTreeSet;
use std::sync::Arc;

#[tokio::test]
async fn nothing_but_select_set_and_the_bracket_is_ever_sent() {
    for version in [2012, 2014, 2016, 2017, 2019, 2022, 2025] {
        let lab = Lab::scenario(Scenario::Everything).version(version).at("2026-11-22T12:00:00Z");
        let recorder = Arc::new(Recorder::new(lab));
        let site = support::Site::start(recorder.clone()).await;
        let reading = site.read().await;
        assert!(reading.reports().all(|report| report.fault.is_none()), "{version}: {reading:?}");
        let last = recorder.batches().pop().unwrap();
        assert!(last.starts_with("BEGIN TRANSACTION;\n") && last.ends_with("COMMIT TRANSACTION;\n"), "{last}");
        let server_id = reading.targets.as_ref().unwrap().rows.as_ref().unwrap().rows[0].server_id;
        let detail = site.target_detail(server_id).await.unwrap();
        assert!(detail.instructions.is_ok() && detail.messages.is_ok(), "{version}: {detail:?}");
        let batches = recorder.batches();
        assert!(
            batches.len() >= 5 && !batches.iter().any(|batch| batch.contains("server_id = -1")),
            "{version}: {batches:?}"
        );
        for batch in &batches {
            assert_eq!(check::sent(batch, version), Vec::<String>::new(), "{version}: {batch}");
        }
        assert_eq!(batches.iter().any(|batch| batch.contains("CURRENT_TIMEZONE_ID")), version >= 2022, "{version}");
    }
}

#[tokio::test]
async fn the_doctor_sends_nothing_else_either() {
    for version in [2012, 2019, 2022, 2025] {
        let lab = Lab::scenario(Scenario::Stopped).version(version);
        lab.grant("VIEW DEFINITION");
        let recorder = Arc::new(Recorder::new(lab));
        let site = support::Site::start(recorder.clone()).await;
        let reported = ask_master(&site.config.master).await.unwrap();
        assert!(reported.listeners.is_ok() && reported.members.is_ok(), "{version}: {reported:?}");
        let batches = recorder.batches();
        assert!(batches.iter().any(|batch| batch.contains("database_role_members")), "{version}: {batches:?}");
        for batch in &batches {
            assert_eq!(check::sent(batch, version), Vec::<String>::new(), "{version}: {batch}");
        }
    }
}

#[tokio::test]
async fn where_snapshot_is_not_allowed_another_level_is_set_and_nothing_else_changes() {
    let recorder = Arc::new(Recorder::new(Lab::scenario(Scenario::Healthy).without_snapshot()));
    let site = support::Site::start(recorder.clone()).await;
    let reading = site.read().await;
    assert!(reading.reports().all(|report| report.fault.is_none()), "{reading:?}");
    let batches = recorder.batches();
    assert!(batches.iter().any(|batch| batch == "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;"), "{batches:?}");
    for batch in &batches {
        assert_eq!(check::sent(batch, 2022), Vec::<String>::new(), "{batch}");
    }
}

#[tokio::test]
async fn a_script_for_one_master_gives_what_is_missing_there_in_the_right_database() {
    for version in [2019, 2022] {
        let state: &[&str] = match version {
            2019 => &["VIEW SERVER STATE"],
            _ => &["VIEW SERVER PERFORMANCE STATE", "VIEW SERVER SECURITY STATE"],
        };
        for right in
            ["systargetservers", "sysjobservers", "sysdownloadlist", "sysoperators(name)", "VIEW SERVER STATE", ""]
        {
            let lab = Lab::scenario(Scenario::Healthy).version(version);
            lab.revoke(right);
            let site = support::Site::start(Arc::new(lab)).await;
            let text = missing_grants(&site.config, &Grantee::from_config(&site.config)).await.unwrap();
            let given = scripts::script(&text, "msx_exporter");
            assert_eq!(given.wrong, Vec::<String>::new(), "{version}, {right}:\n{text}");
            let tables: BTreeSet<&str> = given.tables.keys().map(String::as_str).collect();
            let permissions: BTreeSet<&str> = given.permissions.iter().map(String::as_str).collect();
            let table = right.split('(').next().filter(|name| name.starts_with("sys"));
            assert_eq!(tables, table.into_iter().collect(), "{version}, {right}:\n{text}");
            let missing = if right == "VIEW SERVER STATE" { state } else { &[] };
            assert_eq!(permissions, missing.iter().copied().collect(), "{version}, {right}:\n{text}");
        }
    }
}
