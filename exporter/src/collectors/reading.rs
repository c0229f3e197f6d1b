//! One reading of the master: plain rows, every instant already in UTC.

use super::arrivals::Arrivals;
use super::downloads::Downloads;
use super::jobs::Jobs;
use super::server::ServerFacts;
use super::targets::Targets;
use crate::model::Collector;
use crate::sqlserver::{MissingRight, ReadError};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How one collector fared in one reading.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectorReport {
    /// Which one.
    pub collector: Collector,
    /// How long its statements took, as seen from here.
    pub duration: Duration,
    /// Whether the login has every right that it needs. A missing right is no success either.
    pub permission: bool,
    /// The rights that are known to be missing.
    pub missing: Vec<MissingRight>,
    /// When its rows were read. Older than the reading only where an expensive statement rests.
    pub read_at: Option<Timestamp>,
    /// Why it failed, where it did.
    pub fault: Option<ReadError>,
}

impl CollectorReport {
    /// Whether its rows are complete.
    pub fn success(&self) -> bool {
        self.fault.is_none()
    }
}

/// What one collector read, or why it did not.
#[derive(Debug, Clone)]
pub struct Collected<T> {
    /// How it fared.
    pub report: CollectorReport,
    /// Its rows: present exactly when it succeeded; for arrivals also what earlier looks found, with its age. Readings
    /// share them while an expensive answer rests.
    pub rows: Option<Arc<T>>,
}

/// Everything that was read from the master at once. A collector that is switched off is `None`.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When the reading began, by this machine's clock.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Whether its caller gave up so soon that it says nothing of the master.
    pub given_up: bool,
    /// The targets, always asked for unless switched off.
    pub targets: Option<Collected<Targets>>,
    /// The download list.
    pub downloads: Option<Collected<Downloads>>,
    /// The master itself.
    pub server: Option<Collected<ServerFacts>>,
    /// Multiserver jobs.
    pub jobs: Option<Collected<Jobs>>,
    /// Who arrives, as the master remembers it.
    pub arrivals: Option<Collected<Arrivals>>,
}

impl Reading {
    /// A reading for which nothing was asked.
    pub fn nothing(began: Timestamp) -> Reading {
        Reading {
            began,
            took: Duration::ZERO,
            given_up: false,
            targets: None,
            downloads: None,
            server: None,
            jobs: None,
            arrivals: None,
        }
    }

    /// The reports of all collectors that are switched on.
    pub fn reports(&self) -> impl Iterator<Item = &CollectorReport> {
        [
            self.targets.as_ref().map(|c| &c.report),
            self.downloads.as_ref().map(|c| &c.report),
            self.server.as_ref().map(|c| &c.report),
            self.jobs.as_ref().map(|c| &c.report),
            self.arrivals.as_ref().map(|c| &c.report),
        ]
        .into_iter()
        .flatten()
    }
}
