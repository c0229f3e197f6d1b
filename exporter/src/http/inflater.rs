//! Sends a compressed text to a client that does not accept gzip: inflated in pieces as fast as the client takes them,
//! so that a client that stops reading holds one piece and not a page.

use crate::exposition::Compressed;
use bytes::buf::Reader;
use bytes::{Buf as _, Bytes};
use flate2::bufread::GzDecoder;
use std::io::{self, Read as _};

/// Large enough that the system call is cheap in proportion, small enough to be inflated within a tenth of a
/// millisecond on a thread that serves other clients too.
const PIECE: usize = 32 * 1024;

/// The part of a text that is still to be sent.
#[derive(Debug)]
pub(crate) struct Inflater {
    decoder: GzDecoder<Reader<Bytes>>,
    left: u64,
}

impl Inflater {
    pub(crate) fn new(compressed: Compressed) -> Inflater {
        Inflater { decoder: GzDecoder::new(compressed.bytes.reader()), left: compressed.length }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Where the compressed bytes are not valid gzip.
    pub(crate) fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.left == 0 {
            return None;
        }
        let length = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; length];
        Some(self.decoder.read_exact(&mut piece).map(|()| {
            self.left -= length as u64;
            piece.into()
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::exposition::gzip;

    #[test]
    fn the_pieces_are_the_text() {
        for lines in [0, 1, 5_000, 100_000] {
            let text: String = (0..lines).map(|number| format!("msx_up{{target=\"{number}\"}} 1\n")).collect();
            let mut inflater = Inflater::new(gzip(text.as_bytes()).unwrap());
            let mut back = Vec::new();
            while let Some(piece) = inflater.next() {
                let piece = piece.unwrap();
                assert!(!piece.is_empty() && piece.len() <= PIECE);
                back.extend_from_slice(&piece);
                assert_eq!(inflater.left(), (text.len() - back.len()) as u64);
            }
            assert!(back == text.as_bytes(), "{lines} lines");
        }
    }

    #[test]
    fn bytes_that_are_not_the_text_are_an_error_and_no_short_answer() {
        let complete = gzip("msx_up 1\n".repeat(10_000).as_bytes()).unwrap();
        let cut = Compressed { bytes: complete.bytes.slice(..complete.bytes.len() / 2), ..complete.clone() };
        let noise = Compressed { bytes: Bytes::from_static(b"no gzip"), ..complete };
        for broken in [cut, noise] {
            let mut inflater = Inflater::new(broken);
            let end = loop {
                match inflater.next() {
                    Some(Ok(_)) => {}
                    end => break end,
                }
            };
            assert!(end.is_some_and(|end| end.is_err()));
        }
    }
}
