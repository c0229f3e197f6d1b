#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod builder;
mod explain;
mod golden;
mod parser;
mod properties;
