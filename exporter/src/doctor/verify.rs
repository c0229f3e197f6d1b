//! Compares an earlier request with the present state.

use super::lists::in_few_words;
use super::request::{End, Need, Request, Row};
use crate::model::{ServerName, names};

/// Adds the state of an earlier request to each row. Rows that only one of the two has are named in the notes.
///
/// # Errors
/// Where the text is not a request as `--format=json` writes it.
pub fn verify(mut now: Request, earlier: &str) -> Result<Request, String> {
    let earlier: Request = serde_json::from_str(earlier)
        .map_err(|error| format!("this is no request as --format=json writes it: {error}"))?;
    for row in &mut now.rows {
        let old = earlier.rows.iter();
        let exact = old.clone().find(|old| covers(old, row, |name| name));
        row.before = exact.or_else(|| old.clone().find(|old| covers(old, row, host))).map(|old| old.now.clone());
    }
    let gone = earlier.rows.iter().filter(|old| now.rows.iter().all(|row| !covers(old, row, host)));
    let gone = gone.map(|old| format!("no longer needed since the request of {}: {}", earlier.made, in_short(old)));
    let new = now.rows.iter().filter(|row| row.before.is_none());
    let new = new.map(|row| format!("new since the request of {}: {}", earlier.made, in_short(row)));
    let mut notes: Vec<String> = gone.chain(new).collect();
    now.notes.append(&mut notes);
    Ok(now)
}

fn host(name: &str) -> &str {
    ServerName::of(name).host
}

/// Whether an earlier rule, which may stand for a group of hosts, is the rule of this row. Addresses may
/// have changed since; the names are what was asked for.
fn covers(old: &Row, row: &Row, compared: fn(&str) -> &str) -> bool {
    let within = |ends: &[End], group: &[End]| {
        ends.iter().all(|end| group.iter().any(|other| names::same(compared(&other.name), compared(&end.name))))
    };
    let service = |row: &Row| (row.transport, row.ports.clone(), row.need == Need::ForPeople);
    service(old) == service(row) && within(&row.source, &old.source) && within(&row.destination, &old.destination)
}

fn in_short(row: &Row) -> String {
    format!("{} -> {}, {}", in_few_words(&row.source), in_few_words(&row.destination), row.service())
}
