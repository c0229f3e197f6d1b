//! Which events of the history a page or a document shows: what a link holds.

use super::history::AROUND;
use super::parameters::{Parameters, query};
use super::selection::{has_text, in_words};
use super::{HistoryEvent, MasterFleet, Target};
use crate::model::{Cause, HistoryKind, ServerName, names};
use jiff::Timestamp;
use std::collections::HashSet;

/// The parameters of a link. The default shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSelection {
    /// One target, as SQL Server compares names.
    pub(crate) name: Option<String>,
    /// The cause that began or ended.
    pub(crate) state: Option<Cause>,
    /// A target server group: the targets that are in it now.
    pub(crate) group: Option<String>,
    /// What happened.
    pub(crate) kind: Option<HistoryKind>,
    /// A part of the name, of the evidence, or of what happened in words.
    pub(crate) text: Option<String>,
    /// Not before this instant.
    pub(crate) since: Option<Timestamp>,
    /// Not after this instant.
    pub(crate) until: Option<Timestamp>,
    /// The page, counted from 1. A document has all.
    pub(crate) page: Option<usize>,
}

impl EventSelection {
    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// Which parameter is not understood, and what it may be.
    pub(crate) fn read(parameters: impl IntoIterator<Item = (String, String)>) -> Result<EventSelection, String> {
        let mut given = Parameters::new(parameters)?;
        let selection = EventSelection {
            name: given.name("name"),
            state: given.word("state", &Cause::ALL, Cause::name)?,
            group: given.name("group"),
            kind: given.word("kind", &HistoryKind::ALL, HistoryKind::name)?,
            text: given.text("q"),
            since: given.instant("since")?,
            until: given.instant("until")?,
            page: given.number("page")?,
        };
        given.end().map(|()| selection)
    }

    /// What happened in the minutes around an instant.
    pub(crate) fn around(at: Timestamp) -> EventSelection {
        let within = AROUND.as_secs();
        let second = |second| Timestamp::from_second(second).ok();
        let (since, until) = (second(at.as_second() - within), second(at.as_second() + within + 1));
        EventSelection { since, until, ..EventSelection::default() }
    }

    /// The query of a link to this selection, without a question mark; empty for the default.
    pub(crate) fn query(&self) -> String {
        query([
            ("name", self.name.clone()),
            ("state", self.state.map(|cause| cause.name().to_owned())),
            ("group", self.group.clone()),
            ("kind", self.kind.map(|kind| kind.name().to_owned())),
            ("q", self.text.clone()),
            ("since", self.since.map(|at| at.to_string())),
            ("until", self.until.map(|at| at.to_string())),
            ("page", self.page.filter(|page| *page > 1).map(|page| page.to_string())),
        ])
    }

    /// Whether it needs the targets as they are now: nothing is known of them while the master is not read.
    pub(crate) fn needs_targets(&self) -> bool {
        self.group.is_some()
    }

    /// The events that it selects, the newest first.
    pub(crate) fn of<'a>(&self, fleet: &'a MasterFleet) -> Vec<&'a HistoryEvent> {
        let in_group = |group| fleet.targets.iter().filter(move |target: &&Target| target.is_in(group));
        let members = self.group.as_deref().map(in_group);
        let members: Option<HashSet<&str>> = members.map(|targets| targets.map(|target| &*target.name).collect());
        let is_member = |event: &HistoryEvent| {
            members.as_ref().is_none_or(|members| event.target.as_deref().is_some_and(|name| members.contains(name)))
        };
        let meant = self.name.as_deref().map(ServerName::meant);
        let is_named = |event: &HistoryEvent| {
            let is = |target: &str| meant.iter().flatten().any(|name| names::same(name, target));
            meant.is_none() || event.target.as_deref().is_some_and(is)
        };
        let selected = |event: &&HistoryEvent| self.has(event) && is_named(event) && is_member(event);
        fleet.history.newest_first().filter(selected).collect()
    }

    fn has(&self, event: &HistoryEvent) -> bool {
        self.state.is_none_or(|cause| [event.from, event.to].contains(&Some(cause)))
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at <= until)
            && self.text.as_ref().is_none_or(|text| has_text(words(event), text))
    }
}

