//! One target in one line.

use super::parts::{NONE, Port, When, errors};
use super::words::{Tone, words};
use crate::diagnosis::{Enlisted, JobCounts, MasterFleet, Selected, Target, elapsed};
use crate::model::figures::{count, span};
use crate::model::{Cause, MasterEvidence, query_value};
use jiff::Timestamp;
use std::borrow::Cow;

/// The longest evidence in a line, in characters.
const SHORT: usize = 60;

/// What one target's line shows.
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    /// The name as the value of a query.
    pub(super) link: String,
    pub(super) groups: String,
    pub(super) maintenance: Option<&'a str>,
    pub(super) class: &'static str,
    /// The verdict in a phrase.
    pub(super) state: &'static str,
    /// The verdict in up to three words.
    pub(super) short: &'static str,
    pub(super) why: Option<Why<'a>>,
    pub(super) last_poll: When,
    pub(super) bar: Option<Bar>,
    pub(super) pending: String,
    pub(super) oldest: When,
    pub(super) errors: Figure,
    pub(super) jobs: Figure,
    /// Whether the outcomes of its jobs are as old as its last poll.
    pub(super) has_old_jobs: bool,
    pub(super) ports: Vec<Port>,
}

/// A count that is bad when it is not 0.
pub(super) struct Figure {
    pub(super) class: &'static str,
    pub(super) text: String,
    /// What it counts; empty for nothing.
    pub(super) meaning: String,
}

impl<'a> Row<'a> {
    pub(super) fn new(fleet: &'a MasterFleet, now: Timestamp, selected: Selected<'a>) -> Row<'a> {
        let target = selected.target;
        let row = target.enlisted.as_ref();
        let list = row.and_then(|row| row.downloads.as_ref());
        let words = words(target.diagnosis.cause);
        let has_polled = row.is_none_or(|row| row.polled);
        Row {
            name: &target.name,
            link: query_value(&target.name),
            groups: target.groups().join(", "),
            maintenance: target.maintenance.as_deref(),
            class: words.tone.class(),
            state: words.title,
            short: target.diagnosis.cause.facts().short,
            why: Why::of(target),
            last_poll: match row {
                Some(_) if !has_polled => When { age: "never".to_owned(), instant: String::new() },
                _ => When::new(now, row.and_then(Enlisted::polled_at)),
            },
            bar: row.map(|row| Bar::new(now, row)),
            pending: list.map_or_else(|| NONE.to_owned(), |list| list.waiting.pending_total().to_string()),
            oldest: When::length(now, list.and_then(|list| list.waiting.oldest_pending)),
            errors: Figure::errors(row),
            jobs: Figure::jobs(selected.jobs, has_polled),
            has_old_jobs: has_polled && selected.jobs.all > 0 && target.is_silent(now),
            ports: Port::both_ways(fleet, target, now),
        }
    }
}

impl Row<'_> {
    /// Whether its name and its groups may be cut.
    pub(super) fn is_long(&self) -> bool {
        self.name.chars().count() + self.groups.chars().count() > 20
    }
}

impl Figure {
    fn errors(row: Option<&Enlisted>) -> Figure {
        let failed = row.and_then(|row| row.downloads.as_ref()).map(|list| list.waiting.failed());
        let (tone, text) = match failed {
            None => (Tone::Unknown, NONE.to_owned()),
            Some(0) => (Tone::Unknown, "0".to_owned()),
            Some(failed) => (Tone::Bad, failed.to_string()),
        };
        Figure { class: tone.class(), text, meaning: row.filter(|_| tone == Tone::Bad).map(errors).unwrap_or_default() }
    }

    fn jobs(counts: JobCounts, has_polled: bool) -> Figure {
        let JobCounts { all, failing } = counts;
        if all == 0 {
            return Figure { class: Tone::Unknown.class(), text: NONE.to_owned(), meaning: String::new() };
        }
        let jobs = count(all as u64, "job");
        if failing == 0 && !has_polled {
            let meaning = format!("no outcome of its {jobs}: it never polled");
            return Figure { class: Tone::Unknown.class(), text: NONE.to_owned(), meaning };
        }
        let tone = if failing == 0 { Tone::Unknown } else { Tone::Bad };
        let meaning = format!("the last run of {failing} of its {jobs} failed or was cancelled");
        Figure { class: tone.class(), text: format!("{failing} of {all}"), meaning }
    }
}

/// What the master shows of a silent target, else the first evidence.
pub(super) struct Why<'a> {
    /// What fits into a line.
    pub(super) short: Cow<'a, str>,
    /// All of it.
    pub(super) full: &'a str,
}

