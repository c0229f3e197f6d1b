//! What the fuzz targets of the configuration share.

use msx_exporter::config::{self, ConfigFile, Sources};
use std::io;
use std::path::{Path, PathBuf};

/// Loads a configuration file of this name with this content; every other file is missing.
///
/// # Panics
/// Where what is reported of it is not fit to be shown: a fault without a sentence of its own, or a line that a terminal would obey.
pub fn load(name: &str, content: &[u8]) {
    let path = PathBuf::from(name);
    let content = content.to_vec();
    let read = move |asked: &Path| match asked == path {
        true => Ok(content.clone()),
        false => Err(io::ErrorKind::NotFound.into()),
    };
    let sources = Sources {
        file: ConfigFile::Named(name.into()),
        environment: Vec::new(),
        overrides: Vec::new(),
        read: Box::new(read),
        windows: false,
    };
    if let Err(faults) = config::load(&sources) {
        let reported = faults.to_string();
        // Every fault is reported by the one who finds it.
        assert!(!reported.contains("please report this"), "{reported}");
        assert!(!reported.chars().any(|character| character.is_control() && character != '\n'), "{reported:?}");
    }
}
