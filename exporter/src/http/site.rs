//! The interface between the server and the exporter.

use crate::collectors::TargetDetail;
use crate::config::{Config, ConfigErrors, Limits};
use crate::diagnosis::Fleet;
use crate::doctor::MasterSide;
use crate::exposition::ExporterFacts;
use crate::model::ProbeFailure;
use crate::probe::Probe;
use crate::sqlserver::ReadError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The exporter as the server sees it.
pub trait Site: Send + Sync + 'static {
    /// The fleet of one reading; joins a reading that is under way. Always returns, at the latest after `wait`: a
    /// reading that took longer is a fleet without a master. A reading that began at most `oldest` ago will do. All callers
    /// of one reading get the same `Arc`, so a page is rendered once for all of them. For a page of a silent target, `of`,
    /// this waits for a look for its reason, once in that time and as far as that may be asked for again.
    ///
    /// The future is dropped as soon as the client hangs up; a reading that no caller waits for may then be cancelled.
    fn fleet(&self, wait: Duration, oldest: Duration, of: Option<&str>) -> impl Future<Output = Arc<Fleet>> + Send;

    /// What only the page of one target shows, read of it alone. `None` for a name that is not enlisted.
    fn target_detail(
        &self,
        fleet: &Fleet,
        name: &str,
        wait: Duration,
    ) -> impl Future<Output = Option<Result<Arc<TargetDetail>, ReadError>>> + Send;

    /// What the firewall request needs of the master besides its fleet. `None` while the master is not read.
    fn master_side(&self, fleet: &Fleet) -> impl Future<Output = Option<Arc<MasterSide>>> + Send;

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
