//! Packets and the messages that they carry: [MS-TDS] 2.2.3.
//!
//! Both directions can be dropped between two polls without losing a byte: what was read and what is still to be
//! written lives here, not in a future. That is what lets an attention interrupt an answer at any time.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Length of a packet's header.
pub(crate) const HEADER: usize = 8;
/// A client's message that is longer than this is no request to a test server.
const MAX_MESSAGE: usize = 16 << 20;

/// Packet types ([MS-TDS] 2.2.3.1.1).
pub(crate) mod kind {
    pub(crate) const SQL_BATCH: u8 = 0x01;
    pub(crate) const RPC: u8 = 0x03;
    pub(crate) const REPLY: u8 = 0x04;
    pub(crate) const ATTENTION: u8 = 0x06;
    pub(crate) const TRANSACTION: u8 = 0x0E;
    pub(crate) const LOGIN7: u8 = 0x10;
    pub(crate) const PRELOGIN: u8 = 0x12;
}

/// Bits of a packet's status ([MS-TDS] 2.2.3.1.2).
pub(crate) mod status {
    pub(crate) const END: u8 = 0x01;
    pub(crate) const IGNORE: u8 = 0x02;
    /// Reset the connection before this message, with or without an open transaction.
    pub(crate) const RESET: u8 = 0x08 | 0x10;
}

/// A message put together from its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// One of [`kind`].
    pub(crate) kind: u8,
    /// The status bits of all its packets together.
    pub(crate) status: u8,
    /// What it carries.
    pub(crate) payload: Bytes,
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// Reads messages.
#[derive(Debug)]
pub(crate) struct MessageReader<R> {
    io: R,
    raw: BytesMut,
    kind: u8,
    status: u8,
    payload: BytesMut,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    pub(crate) fn new(io: R) -> Self {
        MessageReader { io, raw: BytesMut::new(), kind: 0, status: 0, payload: BytesMut::new() }
    }

    /// Gives the stream back. Bytes that a client sent too early are lost; no correct client has any.
    pub(crate) fn into_inner(self) -> R {
        self.io
    }

    /// The next message, or `None` when the client is gone. Can be dropped and called again.
    ///
    /// # Errors
    /// The stream's own, and `InvalidData` for what is no TDS.
    pub(crate) async fn message(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(message) = self.assemble()? {
                return Ok(Some(message));
            }
            self.raw.reserve(4096);
            if self.io.read_buf(&mut self.raw).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn assemble(&mut self) -> io::Result<Option<Message>> {
        while self.raw.len() >= HEADER {
            let (packet_kind, packet_status) = (self.raw[0], self.raw[1]);
            let length = usize::from(u16::from_be_bytes([self.raw[2], self.raw[3]]));
            if length < HEADER {
                return Err(invalid(format!("a packet says that it is {length} bytes long")));
            }
            if !matches!(packet_kind, 0x01..=0x12) {
                return Err(invalid(format!("packet type 0x{packet_kind:02x}")));
            }
            if self.raw.len() < length {
                return Ok(None);
            }
            self.raw.advance(HEADER);
            self.payload.unsplit(self.raw.split_to(length - HEADER));
            if self.payload.len() > MAX_MESSAGE {
                return Err(invalid("the message is too long"));
            }
            self.kind = packet_kind;
            self.status |= packet_status;
            if packet_status & status::END != 0 {
                let complete = Message { kind: self.kind, status: self.status, payload: self.payload.split().freeze() };
                self.status = 0;
                return Ok(Some(complete));
            }
        }
        Ok(None)
    }
}

/// Why writing ended before the message did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The stream failed: the client is gone.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The number of bytes that a cut allows is used up.
    #[error("cut")]
    Cut,
}

/// Writes one answer after the other, a packet as soon as it is full.
#[derive(Debug)]
pub(crate) struct MessageWriter<W> {
    io: W,
    packet_size: usize,
    kind: u8,
    sequence: u8,
    session: u16,
    body: BytesMut,
    wire: BytesMut,
    pace: Option<(usize, Duration)>,
    budget: Option<usize>,
}

impl<W: AsyncWrite + Unpin> MessageWriter<W> {
    /// Packets will be at most so long, header included.
    pub(crate) fn new(io: W, packet_size: usize) -> Self {
        MessageWriter {
            io,
            packet_size,
            kind: kind::REPLY,
            sequence: 0,
            session: 0,
            body: BytesMut::new(),
            wire: BytesMut::new(),
            pace: None,
            budget: None,
        }
    }

    /// Gives the stream back.
    pub(crate) fn into_inner(self) -> W {
        self.io
    }

    /// The session number that stands in every packet's header.
    pub(crate) fn set_session(&mut self, session: u16) {
        self.session = session;
    }

    /// From here on so many bytes at a time, with a pause after each; `None` is at once.
    pub(crate) fn set_pace(&mut self, pace: Option<(usize, Duration)>) {
        self.pace = pace;
    }

