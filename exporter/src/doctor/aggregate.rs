//! One rule for a group of machines instead of a thousand rows.

use super::request::{End, Need, Request, Row, Seen, Transport};
use std::collections::BTreeMap;

type Key = (Need, Option<&'static str>, String, String, String, String);

/// Merges rows that differ only in their sources, then those that differ only in their destinations.
pub fn aggregate(mut request: Request) -> Request {
    request.rows = merge(request.rows, |row| &row.destination, |row| &mut row.source);
    request.rows = merge(request.rows, |row| &row.source, |row| &mut row.destination);
    request
}

fn merge(rows: Vec<Row>, fixed: impl Fn(&Row) -> &Vec<End>, merged: impl Fn(&mut Row) -> &mut Vec<End>) -> Vec<Row> {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for mut row in rows {
        let names = super::request::ends(fixed(&row));
        let transport = row.transport.map(|transport| match transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        });
        let key = (row.need, transport, row.ports.clone(), row.initiator.clone(), row.justification.clone(), names);
        match places.get(&key).and_then(|place| groups.get_mut(*place)) {
            Some(group) => {
                let mut ends = std::mem::take(merged(&mut row));
                ends.retain(|end| !merged(&mut group.row).contains(end));
                merged(&mut group.row).append(&mut ends);
                group.now.push(row.now);
                group.before.extend(row.before);
                if !group.frequencies.contains(&row.frequency) {
                    group.frequencies.push(row.frequency);
                }
            }
            None => {
                places.insert(key, groups.len());
                groups.push(Group {
                    now: vec![row.now.clone()],
                    before: row.before.iter().cloned().collect(),
                    frequencies: vec![row.frequency.clone()],
                    row,
                });
            }
        }
    }
    groups.into_iter().map(Group::settle).collect()
}

/// Rows that are merged.
struct Group {
    row: Row,
    now: Vec<Seen>,
    before: Vec<Seen>,
    frequencies: Vec<String>,
}

impl Group {
    fn settle(self) -> Row {
        let mut row = self.row;
        if self.now.len() > 1 {
            row.now = together(&self.now);
            row.before = (!self.before.is_empty()).then(|| together(&self.before));
            row.frequency = self.frequencies.join("; ");
            if row.destination.len() > 1 {
                row.test.push_str(", and so for the others");
            }
        }
        row
    }
}

/// Closed if any port is, open only if all are; the evidence counts them.
fn together(seen: &[Seen]) -> Seen {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for one in seen {
        *states.entry(one.state.as_str()).or_default() += 1;
    }
    let counted: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let open = if seen.iter().any(|one| one.open == Some(false)) {
        Some(false)
    } else {
        seen.iter().all(|one| one.open == Some(true)).then_some(true)
    };
    let state = match states.first_key_value() {
        Some((state, _)) if states.len() == 1 => (*state).to_owned(),
        _ => "mixed".to_owned(),
    };
    Seen { open, state, at: seen.iter().filter_map(|one| one.at.clone()).max(), evidence: counted.join(", ") }
}
