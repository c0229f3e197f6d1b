//! The documented tables and views, as data: columns, types, nullability, the version that brought them.
//!
//! Sources: Microsoft's reference pages (`relational-databases/system-tables/dbo-<table>-transact-sql`,
//! `system-catalog-views`, `system-dynamic-management-views`), and the DDL of `msdb` itself where the pages are wrong:
//! - `systargetservers.poll_interval` is printed as `poll_internal`; `time_zone_adjustment` is in minutes, not hours;
//!   `status` is a bit set (1 normal, 2 offline, 4 blocked).
//! - `sysdownloadlist.operation_code` goes up to 9 and "all jobs" is the GUID of zeros, not -1.
//! - `sysjobservers.last_outcome_message` is `nvarchar(4000)` since 2005.

use crate::wire::{Column, Type};

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
#[derive(Debug, Clone, Copy)]
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
    pub columns: &'static [ColumnDef],
}

impl TableDef {
    /// The schema.
    pub fn schema(&self) -> &'static str {
        if self.home == Home::Msdb { "dbo" } else { "sys" }
    }

    /// The column of this name, whatever its case.
    pub fn column(&self, name: &str) -> Option<&'static ColumnDef> {
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

const fn not_null(name: &'static str, ty: Type) -> ColumnDef {
    ColumnDef { name, ty, nullable: false, since: 2012 }
}

const fn null(name: &'static str, ty: Type) -> ColumnDef {
    ColumnDef { name, ty, nullable: true, since: 2012 }
}

const SYSNAME: Type = Type::NVarChar(Some(128));
const DESC: Type = Type::NVarChar(Some(60));

const fn dbo(name: &'static str, columns: &'static [ColumnDef]) -> TableDef {
    TableDef { name, home: Home::Msdb, needs: Needs::Select, since: 2012, columns }
}

const fn view(name: &'static str, home: Home, needs: Needs, columns: &'static [ColumnDef]) -> TableDef {
    TableDef { name, home, needs, since: 2012, columns }
}

