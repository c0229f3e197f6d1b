//! TLS in its two places: inside PRELOGIN packets ([MS-TDS] 2.2.6.5 and 3.2.5.2) and before the first packet (TDS 8.0,
//! [MS-TDS] 2.2.6.5 and its ALPN `tds/8.0`).
//!
//! Inside packets the server speaks TLS 1.2 and nothing newer: the tickets of TLS 1.3 would leave it after the client
//! has stopped to unwrap packets.

use super::certs::Identity;
use super::link::Link;
use super::packet::{HEADER, kind, status};
use bytes::{Buf, BufMut, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig, SupportedProtocolVersion, version};

/// The protocol's name in TLS, since TDS 8.0.
const ALPN: &[u8] = b"tds/8.0";
/// What is written goes in packets no longer than this until the login has settled a size.
const HANDSHAKE_PACKET: usize = 4096;

fn config(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> Result<ServerConfig, rustls::Error> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(identity.chain().to_vec(), identity.key())
}

/// Shakes hands inside PRELOGIN packets.
///
/// # Errors
/// What rustls says of the handshake, or of the identity.
pub(crate) async fn accept_in_packets(tcp: TcpStream, identity: &Identity) -> io::Result<Link> {
    let config = config(identity, &[&version::TLS12]).map_err(io::Error::other)?;
    let mut tls = TlsAcceptor::from(Arc::new(config)).accept(Wrapped::in_packets(tcp)).await?;
    tls.get_mut().0.unwrap_packets();
    Ok(Link::Tls(Box::new(tls)))
}

/// Shakes hands before the first packet. A client that does not name TDS 8.0 is refused.
///
/// # Errors
/// What rustls says of the handshake, or of the identity.
pub(crate) async fn accept_strict(tcp: TcpStream, identity: &Identity) -> io::Result<Link> {
    let mut config = config(identity, &[&version::TLS12, &version::TLS13]).map_err(io::Error::other)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config)).accept(Wrapped::bare(tcp)).await?;
    if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not offer tds/8.0"));
    }
    Ok(Link::Tls(Box::new(tls)))
}

/// A socket whose bytes travel inside PRELOGIN packets until the handshake has ended.
#[derive(Debug)]
pub(crate) struct Wrapped {
    tcp: TcpStream,
    wrapping: bool,
    header: BytesMut,
    left: usize,
    outgoing: BytesMut,
    framed: BytesMut,
}

impl Wrapped {
    fn in_packets(tcp: TcpStream) -> Wrapped {
        Wrapped { wrapping: true, ..Wrapped::bare(tcp) }
    }

    fn bare(tcp: TcpStream) -> Wrapped {
        Wrapped {
            tcp,
            wrapping: false,
            header: BytesMut::new(),
            left: 0,
            outgoing: BytesMut::new(),
            framed: BytesMut::new(),
        }
    }

    fn unwrap_packets(&mut self) {
        self.wrapping = false;
    }

    pub(crate) fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    /// Reads the header of the next packet.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.header.len() < HEADER {
            let mut piece = [0; HEADER];
            let mut buf = ReadBuf::new(&mut piece[self.header.len()..]);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.header.put_slice(buf.filled());
        }
        let length = usize::from(u16::from_be_bytes([self.header[2], self.header[3]]));
        if self.header[0] != kind::PRELOGIN || length < HEADER {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "no PRELOGIN packet in the handshake")));
        }
        self.left = length - HEADER;
        self.header.clear();
        Poll::Ready(Ok(()))
    }

    /// Puts into packets what the handshake has written so far.
    fn frame(&mut self) {
        while !self.outgoing.is_empty() {
            let length = self.outgoing.len().min(HANDSHAKE_PACKET - HEADER);
            let last = if length == self.outgoing.len() { status::END } else { 0 };
            self.framed.put_slice(&[kind::PRELOGIN, last]);
            self.framed.put_u16((HEADER + length) as u16);
            self.framed.put_slice(&[0, 0, 1, 0]);
            self.framed.put_slice(&self.outgoing[..length]);
            self.outgoing.advance(length);
        }
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.wrapping {
            return Pin::new(&mut this.tcp).poll_read(cx, buf);
        }
        while this.left == 0 {
            ready!(this.poll_header(cx))?;
        }
        let mut piece = [0; 2048];
        let room = this.left.min(buf.remaining()).min(piece.len());
        let mut part = ReadBuf::new(&mut piece[..room]);
        ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut part))?;
        this.left -= part.filled().len();
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.wrapping {
            return Pin::new(&mut this.tcp).poll_write(cx, buf);
        }
        this.outgoing.put_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.frame();
        while !this.framed.is_empty() {
            let written = ready!(Pin::new(&mut this.tcp).poll_write(cx, &this.framed))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.framed.advance(written);
        }
        Pin::new(&mut this.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
