//! The targets on this machine, and where their master is.

use super::registry::{Enlistment, Registry, enlistments};
use crate::config::Config;
use crate::model::{Address, ServerName, names};
use crate::probe::Destination;

/// A target on this machine, and its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTarget {
    /// The target's name as enlisted.
    pub target: String,
    /// The master as configured, without a port: `HOST` or `HOST\INSTANCE`.
    pub master: String,
    /// Where the master is, as configured.
    pub address: Address,
    /// The master in this target's registry (MSXServerName); `None` where the registry has none.
    pub enlisted_to: Option<String>,
    /// Where an alias of the SQL Server client leads that has this name.
    pub alias: Option<String>,
    /// MsxEncryptChannelOptions of this target; `None` where the registry cannot be read.
    pub encrypt_channel_option: Option<u32>,
}

impl LocalTarget {
    /// The destination of this target's polls.
    pub fn destination(&self) -> Destination {
        Destination::to_master(&self.target, &self.master, &self.address)
    }

    /// The name that the master's certificate must hold: the host under which this target knows its master, as written
    /// there.
    pub fn checked_name(&self) -> &str {
        match &self.enlisted_to {
            Some(master) => ServerName::of(master).host,
            None => &self.address.host,
        }
    }

    /// Whether a name means the configured master, as far as names can show.
    pub(super) fn is_master(&self, name: &str) -> bool {
        self.address.is_called(name, ServerName::of(&self.target).host)
    }
}

/// The target that the configuration names, completed from the registry; else every instance of this machine that is a
/// target by the registry.
pub fn local_targets(config: &Config, registry: &dyn Registry) -> Vec<LocalTarget> {
    let address = &config.master.address;
    let master = address.server_name().to_string();
    let local_target = |target: String, found: Option<Enlistment>| LocalTarget {
        target,
        master: master.clone(),
        address: address.clone(),
        encrypt_channel_option: found.as_ref().map(|found| found.encrypt_channel_option),
        alias: found.as_ref().and_then(|found| found.alias.clone()),
        enlisted_to: found.and_then(|found| found.master),
    };
    let mut found = enlistments(registry);
    match &config.local.name {
        Some(name) => {
            let at = found.iter().position(|found| names::same(&found.target, name));
            // The machine may have been renamed, or an alias configured, so the instance alone identifies it too.
            let at = at.or_else(|| {
                found.iter().position(|found| ServerName::of(&found.target).same_instance(ServerName::of(name)))
            });
            vec![local_target(name.clone(), at.map(|at| found.swap_remove(at)))]
        }
        None => {
            let targets = found.into_iter().filter(|found| found.master.is_some());
            targets.map(|found| local_target(found.target.clone(), Some(found))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::registry::tests::Fake;
    use super::*;
    use crate::config::{ConfigFile, Sources, load};
    use crate::model::{Check, Direction};

    fn config(text: &str) -> Config {
        let text = text.to_owned();
        let mut sources = Sources::of_process(ConfigFile::Named("far.yml".into()), Vec::new());
        sources.environment.clear();
        sources.windows = true;
        sources.read = Box::new(move |_| Ok(text.clone().into_bytes()));
        load(&sources).unwrap()
    }

    fn local_target(host: &str, port: Option<u16>, instance: Option<&str>) -> LocalTarget {
        let address = Address { host: host.to_owned(), port, instance: instance.map(str::to_owned) };
        LocalTarget {
            target: "SQL01".to_owned(),
            master: host.to_owned(),
            address,
            enlisted_to: None,
            alias: None,
            encrypt_channel_option: None,
        }
    }

    #[test]
    fn the_registry_names_the_targets_of_this_machine() {
        let found = local_targets(&config("role: target\nmaster: { address: msx01.corp.example }"), &Fake::machine());
        assert!(matches!(found.as_slice(), [one] if one.target == r"SQL01\PAYROLL"), "{found:?}");
        assert_eq!((found[0].enlisted_to.as_deref(), found[0].encrypt_channel_option), (Some("Msx01"), Some(1)));
        assert_eq!((found[0].master.as_str(), found[0].checked_name()), ("msx01.corp.example", "Msx01"));
        assert_eq!(local_targets(&config("role: target\nmaster: { address: msx01 }"), &Fake::default()), []);
    }

    #[test]
    fn a_configured_name_is_taken_as_written_and_the_registry_adds_what_it_knows() {
        let named = |name: &str| {
            let text = format!("role: target\nmaster: {{ address: 'msx01\\HQ' }}\nlocal: {{ name: '{name}' }}");
            local_targets(&config(&text), &Fake::machine()).remove(0)
        };
        assert_eq!(named(r"sql01\payroll").target, r"sql01\payroll");
        assert_eq!(named(r"ALIAS\PAYROLL").enlisted_to.as_deref(), Some("Msx01"));
        assert_eq!((named("SQL01").enlisted_to, named("SQL01").encrypt_channel_option), (None, Some(2)));
        assert_eq!(named(r"SQL01\OTHER").encrypt_channel_option, None);
        assert_eq!((named("SQL01").master.as_str(), named("SQL01").checked_name()), (r"msx01\HQ", "msx01"));
    }

    #[test]
    fn the_way_leads_to_the_master() {
        let to = local_target("msx01", None, Some("HQ")).destination();
        assert_eq!((to.direction, to.host.as_str(), to.target.as_str()), (Direction::ToMaster, "msx01", "SQL01"));
        assert!(to.required[&Check::Engine] && to.required[&Check::Browser]);
    }

    #[test]
    fn the_same_master_is_known_in_its_spellings() {
        for (configured, name, same) in [
            (local_target("msx01.corp.example", None, None), "MSX01", true),
            (local_target("MSX01", None, None), "msx01.corp.example", true),
            (local_target("msx01.corp.example", None, None), "msx01.other.example", false),
            (local_target("msx01", None, None), "MSX02", false),
            (local_target("msx01", None, None), r"MSX01\HQ", false),
            (local_target("msx01", Some(14330), None), r"MSX01\HQ", true),
            (local_target("msx01", None, Some("hq")), r"MSX01\HQ", true),
            (local_target("msx01", None, Some("hq")), "MSX01", false),
            (local_target("msx01", None, Some("hq")), "MSX01,14330", true),
            (local_target("msx01", Some(14330), None), "tcp:MSX01.,14330 ", true),
            (local_target("msx01", Some(14330), None), "MSX01,14331", false),
            (local_target("msx01", None, None), r"MSX01\MSSQLSERVER", true),
            (local_target("msx01", None, None), "MSX01,14330", false),
            (local_target("localhost", None, Some("HQ")), r"SQL01\hq", true),
            (local_target("sql01.corp.example", None, None), "(local)", true),
            (local_target("localhost", None, None), "MSX01", false),
        ] {
            assert_eq!(configured.is_master(name), same, "{configured:?} {name}");
        }
    }
}
