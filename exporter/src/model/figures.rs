//! Figures as people say them.

pub(crate) use super::duration::span;
use jiff::Timestamp;
use std::time::Duration;

/// An instant in UTC to the second: `2026-11-22T22:07:30Z`.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// An instant as people read it, in UTC and to the second.
pub(crate) fn readable_instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long ago something was, by a given clock.
pub(crate) fn ago(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    let length = span(Duration::from_secs(seconds.unsigned_abs()));
    if seconds < 0 { format!("in {length}") } else { format!("{length} ago") }
}

/// A count with its noun: `1 instruction`, `2 instructions`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// A name as a literal of T-SQL. SSMS and sqlcmd look at lines and at `$(` before the server sees a literal: what could end
/// a line, turn its direction or begin a variable stands outside of it, so that a name does nothing but name.
pub(crate) fn literal(name: &str) -> String {
    let mut text = "N'".to_owned();
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => text.push_str("''"),
            '$' if characters.peek() == Some(&'(') => outside(&mut text, '$'),
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => outside(&mut text, character),
            control if control.is_control() => outside(&mut text, control),
            other => text.push(other),
        }
    }
    text + "'"
}

fn outside(text: &mut String, character: char) {
    text.push_str(&format!("' + NCHAR({}) + N'", u32::from(character)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_agrees_with_its_noun() {
        assert_eq!(count(0, "instruction"), "0 instructions");
        assert_eq!(count(1, "instruction"), "1 instruction");
        assert_eq!(count(2, "instruction"), "2 instructions");
    }

    #[test]
    fn an_instant_has_no_fraction() {
        assert_eq!(instant(Timestamp::new(1_795_385_250, 999_000_000).unwrap_or_default()), "2026-11-22T22:07:30Z");
    }

    #[test]
    fn a_quote_in_a_name_cannot_end_the_literal() {
        assert_eq!(literal("SQL'01"), "N'SQL''01'");
        assert_eq!(literal("a\nGO"), "N'a' + NCHAR(10) + N'GO'");
        assert_eq!(literal("A$1$(X)"), "N'A$1' + NCHAR(36) + N'(X)'");
    }

    #[test]
    fn an_instant_after_now_is_said_to_come() {
        let now = Timestamp::constant(1_764_000_000, 0);
        assert_eq!(ago(now, Timestamp::constant(1_763_999_990, 0)), "10 s ago");
        assert_eq!(ago(now, Timestamp::constant(1_764_000_010, 0)), "in 10 s");
        assert_eq!(readable_instant(now), "2025-11-24 16:00:00 UTC");
    }
}
