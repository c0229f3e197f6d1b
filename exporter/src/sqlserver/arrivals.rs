//! Who arrives at the master: connections that it refused or ended, and sessions that are open now.
//!
//! Microsoft describes the records in "Connectivity troubleshooting in SQL Server 2008 with the Connectivity Ring Buffer"
//! (the archived blog sql_protocols). An orderly end by the client after a login leaves none.

mod history;
mod record;
mod watch;

pub use record::{RecordKind, Timers};
pub(super) use watch::ArrivalWatch;

use super::cells::{Cell, CellError};
use jiff::Timestamp;
use record::Record;
use std::net::IpAddr;

/// More rows than the ring buffer has records; what follows is taken from the wire and dropped.
const MOST_RECORDS: usize = 1_100;
/// Addresses at one look; the same.
const MOST_ADDRESSES: usize = 4_000;

/// What is known of who arrives at the master.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrivals {
    /// Whether the login may see it. Without the right everything else is empty.
    pub permitted: bool,
    /// Since when no record is missing, by the master's clock. `None` until the ring buffer was read once.
    pub covered_since: Option<Timestamp>,
    /// When the ring buffer was last read, by the master's clock.
    pub covered_until: Option<Timestamp>,
    /// Records of connections that came to the master, oldest first. Its own outgoing connections are not among them.
    pub records: Vec<Arrival>,
    /// Addresses that were seen connected, each with what was last seen there.
    pub sightings: Vec<Sighting>,
}

/// A record of a connection that the master refused or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When it was written, by the master's clock.
    pub at: Timestamp,
    /// The identity of the connection, which all its records share. `None` where the record does not hold it.
    pub connection: Option<String>,
    /// Where it came from. `None` for shared memory, named pipes and records that hold no address.
    pub from: Option<IpAddr>,
    /// What was recorded.
    pub kind: RecordKind,
    /// The error, such as 18456. `None` where the record has none.
    pub error: Option<u32>,
    /// Its state, which the client does not see.
    pub state: Option<u32>,
    /// Whether the connection ended before its login.
    pub before_login: bool,
    /// Whether the client had sent anything. `None` where that was not recorded.
    pub sent: Option<bool>,
    /// How long the parts of its login took, where that was recorded.
    pub timers: Option<Timers>,
}

/// What was last seen of the connections from one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The address.
    pub from: IpAddr,
    /// When it was last seen connected, by the master's clock.
    pub at: Timestamp,
    /// The SQL Server Agent that was last seen among its sessions.
    pub agent: Option<AgentSession>,
}

/// A session that calls itself a SQL Server Agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSession {
    /// When it was last seen, by the master's clock.
    pub at: Timestamp,
    /// The login, as it was given at first.
    pub login: Option<String>,
    /// The host that the client states.
    pub host: Option<String>,
    /// The session that blocked it. `None` where none did.
    pub blocked_by: Option<i64>,
    /// What its request waited for.
    pub wait: Option<String>,
}

/// A row of `arrivals.sql`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawArrival {
    age_ms: i64,
    up_ms: i64,
    /// `None` for a text that is no record. It counts for how far the ring buffer reaches all the same.
    record: Option<Record>,
}

/// A row of `connected.sql`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawConnected {
    address: Option<String>,
    agents: i64,
    login: Option<String>,
    host: Option<String>,
    blocked_by: Option<i64>,
    wait: Option<String>,
}

pub(super) const ARRIVALS: [&str; 3] = ["age_ms", "up_ms", "record"];
pub(super) const CONNECTED: [&str; 7] =
    ["address", "connections", "agents", "agent_login", "agent_host", "blocked_by", "wait_type"];

/// Reads any text as a record, for fuzzing.
#[cfg(feature = "fuzzing")]
pub(super) fn read_any(text: &str) {
    if let Some(record) = Record::parse(text) {
        assert!(record.connection.is_none_or(|id| id.len() <= text.len()));
    }
}

pub(super) fn read_arrival(cells: [Cell<'_>; 3], rows: &mut Vec<RawArrival>) -> Result<(), CellError> {
    let [age_ms, up_ms, record] = cells;
    let row = RawArrival {
        age_ms: age_ms.integer()?,
        up_ms: up_ms.integer()?,
        record: record.text_or_null()?.as_deref().and_then(Record::parse),
    };
    if rows.len() < MOST_RECORDS {
        rows.push(row);
    }
    Ok(())
}

pub(super) fn read_connected(cells: [Cell<'_>; 7], rows: &mut Vec<RawConnected>) -> Result<(), CellError> {
    let [address, connections, agents, login, host, blocked_by, wait] = cells;
    connections.integer::<i64>()?;
    let row = RawConnected {
        address: address.text_or_null()?,
        agents: agents.integer_or_null()?.unwrap_or(0),
        login: login.text_or_null()?,
        host: host.text_or_null()?,
        blocked_by: blocked_by.integer_or_null()?.filter(|session| *session != 0),
        wait: wait.text_or_null()?,
    };
    if rows.len() < MOST_ADDRESSES {
        rows.push(row);
    }
    Ok(())
}
