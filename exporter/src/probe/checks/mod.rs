//! The checks: one row of the table for each, and the meaning of a finding. [`super::protocol`] reads and writes the
//! bytes.

mod browser;
mod engine;
mod host_probe;
mod rpc;

pub(crate) use host_probe::{HostProbe, Numbers, own_port, transport};
