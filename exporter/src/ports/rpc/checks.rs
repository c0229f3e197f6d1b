//! The checks of the mapper and of the port that it names for the service control manager.

use super::{Interface, Mapped, SERVICE_CONTROL, Trouble, ask_mapper, bind};
use crate::config::Depth;
use crate::ports::attempt::{Miss, Sockets};
use crate::ports::board::{PortSource, PortState};
use crate::ports::tcp::Line;
use crate::ports::visit::{Outcome, Visit};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// What the mapper said in this visit.
#[derive(Debug)]
pub(crate) struct MapperLook {
    outcome: Outcome,
    /// The port of the service control manager, or why nobody tells it.
    port: Result<u16, String>,
}

impl From<Trouble> for Miss {
    fn from(trouble: Trouble) -> Miss {
        match trouble {
            Trouble::Denied(evidence) => Miss::new(PortState::Denied, evidence),
            // It speaks RPC, which is all that the port is asked for.
            Trouble::Failed(evidence) => Miss::new(PortState::Open, evidence),
            Trouble::Strange(evidence) => Miss::new(PortState::WrongProtocol, evidence),
            Trouble::Io(error) => Miss::wrong_protocol(&error),
        }
    }
}

/// On which TCP port an interface listens, as the endpoint mapper at one of these addresses tells; `None` where it is
/// not registered for TCP.
///
/// # Errors
/// Why the mapper cannot be reached or does not tell.
pub async fn registered_port(
    mappers: &[SocketAddr],
    interface: Interface,
    patience: Duration,
    sockets: &Sockets,
) -> Result<Option<u16>, Miss> {
    let mut line = Line::open(mappers, patience, sockets).await.map_err(|(_, miss)| miss)?;
    let answer = timeout(patience, ask_mapper(&mut line, interface)).await;
    line.close().await;
    match answer {
        Ok(Ok(Mapped::Port(port))) => Ok(Some(port)),
        Ok(Ok(Mapped::NotRegistered)) => Ok(None),
        Ok(Ok(Mapped::Failed(status))) => {
            Err(Miss::new(PortState::Open, format!("the look-up failed: {status:#010x}")))
        }
        Ok(Err(trouble)) => Err(trouble.into()),
        Err(_) => Err(Miss::new(PortState::WrongProtocol, format!("no answer in {patience:?}"))),
    }
}

/// Asks the mapper for the service control manager.
pub(crate) async fn look_at_mapper(visit: &Visit<'_>) -> MapperLook {
    let mut told = None;
    let ask = async |line: &mut Line| {
        let mapped = ask_mapper(line, SERVICE_CONTROL).await?;
        let words = match mapped {
            Mapped::Port(port) => format!("names TCP {port} for the service control manager"),
            Mapped::NotRegistered => "knows no TCP port of the service control manager".to_owned(),
            Mapped::Failed(status) => format!("could not look up the service control manager, status {status:#010x}"),
        };
        if let Mapped::Port(port) = mapped {
            told = Some(port);
        }
        Ok(words)
    };
    let outcome = visit.tcp(visit.numbers.mapper, PortSource::Default, Depth::Protocol, ask).await;
    let unknown =
        || format!("nobody tells its port; the endpoint mapper, TCP {}: {}", visit.numbers.mapper, outcome.evidence);
    MapperLook { port: told.ok_or_else(unknown), outcome }
}

/// The check of the mapper itself.
pub(crate) async fn check_mapper(visit: &Visit<'_>, depth: Depth) -> Outcome {
    match depth {
        Depth::Protocol => visit.mapper().await.outcome.clone(),
        Depth::Connect => {
            visit.tcp(visit.numbers.mapper, PortSource::Default, depth, async |_| Ok(String::new())).await
        }
    }
}

/// The check of the port that the mapper names: whether it can be reached, and with [`Depth::Protocol`] whether the
/// service control manager is there.
pub(crate) async fn check_scm(visit: &Visit<'_>, depth: Depth) -> Outcome {
    let port = match &visit.mapper().await.port {
        Ok(port) => *port,
        Err(why) => {
            return Outcome::without_port(PortSource::RpcMapper, &Miss::new(PortState::Skipped, why.clone()));
        }
    };
    let ask = async |line: &mut Line| {
        bind(line, SERVICE_CONTROL).await?;
        Ok("the service control manager answers".to_owned())
    };
    visit.tcp(port, PortSource::RpcMapper, depth, ask).await
}
