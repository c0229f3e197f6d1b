//! Where the server meets the rest of the house.

use crate::fleet::Fleet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What the server asks of the exporter behind it.
pub trait Site: Send + Sync + 'static {
    /// The fleet as of one reading, joined where one is under way. Always answers, at the latest after `wait`: a
    /// reading that took longer is a fleet without a master.
    ///
    /// The future is dropped as soon as the client hangs up; a reading for which nobody waits may then be cancelled.
    fn fleet(&self, wait: Duration) -> impl Future<Output = Arc<Fleet>> + Send;

    /// What can change with a reload.
    fn settings(&self) -> Settings;

    /// Draws a view of a fleet. Runs on a thread where it may take its time. `None`: no such target.
    fn render(&self, fleet: &Fleet, view: &View) -> Option<Rendered>;

    /// Loads the configuration anew and puts it in force.
    ///
    /// # Errors
    /// What is wrong with it, without secrets; the old one stays in force.
    fn reload(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// What the server needs of the configuration; read for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `master.timeout`: for a whole reading.
    pub reading_timeout: Duration,
    /// `explain.details`: texts of errors, addresses and traces are shown without authentication.
    pub explain_details: bool,
    /// `limits.scrapes_in_flight`.
    pub scrapes_in_flight: usize,
    /// `limits.scrapes_in_flight_per_client`.
    pub scrapes_in_flight_per_client: usize,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The explain page.
    Index {
        /// The path under which the pages' links stand, without a slash at its end.
        base: String,
        /// Whether texts of errors, addresses and traces may be shown.
        details: bool,
    },
    /// One target.
    Target {
        /// Its name as asked for.
        name: String,
        /// As in [`View::Index`].
        base: String,
        /// As in [`View::Index`].
        details: bool,
    },
    /// The exposition.
    Metrics {
        /// The `Accept` header; where there are several, joined by commas. Empty where there is none.
        accept: String,
    },
    /// The facts as JSON.
    Targets {
        /// As in [`View::Index`].
        details: bool,
    },
}

/// A view that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The exact value of `Content-Type`.
    pub content_type: &'static str,
    /// The text.
    pub text: String,
}
