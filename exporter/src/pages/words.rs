//! Verdicts, ages and instants in words for people.

use crate::model::Cause;

/// The severity of a verdict: its position in a list and its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// Needs an action.
    Bad,
    /// Needs attention.
    Warning,
    /// Not known, or not yet known.
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
    /// The next step; empty when nothing needs to be done.
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
    Words { tone, title: cause.facts().title, next: cause.next_step().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fine_has_no_next_step() {
        for cause in Cause::ALL {
            let words = words(cause);
            assert_eq!(words.next.is_empty(), words.tone == Tone::Good, "{}", cause.name());
        }
    }
}
