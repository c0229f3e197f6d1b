//! Asks the network and answers one finding for each target and check. Knows nothing of SQL tables.

mod board;

pub use board::{Board, Check, Direction, Finding, PortSource, PortState, Sweep};
