//! What was written, and what it means.
//!
//! ```text
//! file (YAML, TOML) ─► Node ─┐
//! environment ───────────────┼─► shape (table of keys) ─► layers (config crate) ─► meaning ─► Config
//! flags ─────────────────────┘
//! ```
//!
//! Every value stays text, with where it was written, until its meaning is asked for. Every fault is told, not just the
//! first, and none shows a secret.

mod address;
mod check;
mod document;
mod fault;
mod keys;
mod layers;
mod master;
mod meaning;
mod node;
mod parse;
mod scope;
mod secret;
mod shape;
mod suggest;
mod toml;
mod values;
mod yaml;
mod zone;

pub use check::check;
pub use document::{example, reference};
pub use fault::{Fault, Faults};
pub(crate) use fault::{ValueError, shown_key};
pub(crate) use keys::{Field, KEYS, Key, Kind as KeyKind, SECTIONS};
pub(crate) use layers::utf8;
pub use layers::{ConfigFile, Override, ReadFile, Sources};
pub(crate) use node::{Content, Entry, Node, Place};
pub use secret::Secret;
pub use values::{
    Auth, CheckSettings, Collectors, Config, Depth, Encrypt, Filter, LabelRule, Limits, Local, Maintenance, Master,
    PasswordSource, Pattern, PortOverride, Ports, Role, SourceAddress, Targets, Trust,
};
pub(crate) use yaml::parse as parse_yaml;
pub(crate) use zone::zone_by_name;

/// Reads and validates the configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(sources: &Sources) -> Result<Config, Faults> {
    let mut faults = Vec::new();
    let merged = layers::merge(sources, &mut faults);
    let config = merged.and_then(|merged| meaning::config(&mut scope::Scope::root(&merged, &mut faults), sources));
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(Faults::told(faults, sources)),
    }
}

#[cfg(test)]
mod tests;
