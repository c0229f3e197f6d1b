//! TLS inside of PRELOGIN packets ([MS-TDS] 2.2.6.5), and bare once the handshake has ended.

use crate::probe::protocol::packets;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const HEADER: usize = 8;

/// A stream whose bytes travel in packets for now.
pub(super) struct InPackets<S> {
    inner: S,
    handshaking: bool,
    /// What was written and does not stand in packets yet.
    flight: Vec<u8>,
    /// What stands in packets and was not sent yet.
    sending: Vec<u8>,
    header: Vec<u8>,
    /// What is left of the packet that is being read.
    left: usize,
}

impl<S> InPackets<S> {
    pub(super) fn new(inner: S, handshaking: bool) -> InPackets<S> {
        InPackets { inner, handshaking, flight: Vec::new(), sending: Vec::new(), header: Vec::new(), left: 0 }
    }

    /// From now on nothing is packed.
    pub(super) fn finish(&mut self) {
        self.handshaking = false;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InPackets<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.handshaking && this.left == 0 {
            let mut bytes = [0; HEADER];
            let mut rest = ReadBuf::new(bytes.get_mut(this.header.len()..).unwrap_or_default());
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut rest))?;
            if rest.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.header.extend_from_slice(rest.filled());
            if let [_, _, high, low, _, _, _, _] = this.header.as_slice() {
                this.left = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(HEADER);
                this.header.clear();
            }
        }
        if !this.handshaking && this.left == 0 {
            return Pin::new(&mut this.inner).poll_read(cx, buf);
        }
        let mut bytes = [0; 4096];
        let most = this.left.min(buf.remaining()).min(bytes.len());
        let mut part = ReadBuf::new(bytes.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        this.left -= part.filled().len();
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InPackets<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.handshaking {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        }
        self.flight.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.flight.is_empty() {
            this.sending.extend(packets::prelogin(&this.flight));
            this.flight.clear();
        }
        while !this.sending.is_empty() {
            let sent = ready!(Pin::new(&mut this.inner).poll_write(cx, &this.sending))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.sending.drain(..sent);
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
