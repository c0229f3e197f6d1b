//! The request as Markdown, ready for a ticket.

use super::lists::Lists;
use super::request::{NamesInState, OTHER_DIRECTION, Paste, Readiness, Request, Row, Suspicion};
use super::table::{BEFORE, HEADS, cells};
use super::text::wrapped;
use std::fmt::Write as _;

/// Draws the request.
pub(crate) fn draw(request: &Request) -> String {
    let with_before = request.rows.iter().any(|row| row.before.is_some());
    let mut heads: Vec<String> = HEADS.iter().map(|head| (*head).to_owned()).collect();
    heads.extend(with_before.then(|| BEFORE.to_owned()));
    let mut text = format!("# {}\n\nMade at {}.\n\n", escaped(&request.title), request.made);
    text.push_str(&line(&heads));
    text.push_str(&line(&vec!["---".to_owned(); heads.len()]));
    let lists = Lists::of(request);
    for row in &request.rows {
        let cells = cells(row, with_before, |named| lists.name(named), |seen| seen.evidence.clone());
        text.push_str(&line(&cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>()));
    }
    let by_state = request.rows.iter().flat_map(|row| by_state(row, &lists));
    for (place, (head, names)) in lists.written().chain(by_state).enumerate() {
        let title = if place == 0 { "\n## Hosts\n\n" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{title}{}", wrapped("- ", &format!("{}: {}", escaped(&head), escaped(&names))));
    }
    if !request.readiness.is_empty() {
        text.push_str(
            "\n## Besides ports\n\n| what | fine | how that is known | what to do |\n| --- | --- | --- | --- |\n",
        );
        for Readiness { subject, fine, evidence, remedy, situation, suspects } in &request.readiness {
            let suspects = (1..).zip(suspects);
            let suspects: Vec<String> =
                suspects.map(|(place, Suspicion { title, step })| format!("{place}. {title}: {step}")).collect();
            let todo = if suspects.is_empty() {
                remedy.clone()
            } else {
                format!("suspects, the likeliest first: {}", suspects.join(" "))
            };
            let known: Vec<&str> = std::iter::once(evidence).chain(situation).map(String::as_str).collect();
            let cells = [subject, super::yes_no(*fine), &known.join(" "), &todo].map(escaped);
            text.push_str(&line(&cells));
        }
    }
    for Paste { title, text: batch } in &request.paste {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {}\n\n{}", escaped(title), fenced("sql", batch));
    }
    if !request.next.is_empty() {
        let _ = write!(text, "\n## {OTHER_DIRECTION}\n\n{}", fenced("", &request.next.join("\n")));
    }
    if !request.notes.is_empty() {
        text.push_str("\n## Notes\n\n");
        text.extend(request.notes.iter().map(|note| format!("- {}\n", escaped(note))));
    }
    text
}

/// A text as it is, between fences that none of its own lines can end (CommonMark, section 4.5).
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// The names in each state that a row only counts, with a head.
fn by_state(row: &Row, lists: &Lists<'_>) -> impl Iterator<Item = (String, String)> {
    let way = format!("{} -> {}, {}", lists.name(&row.source), lists.name(&row.destination), row.service());
    let counted = row.now.counted();
    counted.map(move |NamesInState { state, names }| (format!("{way}, {} {state}", names.len()), names.join(", ")))
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Escapes texts from the network, so that none ends a cell or begins a tag. What means nothing where it stands stays as it
/// is, so that statements and commands can be copied (CommonMark, sections 2.4 and 6.2).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = None;
    while let Some(character) = rest.next() {
        let next = rest.peek().copied();
        let is_letter = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        match character {
            '\r' | '\n' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '_' if is_letter(before) && is_letter(next) => out.push('_'),
            '\\' if is_letter(next) => out.push('\\'),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => out.extend(['\\', character]),
            _ => out.push(character),
        }
        before = Some(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_cell_or_begins_a_tag() {
        for (text, written) in [
            ("a|b\n<script>", "a\\|b &lt;script>"),
            (r"a\|b\", r"a\\\|b\\"),
            ("_a_b_ __c", r"\_a_b\_ \_\_c"),
            (r"EXEC sp_msx_enlist N'MSX01\HQ'", r"EXEC sp_msx_enlist N'MSX01\HQ'"),
        ] {
            assert_eq!(escaped(text), written);
        }
    }

    #[test]
    fn no_text_ends_its_fence() {
        assert_eq!(fenced("sql", "SELECT '*_|<';\n"), "```sql\nSELECT '*_|<';\n```\n");
        assert_eq!(fenced("", "a `b`\n````\nc"), "`````\na `b`\n````\nc\n`````\n");
    }
}
