//! The probe of one instance: the state that its checks share, and the table of the checks.

use super::{browser, engine, rpc};
use crate::config::Depth;
use crate::model::duration::span;
use crate::model::{BROWSER_PORT, Check, DEFAULT_PORT, PortSource, PortState};
use crate::probe::destination::Destination;
use crate::probe::port_results::Finding;
use crate::probe::protocol::attempt::{ProbeError, Sockets};
use crate::probe::protocol::browser::{Announced, ask_any};
use crate::probe::protocol::tcp::Line;
use crate::probe::protocol::{netbios, smb};
use enum_map::EnumMap;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout, timeout_at};

/// One row of the table.
struct Row {
    transport: &'static str,
    /// The well-known port of its protocol.
    own_port: Option<u16>,
    run: for<'a> fn(&'a HostProbe<'a>, Depth) -> BoxFuture<'a, Outcome>,
}

/// The table of the checks.
fn row(check: Check) -> Row {
    match check {
        Check::Engine => Row {
            transport: "tcp",
            own_port: Some(DEFAULT_PORT),
            run: |visit, depth| Box::pin(engine::check(visit, depth)),
        },
        Check::Browser => {
            Row { transport: "udp", own_port: Some(BROWSER_PORT), run: |visit, _| Box::pin(browser::check(visit)) }
        }
        Check::RpcMapper => {
            Row { transport: "tcp", own_port: Some(135), run: |visit, depth| Box::pin(rpc::check_mapper(visit, depth)) }
        }
        Check::RpcScm => {
            Row { transport: "tcp", own_port: None, run: |visit, depth| Box::pin(rpc::check_scm(visit, depth)) }
        }
        Check::Netbios => Row {
            transport: "tcp",
            own_port: Some(139),
            run: |visit, depth| Box::pin(visit.ask(Check::Netbios, depth, netbios::ask)),
        },
        Check::Smb => Row {
            transport: "tcp",
            own_port: Some(445),
            run: |visit, depth| Box::pin(visit.ask(Check::Smb, depth, smb::ask)),
        },
    }
}

/// `tcp` or `udp`.
pub(crate) fn transport(check: Check) -> &'static str {
    row(check).transport
}

/// The well-known port of the protocol of a check.
pub(crate) fn own_port(check: Check) -> Option<u16> {
    row(check).own_port
}

/// The well-known ports of the protocols, which tests replace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers(EnumMap<Check, Option<u16>>);

impl Numbers {
    /// The port of this check; 0, which is never connected to, where its protocol has no well-known port.
    pub(crate) fn of(&self, check: Check) -> u16 {
        self.0[check].unwrap_or_default()
    }

    /// Replaces the port of one check.
    #[cfg(test)]
    pub(crate) fn with(mut self, check: Check, port: u16) -> Numbers {
        self.0[check] = Some(port);
        self
    }
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers(EnumMap::from_fn(own_port))
    }
}

/// The state that the checks of one instance share.
#[derive(Debug)]
pub(crate) struct HostProbe<'a> {
    pub(crate) destination: &'a Destination,
    pub(crate) numbers: Numbers,
    pub(crate) patience: Duration,
    addresses: Result<&'a [IpAddr], &'a ProbeError>,
    sockets: &'a Sockets,
    end: Option<Instant>,
    announced: OnceCell<Announced>,
    mapper: OnceCell<rpc::MapperLook>,
}

/// The result of one check, before it is assigned to a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) state: PortState,
    pub(crate) port: Option<u16>,
    pub(crate) source: PortSource,
    pub(crate) address: Option<IpAddr>,
    pub(crate) protocol_ok: Option<bool>,
    pub(crate) connect: Option<Duration>,
    pub(crate) handshake: Option<Duration>,
    pub(crate) version: Option<String>,
    pub(crate) evidence: String,
}

impl Outcome {
    /// The result where no port is known, so nothing was sent.
    pub(crate) fn without_port(source: PortSource, miss: &ProbeError) -> Outcome {
        Outcome {
            state: miss.state,
            port: None,
            source,
            address: None,
            protocol_ok: None,
            connect: None,
            handshake: None,
            version: None,
            evidence: miss.evidence.clone(),
        }
    }
}

impl Outcome {
    /// The result of a check that the caller no longer waits for.
    fn out_of_time() -> Outcome {
        let miss = ProbeError::new(PortState::Skipped, "no answer within the time that the caller waits");
        Outcome::without_port(PortSource::Default, &miss)
    }
}

