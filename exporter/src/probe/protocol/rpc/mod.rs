//! Asks the RPC endpoint mapper (TCP 135) for the port of an interface, without authentication.
//!
//! The wizard that makes a target asks the service control manager whether SQL Server Agent runs. It tries RPC over TCP
//! first: the mapper, then the dynamic port that the mapper names. An open port 135 says nothing about the latter.

pub(crate) mod epm;
mod pdu;
mod registered;

use super::tcp::{Line, Stream};
use pdu::{HEAD, RpcAnswer};
use std::io;

use epm::Mapped;
pub use pdu::{Interface, SERVICE_CONTROL};
pub use registered::registered_port;

/// ERROR_ACCESS_DENIED as status of a fault: the policy RestrictRemoteClients forbids anonymous questions.
const ACCESS_DENIED: u32 = 5;
/// RPC_S_SEC_PKG_ERROR, which some versions answer instead.
const SECURITY_PACKAGE: u32 = 1825;
/// The longest result that is reassembled from fragments.
const RESULT_LIMIT: usize = 16 * 1024;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum RpcError {
    /// The peer speaks RPC and denies access.
    Denied(String),
    /// The peer speaks RPC and reports another failure.
    Failed(String),
    /// The answer is not RPC.
    Strange(String),
    /// The connection ended or failed.
    Io(io::Error),
}

impl From<io::Error> for RpcError {
    fn from(error: io::Error) -> RpcError {
        RpcError::Io(error)
    }
}

/// Asks the endpoint mapper on this connection for the port of an interface.
pub(crate) async fn ask_mapper(line: &mut Line<impl Stream>, interface: Interface) -> Result<Mapped, RpcError> {
    bind(line, pdu::ENDPOINT_MAPPER).await?;
    line.send(&pdu::encode_request(epm::EPT_MAP, &epm::encode_map(interface))).await?;
    let mut result = Vec::new();
    loop {
        match receive(line).await? {
            RpcAnswer::Result { mut stub, last } => {
                result.append(&mut stub);
                if last {
                    let strange = || RpcError::Strange("its answer to ept_map is not understood".to_owned());
                    return epm::decode_map(&result).ok_or_else(strange);
                }
                if result.len() > RESULT_LIMIT {
                    return Err(RpcError::Strange("its answer to ept_map does not end".to_owned()));
                }
            }
            RpcAnswer::Fault(status) => return Err(fault(status)),
            RpcAnswer::Bound | RpcAnswer::NotBound(_) => {
                return Err(RpcError::Strange("it answered a call with a bind".to_owned()));
            }
        }
    }
}

/// Binds to an interface on this connection, which proves that it exists there.
pub(crate) async fn bind(line: &mut Line<impl Stream>, interface: Interface) -> Result<(), RpcError> {
    line.send(&pdu::encode_bind(interface)).await?;
    match receive(line).await? {
        RpcAnswer::Bound => Ok(()),
        RpcAnswer::NotBound(reason) => Err(RpcError::Failed(format!("the bind was refused for reason {reason}"))),
        RpcAnswer::Fault(status) => Err(fault(status)),
        RpcAnswer::Result { .. } => Err(RpcError::Strange("it answered a bind with a result".to_owned())),
    }
}

fn fault(status: u32) -> RpcError {
    match status {
        ACCESS_DENIED | SECURITY_PACKAGE => {
            RpcError::Denied(format!("anonymous questions are refused (status {status}, policy RestrictRemoteClients)"))
        }
        _ => RpcError::Failed(format!("fault {status:#010x}")),
    }
}

async fn receive(line: &mut Line<impl Stream>) -> Result<RpcAnswer, RpcError> {
    let mut head = [0; HEAD];
    line.receive_all(&mut head).await?;
    let strange = || RpcError::Strange(format!("it answered with \"{}\"", head.escape_ascii()));
    let length = pdu::decode_length(&head).ok_or_else(strange)?;
    let mut body = vec![0; length.saturating_sub(HEAD)];
    line.receive_all(&mut body).await?;
    pdu::decode(&head, &body).ok_or_else(strange)
}

#[cfg(test)]
pub(crate) mod samples;
