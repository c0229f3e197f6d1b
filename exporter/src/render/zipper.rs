//! Compresses a page while it is written, so that its text, ten times as long, never stands in memory as a whole.

use super::negotiation::LEVEL;
use super::sheet::Sink;
use flate2::write::GzEncoder;
use std::fmt;
use std::io::Write as _;

/// Text is handed on in pieces of this size: large enough for the compressor, small enough for the processor's cache.
const PIECE: usize = 64 * 1024;

pub(super) struct Zipper {
    piece: String,
    encoder: GzEncoder<Vec<u8>>,
}

impl Zipper {
    pub(super) fn new() -> Zipper {
        // Room for the last line of a piece too.
        Zipper { piece: String::with_capacity(PIECE + 4096), encoder: GzEncoder::new(Vec::new(), LEVEL) }
    }

    /// The compressed page.
    pub(super) fn finish(mut self) -> Vec<u8> {
        // Writing into a Vec cannot fail.
        let _ = self.encoder.write_all(self.piece.as_bytes());
        self.encoder.finish().unwrap_or_default()
    }
}

impl Sink for Zipper {
    fn buffer(&mut self) -> &mut String {
        &mut self.piece
    }

    fn hand_on(&mut self) -> fmt::Result {
        if self.piece.len() >= PIECE {
            self.encoder.write_all(self.piece.as_bytes()).map_err(|_| fmt::Error)?;
            self.piece.clear();
        }
        Ok(())
    }
}
