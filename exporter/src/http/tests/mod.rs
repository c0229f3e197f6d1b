//! The server over real sockets, with a stub of the exporter behind it and a client that writes raw bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod client;
mod half_closed;
mod lifecycle;
mod limits;
mod places;
mod routes;
mod server;
pub(super) mod tls;

use std::time::Duration;

/// The deadline of everything that a test waits for, also on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Awaits a future within [`SOON`].
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}
