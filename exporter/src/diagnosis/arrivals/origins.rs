//! From which addresses a target arrives.

use crate::collectors::{ServerFacts, TargetRow, Targets};
use crate::config::Config;
use crate::model::ServerName;
use crate::model::names::{bare, key};
use crate::probe::PortResults;
use foldhash::HashMap;
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Other targets of an address or a host that are kept: one more than are named, to show that there are more.
const MOST_OTHERS: usize = super::MOST_NAMED + 1;

/// Addresses of one target that a text names; all are looked for.
const MOST_SHOWN: usize = 10;

/// Why a target is expected from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// `targets.addresses` says so.
    Configuration,
    /// Its name resolves to it on this machine.
    Name,
}

impl Source {
    fn words(self) -> &'static str {
        match self {
            Source::Configuration => "targets.addresses",
            Source::Name => "its name",
        }
    }
}

/// The addresses of the silent targets, and the targets that share one.
#[derive(Default)]
pub(crate) struct Origins<'a> {
    /// By the key of a silent target's name.
    addresses: HashMap<Cow<'a, str>, BTreeMap<IpAddr, Source>>,
    /// Of all targets. In this map and the next, targets that poll come first, then the order is by name.
    owners: HashMap<IpAddr, Vec<Owner<'a>>>,
    /// Those on each host of a silent target, by the key of the host's name.
    hosts: HashMap<Cow<'a, str>, Vec<Owner<'a>>>,
    /// The keys of the names of the master's computer.
    master: Vec<Cow<'a, str>>,
}

/// A target of an address or a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) name: &'a str,
    pub(crate) silent: bool,
}

impl<'a> Origins<'a> {
    /// Collects the addresses of the enlisted targets, shown or not. The master's own addresses
    /// do not identify a target on the same host.
    pub(crate) fn new(
        targets: &'a Targets,
        server: Option<&'a ServerFacts>,
        port_results: &PortResults,
        config: &Config,
        now: Timestamp,
    ) -> Origins<'a> {
        let named = server.map(|server| ServerName::of(&server.name).host);
        let node = server.and_then(|server| server.place.node.as_deref());
        let mut origins = Origins { master: named.into_iter().chain(node).map(key).collect(), ..Origins::default() };
        let mut rows: Vec<(&TargetRow, bool)> = targets.rows.iter().map(|row| (&**row, row.is_silent(now))).collect();
        // Most poll, and only those matter whose host a silent one has.
        rows.sort_by_key(|(_, silent)| !silent);
        for (row, silent) in rows {
            let owner = Owner { name: bare(&row.name), silent };
            let host = key(ServerName::of(owner.name).host);
            let mut found = BTreeMap::new();
            if !origins.is_master(&host) {
                let resolved = port_results.addresses.get(&row.name).into_iter().flatten();
                found.extend(resolved.map(|address| (address.to_canonical(), Source::Name)));
                // A name that resolves to loopback means this machine.
                found.retain(|address, _| !address.is_loopback() && !address.is_unspecified());
                if silent {
                    origins.hosts.entry(host).or_default().push(owner);
                } else if let Some(owners) = origins.hosts.get_mut(host.as_ref()) {
                    owners.push(owner);
                }
            }
            let configured = config.targets.arrives_from(owner.name);
            found.extend(configured.map(|address| (address, Source::Configuration)));
            for address in found.keys() {
                origins.owners.entry(*address).or_default().push(owner);
            }
            if silent {
                origins.addresses.insert(key(owner.name), found);
            }
        }
        for owners in origins.owners.values_mut().chain(origins.hosts.values_mut()) {
            owners.sort_unstable_by_key(|owner| (owner.silent, owner.name));
        }
        origins
    }

    /// The addresses of a silent target.
    pub(crate) fn of(&self, target: &str) -> impl Iterator<Item = IpAddr> {
        self.addresses.get(key(target).as_ref()).into_iter().flatten().map(|(address, _)| *address)
    }

    /// The same in words, with the source of each.
    pub(crate) fn in_words(&self, target: &str) -> String {
        let all: Vec<_> = self.addresses.get(key(target).as_ref()).into_iter().flatten().collect();
        let shown = all.iter().take(MOST_SHOWN).map(|(address, source)| format!("{address} ({})", source.words()));
        let more = all.len().saturating_sub(MOST_SHOWN);
        let more = (more > 0).then(|| format!("{more} more"));
        shown.chain(more).collect::<Vec<_>>().join(", ")
    }

    /// Whether a host, by the key of its name, is the master's: its own Agent states it too.
    pub(crate) fn is_master(&self, host: &str) -> bool {
        self.master.iter().any(|name| name == host)
    }

    /// Whether an address belongs to any target.
    pub(crate) fn is_owned(&self, address: IpAddr) -> bool {
        self.owners.contains_key(&address)
    }

    /// Other targets that share an address or the host of this one, each once: a few where there are many, among them
    /// one that polls where there is one. All targets may share one address, so the time must not grow with their
    /// number.
    pub(crate) fn others(&self, target: &str) -> Vec<Owner<'a>> {
        let name = key(target);
        let shared = self.of(target).filter_map(|address| self.owners.get(&address));
        let groups = shared.chain(self.hosts.get(key(ServerName::of(target).host).as_ref()));
        let others = groups.flat_map(|owners| owners.iter().filter(|owner| key(owner.name) != name).take(MOST_OTHERS));
        let all: BTreeMap<&str, Owner<'a>> = others.map(|owner| (owner.name, *owner)).collect();
        all.into_values().collect()
    }
}
