//! Who arrives at the master: connections that it refused or ended, and sessions that are open now.
//!
//! Microsoft describes the records in "Connectivity troubleshooting in SQL Server 2008 with the Connectivity Ring Buffer"
//! (the archived blog sql_protocols). An orderly end by the client after a login leaves none.

mod history;
mod master_state;
mod record;
mod watch;

pub use master_state::{Blocker, MasterState};
pub use record::{RecordKind, Timers};
pub use watch::LOOK_ENDS_WITHIN;
pub(super) use watch::{ArrivalWatch, Interrupt, Interrupted};

use crate::model::Collector;
use crate::sqlserver::{Cell, CellError, Context, Needs, Right, Statement, row};
use jiff::Timestamp;
use record::Record;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// No look may hold the connection for longer.
const CAP: Duration = Duration::from_secs(2);

/// The ring buffer has about 1,000 records.
const ARRIVALS: Statement = Statement::new("arrivals", include_str!("arrivals.sql")).within(CAP).at_most(1_100);
const CONNECTED: Statement = Statement::new("connected", include_str!("connected.sql")).within(CAP).at_most(4_000);

pub(super) const NEEDS: Needs =
    Needs { collector: Collector::Arrivals, essential: &[], helpful: &[Right::PerformanceState] };

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
    /// Readings share them until the ring buffer is read again.
    pub records: Arc<Vec<Arrival>>,
    /// When the sessions were last read, by the master's clock.
    pub connected_at: Option<Timestamp>,
    /// Addresses that were seen connected, each with what was last seen there.
    pub sightings: Arc<BTreeMap<IpAddr, Sighting>>,
    /// The master's own state at the last look at it.
    pub state: Option<MasterState>,
    /// Where the last looks at the ring buffer did not reach their end.
    pub interruptions: Option<Interruptions>,
}

/// Looks that were ended because a scrape needed the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruptions {
    /// In a row.
    pub looks: u32,
    /// In how long the next look may begin.
    pub next_attempt: Duration,
}

/// A record of a connection that the master refused or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When it was written, by the master's clock.
    pub at: Timestamp,
    /// The same in milliseconds since the instance started, which every look at the record finds alike.
    pub up_ms: i64,
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
    /// When it was last seen connected, by the master's clock.
    pub at: Timestamp,
    /// The SQL Server Agents that were seen among its sessions, each as it was last seen.
    pub agents: Vec<AgentSession>,
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

row! {
    /// A record of the ring buffer.
    #[derive(Debug, Clone, PartialEq)]
    struct ArrivalRow {
        age_ms: i64 = "age_ms",
        up_ms: i64 = "up_ms",
        /// `None` for a text that is no record. It counts for how far the ring buffer reaches all the same.
        record: Option<Record> = ["record"] => read_record,
    }
}

row! {
    /// The connections from one address that are of one Agent, or of none.
    #[derive(Debug, Clone, PartialEq)]
    struct ConnectedRow {
        address: Option<String> = "address",
        agents: Option<i64> = "agents",
        login: Option<String> = "agent_login",
        host: Option<String> = "agent_host",
        blocked_by: Option<i64> = "blocked_by",
        wait: Option<String> = "wait_type",
    }
}

fn read_record([cell]: [Cell<'_>; 1], _: &mut Context<'_>) -> Result<Option<Record>, CellError> {
    Ok(cell.text_or_null()?.as_deref().and_then(Record::parse))
}

/// Reads any text as a record, for fuzzing.
#[cfg(feature = "fuzzing")]
pub(super) fn read_any(text: &str) {
    if let Some(record) = Record::parse(text) {
        assert!(record.connection.is_none_or(|id| id.len() <= text.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlserver::prepare;

    #[test]
    fn every_set_names_itself_in_its_first_column_and_is_sent_without_comments() {
        for statement in [&ARRIVALS, &CONNECTED] {
            let marker = format!("SELECT CAST(NULL AS tinyint) AS [set:{}],", statement.name);
            assert!(statement.text.contains(&marker), "{}", statement.name);
            assert!(!prepare(statement.text, "msdb").contains("--"), "{}", statement.name);
        }
    }
}
