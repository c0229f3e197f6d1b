#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(super) mod builder;
mod explain;
mod golden;
pub(super) mod parser;
mod properties;
