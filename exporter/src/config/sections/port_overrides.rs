//! `ports.overrides`.

use super::filter::Pattern;
use super::targets::MATCH;
use crate::config::error::ValueError;
use crate::config::keys::{Field, Kind};
use crate::config::scope::Scope;
use crate::config::section::Items;
use crate::config::{address, parse};

/// What differs for some targets.
#[derive(Debug, Clone)]
pub struct PortOverride {
    /// Which.
    pub matches: Pattern,
    /// The host to ask instead of the one in the target's name.
    pub host: Option<String>,
    /// The engine's port.
    pub engine_port: Option<u16>,
    /// Whether the engine's port must be open.
    pub required: Option<bool>,
}

pub(super) const OVERRIDES: Items<PortOverride> = Items {
    fields: &[
        MATCH,
        Field {
            name: "host",
            kind: Kind::Host,
            required: false,
            help: "the host to ask instead of the one in the target's name",
        },
        Field { name: "engine_port", kind: Kind::Port, required: false, help: "the port of the engine" },
        Field { name: "required", kind: Kind::Flag, required: false, help: "whether the engine's port must be open" },
    ],
    open: false,
    item: port_override,
};

fn port_override(item: &mut Scope<'_>) -> Option<PortOverride> {
    let matches = item.required("match", parse::pattern);
    let host = item.optional("host", address::host);
    let engine_port = item.optional("engine_port", parse::port);
    let required = item.optional("required", parse::flag);
    if !["host", "engine_port", "required"].iter().any(|field| item.is_written(field)) {
        item.fault("", ValueError::new("changes nothing").expected("add host, engine_port or required"));
    }
    Some(PortOverride { matches: matches?, host: host?, engine_port: engine_port?, required: required? })
}
