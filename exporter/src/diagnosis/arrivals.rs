//! What the master's own records of arrivals show about a target that does not poll.
//!
//! Pure: records and sightings in, one [`Trace`] for each silent target out. `FACTS.md`, "What the master remembers of
//! who arrives", has the rules and their limits.

mod attempts;
mod origins;
mod states;
mod suspects;
mod trace;
#[cfg(test)]
mod truth_table;
mod words;

pub(crate) use origins::Origins;
pub use suspects::Suspect;
pub(crate) use trace::Surroundings;
pub use trace::{Run, Trace};

use crate::collectors::{AgentSession, Arrivals};
use crate::model::MasterEvidence;
use attempts::Attempt;
use jiff::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;

/// The number of neighbours of a target that are named.
const MOST_NAMED: usize = 5;

/// The arrivals of one reading, by their address.
pub(crate) struct Remembered<'a> {
    pub(crate) permitted: bool,
    pub(crate) covered_since: Option<Timestamp>,
    /// When the ring buffer was last read.
    pub(crate) looked_at: Option<Timestamp>,
    attempts: HashMap<IpAddr, Vec<Attempt>>,
    /// When an address was last seen connected, and the Agent that was last seen there.
    sightings: HashMap<IpAddr, (Timestamp, Option<&'a AgentSession>)>,
}

impl<'a> Remembered<'a> {
    pub(crate) fn new(arrivals: &'a Arrivals) -> Remembered<'a> {
        Remembered {
            permitted: arrivals.permitted,
            covered_since: arrivals.covered_since.filter(|_| arrivals.covered_until.is_some()),
            looked_at: arrivals.covered_until,
            attempts: attempts::by_address(&arrivals.records),
            sightings: arrivals
                .sightings
                .iter()
                .map(|sighting| (sighting.from, (sighting.at, sighting.agent.as_ref())))
                .collect(),
        }
    }
}

impl MasterEvidence {
    /// Whether something from its host was seen.
    pub(crate) fn is_arrival(self) -> bool {
        !matches!(self, MasterEvidence::NoTrace | MasterEvidence::Unknown)
    }
}
