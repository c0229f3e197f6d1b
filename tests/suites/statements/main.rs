//! The static check of every statement that is shipped: what the exporter runs, the scripts that give it its rights,
//! and what the runbooks tell people to run. Nothing is run here; names are judged by what is documented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod documented;
mod names;
#[allow(dead_code)]
mod scripts;
#[path = "../support/mod.rs"]
mod support;
mod texts;
mod wire;

use msx_exporter::sqlserver::{Grantee, grant_files, grants_for, revocation};
use msx_lab::msdb::schema::Needs;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Texts of the files with this ending, by their name without it.
fn files(folder: &Path, ending: &str) -> BTreeMap<String, String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    wanted
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn shipped() -> BTreeMap<String, String> {
    let folders = ["exporter/src/sqlserver/sql", "exporter/src/collectors"].map(|folder| repository().join(folder));
    folders.iter().flat_map(|folder| files(folder, "sql")).collect()
}

#[test]
fn every_shipped_statement_reads_what_is_documented_and_says_what_it_needs() {
    let statements = shipped();
    assert!(statements.len() >= 14, "{:?}", statements.keys());
    for (name, text) in &statements {
        assert_eq!(check::shipped(name, text), Vec::<String>::new(), "{name}.sql");
    }
}

/// Changes one statement in one place and answers what the check says.
fn spoiled(name: &str, from: &str, to: &str) -> String {
    let text = &shipped()[name];
    assert!(text.contains(from), "{name}.sql has no {from:?}");
    check::shipped(name, &text.replacen(from, to, 1)).join("\n")
}

#[test]
fn the_check_finds_what_it_is_there_for() {
    for (name, from, to, found) in [
        ("targets", "t.poll_interval", "t.poll_internal", "the column t.poll_internal is not documented"),
        ("targets", "t.server_id <> 0", "server_idd <> 0", "the column server_idd is not documented"),
        (
            "targets",
            "msdb.dbo.systargetservers",
            "msdb.dbo.systargetserver",
            "the table msdb.dbo.systargetserver is not",
        ),
        ("targets", "msdb.dbo.systargetservers", "dbo.systargetservers", "the table dbo.systargetservers is not"),
        ("targets", "CAST(t.status AS int) AS status", "t.status AS status", "no CAST with a name"),
        ("targets", "CAST(t.status AS int) AS status", "CAST(t.status AS int)", "no CAST with a name"),
        ("targets", "CAST(t.status AS int) AS status", "TRY_CAST(t.status AS int) AS status", "no CAST with a name"),
        ("targets", "AS int) AS status", "AS integre) AS status", "integre is no type"),
        ("operator", "nvarchar(128)", "nvarchar", "NVARCHAR is no type"),
        ("clock", "SYSDATETIME()", "GETDATE() AT TIME ZONE 'UTC'", "the syntax is not on the list"),
        ("targets", "AS int) AS status", "AS int) AS location", "two columns are called location"),
        ("targets", "[set:targets]", "[set:target]", "the first column is not"),
        ("targets", "t.server_id <> 0", "t.server_id <> 0 FOR XML AUTO", "more than a plain SELECT"),
        ("targets", "\nFROM msdb", "\nINTO #kept FROM msdb", "SELECT … INTO writes"),
        ("targets", "AS t\n", "AS t WITH (TABLOCKX)\n", "is no plain table"),
        ("targets", "t.server_id <> 0;", "t.server_id <> 0; DELETE FROM msdb.dbo.sysjobs;", "2 statements"),
        ("targets", "SELECT CAST", "UPDATE x SET y = CAST", "UPDATE is neither SELECT nor SET"),
        ("targets", "Rights: ", "", "the head states no rights"),
        ("targets", "SELECT on systargetservers", "SELECT on sysjobs", "reads systargetservers, and the head does not"),
        ("targets", "SELECT on systargetservers", "none", "reads systargetservers, and the head does not"),
        ("jobs", "sysjobs and sysjobservers", "sysjobs, sysjobservers and syscategories", "asks for syscategories"),
        ("operator", "o.name = N'", "o.enabled = 1 AND o.name = N'", "the head says something else"),
        ("agent", "; from SQL Server 2022 VIEW SERVER SECURITY STATE", "", "the server permission stated"),
        ("agent", "s.filename)", "s.instant_file_initialization_enabled)", "not documented in 2012"),
        ("clock", "SYSDATETIME()", "CURRENT_TIMEZONE_ID()", "CURRENT_TIMEZONE_ID came with 2022"),
        ("clock", "SYSDATETIME()", "TRIM('a')", "TRIM came with 2017"),
        ("clock", "SYSDATETIME()", "SYSDATETIME(7)", "does not take 1 arguments"),
        ("clock", "SYSDATETIME()", "GREATEST(1, 2)", "GREATEST is not on the list"),
        ("download_rows", "dbo.sysdownloadlist'", "dbo.sysdownloads'", "the object Some(\"msdb.dbo.sysdownloads\")"),
        ("downloads", "d.date_posted,", "d.date_downloaded,", "the column r.date_posted is not documented"),
        ("downloads", "d.status = 0 OR", "r.status = 0 OR", "the column r.status is not documented"),
        ("capabilities", "N'name', N'COLUMN'", "N'nom', N'COLUMN'", "the column nom of sysoperators"),
        ("capabilities", "dbo.sysjobs'", "dbo.sysjob'", "is not documented"),
        ("doctor_listeners", "l.type = 0", "l.typ = 0", "the column l.typ is not documented"),
        ("arrivals", "VIEW SERVER PERFORMANCE", "VIEW SERVER SECURITY", "the server permission stated"),
        ("arrivals", "b.timestamp DESC", "b.ring_buffer_group DESC", "not documented in 2012"),
        ("doctor_members", "VIEW DEFINITION on the database", "none", "the server permission stated"),
        ("session", "SET NOCOUNT ON", "SET NOCOUNT OFF", "no SET of the session: SET NOCOUNT OFF"),
        ("session", "SET LOCK_TIMEOUT 500", "WAITFOR DELAY '1'", "no SET of the session: WAITFOR"),
    ] {
        let wrong = spoiled(name, from, to);
        assert!(wrong.contains(found), "{name}: {to:?} gives {wrong:?} and not {found:?}");
    }
}

