//! Asks a SQL Server for its properties from outside: PRELOGIN and the TLS handshake, never a login.
//!
//! The connection ends with a FIN. The server may still log that it ended before the login, which is why the background
//! checks only connect unless the configuration asks for more.

pub(crate) mod packet;
pub(crate) mod packets;
pub(super) mod prelogin;
#[cfg(test)]
mod tests;

use super::attempt::{ProbeError, Sockets};
use super::certificate;
use super::tcp::Line;
use super::tls::{Called, Opening, TlsClient, TlsFacts};
use crate::model::duration::span;
use crate::model::{Certificate, PortState};
use packet::{Kind, PacketError};
use prelogin::{ENCRYPT_OFF, Prelogin, PreloginAnswer};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The first byte of a token stream that begins with an error ([MS-TDS] 2.2.7.10): the server refuses the client.
const ERROR_TOKEN: u8 = 0xaa;
/// Content types of TLS records with which a server can begin.
const TLS_ALERT: u8 = 0x15;
const TLS_HANDSHAKE: u8 = 0x16;

/// The server to ask, and how.
#[derive(Debug, Clone, Copy)]
pub struct Gaze<'a> {
    /// The addresses of the host, with the port of the instance.
    pub addresses: &'a [SocketAddr],
    /// The host's name, for TLS.
    pub host: &'a str,
    /// The bare name of the expected instance; empty for the default instance.
    pub instance: &'a str,
    /// Starts TLS before the first byte of TDS. Otherwise that is tried only where PRELOGIN is not understood.
    pub strict: bool,
    /// The time limit of the connect, and again of everything after it.
    pub patience: Duration,
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    /// Open, or why it is not.
    pub state: PortState,
    /// The address that answered, or the one with the most significant failure.
    pub address: Option<SocketAddr>,
    /// How long the connect took.
    pub connect: Option<Duration>,
    /// How long PRELOGIN and the handshake took.
    pub handshake: Option<Duration>,
    /// The properties that the server reports.
    pub facts: EngineFacts,
    /// The result in words.
    pub evidence: String,
}

/// What a SQL Server shows any client before the login.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineFacts {
    /// The version of the product, such as `16.0.4135`.
    pub version: Option<String>,
    /// The encryption that it demands of its clients.
    pub encryption: Option<Encryption>,
    /// Whether the instance has the requested name; only where the server says so.
    pub instance_matches: Option<bool>,
    /// The handshake; `None` without TLS.
    pub tls: Option<TlsFacts>,
    /// The server's own certificate.
    pub certificate: Option<Certificate>,
}

/// The part of a session that a SQL Server wants encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing: it has no certificate.
    Unavailable,
    /// The login, and the remaining session where the client asks for it.
    Optional,
    /// The complete session.
    Required,
    /// The complete session, with TLS before the first byte of TDS.
    Strict,
}

impl Encryption {
    /// The word in series, pages and logs.
    pub fn name(self) -> &'static str {
        match self {
            Encryption::Unavailable => "unavailable",
            Encryption::Optional => "optional",
            Encryption::Required => "required",
            Encryption::Strict => "strict",
        }
    }
}

/// Connects, asks for version, encryption and certificate, and closes without a login.
pub async fn look(gaze: Gaze<'_>, sockets: &Sockets) -> Engine {
    let mut seen = Engine {
        state: PortState::Open,
        address: None,
        connect: None,
        handshake: None,
        facts: EngineFacts::default(),
        evidence: String::new(),
    };
    let line = match Line::open(gaze.addresses, gaze.patience, sockets).await {
        Ok(line) => line,
        Err((address, miss)) => return Engine { state: miss.state, address, evidence: miss.evidence, ..seen },
    };
    (seen.address, seen.connect) = (Some(line.address), Some(line.took));
    let started = Instant::now();
    let deadline = started + gaze.patience;
    let mut outcome = if gaze.strict {
        strict(line, gaze, deadline, &mut seen.facts).await
    } else {
        plain(line, gaze, deadline, &mut seen.facts).await
    };
    if let Err(Stop::WantsTls) = outcome {
        let address = seen.address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        outcome = match Line::open(&[address], gaze.patience, sockets).await {
            Ok(line) => strict(line, gaze, deadline, &mut seen.facts).await,
            Err((_, miss)) => Err(Stop::ProbeError(miss)),
        };
    }
    seen.handshake = Some(started.elapsed());
    let (state, trouble) = match outcome {
        Ok(()) => (PortState::Open, None),
        Err(Stop::ProbeError(miss)) => (miss.state, Some(miss.evidence)),
        Err(Stop::WantsTls) => (PortState::WrongProtocol, Some("it closed the connection at PRELOGIN".to_owned())),
    };
    seen.state = state;
    seen.evidence = seen.facts.in_words(trouble);
    seen
}

/// Why the conversation ended early.
enum Stop {
    ProbeError(ProbeError),
    /// PRELOGIN in clear was not understood, as on a server that accepts TDS 8 only.
    WantsTls,
}

fn wrong(evidence: impl Into<String>) -> Stop {
    Stop::ProbeError(ProbeError::new(PortState::WrongProtocol, evidence))
}

/// Another protocol answered; its first bytes are the evidence.
fn strange(bytes: &[u8]) -> Stop {
    let first = bytes.get(..16).unwrap_or(bytes);
    wrong(format!("it answered with \"{}\"", first.escape_ascii()))
}

fn tls_failed(evidence: impl Into<String>) -> Stop {
    Stop::ProbeError(ProbeError::new(PortState::TlsFailed, evidence))
}

