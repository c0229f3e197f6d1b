//! Compresses a text while it is written, so that the text, ten times as long, never stands in memory as a whole.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt;
use std::io::{self, BufWriter, Write};

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

/// Takes a text.
pub(crate) struct Compressor(BufWriter<Counted>);

impl Compressor {
    pub(crate) fn new() -> Compressor {
        let encoder = GzEncoder::new(Vec::new(), LEVEL);
        Compressor(BufWriter::with_capacity(BUFFER, Counted { encoder, length: 0 }))
    }

    /// The text, compressed.
    ///
    /// # Errors
    /// None that the text can cause: it is written into memory.
    pub(crate) fn finish(self) -> io::Result<Compressed> {
        let Counted { encoder, length } = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        // Shared by every client that is being served, so what was reserved for growth goes.
        Ok(Compressed { bytes: encoder.finish()?.into_boxed_slice().into(), length })
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl fmt::Write for Compressor {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Compresses a text that is there as a whole.
///
/// # Errors
/// None that the text can cause.
pub fn gzip(text: &[u8]) -> io::Result<Compressed> {
    let mut compressor = Compressor::new();
    compressor.write_all(text)?;
    compressor.finish()
}

struct Counted {
    encoder: GzEncoder<Vec<u8>>,
    /// Bytes taken so far.
    length: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.encoder.write(bytes)?;
        self.length += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
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
    fn a_text_that_is_there_is_compressed_as_a_whole() {
        let page = "msx_up 1\n".repeat(10_000);
        let compressed = gzip(page.as_bytes()).unwrap();
        assert!(compressed.bytes.len() < page.len() / 10);
        assert!(unzipped(&compressed) == page);
    }
}
