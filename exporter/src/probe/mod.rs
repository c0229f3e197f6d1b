//! Probes the network and returns one finding for each target and check. Knows nothing of SQL Server's tables.

mod checks;
mod destination;
mod on_request;
mod port_results;
mod prober;
pub mod protocol;
mod sweep;

#[cfg(feature = "fuzzing")]
pub use protocol::fuzzing;

pub(crate) use checks::{own_port, transport};
pub use destination::Destination;
pub use on_request::{Probe, Probes};
pub use port_results::{Finding, PortResults, Sweep};
pub use prober::{Extent, Prober, Step, Visited};
pub use sweep::{Roster, Route, Sweeper, sweep_once};
