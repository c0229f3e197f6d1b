//! Windows: console events, the service itself, and how it is installed.

mod console;
mod control;
mod folder;
mod host;
mod journal;
mod manager;
mod tools;

pub use console::{Reloads, Stop};
pub use control::run;
pub use host::{configure, install, uninstall};
pub use journal::event_log;
