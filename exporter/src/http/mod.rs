//! HTTP: routes, limits, deadlines, TLS and basic authentication.
//!
//! ```text
//! listener ─► server ─► connection (TLS, deadlines) ─► auth ─► router ─► Site
//! ```
//!
//! The server does not know SQL Server or the network behind it: an implementation of [`Site`] answers with a fleet,
//! and [`crate::exposition`] renders it. Connections, scrapes, probes and pages have separate limits, each counted for
//! each client (`http/client.rs`); every phase of a connection has a deadline; and passwords are verified one at a
//! time, in turn among clients. `SECURITY.md` states what that promises.

mod address;
mod answer;
mod auth;
mod client;
mod connection;
mod deadline;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod inflater;
mod interim;
mod limiter;
mod listener;
mod options;
mod phase;
mod places;
mod probe_tally;
mod refusals;
mod router;
mod server;
mod shared_pages;
mod site;
#[cfg(test)]
mod tests;
mod timeout_stream;
mod turns;
mod views;
mod web;

pub use address::ListenAddress;
pub use client::TrustedClients;
pub use listener::{BindError, bind};
pub use options::Options;
pub(crate) use router::paths;
pub use server::run;
pub use site::{ReloadError, Settings, Site};
pub use web::Web;
