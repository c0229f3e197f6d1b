//! `--web.config.file`: TLS, client certificates, users and headers, in the exporter toolkit's format
//! (<https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>).
//!
//! The toolkit reads its file at every request. This server checks the file and the files that it names every few
//! seconds and at each reload; a change takes effect on the next connection (TLS) or request (the rest). A change with
//! a fault is logged, and the old configuration stays in force; so it does where a change demands less of clients
//! ([`demands`]), which takes a restart. A removed user is refused at once.

mod clients;
mod demands;
mod file;
mod offered;
mod rate;
mod section;
mod stamps;
mod tls;
mod users;

#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::http) use file::read_any;
pub(crate) use users::Users;

use super::probe_tally::ProbeTally;
use super::refusals::Refusals;
use crate::config::{ConfigError, ConfigErrors, ValueError};
use crate::exposition::ProbeCounts;
use crate::model::Refusal;
use arc_swap::ArcSwap;
use demands::Demands;
use enum_map::EnumMap;
use hyper::header::{HeaderName, HeaderValue};
use jiff::Timestamp;
use rate::Rate;
use stamps::Stamped;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_rustls::rustls::ServerConfig;
use tracing::{info, warn};

/// How often the files are checked for changes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A web configuration, ready for use.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Whether a certificate that a client presents was verified.
    pub(crate) verifies_clients: bool,
    /// Added to every response.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// `None`: no authentication.
    pub(crate) users: Option<Arc<Users>>,
    /// `None`: no limit.
    pub(crate) rate: Option<Rate>,
    /// What it demands of clients.
    demands: Demands,
    /// What is taken and not met.
    warnings: Vec<ConfigError>,
}

impl Loaded {
    /// Logs what is allowed and unwise.
    fn warn(&self) {
        for warning in &self.warnings {
            warn!("the web configuration: {warning}");
        }
        if let Some(cost) = self.users.as_ref().and_then(|users| users.over_cost()) {
            warn!(
                cost,
                "verifying a password takes seconds at this cost, and clients that send wrong ones can cost others a \
                 scrape; hint: htpasswd -nBC 10 USER"
            );
        }
    }
}

/// A web configuration that was read and is not yet in force.
#[derive(Debug)]
pub struct Prepared(Option<(Vec<Stamped>, Loaded)>);

/// The web configuration in force.
#[derive(Debug)]
pub struct Web {
    path: Option<PathBuf>,
    now: ArcSwap<Loaded>,
    /// The files of the last attempt, with their stamps.
    watched: Mutex<Vec<Stamped>>,
    /// Whether the files of the last attempt are in force.
    current: AtomicBool,
    /// Serialises replacements.
    replacing: Mutex<()>,
    /// Counts what the server refused.
    refusals: Arc<Refusals>,
    /// What became of the requests to `/probe`.
    probe_tally: Arc<ProbeTally>,
    /// Whether there is a server.
    serving: AtomicBool,
}

impl Web {
    /// Loads a web configuration; no path means plain HTTP without authentication.
    ///
    /// # Errors
    /// Every fault of the file and of the files that it names.
    pub fn open(path: Option<&Path>) -> Result<Web, ConfigErrors> {
        let (files, loaded) = path.map_or_else(|| (Vec::new(), Ok(Loaded::default())), file::load);
        Ok(Web {
            path: path.map(Path::to_owned),
            now: ArcSwap::from_pointee(loaded?),
            watched: Mutex::new(files),
            current: AtomicBool::new(true),
            replacing: Mutex::default(),
            refusals: Arc::default(),
            probe_tally: Arc::default(),
            serving: AtomicBool::new(false),
        })
    }

    /// Reads the files without putting them in force; a fault shows in [`Web::is_current`]. Blocks.
    ///
    /// # Errors
    /// Every fault.
    pub fn prepare(&self) -> Result<Prepared, ConfigErrors> {
        let Some(path) = &self.path else { return Ok(Prepared(None)) };
        match file::load(path) {
            (files, Ok(loaded)) => Ok(Prepared(Some((files, loaded)))),
            (files, Err(faults)) => Err(self.refused(files, faults)),
        }
    }

