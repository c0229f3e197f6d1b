//! What the port checks found, kept until it is too old.

use crate::vocabulary::vocabulary;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

vocabulary! {
    /// What is checked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Check {
        /// TCP to the instance's port.
        Engine = "engine" => "Engine",
        /// SQL Browser, UDP 1434, for one named instance.
        Browser = "browser" => "Browser",
        /// The RPC endpoint mapper, TCP 135.
        RpcMapper = "rpc_mapper" => "RPC 135",
        /// The port that the mapper names for the service control manager.
        RpcScm = "rpc_scm" => "RPC SCM",
        /// NetBIOS session service, TCP 139.
        Netbios = "netbios" => "NetBIOS",
        /// SMB, TCP 445.
        Smb = "smb" => "SMB 445",
    }
}

vocabulary! {
    /// Who opens the connection.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Direction {
        /// From the master to the target. Polling never goes this way.
        ToTarget = "to_target",
        /// From the target to the master: the way that polling takes.
        ToMaster = "to_master",
    }
}

vocabulary! {
    /// What a check found.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// What one check of one target found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// In which direction.
    pub direction: Direction,
    /// The master at the far end; only with [`Direction::ToMaster`].
    pub master: Option<String>,
    /// What was found.
    pub state: PortState,
    /// Whether this port must be open.
    pub required: bool,
    /// The port's number, where known.
    pub port: Option<u16>,
    /// `tcp` or `udp`.
    pub transport: &'static str,
    /// Who told the number.
    pub source: PortSource,
    /// The address that answered, or the last one tried.
    pub address: Option<IpAddr>,
    /// Whether the right protocol answered; only where that was asked.
    pub protocol_ok: Option<bool>,
    /// How long the connect took.
    pub connect: Option<Duration>,
    /// How long the handshake of the protocol took.
    pub handshake: Option<Duration>,
    /// When it was checked.
    pub checked_at: Timestamp,
    /// The evidence in words, for pages and logs.
    pub evidence: String,
}

/// The last whole sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// All findings that are young enough to be shown, by target.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Findings by the target's name as enlisted, in the order of [`Check::ALL`].
    pub findings: BTreeMap<String, Vec<Finding>>,
    /// The last whole sweep, if there was one.
    pub sweep: Option<Sweep>,
    /// Checks done and failed since the process started, by check.
    pub checks: BTreeMap<Check, (u64, u64)>,
}

impl Board {
    /// What is known of one target.
    pub fn of(&self, target: &str) -> &[Finding] {
        self.findings.get(target).map(Vec::as_slice).unwrap_or_default()
    }
}
