//! What the system asks of the process: to stop, and to load the configuration again.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{Reloads, Stop};
#[cfg(windows)]
pub use windows::{Reloads, Stop};
