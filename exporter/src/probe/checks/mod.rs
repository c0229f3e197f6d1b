//! What is checked: one row of the table for each check, and what a finding means. Bytes are read and written by
//! [`super::protocol`].

mod browser;
mod engine;
mod rpc;
mod visit;

pub(crate) use visit::{Numbers, Visit, own_port, transport};
