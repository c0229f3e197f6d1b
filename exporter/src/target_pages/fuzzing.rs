//! What reads the page of a target, for the fuzz targets in `tests/fuzz`. No public interface.

use super::parse::parse;

/// A page: a user who may write into the folder of a target may write anything.
pub fn page(bytes: &[u8]) {
    if let Ok(text) = crate::files::text(bytes.to_vec()) {
        let _ = parse(&text, r"SQL01\A");
    }
}
