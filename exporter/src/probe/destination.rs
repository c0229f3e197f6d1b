//! The destination of a check.

use crate::config::PortOverride;
use crate::model::{Address, Check, Direction, ServerName};
use std::collections::BTreeMap;

/// One instance on one host, and for whom it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The target's name as enlisted: the source with [`Direction::ToMaster`], the destination otherwise.
    pub target: String,
    /// Which of the two ends opens the connection.
    pub direction: Direction,
    /// The master as destination; only with [`Direction::ToMaster`].
    pub master: Option<String>,
    /// The host to connect to.
    pub host: String,
    /// The bare instance name; `None` for the default instance.
    pub instance: Option<String>,
    /// The engine's port, where it is configured.
    pub engine_port: Option<u16>,
    /// Whether a port must be open, where that differs from the settings of the check.
    pub required: BTreeMap<Check, bool>,
}

impl Destination {
    /// From the master to a target, whose name is `HOST` or `HOST\INSTANCE`.
    pub fn to_target(name: &str, overrides: &[PortOverride]) -> Destination {
        let ServerName { host, instance, .. } = ServerName::of(name);
        let differs = overrides.iter().find(|entry| entry.matches.matches(name));
        let required = differs.and_then(|entry| entry.required).map(|required| (Check::Engine, required));
        Destination {
            target: name.to_owned(),
            direction: Direction::ToTarget,
            master: None,
            host: differs.and_then(|entry| entry.host.clone()).unwrap_or_else(|| host.to_owned()),
            instance: instance.map(str::to_owned),
            engine_port: differs.and_then(|entry| entry.engine_port),
            required: required.into_iter().collect(),
        }
    }

    /// From a target to its master. The engine's port is what polling needs; SQL Browser is needed by targets that know
    /// the master as `HOST\INSTANCE` without a port.
    pub fn to_master(target: &str, master: &str, address: &Address) -> Destination {
        let needs_browser = address.instance.is_some() && address.port.is_none();
        Destination {
            target: target.to_owned(),
            direction: Direction::ToMaster,
            master: Some(master.to_owned()),
            host: address.host.clone(),
            instance: address.instance.clone(),
            engine_port: address.port,
            required: [(Check::Engine, true), (Check::Browser, needs_browser)].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::config::Pattern;

    fn entry(matches: &str, host: Option<&str>, engine_port: Option<u16>, required: Option<bool>) -> PortOverride {
        PortOverride { matches: Pattern::new(matches).unwrap(), host: host.map(str::to_owned), engine_port, required }
    }

    #[test]
    fn a_name_is_host_and_instance() {
        let plain = Destination::to_target("SQL01", &[]);
        assert_eq!((plain.host.as_str(), plain.instance, plain.engine_port), ("SQL01", None, None));
        let named = Destination::to_target(r"SQL01\PAYROLL", &[]);
        assert_eq!((named.host.as_str(), named.instance.as_deref()), ("SQL01", Some("PAYROLL")));
    }

    #[test]
    fn the_first_override_that_fits_counts_alone() {
        let overrides = [
            entry(r"sql01\\pay.*", Some("sql01.corp.example"), Some(14331), Some(true)),
            entry(".*", Some("elsewhere"), Some(1), Some(false)),
        ];
        let found = Destination::to_target(r"SQL01\PAYROLL", &overrides);
        assert_eq!((found.host.as_str(), found.engine_port), ("sql01.corp.example", Some(14331)));
        assert_eq!(found.required.get(&Check::Engine), Some(&true));
        assert_eq!(Destination::to_target("SQL02", &overrides).host, "elsewhere");
    }

    #[test]
    fn a_master_known_without_a_port_needs_sql_browser() {
        let address = |port| Address { host: "MSX01".to_owned(), port, instance: Some("HQ".to_owned()) };
        let required = |port| Destination::to_master("SQL01", r"MSX01\HQ", &address(port)).required[&Check::Browser];
        assert!(required(None));
        assert!(!required(Some(14330)));
    }
}
