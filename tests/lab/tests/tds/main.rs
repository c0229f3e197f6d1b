//! The protocol as tiberius sees it. Clients that are not written in Rust see it in `tests/clients`.

#![cfg(not(windows))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::large_futures)]

mod attentions;
mod client;
mod exhibit;
mod faults;
mod logins;
mod results;
