//! The findings of the port checks, kept until they are too old.

use super::transport;
use crate::model::{Check, Direction, PortSource, PortState};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The result of one check of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// Which of the two ends opens the connection.
    pub direction: Direction,
    /// The master as destination; only with [`Direction::ToMaster`].
    pub master: Option<String>,
    /// Whether the port is open, or why that is not known.
    pub state: PortState,
    /// Whether this port must be open.
    pub required: bool,
    /// The port's number, where known.
    pub port: Option<u16>,
    /// `tcp` or `udp`.
    pub transport: &'static str,
    /// The source of the port's number.
    pub source: PortSource,
    /// The address that answered, or the last one tried.
    pub address: Option<IpAddr>,
    /// Whether the expected protocol answered; only where it was spoken.
    pub protocol_ok: Option<bool>,
    /// How long the connect took.
    pub connect: Option<Duration>,
    /// How long the handshake of the protocol took.
    pub handshake: Option<Duration>,
    /// The version of SQL Server that answered, such as `16.0.4135`; only where that was asked.
    pub version: Option<String>,
    /// When it was checked.
    pub checked_at: Timestamp,
    /// The evidence in words, for pages and logs.
    pub evidence: String,
}

impl Finding {
    /// A check of which nothing is known yet.
    pub(crate) fn skipped(check: Check, direction: Direction, checked_at: Timestamp) -> Finding {
        Finding {
            check,
            direction,
            master: None,
            state: PortState::Skipped,
            required: false,
            port: None,
            transport: transport(check),
            source: PortSource::Default,
            address: None,
            protocol_ok: None,
            connect: None,
            handshake: None,
            version: None,
            checked_at,
            evidence: String::new(),
        }
    }
}

/// The last complete sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// All findings that are young enough to be shown, by target.
#[derive(Debug, Clone, Default)]
pub struct PortResults {
    /// Findings by the target's name as enlisted, in the order of [`Check::ALL`].
    pub findings: BTreeMap<String, Vec<Finding>>,
    /// The addresses of each target's host, by the target's name as enlisted, as far as they resolve.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// The last complete sweep, if there was one.
    pub sweep: Option<Sweep>,
    /// Checks done and failed since the process started, by check.
    pub checks: BTreeMap<Check, (u64, u64)>,
}

impl PortResults {
    /// Replaces the findings and addresses of a target.
    pub(crate) fn keep(&mut self, target: String, findings: Vec<Finding>, addresses: Vec<IpAddr>) {
        self.addresses.insert(target.clone(), addresses);
        self.findings.insert(target, findings);
    }

    /// The findings of one target.
    pub fn of(&self, target: &str) -> &[Finding] {
        self.findings.get(target).map(Vec::as_slice).unwrap_or_default()
    }
}
