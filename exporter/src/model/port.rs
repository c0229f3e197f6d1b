//! The vocabulary of port checks.

use super::vocabulary::vocabulary;

vocabulary! {
    /// What is checked. What is said of one here heads its section in the reference of the configuration.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum Check {
        /// TCP to the instance's port.
        Engine = "engine" => "Engine",
        /// SQL Browser, UDP 1434: asked for one named instance without a configured port.
        Browser = "browser" => "Browser",
        /// The RPC endpoint mapper, TCP 135.
        RpcMapper = "rpc_mapper" => "RPC 135",
        /// The port that the mapper names for the service control manager.
        RpcScm = "rpc_scm" => "RPC SCM",
        /// The NetBIOS session service, TCP 139.
        Netbios = "netbios" => "NetBIOS",
        /// SMB, TCP 445.
        Smb = "smb" => "SMB 445",
    }
}

vocabulary! {
    /// Who opens the connection.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum Direction {
        /// From the master to the target. Polling never goes this way.
        ToTarget = "to_target",
        /// From the target to the master: the way that polling takes.
        ToMaster = "to_master",
    }
}

vocabulary! {
    /// What a check found.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum PortState {
        /// It answered.
        Open = "open",
        /// The host is there and nothing listens (TCP RST).
        Refused = "refused",
        /// No answer within the time-out: a firewall drops it, or the host is off.
        Filtered = "filtered",
        /// A router or a host reports that there is no route to it (ICMP).
        Unreachable = "unreachable",
        /// The name has no address.
        Unresolved = "unresolved" => "no name",
        /// UDP silence: blocked, stopped, hidden or no such instance. Not known to be closed.
        NoAnswer = "no_answer" => "no answer",
        /// The mapper is reachable and refused to answer.
        Denied = "denied",
        /// Open, and something else answers.
        WrongProtocol = "wrong_protocol" => "not SQL",
        /// Open, and the TLS handshake failed.
        TlsFailed = "tls_failed" => "TLS failed",
        /// Not checked: no port is known for it, or the time ran out.
        Skipped = "skipped",
    }
}

impl PortState {
    /// Whether the port is open; `None` where that cannot be known.
    pub fn open(self) -> Option<bool> {
        match self {
            PortState::Open | PortState::Denied | PortState::WrongProtocol | PortState::TlsFailed => Some(true),
            PortState::Refused | PortState::Filtered | PortState::Unreachable | PortState::Unresolved => Some(false),
            PortState::NoAnswer | PortState::Skipped => None,
        }
    }
}

vocabulary! {
    /// Where the number of the port comes from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum PortSource {
        /// It is the protocol's own.
        Default = "default",
        /// The configuration.
        Config = "config",
        /// SQL Browser.
        Browser = "browser",
        /// The endpoint mapper.
        RpcMapper = "rpc_mapper",
    }
}
