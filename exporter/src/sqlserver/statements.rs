//! The statements that the exporter ships, and the result set that each one answers with.

use crate::model::Collector;

/// A result set. Its first column is named `set:` and this name, so that no set is known by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Set {
    Clock,
    Targets,
    Groups,
    Downloads,
    Downloaded,
    DownloadRows,
    Agent,
    Operator,
    Jobs,
    JobTargets,
    Arrivals,
    Connected,
}

impl Set {
    const ALL: [Set; 12] = [
        Set::Clock,
        Set::Targets,
        Set::Groups,
        Set::Downloads,
        Set::Downloaded,
        Set::DownloadRows,
        Set::Agent,
        Set::Operator,
        Set::Jobs,
        Set::JobTargets,
        Set::Arrivals,
        Set::Connected,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Set::Clock => "clock",
            Set::Targets => "targets",
            Set::Groups => "groups",
            Set::Downloads => "downloads",
            Set::Downloaded => "downloaded",
            Set::DownloadRows => "download_rows",
            Set::Agent => "agent",
            Set::Operator => "operator",
            Set::Jobs => "jobs",
            Set::JobTargets => "job_targets",
            Set::Arrivals => "arrivals",
            Set::Connected => "connected",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Set> {
        Set::ALL.into_iter().find(|set| set.name() == name)
    }

    pub(super) fn collector(self) -> Collector {
        match self {
            Set::Clock | Set::Targets | Set::Groups => Collector::Targets,
            Set::Downloads | Set::Downloaded | Set::DownloadRows => Collector::Downloads,
            Set::Agent | Set::Operator => Collector::Server,
            Set::Jobs | Set::JobTargets => Collector::Jobs,
            Set::Arrivals | Set::Connected => Collector::Arrivals,
        }
    }

    pub(super) fn statement(self) -> &'static str {
        match self {
            Set::Clock => include_str!("sql/clock.sql"),
            Set::Targets => include_str!("sql/targets.sql"),
            Set::Groups => include_str!("sql/groups.sql"),
            Set::Downloads => include_str!("sql/downloads.sql"),
            Set::Downloaded => include_str!("sql/downloaded.sql"),
            Set::DownloadRows => include_str!("sql/download_rows.sql"),
            Set::Agent => include_str!("sql/agent.sql"),
            Set::Operator => include_str!("sql/operator.sql"),
            Set::Jobs => include_str!("sql/jobs.sql"),
            Set::JobTargets => include_str!("sql/job_targets.sql"),
            Set::Arrivals => include_str!("sql/arrivals.sql"),
            Set::Connected => include_str!("sql/connected.sql"),
        }
    }
}

/// Once for each connection: the session's own settings.
pub(super) const SESSION: &str = include_str!("sql/session.sql");
/// The isolation where a database does not allow SNAPSHOT.
pub(super) const READ_UNCOMMITTED: &str = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;";
/// Ends whatever a cancelled batch left open.
pub(super) const ROLLBACK: &str = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;";
/// Once for each connection: what the server is and what the login may read.
pub(super) const CAPABILITIES: &str = include_str!("sql/capabilities.sql");
/// Once for each connection: whether SNAPSHOT is allowed.
pub(super) const ISOLATION: &str = include_str!("sql/isolation.sql");
/// Once for each connection, from SQL Server 2022.
pub(super) const TIMEZONE: &str = include_str!("sql/timezone.sql");

/// Asked by the doctor alone, in a session of its own.
pub(super) const DOCTOR_RIGHTS: &str = include_str!("sql/doctor_rights.sql");
/// The same.
pub(super) const DOCTOR_LISTENERS: &str = include_str!("sql/doctor_listeners.sql");
/// The same.
pub(super) const DOCTOR_MEMBERS: &str = include_str!("sql/doctor_members.sql");
/// The same.
pub(super) const DOCTOR_REFUSALS: &str = include_str!("sql/doctor_refusals.sql");
/// Asked on a target, of its own instance.
pub(super) const DOCTOR_AGENT: &str = include_str!("sql/doctor_agent.sql");
/// The same.
pub(super) const DOCTOR_NODES: &str = include_str!("sql/doctor_nodes.sql");

/// A statement as it is sent: its comments are for readers of the source, and the database is the one configured.
pub(super) fn prepare(statement: &str, msdb: &str) -> String {
    let code: Vec<&str> = statement.lines().filter(|line| !line.starts_with("--")).collect();
    let code = code.join("\n");
    if msdb == "msdb" {
        return code;
    }
    let bracketed = format!("[{}]", msdb.replace(']', "]]"));
    let quoted = |text: &str| text.replace('\'', "''");
    code.replace("N'msdb'", &format!("N'{}'", quoted(msdb)))
        .replace("N'msdb.", &format!("N'{}.", quoted(&bracketed)))
        .replace("msdb.", &format!("{bracketed}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_names_itself_in_its_first_column() {
        for set in Set::ALL {
            let marker = format!("SELECT CAST(0 AS tinyint) AS [set:{}],", set.name());
            assert!(set.statement().contains(&marker), "{set:?}");
            assert_eq!(Set::from_name(set.name()), Some(set));
        }
    }

    #[test]
    fn another_database_is_named_everywhere_and_quoted() {
        for set in Set::ALL {
            let text = prepare(set.statement(), "o'dd]db");
            assert!(!text.contains("msdb"), "{text}");
        }
        let text = prepare(CAPABILITIES, "o'dd]db");
        assert!(text.contains("DB_ID(N'o''dd]db')"), "{text}");
        assert!(text.contains("N'[o''dd]]db].dbo.sysjobs'"), "{text}");
        assert!(prepare(Set::Targets.statement(), "o'dd]db").contains("FROM [o'dd]]db].dbo.systargetservers"));
    }

    #[test]
    fn comments_are_not_sent() {
        for set in Set::ALL {
            assert!(!prepare(set.statement(), "msdb").contains("--"), "{set:?}");
        }
    }
}
