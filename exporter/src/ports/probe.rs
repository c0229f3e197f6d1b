//! The ports of one target now, for whoever asks.

use super::destination::Destination;
use super::prober::{Extent, Prober, Visited};
use super::sweep::Route;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The target's name as it was asked for.
    pub target: String,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The findings and the trace.
    pub visited: Visited,
}

type Run = BoxFuture<'static, Arc<Probe>>;

/// Probes on request: one run for each name at a time, which all who ask meanwhile share.
///
/// Whether a name may be probed at all is for the caller to decide.
pub struct Probes {
    prober: Arc<Prober>,
    route: Route,
    running: Mutex<HashMap<String, WeakShared<Run>>>,
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").field("prober", &self.prober).finish_non_exhaustive()
    }
}

impl Probes {
    /// Shares the prober, and so its bound on sockets, with the sweep.
    pub fn new(prober: Arc<Prober>, route: Route) -> Probes {
        Probes { prober, route, running: Mutex::default() }
    }

    /// Runs every check of a target. A run ends early only when nobody waits for it any longer.
    pub async fn probe(&self, target: &str) -> Arc<Probe> {
        self.join(target).await
    }

    fn join(&self, target: &str) -> Shared<Run> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, run| run.upgrade().is_some_and(|run| run.peek().is_none()));
        if let Some(run) = running.get(target).and_then(WeakShared::upgrade) {
            return run;
        }
        let destination = (self.route)(target, &self.prober.settings());
        let run = run(Arc::clone(&self.prober), destination).boxed().shared();
        if let Some(weak) = run.downgrade() {
            running.insert(target.to_owned(), weak);
        }
        run
    }
}

async fn run(prober: Arc<Prober>, destination: Destination) -> Arc<Probe> {
    let (began, started) = (Timestamp::now(), Instant::now());
    let visited = prober.visit(std::slice::from_ref(&destination), Extent::Full).await.pop();
    let visited = visited.unwrap_or_else(|| Visited { findings: Vec::new(), steps: Vec::new() });
    Arc::new(Probe { target: destination.target, began, took: started.elapsed(), visited })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::config::{CheckSettings, Depth, Ports};
    use crate::ports::board::{Check, PortState};
    use crate::ports::visit::Numbers;
    use tokio::net::TcpListener;

    /// An engine that never answers a PRELOGIN, so that a probe takes as long as it may; and a probe that looks there.
    async fn lab(depth: Depth) -> (TcpListener, Probes) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = Ports {
            enabled: true,
            interval: Duration::from_secs(300),
            timeout: Duration::from_millis(400),
            concurrency: 4,
            checks: [(Check::Engine, CheckSettings { sweep: true, depth, required: false })].into(),
            overrides: Vec::new(),
        };
        let numbers = Numbers { engine: listener.local_addr().unwrap().port(), ..Numbers::default() };
        let route: Route = Arc::new(|name, settings| Destination::to_target(name, &settings.overrides));
        (listener, Probes::new(Arc::new(Prober::with_numbers(settings, numbers)), route))
    }

    #[tokio::test]
    async fn a_probe_tells_what_it_found_and_how() {
        let (_listener, probes) = lab(Depth::Connect).await;
        let probe = probes.probe("127.0.0.1").await;
        assert_eq!(probe.target, "127.0.0.1");
        assert_eq!(probe.visited.findings[0].state, PortState::Open);
        let steps: Vec<_> = probe.visited.steps.iter().map(|step| step.name.as_str()).collect();
        assert!(matches!(steps[..], ["resolve 127.0.0.1", second] if second.starts_with("engine tcp ")), "{steps:?}");
    }

    #[tokio::test]
    async fn who_asks_meanwhile_shares_the_run_and_who_asks_later_starts_another() {
        let (_listener, probes) = lab(Depth::Protocol).await;
        let (one, other) = tokio::join!(probes.probe("127.0.0.1"), probes.probe("127.0.0.1"));
        assert!(Arc::ptr_eq(&one, &other));
        let third = probes.probe("127.0.0.1").await;
        assert!(!Arc::ptr_eq(&one, &third));
    }

    #[tokio::test]
    async fn a_run_that_nobody_waits_for_ends_and_is_forgotten() {
        let (_listener, probes) = lab(Depth::Protocol).await;
        assert!(tokio::time::timeout(Duration::from_millis(50), probes.probe("127.0.0.1")).await.is_err());
        assert!(probes.running.lock().unwrap()["127.0.0.1"].upgrade().is_none());
        assert_eq!(probes.probe("127.0.0.1").await.visited.findings[0].state, PortState::WrongProtocol);
    }
}
