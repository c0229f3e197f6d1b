//! The schedule of visits, and the visits that are under way.

use crate::config::Ports;
use crate::probe::destination::Destination;
use crate::probe::prober::{Extent, Prober, Visited};
use crate::probe::sweep::Route;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// The results of each target of a host.
pub(super) type Found = Vec<(String, Visited)>;

/// The instances of one host, which are visited one after the other.
#[derive(Debug)]
pub(super) struct Unit {
    host: String,
    pub(super) destinations: Vec<Destination>,
}

/// A host that waits for its time.
#[derive(Debug)]
struct Due {
    at: Instant,
    unit: Unit,
    swept: bool,
}

/// A visit that is under way.
#[derive(Debug)]
struct Running {
    host: String,
    swept: bool,
}

/// Planned visits and visits that are under way.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    due: VecDeque<Due>,
    running: HashMap<Id, Running>,
    visits: JoinSet<Found>,
}

/// The hosts behind some names, each with its instances.
pub(super) fn units(names: &[String], settings: &Ports, route: &Route) -> Vec<Unit> {
    let mut hosts: BTreeMap<String, Vec<Destination>> = BTreeMap::new();
    for name in names {
        let destination = route(name, settings);
        hosts.entry(destination.host.to_lowercase()).or_default().push(destination);
    }
    hosts.into_iter().map(|(host, destinations)| Unit { host, destinations }).collect()
}

/// Checks the instances of a host.
pub(super) async fn visit(prober: &Prober, destinations: &[Destination], extent: Extent) -> Found {
    let visited = prober.visit(destinations, extent).await;
    destinations.iter().map(|to| to.target.clone()).zip(visited).collect()
}

impl Timetable {
    /// Adds a sweep: its hosts are spread evenly over a span, each at a random moment of its own slice.
    pub(super) fn add_sweep(&mut self, units: Vec<Unit>, span: Duration) {
        let slice = span / u32::try_from(units.len()).unwrap_or(u32::MAX).max(1);
        let random = RandomState::new();
        let mut at = Instant::now();
        for unit in units {
            let thousandths = u32::try_from(random.hash_one(&unit.host) % 1000).unwrap_or_default();
            self.due.push_back(Due { at: at + slice * thousandths / 1000, unit, swept: true });
            at += slice;
        }
    }

    /// Adds an unscheduled visit, unless the host is being visited or already waits for one.
    pub(super) fn add_first(&mut self, unit: Unit) {
        let waits = self.due.iter().any(|due| !due.swept && due.unit.host == unit.host);
        if !waits && !self.is_visited(&unit.host) {
            self.due.push_front(Due { at: Instant::now(), unit, swept: false });
        }
    }

    /// When the next visit may begin; `None` where none waits or `at_once` visits are under way.
    pub(super) fn next_start(&self, at_once: usize) -> Option<Instant> {
        self.due.front().filter(|_| self.visits.len() < at_once.max(1)).map(|due| due.at)
    }

    /// Begins the next visit. A host that is being visited is not visited again.
    pub(super) fn start_next(&mut self, prober: &Arc<Prober>) {
        let Some(Due { unit: Unit { host, destinations }, swept, .. }) = self.due.pop_front() else { return };
        if !self.is_visited(&host) {
            let prober = Arc::clone(prober);
            let visit = self.visits.spawn(async move { visit(&prober, &destinations, Extent::Sweep).await });
            self.running.insert(visit.id(), Running { host, swept });
        }
    }

    /// Waits for the end of a visit; `None` where none is under way, and an empty result for one that was aborted.
    pub(super) async fn next_end(&mut self) -> Option<Found> {
        let (id, found) = match self.visits.join_next_with_id().await? {
            Ok((id, found)) => (id, found),
            Err(error) => {
                tracing::error!(%error, "a port check broke off; its target waits for the next sweep");
                (error.id(), Found::new())
            }
        };
        self.running.remove(&id);
        Some(found)
    }

    /// Whether a part of a sweep is still to be done.
    pub(super) fn is_sweeping(&self) -> bool {
        self.due.iter().any(|due| due.swept) || self.running.values().any(|visit| visit.swept)
    }

    fn is_visited(&self, host: &str) -> bool {
        self.running.values().any(|visit| visit.host == host)
    }
}

#[cfg(test)]
impl Timetable {
    /// When the visits begin.
    pub(super) fn starts(&self) -> Vec<Instant> {
        self.due.iter().map(|due| due.at).collect()
    }
}