/// TDS 7: PRELOGIN in clear, then TLS inside packets. Closes the connection.
async fn plain(mut line: Line, gaze: Gaze<'_>, deadline: Instant, facts: &mut EngineFacts) -> Result<(), Stop> {
    let conversation = async {
        line.send(&prelogin::encode(gaze.instance, ENCRYPT_OFF)).await.map_err(|_| Stop::WantsTls)?;
        let answer = match packet::read(&mut line).await {
            Ok(message) if message.first() == Some(&ERROR_TOKEN) => return Ok(()),
            Ok(message) => {
                prelogin::decode(&message).ok_or_else(|| wrong("its answer to PRELOGIN is not understood"))?
            }
            Err(PacketError::Closed | PacketError::Tls) => return Err(Stop::WantsTls),
            Err(PacketError::Strange(bytes)) => {
                return Err(strange(&bytes));
            }
            Err(PacketError::Io(error)) => return Err(wrong(error.to_string())),
        };
        facts.take(&answer);
        if answer.encryption == Some(PreloginAnswer::NotSupported) {
            return Ok(());
        }
        let called = Called { host: gaze.host, address: line.address.ip() };
        let mut tls = TlsClient::new(called, Opening::InsidePackets).map_err(tls_failed)?;
        while tls.handshaking() {
            let flight = tls.take();
            if !flight.is_empty() {
                let bytes = packet::encode(Kind::Prelogin, &flight);
                line.send(&bytes).await.map_err(|error| tls_failed(error.to_string()))?;
            }
            let received = packet::read(&mut line).await.map_err(|broken| match broken {
                PacketError::Io(error) => tls_failed(error.to_string()),
                _ => tls_failed("it ended the connection in the middle of the TLS handshake"),
            })?;
            tls.give(&received).map_err(tls_failed)?;
        }
        facts.take_tls(tls.facts());
        Ok(())
    };
    let outcome = timeout_at(deadline, conversation).await;
    line.close().await;
    outcome.unwrap_or_else(|_| Err(silent(gaze.patience, facts)))
}

/// TDS 8: TLS first, then PRELOGIN inside it. Closes the connection.
async fn strict(mut line: Line, gaze: Gaze<'_>, deadline: Instant, facts: &mut EngineFacts) -> Result<(), Stop> {
    let conversation = async {
        let called = Called { host: gaze.host, address: line.address.ip() };
        let mut tls = TlsClient::new(called, Opening::Strict).map_err(tls_failed)?;
        let mut said_anything = false;
        let mut buffer = vec![0; 4096];
        let mut asked = false;
        let mut answer = Vec::new();
        loop {
            if !tls.handshaking() && !asked {
                facts.take_tls(tls.facts());
                tls.write(&prelogin::encode(gaze.instance, ENCRYPT_OFF)).map_err(tls_failed)?;
                asked = true;
            }
            line.send(&tls.take()).await.map_err(|error| tls_failed(error.to_string()))?;
            let count = line.receive(&mut buffer).await.unwrap_or(0);
            let received = buffer.get(..count).unwrap_or_default();
            if received.is_empty() {
                return Err(match (asked, said_anything) {
                    (true, _) => wrong("it ended the connection at PRELOGIN inside of TLS"),
                    (false, true) => tls_failed("it ended the connection in the middle of the TLS handshake"),
                    (false, false) => wrong("it ended the connection without a word, at PRELOGIN and at TLS"),
                });
            }
            if !said_anything && !matches!(received.first(), Some(&TLS_ALERT | &TLS_HANDSHAKE)) {
                return Err(strange(received));
            }
            said_anything = true;
            tls.give(received).map_err(tls_failed)?;
            answer.append(&mut tls.read());
            if let Some(found) = answer.get(8..).and_then(prelogin::decode) {
                facts.take(&found);
                facts.encryption = Some(Encryption::Strict);
                return Ok(());
            }
            if answer.len() > 4096 {
                return Err(wrong("its answer to PRELOGIN inside of TLS is not understood"));
            }
        }
    };
    let outcome = timeout_at(deadline, conversation).await;
    line.close().await;
    outcome.unwrap_or_else(|_| Err(silent(gaze.patience, facts)))
}

/// The connection was made, but the conversation did not end in time.
fn silent(patience: Duration, facts: &EngineFacts) -> Stop {
    if facts.version.is_some() {
        return tls_failed(format!("the TLS handshake did not end in {}", span(patience)));
    }
    wrong(format!("it accepted the connection and did not answer in {}", span(patience)))
}

impl EngineFacts {
    fn take(&mut self, answer: &Prelogin) {
        self.version.clone_from(&answer.version);
        self.instance_matches = answer.instance_matches;
        self.encryption = answer.encryption.map(|answer| match answer {
            PreloginAnswer::Off => Encryption::Optional,
            PreloginAnswer::Required => Encryption::Required,
            PreloginAnswer::NotSupported => Encryption::Unavailable,
        });
    }

    fn take_tls(&mut self, tls: TlsFacts) {
        self.certificate = tls.chain.first().and_then(|der| certificate::describe(der));
        self.tls = Some(tls);
    }

    /// The properties and the failure, in one line.
    fn in_words(&self, trouble: Option<String>) -> String {
        let mut words = Vec::new();
        words.extend(self.version.as_ref().map(|version| format!("SQL Server {version}")));
        words.extend(self.encryption.map(|encryption| format!("encryption {}", encryption.name())));
        words.extend(self.tls.as_ref().map(|tls| tls.version.clone()));
        words.extend(self.certificate.as_ref().map(|certificate| {
            let kind = if certificate.self_signed { "self-signed certificate" } else { "certificate" };
            format!("{kind} {} until {}", certificate.subject, certificate.not_after)
        }));
        if self.instance_matches == Some(false) {
            words.push("another instance than the one that was asked for".to_owned());
        }
        words.extend(trouble);
        if words.is_empty() { "it refused before any login".to_owned() } else { words.join(", ") }
    }
}
