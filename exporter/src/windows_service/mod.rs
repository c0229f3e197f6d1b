//! The Windows service: installation, changes, removal, and how it runs under the service control manager.
//!
//! Every decision is in files that compile and are tested on every system: names, accounts, command lines, rights, the
//! order of the steps. What carries them out on Windows is in `install`, `run`, `manager`, `folder`, `tools` and
//! `event_log`.

pub mod account;
pub mod command_line;
#[cfg(windows)]
mod event_log;
#[cfg(windows)]
mod folder;
#[cfg(windows)]
mod install;
#[cfg(windows)]
mod manager;
pub mod names;
pub mod plan;
pub mod policy;
pub mod rights;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod tools;

#[cfg(windows)]
pub use event_log::event_log;
#[cfg(windows)]
pub use install::{Understand, configure, install, uninstall};
pub use names::ServiceName;
pub use plan::Wanted;
#[cfg(windows)]
pub use run::{Serve, Service, run};

use crate::config::ConfigFile;
use std::path::{Path, PathBuf};

/// How an instance of the service is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The arguments of the program.
    pub arguments: Vec<String>,
    /// The file of the configuration.
    pub configuration: PathBuf,
    /// The file of the web configuration, where one is named.
    pub web_configuration: Option<PathBuf>,
    /// The TCP ports that it listens on.
    pub ports: Vec<u16>,
}

/// An action on an instance of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Run as the service: the service control manager has started this process.
    Run(ServiceName),
    /// Install it.
    Install(Wanted),
    /// Change it.
    Configure {
        /// The requested settings.
        wanted: Wanted,
        /// Whether to install it where it is missing.
        or_install: bool,
    },
    /// Remove it.
    Uninstall {
        /// The instance.
        service: ServiceName,
        /// Whether its configuration is deleted too.
        purge: bool,
    },
}

/// The folder with the configurations of all instances.
pub fn folder() -> PathBuf {
    ConfigFile::usual().path().parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
