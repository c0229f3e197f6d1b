//! Where the server meets the rest of the house.

use crate::config::{Config, ConfigErrors, Limits};
use crate::diagnosis::Fleet;
use crate::exposition::ExporterFacts;
use crate::model::ProbeFailure;
use crate::probe::Probe;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What the server asks of the exporter behind it.
pub trait Site: Send + Sync + 'static {
    /// The fleet as of one reading, joined where one is under way. Always answers, at the latest after `wait`: a
    /// reading that took longer is a fleet without a master. All who join one reading get one fleet, the same
    /// by identity: a page is drawn once for each.
    ///
    /// The future is dropped as soon as the client hangs up; a reading for which no one waits may then be cancelled.
    fn fleet(&self, wait: Duration) -> impl Future<Output = Arc<Fleet>> + Send;

    /// Checks every port of one target now, and answers within about `wait`. A caller who asks meanwhile shares the run.
    ///
    /// # Errors
    /// Why nothing was checked.
    fn probe(&self, name: &str, wait: Duration) -> impl Future<Output = Result<Arc<Probe>, ProbeFailure>> + Send;

    /// The exporter's own facts. Called where blocking is allowed, right before a page is drawn; who is served from that
    /// page later gets them as they were then.
    fn facts(&self) -> ExporterFacts;

    /// What can change with a reload. Called for each request: cheap.
    fn settings(&self) -> Settings;

    /// Loads the configuration again, that of [`super::Web`] included, and puts it in force. `POST /-/reload` and SIGHUP
    /// mean the same. Ends within a deadline, whatever the files do.
    ///
    /// # Errors
    /// Why nothing was loaded; the old configuration stays in force.
    fn reload(&self) -> impl Future<Output = Result<(), ReloadError>> + Send;
}

/// Why a configuration was not loaded again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// Another one has not ended.
    #[error("another reload is under way")]
    UnderWay,
    /// What was read cannot be put in force.
    #[error("{0}")]
    Faults(ConfigErrors),
    /// The files were not read within the deadline, or reading them failed altogether.
    #[error("{0}")]
    Reading(String),
}

/// What the server needs of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// For a whole reading.
    pub reading_timeout: Duration,
    /// Whether texts of errors, addresses and traces are shown without authentication.
    pub explain_details: bool,
    /// Bounds.
    pub limits: Limits,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Settings {
        Settings {
            reading_timeout: config.master.timeout,
            explain_details: config.explain.details,
            limits: config.limits,
        }
    }
}
