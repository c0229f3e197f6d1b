//! What the exporter makes of what its master answers: every type, every way in which an answer can be broken, every
//! zone and version, and figures that equal a count by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broken;
mod counts;
mod script;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod types;
mod versions;
