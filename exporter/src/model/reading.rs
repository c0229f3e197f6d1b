//! The parts of a reading of the master, and how far an attempt to read it comes.

use super::vocabulary::vocabulary;

vocabulary! {
    /// A part of a reading that can fail alone, in the order in which a batch asks for them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum Collector {
        /// The enlisted targets, their groups and the master's clock.
        Targets = "targets",
        /// The download list, aggregated on the server.
        Downloads = "downloads",
        /// Facts about the master itself.
        Server = "server",
        /// Multiserver jobs and their last outcome on each target.
        Jobs = "jobs",
        /// Who arrives at the master, as the master remembers it: asked for only while a target is silent.
        Arrivals = "arrivals",
    }
}

vocabulary! {
    /// How far an attempt to read the master came before it failed, in the order in which it passes them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum Stage {
        /// Finding the address: the name, or the port of a named instance.
        Resolve = "resolve",
        /// Opening the TCP connection.
        Connect = "connect",
        /// PRELOGIN and the TLS handshake.
        Tls = "tls",
        /// LOGIN7 and its answer.
        Login = "login",
        /// Checking the rights of the login.
        Permission = "permission",
        /// Running a statement.
        Query = "query",
        /// Understanding what came back.
        Decode = "decode",
    }
}
