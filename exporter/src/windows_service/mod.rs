//! The service of Windows: how it is installed, changed and removed, and how it runs under the service control manager.
//!
//! What decides is here for every system and tested on each: names, accounts, command lines, rights, the order of the
//! steps. What is done with it on Windows is in `install`, `run`, `manager`, `folder`, `tools` and `event_log`.

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

/// What an instance of the service is started with.
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

/// Where the configurations of all instances are.
pub fn folder() -> PathBuf {
    ConfigFile::usual().path().parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
