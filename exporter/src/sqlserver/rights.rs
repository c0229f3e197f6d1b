//! What a server is and what the login may read of it: asked once for each connection, never found out by trying.

use super::cells::{CellError, Positions};
use super::reading::Fault;
use super::statements::Set;
use crate::model::{Collector, Stage};
use tiberius::Row;

/// A right that a statement needs. The order is that of the columns in `capabilities.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    TargetServers,
    TargetServerGroups,
    TargetServerGroupMembers,
    DownloadList,
    Jobs,
    JobServers,
    OperatorName,
    ServerState,
    PerformanceState,
}

impl Right {
    const ALL: [Right; 9] = [
        Right::TargetServers,
        Right::TargetServerGroups,
        Right::TargetServerGroupMembers,
        Right::DownloadList,
        Right::Jobs,
        Right::JobServers,
        Right::OperatorName,
        Right::ServerState,
        Right::PerformanceState,
    ];

    /// Without these their collector reads nothing; without the others it leaves a fact out.
    pub(super) fn essential_for(self) -> &'static [Collector] {
        match self {
            Right::TargetServers | Right::TargetServerGroups | Right::TargetServerGroupMembers => &[Collector::Targets],
            Right::DownloadList => &[Collector::Downloads],
            Right::Jobs | Right::JobServers => &[Collector::Jobs],
            Right::OperatorName | Right::ServerState | Right::PerformanceState => &[],
        }
    }

    /// The collector that leaves a fact out without it.
    pub(super) fn helps(self) -> Option<Collector> {
        match self {
            Right::OperatorName | Right::ServerState => Some(Collector::Server),
            Right::PerformanceState => Some(Collector::Arrivals),
            _ => None,
        }
    }

    /// The statement that gives it, without the name of the login.
    pub(super) fn grant(self, major_version: u32, msdb: &str) -> String {
        let table = |name: &str| format!("USE {}; GRANT SELECT ON dbo.{name} TO <user>", bracketed(msdb));
        match self {
            Right::TargetServers => table("systargetservers"),
            Right::TargetServerGroups => table("systargetservergroups"),
            Right::TargetServerGroupMembers => table("systargetservergroupmembers"),
            Right::DownloadList => table("sysdownloadlist"),
            Right::Jobs => table("sysjobs"),
            Right::JobServers => table("sysjobservers"),
            Right::OperatorName => table("sysoperators (name)"),
            Right::ServerState => format!("USE master; GRANT {} TO <login>", server_state(major_version)),
            Right::PerformanceState => format!("USE master; GRANT {} TO <login>", performance_state(major_version)),
        }
    }
}

/// What `sys.dm_server_services` asks for: split off in SQL Server 2022 (major version 16).
pub(super) fn server_state(major_version: u32) -> &'static str {
    if major_version >= 16 { "VIEW SERVER SECURITY STATE" } else { "VIEW SERVER STATE" }
}

/// What `sys.dm_os_ring_buffers` asks for, split off likewise.
pub(super) fn performance_state(major_version: u32) -> &'static str {
    if major_version >= 16 { "VIEW SERVER PERFORMANCE STATE" } else { "VIEW SERVER STATE" }
}

pub(super) fn bracketed(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        name.to_owned()
    } else {
        format!("[{}]", name.replace(']', "]]"))
    }
}

/// What this server is and what the login may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) server_name: String,
    pub(super) product_version: String,
    pub(super) edition: String,
    pub(super) auth_scheme: Option<String>,
    /// Whether the database is there and the login may enter it.
    pub(super) msdb: Msdb,
    held: Vec<Right>,
}

/// What is to be said of the database before any table of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Msdb {
    Readable,
    /// Not there, offline or being restored.
    Absent,
    /// The login is no user of it.
    Closed,
}

const COLUMNS: [&str; 16] = [
    "server_name",
    "product_version",
    "edition",
    "auth_scheme",
    "msdb_id",
    "msdb_access",
    "may_systargetservers",
    "may_systargetservergroups",
    "may_systargetservergroupmembers",
    "may_sysdownloadlist",
    "may_sysjobs",
    "may_sysjobservers",
    "may_sysoperators_name",
    "may_server_state",
    "may_server_security_state",
    "may_server_performance_state",
];

impl Capabilities {
    /// Reads the one row of `capabilities.sql`.
    pub(super) fn read(row: &Row) -> Result<Capabilities, CellError> {
        let columns: Vec<String> = row.columns().iter().map(|column| column.name().to_owned()).collect();
        let cells = Positions::locate(&COLUMNS, &columns)?.cells(row)?;
        let [server_name, version, edition, auth_scheme, msdb_id, msdb_access, rights @ ..] = cells;
        let mut granted = [false; 10];
        for (slot, cell) in granted.iter_mut().zip(rights) {
            *slot = cell.integer_or_null()? == Some(1);
        }
        let [tables @ .., state, security_state, performance_state] = granted;
        let product_version = version.text_or_null()?.unwrap_or_default();
        let split = major(&product_version) >= 16;
        let halves = [security_state, performance_state].map(|half| state || (split && half));
        let held = tables.into_iter().chain(halves).zip(Right::ALL);
        Ok(Capabilities {
            server_name: server_name.text_or_null()?.unwrap_or_default(),
            edition: edition.text_or_null()?.unwrap_or_default(),
            auth_scheme: auth_scheme.text_or_null()?,
            msdb: match (msdb_id.integer_or_null()?, msdb_access.integer_or_null()?) {
                (None, _) | (_, None) => Msdb::Absent,
                (_, Some(0)) => Msdb::Closed,
                _ => Msdb::Readable,
            },
            held: held.filter_map(|(holds, right)| holds.then_some(right)).collect(),
            product_version,
        })
    }

