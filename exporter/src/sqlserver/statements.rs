//! The statements about a session and those of the doctor, and how a statement is prepared for sending.

/// Once for each connection: the settings of the session.
pub(crate) const SESSION: &str = include_str!("sql/session.sql");
/// The isolation where a database does not allow SNAPSHOT.
pub(crate) const READ_UNCOMMITTED: &str = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;";
/// Ends the transaction that a cancelled batch left open.
pub(crate) const ROLLBACK: &str = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;";
/// Once for each connection: what the server is and what the login may read.
pub(crate) const CAPABILITIES: &str = include_str!("sql/capabilities.sql");
/// Once for each connection: whether SNAPSHOT is allowed.
pub(crate) const ISOLATION: &str = include_str!("sql/isolation.sql");
/// Once for each connection, from SQL Server 2022.
pub(crate) const TIMEZONE: &str = include_str!("sql/timezone.sql");

/// Asked by the doctor alone.
pub(crate) const DOCTOR_RIGHTS: &str = include_str!("sql/doctor_rights.sql");
pub(crate) const DOCTOR_LISTENERS: &str = include_str!("sql/doctor_listeners.sql");
pub(crate) const DOCTOR_MEMBERS: &str = include_str!("sql/doctor_members.sql");
/// Asked by the doctor on a target, of its own instance.
pub(crate) const DOCTOR_AGENT: &str = include_str!("sql/doctor_agent.sql");
pub(crate) const DOCTOR_NODES: &str = include_str!("sql/doctor_nodes.sql");

/// A statement as it is sent: without comments, and with the configured database.
pub(crate) fn prepare(statement: &str, msdb: &str) -> String {
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
    fn another_database_is_named_and_quoted() {
        let text = prepare(CAPABILITIES, "o'dd]db");
        assert!(text.contains("DB_ID(N'o''dd]db')"), "{text}");
        assert!(text.contains("N'[o''dd]]db].dbo.sysjobs'"), "{text}");
    }
}
