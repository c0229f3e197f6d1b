//! Probes one host: one resolution of its name, then its checks one after the other.

use super::checks::{HostProbe, Numbers};
use super::destination::Destination;
use super::port_results::Finding;
use super::protocol::attempt::Sockets;
use super::protocol::resolve::Resolver;
use crate::config::{CheckSettings, Ports};
use crate::model::Check;
use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The checks of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those that the configuration puts into the sweep; SQL Browser only where no port is known otherwise.
    Sweep,
    /// All checks.
    Full,
}

/// One step of a visit, for the trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The action.
    pub name: String,
    /// Its result.
    pub outcome: String,
    /// How long it took.
    pub took: Duration,
}

/// The findings of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Visited {
    /// One for each check, in the order of [`Check::ALL`].
    pub findings: Vec<Finding>,
    /// The addresses of its host; empty where its name does not resolve.
    pub addresses: Vec<IpAddr>,
    /// The trace: the resolution of the name, then one step for each finding.
    pub steps: Vec<Step>,
}

/// Runs the checks within a limit on sockets that all visits share.
#[derive(Debug)]
pub struct Prober {
    current: ArcSwap<Current>,
    resolver: Resolver,
    numbers: Numbers,
}

#[derive(Debug)]
struct Current {
    settings: Arc<Ports>,
    sockets: Sockets,
}

impl Prober {
    /// A prober with this configuration.
    pub fn new(settings: Ports) -> Prober {
        Prober::with_numbers(settings, Numbers::default())
    }

    pub(crate) fn with_numbers(settings: Ports, numbers: Numbers) -> Prober {
        let current = ArcSwap::new(Arc::new(Current::new(settings)));
        Prober { current, resolver: Resolver::new(), numbers }
    }

    /// Continues with another configuration; visits that have begun end with the old one.
    pub fn reconfigure(&self, settings: Ports) {
        self.current.store(Arc::new(Current::new(settings)));
    }

    /// The configuration that the next visit uses.
    pub fn settings(&self) -> Arc<Ports> {
        Arc::clone(&self.current.load().settings)
    }

    /// The addresses of a host; empty where its name does not resolve.
    pub async fn addresses(&self, host: &str) -> Vec<IpAddr> {
        self.resolver.resolve(host, self.settings().timeout).await.unwrap_or_default()
    }

    /// The limit on sockets that all visits share.
    pub fn sockets(&self) -> Sockets {
        self.current.load().sockets.clone()
    }

    /// Checks instances that live on one host, one after the other. The host's name is resolved once.
    pub async fn visit(&self, destinations: &[Destination], extent: Extent) -> Vec<Visited> {
        self.visit_until(destinations, extent, None).await
    }

    /// As `visit`, with a deadline: a check without an answer by then is
    /// [`PortState::Skipped`](crate::model::PortState::Skipped).
    pub async fn visit_until(
        &self,
        destinations: &[Destination],
        extent: Extent,
        end: Option<Instant>,
    ) -> Vec<Visited> {
        let Some(first) = destinations.first() else { return Vec::new() };
        let current = self.current.load_full();
        let Current { settings, sockets } = current.as_ref();
        let started = Instant::now();
        let addresses = self.resolver.resolve(&first.host, settings.timeout).await;
        let resolution = Step {
            name: format!("resolve {}", first.host),
            outcome: match &addresses {
                Ok(found) => found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                Err(miss) => miss.evidence.clone(),
            },
            took: started.elapsed(),
        };
        let mut all = Vec::with_capacity(destinations.len());
        for destination in destinations {
            let addresses = addresses.as_deref();
            let visit = &HostProbe::new(destination, addresses, self.numbers, settings.timeout, sockets, end);
            let checks = Check::ALL.into_iter().filter_map(|check| {
                let how = settings.checks.get(&check).filter(|how| applies(check, how, destination, extent))?;
                let required = destination.required.get(&check).copied().unwrap_or(how.required);
                Some(async move {
                    let started = Instant::now();
                    let finding = visit.run(check, how.depth, required).await;
                    (started.elapsed(), finding)
                })
            });
            // The sweep has time and must not look like an attack, so its checks run one after the other. A caller that
            // waits for all checks gets them at once: on a host that drops every packet each takes its full time-out.
            let found = match extent {
                Extent::Sweep => stream::iter(checks).then(|check| check).collect::<Vec<_>>().await,
                Extent::Full => join_all(checks).await,
            };
            let mut visited = Visited {
                findings: Vec::new(),
                addresses: addresses.unwrap_or_default().to_vec(),
                steps: vec![resolution.clone()],
            };
            for (took, finding) in found {
                visited.steps.push(step(&finding, took));
                visited.findings.push(finding);
            }
            all.push(visited);
        }
        all
    }
}

impl Current {
    fn new(settings: Ports) -> Current {
        let sockets = Sockets::new(settings.concurrency);
        Current { settings: Arc::new(settings), sockets }
    }
}

fn applies(check: Check, how: &CheckSettings, destination: &Destination, extent: Extent) -> bool {
    let named = destination.instance.is_some();
    match (check, extent) {
        (Check::Browser, Extent::Sweep) => how.sweep && named && destination.engine_port.is_none(),
        (Check::Browser, Extent::Full) => named,
        (_, Extent::Sweep) => how.sweep,
        (_, Extent::Full) => true,
    }
}

fn step(finding: &Finding, took: Duration) -> Step {
    let port = finding.port.map(|port| format!(" {} {port}", finding.transport)).unwrap_or_default();
    Step {
        name: format!("{}{port}", finding.check.name()),
        outcome: format!("{}: {}", finding.state.name(), finding.evidence),
        took,
    }
}

#[cfg(test)]
mod tests;
