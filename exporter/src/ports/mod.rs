//! Asks the network and answers one finding for each target and check. Knows nothing of SQL tables.

mod attempt;
mod board;
mod browser;
mod certificate;
mod destination;
mod engine;
mod netbios;
mod prober;
mod resolve;
mod rpc;
mod smb;
mod tcp;
mod tds;
mod tls;
mod visit;

pub use attempt::{Miss, Sockets};
pub use board::{Board, Check, Direction, Finding, PortSource, PortState, Sweep};
pub use browser::{Announcement, BROWSER_PORT, instance_port};
pub use destination::Destination;
pub use prober::{Extent, Prober, Step, Visited};
pub use tds::{Encryption, Engine, EngineFacts, Gaze, look};
pub use tls::TlsFacts;
