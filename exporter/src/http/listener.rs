//! Opens the listening sockets.

use super::address::{Host, ListenAddress};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use tokio::net::TcpListener;

/// The length of the queue of connections that are not yet accepted.
const BACKLOG: i32 = 256;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; hint: {hint}")]
pub struct BindError {
    address: ListenAddress,
    hint: &'static str,
    source: io::Error,
}

/// Listens on every address. `:port` listens on IPv6 and IPv4 with one socket, and on IPv4 alone where the machine has
/// no IPv6. A name listens on every address that it resolves to.
///
/// Must be called within a tokio runtime. Resolving a name blocks; it happens once, at the start.
///
/// # Errors
/// The first address that cannot be bound, with what to do about it.
pub fn bind(addresses: &[ListenAddress]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let opened = match &address.host {
            Host::Any => any(address.port).map(|listener| vec![listener]),
            Host::Ip(ip) => listen(SocketAddr::new(*ip, address.port), true).map(|listener| vec![listener]),
            Host::Name(name) => named(name, address.port),
        };
        match opened {
            Ok(opened) => listeners.extend(opened),
            Err(source) => return Err(BindError { address: address.clone(), hint: hint(&source), source }),
        }
    }
    Ok(listeners)
}

fn any(port: u16) -> io::Result<TcpListener> {
    match listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), false) {
        // Where IPv6 is off, creating the socket, setting its option or binding it fails, depending on the system. An
        // address in use is a different fault, which falling back to IPv4 would hide.
        Err(error) if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), false)
        }
        done => done,
    }
}

fn named(name: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut addresses: Vec<SocketAddr> = (name, port).to_socket_addrs()?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_iter().map(|address| listen(address, true)).collect()
}

fn listen(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if matches!(address.ip(), IpAddr::V6(_)) {
        socket.set_only_v6(only_v6)?;
    }
    // On Unix this lets a restarted process bind while old connections linger. On Windows the same option would let
    // another process take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process, perhaps another msx_exporter, listens there: stop it or choose another port with \
             --web.listen-address"
        }
        io::ErrorKind::PermissionDenied => {
            "the system reserves this port: choose one above 1023 that is not excluded (Windows: netsh int ipv4 show \
             excludedportrange tcp)"
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has this address: use :PORT for all of them",
        _ => "see --web.listen-address",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::net::TcpStream;

    fn parse(text: &str) -> ListenAddress {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn every_address_is_reached() {
        let listeners = bind(&[parse(":0"), parse("127.0.0.1:0"), parse("localhost:0")]).unwrap();
        assert!(listeners.len() >= 3);
        let port = listeners[0].local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if listeners[0].local_addr().unwrap().is_ipv6() {
            TcpStream::connect(("::1", port)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_says_what_to_do() {
        let taken = bind(&[parse("127.0.0.1:0")]).unwrap();
        let port = taken[0].local_addr().unwrap().port();
        let error = bind(&[parse(&format!("127.0.0.1:{port}"))]).unwrap_err().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("--web.listen-address"), "{error}");
        let error = bind(&[parse(&format!(":{port}"))]).unwrap_err().to_string();
        assert!(error.contains("another process"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_says_so() {
        let error = bind(&[parse("192.0.2.1:0")]).unwrap_err().to_string();
        assert!(error.contains("no interface"), "{error}");
    }
}
