//! HTTP: routes, limits, deadlines, TLS and basic authentication.
//!
//! ```text
//! listener ─► server ─► connection (TLS, pace) ─► auth ─► router ─► Site
//! ```
//!
//! The server knows nothing of SQL Server or the network behind it: what implements [`Site`] answers
//! with a fleet, and [`crate::exposition`] draws it. Connections, scrapes, probes and pages have places of their own, counted
//! for each client (`http/client.rs`); every phase of a connection has a deadline of its own; and passwords are verified
//! one at a time, in turn among clients. `SECURITY.md` has what that promises.

mod address;
mod answer;
mod auth;
mod client;
mod connection;
mod deadline;
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