    /// Such as 16 for SQL Server 2022; 0 where the version cannot be read.
    pub(super) fn major_version(&self) -> u32 {
        major(&self.product_version)
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = Right> + '_ {
        Right::ALL.into_iter().filter(|right| !self.held.contains(right))
    }

    /// The rights without which a collector reads nothing, as far as they are missing.
    pub(super) fn missing_for(&self, collector: Collector) -> Vec<Right> {
        self.missing().filter(|right| right.essential_for().contains(&collector)).collect()
    }

    /// Whether a collector may read every fact that it knows how to read.
    /// Where there is no database, no right on its tables is missing.
    pub(super) fn complete_for(&self, collector: Collector) -> bool {
        let grantable =
            |right: &Right| self.msdb != Msdb::Absent || matches!(right, Right::ServerState | Right::PerformanceState);
        !self
            .missing()
            .filter(grantable)
            .any(|right| right.essential_for().contains(&collector) || right.helps() == Some(collector))
    }

    /// Why a collector is not even to be asked for: the database is missing, or a right.
    pub(super) fn refusal(&self, collector: Collector, msdb: &str) -> Option<Fault> {
        if matches!(collector, Collector::Server | Collector::Arrivals) {
            return None;
        }
        match self.msdb {
            Msdb::Absent => {
                let fault = Fault::new(Stage::Query, format!("there is no database {msdb} on this server"));
                Some(fault.with_hint("is this SQL Server's engine, and is master.msdb right?"))
            }
            Msdb::Closed => {
                let fault = Fault::new(Stage::Permission, format!("the login may not enter database {msdb}"));
                Some(fault.with_hint("`msx_exporter grants` prints what is missing; or the database is being restored"))
            }
            Msdb::Readable => {
                let missing = self.missing_for(collector);
                let grants: Vec<String> = missing.iter().map(|right| right.grant(self.major_version(), msdb)).collect();
                (!missing.is_empty()).then(|| {
                    Fault::new(Stage::Permission, format!("collector {} lacks a right", collector.name()))
                        .with_hint(grants.join("; "))
                })
            }
        }
    }

    /// Whether a set can be asked for at all.
    pub(super) fn allows(&self, set: Set) -> bool {
        match set {
            Set::Agent => self.held.contains(&Right::ServerState),
            Set::Arrivals | Set::Connected => self.held.contains(&Right::PerformanceState),
            Set::Operator => self.msdb == Msdb::Readable && self.held.contains(&Right::OperatorName),
            _ => true,
        }
    }
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
impl Capabilities {
    pub(super) fn with_everything(product_version: &str) -> Capabilities {
        Capabilities {
            server_name: "MSX".to_owned(),
            product_version: product_version.to_owned(),
            edition: "Developer Edition".to_owned(),
            auth_scheme: Some("SQL".to_owned()),
            msdb: Msdb::Readable,
            held: Right::ALL.to_vec(),
        }
    }

    pub(super) fn without(mut self, right: Right) -> Capabilities {
        self.held.retain(|held| *held != right);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_table_switches_off_its_collector_alone() {
        let capabilities = Capabilities::with_everything("15.0.4430.1").without(Right::DownloadList);
        assert_eq!(capabilities.missing_for(Collector::Downloads), [Right::DownloadList]);
        for collector in [Collector::Targets, Collector::Server, Collector::Jobs] {
            assert!(capabilities.missing_for(collector).is_empty(), "{collector:?}");
        }
    }

    #[test]
    fn a_missing_right_to_see_the_agent_leaves_one_fact_out() {
        let capabilities = Capabilities::with_everything("15.0.4430.1").without(Right::ServerState);
        assert!(!capabilities.allows(Set::Agent));
        assert!(capabilities.allows(Set::Operator));
        assert!(capabilities.missing_for(Collector::Server).is_empty());
        assert!(!capabilities.complete_for(Collector::Server));
    }

    #[test]
    fn the_grant_fits_the_version() {
        assert_eq!(Right::ServerState.grant(15, "msdb"), "USE master; GRANT VIEW SERVER STATE TO <login>");
        assert_eq!(Right::ServerState.grant(16, "msdb"), "USE master; GRANT VIEW SERVER SECURITY STATE TO <login>");
        assert_eq!(Right::Jobs.grant(16, "my msdb"), "USE [my msdb]; GRANT SELECT ON dbo.sysjobs TO <user>");
    }
}
