//! The process among others: when to stop, and when to load the configuration anew.
//!
//! The Windows service has its place here too: its control handler ends the same future as a signal does.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use system::{Reloads, Stop};
