//! HTTP: routes, limits, deadlines, TLS and basic authentication.
//!
//! ```text
//! listener ─► server ─► connection (TLS, pace) ─► auth ─► router ─► Site
//! ```
//!
//! The server knows nothing of SQL Server or the network behind it: whoever implements [`Site`] answers
//! with a fleet, and [`crate::exposition`] draws it. No client can stop another's scrape: connections and scrapes are counted for each address
//! ([`Options`]), and every phase of a connection has a deadline of its own.

mod address;
mod answer;
mod auth;
mod connection;
mod deadline;
mod inflater;
mod limiter;
mod listener;
mod options;
mod router;
mod server;
mod shared_pages;
mod site;
#[cfg(test)]
mod tests;
mod timeout_stream;
mod views;
mod web;

pub use address::ListenAddress;
pub use listener::{BindError, bind};
pub use options::Options;
pub(crate) use router::paths;
pub use server::run;
pub use site::{NoProbe, ReloadError, Settings, Site};
pub use web::Web;
