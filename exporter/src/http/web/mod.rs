//! `--web.config.file`: TLS, client certificates, users and headers, in the exporter toolkit's format
//! (<https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>).
//!
//! The toolkit reads its file at every request. Here the file and the files that it names are looked at every few
//! seconds and at each reload; a change takes effect on the next connection (TLS) or request (the rest). A change
//! with a fault is logged and what was in force stays. So does TLS, and so do users: a file that is half written must
//! not open the door, therefore going without either takes a restart.

mod clients;
mod fields;
mod file;
mod rate;
mod tls;
mod users;

pub(crate) use users::Users;

use arc_swap::ArcSwap;
use hyper::header::{HeaderName, HeaderValue};
use rate::Rate;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio_rustls::rustls::ServerConfig;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A web configuration that cannot be used, with every fault that was found. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("web configuration {}: {}", path.display(), faults.join("; "))]
pub struct WebConfigError {
    path: PathBuf,
    faults: Vec<String>,
}

impl WebConfigError {
    /// One fault a line, each with the path of its key.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// What a web configuration means, ready for use.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Whether a certificate that a client presents was verified.
    pub(crate) verifies_clients: bool,
    /// Added to every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// `None`: no authentication.
    pub(crate) users: Option<Arc<Users>>,
    /// `None`: no limit.
    pub(crate) rate: Option<Rate>,
    /// Every file that was read for it.
    files: Vec<PathBuf>,
}

/// When a file was last changed and how long it is; `None` where it cannot be told.
type Stamp = Option<(SystemTime, u64)>;

/// The web configuration in force.
#[derive(Debug)]
pub struct Web {
    path: Option<PathBuf>,
    now: ArcSwap<Loaded>,
    seen: Mutex<Vec<Stamp>>,
}

impl Web {
    /// Loads a web configuration; none means plain HTTP without authentication.
    ///
    /// # Errors
    /// Every fault of the file and of the files that it names.
    pub fn open(path: Option<&Path>) -> Result<Web, WebConfigError> {
        let loaded = path.map(file::load).transpose()?.unwrap_or_default();
        let seen = Mutex::new(stamps(&loaded.files));
        Ok(Web { path: path.map(Path::to_owned), now: ArcSwap::from_pointee(loaded), seen })
    }

    /// Loads it anew and puts it in force. Reads files: call it where blocking is allowed.
    ///
    /// # Errors
    /// Every fault; what was in force stays.
    pub fn reload(&self) -> Result<(), WebConfigError> {
        let Some(path) = &self.path else { return Ok(()) };
        let before = self.now.load();
        // Stamped before they are read: a change in between is seen as one at the next look.
        let seen = stamps(&before.files);
        let loaded = file::load(path).and_then(|loaded| no_weaker(path, &before, loaded));
        self.see(if let Ok(loaded) = &loaded { known_or_new(&before.files, &seen, &loaded.files) } else { seen });
        self.now.store(Arc::new(loaded?));
        Ok(())
    }

    /// What is in force.
    pub(crate) fn current(&self) -> Arc<Loaded> {
        self.now.load_full()
    }

    /// Looks at the files again and again. Never ends.
    pub(crate) async fn watch(self: &Arc<Web>) {
        if self.path.is_none() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let web = Arc::clone(self);
            if let Err(failure) = tokio::task::spawn_blocking(move || web.look()).await {
                warn!(%failure, "the web configuration could not be looked at");
            }
        }
    }

    /// Loads the files if any changed since the last look.
    fn look(&self) {
        let stamps = stamps(&self.now.load().files);
        if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == stamps {
            return;
        }
        match self.reload() {
            Ok(()) => info!("the web configuration changed and is in force"),
            Err(error) => {
                warn!(%error, "the web configuration changed and cannot be used; the one before stays in force")
            }
        }
    }

    fn see(&self, stamps: Vec<Stamp>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamps;
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| -> io::Result<(SystemTime, u64)> {
        let facts = fs::metadata(file)?;
        Ok((facts.modified()?, facts.len()))
    };
    files.iter().map(|file| stamp(file).ok()).collect()
}

/// The stamps of the files that were known before they were read; a file that is new is stamped now.
fn known_or_new(known: &[PathBuf], seen: &[Stamp], files: &[PathBuf]) -> Vec<Stamp> {
    let of = |file: &PathBuf| known.iter().position(|other| other == file).and_then(|at| seen.get(at).copied());
    files
        .iter()
        .map(|file| of(file).unwrap_or_else(|| stamps(std::slice::from_ref(file)).first().copied().flatten()))
        .collect()
}

fn no_weaker(path: &Path, before: &Loaded, loaded: Loaded) -> Result<Loaded, WebConfigError> {
    let mut faults = Vec::new();
    if before.tls.is_some() && loaded.tls.is_none() {
        faults.push("tls_server_config: TLS cannot be switched off while the exporter runs; restart it".to_owned());
    }
    if before.users.is_some() && loaded.users.is_none() {
        faults.push("basic_auth_users: the last user cannot be removed while the exporter runs; restart it".to_owned());
    }
    if faults.is_empty() { Ok(loaded) } else { Err(WebConfigError { path: path.to_owned(), faults }) }
}

#[cfg(test)]
mod tests;
