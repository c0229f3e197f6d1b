//! The registered port of an interface, asked on a connection of its own.

use super::epm::Mapped;
use super::{Interface, RpcError, ask_mapper};
use crate::model::PortState;
use crate::model::duration::span;
use crate::probe::protocol::attempt::{ProbeError, Sockets};
use crate::probe::protocol::tcp::Line;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

impl From<RpcError> for ProbeError {
    fn from(trouble: RpcError) -> ProbeError {
        match trouble {
            RpcError::Denied(evidence) => ProbeError::new(PortState::Denied, evidence),
            // A failure reported in RPC still proves the protocol, which is all that this check is for.
            RpcError::Failed(evidence) => ProbeError::new(PortState::Open, evidence),
            RpcError::Strange(evidence) => ProbeError::new(PortState::WrongProtocol, evidence),
            RpcError::Io(error) => ProbeError::wrong_protocol(&error),
        }
    }
}

/// The TCP port of an interface by the endpoint mapper at one of these addresses; `None` where it is not registered for
/// TCP.
///
/// # Errors
/// Why the mapper cannot be reached or does not answer the question.
pub async fn registered_port(
    mappers: &[SocketAddr],
    interface: Interface,
    patience: Duration,
    sockets: &Sockets,
) -> Result<Option<u16>, ProbeError> {
    let mut line = Line::open(mappers, patience, sockets).await.map_err(|(_, miss)| miss)?;
    let answer = timeout(patience, ask_mapper(&mut line, interface)).await;
    line.close().await;
    match answer {
        Ok(Ok(Mapped::Port(port))) => Ok(Some(port)),
        Ok(Ok(Mapped::NotRegistered)) => Ok(None),
        Ok(Ok(Mapped::Failed(status))) => {
            Err(ProbeError::new(PortState::Open, format!("the look-up failed: {status:#010x}")))
        }
        Ok(Err(trouble)) => Err(trouble.into()),
        Err(_) => Err(ProbeError::new(PortState::WrongProtocol, format!("no answer in {}", span(patience)))),
    }
}
