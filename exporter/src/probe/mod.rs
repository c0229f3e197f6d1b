//! Asks the network and answers one finding for each target and check. Knows nothing of SQL tables.

mod board;
mod checks;
mod destination;
mod on_request;
mod prober;
mod protocol;
mod sweep;

#[cfg(feature = "fuzzing")]
pub use protocol::fuzzing;

pub use board::{Board, Finding, Sweep};
pub use destination::Destination;
pub use on_request::{Probe, Probes};
pub use prober::{Extent, Prober, Step, Visited};
pub use protocol::attempt::{Miss, Sockets};
pub use protocol::browser::Announcement;
pub use protocol::engine_port::engine_port;
pub use protocol::rpc::{Interface, SERVICE_CONTROL, registered_port};
pub use protocol::tds::{Encryption, Engine, EngineFacts, Gaze, look};
pub use protocol::tls::TlsFacts;
pub use protocol::verify::{Anchors, Verdict, judge};
pub use sweep::{Roster, Route, Sweeper, sweep_once};
