//! What a server is and what the login may read there: asked once for each connection, never found out by a failing
//! statement.

use super::cells::{CellError, Cells, Positions};
use super::error::ReadError;
use crate::model::{Collector, Stage, canonical};
use std::net::IpAddr;
use tiberius::Row;

/// A right that a statement needs. The order is that of the columns in `capabilities.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
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

    /// The statement that grants it, without the name of the login.
    pub(crate) fn grant(self, major_version: u32, msdb: &str) -> String {
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

    /// What it costs not to have it.
    fn not_seen(self) -> &'static str {
        match self {
            Right::TargetServers | Right::TargetServerGroups | Right::TargetServerGroupMembers => "the targets",
            Right::DownloadList => "instructions that wait or failed",
            Right::Jobs | Right::JobServers => "jobs and their outcomes",
            Right::OperatorName => "whether MSXOperator is there",
            Right::ServerState => "whether SQL Server Agent runs on the master",
            Right::PerformanceState => "what the master remembers of a silent target",
        }
    }
}

/// A right that the login lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRight {
    /// What is not seen without it.
    pub not_seen: &'static str,
    /// The statement that grants it, without the name of the login.
    pub grant: String,
}

/// The rights that a collector needs.
#[derive(Debug)]
pub(crate) struct Needs {
    pub(crate) collector: Collector,
    /// Without these it reads nothing.
    pub(crate) essential: &'static [Right],
    /// Without these it leaves facts out.
    pub(crate) helpful: &'static [Right],
}

impl Needs {
    pub(crate) fn include(&self, right: Right) -> bool {
        self.essential.contains(&right) || self.helpful.contains(&right)
    }
}

/// The permission that `sys.dm_server_services` needs: split off in SQL Server 2022 (major version 16).
pub(crate) fn server_state(major_version: u32) -> &'static str {
    if major_version >= 16 { "VIEW SERVER SECURITY STATE" } else { "VIEW SERVER STATE" }
}

/// The permission that `sys.dm_os_ring_buffers` needs, split off in the same version.
pub(crate) fn performance_state(major_version: u32) -> &'static str {
    if major_version >= 16 { "VIEW SERVER PERFORMANCE STATE" } else { "VIEW SERVER STATE" }
}

pub(crate) fn bracketed(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        name.to_owned()
    } else {
        format!("[{}]", name.replace(']', "]]"))
    }
}

/// Where a server is and what it calls itself, as its own session sees it. None of it needs a right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// `@@SERVERNAME`: what `sp_addserver` last set. A renamed server keeps the old one.
    pub local_name: Option<String>,
    /// The computer that it runs on, such as the node of a cluster.
    pub node: Option<String>,
    /// The address of the server's end of our session.
    pub address: Option<IpAddr>,
    /// The port of that end.
    pub port: Option<i64>,
}

/// What this server is and what the login may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) server_name: String,
    pub(crate) product_version: String,
    pub(crate) edition: String,
    /// Whether the server takes one session at a time.
    pub(crate) single_user: bool,
    pub(crate) auth_scheme: Option<String>,
    pub(crate) place: Place,
    /// Whether the database is there and the login may enter it.
    pub(crate) msdb: Msdb,
    held: Vec<Right>,
}

/// The state of the database, which decides whether its tables can be asked for at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Msdb {
    Readable,
    /// Missing, offline or being restored.
    Absent,
    /// The login has no user in it.
    Closed,
}