impl<'a> Why<'a> {
    fn of(target: &'a Target) -> Option<Why<'a>> {
        use Cause::{AgentStopped, CertificateRefused, WayClosed};
        let of_page = matches!(target.diagnosis.cause, AgentStopped | CertificateRefused | WayClosed);
        let shown = target.trace.as_ref().filter(|trace| !of_page && trace.word != MasterEvidence::Unknown);
        if let Some(trace) = shown {
            return Some(Why {
                short: format!("The master shows: {}", trace.word.word().title).into(),
                full: &trace.text,
            });
        }
        let full = &target.diagnosis.evidence.first()?.text;
        Some(Why { short: clause(without_instant(full)), full })
    }
}

/// The clauses that fit into a line: sentences, else what stands before a colon, else before a comma. Words where none does.
fn clause(text: Cow<'_, str>) -> Cow<'_, str> {
    let length = |end: usize| text[..end].chars().count();
    let complete = text.trim_end_matches('.').len();
    if length(complete) <= SHORT {
        return match text {
            Cow::Borrowed(text) => text[..complete].into(),
            Cow::Owned(text) => text[..complete].to_owned().into(),
        };
    }
    let last = |marks: &[&str], most: usize| {
        let ends = marks.iter().flat_map(|mark| text.match_indices(mark)).map(|(end, _)| end);
        ends.filter(|end| length(*end) <= most).max()
    };
    let end = [&[". "][..], &["; ", ": "], &[", "]].into_iter().find_map(|marks| last(marks, SHORT));
    if let Some(end) = end {
        return text[..end].to_owned().into();
    }
    let words = last(&[" "], SHORT - 1).map(|end| text[..end].to_owned());
    (words.unwrap_or_else(|| text.chars().take(SHORT - 1).collect()) + "…").into()
}

/// Where an age is followed by its instant, such as ` (2026-11-22T22:07:30Z)`, the age is enough for a line.
fn without_instant(text: &str) -> Cow<'_, str> {
    let is_year = |rest: &str| rest.bytes().take(4).all(|byte| byte.is_ascii_digit());
    let parts = text.split_once(" (").filter(|(_, rest)| is_year(rest));
    match parts.and_then(|(before, rest)| Some((before, rest.split_once("Z)")?.1))) {
        Some((before, after)) => format!("{before}{after}").into(),
        None => text.into(),
    }
}

/// The age of the last poll as a bar that counts the target's own intervals, on a logarithmic scale.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    /// In units of the drawing.
    pub(super) filled: u32,
    pub(super) meaning: String,
}

impl Bar {
    /// The length of a full bar: 10,000 intervals. The template draws a mark where 3 of them end, at 21.
    pub(super) const FULL: u32 = 70;
    const DECADES: f64 = 5.0;

    fn new(now: Timestamp, row: &Enlisted) -> Bar {
        let age = elapsed(now, row.last_poll);
        let intervals = age.as_secs_f64() / row.poll_interval.as_secs_f64().max(1.0);
        let tone = match intervals {
            _ if !row.is_stale(now) => Tone::Good,
            ..=10.0 => Tone::Warning,
            _ => Tone::Bad,
        };
        // A tenth of an interval is where it begins.
        let share = ((intervals.max(0.1).log10() + 1.0) / Bar::DECADES).clamp(0.03, 1.0);
        Bar {
            class: tone.class(),
            filled: (f64::from(Bar::FULL) * share).round() as u32,
            meaning: format!("{} of its intervals of {}", figure(intervals), span(row.poll_interval)),
        }
    }
}

/// A small number with a decimal, a large one without.
fn figure(number: f64) -> String {
    let decimals = usize::from(number < 9.95);
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::fixtures::{NOW, ago, judged, target};

    #[test]
    fn a_bar_counts_the_intervals_of_its_target() {
        let bar = |seconds| {
            let mut target = target("SQL01");
            let row = target.enlisted.as_mut().unwrap();
            row.row_mut().last_poll = ago(seconds);
            let Bar { class, filled, .. } = Bar::new(NOW, row);
            (class, filled)
        };
        let expected = [("good", 2), ("good", 14), ("good", 21), ("warn", 28), ("bad", 42), ("bad", 70), ("bad", 70)];
        assert_eq!([0, 60, 180, 600, 6_000, 600_000, 9_000_000].map(bar), expected);
    }

    #[test]
    fn evidence_in_a_line_is_a_clause_or_ends_between_words() {
        let text = "東".repeat(61);
        let shown = |text: &str| Why::of(&judged("SQL01", Cause::DownloadError, text)).unwrap().short.into_owned();
        assert_eq!(shown(&text), "東".repeat(59) + "…");
        assert_eq!(shown(&text[..180]), "東".repeat(60));
        for (text, expected) in [
            (
                "Last poll 4 h ago (2026-11-27T22:38:47Z), over 3 of its intervals",
                "Last poll 4 h ago, over 3 of its intervals",
            ),
            ("1 failed (Z), 2 held (Z)", "1 failed (Z), 2 held (Z)"),
            (
                "Enlisted 3 d ago (2026-11-27T22:38:47Z) and has never polled. On the target: is SQL Server Agent running?",
                "Enlisted 3 d ago and has never polled",
            ),
            (
                "3 instructions failed on the target: permission 2, other 1; everything behind is held, 3 waiting.",
                "3 instructions failed on the target: permission 2, other 1",
            ),
            (
                "1 DEFECT instruction not fetched, and the row of the target is gone: it still believes that it is enlisted",
                "1 DEFECT instruction not fetched",
            ),
            (
                "Its clock was found to be off by more than five minutes at some time or other",
                "Its clock was found to be off by more than five minutes at…",
            ),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_decimal_stands_where_it_says_something() {
        assert_eq!([0.04, 2.96, 9.94, 14.6, 4342.8].map(figure), ["0.0", "3.0", "9.9", "15", "4343"]);
    }
}