/// The tables and columns that the statements read, and whether any needs a server permission.
fn read_by_statements() -> (BTreeMap<String, BTreeSet<String>>, bool) {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut state = false;
    for (_, text) in shipped().iter().filter(|(name, _)| *name != "session") {
        let names = check::resolved_names(text);
        state |= names.tables.iter().any(|table| table.needs == Needs::Security);
        for table in names.tables.iter().filter(|table| table.needs == Needs::Select) {
            read.entry(table.name.to_owned()).or_default().extend(names.columns[table.name].iter().cloned());
        }
    }
    (read, state)
}

#[test]
fn the_grants_are_for_what_is_read_and_for_nothing_else() {
    let given = scripts::script(&grants_for(&Grantee::default(), None), "msx_exporter");
    assert_eq!(given.wrong, Vec::<String>::new());
    let (read, state) = read_by_statements();
    assert!(state);
    assert_eq!(
        given.permissions,
        BTreeSet::from(
            ["VIEW SERVER STATE", "VIEW SERVER SECURITY STATE", "VIEW SERVER PERFORMANCE STATE"].map(str::to_owned)
        )
    );
    assert_eq!(given.tables.keys().collect::<Vec<_>>(), read.keys().collect::<Vec<_>>());
    for (table, columns) in given.tables.iter().filter(|(_, columns)| !columns.is_empty()) {
        assert_eq!(columns, &read[table], "{table}");
    }
    assert_eq!(given.tables["sysoperators"], BTreeSet::from(["name".to_owned()]), "operators have addresses");
    let taken = scripts::script(&revocation(&Grantee::default(), None), "msx_exporter");
    assert_eq!(taken.wrong, Vec::<String>::new());
    assert_eq!(taken.tables, given.tables);
}

#[test]
fn the_block_for_the_doctor_gives_what_its_statements_need_and_nothing_else() {
    let script = grants_for(&Grantee::default(), None);
    let given = scripts::doctor_block(&script, "msx_exporter");
    assert_eq!(given.wrong, Vec::<String>::new());
    assert!(given.tables.is_empty());
    let needs: BTreeSet<&str> = shipped()
        .iter()
        .filter(|(name, _)| name.starts_with("doctor"))
        .flat_map(|(_, text)| check::resolved_names(text).tables)
        .filter_map(|table| match table.needs {
            Needs::Definition => Some("VIEW DEFINITION"),
            // Blocks 2 and 3 give these.
            Needs::Performance | Needs::Nothing | Needs::Select | Needs::Security => None,
        })
        .collect();
    let given: BTreeSet<&str> =
        given.permissions.iter().map(String::as_str).filter(|permission| *permission != "VIEW SERVER STATE").collect();
    assert_eq!(given, needs);
}

