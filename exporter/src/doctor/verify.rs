//! Compares an earlier request with the present state.

use super::request::{End, Request, Row, ends};
use crate::model::names;

/// Adds the state of an earlier request to each row. Rows that only one of the two has are named in the notes.
///
/// # Errors
/// Where the text is not a request as `--format=json` writes it.
pub fn verify(mut now: Request, earlier: &str) -> Result<Request, String> {
    let earlier: Request = serde_json::from_str(earlier)
        .map_err(|error| format!("this is no request as --format=json writes it: {error}"))?;
    for row in &mut now.rows {
        row.before = earlier.rows.iter().find(|old| covers(old, row)).map(|old| old.now.clone());
    }
    let gone = earlier.rows.iter().filter(|old| now.rows.iter().all(|row| !covers(old, row)));
    let gone = gone.map(|old| format!("no longer needed since the request of {}: {}", earlier.made, in_short(old)));
    let new = now.rows.iter().filter(|row| row.before.is_none());
    let new = new.map(|row| format!("new since the request of {}: {}", earlier.made, in_short(row)));
    let mut notes: Vec<String> = gone.chain(new).collect();
    now.notes.append(&mut notes);
    Ok(now)
}

/// Whether an earlier rule, which may be one for a group of machines, is the rule of this row. Names are compared, not
/// addresses, because addresses may have changed since.
fn covers(old: &Row, row: &Row) -> bool {
    let within = |ends: &[End], group: &[End]| {
        ends.iter().all(|end| group.iter().any(|other| names::same(&other.name, &end.name)))
    };
    old.service() == row.service() && within(&row.source, &old.source) && within(&row.destination, &old.destination)
}

fn in_short(row: &Row) -> String {
    format!("{} → {}, {}", ends(&row.source), ends(&row.destination), row.service())
}
