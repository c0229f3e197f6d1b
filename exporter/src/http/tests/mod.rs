//! The server over real sockets, with a stand-in for the exporter behind it and a client that writes raw bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod client;
mod half_closed;
mod house;
mod lifecycle;
mod limits;
mod places;
mod routes;
pub(super) mod tls;

use std::time::Duration;

/// Within this everything that is waited for has happened, on a machine that is busy with other things too.
const SOON: Duration = Duration::from_secs(30);

/// A future within [`SOON`].
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}
