//! The rows as CSV (RFC 4180), for a spreadsheet or a form.

use super::request::{Request, Seen, ends};
use super::table::{BEFORE, HEADS, cells};

/// Draws the rows; the other parts of a request are in the other formats.
pub(crate) fn draw(request: &Request) -> String {
    let with_before = request.rows.iter().any(|row| row.before.is_some());
    let mut heads: Vec<String> = HEADS.iter().map(|head| (*head).to_owned()).collect();
    heads.extend(with_before.then(|| BEFORE.to_owned()));
    let lines =
        std::iter::once(heads).chain(request.rows.iter().map(|row| cells(row, with_before, ends, Seen::in_full)));
    lines.map(|line| line.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n").collect()
}

/// A spreadsheet would run a cell that begins like a formula, and some cells come from the network.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !cell.contains(['"', ',', '\r', '\n']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_kept_from_running() {
        assert_eq!(quoted("TCP"), "TCP");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
