//! The tables and views that this master plays: what `models` says of them, and what reading them takes.
//!
//! Sources of the rights: Microsoft's reference pages (`relational-databases/system-catalog-views`,
//! `system-dynamic-management-views`). Where the pages of the tables are wrong, the models hold:
//! - `systargetservers.poll_interval` is printed as `poll_internal`; `time_zone_adjustment` is in minutes, not hours;
//!   `status` is a bit set (1 normal, 2 offline, 4 blocked).
//! - `sysdownloadlist.operation_code` goes up to 9 and "all jobs" is the GUID of zeros, not -1.
//! - `sysjobservers.last_outcome_message` is `nvarchar(4000)` since 2005.

use super::models;
use crate::wire::{Column, Type};
use std::sync::LazyLock;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct ColumnDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The first version that has it, as the year in its name.
    pub since: u16,
}

/// Where a table lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// `msdb.dbo`.
    Msdb,
    /// `sys` in every database, about that database.
    EveryDatabase,
    /// `sys` in every database, about the server.
    Server,
}

/// What reading it takes, besides being connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// SELECT on the object.
    Select,
    /// Nothing; rows that the login may not see are left out.
    Nothing,
    /// VIEW DEFINITION on the database; without it rows about others are left out.
    Definition,
    /// VIEW SERVER STATE; from 2022 VIEW SERVER PERFORMANCE STATE.
    Performance,
    /// VIEW SERVER STATE; from 2022 VIEW SERVER SECURITY STATE.
    Security,
}

/// A table or view.
#[derive(Debug, Clone)]
pub struct TableDef {
    /// Its name.
    pub name: &'static str,
    /// Where it lives.
    pub home: Home,
    /// What reading it takes.
    pub needs: Needs,
    /// The first version that has it. 2012 stands for "at least since 2012".
    pub since: u16,
    /// Its columns, in order.
    pub columns: Vec<ColumnDef>,
}

impl TableDef {
    /// The schema.
    pub fn schema(&self) -> &'static str {
        if self.home == Home::Msdb { "dbo" } else { "sys" }
    }

    /// The column of this name, whatever its case.
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The columns that a version has, as a result set describes them.
    pub fn columns_in(&self, version: u16) -> Vec<Column> {
        let had = self.columns.iter().filter(|column| column.since <= version);
        had.map(|c| Column { name: c.name.to_owned(), ty: c.ty, nullable: c.nullable }).collect()
    }
}

/// The table of this name in `dbo` (of msdb) or `sys`, whatever its case.
pub fn table(schema: &str, name: &str) -> Option<&'static TableDef> {
    TABLES.iter().find(|t| t.schema().eq_ignore_ascii_case(schema) && t.name.eq_ignore_ascii_case(name))
}

use Home::{EveryDatabase, Msdb, Server};
use Needs::{Definition, Nothing, Performance, Security, Select};

/// What this master plays of it. Of a view it has the columns that models.txt gives a type; the others are known, and an
/// error here.
const PLAYED: [(&str, Home, Needs); 26] = [
    ("systargetservers", Msdb, Select),
    ("sysdownloadlist", Msdb, Select),
    ("systargetservergroups", Msdb, Select),
    ("systargetservergroupmembers", Msdb, Select),
    ("sysjobservers", Msdb, Select),
    ("sysjobs", Msdb, Select),
    ("syscategories", Msdb, Select),
    ("sysoperators", Msdb, Select),
    ("databases", Server, Nothing),
    ("partitions", EveryDatabase, Nothing),
    ("objects", EveryDatabase, Nothing),
    ("database_principals", EveryDatabase, Definition),
    ("database_role_members", EveryDatabase, Definition),
    ("dm_server_services", Server, Security),
    ("dm_tcp_listener_states", Server, Security),
    ("availability_group_listeners", Server, Nothing),
    ("availability_group_listener_ip_addresses", Server, Nothing),
    ("dm_os_cluster_nodes", Server, Performance),
    // Documented as not supported.
    ("dm_os_ring_buffers", Server, Performance),
    ("dm_exec_connections", Server, Performance),
    // Without the right a login sees its own session alone, and no error.
    ("dm_exec_sessions", Server, Nothing),
    ("dm_exec_requests", Server, Nothing),
    ("dm_os_sys_info", Server, Performance),
    ("dm_os_performance_counters", Server, Performance),
    ("dm_tran_locks", Server, Performance),
    ("dm_exec_procedure_stats", Server, Performance),
];

/// Everything that this master knows.
pub static TABLES: LazyLock<Vec<TableDef>> = LazyLock::new(|| {
    let played = PLAYED.iter().filter_map(|&(name, home, needs)| {
        let schema = if home == Msdb { "dbo" } else { "sys" };
        let object = models::object(schema, name)?;
        let columns = object.members.iter().filter_map(|column| {
            let ty = column.ty?;
            Some(ColumnDef { name: column.name, ty, nullable: column.nullable, since: column.since })
        });
        Some(TableDef { name, home, needs, since: object.since, columns: columns.collect() })
    });
    played.collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_whatever_their_case() {
        for (at, def) in TABLES.iter().enumerate() {
            let again = TABLES.iter().position(|t| t.name == def.name && t.schema() == def.schema());
            assert_eq!(again, Some(at), "{} stands twice", def.name);
            for column in &def.columns {
                assert_eq!(def.columns.iter().filter(|c| c.name == column.name).count(), 1, "{}", column.name);
            }
        }
        let targets = table("DBO", "SysTargetServers");
        assert!(targets.is_some_and(|t| t.column("POLL_INTERVAL").is_some() && t.column("poll_internal").is_none()));
        assert!(table("sys", "systargetservers").is_none());
    }

    #[test]
    fn everything_that_is_played_stands_in_the_models() {
        let found: Vec<&str> = TABLES.iter().filter(|t| !t.columns.is_empty()).map(|t| t.name).collect();
        assert_eq!(found, PLAYED.map(|(name, _, _)| name));
    }

    #[test]
    fn a_version_has_only_its_own_columns() {
        let services = table("sys", "dm_server_services");
        assert_eq!(services.map(|t| t.columns_in(2016).len() + 1), services.map(|t| t.columns_in(2017).len()));
    }
}
