//! Detects changes of files without reading them.

use crate::files;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The modification time and length of a file; `None` where they cannot be read.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// A file with its stamp at one moment.
pub(super) type Stamped = (PathBuf, Stamp);

/// The present stamp of a file.
pub(super) fn of(path: &Path) -> Stamped {
    (path.to_owned(), files::stamp(path).ok())
}

/// The first of some files whose stamp has changed.
pub(super) fn changed(files: &[Stamped]) -> Option<&Stamped> {
    files.iter().find(|(path, stamp)| of(path).1 != *stamp)
}