/// Everything that this master knows.
pub static TABLES: &[TableDef] = &[
    dbo(
        "systargetservers",
        &[
            not_null("server_id", Type::Int),
            not_null("server_name", SYSNAME),
            null("location", Type::NVarChar(Some(200))),
            not_null("time_zone_adjustment", Type::Int),
            not_null("enlist_date", Type::DateTime),
            not_null("last_poll_date", Type::DateTime),
            not_null("status", Type::Int),
            not_null("local_time_at_last_poll", Type::DateTime),
            not_null("enlisted_by_nt_user", Type::NVarChar(Some(100))),
            not_null("poll_interval", Type::Int),
        ],
    ),
    dbo(
        "sysdownloadlist",
        &[
            not_null("instance_id", Type::Int),
            not_null("source_server", SYSNAME),
            not_null("operation_code", Type::TinyInt),
            not_null("object_type", Type::TinyInt),
            not_null("object_id", Type::UniqueIdentifier),
            not_null("target_server", SYSNAME),
            null("error_message", Type::NVarChar(Some(1024))),
            not_null("date_posted", Type::DateTime),
            null("date_downloaded", Type::DateTime),
            not_null("status", Type::TinyInt),
            null("deleted_object_name", SYSNAME),
        ],
    ),
    dbo("systargetservergroups", &[not_null("servergroup_id", Type::Int), not_null("name", SYSNAME)]),
    dbo("systargetservergroupmembers", &[not_null("servergroup_id", Type::Int), not_null("server_id", Type::Int)]),
    dbo(
        "sysjobservers",
        &[
            not_null("job_id", Type::UniqueIdentifier),
            not_null("server_id", Type::Int),
            not_null("last_run_outcome", Type::TinyInt),
            null("last_outcome_message", Type::NVarChar(Some(4000))),
            not_null("last_run_date", Type::Int),
            not_null("last_run_time", Type::Int),
            not_null("last_run_duration", Type::Int),
        ],
    ),
    dbo(
        "sysjobs",
        &[
            not_null("job_id", Type::UniqueIdentifier),
            not_null("originating_server_id", Type::Int),
            not_null("name", SYSNAME),
            not_null("enabled", Type::TinyInt),
            null("description", Type::NVarChar(Some(512))),
            not_null("start_step_id", Type::Int),
            not_null("category_id", Type::Int),
            not_null("owner_sid", Type::VarBinary(Some(85))),
            not_null("notify_level_eventlog", Type::Int),
            not_null("notify_level_email", Type::Int),
            not_null("notify_level_netsend", Type::Int),
            not_null("notify_level_page", Type::Int),
            not_null("notify_email_operator_id", Type::Int),
            not_null("notify_netsend_operator_id", Type::Int),
            not_null("notify_page_operator_id", Type::Int),
            not_null("delete_level", Type::Int),
            not_null("date_created", Type::DateTime),
            not_null("date_modified", Type::DateTime),
            not_null("version_number", Type::Int),
        ],
    ),
    dbo(
        "syscategories",
        &[
            not_null("category_id", Type::Int),
            not_null("category_class", Type::Int),
            not_null("category_type", Type::TinyInt),
            not_null("name", SYSNAME),
        ],
    ),
    dbo(
        "sysoperators",
        &[
            not_null("id", Type::Int),
            not_null("name", SYSNAME),
            not_null("enabled", Type::TinyInt),
            null("email_address", Type::NVarChar(Some(100))),
            not_null("last_email_date", Type::Int),
            not_null("last_email_time", Type::Int),
            null("pager_address", Type::NVarChar(Some(100))),
            not_null("last_pager_date", Type::Int),
            not_null("last_pager_time", Type::Int),
            not_null("weekday_pager_start_time", Type::Int),
            not_null("weekday_pager_end_time", Type::Int),
            not_null("saturday_pager_start_time", Type::Int),
            not_null("saturday_pager_end_time", Type::Int),
            not_null("sunday_pager_start_time", Type::Int),
            not_null("sunday_pager_end_time", Type::Int),
            not_null("pager_days", Type::TinyInt),
            null("netsend_address", Type::NVarChar(Some(100))),
            not_null("last_netsend_date", Type::Int),
            not_null("last_netsend_time", Type::Int),
            not_null("category_id", Type::Int),
        ],
    ),
    view(
        "databases",
        Home::Server,
        Needs::Nothing,
        &[
            not_null("name", SYSNAME),
            not_null("database_id", Type::Int),
            not_null("create_date", Type::DateTime),
            not_null("compatibility_level", Type::TinyInt),
            null("collation_name", SYSNAME),
            null("state", Type::TinyInt),
            null("state_desc", DESC),
            null("snapshot_isolation_state", Type::TinyInt),
            null("snapshot_isolation_state_desc", DESC),
            null("is_read_committed_snapshot_on", Type::Bit),
        ],
    ),
    view(
        "partitions",
        Home::EveryDatabase,
        Needs::Nothing,
        &[
            not_null("partition_id", Type::BigInt),
            not_null("object_id", Type::Int),
            not_null("index_id", Type::Int),
            not_null("partition_number", Type::Int),
            not_null("hobt_id", Type::BigInt),
            null("rows", Type::BigInt),
        ],
    ),
    view(
        "objects",
        Home::EveryDatabase,
        Needs::Nothing,
        &[
            not_null("name", SYSNAME),
            not_null("object_id", Type::Int),
            not_null("schema_id", Type::Int),
            null("type", Type::VarChar(Some(2))),
            null("type_desc", DESC),
            not_null("create_date", Type::DateTime),
        ],
    ),
    view(
        "database_principals",
        Home::EveryDatabase,
        Needs::Definition,
        &[
            not_null("name", SYSNAME),
            not_null("principal_id", Type::Int),
            not_null("type", Type::VarChar(Some(1))),
            null("type_desc", DESC),
            not_null("is_fixed_role", Type::Bit),
        ],
    ),
    view(
        "database_role_members",
        Home::EveryDatabase,
        Needs::Definition,
        &[not_null("role_principal_id", Type::Int), not_null("member_principal_id", Type::Int)],
    ),
    view(
        "dm_server_services",
        Home::Server,
        Needs::Security,
        &[
            not_null("servicename", Type::NVarChar(Some(256))),
            null("startup_type", Type::Int),
            not_null("startup_type_desc", Type::NVarChar(Some(256))),
            null("status", Type::Int),
            not_null("status_desc", Type::NVarChar(Some(256))),
            null("process_id", Type::Int),
            null("last_startup_time", Type::DateTimeOffset(7)),
            not_null("service_account", Type::NVarChar(Some(256))),
            not_null("filename", Type::NVarChar(Some(256))),
            not_null("is_clustered", Type::NVarChar(Some(1))),
            null("cluster_nodename", Type::NVarChar(Some(256))),
            ColumnDef { since: 2016, ..not_null("instant_file_initialization_enabled", Type::NVarChar(Some(1))) },
        ],
    ),
    view(
        "dm_tcp_listener_states",
        Home::Server,
        Needs::Security,
        &[
            not_null("listener_id", Type::Int),
            not_null("ip_address", Type::NVarChar(Some(48))),
            not_null("is_ipv4", Type::Bit),
            not_null("port", Type::Int),
            not_null("type", Type::TinyInt),
            not_null("type_desc", Type::NVarChar(Some(20))),
            not_null("state", Type::TinyInt),
            not_null("state_desc", Type::NVarChar(Some(16))),
            not_null("start_time", Type::DateTime),
        ],
    ),
    view(
        "availability_group_listeners",
        Home::Server,
        Needs::Nothing,
        &[
            not_null("group_id", Type::UniqueIdentifier),
            not_null("listener_id", Type::NVarChar(Some(36))),
            null("dns_name", Type::NVarChar(Some(63))),
            null("port", Type::Int),
            not_null("is_conformant", Type::Bit),
            null("ip_configuration_string_from_cluster", Type::NVarChar(None)),
        ],
    ),
    view(
        "availability_group_listener_ip_addresses",
        Home::Server,
        Needs::Nothing,
        &[
            not_null("listener_id", Type::NVarChar(Some(36))),
            null("ip_address", Type::NVarChar(Some(48))),
            null("ip_subnet_mask", Type::NVarChar(Some(15))),
            not_null("is_dhcp", Type::Bit),
            null("network_subnet_ip", Type::NVarChar(Some(48))),
            null("network_subnet_prefix_length", Type::Int),
            null("network_subnet_ipv4_mask", Type::NVarChar(Some(45))),
            null("state", Type::TinyInt),
            null("state_desc", DESC),
        ],
    ),
    view(
        "dm_os_cluster_nodes",
        Home::Server,
        Needs::Performance,
        &[
            not_null("NodeName", SYSNAME),
            not_null("status", Type::Int),
            null("status_description", Type::NVarChar(Some(20))),
            not_null("is_current_owner", Type::Bit),
        ],
    ),
    // Documented as not supported.
    view(
        "dm_os_ring_buffers",
        Home::Server,
        Needs::Performance,
        &[
            not_null("ring_buffer_address", Type::VarBinary(Some(8))),
            not_null("ring_buffer_type", DESC),
            not_null("timestamp", Type::BigInt),
            null("record", Type::NVarChar(None)),
            ColumnDef { since: 2025, ..not_null("ring_buffer_group", DESC) },
            ColumnDef { since: 2025, ..not_null("create_time", Type::DateTime2(7)) },
        ],
    ),
    view(
        "dm_exec_connections",
        Home::Server,
        Needs::Performance,
        &[
            null("session_id", Type::Int),
            not_null("connect_time", Type::DateTime),
            not_null("net_transport", Type::NVarChar(Some(40))),
            null("protocol_type", Type::NVarChar(Some(40))),
            not_null("encrypt_option", Type::NVarChar(Some(40))),
            not_null("auth_scheme", Type::NVarChar(Some(40))),
            null("client_net_address", Type::VarChar(Some(48))),
            null("local_tcp_port", Type::Int),
        ],
    ),
    // Without the right a login sees its own session alone, and no error.
    view(
        "dm_exec_sessions",
        Home::Server,
        Needs::Nothing,
        &[
            not_null("session_id", Type::SmallInt),
            not_null("login_time", Type::DateTime),
            null("host_name", SYSNAME),
            null("program_name", SYSNAME),
            not_null("login_name", SYSNAME),
            not_null("status", Type::NVarChar(Some(30))),
            not_null("is_user_process", Type::Bit),
            not_null("original_login_name", SYSNAME),
        ],
    ),
    view(
        "dm_exec_requests",
        Home::Server,
        Needs::Nothing,
        &[
            not_null("session_id", Type::SmallInt),
            not_null("start_time", Type::DateTime),
            not_null("status", Type::NVarChar(Some(30))),
            not_null("command", Type::NVarChar(Some(32))),
            null("blocking_session_id", Type::SmallInt),
            null("wait_type", DESC),
            not_null("wait_time", Type::Int),
        ],
    ),
    view(
        "dm_os_sys_info",
        Home::Server,
        Needs::Performance,
        &[
            not_null("cpu_ticks", Type::BigInt),
            not_null("ms_ticks", Type::BigInt),
            not_null("sqlserver_start_time_ms_ticks", Type::BigInt),
            not_null("sqlserver_start_time", Type::DateTime),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_whatever_their_case() {
        for (at, def) in TABLES.iter().enumerate() {
            let again = TABLES.iter().position(|t| t.name == def.name && t.schema() == def.schema());
            assert_eq!(again, Some(at), "{} stands twice", def.name);
            for column in def.columns {
                assert_eq!(def.columns.iter().filter(|c| c.name == column.name).count(), 1, "{}", column.name);
            }
        }
        let targets = table("DBO", "SysTargetServers");
        assert!(targets.is_some_and(|t| t.column("POLL_INTERVAL").is_some() && t.column("poll_internal").is_none()));
        assert!(table("sys", "systargetservers").is_none());
    }

    #[test]
    fn a_version_has_only_its_own_columns() {
        let services = table("sys", "dm_server_services");
        assert_eq!(services.map(|t| t.columns_in(2014).len() + 1), services.map(|t| t.columns_in(2016).len()));
    }
}
