//! The columns of a request in the formats that are tables.

use super::request::{End, Row, Seen};

/// The heads of the columns.
pub(crate) const HEADS: [&str; 14] = [
    "source",
    "destination",
    "transport",
    "port",
    "initiator",
    "need",
    "state",
    "checked at",
    "evidence",
    "justification",
    "frequency",
    "handling",
    "valid until",
    "test on the source, with the names of the first",
];

/// The head of the additional column of --verify.
pub(crate) const BEFORE: &str = "since the earlier request";

/// One row's cells, its hosts as `name` has them and its evidence as `evidence` has it, in the order of [`HEADS`], and
/// [`BEFORE`] where that is asked for.
pub(crate) fn cells(
    row: &Row,
    with_before: bool,
    name: impl Fn(&[End]) -> String,
    evidence: impl Fn(&Seen) -> String,
) -> Vec<String> {
    let transport = row.transport.map_or_else(|| "none".to_owned(), |transport| transport.to_string());
    let mut cells = vec![
        name(&row.source),
        name(&row.destination),
        transport,
        if row.ports.is_empty() { "none".to_owned() } else { row.ports.clone() },
        row.initiator.clone(),
        row.need.to_string(),
        row.now.state.clone(),
        row.now.at.map(|at| at.to_string()).unwrap_or_default(),
        evidence(&row.now),
        row.justification.clone(),
        row.frequency.clone(),
        row.handling.clone(),
        row.valid_until.clone(),
        row.test.clone(),
    ];
    if with_before {
        let compared = row.before.as_ref().zip(row.since());
        cells.push(
            compared.map_or_else(|| "new".to_owned(), |(before, since)| format!("{since}; {}", in_short(before))),
        );
    }
    cells
}

fn in_short(seen: &Seen) -> String {
    match &seen.at {
        Some(at) => format!("it was {} at {at}", seen.state),
        None => format!("it was {}", seen.state),
    }
}