impl<'a> HostProbe<'a> {
    pub(crate) fn new(
        destination: &'a Destination,
        addresses: Result<&'a [IpAddr], &'a ProbeError>,
        numbers: Numbers,
        patience: Duration,
        sockets: &'a Sockets,
        end: Option<Instant>,
    ) -> HostProbe<'a> {
        let (announced, mapper) = (OnceCell::new(), OnceCell::new());
        HostProbe { destination, numbers, patience, addresses, sockets, end, announced, mapper }
    }

    /// Runs one check.
    pub(crate) async fn run(&self, check: Check, depth: Depth, required: bool) -> Finding {
        let row = row(check);
        let outcome = match self.addresses {
            Ok(_) => match self.end {
                Some(end) => timeout_at(end, (row.run)(self, depth)).await.unwrap_or_else(|_| Outcome::out_of_time()),
                None => (row.run)(self, depth).await,
            },
            Err(miss) => Outcome::without_port(PortSource::Default, miss),
        };
        Finding {
            check,
            direction: self.destination.direction,
            master: self.destination.master.clone(),
            state: outcome.state,
            required,
            port: outcome.port,
            transport: row.transport,
            source: outcome.source,
            address: outcome.address,
            protocol_ok: outcome.protocol_ok,
            connect: outcome.connect,
            handshake: outcome.handshake,
            version: outcome.version,
            checked_at: Timestamp::now(),
            evidence: outcome.evidence,
        }
    }

    /// The bare instance name, empty for the default instance.
    pub(crate) fn instance(&self) -> &str {
        self.destination.instance.as_deref().unwrap_or_default()
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        self.sockets
    }

    /// The addresses of the host with a port.
    pub(crate) fn at(&self, port: u16) -> Vec<SocketAddr> {
        self.addresses.unwrap_or_default().iter().map(|address| SocketAddr::new(*address, port)).collect()
    }

    /// The announcement of SQL Browser for the instance; asked once for all checks of the host.
    pub(crate) async fn announced(&self) -> &Announced {
        let ask = || async {
            let browsers = self.at(self.numbers.of(Check::Browser));
            ask_any(&browsers, self.instance(), self.patience, self.sockets).await
        };
        self.announced.get_or_init(ask).await
    }

    /// The port of the service control manager by the endpoint mapper; asked once for all checks of the host.
    pub(crate) async fn mapper(&self) -> &rpc::MapperLook {
        self.mapper.get_or_init(|| rpc::look_at_mapper(self)).await
    }

    /// A TCP check of the well-known port.
    async fn ask<T>(&self, check: Check, depth: Depth, talk: T) -> Outcome
    where
        T: AsyncFnOnce(&mut Line) -> Result<String, ProbeError>,
    {
        self.tcp(self.numbers.of(check), PortSource::Default, depth, talk).await
    }

    /// A TCP check: connects, and with [`Depth::Protocol`] holds a conversation that returns its evidence, or why it
    /// failed.
    pub(crate) async fn tcp<T>(&self, port: u16, source: PortSource, depth: Depth, talk: T) -> Outcome
    where
        T: AsyncFnOnce(&mut Line) -> Result<String, ProbeError>,
    {
        let mut outcome = Outcome {
            state: PortState::Open,
            port: Some(port),
            source,
            address: None,
            protocol_ok: None,
            connect: None,
            handshake: None,
            version: None,
            evidence: String::new(),
        };
        let mut line = match Line::open(&self.at(port), self.patience, self.sockets).await {
            Ok(line) => line,
            Err((address, miss)) => {
                let address = address.map(|address| address.ip());
                return Outcome { state: miss.state, address, evidence: miss.evidence, ..outcome };
            }
        };
        outcome.address = Some(line.address.ip());
        outcome.connect = Some(line.took);
        if depth == Depth::Connect {
            outcome.evidence = format!("{} accepted the connection", line.address);
        } else {
            let started = Instant::now();
            let silent = |_| {
                let evidence = format!("it accepted the connection and did not answer in {}", span(self.patience));
                Err(ProbeError::new(PortState::WrongProtocol, evidence))
            };
            let said = timeout(self.patience, talk(&mut line)).await.unwrap_or_else(silent);
            outcome.handshake = Some(started.elapsed());
            let (state, evidence) = match said {
                Ok(words) => (PortState::Open, words),
                Err(miss) => (miss.state, miss.evidence),
            };
            outcome.state = state;
            outcome.protocol_ok = protocol_ok(state);
            outcome.evidence = evidence;
        }
        line.close().await;
        outcome
    }
}

/// Whether the expected protocol answered, derived from the state of a check that spoke it.
pub(crate) fn protocol_ok(state: PortState) -> Option<bool> {
    match state {
        PortState::Open | PortState::Denied => Some(true),
        PortState::WrongProtocol | PortState::TlsFailed => Some(false),
        _ => None,
    }
}
