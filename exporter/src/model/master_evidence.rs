//! What the master itself shows of a target that does not poll.

use super::vocabulary::vocabulary;

vocabulary! {
    /// What the master shows of a silent target, in the order in which it is decided: the first that holds.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum MasterEvidence {
        /// A session of SQL Server Agent from its host was seen since its last poll.
        AgentConnected = "agent_connected" => "Agent connected",
        /// The master refused logins from its host.
        Refused = "refused" => "logins refused",
        /// Connections from its host ended before their login.
        BeforeLogin = "before_login" => "ends before login",
        /// Its host opened connections and sent nothing, or nothing that was recorded.
        Reached = "reached" => "port reached",
        /// Another program on its host is logged in, or was and broke off.
        Connected = "connected" => "other program connected",
        /// The master remembers nothing from its host.
        NoTrace = "no_trace" => "no trace",
        /// The master does not remember far enough back, may not be asked, or its host's address is not known.
        Unknown = "unknown",
    }
}
