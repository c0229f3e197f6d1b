//! Probes one target on request.

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
use tokio::time::{Instant, timeout};

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

/// Runs that began with the same time limit end within this time of each other.
const MOMENT: Duration = Duration::from_millis(250);

type Run = BoxFuture<'static, Arc<Probe>>;

/// Probes on request: one run for each name at a time, which concurrent callers share.
///
/// The caller decides whether a name may be probed.
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
    /// Shares the prober, and so its limit on sockets, with the sweep.
    pub fn new(prober: Arc<Prober>, route: Route) -> Probes {
        Probes { prober, route, running: Mutex::default() }
    }

    /// Runs every check of a target within `wait`; a check without an answer by then is skipped. A run ends early only
    /// when no caller waits for it any longer.
    ///
    /// `None` where the run that was joined takes longer than that.
    pub async fn probe(&self, target: &str, wait: Duration) -> Option<Arc<Probe>> {
        // A run ends by itself at `wait`; the margin is for its last steps.
        timeout(wait + MOMENT, self.join(target, wait)).await.ok()
    }

    fn join(&self, target: &str, wait: Duration) -> Shared<Run> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, run| run.upgrade().is_some_and(|run| run.peek().is_none()));
        if let Some(run) = running.get(target).and_then(WeakShared::upgrade) {
            return run;
        }
        let destination = (self.route)(target, &self.prober.settings());
        let run = run(Arc::clone(&self.prober), destination, wait).boxed().shared();
        if let Some(weak) = run.downgrade() {
            running.insert(target.to_owned(), weak);
        }
        run
    }
}

async fn run(prober: Arc<Prober>, destination: Destination, wait: Duration) -> Arc<Probe> {
    let (began, started) = (Timestamp::now(), Instant::now());
    let end = started.checked_add(wait);
    let visited = prober.visit_until(std::slice::from_ref(&destination), Extent::Full, end).await.pop();
    let visited = visited.unwrap_or_else(|| Visited { findings: Vec::new(), addresses: Vec::new(), steps: Vec::new() });
    Arc::new(Probe { target: destination.target, began, took: started.elapsed(), visited })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::config::{CheckSettings, Depth, Ports};
    use crate::model::{Check, PortState};
    use crate::probe::checks::Numbers;
    use tokio::net::TcpListener;

    const WAIT: Duration = Duration::from_secs(30);

    /// An engine that never answers a PRELOGIN, so that a probe takes its full time, and a probe of that engine.
    async fn lab(depth: Depth) -> (TcpListener, Probes) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = Ports {
            timeout: Duration::from_millis(400),
            concurrency: 4,
            checks: [(Check::Engine, CheckSettings { sweep: true, depth, required: false })].into(),
            ..crate::config::defaults().ports
        };
        let numbers = Numbers::default().with(Check::Engine, listener.local_addr().unwrap().port());
        let route: Route = Arc::new(|name, settings| Destination::to_target(name, &settings.overrides));
        (listener, Probes::new(Arc::new(Prober::with_numbers(settings, numbers)), route))
    }

    #[tokio::test]
    async fn a_probe_tells_what_it_found_and_how() {
        let (_listener, probes) = lab(Depth::Connect).await;
        let probe = probes.probe("127.0.0.1", WAIT).await.unwrap();
        assert_eq!(probe.target, "127.0.0.1");
        assert_eq!(probe.visited.findings[0].state, PortState::Open);
        let steps: Vec<_> = probe.visited.steps.iter().map(|step| step.name.as_str()).collect();
        assert!(matches!(steps[..], ["resolve 127.0.0.1", second] if second.starts_with("engine tcp ")), "{steps:?}");
    }

    #[tokio::test]
    async fn who_asks_meanwhile_shares_the_run_and_who_asks_later_starts_another() {
        let (_listener, probes) = lab(Depth::Protocol).await;
        let (one, other) = tokio::join!(probes.probe("127.0.0.1", WAIT), probes.probe("127.0.0.1", WAIT));
        let one = one.unwrap();
        assert!(Arc::ptr_eq(&one, &other.unwrap()));
        let third = probes.probe("127.0.0.1", WAIT).await.unwrap();
        assert!(!Arc::ptr_eq(&one, &third));
    }

    #[tokio::test]
    async fn a_run_without_a_caller_ends_and_is_forgotten() {
        let (_listener, probes) = lab(Depth::Protocol).await;
        assert!(tokio::time::timeout(Duration::from_millis(50), probes.probe("127.0.0.1", WAIT)).await.is_err());
        assert!(probes.running.lock().unwrap()["127.0.0.1"].upgrade().is_none());
        assert_eq!(probes.probe("127.0.0.1", WAIT).await.unwrap().visited.findings[0].state, PortState::WrongProtocol);
    }
    #[tokio::test]
    async fn what_has_no_answer_in_time_is_skipped_and_who_cannot_wait_gets_nothing() {
        let (_listener, probes) = lab(Depth::Protocol).await;
        let (short, patience) = (Duration::from_millis(50), Duration::from_millis(400));
        let probe = probes.probe("127.0.0.1", short).await.unwrap();
        assert_eq!(probe.visited.findings[0].state, PortState::Skipped);
        assert!(probe.took < patience, "{:?}", probe.took);
        let (first, second) = tokio::join!(probes.probe("127.0.0.1", WAIT), probes.probe("127.0.0.1", Duration::ZERO));
        assert_eq!(first.unwrap().visited.findings[0].state, PortState::WrongProtocol);
        assert_eq!(second, None);
    }
}