    /// Puts what was read in force.
    ///
    /// # Errors
    /// In what it demands less of clients than the configuration in force, which stays.
    pub fn put_in_force(&self, prepared: Prepared) -> Result<(), ConfigErrors> {
        let (Some(path), Prepared(Some((files, mut loaded)))) = (&self.path, prepared) else { return Ok(()) };
        let _turn = lock(&self.replacing);
        let less = loaded.demands.less_than(&self.now.load().demands);
        if !less.is_empty() {
            let name = path.display().to_string();
            let fault = |(key, what): (&str, &str)| {
                let wrong = ValueError::new(format!("{what} while the exporter runs"));
                ConfigError::new(Some(&name), key, wrong.expected("restart the exporter if this is meant"))
            };
            return Err(self.refused(files, ConfigErrors::in_order(less.into_iter().map(fault).collect())));
        }
        *lock(&self.watched) = files;
        if let (Some(users), Some(before)) = (loaded.users.as_mut().and_then(Arc::get_mut), &self.now.load().users) {
            users.remember(before);
        }
        loaded.warn();
        self.now.store(Arc::new(loaded));
        self.current.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Reads the files and puts them in force. Blocks.
    pub(crate) fn reload(&self) -> Result<(), ConfigErrors> {
        self.prepare().and_then(|prepared| self.put_in_force(prepared))
    }

    pub(super) fn refusals(&self) -> &Arc<Refusals> {
        self.serving.store(true, Ordering::Relaxed);
        &self.refusals
    }

    /// Whether there is a server.
    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// Refusals by kind since the start; `None` where no server runs.
    pub(crate) fn refusal_counts(&self) -> Option<EnumMap<Refusal, u64>> {
        self.is_serving().then(|| self.refusals.counts())
    }

    /// Where the server counts requests to `/probe`.
    pub(super) fn probe_tally(&self) -> &Arc<ProbeTally> {
        &self.probe_tally
    }

    /// What became of the requests to `/probe`; `None` where there is no server.
    pub(crate) fn probe_counts(&self) -> Option<ProbeCounts> {
        self.is_serving().then(|| self.probe_tally.counts())
    }

    /// Whether what the files held when they were last looked at is in force.
    pub fn is_current(&self) -> bool {
        self.current.load(Ordering::Relaxed)
    }

    /// What of the file in force is taken and not met, one line each.
    pub fn warnings(&self) -> Vec<String> {
        self.now.load().warnings.iter().map(ToString::to_string).collect()
    }

    /// What is in force.
    pub(crate) fn current(&self) -> Arc<Loaded> {
        self.now.load_full()
    }

    /// Checks the files periodically; never ends.
    pub(crate) async fn watch(self: &Arc<Web>) {
        if self.path.is_none() {
            return std::future::pending().await;
        }
        self.report("the web configuration is in force");
        self.now.load().warn();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let web = Arc::clone(self);
            if let Err(failure) = tokio::task::spawn_blocking(move || web.look()).await {
                warn!(%failure, "the web configuration could not be looked at");
            }
        }
    }

    /// Loads the files if any changed since the last check.
    fn look(&self) {
        let watched = lock(&self.watched).clone();
        if stamps::changed(&watched).is_none() {
            return;
        }
        match self.reload() {
            Ok(()) => self.report("the web configuration changed and is in force"),
            Err(faults) => {
                warn!("the web configuration changed and cannot be used; the one before stays in force: {faults}");
            }
        }
    }

    /// Logs which file is in force.
    fn report(&self, what: &str) {
        let watched = lock(&self.watched);
        let Some((path, stamp)) = watched.first() else { return };
        let modified = stamp.and_then(|(modified, _)| Timestamp::try_from(modified).ok()).map(tracing::field::display);
        let demands = &self.now.load().demands;
        info!(file = %path.display(), modified, tls = demands.tls.is_some(), users = demands.users, "{what}");
    }

    /// Records a refused attempt, so that the same files are not read again before they change.
    fn refused(&self, files: Vec<Stamped>, faults: ConfigErrors) -> ConfigErrors {
        *lock(&self.watched) = files;
        self.current.store(false, Ordering::Relaxed);
        faults
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