    /// From here on only so many bytes reach the client, packet headers included; then writing ends with
    /// [`Stopped::Cut`].
    pub(crate) fn set_budget(&mut self, bytes: usize) {
        self.budget = Some(bytes);
    }

    /// Where tokens are put.
    pub(crate) fn body(&mut self) -> &mut BytesMut {
        &mut self.body
    }

    /// Whether a cut is set, so that nothing may follow this message.
    pub(crate) fn is_limited(&self) -> bool {
        self.budget.is_some()
    }

    /// Sends the packets that are full. The last byte always stays, so that the last packet is never empty.
    pub(crate) async fn drain(&mut self) -> Result<(), Stopped> {
        if self.body.len() <= self.packet_size - HEADER {
            return Ok(());
        }
        self.frame_full();
        self.send().await
    }

    /// Sends all that is there, as `RAISERROR … WITH NOWAIT` makes a real server do; the message goes on.
    pub(crate) async fn flush(&mut self) -> Result<(), Stopped> {
        self.frame_full();
        self.frame(self.body.len(), 0);
        self.send().await
    }

    /// Ends the message and sends it.
    pub(crate) async fn end(&mut self) -> Result<(), Stopped> {
        self.frame_full();
        self.frame(self.body.len(), status::END);
        self.sequence = 0;
        self.send().await
    }

    fn frame_full(&mut self) {
        let room = self.packet_size - HEADER;
        while self.body.len() > room {
            self.frame(room, 0);
        }
    }

    fn frame(&mut self, length: usize, packet_status: u8) {
        if length == 0 && packet_status == 0 {
            return;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.wire.reserve(HEADER + length);
        self.wire.put_u8(self.kind);
        self.wire.put_u8(packet_status);
        // A packet's size is at most 32,767, so that it always fits.
        self.wire.put_u16((HEADER + length) as u16);
        self.wire.put_u16(self.session);
        self.wire.put_u8(self.sequence);
        self.wire.put_u8(0);
        self.wire.put_slice(&self.body[..length]);
        self.body.advance(length);
    }

    async fn send(&mut self) -> Result<(), Stopped> {
        while !self.wire.is_empty() && self.budget != Some(0) {
            let most = self.budget.unwrap_or(usize::MAX).min(self.pace.map_or(usize::MAX, |(bytes, _)| bytes.max(1)));
            let written = self.io.write(&self.wire[..self.wire.len().min(most)]).await?;
            if written == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            self.wire.advance(written);
            self.budget = self.budget.map(|left| left - written);
            if let Some((_, pause)) = self.pace {
                self.io.flush().await?;
                tokio::time::sleep(pause).await;
            }
        }
        self.io.flush().await?;
        if self.budget == Some(0) { Err(Stopped::Cut) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn a_message_survives_any_packet_size() {
        let text: Vec<u8> = (0..70_000_u32).map(|n| (n % 251) as u8).collect();
        for size in [512, 4096, 8000, 32_767] {
            let (near, far) = tokio::io::duplex(1 << 20);
            let mut writer = MessageWriter::new(near, size);
            for piece in text.chunks(77) {
                writer.body().put_slice(piece);
                writer.drain().await.unwrap();
            }
            writer.end().await.unwrap();
            let mut reader = MessageReader::new(far);
            let message = reader.message().await.unwrap().unwrap();
            assert_eq!(message.kind, kind::REPLY);
            assert_eq!(message.payload, text, "packets of {size}");
        }
    }

    #[tokio::test]
    async fn a_message_that_fills_its_packets_has_no_empty_one() {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let mut writer = MessageWriter::new(near, 512);
        writer.body().put_bytes(7, 504 * 2);
        writer.drain().await.unwrap();
        writer.end().await.unwrap();
        drop(writer);
        let mut wire = Vec::new();
        far.read_to_end(&mut wire).await.unwrap();
        assert_eq!(wire.len(), 1024);
        assert_eq!((wire[1], wire[6], wire[513], wire[518]), (0, 1, status::END, 2));
    }

    #[tokio::test]
    async fn a_cut_leaves_exactly_its_bytes() {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let mut writer = MessageWriter::new(near, 512);
        writer.set_budget(13);
        writer.body().put_bytes(7, 100);
        assert!(matches!(writer.end().await, Err(Stopped::Cut)));
        drop(writer);
        let mut wire = Vec::new();
        far.read_to_end(&mut wire).await.unwrap();
        assert_eq!(wire.len(), 13);
        assert_eq!(wire[3], 108, "the header still promises the complete packet");
    }

    #[tokio::test]
    async fn what_is_no_tds_is_an_error() {
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0, 200, 1, 0, 0, 196], &[1, 1, 0, 3, 0, 0, 0, 0]] {
            let (mut near, far) = tokio::io::duplex(1 << 16);
            near.write_all(bytes).await.unwrap();
            assert!(MessageReader::new(far).message().await.is_err(), "{bytes:?}");
        }
    }
}
