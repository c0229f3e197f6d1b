//! The checks of the endpoint mapper and of the port that it names for the service control manager.

use super::host_probe::{HostProbe, Outcome};
use crate::config::Depth;
use crate::model::{Check, PortSource, PortState};
use crate::probe::protocol::attempt::ProbeError;
use crate::probe::protocol::rpc::epm::Mapped;
use crate::probe::protocol::rpc::{SERVICE_CONTROL, ask_mapper, bind};
use crate::probe::protocol::tcp::Line;

/// The answer of the mapper during this probe.
#[derive(Debug)]
pub(crate) struct MapperLook {
    outcome: Outcome,
    /// The port of the service control manager, or why it is not known.
    port: Result<u16, String>,
}

/// Asks the mapper for the service control manager.
pub(crate) async fn look_at_mapper(visit: &HostProbe<'_>) -> MapperLook {
    let mut reported = None;
    let ask = async |line: &mut Line| {
        let mapped = ask_mapper(line, SERVICE_CONTROL).await?;
        let words = match mapped {
            Mapped::Port(port) => format!("names TCP {port} for the service control manager"),
            Mapped::NotRegistered => "knows no TCP port of the service control manager".to_owned(),
            Mapped::Failed(status) => format!("could not look up the service control manager, status {status:#010x}"),
        };
        if let Mapped::Port(port) = mapped {
            reported = Some(port);
        }
        Ok(words)
    };
    let outcome = visit.tcp(visit.numbers.of(Check::RpcMapper), PortSource::Default, Depth::Protocol, ask).await;
    let unknown = || {
        format!(
            "its port is not known; the endpoint mapper, TCP {}: {}",
            visit.numbers.of(Check::RpcMapper),
            outcome.evidence
        )
    };
    MapperLook { port: reported.ok_or_else(unknown), outcome }
}

pub(crate) async fn check_mapper(visit: &HostProbe<'_>, depth: Depth) -> Outcome {
    match depth {
        Depth::Protocol => visit.mapper().await.outcome.clone(),
        Depth::Connect => {
            visit.tcp(visit.numbers.of(Check::RpcMapper), PortSource::Default, depth, async |_| Ok(String::new())).await
        }
    }
}

/// The check of the port that the mapper names: whether it can be reached, and with [`Depth::Protocol`] whether the
/// service control manager answers there.
pub(crate) async fn check_scm(visit: &HostProbe<'_>, depth: Depth) -> Outcome {
    let port = match &visit.mapper().await.port {
        Ok(port) => *port,
        Err(why) => {
            return Outcome::without_port(PortSource::RpcMapper, &ProbeError::new(PortState::Skipped, why.clone()));
        }
    };
    let ask = async |line: &mut Line| {
        bind(line, SERVICE_CONTROL).await?;
        Ok("the service control manager answers".to_owned())
    };
    visit.tcp(port, PortSource::RpcMapper, depth, ask).await
}