#[test]
fn each_file_of_deploy_sql_gives_or_takes_these_rights_and_no_others() {
    let (read, _) = read_by_statements();
    for file in grant_files() {
        let login = file.principal.placeholder();
        let found = scripts::script(&file.text, login);
        assert_eq!(found.wrong, Vec::<String>::new(), "{}", file.path);
        assert_eq!(found.tables.keys().collect::<Vec<_>>(), read.keys().collect::<Vec<_>>(), "{}", file.path);
        let mut permissions = found.permissions;
        if !file.revokes {
            let block = scripts::doctor_block(&file.text, login);
            assert_eq!((block.wrong, block.tables.len()), (Vec::new(), 0), "{}", file.path);
            permissions.extend(block.permissions);
        }
        // What was given before an upgrade to 2022 is taken as well.
        let kept = |permission: &&str| file.year < 2022 || file.revokes || *permission != "VIEW SERVER STATE";
        let newer = ["VIEW SERVER PERFORMANCE STATE", "VIEW SERVER SECURITY STATE"];
        let newer = newer.into_iter().filter(|_| file.year >= 2022);
        let wanted = ["VIEW DEFINITION", "VIEW SERVER STATE"].into_iter().filter(kept).chain(newer);
        assert_eq!(permissions, wanted.map(str::to_owned).collect::<BTreeSet<String>>(), "{}", file.path);
    }
}

#[test]
fn a_script_that_gives_more_is_found() {
    let script = grants_for(&Grantee::default(), None);
    for (from, to) in [
        ("GRANT SELECT ON dbo.sysjobs ", "GRANT UPDATE ON dbo.sysjobs "),
        ("USE msdb;\n", ""),
        ("dbo.sysoperators (name)", "dbo.sysoperators (nom)"),
        ("dbo.sysdownloadlist", "dbo.sysdownloads"),
        ("GRANT SELECT ON dbo.sysjobs TO", "GRANT SELECT TO"),
        (
            "GRANT SELECT ON dbo.sysjobs TO",
            "EXEC sp_addrolemember N'TargetServersRole', N'msx_exporter'; GRANT SELECT ON dbo.sysjobs TO",
        ),
        ("GRANT VIEW SERVER STATE", "GRANT CONTROL SERVER"),
        (
            "DEFAULT_DATABASE = master, CHECK",
            "DEFAULT_DATABASE = master; ALTER SERVER ROLE sysadmin ADD MEMBER x; SET CHECK",
        ),
    ] {
        assert!(script.contains(from), "{from}");
        let given = scripts::script(&script.replacen(from, to, 1), "msx_exporter");
        assert!(!given.wrong.is_empty(), "{to:?} was not found");
    }
}

