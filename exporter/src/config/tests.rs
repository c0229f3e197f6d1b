//! Complete configurations: good ones, a corpus of bad ones, and what must hold for any.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod corpus;
mod documents;
mod layering;
mod secrets;

use super::{ConfigFile, Override, Sources};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Sources with one file and no environment, on Linux. `/run/secrets/msx` and `/etc/ca.pem` are there.
pub(super) fn sources(name: &str, text: impl Into<Vec<u8>>) -> Sources {
    static CA: LazyLock<String> =
        LazyLock::new(|| rcgen::generate_simple_self_signed(vec!["sql01".to_owned()]).unwrap().cert.pem());
    let files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::from([
        (PathBuf::from(name), text.into()),
        (PathBuf::from("/run/secrets/msx"), b"password\n".to_vec()),
        (PathBuf::from("/run/secrets/empty"), b"\n".to_vec()),
        (PathBuf::from("/etc/ca.pem"), CA.clone().into_bytes()),
        (PathBuf::from("/etc/not-a-ca.pem"), b"hello".to_vec()),
    ]);
    let read = move |path: &Path| files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
    Sources {
        file: ConfigFile::Named(PathBuf::from(name)),
        environment: Vec::new(),
        overrides: Vec::new(),
        read: Box::new(read),
        windows: false,
    }
}

impl Sources {
    fn with_variable(mut self, name: &str, value: &str) -> Sources {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn with_flag(mut self, flag: &'static str, key: &'static str, value: &str) -> Sources {
        self.overrides.push(Override { flag, key, value: value.to_owned() });
        self
    }

    fn on_windows(mut self) -> Sources {
        self.windows = true;
        self
    }
}
