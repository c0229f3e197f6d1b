//! Random download lists: what SQL aggregates and the exporter reads equals a count by hand over the same rows.

use crate::support::Site;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use msx_exporter::collectors::{DownloadRow, DownloadedRow};
use msx_exporter::model::{ErrorClass, Operation as Counted};
use msx_lab::msdb::{Instruction, Lab, Operation, Scenario};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::sync::Arc;

const NOW: DateTime = DateTime::constant(2026, 11, 22, 12, 0, 0, 0);

/// Texts of each class, in the order of the classes; the last ones fit none.
const TEXTS: [(ErrorClass, &str); 21] = [
    (
        ErrorClass::ProxyDisabled,
        "The job step requires a proxy account, however proxy matching is disabled on the target server.",
    ),
    (ErrorClass::ProxyDisabled, "PROXY MATCHING IS DISABLED, and a subsystem is named too"),
    (ErrorClass::ProxyMissing, "Proxy not found."),
    (ErrorClass::ProxyMissing, "The specified @proxy_name ('Nightly') does not exist."),
    (ErrorClass::Permission, "The EXECUTE permission was denied on the object 'sp_add_job'."),
    (ErrorClass::ObjectExists, "The specified @name ('Backup') already exists."),
    (ErrorClass::Subsystem, "The 'SSIS' subsystem failed to load."),
    (ErrorClass::Version, "The target server version is older."),
    (ErrorClass::Permission, "Die EXECUTE-Berechtigung wurde verweigert. [SQLSTATE 42000] (Fehler 229)"),
    (ErrorClass::Permission, "Msg 18456, Niveau 14 : échec de l'ouverture de session"),
    (ErrorClass::ObjectExists, "指定された @name は既に存在します。 [SQLSTATE 42000] (エラー 14261)"),
    (ErrorClass::ProxyMissing, "@proxy_name ('Nacht') ist nicht vorhanden. [SQLSTATE 42000] (Fehler 14262)"),
    (ErrorClass::Other, "@job_id ist nicht vorhanden. [SQLSTATE 42000] (Fehler 14262)"),
    (ErrorClass::Other, "[SQLSTATE 42000] (Error 22022)"),
    (ErrorClass::Other, "Msg 2290, rien"),
    (ErrorClass::Other, "does not exist: proxy"),
    (ErrorClass::Other, "proxy"),
    (ErrorClass::Other, ""),
    (ErrorClass::Other, " "),
    (ErrorClass::Other, "per\u{00AD}mission"),
    (ErrorClass::Other, "%"),
];
const NAMES: [&str; 6] = ["SQL01", "sql01", "Sql01", "SQL01\\PAYROLL", "СЕРВЕР-01", "O'BRIEN"];
const OPERATIONS: [Operation; 9] = [
    Operation::Insert,
    Operation::Update,
    Operation::Delete,
    Operation::Start,
    Operation::Stop,
    Operation::ReEnlist,
    Operation::Defect,
    Operation::SyncTime,
    Operation::SetPoll,
];

/// As the exporter counts them, by their code from 1 on.
const COUNTED: [Counted; 10] = Counted::ALL;

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    let error = proptest::option::weighted(0.3, 0..TEXTS.len());
    let one = (0..NAMES.len(), 0..OPERATIONS.len(), error, 0..3u8, 0..100_000i64, proptest::option::of(0..100_000i64));
    let one = one.prop_map(|(name, operation, error, status, posted, downloaded)| Instruction {
        operation: OPERATIONS[operation],
        object_id: [0; 16],
        target_server: NAMES[name].to_owned(),
        error_message: error.map(|at| TEXTS[at].1.to_owned()),
        date_posted: NOW - SignedDuration::from_secs(posted),
        date_downloaded: downloaded.map(|seconds| NOW - SignedDuration::from_secs(seconds)),
        status,
        deleted_object_name: None,
    });
    proptest::collection::vec(one, 0..60)
}

fn instant(at: DateTime) -> Timestamp {
    TimeZone::UTC.to_timestamp(at).unwrap()
}

/// Names that the server does not tell apart stand together, under any of their spellings.
fn key(name: &str, sensitive: bool) -> String {
    if sensitive { name.to_owned() } else { name.to_uppercase() }
}

type Waiting = BTreeMap<String, DownloadRow>;
type Taken = BTreeMap<String, (u64, Option<Timestamp>)>;

fn by_hand(rows: &[Instruction], sensitive: bool) -> (Waiting, Taken) {
    let (mut waiting, mut taken) = (Waiting::new(), Taken::new());
    for row in rows {
        let name = key(&row.target_server, sensitive);
        if row.status == 0 || row.error_message.is_some() {
            let entry = waiting.entry(name.clone()).or_default();
            entry.target.clone_from(&name);
            match &row.error_message {
                Some(text) => {
                    let class = TEXTS.iter().find(|(_, known)| known == text).unwrap().0;
                    entry.errors[class] += 1;
                }
                None => {
                    entry.pending[COUNTED[row.operation as usize - 1]] += 1;
                    let posted = instant(row.date_posted);
                    entry.oldest_pending = Some(entry.oldest_pending.map_or(posted, |oldest| oldest.min(posted)));
                }
            }
            if row.status == 0 {
                let counter = if row.operation == Operation::Defect {
                    &mut entry.defect_waiting
                } else {
                    &mut entry.other_waiting
                };
                *counter += 1;
            }
        }
        if row.status == 1 {
            let entry = taken.entry(name).or_default();
            entry.0 += 1;
            entry.1 = entry.1.max(row.date_downloaded.map(instant));
        }
    }
    (waiting, taken)
}

fn by_name<T>(rows: &[T], name: impl Fn(&T) -> String) -> BTreeMap<String, T>
where
    T: Clone,
{
    let found: BTreeMap<String, T> = rows.iter().map(|row| (name(row), row.clone())).collect();
    assert_eq!(found.len(), rows.len(), "a name stands twice");
    found
}

fn agree(sensitive: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let lab = Lab::scenario(Scenario::NoTargets).at("2026-11-22T12:00:00Z");
    let lab = if sensitive { lab.case_sensitive() } else { lab };
    let site = runtime.block_on(Site::start(Arc::new(lab.clone())));
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let result = runner.run(&instructions(), |rows| {
        lab.with(|fleet, _| {
            fleet.instructions = (1..).zip(rows.iter().cloned()).collect();
            fleet.downloads_changed += 1;
        });
        let reading = runtime.block_on(site.read_afresh());
        let downloads = reading.downloads.as_ref().unwrap().rows.as_ref().unwrap();
        let (waiting, taken) = by_hand(&rows, sensitive);
        let mut read: Vec<DownloadRow> = downloads.rows.clone();
        read.iter_mut().for_each(|row| row.target = key(&row.target, sensitive));
        prop_assert_eq!(by_name(&read, |row| row.target.clone()), waiting);
        let downloaded: &[DownloadedRow] = downloads.downloaded.as_deref().unwrap();
        let downloaded = by_name(downloaded, |row| key(&row.target, sensitive));
        let downloaded: Taken = downloaded.into_iter().map(|(name, row)| (name, (row.count, row.last))).collect();
        prop_assert_eq!(downloaded, taken);
        prop_assert_eq!(downloads.table_rows, Some(i64::try_from(rows.len()).unwrap()));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn any_download_list_is_counted_as_by_hand() {
    agree(false);
}

#[test]
fn any_download_list_is_counted_as_by_hand_where_case_matters() {
    agree(true);
}
