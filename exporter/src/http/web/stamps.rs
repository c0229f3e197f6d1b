//! Whether files have changed, without reading them.

use crate::files;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// When a file was last changed and how long it is; `None` where that cannot be known.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// A file and what it was like at a moment.
pub(super) type Stamped = (PathBuf, Stamp);

/// What a file is like now.
pub(super) fn of(path: &Path) -> Stamped {
    (path.to_owned(), files::stamp(path).ok())
}

/// The first of some files that is not what it was.
pub(super) fn changed(files: &[Stamped]) -> Option<&Stamped> {
    files.iter().find(|(path, stamp)| of(path).1 != *stamp)
}
