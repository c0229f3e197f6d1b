//! Checks all targets in the background and keeps the findings.

mod timetable;

use super::destination::Destination;
use super::port_results::{Finding, PortResults, Sweep};
use super::prober::{Extent, Prober};
use crate::config::Ports;
use crate::model::PortState;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use timetable::{Found, Timetable, units, visit};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// Names of targets, as enlisted.
pub type Roster = Arc<Vec<String>>;

/// The destination of a name: on the master's side the target of this name, on a target its master.
pub type Route = Arc<dyn Fn(&str, &Ports) -> Destination + Send + Sync>;

/// A finding is dropped when it is older than so many sweeps.
const SWEEPS_KEPT: u32 = 3;

/// The background sweep: one task runs it, all others read its results.
pub struct Sweeper {
    prober: Arc<Prober>,
    roster: watch::Receiver<Roster>,
    route: Route,
    port_results: Mutex<Arc<PortResults>>,
    urgent: Mutex<BTreeSet<String>>,
    wake: Notify,
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper").field("prober", &self.prober).finish_non_exhaustive()
    }
}

impl Sweeper {
    /// A sweep over the names of a roster, which may begin empty and change.
    pub fn new(prober: Arc<Prober>, roster: watch::Receiver<Roster>, route: Route) -> Sweeper {
        let (port_results, urgent) = (Mutex::default(), Mutex::default());
        Sweeper { prober, roster, route, port_results, urgent, wake: Notify::new() }
    }

    /// The results of the targets on the present roster that are not too old.
    pub fn port_results(&self) -> Arc<PortResults> {
        let roster = Arc::clone(&self.roster.borrow());
        let mut port_results = lock(&self.port_results);
        prune(&mut port_results, &roster, Timestamp::now(), self.prober.settings().interval);
        Arc::clone(&port_results)
    }

    /// Requests an unscheduled check of one target, such as one that has just turned stale.
    pub fn check_now(&self, target: &str) {
        lock(&self.urgent).insert(target.to_owned());
        self.wake.notify_one();
    }

    /// Sweeps for as long as it is polled. The first sweep is not spread, so that a page is complete soon after the
    /// start.
    pub async fn run(&self) {
        let mut roster = self.roster.clone();
        let mut known: HashSet<String> = HashSet::new();
        let mut timetable = Timetable::default();
        let mut begun: Option<Instant> = None;
        let mut next_sweep = Instant::now();
        let mut spread = false;
        loop {
            let settings = self.prober.settings();
            let next_visit = timetable.next_start(settings.concurrency);
            tokio::select! {
                biased;
                Some(found) = timetable.next_end() => self.record(found),
                () = self.wake.notified() => {
                    let names = std::mem::take(&mut *lock(&self.urgent));
                    self.add_first(&mut timetable, &roster, &settings, |name| names.contains(name));
                }
                Ok(()) = roster.changed() => {
                    if known.is_empty() && begun.is_none() {
                        // The first names since the start: they are swept at once.
                        (next_sweep, spread) = (Instant::now(), false);
                    } else {
                        self.add_first(&mut timetable, &roster, &settings, |name| !known.contains(name));
                        known = roster.borrow_and_update().iter().cloned().collect();
                    }
                }
                () = at(next_visit) => timetable.start_next(&self.prober),
                () = sleep_until(next_sweep), if begun.is_none() => {
                    let names = Arc::clone(&roster.borrow_and_update());
                    known = names.iter().cloned().collect();
                    next_sweep = Instant::now() + settings.interval;
                    if settings.enabled && !names.is_empty() {
                        begun = Some(Instant::now());
                        let span = if spread { settings.interval } else { Duration::ZERO };
                        timetable.add_sweep(units(&names, &settings, &self.route), span);
                        spread = true;
                    }
                }
            }
            if let Some(began) = begun
                && !timetable.is_sweeping()
            {
                begun = None;
                Arc::make_mut(&mut lock(&self.port_results)).sweep =
                    Some(Sweep { ended: Timestamp::now(), took: began.elapsed() });
            }
        }
    }

    /// Puts the hosts of some names in front.
    fn add_first(
        &self,
        timetable: &mut Timetable,
        roster: &watch::Receiver<Roster>,
        settings: &Ports,
        chosen: impl Fn(&str) -> bool,
    ) {
        let names = Arc::clone(&roster.borrow());
        if settings.enabled && names.iter().any(|name| chosen(name)) {
            let hosts = units(&names, settings, &self.route).into_iter();
            hosts
                .filter(|unit| unit.destinations.iter().any(|to| chosen(&to.target)))
                .for_each(|unit| timetable.add_first(unit));
        }
    }

    /// Keeps the results. A target that has left the roster meanwhile is removed when the results are read.
    fn record(&self, found: Found) {
        let mut port_results = lock(&self.port_results);
        let port_results = Arc::make_mut(&mut port_results);
        for (target, visited) in found {
            count(port_results, &visited.findings);
            port_results.keep(target, visited.findings, visited.addresses);
        }
    }
}

/// Waits for an instant; forever for `None`.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// One sweep of all these names at once, for commands that end afterwards.
pub async fn sweep_once(prober: &Prober, names: &[String], route: &Route, extent: Extent) -> PortResults {
    let settings = prober.settings();
    let began = Instant::now();
    let mut port_results = PortResults::default();
    let hosts = units(names, &settings, route);
    let mut visits = stream::iter(hosts)
        .map(|unit| async move { visit(prober, &unit.destinations, extent).await })
        .buffer_unordered(settings.concurrency.max(1));
    while let Some(found) = visits.next().await {
        for (target, visited) in found {
            count(&mut port_results, &visited.findings);
            port_results.keep(target, visited.findings, visited.addresses);
        }
    }
    port_results.sweep = Some(Sweep { ended: Timestamp::now(), took: began.elapsed() });
    port_results
}

/// Removes targets that have left the roster, and findings that are too old.
fn prune(port_results: &mut Arc<PortResults>, roster: &[String], now: Timestamp, interval: Duration) {
    // As where no port is checked: each scrape comes by here.
    if port_results.findings.is_empty() {
        return;
    }
    let roster: HashSet<&str> = roster.iter().map(String::as_str).collect();
    let period = port_results.sweep.map_or(interval, |sweep| sweep.took.max(interval));
    let limit = SignedDuration::try_from(period.saturating_mul(SWEEPS_KEPT)).unwrap_or(SignedDuration::MAX);
    let old = |finding: &Finding| now.duration_since(finding.checked_at) > limit;
    let stays = |target: &str, findings: &[Finding]| roster.contains(target) && !findings.iter().any(old);
    if port_results.findings.iter().all(|(target, findings)| stays(target, findings)) {
        return;
    }
    let port_results = Arc::make_mut(port_results);
    port_results.findings.retain(|target, findings| {
        findings.retain(|finding| !old(finding));
        roster.contains(target.as_str()) && !findings.is_empty()
    });
    port_results.addresses.retain(|target, _| port_results.findings.contains_key(target));
}

fn count(port_results: &mut PortResults, findings: &[Finding]) {
    for finding in findings.iter().filter(|finding| finding.state != PortState::Skipped) {
        let (done, failed) = port_results.checks.entry(finding.check).or_default();
        *done += 1;
        if !matches!(finding.state, PortState::Open | PortState::Denied) {
            *failed += 1;
        }
    }
}

/// Each value is replaced in one step, so a poisoned lock is safe to use.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
