//! How batches go on and end.

use super::*;
use crate::tsql::world::Mishap;
use crate::wire::ServerError;
use std::time::Duration;

const READ: &str = "SELECT server_id FROM msdb.dbo.systargetservers; SELECT CAST(@@ERROR AS int) AS error; SELECT 2";

#[test]
fn a_missing_right_ends_the_statement_only() {
    let lab = lab();
    lab.revoke("systargetservers");
    let replies = run(&lab, READ);
    assert_eq!(errors(&replies), [229]);
    assert_eq!(rows(&replies), [[Value::Int(229)], [Value::Int(2)]]);
    lab.grant("systargetservers(server_id)");
    assert_eq!(errors(&run(&lab, READ)), [0; 0]);
    assert_eq!(errors(&run(&lab, "SELECT server_name FROM msdb.dbo.systargetservers")), [230]);
    let answers = "SELECT HAS_PERMS_BY_NAME(N'msdb.dbo.systargetservers', N'OBJECT', N'SELECT'),
                   HAS_PERMS_BY_NAME(N'msdb.dbo.systargetservers', N'OBJECT', N'SELECT', N'server_id', N'COLUMN'),
                   HAS_PERMS_BY_NAME(N'msdb.dbo.nothing', N'OBJECT', N'SELECT'), HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER STATE')";
    assert_eq!(rows(&run(&lab, answers)), [[Value::Int(0), Value::Int(1), Value::Null, Value::Int(1)]]);
}

#[test]
fn server_state_is_a_right_of_its_own() {
    let lab = lab();
    let sql = "SELECT status FROM sys.dm_server_services WHERE UPPER(filename) LIKE N'%SQLAGENT%'";
    assert_eq!(rows(&run(&lab, sql)), [[Value::Int(4)]]);
    lab.revoke("view server state");
    assert_eq!(errors(&run(&lab, sql)), [300, 297]);
    lab.grant("view server security state");
    assert_eq!(errors(&run(&lab, sql)), [0; 0]);
    assert_eq!(errors(&run(&lab.clone().version(2019), sql)), [300, 297]);
}

#[test]
fn a_missing_object_ends_the_batch_when_its_turn_comes() {
    let lab = lab();
    lab.drop_table("sysjobs");
    let replies = run(&lab, "SELECT 1; SELECT 1 FROM msdb.dbo.sysjobs; SELECT 2");
    assert_eq!((errors(&replies), rows(&replies)), (vec![208], vec![vec![Value::Int(1)]]));
    let replies = run(&lab, "SELECT 1; SELECT nothing FROM msdb.dbo.sysjobservers");
    assert_eq!((errors(&replies), rows(&replies).len()), (vec![207], 0), "207 is found before anything runs");
    let gone = lab.clone().msdb(None);
    assert_eq!(error(&gone, "SELECT 1 FROM msdb.dbo.systargetservers"), 208);
    assert_eq!(value(&gone, "DB_ID(N'msdb')"), Value::Null);
}

#[test]
fn errors_of_values_end_the_statement() {
    let replies = run(&lab(), "SELECT 1 / 0; SELECT CAST(@@ERROR AS int); SELECT CAST('x' AS int); SELECT 3");
    assert_eq!(errors(&replies), [8134, 245]);
    assert_eq!(rows(&replies), [[Value::Int(8134)], [Value::Int(3)]]);
    assert_eq!(errors(&run(&lab(), "SET XACT_ABORT ON; SELECT 1 / 0; SELECT 1 / 0")), [8134]);
}

#[test]
fn faults_strike_where_they_are_told_to() {
    let lab = lab();
    let fault = |after, number, abort| Mishap::Error { after, error: ServerError::new(number, 16, "x"), abort };
    lab.fault_once("systargetservers", fault(2, 601, false));
    let replies = run(&lab, READ);
    assert_eq!((errors(&replies), rows(&replies).len()), (vec![601], 4), "two rows, the closing row, the last set");
    assert_eq!(errors(&run(&lab, READ)), [0; 0], "it struck once");
    lab.fault("systargetservers", fault(1, 601, true));
    assert_eq!(rows(&run(&lab, READ)).len(), 1);
    lab.clear_faults();
    lab.fault("systargetservers", Mishap::Lock(Duration::from_secs(5)));
    let replies = run(&lab, &format!("SET LOCK_TIMEOUT 500; {READ}"));
    assert_eq!(errors(&replies), [1222]);
    assert!(replies.contains(&Reply::Wait(Duration::from_millis(500))));
    lab.clear_faults();
    lab.fault("systargetservers", fault(1, 1205, false));
    assert_eq!(rows(&run(&lab, &format!("BEGIN TRAN; {READ}"))).len(), 1, "a deadlock victim loses its batch");
    assert_eq!(value(&lab, "@@TRANCOUNT"), Value::Int(0));
}

#[test]
fn transactions_settings_and_branches() {
    let lab = lab();
    let sql = "BEGIN TRANSACTION; SELECT @@TRANCOUNT; IF @@TRANCOUNT > 0 COMMIT TRANSACTION; SELECT @@TRANCOUNT";
    assert_eq!(rows(&run(&lab, sql)), [[Value::Int(1)], [Value::Int(0)]]);
    assert_eq!(errors(&run(&lab, "COMMIT")), [3902]);
    assert_eq!(rows(&run(&lab, "IF 1 = 2 SELECT 1 ELSE BEGIN SELECT 2; SELECT 3 END")).len(), 2);
    let sql = "BEGIN TRY SELECT 1 / 0; SELECT 9 END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH";
    assert_eq!(rows(&run(&lab, sql)), [[Value::Int(8134)]]);
    let aggregate = "SELECT MAX(date_downloaded) FROM msdb.dbo.sysdownloadlist WHERE 1 = 0 SELECT SUM(x.n) FROM (VALUES (1), (NULL)) AS x(n) SELECT @@ERROR";
    assert_eq!(rows(&run(&lab, aggregate))[2], [Value::Int(8153)], "the warning stands in @@ERROR");
    assert_eq!(rows(&run(&lab, &format!("SET ANSI_WARNINGS OFF; {aggregate}")))[2], [Value::Int(0)]);
    let fussy = lab.clone().without_snapshot();
    assert_eq!(error(&fussy, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT 1 FROM msdb.dbo.sysjobs"), 3952);
}
