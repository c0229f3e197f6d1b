//! What was written, and what it means.
//!
//! ```text
//! file (YAML, TOML) ─► Node ─┐
//! environment ───────────────┼─► shape (table of keys) ─► layers (config crate) ─► sections ─► Config
//! flags ─────────────────────┘
//! ```
//!
//! Every value stays text, with where it was written, until its meaning is asked for. Every fault is reported, not just the
//! first, and none shows a secret.

mod address;
mod check;
mod document;
mod error;
mod keys;
mod layers;
mod node;
mod parse;
mod readers;
mod scope;
mod secret;
mod section;
mod sections;
mod shape;
mod suggest;
mod toml;
mod yaml;
mod zone;

pub use check::check;
pub use document::{example, reference};
pub use error::{ConfigError, ConfigErrors};
pub(crate) use error::{ValueError, shown_key};
pub(crate) use keys::{Field, KEYS, Key, Kind as KeyKind, SECTIONS};
pub(crate) use layers::text;
pub use layers::{ConfigFile, Override, ReadFile, Sources};
pub(crate) use node::{Content, Entry, Node, Place};
pub use secret::Secret;
pub use sections::{
    Auth, CheckSettings, Collectors, Config, Depth, Encrypt, Explain, Filter, LabelRule, Limits, Local, Maintenance,
    Master, PageFiles, PasswordSource, Pattern, PortOverride, Ports, Role, SourceAddress, TargetPages, Targets, Trust,
};
pub(crate) use yaml::parse as parse_yaml;
pub(crate) use zone::zone_by_name;

/// Reads and validates the configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(sources: &Sources) -> Result<Config, ConfigErrors> {
    match load_before_password(sources)? {
        (config, None) => Ok(config),
        (_, Some(faults)) => Err(faults),
    }
}

/// As [`load`], for the time before the login exists: that the file of its password cannot be read comes next to the
/// configuration.
///
/// # Errors
/// Everything that is wrong with it, where that is more.
pub fn load_before_password(sources: &Sources) -> Result<(Config, Option<ConfigErrors>), ConfigErrors> {
    let mut report = error::Report::default();
    let merged = layers::merge(sources, &mut report);
    let config = merged.and_then(|merged| sections::read(&mut scope::Scope::root(&merged, &mut report), sources));
    let without_password = report.faults.iter().all(|fault| fault.path == "master.password_file");
    match config {
        Some(config) if report.faults.is_empty() => Ok((config, None)),
        Some(config) if without_password => Ok((config, Some(ConfigErrors::of(report.faults, sources)))),
        _ => Err(ConfigErrors::of(report.faults, sources)),
    }
}

/// The defaults, for tests of other rooms, with a login that nothing uses. A test names what it needs otherwise.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) fn defaults() -> Config {
    let mut sources = Sources::of_process(ConfigFile::Named("defaults.yml".into()), Vec::new());
    sources.environment.clear();
    sources.read = Box::new(|_| Ok(b"master: { user: monitor, password: secret }".into()));
    load(&sources).unwrap()
}

#[cfg(test)]
mod tests;
