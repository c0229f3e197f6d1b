//! What is checked: one row of the table for each check, and what a finding means. Bytes are read and written by
//! [`super::protocol`].

mod browser;
mod engine;
mod host_probe;
mod rpc;

pub(crate) use host_probe::{HostProbe, Numbers, own_port, transport};
