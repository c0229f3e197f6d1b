//! Which targets a page or a document shows, and in which order: what a link holds.

use super::impact::Impact;
use super::parameters::{Parameters, query};
use super::{JobCounts, MasterFleet, Target, order};
use crate::model::{Cause, names};
use jiff::Timestamp;
use std::collections::HashMap;

/// The parameters of a link. The default shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// One target, as [`MasterFleet::target`] finds it.
    pub(crate) name: Option<String>,
    /// What holds of it.
    pub(crate) state: Option<State>,
    /// A target server group, as SQL Server compares names.
    pub(crate) group: Option<String>,
    /// A part of the name, the location, a group, the state or the evidence.
    pub(crate) text: Option<String>,
    /// Only targets on which the last run of a job failed.
    pub(crate) failing_jobs: bool,
    pub(crate) order: Order,
    /// Whether the page shows the targets of one cause together.
    pub(crate) by_cause: bool,
    /// The page, counted from 1. A document has all.
    pub(crate) page: Option<usize>,
}

/// What is to hold of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// This cause.
    Cause(Cause),
    /// It is silent, whatever the cause.
    Silent,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Cause(cause) => cause.name(),
            State::Silent => "silent",
        }
    }

    pub(crate) fn holds(self, target: &Target, now: Timestamp) -> bool {
        match self {
            State::Cause(cause) => target.diagnosis.cause == cause,
            State::Silent => target.is_silent(now),
        }
    }
}

/// What decides the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Worst,
    Name,
    LastPoll,
    Pending,
}

impl Order {
    pub(crate) const ALL: [Order; 4] = [Order::Worst, Order::Name, Order::LastPoll, Order::Pending];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Order::Worst => "worst",
            Order::Name => "name",
            Order::LastPoll => "last_poll",
            Order::Pending => "pending",
        }
    }
}

/// A target that is shown, with the last runs of its jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selected<'a> {
    pub(crate) target: &'a Target,
    pub(crate) jobs: JobCounts,
}

impl Selection {
    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// Which parameter is not understood, and what it may be.
    pub(crate) fn read(parameters: impl IntoIterator<Item = (String, String)>) -> Result<Selection, String> {
        let mut given = Parameters::new(parameters)?;
        let states = [&Cause::ALL.map(State::Cause)[..], &[State::Silent]].concat();
        let selection = Selection {
            name: given.name("name"),
            state: given.word("state", &states, State::name)?,
            group: given.name("group"),
            text: given.text("q"),
            failing_jobs: given.word("jobs", &["failing"], |word| word)?.is_some(),
            order: given.word("sort", &Order::ALL, Order::name)?.unwrap_or_default(),
            by_cause: given.word("by", &["cause"], |word| word)?.is_some(),
            page: given.number("page")?,
        };
        given.end().map(|()| selection)
    }

    /// The query of a link to this selection, without a question mark; empty for the default.
    pub(crate) fn query(&self) -> String {
        let word = |value: Option<&str>| value.map(str::to_owned);
        query([
            ("name", self.name.clone()),
            ("state", word(self.state.map(State::name))),
            ("group", self.group.clone()),
            ("q", self.text.clone()),
            ("jobs", word(self.failing_jobs.then_some("failing"))),
            ("sort", word((self.order != Order::default()).then_some(self.order.name()))),
            ("by", word(self.by_cause.then_some("cause"))),
            ("page", self.page.filter(|page| *page > 1).map(|page| page.to_string())),
        ])
    }

