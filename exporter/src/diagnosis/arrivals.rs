//! What the master's own records of arrivals show about a target that does not poll.
//!
//! Pure: records and sightings in, one [`Trace`] for each silent target out. `FACTS.md`, "What the master remembers of
//! who arrives", has the rules and their limits.

mod attempts;
mod facts;
mod origins;
mod states;
mod suspects;
mod together;
mod trace;
#[cfg(test)]
mod truth_table;
mod words;

pub(crate) use facts::Versions;
pub(crate) use origins::Origins;
pub use suspects::Suspect;
pub(crate) use together::Majority;
pub use trace::{Run, Trace};
pub(crate) use trace::{Surroundings, of_master};

use crate::collectors::{AgentSession, Arrivals, Interruptions, MasterState, Sighting};
use crate::diagnosis::target::elapsed;
use crate::model::MasterEvidence;
use crate::model::names::key;
use attempts::Attempt;
pub(crate) use attempts::AttemptIndex;
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
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
    /// The master's own state, while the look at it is not too old.
    state: Option<&'a MasterState>,
    attempts: &'a HashMap<IpAddr, Vec<Attempt>>,
    sightings: &'a BTreeMap<IpAddr, Sighting>,
    pub(crate) interruptions: Option<Interruptions>,
    /// When the sessions were last read, while that still speaks.
    connected_at: Option<Timestamp>,
    /// Sessions of an Agent that state a host, by the key of its name, and where they come from.
    stated: HashMap<Cow<'a, str>, Vec<(IpAddr, &'a AgentSession)>>,
}

impl<'a> Remembered<'a> {
    pub(crate) fn new(arrivals: &'a Arrivals, now: Timestamp, index: &'a mut AttemptIndex) -> Remembered<'a> {
        let until = arrivals.covered_until.filter(|until| elapsed(now, *until) <= LOOK_SPEAKS);
        let mut stated: HashMap<Cow<'a, str>, Vec<(IpAddr, &AgentSession)>> = HashMap::new();
        let agents = arrivals.sightings.iter().flat_map(|(from, seen)| seen.agents.iter().map(|agent| (*from, agent)));
        for (from, agent) in agents {
            if let Some(host) = &agent.host {
                stated.entry(key(host)).or_default().push((from, agent));
            }
        }
        Remembered {
            permitted: arrivals.permitted,
            covered: arrivals.covered_since.zip(until),
            state: arrivals.state.as_ref().filter(|state| arrivals.permitted && elapsed(now, state.at) <= LOOK_SPEAKS),
            attempts: index.of(&arrivals.records),
            sightings: &arrivals.sightings,
            interruptions: arrivals.interruptions,
            connected_at: arrivals.connected_at.filter(|at| elapsed(now, *at) <= LOOK_SPEAKS),
            stated,
        }
    }
}

impl MasterEvidence {
    /// Whether something from its host was seen.
    pub(crate) fn is_arrival(self) -> bool {
        !matches!(self, MasterEvidence::NoTrace | MasterEvidence::Unknown)
    }
}
