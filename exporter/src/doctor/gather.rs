//! Asks the network for what a request needs.

use super::on_master::{MasterEnd, examine};
use super::on_target::TargetEnd;
use super::request::{End, Request};
use crate::config::{Config, Encrypt};
use crate::diagnosis::MasterFleet;
use crate::model::{DEFAULT_PORT, PortSource, PortState, ServerName};
use crate::probe::protocol::{Gaze, engine_port, look};
use crate::probe::{Extent, Prober};
use crate::sqlserver::{Listener, MasterAnswers, ReadError, ask_master, ask_target};
use crate::target_side::{self, LocalTarget};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use tokio::time::Instant;

/// What a request from the master's side needs besides a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterSide {
    /// The master as an end of connections.
    pub end: MasterEnd,
    /// What it answered itself, or why it did not.
    pub answers: Result<MasterAnswers, ReadError>,
}

impl MasterSide {
    /// Asks the master, and the network where it is.
    pub async fn look(config: &Config, prober: &Prober, fleet: &MasterFleet) -> MasterSide {
        let answers = look_inside(config, fleet).await;
        let known_as = fleet.server.as_ref().map(|server| server.name.as_str());
        let end = look_around(config, prober, known_as, answers.as_ref().ok()).await;
        MasterSide { end, answers }
    }

    /// The request as it is known now.
    pub fn request(&self, fleet: &MasterFleet) -> Request {
        examine(fleet, &self.end, &self.answers, Timestamp::now())
    }
}

/// The master's own answers, in a session of their own.
///
/// # Errors
/// Why no session was opened; a master that could not be read before is not asked a second time.
async fn look_inside(config: &Config, fleet: &MasterFleet) -> Result<MasterAnswers, ReadError> {
    let unread = fleet.master.is_none().then(|| fleet.reports.iter().find_map(|report| report.fault.clone())).flatten();
    match unread {
        Some(fault) => Err(fault),
        None => ask_master(&config.master).await,
    }
}

/// The master's end: its name as targets know it, its addresses and its port.
///
/// `known_as` is the name that the server reports, `None` where it could not be read.
async fn look_around(
    config: &Config,
    prober: &Prober,
    known_as: Option<&str>,
    answers: Option<&MasterAnswers>,
) -> MasterEnd {
    let listening = answers.and_then(|answers| answers.listeners.as_ref().ok());
    let listening = listening.map(|listeners| ports(listeners));
    let address = &config.master.address;
    let name = known_as.map_or_else(|| address.server_name().to_string(), str::to_owned);
    let host = ServerName::of(&name).host;
    let mut addresses = prober.addresses(host).await;
    if addresses.is_empty() {
        addresses = prober.addresses(&address.host).await;
    }
    let (ports, port_source) = match listening.filter(|ports| !ports.is_empty()) {
        Some(mut ports) => {
            // A default instance that listens on its default port is shown with that one first.
            ports.sort_by_key(|port| (address.instance.is_some() || *port != DEFAULT_PORT, *port));
            (ports, "the server itself (sys.dm_tcp_listener_states)".to_owned())
        }
        None => {
            let deadline = Instant::now() + prober.settings().timeout;
            match engine_port(&addresses, address.engine_port(), deadline).await {
                Ok((port, source)) => (vec![port], source_in_words(source).to_owned()),
                Err(miss) => (Vec::new(), format!("not known: {miss}")),
            }
        }
    };
    // A loopback address means nothing to a firewall team.
    addresses.retain(|address| !address.is_loopback());
    MasterEnd { name, addresses, ports, port_source }
}

fn source_in_words(source: PortSource) -> &'static str {
    match source {
        PortSource::Config => "the configuration (master.address)",
        PortSource::Default => "the default of a default instance",
        PortSource::Browser | PortSource::RpcMapper => "SQL Browser",
    }
}

/// The ports of these listeners, without repetition.
pub(crate) fn ports(listeners: &[Listener]) -> Vec<u16> {
    let ports: BTreeSet<u16> = listeners.iter().map(|listener| listener.port).collect();
    ports.into_iter().collect()
}

/// What a target on this machine sees of its master.
pub async fn look_at_master(config: &Config, prober: &Prober, local_target: &LocalTarget) -> TargetEnd {
    let address = &config.master.address;
    let destination = local_target.destination();
    let visited = prober.visit(std::slice::from_ref(&destination), Extent::Full).await;
    let findings = visited.into_iter().flat_map(|visited| visited.findings).collect::<Vec<_>>();
    let engine = findings.iter().find(|finding| finding.check == crate::model::Check::Engine);
    let open = engine.filter(|engine| engine.state == PortState::Open);
    let facts = match open.and_then(|engine| Some(SocketAddr::new(engine.address?, engine.port?))) {
        Some(at) => {
            let gaze = Gaze {
                addresses: &[at],
                host: &address.host,
                instance: address.instance.as_deref().unwrap_or_default(),
                strict: config.master.encrypt == Encrypt::Strict,
                patience: prober.settings().timeout,
            };
            Some(look(gaze, &prober.sockets()).await)
                .filter(|seen| seen.state == PortState::Open)
                .map(|seen| seen.facts)
        }
        None => None,
    };
    let answers = ask_target(config).await;
    let nodes = answers.as_ref().and_then(|answers| answers.as_ref().ok()?.nodes.clone().ok()).unwrap_or_default();
    let nodes = nodes.into_iter().map(|name| async move {
        let addresses = prober.addresses(&name).await;
        End { name, addresses }
    });
    let names = vec![local_target.checked_name().to_owned()];
    let presented = match &facts {
        Some(facts) => target_side::presented(facts.clone(), names, &config.master).await.into_values().next(),
        None => None,
    };
    TargetEnd {
        local_target: local_target.clone(),
        addresses: prober.addresses(&address.host).await,
        findings,
        facts,
        presented,
        nodes: join_all(nodes).await,
        answers,
    }
}
