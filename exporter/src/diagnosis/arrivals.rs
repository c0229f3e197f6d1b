//! What the master's own memory of who arrives says of a target that does not poll.
//!
//! Pure: records and sightings in, one [`Trace`] for each silent target out. The rules and what they may not say are those
//! of `FACTS.md`, "What the master remembers of who arrives".

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

use crate::collectors::{AgentSession, Arrivals, Sighting};
use crate::model::MasterEvidence;
use crate::model::names::key;
use attempts::Attempt;
pub(crate) use attempts::AttemptIndex;
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// Neighbours of a target that are named; of more is said that there are others.
const MOST_NAMED: usize = 5;

/// What one reading shows of who arrives, ordered by where it comes from.
pub(crate) struct Remembered<'a> {
    pub(crate) permitted: bool,
    pub(crate) covered_since: Option<Timestamp>,
    attempts: &'a HashMap<IpAddr, Vec<Attempt>>,
    sightings: &'a BTreeMap<IpAddr, Sighting>,
    /// Sessions of an Agent that state a host, by the key of its name, and where they come from.
    stated: HashMap<Cow<'a, str>, Vec<(IpAddr, &'a AgentSession)>>,
}

impl<'a> Remembered<'a> {
    pub(crate) fn new(arrivals: &'a Arrivals, index: &'a mut AttemptIndex) -> Remembered<'a> {
        let mut stated: HashMap<Cow<'a, str>, Vec<(IpAddr, &AgentSession)>> = HashMap::new();
        for (from, sighting) in arrivals.sightings.iter() {
            if let Some((agent, host)) = sighting.agent.as_ref().and_then(|agent| Some((agent, agent.host.as_ref()?))) {
                stated.entry(key(host)).or_default().push((*from, agent));
            }
        }
        Remembered {
            permitted: arrivals.permitted,
            covered_since: arrivals.covered_since.filter(|_| arrivals.covered_until.is_some()),
            attempts: index.of(&arrivals.records),
            sightings: &arrivals.sightings,
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
