//! `targets`.

use super::filter::{Filter, Pattern, filter};
use crate::config::error::ValueError;
use crate::config::keys::{Field, Kind};
use crate::config::parse;
use crate::config::scope::Scope;
use crate::config::section::{Items, section};
use std::collections::BTreeMap;
use std::net::IpAddr;

section! {
    /// Which targets are shown, and what is added to them.
    pub struct Targets {
        /// Which.
        filter: Filter = filter("Targets that are shown.", "Targets that are left out of these.");
        /// Labels for `msx_target_info`, such as `{ match: 'PAY.*', route: payroll-team }`. The first rule that sets a
        /// label wins.
        labels: Vec<LabelRule> = LABELS;
        /// Addresses from which targets arrive at the master besides those of their names, such as
        /// `{ match: SQL03, address: 10.1.0.8 }`: behind NAT, and the nodes of a failover cluster. Every rule that matches
        /// adds its address.
        addresses: Vec<SourceAddress> = ADDRESSES;
    }
}

impl Targets {
    /// The addresses that the rules have for a target.
    pub(crate) fn arrives_from(&self, name: &str) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().filter(|rule| rule.matches.matches(name)).map(|rule| rule.address)
    }
}

/// Labels for the targets whose name fits; the first rule that sets a label wins. Every label name of any rule stands on
/// every target, empty where no rule matches.
#[derive(Debug, Clone)]
pub struct LabelRule {
    /// Which targets.
    pub matches: Pattern,
    /// Label names and values.
    pub labels: BTreeMap<String, String>,
}

/// An address from which the targets whose name fits arrive at the master.
#[derive(Debug, Clone)]
pub struct SourceAddress {
    /// Which targets.
    pub matches: Pattern,
    /// The address, in the form in which addresses are compared.
    pub address: IpAddr,
}

/// The field that says for which targets a mapping holds.
pub(super) const MATCH: Field = Field { name: "match", kind: Kind::Pattern, required: true, help: "which targets" };

const LABELS: Items<LabelRule> = Items { fields: &[MATCH], open: true, item: label_rule };

const ADDRESSES: Items<SourceAddress> = Items {
    fields: &[MATCH, Field { name: "address", kind: Kind::Text, required: true, help: "an IPv4 or IPv6 address" }],
    open: false,
    item: source_address,
};

fn source_address(item: &mut Scope<'_>) -> Option<SourceAddress> {
    let matches = item.required("match", parse::pattern);
    let address = item.required("address", parse::ip_address);
    Some(SourceAddress { matches: matches?, address: address? })
}

fn label_rule(item: &mut Scope<'_>) -> Option<LabelRule> {
    let matches = item.required("match", parse::pattern);
    let mut labels = BTreeMap::new();
    let names: Vec<_> = item.fields().into_iter().filter(|field| field != "match").collect();
    if names.is_empty() {
        item.fault(
            "",
            ValueError::new("adds no label").expected("write it as { match: 'PAY.*', route: payroll-team }"),
        );
    }
    for name in names {
        if let Err(wrong) = parse::label(&name) {
            item.fault(&name, wrong);
        } else if let Some(Some(value)) = item.optional(&name, parse::text) {
            labels.insert(name, value);
        }
    }
    Some(LabelRule { matches: matches?, labels })
}
