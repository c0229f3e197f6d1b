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
use crate::diagnosis::target::elapsed;
use crate::model::MasterEvidence;
use attempts::Attempt;
use jiff::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// A look speaks for so long; the next one is due after five minutes, or after its price has been rested for.
const LOOK_SPEAKS: Duration = Duration::from_secs(15 * 60);
/// A look that is older than this is late: its age is said.
const LOOK_IS_LATE: Duration = Duration::from_secs(6 * 60);
/// Neighbours of a target that are named; of more is said that there are others.
const MOST_NAMED: usize = 5;

/// The arrivals of one reading, by their address.
pub(crate) struct Remembered<'a> {
    pub(crate) permitted: bool,
    /// Since when, and until when, no record is missing.
    covered: Option<(Timestamp, Timestamp)>,
    /// When the ring buffer was last read.
    pub(crate) looked_at: Option<Timestamp>,
    attempts: HashMap<IpAddr, Vec<Attempt>>,
    /// When an address was last seen connected, and the Agent that was last seen there.
    sightings: HashMap<IpAddr, (Timestamp, Option<&'a AgentSession>)>,
}

impl<'a> Remembered<'a> {
    pub(crate) fn new(arrivals: &'a Arrivals, now: Timestamp) -> Remembered<'a> {
        let until = arrivals.covered_until.filter(|until| elapsed(now, *until) <= LOOK_SPEAKS);
        Remembered {
            permitted: arrivals.permitted,
            covered: arrivals.covered_since.zip(until),
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