    /// The targets that it selects, in its order. None while the master is not read.
    pub(crate) fn of<'a>(&self, fleet: &'a MasterFleet) -> Vec<Selected<'a>> {
        let Some(clock) = &fleet.master else { return Vec::new() };
        let jobs = jobs_by_target(fleet);
        let selected = fleet
            .targets
            .iter()
            .map(|target| Selected { target, jobs: jobs.get(target.name.as_str()).copied().unwrap_or_default() });
        let named = self.name.as_deref().map(|name| fleet.target(name).map(|target| target.name.as_str()));
        let is_named = |one: &Selected<'_>| named.is_none_or(|named| named == Some(&one.target.name));
        let mut selected: Vec<Selected<'_>> =
            selected.filter(|one| is_named(one) && self.has(one, clock.now)).collect();
        // The fleet is sorted by name, and a stable sort keeps that among equals.
        let order = order();
        let rank = |one: &Selected<'_>| {
            let cause = one.target.diagnosis.cause;
            (Impact::of(one.target), order.iter().position(|other| *other == cause))
        };
        match self.order {
            Order::Worst => selected.sort_by_key(|one| (one.raises_nothing(), rank(one))),
            Order::Name => {}
            Order::LastPoll => selected.sort_by_key(Selected::last_poll),
            Order::Pending => {
                selected.sort_by_key(|one| one.oldest_pending().map_or((true, clock.now), |at| (false, at)))
            }
        }
        if self.by_cause {
            selected.sort_by_key(rank);
        }
        selected
    }

    fn has(&self, one: &Selected<'_>, now: Timestamp) -> bool {
        let target = one.target;
        self.state.is_none_or(|state| state.holds(target, now))
            && self.group.as_ref().is_none_or(|group| target.is_in(group))
            && (!self.failing_jobs || one.jobs.failing > 0)
            && self.text.as_ref().is_none_or(|text| has_text(words(target), text))
    }
}

impl<'a> Selected<'a> {
    /// One target of a fleet.
    pub(crate) fn new(fleet: &MasterFleet, target: &'a Target) -> Selected<'a> {
        let jobs = jobs_by_target(fleet).get(target.name.as_str()).copied().unwrap_or_default();
        Selected { target, jobs }
    }

    /// One that is fine comes last, and one under maintenance, which raises no alert, before it.
    fn raises_nothing(&self) -> (bool, bool) {
        let is_fine = self.target.diagnosis.cause == Cause::Ok && self.jobs.failing == 0;
        (is_fine, self.target.maintenance.is_some())
    }

    /// Longest ago first; one that never polled, or is not enlisted, before all.
    fn last_poll(&self) -> Option<Timestamp> {
        self.target.enlisted.as_ref()?.polled_at()
    }

    fn oldest_pending(&self) -> Option<Timestamp> {
        self.target.enlisted.as_ref()?.downloads.as_ref()?.waiting.oldest_pending
    }
}

/// What is searched of a target.
fn words(target: &Target) -> impl Iterator<Item = &str> {
    let location = target.enlisted.as_ref().and_then(|row| row.location.as_deref());
    [target.name.as_str()]
        .into_iter()
        .chain(in_words(target.diagnosis.cause))
        .chain(location)
        .chain(target.groups().iter().map(String::as_str))
        .chain(target.trace.as_ref().map(|trace| trace.text.as_str()))
        .chain(target.diagnosis.evidence.iter().map(|evidence| evidence.text.as_str()))
}

/// A state as pages show it, in a phrase and in a cell.
pub(super) fn in_words<'a>(cause: Cause) -> [&'a str; 2] {
    let facts = cause.facts();
    [facts.title, facts.short]
}

/// Whether one of the parts has this text, in any letter case.
pub(super) fn has_text<'a>(mut parts: impl Iterator<Item = &'a str>, text: &str) -> bool {
    let wanted = names::key(text);
    parts.any(|part| names::key(part).contains(wanted.as_ref()))
}

