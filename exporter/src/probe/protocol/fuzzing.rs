//! The decoders of network input, for the fuzz targets in `tests/fuzz`. Not a public interface: it exists only with the
//! feature `fuzzing`, and changes with the decoders.
//!
//! A conversation is held with a peer in memory that sends these bytes whatever it is asked, and closes. Such a peer
//! never makes a conversation wait, so one that does not end at once hangs.

use super::certificate;
use super::tcp::{Line, Stream};
use super::tds::{EngineFacts, packet, prelogin};
use super::tls::TlsFacts;
use super::verify::{Anchors, verify_certificate};
use super::{browser as sql_browser, rpc};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf, join, sink};

/// The longest evidence: a sentence with the first bytes of a peer's answer, escaped.
const EVIDENCE_LIMIT: usize = 200;

/// The answer of SQL Browser.
pub fn browser(datagram: &[u8]) {
    if let Some(found) = sql_browser::decode_answer(datagram) {
        // A byte of Latin-1 takes two of UTF-8.
        let kept = found.server.len() + found.instance.len() + found.version.len();
        assert!(kept <= 2 * datagram.len(), "{found:?}");
        assert_ne!(found.port, Some(0));
    }
}

/// The answer to PRELOGIN.
pub fn prelogin(message: &[u8]) {
    if let Some(found) = prelogin::decode(message) {
        assert!(found.version.is_some() && found.encryption.is_some(), "{found:?}");
    }
}

/// Packets that are reassembled to a message: the result must not depend on how the network splits the stream.
pub fn packets(stream: &[u8]) {
    let complete = hold(packet::read(&mut peer(stream))).ok();
    let drop_by_drop = hold(packet::read(&mut Line::over(join(Drops(stream), sink())))).ok();
    assert_eq!(complete, drop_by_drop);
    assert!(complete.is_none_or(|message| message.len() <= stream.len()));
}

/// All answers of an endpoint mapper: to the bind, then to `ept_map`, in fragments.
pub fn mapper(stream: &[u8]) {
    if let Ok(rpc::epm::Mapped::Port(port)) = hold(rpc::ask_mapper(&mut peer(stream), rpc::SERVICE_CONTROL)) {
        assert_ne!(port, 0);
    }
}

/// The marshalled result of `ept_map` alone, with its towers.
pub fn tower(stub: &[u8]) {
    assert_ne!(rpc::epm::decode_map(stub), Some(rpc::epm::Mapped::Port(0)));
}

macro_rules! answers {
    ($($protocol:ident),+) => {
        $(
            /// The answer to the one question of this protocol.
            pub fn $protocol(stream: &[u8]) {
                short(hold(super::$protocol::ask(&mut peer(stream))));
            }
        )+
    };
}
super::of_one_question!(answers);

/// A certificate as a server sends it, and the verdict of a client that verifies it.
pub fn certificate(der: &[u8]) {
    if let Some(found) = certificate::describe(der) {
        for name in [found.subject, found.issuer] {
            assert!(name.chars().count() <= certificate::NAME_LIMIT + 1, "{name}");
            assert!(!name.contains('\n'), "{name}");
        }
    }
    let tls = TlsFacts { version: String::new(), chain: vec![der.to_vec(), der.to_vec()] };
    let seen = EngineFacts { tls: Some(tls), ..EngineFacts::default() };
    for host in ["sql01.corp.example", "127.0.0.1", "::1", ""] {
        for anchors in [Anchors::new([]), Anchors::new([der.to_vec()])] {
            verify_certificate(&seen, host, &anchors, Timestamp::UNIX_EPOCH);
        }
    }
}

fn peer(says: &[u8]) -> Line<impl Stream> {
    Line::over(join(says, sink()))
}

/// The result of a conversation that never has to wait.
fn hold<T>(conversation: impl Future<Output = T>) -> T {
    let Some(result) = conversation.now_or_never() else { unreachable!("a peer in memory is always ready") };
    result
}

fn short(answer: Result<String, super::attempt::ProbeError>) {
    let evidence = answer.unwrap_or_else(|miss| miss.evidence);
    assert!(evidence.len() <= EVIDENCE_LIMIT && !evidence.contains('\n'), "{evidence}");
}

/// A stream that returns one byte at a time.
struct Drops<'a>(&'a [u8]);

impl AsyncRead for Drops<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if let Some((first, rest)) = self.0.split_first().filter(|_| buffer.remaining() > 0) {
            buffer.put_slice(&[*first]);
            self.0 = rest;
        }
        Poll::Ready(Ok(()))
    }
}
