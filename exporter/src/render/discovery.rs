//! The answer of `/sd`: the enlisted targets for Prometheus' HTTP service discovery.

use crate::fleet::{Fleet, names};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

/// One entry for each host that has an enlisted target, at one port. `None` when the targets were not read: an empty
/// list would take every target away from Prometheus, which keeps the last one when it gets an error.
///
/// # Errors
/// None that the data can cause.
pub fn targets(fleet: &Fleet, port: NonZeroU16) -> Result<Option<String>, serde_json::Error> {
    if fleet.master.is_none() {
        return Ok(None);
    }
    let mut hosts: BTreeMap<String, Host<'_>> = BTreeMap::new();
    for target in &fleet.targets {
        let Some(enlisted) = &target.enlisted else { continue };
        let name = target.name.split('\\').next().unwrap_or_default();
        let host = hosts.entry(names::key(name)).or_default();
        host.name = name;
        host.targets.insert(&target.name);
        host.groups.extend(enlisted.groups.iter().map(String::as_str));
        if host.location.is_empty() {
            host.location = &enlisted.location;
        }
    }
    serde_json::to_string(&hosts.values().map(|host| Entry::new(host, port)).collect::<Vec<_>>()).map(Some)
}

/// A host, and what its instances have together.
#[derive(Default)]
struct Host<'a> {
    name: &'a str,
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
    #[serde(rename = "__meta_msx_groups")]
    groups: String,
    #[serde(rename = "__meta_msx_location")]
    location: &'a str,
}

impl<'a> Entry<'a> {
    fn new(host: &Host<'a>, port: NonZeroU16) -> Entry<'a> {
        let address = match host.name.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{}]:{port}", host.name),
            Err(_) => format!("{}:{port}", host.name),
        };
        let groups: String = host.groups.iter().flat_map(|group| [",", group]).collect();
        let labels = Labels {
            // The default instance where there is one: its name is the shortest and so the first.
            target: host.targets.first().copied().unwrap_or_default(),
            host: host.name,
            // A comma on either side, so that one expression finds a group wherever it stands.
            groups: if groups.is_empty() { groups } else { groups + "," },
            location: host.location,
        };
        Entry { targets: [address], labels }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::fleet::Target;
    use crate::render::tests::builder::{expected, fleet, full, target, unreadable};

    const PORT: NonZeroU16 = NonZeroU16::new(9182).unwrap();

    fn in_groups(name: &str, groups: &[&str], location: &str) -> Target {
        let mut target = target(name);
        if let Some(enlisted) = &mut target.enlisted {
            enlisted.groups = groups.iter().map(|group| (*group).to_owned()).collect();
            enlisted.location = location.to_owned();
        }
        target
    }

    #[test]
    fn one_entry_for_each_host_of_an_enlisted_target() {
        let fleet = fleet(vec![
            expected("NEW9"),
            in_groups("2001:DB8::7", &[], ""),
            in_groups("SQL01", &["prod", "b"], ""),
            in_groups(r"SQL01\PAYROLL", &["a", "prod"], "Halle \"2\""),
            in_groups(r"SQL02\HR", &["prod"], "Hamburg"),
        ]);
        let answer: serde_json::Value = serde_json::from_str(&targets(&fleet, PORT).unwrap().unwrap()).unwrap();
        let entry = |address: &str, target: &str, host: &str, groups: &str, location: &str| {
            serde_json::json!({ "targets": [address], "labels": {
                "__meta_msx_target": target, "__meta_msx_host": host, "__meta_msx_groups": groups,
                "__meta_msx_location": location,
            }})
        };
        assert_eq!(
            answer,
            serde_json::json!([
                entry("[2001:DB8::7]:9182", "2001:DB8::7", "2001:DB8::7", "", ""),
                entry("SQL01:9182", "SQL01", "SQL01", ",a,b,prod,", "Halle \"2\""),
                entry("SQL02:9182", r"SQL02\HR", "SQL02", ",prod,", "Hamburg"),
            ])
        );
    }

    #[test]
    fn a_master_without_targets_has_an_empty_list_and_one_that_was_not_read_has_none() {
        assert_eq!(targets(&fleet(vec![]), PORT).unwrap().as_deref(), Some("[]"));
        assert_eq!(targets(&unreadable(), PORT).unwrap(), None);
        assert_eq!(targets(&Fleet { master: None, ..full() }, PORT).unwrap(), None);
    }
}
