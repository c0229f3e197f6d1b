//! Verdicts, ages and instants in words for people.

use crate::fleet::Cause;
use jiff::Timestamp;
use std::time::Duration;

/// How bad a verdict is: its place in a list and its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// Somebody must act.
    Bad,
    /// Somebody should look.
    Warning,
    /// Not known, or not yet.
    Unknown,
    /// Fine.
    Good,
}

impl Tone {
    /// The class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Bad => "bad",
            Tone::Warning => "warn",
            Tone::Unknown => "unknown",
            Tone::Good => "good",
        }
    }
}

/// A verdict in words.
pub(super) struct Words {
    pub(super) tone: Tone,
    /// A few words for a table.
    pub(super) title: &'static str,
    /// What to do next; empty when nothing is to be done.
    pub(super) next: &'static str,
}

/// The words for a cause.
pub(super) fn words(cause: Cause) -> Words {
    let tone = match cause {
        Cause::Ok => Tone::Good,
        Cause::ClockSkew | Cause::NotDownloading => Tone::Warning,
        Cause::Unknown | Cause::Settling => Tone::Unknown,
        _ => Tone::Bad,
    };
    let facts = cause.facts();
    Words { tone, title: facts.title, next: if tone == Tone::Good { "" } else { facts.next_step } }
}

/// An instant as people read it, in UTC and to the second.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long ago something was, by a given clock.
pub(super) fn ago(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    let length = length(Duration::from_secs(seconds.unsigned_abs()));
    if seconds < 0 { format!("in {length}") } else { format!("{length} ago") }
}

/// A length of time in its two largest units.
pub(super) fn length(length: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = length.as_secs();
    let Some(first) = UNITS.iter().position(|(size, _)| seconds >= *size) else { return "0 s".to_owned() };
    let (size, unit) = UNITS[first];
    match UNITS.get(first + 1).map(|(smaller, name)| (seconds % size / smaller, name)) {
        Some((rest, name)) if rest > 0 => format!("{} {unit} {rest} {name}", seconds / size),
        _ => format!("{} {unit}", seconds / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_at_most_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (7_260, "2 h 1 min"),
            (86_400 * 30 + 7_200, "30 d 2 h"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn an_instant_after_now_is_said_to_come() {
        let now = Timestamp::constant(1_764_000_000, 0);
        assert_eq!(ago(now, Timestamp::constant(1_763_999_990, 0)), "10 s ago");
        assert_eq!(ago(now, Timestamp::constant(1_764_000_010, 0)), "in 10 s");
        assert_eq!(instant(now), "2025-11-24 16:00:00 UTC");
    }

    #[test]
    fn only_what_is_fine_has_no_next_step() {
        for cause in Cause::ALL {
            let words = words(cause);
            assert_eq!(words.next.is_empty(), words.tone == Tone::Good, "{}", cause.name());
        }
    }
}
