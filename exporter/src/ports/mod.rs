//! Asks the network and answers one finding for each target and check. Knows nothing of SQL tables.

mod attempt;
mod board;
mod browser;
mod certificate;
mod destination;
mod engine;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod judge;
mod netbios;
mod probe;
mod prober;
mod resolve;
mod rpc;
mod smb;
mod sweep;
mod tcp;
mod tds;
mod tls;
mod visit;

pub use attempt::{Miss, Sockets};
pub use board::{Board, Check, Direction, Finding, PortSource, PortState, Sweep};
pub use browser::{Announcement, BROWSER_PORT, instance_port};
pub use destination::Destination;
pub use judge::{Anchors, Verdict, judge};
pub use probe::{Probe, Probes};
pub use prober::{Extent, Prober, Step, Visited};
pub use rpc::{Interface, SERVICE_CONTROL, registered_port};
pub use sweep::{Roster, Route, Sweeper, sweep_once};
pub use tds::{Encryption, Engine, EngineFacts, Gaze, look};
pub use tls::TlsFacts;
pub(crate) use visit::{own_port, transport};