/// What is searched of an event. Not its detail, which only those see who may see texts of errors.
fn words(event: &HistoryEvent) -> impl Iterator<Item = &str> {
    let states = event.from.into_iter().chain(event.to).flat_map(in_words);
    [event.text.as_str(), event.kind.word().title].into_iter().chain(event.target.as_deref()).chain(states)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::diagnosis::History;
    use crate::fixtures::{ago, full, unreadable};

    fn read(query: &[(&str, &str)]) -> Result<EventSelection, String> {
        EventSelection::read(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn fleet() -> MasterFleet {
        let mut fleet = full();
        let change = |seconds, target: &str, from, to| HistoryEvent {
            from,
            to: Some(to),
            text: format!("{target} by its evidence"),
            ..HistoryEvent::of_target(ago(seconds), HistoryKind::CauseChanged, target.to_owned())
        };
        let lost = HistoryEvent::of_fleet(ago(600), HistoryKind::MasterLost, "It stops at: connect.");
        let events = vec![
            lost.with_detail("no route to 10.1.2.3"),
            change(300, "SQL02", Some(Cause::Ok), Cause::StoppedPolling),
            change(200, "SQL01\\PAYROLL", Some(Cause::Unknown), Cause::Ok),
            HistoryEvent::of_target(ago(100), HistoryKind::Left, "GONE1".to_owned()),
        ];
        History::record(&mut fleet.history, events);
        fleet
    }

    #[test]
    fn filters_hold_together_and_no_hidden_text_is_searched() {
        let all = ["GONE1", "SQL01\\PAYROLL", "SQL02", "master_lost"];
        let (at_300, at_200) = (ago(300).to_string(), ago(200).to_string());
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (&[], &all),
            (&[("q", ""), ("kind", ""), ("since", "")], &all),
            (&[("name", "sql02 ")], &["SQL02"]),
            (&[("name", "SQL0")], &[]),
            (&[("state", "ok")], &["SQL01\\PAYROLL", "SQL02"]),
            (&[("state", "stopped_polling")], &["SQL02"]),
            (&[("group", "über \"alles\"")], &["SQL01\\PAYROLL"]),
            (&[("group", "none")], &[]),
            (&[("kind", "master_lost")], &["master_lost"]),
            (&[("q", " NO LONGER shown")], &["GONE1"]),
            (&[("q", "evidence"), ("state", "unknown")], &["SQL01\\PAYROLL"]),
            (&[("q", "has stopped polling")], &["SQL02"]),
            (&[("q", "Stopped polling ")], &["SQL02"]),
            (&[("q", "polls and downloads")], &["SQL01\\PAYROLL", "SQL02"]),
            (&[("q", "10.1.2.3")], &[]),
            (&[("since", &at_300), ("until", &at_200)], &["SQL01\\PAYROLL", "SQL02"]),
            (&[("since", "2025-11-24T15:58")], &["GONE1"]),
            (&[("until", "2025-11-24T16:50:00+01:00")], &["master_lost"]),
            (&[("until", "2025-11-24T16:50:00 01:00")], &["master_lost"]),
            (&[("until", "2025-11-24 16:50:00.000 01:00")], &["master_lost"]),
            (&[("since", "2025-11-24 15:58")], &["GONE1"]),
            (&[("until", "2025-11-24")], &[]),
            (&[("until", "9999-12-31T23:59:59Z")], &all),
            (&[("until", "9999-12-31T23:59:59-23:00")], &all),
            (&[("since", "9999-12-31T23:59:59")], &[]),
            (&[("since", "9999-12-31")], &[]),
            (&[("since", "0000-01-01T00:00:00Z")], &all),
            (&[("since", "-009999-01-01T00:00:00Z")], &all),
            (&[("until", "0000-01-01T00:00:00Z")], &[]),
        ];
        let fleet = fleet();
        for (query, expected) in cases {
            let events = read(query).unwrap().of(&fleet);
            let shown: Vec<&str> =
                events.iter().map(|event| event.target.as_deref().unwrap_or(event.kind.name())).collect();
            assert_eq!(shown, *expected, "{query:?}");
        }
        assert!(read(&[("group", "x")]).unwrap().of(&unreadable()).is_empty());
    }

    #[test]
    fn a_link_holds_the_selection() {
        assert_eq!(EventSelection::default().query(), "");
        let query = [
            ("name", "A\\B"),
            ("state", "ok"),
            ("group", "a&b"),
            ("kind", "left"),
            ("q", "x"),
            ("since", "2026-11-22T12:00"),
            ("until", "2026-11-22T14:00:00.5+01:00"),
            ("page", "2"),
        ];
        let link = "name=A%5CB&state=ok&group=a%26b&kind=left&q=x&since=2026-11-22T12%3A00%3A00Z\
                    &until=2026-11-22T13%3A00%3A00.5Z&page=2";
        assert_eq!(read(&query).unwrap().query(), link);
        let around = EventSelection::around(Timestamp::constant(1_764_000_000, 900_000_000)).query();
        assert_eq!(around, "since=2025-11-24T15%3A55%3A00Z&until=2025-11-24T16%3A05%3A01Z");
        assert_eq!(EventSelection::around(Timestamp::MAX).until, None);
    }

    #[test]
    fn what_is_no_word_of_ours_is_refused_with_the_words_that_are() {
        let long = "x".repeat(10_000);
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("state", "fine")], "stopped_polling"),
            (&[("kind", "gone")], "left, master_lost"),
            (&[("since", "yesterday")], "2026-11-22T12:00:00Z"),
            (&[("until", "2026-13-01")], "in UTC"),
            (&[("since", "2026-11-22T12:00  01:00")], "an instant"),
            (&[("since", "2026-11-22T12:00 Z")], "an instant"),
            (&[("since", "2026-11-22T12:00 soon")], "an instant"),
            (&[("since", "2026-11-22T12:00[Europe/Berlin]")], "an instant"),
            (&[("page", "0")], "a number from 1"),
            (&[("jobs", "failing")], "kind, q, since, until and page are"),
            (&[("q", &long)], "longer than 200"),
            (&[(&long, "x")], "the name of a filter is longer than 200"),
            (&[("q", "a"), ("q", "b")], "twice"),
        ];
        for (query, said) in cases {
            let error = read(query).unwrap_err();
            assert!(error.contains(said) && error.len() < 600, "{error}");
        }
    }
}
