//! What the driver sees of a connection whose PRELOGIN and TLS are done: a server without encryption.
//!
//! It also joins the two messages with which a server answers an attention. A server ends the answer with an error and
//! acknowledges in a message of its own; `cancel_query` of tiberius 0.13 reads no further than the first and would lose
//! the connection. So the mark of the end is taken from all packets before the acknowledgement.

use crate::probe::protocol::packets;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const HEADER: usize = 8;
const ATTENTION: u8 = 0x06;
const END_OF_MESSAGE: u8 = 0x01;
/// A DONE token and its length, and the bit of its status that acknowledges an attention ([MS-TDS] 2.2.7.6).
const DONE: u8 = 0xfd;
const DONE_LENGTH: usize = 13;
const DONE_ATTENTION: u8 = 0x20;

pub(super) struct Greeted<S> {
    inner: S,
    /// Whether the driver's PRELOGIN is still to come.
    expects_prelogin: bool,
    /// What the driver is to read before anything else.
    ready: Vec<u8>,
    /// A packet that is not complete yet, while an acknowledgement is waited for.
    packet: Vec<u8>,
    /// The header of the packet that the driver reads now, as far as it came, and what is left of its payload.
    header: Vec<u8>,
    left: usize,
    attention: bool,
}

impl<S> Greeted<S> {
    pub(super) fn new(inner: S) -> Greeted<S> {
        Greeted {
            inner,
            expects_prelogin: true,
            ready: Vec::new(),
            packet: Vec::new(),
            header: Vec::new(),
            left: 0,
            attention: false,
        }
    }

    /// Whether the driver has read complete packets alone.
    fn between_packets(&self) -> bool {
        self.left == 0 && self.header.is_empty()
    }

    /// Keeps account of the packets that the driver reads.
    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let part = if self.left > 0 { self.left } else { HEADER - self.header.len() };
            let (taken, rest) = bytes.split_at(part.min(bytes.len()));
            bytes = rest;
            if self.left > 0 {
                self.left -= taken.len();
                continue;
            }
            self.header.extend_from_slice(taken);
            if self.header.len() == HEADER {
                self.left = length(&self.header).saturating_sub(HEADER);
                self.header.clear();
            }
        }
    }
}

/// The length that a header announces; a header alone where there is not even that.
fn length(packet: &[u8]) -> usize {
    match packet {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])).max(HEADER),
        _ => HEADER,
    }
}

/// Whether a packet ends with the acknowledgement of an attention.
fn acknowledges(packet: &[u8]) -> bool {
    let ends = packet.get(1).is_some_and(|status| status & END_OF_MESSAGE != 0);
    let done = packet.len().checked_sub(DONE_LENGTH).and_then(|start| packet.get(start..));
    ends && matches!(done, Some([DONE, status, ..]) if status & DONE_ATTENTION != 0)
}

impl<S: AsyncRead + Unpin> Greeted<S> {
    /// Reads one complete packet, without the mark of the end unless it acknowledges.
    fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let missing = length(&self.packet).saturating_sub(self.packet.len());
            if missing == 0 {
                break;
            }
            let mut bytes = [0; 4096];
            let mut part = ReadBuf::new(bytes.get_mut(..missing.min(4096)).unwrap_or_default());
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.packet.extend_from_slice(part.filled());
        }
        let mut packet = std::mem::take(&mut self.packet);
        if acknowledges(&packet) {
            self.attention = false;
        } else if let Some(status) = packet.get_mut(1) {
            *status &= !END_OF_MESSAGE;
        }
        self.ready = packet;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ready.is_empty() && this.attention && this.between_packets() {
            ready!(this.poll_packet(cx))?;
            if this.ready.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        if !this.ready.is_empty() {
            let count = this.ready.len().min(buf.remaining());
            buf.put_slice(this.ready.get(..count).unwrap_or_default());
            this.ready.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.follow(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.expects_prelogin {
            self.expects_prelogin = false;
            self.ready = packets::prelogin_answer_without_encryption();
            return Poll::Ready(Ok(bytes.len()));
        }
        if matches!(bytes, [ATTENTION, END_OF_MESSAGE, 0, 8, _, _, _, _]) {
            self.attention = true;
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    fn packet(status: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len() + HEADER).unwrap();
        [&[0x04, status, 0, length, 0, 0, 1, 0], payload].concat()
    }

    const ROWS: [u8; 5] = [0x81, 1, 2, 3, 4];
    const GIVEN_UP: [u8; 13] = [DONE, 0x02, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const ACKNOWLEDGED: [u8; 13] = [DONE, DONE_ATTENTION, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    #[tokio::test]
    async fn the_two_answers_to_an_attention_become_one_and_what_follows_is_left_as_it_is() {
        for split in [1, 7, 8, 9, 64] {
            let (near, mut far) = duplex(4096);
            let mut stream = Greeted::new(near);
            stream.write_all(&[0x12; 40]).await.unwrap();
            let mut answer = vec![0; packets::prelogin_answer_without_encryption().len()];
            stream.read_exact(&mut answer).await.unwrap();

            // The attention goes out in the middle of an answer.
            far.write_all(&packet(0, &ROWS)).await.unwrap();
            let mut rows = [0; HEADER + ROWS.len()];
            stream.read_exact(&mut rows).await.unwrap();
            stream.write_all(&[ATTENTION, END_OF_MESSAGE, 0, 8, 0, 0, 1, 0]).await.unwrap();
            let sent = [packet(1, &GIVEN_UP), packet(1, &ACKNOWLEDGED), packet(1, &GIVEN_UP), packet(1, &ACKNOWLEDGED)]
                .concat();
            for part in sent.chunks(split) {
                far.write_all(part).await.unwrap();
            }
            let mut read = vec![0; sent.len()];
            stream.read_exact(&mut read).await.unwrap();
            let ends: Vec<u8> = read.chunks(HEADER + DONE_LENGTH).map(|packet| packet[1]).collect();
            assert_eq!(ends, [0, 1, 1, 1], "split {split}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_ends_while_it_is_waited_for_is_an_end() {
        let (near, far) = duplex(64);
        let mut stream = Greeted::new(near);
        stream.expects_prelogin = false;
        stream.write_all(&[ATTENTION, END_OF_MESSAGE, 0, 8, 0, 0, 1, 0]).await.unwrap();
        drop(far);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
