//! What the port checks found, kept until it is too old.

use crate::model::{Check, Direction, PortSource, PortState};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

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
    /// Where the number is from.
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
    /// The addresses of each target's host, by the target's name as enlisted, as far as its name leads anywhere.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// The last complete sweep, if there was one.
    pub sweep: Option<Sweep>,
    /// Checks done and failed since the process started, by check.
    pub checks: BTreeMap<Check, (u64, u64)>,
}

impl PortResults {
    /// Keeps what a visit found in the place of what the one before found.
    pub(crate) fn keep(&mut self, target: String, findings: Vec<Finding>, addresses: Vec<IpAddr>) {
        self.addresses.insert(target.clone(), addresses);
        self.findings.insert(target, findings);
    }

    /// What is known of one target.
    pub fn of(&self, target: &str) -> &[Finding] {
        self.findings.get(target).map(Vec::as_slice).unwrap_or_default()
    }
}
