//! The answer of `/sd`: the enlisted targets for Prometheus' HTTP service discovery.

use crate::diagnosis::Fleet;
use crate::model::{ServerName, names};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

/// The entries of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {
    /// One entry for each host with an enlisted target, at this port: for exporters that run once on a host.
    Hosts(NonZeroU16),
    /// One entry for each enlisted target, so that each instance can be probed. Without a port its address is the host
    /// alone, which the scrape configuration replaces.
    Targets(Option<NonZeroU16>),
}

/// The list. `None` when the targets were not read: Prometheus would drop every target for an empty list, but keeps the
/// last list when it gets an error.
///
/// # Errors
/// None that the data can cause.
pub fn targets(fleet: &Fleet, entries: Entries) -> Result<Option<String>, serde_json::Error> {
    let Some(fleet) = fleet.of_master().filter(|fleet| fleet.master.is_some()) else { return Ok(None) };
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for target in &fleet.targets {
        let Some(enlisted) = &target.enlisted else { continue };
        let host = ServerName::of(&target.name).host;
        let key = match entries {
            Entries::Hosts(_) => host,
            Entries::Targets(_) => &target.name,
        };
        let group = groups.entry(names::key(key).into_owned()).or_default();
        group.host = host;
        group.address = group.address.or(target.address.as_deref());
        group.targets.insert(&target.name);
        group.groups.extend(enlisted.groups.iter().map(String::as_str));
        if group.location.is_empty() {
            group.location = enlisted.location.as_deref().unwrap_or_default();
        }
    }
    let port = match entries {
        Entries::Hosts(port) => Some(port),
        Entries::Targets(port) => port,
    };
    serde_json::to_string(&groups.values().map(|group| Entry::new(group, port)).collect::<Vec<_>>()).map(Some)
}

/// The instances of one entry, and their common labels.
#[derive(Default)]
struct Group<'a> {
    host: &'a str,
    address: Option<&'a str>,
    targets: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
    location: &'a str,
}

/// A target group of Prometheus.
#[derive(Serialize)]
struct Entry<'a> {
    targets: [String; 1],
    labels: Labels<'a>,
}

#[derive(Serialize)]
struct Labels<'a> {
    #[serde(rename = "__meta_msx_target")]
    target: &'a str,
    #[serde(rename = "__meta_msx_host")]
    host: &'a str,
    #[serde(rename = "__meta_msx_address")]
    address: &'a str,
    #[serde(rename = "__meta_msx_groups")]
    groups: String,
    #[serde(rename = "__meta_msx_location")]
    location: &'a str,
}

impl<'a> Entry<'a> {
    fn new(group: &Group<'a>, port: Option<NonZeroU16>) -> Entry<'a> {
        let host = match group.host.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{}]", group.host),
            Err(_) => group.host.to_owned(),
        };
        let address = match port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let groups: String = group.groups.iter().flat_map(|name| [",", name]).collect();
        let labels = Labels {
            // The default instance sorts first where there is one, because its name is the shortest.
            target: group.targets.first().copied().unwrap_or_default(),
            host: group.host,
            address: group.address.unwrap_or(group.host),
            // A comma on either side, so that one expression finds a group at any position.
            groups: if groups.is_empty() { groups } else { groups + "," },
            location: group.location,
        };
        Entry { targets: [address], labels }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::diagnosis::MasterFleet;
    use crate::diagnosis::Target;
    use crate::fixtures::{expected, fleet, full, target, unreadable};

    const PORT: NonZeroU16 = NonZeroU16::new(9182).unwrap();

    fn in_groups(name: &str, groups: &[&str], location: &str) -> Target {
        let mut target = target(name);
        if let Some(enlisted) = &mut target.enlisted {
            enlisted.row_mut().groups = groups.iter().map(|group| (*group).to_owned()).collect();
            enlisted.row_mut().location = Some(location.to_owned());
        }
        target
    }

    fn several_instances() -> MasterFleet {
        fleet(vec![
            expected("NEW9"),
            in_groups("2001:DB8::7", &[], ""),
            in_groups("SQL01", &["prod", "b"], ""),
            in_groups(r"SQL01\PAYROLL", &["a", "prod"], "Halle \"2\""),
            Target { address: Some("sql02.corp.example".to_owned()), ..in_groups(r"SQL02\HR", &["prod"], "Hamburg") },
        ])
    }

    fn answer(entries: Entries) -> serde_json::Value {
        serde_json::from_str(&targets(&several_instances().into(), entries).unwrap().unwrap()).unwrap()
    }

    fn entry(address: &str, target: &str, host: &str, groups: &str, location: &str) -> serde_json::Value {
        serde_json::json!({ "targets": [address], "labels": {
            "__meta_msx_target": target, "__meta_msx_host": host,
            "__meta_msx_address": if host == "SQL02" { "sql02.corp.example" } else { host }, "__meta_msx_groups": groups,
            "__meta_msx_location": location,
        }})
    }

    #[test]
    fn one_entry_for_each_host_of_an_enlisted_target() {
        let expected = serde_json::json!([
            entry("[2001:DB8::7]:9182", "2001:DB8::7", "2001:DB8::7", "", ""),
            entry("SQL01:9182", "SQL01", "SQL01", ",a,b,prod,", "Halle \"2\""),
            entry("SQL02:9182", r"SQL02\HR", "SQL02", ",prod,", "Hamburg"),
        ]);
        assert_eq!(answer(Entries::Hosts(PORT)), expected);
    }

    #[test]
    fn one_entry_for_each_enlisted_target() {
        for (port, suffix) in [(Some(PORT), ":9182"), (None, "")] {
            let at = |host: &str| format!("{host}{suffix}");
            let expected = serde_json::json!([
                entry(&at("[2001:DB8::7]"), "2001:DB8::7", "2001:DB8::7", "", ""),
                entry(&at("SQL01"), "SQL01", "SQL01", ",b,prod,", ""),
                entry(&at("SQL01"), r"SQL01\PAYROLL", "SQL01", ",a,prod,", "Halle \"2\""),
                entry(&at("SQL02"), r"SQL02\HR", "SQL02", ",prod,", "Hamburg"),
            ]);
            assert_eq!(answer(Entries::Targets(port)), expected);
        }
    }

    #[test]
    fn a_master_without_targets_has_an_empty_list_and_one_that_was_not_read_has_none() {
        for entries in [Entries::Hosts(PORT), Entries::Targets(None)] {
            assert_eq!(targets(&fleet(vec![]).into(), entries).unwrap().as_deref(), Some("[]"));
            assert_eq!(targets(&unreadable().into(), entries).unwrap(), None);
            assert_eq!(targets(&MasterFleet { master: None, ..full() }.into(), entries).unwrap(), None);
        }
    }
}
