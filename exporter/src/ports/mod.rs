//! Asks the network and answers one finding for each target and check. Knows nothing of SQL tables.

mod attempt;
mod board;
mod browser;
mod certificate;
mod tcp;
mod tds;
mod tls;

pub use attempt::{Miss, Sockets};
pub use board::{Board, Check, Direction, Finding, PortSource, PortState, Sweep};
pub use browser::{Announcement, BROWSER_PORT, instance_port};
pub use tds::{Encryption, Engine, EngineFacts, Gaze, look};
pub use tls::TlsFacts;
