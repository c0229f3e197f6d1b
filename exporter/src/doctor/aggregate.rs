//! One rule for a group of hosts instead of a thousand rows.

use super::request::{End, MOST_NAMED, NamesInState, Need, Request, Row, Seen, Transport, ends};
use super::rules::TARGET;
use crate::model::ServerName;
use crate::model::figures::count;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

type Key = (Need, Option<&'static str>, String, String, String, String);

/// By how much what is known of one host may be older than what is known of another before the evidence says it: pages of
/// targets come at their own times.
const AS_OLD: SignedDuration = SignedDuration::from_mins(10);
/// Frequencies that are named.
const MOST_FREQUENCIES: usize = 3;

/// Merges rows that differ in the target alone. A rule is for hosts, whatever instances are on them.
pub fn aggregate(mut request: Request) -> Request {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for row in std::mem::take(&mut request.rows) {
        let (_, other) = sides(&row);
        let transport = row.transport.map(|transport| match transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        });
        let key =
            (row.need, transport, row.ports.clone(), row.initiator.clone(), row.justification.clone(), ends(other));
        match places.get(&key).and_then(|place| groups.get_mut(*place)) {
            Some(group) => group.add(row),
            None => {
                places.insert(key, groups.len());
                groups.push(Group::new(row));
            }
        }
    }
    request.rows = groups.into_iter().map(Group::settle).collect();
    request
}

/// The end of which a group is made, and the other. Targets call; everything else is called.
fn sides(row: &Row) -> (&Vec<End>, &Vec<End>) {
    if row.initiator == TARGET { (&row.source, &row.destination) } else { (&row.destination, &row.source) }
}

fn on_host(end: &End) -> End {
    End { name: ServerName::of(&end.name).host.to_owned(), addresses: end.addresses.clone() }
}

/// Rows that are merged.
struct Group {
    row: Row,
    hosts: Vec<End>,
    now: Vec<(String, Seen)>,
    before: Vec<(String, Seen)>,
    frequencies: Vec<String>,
}

impl Group {
    fn new(row: Row) -> Group {
        let mut group =
            Group { row: row.clone(), hosts: Vec::new(), now: Vec::new(), before: Vec::new(), frequencies: Vec::new() };
        group.add(row);
        group
    }

    fn add(&mut self, row: Row) {
        let (grouped, _) = sides(&row);
        let name = grouped.first().map(|end| end.name.clone()).unwrap_or_default();
        for host in grouped.iter().map(on_host) {
            if !self.hosts.contains(&host) {
                self.hosts.push(host);
            }
        }
        self.before.extend(row.before.map(|before| (name.clone(), before)));
        self.now.push((name, row.now));
        if !self.frequencies.contains(&row.frequency) {
            self.frequencies.push(row.frequency);
        }
    }

    fn settle(self) -> Row {
        let mut row = self.row;
        let (hosts, targets) = (self.hosts.len() as u64, self.now.len() as u64);
        *(if row.initiator == TARGET { &mut row.source } else { &mut row.destination }) = self.hosts;
        if self.now.len() > 1 {
            row.now = together(self.now);
            if targets != hosts {
                row.now.evidence.push_str(&format!("; {} on {}", count(targets, "target"), count(hosts, "host")));
            }
            row.before = (!self.before.is_empty()).then(|| together(self.before));
            row.frequency = one_frequency(&self.frequencies);
        }
        row
    }
}

/// What they have in common at their end is said once.
fn one_frequency(frequencies: &[String]) -> String {
    let parts: Vec<(&str, &str)> =
        frequencies.iter().map(|text| text.split_once(", ").unwrap_or((text.as_str(), ""))).collect();
    let heads: BTreeSet<&str> = parts.iter().map(|(head, _)| *head).collect();
    let tails: BTreeSet<&str> = parts.iter().map(|(_, tail)| *tail).collect();
    let (1, Some(tail)) = (tails.len(), tails.first()) else { return frequencies.join("; ") };
    let mut said = heads.iter().take(MOST_FREQUENCIES).copied().collect::<Vec<_>>().join("; ");
    if heads.len() > MOST_FREQUENCIES {
        said.push_str(&format!("; {} others", heads.len() - MOST_FREQUENCIES));
    }
    if tail.is_empty() { said } else { format!("{said}, {tail}") }
}

/// Closed if any is, open only if all are; the evidence counts them, and names the few.
fn together(seen: Vec<(String, Seen)>) -> Seen {
    let open = if seen.iter().any(|(_, one)| one.open == Some(false)) {
        Some(false)
    } else {
        seen.iter().all(|(_, one)| one.open == Some(true)).then_some(true)
    };
    let moments = || seen.iter().filter_map(|(_, one)| one.at);
    let (oldest, at) = (moments().min(), moments().max());
    let older = oldest.zip(at).filter(|(oldest, at)| at.0.duration_since(oldest.0) > AS_OLD);
    let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, one) in seen {
        states.entry(one.state).or_default().push(name);
    }
    let single = states.len() == 1;
    let counted = states.iter().map(|(state, names)| match names.len() {
        count if single || count > MOST_NAMED => format!("{count} {state}"),
        count => format!("{count} {state} ({})", names.join(", ")),
    });
    let mut evidence = counted.collect::<Vec<_>>().join(", ");
    if let Some((oldest, _)) = older {
        evidence.push_str(&format!("; the oldest of this was seen at {oldest}"));
    }
    if single {
        return Seen::new(open, states.into_keys().next().unwrap_or_default(), at, evidence);
    }
    let by_state = states.into_iter().map(|(state, names)| NamesInState { state, names }).collect();
    Seen { by_state, ..Seen::new(open, "mixed", at, evidence) }
}