/// The ```sql blocks of a text.
fn blocks(text: &str) -> Vec<String> {
    let fences = text.split("```sql\n").skip(1);
    fences.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// The texts of the product in files of these endings, by their path: what people read of it, and what it says itself.
fn product(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let folders = ["exporter", "alerts", "deploy", "dashboards"].map(|folder| repository().join(folder));
    let mut left: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
    left.extend(fs::read_dir(repository()).unwrap().map(|e| e.unwrap().path()).filter(|path| path.is_file()));
    while let Some(path) = left.pop() {
        if path.is_symlink() {
            // The chart links to what is read where it lives.
            continue;
        }
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn every_statement_of_a_document_names_what_the_oldest_version_has() {
    let mut found = 0;
    for (path, text) in product(&["md"]) {
        for block in blocks(&text) {
            found += 1;
            assert_eq!(texts::batch(&block, documented::FLOOR), Vec::<String>::new(), "{}:\n{block}", path.display());
        }
    }
    assert!(found > 0);
}

#[test]
fn the_scripts_about_a_silent_target_name_what_the_oldest_version_has() {
    let scripts = files(&repository().join("deploy/sql/silence"), "sql");
    assert!(scripts.len() >= 3, "{:?}", scripts.keys());
    for (name, text) in &scripts {
        assert_eq!(texts::batch(text, documented::FLOOR), Vec::<String>::new(), "{name}.sql");
    }
    for (name, from, to, found) in [
        ("on-master", "last_poll_date FROM", "last_poll FROM", "the column last_poll"),
        ("on-master", "UPPER(@target));", "UPPER(@targets));", "@targets is not on the list"),
        ("on-master", "NULL, @since,", "NULL, @sinces,", "@sinces is not declared"),
        ("on-master", "xp_readerrorlog 0", "xp_readerrorlogs 0", "the procedure xp_readerrorlogs"),
        ("on-master", "LOGINPROPERTY(name, 'IsLocked')", "LOGINPROPERTY(name)", "does not take 1 arguments"),
        ("on-target", "@op_type = N'P'", "@op = N'P'", "no parameter @op"),
        ("on-target", "DECLARE @master nvarchar(256), @option int;", "DECLARE @option int;", "@master is not declared"),
        ("record-logins", "sqlserver.client_hostname,", "sqlserver.client_host,", "no sqlserver.client_host"),
        ("record-logins", "e.n.value('@name'", "e.m.value('@name'", "the column E.M"),
        ("record-logins", "x.data.nodes", "x.datum.nodes", "the function x.datum.nodes"),
        ("record-logins", "t.target_data", "t.target_date", "the column t.target_date"),
    ] {
        assert!(scripts[name].contains(from), "{name}.sql has no {from:?}");
        let wrong = texts::batch(&scripts[name].replacen(from, to, 1), documented::FLOOR).join("\n");
        assert!(wrong.contains(found), "{name}: {to:?} gives {wrong:?} and not {found:?}");
    }
}

#[test]
fn every_name_of_msdb_in_a_text_of_the_product_is_in_the_models() {
    let texts = product(&["md", "rs", "html", "yaml", "yml", "json", "ps1", "sql"]);
    assert!(texts.iter().any(|(_, text)| text.contains("sp_resync_targetserver")));
    let wrong = texts.iter().flat_map(|(path, text)| {
        texts::unknown(text).into_iter().map(move |wrong| format!("{}: {wrong}", path.display()))
    });
    assert_eq!(wrong.collect::<Vec<String>>().join("\n"), "");
}

#[test]
fn the_fixture_makes_the_tables_of_the_models() {
    let text = fs::read_to_string(repository().join("tests/sql/fixture.sql")).unwrap();
    assert_eq!(texts::fixture(&text), Vec::<String>::new());
    for (from, to, found) in [
        ("poll_interval int NOT NULL", "poll_internal int NOT NULL", "poll_internal"),
        ("poll_interval int NOT NULL", "poll_interval bigint NOT NULL", "BigInt"),
        ("date_downloaded datetime NULL", "date_downloaded datetime NOT NULL", "dbo.sysdownloadlist is"),
        ("CREATE TABLE dbo.sysjobs ", "CREATE TABLE dbo.sysjob ", "no table dbo.sysjob"),
        ("INSERT INTO dbo.sysoperators (id,", "INSERT INTO dbo.sysoperators (nr,", "the column nr"),
        ("DELETE FROM dbo.sysjobs;", "DELETE dbo.sysjobs FROM;", "sql parser error"),
    ] {
        let wrong = texts::fixture(&text.replacen(from, to, 1)).join("\n");
        assert!(wrong.contains(found), "{to}: {wrong:?}");
    }
}

#[test]
fn a_slip_in_a_document_is_found() {
    for (block, found) in [
        ("SELECT server_nam FROM msdb.dbo.systargetservers;", "the column server_nam"),
        ("SELECT server_name FROM systargetservers;", "the table systargetservers"),
        ("SELECT is_ledger_on FROM sys.databases;", "the column is_ledger_on is not documented in 2012"),
        ("SELECT permission FROM sys.fn_my_permissions(NULL, N'SERVER');", "the column permission"),
        ("SELECT * FROM sys.fn_permissions(NULL, N'SERVER');", "the function sys.fn_permissions"),
        ("DELETE FROM msdb.dbo.sysdownloadlist WHERE id = 1;", "the column id"),
        ("EXEC msdb.dbo.sp_start_jobs @job_name = N'x';", "the procedure sp_start_jobs"),
        ("EXEC msdb.dbo.sp_start_job @job = N'x';", "no parameter @job"),
        ("EXEC sp_start_job @job_name = N'x';", "not named in full"),
        ("TRUNCATE TABLE msdb.dbo.sysdownloadlist;", "TRUNCATE is neither"),
        ("USE master;", "USE is neither"),
        ("SELECT FROM WHERE", "Expected"),
    ] {
        let wrong = texts::batch(block, documented::FLOOR).join("\n");
        assert!(wrong.contains(found), "{block}: {wrong:?}");
    }
    let fine = "SELECT t.server_name FROM msdb.dbo.systargetservers AS t ORDER BY t.last_poll_date;\n\
                EXEC msdb.dbo.sp_msx_defect @forced_defection = 1;";
    assert_eq!(texts::batch(fine, documented::FLOOR), Vec::<String>::new());
    assert_eq!(texts::batch("SELECT is_ledger_on FROM sys.databases;", 2022), Vec::<String>::new());
    assert_eq!(blocks("a\n```sql\nSELECT 1;\n```\nb\n```sql\nSELECT 2;\n```\n"), ["SELECT 1;\n", "SELECT 2;\n"]);
    for (text, found) in [
        ("Run `sp_msx_enlists` there.", "sp_msx_enlists"),
        ("read msdb.dbo.sysdownloads", "msdb.dbo.sysdownloads"),
        ("see sys.dm_server_service", "sys.dm_server_service"),
        ("`systargetservers.poll_internal` is printed", "systargetservers.poll_internal"),
        ("sys.databases.is_ledger_on", "sys.databases.is_ledger_on"),
        ("run sp_delete_targetserver with\n@post_defect = 0", "@post_defect of sp_delete_targetserver"),
    ] {
        assert!(texts::unknown(text).join("\n").contains(found), "{text}");
    }
    let fine =
        "sp_delete_targetserver @post_defection = 0, systargetservers.status, sys.databases.state.\nmail@example.com";
    assert_eq!(texts::unknown(fine), Vec::<String>::new());
}
