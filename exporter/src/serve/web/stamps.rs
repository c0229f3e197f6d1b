//! Whether files have changed, without reading them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// When a file was last changed and how long it is; `None` where that cannot be known.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// A file and what it was like at a moment.
pub(super) type Stamped = (PathBuf, Stamp);

/// What a file is like now.
pub(super) fn of(path: &Path) -> Stamped {
    let stamp = || -> io::Result<(SystemTime, u64)> {
        let facts = fs::metadata(path)?;
        Ok((facts.modified()?, facts.len()))
    };
    (path.to_owned(), stamp().ok())
}

/// The first of some files that is not what it was.
pub(super) fn changed(files: &[Stamped]) -> Option<&Stamped> {
    files.iter().find(|(path, stamp)| of(path).1 != *stamp)
}
