//! Compresses a page while it is written, so that its text, ten times as long, never stands in memory as a whole.
//!
//! One gzip member (RFC 1952) whose pieces are compressed each on its own. A compressor that goes on moves all its
//! tables with every half window, which costs more than it finds: what repeats in a page repeats within a few lines.

use super::family_writer::Sink;
use super::negotiation::LEVEL;
use flate2::{Compress, CompressError, Crc, FlushCompress, Status};
use std::fmt;

/// Fits, with a last line of up to 4 KiB, into the compressor's window of 64 KiB.
const PIECE: usize = 60 * 1024;
/// No name, no time, fastest, of no particular system (RFC 1952 2.3.1).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

pub(crate) struct Zipper {
    piece: String,
    packed: Vec<u8>,
    compress: Compress,
    crc: Crc,
}

impl Zipper {
    pub(crate) fn new() -> Zipper {
        Zipper {
            // Room for the last line of a piece too.
            piece: String::with_capacity(PIECE + 4096),
            packed: HEADER.to_vec(),
            compress: Compress::new(LEVEL, false),
            crc: Crc::new(),
        }
    }

    /// The compressed page.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        // It cannot fail: there is always room, and the input is never out of order.
        if self.pack(FlushCompress::Finish).is_err() {
            return Vec::new();
        }
        self.packed.extend(self.crc.sum().to_le_bytes());
        self.packed.extend(self.crc.amount().to_le_bytes());
        self.packed
    }

    /// Compresses the piece up to a whole byte, and starts a new one.
    fn pack(&mut self, flush: FlushCompress) -> Result<(), CompressError> {
        self.crc.update(self.piece.as_bytes());
        self.compress.reset();
        let mut rest = self.piece.as_bytes();
        loop {
            self.packed.reserve(rest.len() / 8 + 64);
            let before = self.compress.total_in();
            let status = self.compress.compress_vec(rest, &mut self.packed, flush)?;
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(rest.len());
            rest = rest.get(taken..).unwrap_or_default();
            // What is left of the room says that nothing is held back.
            if status == Status::StreamEnd || (rest.is_empty() && self.packed.len() < self.packed.capacity()) {
                break;
            }
        }
        self.piece.clear();
        Ok(())
    }
}

impl Sink for Zipper {
    fn buffer(&mut self) -> &mut String {
        &mut self.piece
    }

    fn hand_on(&mut self) -> fmt::Result {
        if self.piece.len() >= PIECE { self.pack(FlushCompress::Sync).map_err(|_| fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    /// Lines that look like a page, and then a few that nothing can make shorter.
    fn lines(count: u64) -> impl Iterator<Item = String> {
        let noise =
            |seed: u64| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (0..count).map(move |number| match number % 7 {
            0 => (0..40).map(|part| format!("{:x}", noise(number * 40 + part))).collect::<String>() + "\n",
            _ => format!("msx_target_pending_instructions{{target=\"SQLHOST{number}\"}} {number}\n"),
        })
    }

    #[test]
    fn what_was_written_comes_back() {
        for count in [0, 1, 900, 1_000, 20_000] {
            let (mut zipper, mut text) = (Zipper::new(), String::new());
            for line in lines(count) {
                zipper.buffer().push_str(&line);
                zipper.hand_on().unwrap();
                text.push_str(&line);
            }
            let packed = zipper.finish();
            let mut back = String::new();
            // The decoder compares the sum and the length in the trailer, and takes one member alone.
            let mut decoder = GzDecoder::new(packed.as_slice());
            decoder.read_to_string(&mut back).unwrap();
            assert!(back == text, "{count} lines");
            assert!(decoder.into_inner().is_empty(), "{count} lines: nothing stands behind the member");
        }
    }

    #[test]
    fn a_line_longer_than_a_piece_is_whole() {
        let mut zipper = Zipper::new();
        let text: String = lines(4_000).collect();
        zipper.buffer().push_str(&text);
        zipper.hand_on().unwrap();
        let mut back = String::new();
        GzDecoder::new(zipper.finish().as_slice()).read_to_string(&mut back).unwrap();
        assert!(back == text);
    }
}
