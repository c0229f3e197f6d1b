//! What may be named in a statement: the lab's tables and functions, and what only runbooks name.
//!
//! Sources: Microsoft's reference pages (`relational-databases/system-tables/dbo-<table>-transact-sql`,
//! `system-stored-procedures/<procedure>-transact-sql`), and the text of `msdb` where a page leaves something out.

use msx_lab::msdb::schema;
use msx_lab::tsql::functions;

/// The oldest version that is supported.
pub(crate) const FLOOR: u16 = 2012;

/// A table with the columns that may be named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// What reading it takes.
    pub(crate) needs: schema::Needs,
    more: &'static [&'static str],
    known: Option<&'static schema::TableDef>,
}

/// Columns that only runbooks name, of tables that the lab has or has not.
const MORE: [(&str, &str, &[&str]); 5] = [
    (
        "dbo",
        "sysjobhistory",
        &["instance_id", "job_id", "step_id", "step_name", "run_status", "run_date", "run_time", "message"],
    ),
    ("dbo", "restorehistory", &["restore_history_id", "restore_date", "destination_database_name", "user_name"]),
    ("dbo", "sysoriginatingservers", &["originating_server_id", "originating_server", "master_server"]),
    ("sys", "dm_exec_requests", &["session_id", "blocking_session_id", "wait_type", "wait_time", "command"]),
    ("sys", "databases", &["user_access_desc"]),
];

/// Procedures that runbooks call, with the parameters that they may name.
const PROCEDURES: [(&str, &[&str]); 7] = [
    ("sp_add_operator", &["name", "enabled", "email_address"]),
    ("sp_start_job", &["job_name", "job_id", "server_name", "step_name"]),
    ("sp_msx_enlist", &["msx_server_name", "location"]),
    ("sp_msx_defect", &["forced_defection"]),
    ("sp_resync_targetserver", &["server_name"]),
    ("sp_delete_targetserver", &["server_name", "clear_downloadlist", "post_defection"]),
    ("sp_sqlagent_notify", &["op_type", "job_id", "schedule_id", "alert_id", "action_type"]),
];

/// The table of this name.
pub(crate) fn table(schema: &str, name: &str) -> Option<Table> {
    let known = schema::table(schema, name).filter(|known| known.since <= FLOOR);
    let more = MORE.iter().find(|(s, t, _)| s.eq_ignore_ascii_case(schema) && t.eq_ignore_ascii_case(name));
    let name = known.map(|known| known.name).or(more.map(|(_, name, _)| *name))?;
    let needs = known.map_or(schema::Needs::Select, |known| known.needs);
    Some(Table { name, needs, more: more.map_or(&[], |(_, _, columns)| columns), known })
}

impl Table {
    /// Whether it has this column in a version.
    pub(crate) fn has(&self, column: &str, version: u16) -> bool {
        self.known.and_then(|known| known.column(column)).is_some_and(|column| column.since <= version)
            || self.more.iter().any(|more| more.eq_ignore_ascii_case(column))
    }
}

/// Why a call is not allowed in a version, if it is not.
pub(crate) fn call(name: &str, arguments: usize, version: u16) -> Result<(), String> {
    let function = functions::function(name).ok_or_else(|| format!("the function {name} is not on the list"))?;
    if function.since > version {
        return Err(format!("the function {name} came with {}, and {version} must understand this", function.since));
    }
    if !(function.fewest..=function.most).contains(&arguments) {
        return Err(format!("the function {name} does not take {arguments} arguments"));
    }
    Ok(())
}

/// Why a procedure with these parameters is not documented, if it is not.
pub(crate) fn procedure(name: &str, parameters: &[String]) -> Result<(), String> {
    let known = PROCEDURES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let (_, takes) = known.ok_or_else(|| format!("the procedure {name} is not on the list"))?;
    match parameters.iter().find(|parameter| !takes.contains(&parameter.as_str())) {
        Some(parameter) => Err(format!("the procedure {name} has no parameter @{parameter}")),
        None => Ok(()),
    }
}
