//! Both ways between master and target, with the real binary: `role: target`, `/probe` and `/sd`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exporter;
mod on_target;
mod probe;
mod test_server;
