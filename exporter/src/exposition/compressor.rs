//! Compresses a text while it is written, so that the text, ten times as long, never stands in memory at once.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt;
use std::io::{self, Write};

/// The fastest: level 6 takes eight times as long and makes a page smaller by a sixth.
const LEVEL: Compression = Compression::new(1);
/// The encoders write in pieces of a few bytes, and each call of the compressor has its price.
const BUFFER: usize = 32 * 1024;

/// A text as gzip has it (RFC 1952). Clones share the bytes.
#[derive(Debug, Clone)]
pub struct Compressed {
    /// What gzip made of it: one member.
    pub bytes: Bytes,
    /// The length of the text, in bytes.
    pub length: u64,
}

impl Compressed {
    /// Differs where the text differs: its checksum and its length, which end a member of gzip.
    pub(crate) fn tag(&self) -> String {
        self.bytes.iter().rev().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Takes a text.
pub(crate) struct Compressor {
    /// Its beginning was written and is not yet compressed.
    buffer: Box<[u8]>,
    /// The length of that beginning.
    used: usize,
    encoder: GzEncoder<Vec<u8>>,
    /// Bytes that were compressed.
    length: u64,
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Compressor { buffer, used: 0, encoder: GzEncoder::new(Vec::new(), LEVEL), length: 0 }
    }

    /// The text, compressed.
    ///
    /// # Errors
    /// None that the text can cause: it is written into memory.
    pub(crate) fn finish(mut self) -> io::Result<Compressed> {
        self.pass_on()?;
        // Shared by every client that is being served, so what was reserved for growth goes.
        Ok(Compressed { bytes: self.encoder.finish()?.into_boxed_slice().into(), length: self.length })
    }

    /// Keeps a piece, if there is room for it.
    fn keep(&mut self, piece: &[u8]) -> bool {
        let end = self.used.saturating_add(piece.len());
        let Some(room) = self.buffer.get_mut(self.used..end) else { return false };
        room.copy_from_slice(piece);
        self.used = end;
        true
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.keep(piece) { Ok(()) } else { self.make_room_for(piece) }
    }

    /// Out of the way of what is called for each piece.
    #[cold]
    #[inline(never)]
    fn make_room_for(&mut self, piece: &[u8]) -> io::Result<()> {
        self.pass_on()?;
        if !self.keep(piece) {
            self.encoder.write_all(piece)?;
            self.length += piece.len() as u64;
        }
        Ok(())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let kept = self.buffer.get(..self.used).unwrap_or_default();
        self.encoder.write_all(kept)?;
        self.length += kept.len() as u64;
        self.used = 0;
        Ok(())
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes)?;
        Ok(bytes.len())
    }

    /// Nothing takes a text before its end, so what is held back stays.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Compressor {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most pieces are a name, a value, or one of the signs between them.
        if let [sign] = text.as_bytes()
            && let Some(place) = self.buffer.get_mut(self.used)
        {
            *place = *sign;
            self.used += 1;
            return Ok(());
        }
        self.take(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Compresses a text that is already in memory.
///
/// # Errors
/// None that the text can cause.
pub fn gzip(text: &[u8]) -> io::Result<Compressed> {
    let mut compressor = Compressor::new();
    for piece in text.chunks(BUFFER) {
        compressor.write_all(piece)?;
    }
    compressor.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use flate2::read::GzDecoder;
    use std::fmt::Write as _;
    use std::io::Read as _;

    fn unzipped(compressed: &Compressed) -> String {
        let mut text = String::new();
        // The decoder compares the sum and the length in the trailer, and takes one member alone.
        let mut decoder = GzDecoder::new(&compressed.bytes[..]);
        decoder.read_to_string(&mut text).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing stands behind the member");
        text
    }

    #[test]
    fn what_was_written_in_small_pieces_comes_back() {
        for count in [0, 1, 900, 20_000] {
            let (mut compressor, mut text) = (Compressor::new(), String::new());
            for number in 0..count {
                for piece in ["msx_target_pending{target=\"SQLHOST", &number.to_string(), "\"} 1\n"] {
                    compressor.write_str(piece).unwrap();
                    text.push_str(piece);
                }
            }
            let compressed = compressor.finish().unwrap();
            assert!(unzipped(&compressed) == text, "{count} lines");
            assert_eq!(compressed.length, text.len() as u64);
        }
    }

    #[test]
    fn a_text_that_is_there_is_compressed_at_once() {
        let page = "msx_up 1\n".repeat(10_000);
        let compressed = gzip(page.as_bytes()).unwrap();
        assert!(compressed.bytes.len() < page.len() / 10);
        assert!(unzipped(&compressed) == page);
    }
}
