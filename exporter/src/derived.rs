//! The committed files that are derived from tables in the code. `tests/generate` writes them and says which differ: it
//! runs this module with MSX_DERIVED naming a folder, and takes from there what it finds.

#![allow(clippy::unwrap_used)]

use crate::{config, diagnosis, exposition, sqlserver};
use std::fs;
use std::path::{Path, PathBuf};

/// Each file by its path in the repository, with its text.
fn derived() -> Vec<(String, String)> {
    let mut files = vec![
        ("exporter/METRICS.md".to_owned(), exposition::reference()),
        ("exporter/CONFIGURATION.md".to_owned(), config::reference()),
        ("deploy/msx_exporter.example.yml".to_owned(), config::example()),
    ];
    files.extend(sqlserver::grant_files().into_iter().map(|file| (format!("deploy/sql/{}", file.path), file.text)));
    files.extend(diagnosis::batches::files());
    files
}

#[test]
fn files_are_as_their_tables_make_them() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let asked = std::env::var_os("MSX_DERIVED").map(PathBuf::from);
    let mut different = Vec::new();
    for (path, text) in derived() {
        if let Some(folder) = &asked {
            let file = folder.join(&path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        } else if fs::read_to_string(repository.join(&path)).unwrap_or_default().replace("\r\n", "\n") != text {
            different.push(path);
        }
    }
    assert!(different.is_empty(), "{different:?} differ from what the code makes of them: run tests/generate");
}
