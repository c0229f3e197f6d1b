//! The check of an instance's own port.

use super::host_probe::{HostProbe, Outcome, protocol_ok};
use crate::config::Depth;
use crate::model::{Check, EnginePort, PortSource, PortState};
use crate::probe::protocol::attempt::ProbeError;
use crate::probe::protocol::tds::{Gaze, look};

/// Connects to the engine's port, and with [`Depth::Protocol`] asks the server for its properties. A named instance
/// without a known port is skipped: 1433 would belong to another instance.
pub(crate) async fn check(visit: &HostProbe<'_>, depth: Depth) -> Outcome {
    let destination = visit.destination;
    let (port, source) = match EnginePort::of(destination.engine_port, destination.instance.as_deref()) {
        EnginePort::Configured(port) => (port, PortSource::Config),
        EnginePort::Default => (visit.numbers.of(Check::Engine), PortSource::Default),
        // Asked once for all checks of this host.
        EnginePort::Announced(instance) => {
            let port = match visit.announced().await {
                Ok((_, announcement)) => {
                    announcement.port.ok_or("it says that the instance has no TCP port".to_owned())
                }
                Err((_, miss)) => Err(miss.evidence.clone()),
            };
            match port {
                Ok(port) => (port, PortSource::Browser),
                Err(why) => {
                    let evidence = format!("the port of instance {instance} is not known; SQL Browser: {why}");
                    return Outcome::without_port(PortSource::Browser, &ProbeError::new(PortState::Skipped, evidence));
                }
            }
        }
    };
    if depth == Depth::Connect {
        return visit.tcp(port, source, depth, async |_| Ok(String::new())).await;
    }
    let seen = look(
        Gaze {
            addresses: &visit.at(port),
            host: &destination.host,
            instance: visit.instance(),
            strict: false,
            patience: visit.patience,
        },
        visit.sockets(),
    )
    .await;
    Outcome {
        state: seen.state,
        port: Some(port),
        source,
        address: seen.address.map(|address| address.ip()),
        protocol_ok: protocol_ok(seen.state),
        connect: seen.connect,
        handshake: seen.handshake,
        version: seen.facts.version,
        evidence: seen.evidence,
    }
}
