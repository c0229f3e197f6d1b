#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod allocations;
mod golden;
pub(crate) mod parser;
mod properties;
