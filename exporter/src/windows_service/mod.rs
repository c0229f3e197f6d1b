//! The process among others: when to stop, and when to load the configuration anew; and the service of Windows.
//!
//! What decides is here for every system and tested on each: names, accounts, command lines, rights, the order of the
//! steps. What is done with it is in `windows`.

pub mod account;
pub mod flags;
pub mod names;
pub mod plan;
pub mod policy;
pub mod rights;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use names::ServiceName;
pub use plan::Wanted;
#[cfg(windows)]
pub use system::event_log;
pub use system::{Reloads, Stop, configure, install, run, uninstall};

use crate::config::ConfigFile;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is to be done with an instance of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Be it: the service control manager has started this process.
    Run(ServiceName),
    /// Make it.
    Install(Wanted),
    /// Change it.
    Configure {
        /// What is wanted.
        wanted: Wanted,
        /// Whether it is made where it is missing.
        or_install: bool,
    },
    /// Take it away.
    Uninstall {
        /// Which.
        service: ServiceName,
        /// Its configuration too.
        purge: bool,
    },
}

/// Whether a command line is that of a service. Asked before anything else is understood: the service control manager
/// waits.
pub fn is_run(line: &[OsString]) -> bool {
    line.get(1).is_some_and(|word| word == "service") && line.get(2).is_some_and(|word| word == "run")
}

/// Where the configurations of all instances are.
pub fn folder() -> PathBuf {
    ConfigFile::usual().path().parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
