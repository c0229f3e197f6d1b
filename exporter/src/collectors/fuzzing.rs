//! What reads texts of a master, for the fuzz targets in `tests/fuzz`. No public interface: it exists with the feature
//! `fuzzing` alone, and changes with the decoders.

/// A record of the connectivity ring buffer.
pub fn arrival(bytes: &[u8]) {
    super::arrivals::read_any(&String::from_utf8_lossy(bytes));
}
