//! Packets and messages of TDS ([MS-TDS] 2.2.3), as far as a conversation before a login needs them.

use crate::probe::protocol::tcp::{Line, Stream};
use std::io;

const HEADER: usize = 8;
const END_OF_MESSAGE: u8 = 0x01;
/// The content type of a TLS alert: the peer answers PRELOGIN with one because it expects TLS first.
const TLS_ALERT: u8 = 0x15;
/// The longest accepted message. A TLS flight with a long chain is a few kilobytes.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// The payload of one packet before packet sizes are negotiated.
const PAYLOAD_LIMIT: usize = 4096 - HEADER;

/// Types of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Server to client.
    Reply = 0x04,
    /// PRELOGIN, and TLS until the handshake ends.
    Prelogin = 0x12,
}

/// Why no message was read.
#[derive(Debug)]
pub(crate) enum PacketError {
    /// The peer closed the connection before it sent a complete message.
    Closed,
    /// The peer speaks TLS.
    Tls,
    /// The peer speaks another protocol; its first bytes.
    Strange(Vec<u8>),
    /// The connection failed.
    Io(io::Error),
}

impl From<io::Error> for PacketError {
    fn from(error: io::Error) -> PacketError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                PacketError::Closed
            }
            _ => PacketError::Io(error),
        }
    }
}

/// Splits a message into packets.
pub(crate) fn encode(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + HEADER);
    let mut chunks = payload.chunks(PAYLOAD_LIMIT).peekable();
    let mut number = 1_u8;
    while let Some(chunk) = chunks.next() {
        let status = if chunks.peek().is_none() { END_OF_MESSAGE } else { 0 };
        let [high, low] = u16::try_from(chunk.len() + HEADER).unwrap_or(u16::MAX).to_be_bytes();
        bytes.extend_from_slice(&[kind as u8, status, high, low, 0, 0, number, 0]);
        bytes.extend_from_slice(chunk);
        number = number.wrapping_add(1);
    }
    bytes
}

/// Decodes a header: whether the message ends with its packet, and the length of its payload. `None` for bytes that are
/// not the header of an answer to PRELOGIN. Some servers answer with the type of the question.
fn decode_header(header: &[u8; HEADER]) -> Option<(bool, usize)> {
    let [kind, status, high, low, ..] = *header;
    let known = kind == Kind::Reply as u8 || kind == Kind::Prelogin as u8;
    let payload = usize::from(u16::from_be_bytes([high, low])).checked_sub(HEADER)?;
    known.then_some((status & END_OF_MESSAGE != 0, payload))
}

/// Reads one complete message.
pub(crate) async fn read(line: &mut Line<impl Stream>) -> Result<Vec<u8>, PacketError> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; HEADER];
        let mut filled = 0;
        while filled < HEADER {
            let rest = header.get_mut(filled..).unwrap_or_default();
            match (line.receive(rest).await?, header[0]) {
                (0, _) if filled == 0 => return Err(PacketError::Closed),
                // Bytes that do not begin as a header are refused before eight of them have come.
                (_, TLS_ALERT) => return Err(PacketError::Tls),
                (count, first) => {
                    filled += count;
                    if count == 0 || (first != Kind::Reply as u8 && first != Kind::Prelogin as u8) {
                        return Err(PacketError::Strange(header[..filled].to_vec()));
                    }
                }
            }
        }
        let (last, length) = decode_header(&header).ok_or_else(|| PacketError::Strange(header.to_vec()))?;
        if message.len() + length > MESSAGE_LIMIT {
            return Err(PacketError::Strange(header.to_vec()));
        }
        let start = message.len();
        message.resize(start + length, 0);
        line.receive_all(message.get_mut(start..).unwrap_or_default()).await?;
        if last {
            return Ok(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use tokio::io::{join, sink};

    /// The message of a peer that sends these bytes and closes.
    fn read_from(stream: &[u8]) -> Option<Vec<u8>> {
        read(&mut Line::over(join(stream, sink()))).now_or_never().and_then(Result::ok)
    }

    #[test]
    fn a_long_message_is_cut_into_packets_and_only_the_last_ends_it() {
        let bytes = encode(Kind::Prelogin, &[7; PAYLOAD_LIMIT + 1]);
        assert_eq!(bytes[..8], [0x12, 0, 0x10, 0x00, 0, 0, 1, 0]);
        assert_eq!(bytes[4096..], [0x12, 1, 0, 9, 0, 0, 2, 0, 7]);
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(header: [u8; HEADER]) {
            if let Some((_, payload)) = decode_header(&header) {
                prop_assert!(payload <= usize::from(u16::MAX));
            }
        }

        #[test]
        fn a_message_is_put_together_as_it_was_sent(message in proptest::collection::vec(any::<u8>(), 1..12_000)) {
            let bytes = encode(Kind::Reply, &message);
            prop_assert_eq!(read_from(&bytes), Some(message));
            prop_assert_eq!(read_from(&bytes[..bytes.len() - 1]), None);
        }

        #[test]
        fn any_stream_is_read_without_a_panic(mut stream in proptest::collection::vec(any::<u8>(), 0..400)) {
            // Most random bytes would be refused for the first one alone.
            if let Some(first) = stream.first_mut() {
                *first = Kind::Reply as u8;
            }
            let _ = read_from(&stream);
        }
    }
}
