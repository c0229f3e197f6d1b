//! The Windows service: installation, changes, state, removal, and how it runs under the service control manager.
//!
//! Every decision is in files that compile and are tested on every system: names, accounts, command lines, rights, the
//! order of the steps. What carries them out on Windows is in `install`, `inspect`, `run`, `manager`, `folder`,
//! `tools` and `event_log`.

pub mod account;
pub mod command_line;
#[cfg(windows)]
mod event_log;
pub mod firewall;
#[cfg(windows)]
mod folder;
#[cfg(windows)]
mod inspect;
#[cfg(windows)]
mod install;
pub mod last_event;
#[cfg(windows)]
mod manager;
pub mod names;
pub mod plan;
pub mod policy;
pub mod rights;
#[cfg(windows)]
mod run;
pub mod status;
#[cfg(windows)]
mod tools;

#[cfg(windows)]
pub use event_log::event_log;
#[cfg(windows)]
pub use inspect::{Judge, describe};
#[cfg(windows)]
pub use install::{Understand, configure, install, uninstall};
pub use names::ServiceName;
pub use plan::Wanted;
#[cfg(windows)]
pub use run::{Serve, Service, run};

use crate::config::ConfigFile;
use std::fmt;
use std::path::{Path, PathBuf};

/// A flag for serving that an instance keeps in its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: String,
    /// Its value, where it takes one.
    pub value: Option<String>,
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "--{}={value}", self.name),
            None => write!(f, "--{}", self.name),
        }
    }
}

/// How an instance of the service is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The arguments of the program.
    pub arguments: Vec<String>,
    /// The file of the configuration.
    pub configuration: PathBuf,
    /// The file of the web configuration, where one is named.
    pub web_configuration: Option<PathBuf>,
    /// The addresses that it listens on, as they are given.
    pub listen_addresses: Vec<String>,
    /// Their TCP ports.
    pub ports: Vec<u16>,
}

/// An action on an instance of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Install it.
    Install(Wanted),
    /// Change it.
    Configure {
        /// The requested settings.
        wanted: Wanted,
        /// Whether to install it where it is missing.
        or_install: bool,
    },
    /// Say what is known of it.
    Status(ServiceName),
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