fn jobs_by_target(fleet: &MasterFleet) -> HashMap<&str, JobCounts> {
    let mut counts: HashMap<&str, JobCounts> =
        fleet.jobs_left_out.iter().map(|(target, counts)| (target.as_str(), *counts)).collect();
    for run in fleet.jobs.iter().flatten().flat_map(|job| &job.runs) {
        counts.entry(run.target.as_str()).or_default().count(run.success);
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::fixtures::full;

    fn read(query: &[(&str, &str)]) -> Result<Selection, String> {
        Selection::read(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn shown(query: &[(&str, &str)]) -> Vec<String> {
        read(query).unwrap().of(&full()).iter().map(|one| one.target.name.clone()).collect()
    }

    #[test]
    fn filters_hold_together_and_texts_are_parts() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (&[], &["NEW9", "SQL<03>", "SQL02", "SQL01\\PAYROLL", "SQL04"]),
            (&[("name", "sql02 ")], &["SQL02"]),
            (&[("name", "tcp:sql02,1433")], &["SQL02"]),
            (&[("name", "SQL0")], &[]),
            (&[("state", "stopped_polling")], &["SQL02"]),
            (&[("state", "silent")], &["SQL<03>", "SQL02"]),
            (&[("state", "silent"), ("q", "Stopped polling ")], &["SQL02"]),
            (&[("group", "über \"alles\"")], &["SQL01\\PAYROLL"]),
            (&[("group", "über")], &[]),
            (&[("q", "\tpayr ")], &["SQL01\\PAYROLL"]),
            (&[("q", " "), ("name", "SQL02")], &["SQL02"]),
            (&[("q", "LAST POLL 2 h")], &["SQL02"]),
            (&[("q", "halle")], &["SQL01\\PAYROLL"]),
            (&[("q", "sql0"), ("state", "ok")], &["SQL04"]),
            (&[("sort", "name")], &["NEW9", "SQL01\\PAYROLL", "SQL02", "SQL<03>", "SQL04"]),
            (&[("sort", "last_poll"), ("q", "sql")], &["SQL<03>", "SQL02", "SQL01\\PAYROLL", "SQL04"]),
            (&[("sort", "pending")], &["SQL01\\PAYROLL", "NEW9", "SQL02", "SQL<03>", "SQL04"]),
            (&[("state", ""), ("q", "")], &["NEW9", "SQL<03>", "SQL02", "SQL01\\PAYROLL", "SQL04"]),
        ];
        for (query, expected) in cases {
            assert_eq!(shown(query), *expected, "{query:?}");
        }
    }

    #[test]
    fn jobs_that_fail_are_counted_for_each_target_and_are_a_filter() {
        let fleet = full();
        let failing: Vec<&str> = fleet
            .jobs
            .iter()
            .flatten()
            .flat_map(|job| &job.runs)
            .filter(|run| run.success == Some(false))
            .map(|run| run.target.as_str())
            .collect();
        assert!(!failing.is_empty());
        let mut shown = shown(&[("jobs", "failing")]);
        shown.sort();
        assert_eq!(shown, failing);
    }

    #[test]
    fn a_link_holds_the_selection() {
        assert_eq!(Selection::default().query(), "");
        let query = [
            ("state", "ok"),
            ("group", "a&b"),
            ("q", "x"),
            ("jobs", "failing"),
            ("sort", "name"),
            ("by", "cause"),
            ("page", "2"),
        ];
        let link = "state=ok&group=a%26b&q=x&jobs=failing&sort=name&by=cause&page=2";
        assert_eq!(read(&query).unwrap().query(), link);
    }

    #[test]
    fn what_is_no_word_of_ours_is_refused_with_the_words_that_are() {
        let long = "x".repeat(201);
        for (query, said) in [
            (("state", "fine"), "stopped_polling"),
            (("state", "fine"), ", silent"),
            (("jobs", "all"), "failing"),
            (("sort", "age"), "worst, name, last_poll, pending"),
            (("by", "group"), "cause"),
            (("page", "0"), "a number from 1"),
            (("stat", "ok"), "is not a parameter here"),
            (("q", long.as_str()), "longer than 200"),
            ((long.as_str(), "x"), "longer than 200"),
        ] {
            let error = read(&[query]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