const COLUMNS: [&str; 21] = [
    "server_name",
    "product_version",
    "edition",
    "single_user",
    "auth_scheme",
    "local_name",
    "node",
    "local_address",
    "local_port",
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
    pub(crate) fn read(row: &Row) -> Result<Capabilities, CellError> {
        let columns: Vec<String> = row.columns().iter().map(|column| column.name().to_owned()).collect();
        let cells = Positions::locate(&COLUMNS, &columns)?.cells(Cells::new(row))?;
        let [server_name, version, edition, single_user, auth_scheme, local_name, node, address, port, more @ ..] =
            cells;
        let [msdb_id, msdb_access, rights @ ..] = more;
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
            single_user: single_user.integer_or_null()? == Some(1),
            auth_scheme: auth_scheme.text_or_null()?,
            place: Place {
                local_name: local_name.text_or_null()?,
                node: node.text_or_null()?,
                address: address.text_or_null()?.as_deref().and_then(canonical),
                port: port.integer_or_null()?,
            },
            msdb: match (msdb_id.integer_or_null()?, msdb_access.integer_or_null()?) {
                (None, _) | (_, None) => Msdb::Absent,
                (_, Some(0)) => Msdb::Closed,
                _ => Msdb::Readable,
            },
            held: held.filter_map(|(holds, right)| holds.then_some(right)).collect(),
            product_version,
        })
    }

    /// The major version, such as 16 for SQL Server 2022; 0 where it cannot be parsed.
    pub(crate) fn major_version(&self) -> u32 {
        major(&self.product_version)
    }

    pub(crate) fn missing(&self) -> impl Iterator<Item = Right> + '_ {
        Right::ALL.into_iter().filter(|right| !self.held.contains(right))
    }

    /// Whether the login has a right.
    pub(crate) fn holds(&self, right: Right) -> bool {
        self.held.contains(&right)
    }

    /// The missing ones of the rights without which a collector reads nothing.
    fn missing_for(&self, needs: &Needs) -> Vec<Right> {
        self.missing().filter(|right| needs.essential.contains(right)).collect()
    }

    /// The rights without which a collector leaves facts out, or reads nothing. Where there is no database, no right on its
    /// tables is missing.
    pub(crate) fn missing_rights(&self, needs: &Needs, msdb: &str) -> Vec<MissingRight> {
        let grantable =
            |right: &Right| self.msdb != Msdb::Absent || matches!(right, Right::ServerState | Right::PerformanceState);
        let missing = self.missing().filter(grantable).filter(|right| needs.include(*right));
        let major = self.major_version();
        missing.map(|right| MissingRight { not_seen: right.not_seen(), grant: right.grant(major, msdb) }).collect()
    }

    /// Why a collector cannot be asked at all: the database or a right is missing.
    pub(crate) fn refusal(&self, needs: &Needs, msdb: &str) -> Option<ReadError> {
        if needs.essential.is_empty() {
            return None;
        }
        match self.msdb {
            Msdb::Absent => {
                let fault = ReadError::new(Stage::Query, format!("there is no database {msdb} on this server"));
                Some(fault.with_hint("is this SQL Server's engine, and is master.msdb right?"))
            }
            Msdb::Closed => {
                let fault = ReadError::new(Stage::Permission, format!("the login may not enter database {msdb}"));
                Some(fault.with_hint("`msx_exporter grants` prints what is missing; or the database is being restored"))
            }
            Msdb::Readable => {
                let missing = self.missing_for(needs);
                let grants: Vec<String> = missing.iter().map(|right| right.grant(self.major_version(), msdb)).collect();
                (!missing.is_empty()).then(|| {
                    ReadError::new(Stage::Permission, format!("collector {} lacks a right", needs.collector.name()))
                        .with_hint(grants.join("; "))
                })
            }
        }
    }
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
impl Capabilities {
    pub(crate) fn with_everything(product_version: &str) -> Capabilities {
        Capabilities {
            server_name: "MSX".to_owned(),
            product_version: product_version.to_owned(),
            edition: "Developer Edition".to_owned(),
            single_user: false,
            auth_scheme: Some("SQL".to_owned()),
            place: Place::default(),
            msdb: Msdb::Readable,
            held: Right::ALL.to_vec(),
        }
    }

    pub(crate) fn without(mut self, right: Right) -> Capabilities {
        self.held.retain(|held| *held != right);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_fits_the_version() {
        assert_eq!(Right::ServerState.grant(15, "msdb"), "USE master; GRANT VIEW SERVER STATE TO <login>");
        assert_eq!(Right::ServerState.grant(16, "msdb"), "USE master; GRANT VIEW SERVER SECURITY STATE TO <login>");
        assert_eq!(Right::Jobs.grant(16, "my msdb"), "USE [my msdb]; GRANT SELECT ON dbo.sysjobs TO <user>");
    }
}
