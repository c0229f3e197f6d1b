//! The interface between the server and the exporter.

use crate::config::{Config, ConfigErrors, Limits};
use crate::diagnosis::Fleet;
use crate::exposition::ExporterFacts;
use crate::model::ProbeFailure;
use crate::probe::Probe;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The exporter as the server sees it.
pub trait Site: Send + Sync + 'static {
    /// The fleet of one reading, for a page of this target or of all; joins a reading that is under way. Always returns, at the latest after `wait`: a
    /// reading that took longer is a fleet without a master. All callers of one reading get the same `Arc`, so a page
    /// is rendered once for all of them. Where the target is silent, this waits for a look for its reason, as far as
    /// that may be asked for again.
    ///
    /// The future is dropped as soon as the client hangs up; a reading that no caller waits for may then be cancelled.
    fn fleet(&self, wait: Duration, of: Option<&str>) -> impl Future<Output = Arc<Fleet>> + Send;

    /// Checks every port of one target now and answers within about `wait`. Concurrent callers share one run.
    ///
    /// # Errors
    /// Why nothing was checked.
    fn probe(&self, name: &str, wait: Duration) -> impl Future<Output = Result<Arc<Probe>, ProbeFailure>> + Send;

    /// Facts about the exporter itself. May block; called right before a page is rendered, and kept with that page for
    /// all clients that share it.
    fn facts(&self) -> ExporterFacts;

    /// Settings that a reload can change. Called for each request, so it must be cheap.
    fn settings(&self) -> Settings;

    /// Loads the configuration again, that of [`super::Web`] included, and puts it in force; for `POST /-/reload` and
    /// SIGHUP. Ends within a deadline even where reading a file hangs.
    ///
    /// # Errors
    /// Why nothing was loaded; the old configuration stays in force.
    fn reload(&self) -> impl Future<Output = Result<(), ReloadError>> + Send;
}

/// Why a configuration was not loaded again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// Another reload has not ended.
    #[error("another reload is under way")]
    UnderWay,
    /// The configuration has faults.
    #[error("{0}")]
    Faults(ConfigErrors),
    /// The files were not read within the deadline, or reading them failed.
    #[error("{0}")]
    Reading(String),
}

/// What the server needs of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The time-out of a reading.
    pub reading_timeout: Duration,
    /// Whether texts of errors, addresses and traces are shown without authentication.
    pub explain_details: bool,
    /// The limits of the section `limits`.
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
