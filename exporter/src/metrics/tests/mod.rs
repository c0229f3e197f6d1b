#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod golden;
pub(crate) mod parser;
mod properties;
