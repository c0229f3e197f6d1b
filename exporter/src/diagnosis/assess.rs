//! From one reading to the fleet.

use super::arrivals::{self, AttemptIndex, Majority, Origins, Remembered, Surroundings, Trace, Versions};
use super::change::Change;
use super::downloads::DownloadList;
use super::enlisted::polled_since;
use super::history::{History, HistoryEvent};
use super::jobs::jobs;
use super::memory::{KnownVersion, Memory, TargetMemory};
use super::pages::{PageEvidence, ThisMaster};
use super::roster::{Roster, RosterEntry};
use super::rules::{Circumstances, Outage, Outages, Poll, Subject, diagnose, engine};
use super::target::{Enlisted, Target, elapsed};
use super::{Limited, MasterFleet};
use crate::collectors::{Arrivals, Collected, Reading};
use crate::config::{Config, Encrypt};
use crate::model::figures::{readable_instant, span};
use crate::model::names::bare;
use crate::model::{Cause, HistoryKind};
use crate::probe::{Finding, PortResults};
use crate::target_pages::PageResults;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

/// The result of one assessment.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The fleet now.
    pub fleet: MasterFleet,
    /// The targets whose verdict has changed, sorted by name. A target that is first seen and is fine is not a change;
    /// while the targets cannot be read there are no changes.
    pub changes: Vec<Change>,
}

/// What was seen besides the reading.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The findings of the port checks.
    pub port_results: Arc<PortResults>,
    /// What the targets wrote about themselves.
    pub pages: Arc<PageResults>,
}

impl From<Arc<PortResults>> for Observed {
    fn from(port_results: Arc<PortResults>) -> Observed {
        Observed { port_results, ..Observed::default() }
    }
}

/// Joins a reading with what was seen besides: the state of each target, and the reason.
///
/// `memory` belongs to this master; the caller passes it to each assessment.
pub fn assess(reading: &Reading, seen: impl Into<Observed>, config: &Config, memory: &mut Memory) -> Assessment {
    let Observed { port_results, pages } = seen.into();
    let mut fleet = MasterFleet {
        began: reading.began,
        master: None,
        server: None,
        targets: Vec::new(),
        orphans: None,
        downloadlist_rows: None,
        jobs: None,
        has_maintenance_windows: !config.maintenance.is_empty(),
        limited: Limited::default(),
        jobs_left_out: BTreeMap::new(),
        history: Arc::default(),
        reports: reading.reports().cloned().collect(),
        port_results,
        pages,
    };
    let Some(targets) = succeeded(reading.targets.as_ref()) else {
        let fault = reading.targets.as_ref().and_then(|targets| targets.report.fault.as_ref());
        if let Some(fault) = fault.filter(|_| !reading.given_up) {
            History::begin(&mut memory.history, reading.began);
            let event = memory.master.observe_failure(reading.began, fault);
            History::record(&mut memory.history, event.into_iter().collect());
        }
        fleet.history = memory.history.clone();
        return Assessment { fleet, changes: Vec::new() };
    };
    fleet.master = Some(targets.clock);
    fleet.server = succeeded(reading.server.as_ref()).cloned();
    let downloads = succeeded(reading.downloads.as_ref());
    let mut events = memory.master.observe(reading.began, targets, fleet.server.as_ref(), downloads);

    let list = downloads.map(DownloadList::new);
    let roster = Roster::new(targets, list.as_ref(), config);
    fleet.orphans = list.as_ref().map(|list| list.orphans(|key| roster.is_enlisted(key), &config.targets.filter));
    fleet.downloadlist_rows = downloads.and_then(|downloads| downloads.table_rows);
    fleet.limited.targets = roster.left_out();

    if let Some(rows) = succeeded(reading.jobs.as_ref()) {
        let limit = config.limits.job_pairs;
        let (jobs, left_out) = jobs(rows, &config.jobs, &roster.seats(), limit, &mut memory.outcomes);
        fleet.jobs = Some(jobs);
        fleet.limited.job_pairs = left_out.runs;
        fleet.jobs_left_out = left_out.of_targets;
    }

    let circumstances = Circumstances {
        now: targets.clock.now,
        started: targets.clock.started,
        outages: Outages::find(&roster.polls(targets.clock.now)),
        of_master: Vec::new(),
        downloads_failed: reading
            .downloads
            .as_ref()
            .and_then(|downloads| downloads.report.fault.as_ref())
            .map(|fault| fault.stage),
    };
    let server = memory.master.server_since(targets.clock.started).filter(|_| reading.server.is_some());
    let unread = Arrivals { permitted: true, ..Arrivals::default() };
    // Only silent targets need the records of arrivals, so a fleet without one pays nothing.
    let asked = targets.rows.iter().any(|row| row.is_silent(targets.clock.now));
    let remembered = reading.arrivals.as_ref().filter(|_| asked).map(|read| read.rows.as_deref().unwrap_or(&unread));
    if remembered.is_none() {
        memory.attempts = AttemptIndex::default();
    }
    let remembered = remembered.map(|read| Remembered::new(read, targets.clock.now, &mut memory.attempts));
    let origins = match remembered {
        Some(_) => Origins::new(targets, server, &fleet.port_results, config, targets.clock.now),
        None => Origins::default(),
    };
    let observed_pages = fleet.pages.clone();
    let surroundings = remembered.as_ref().map(|remembered| Surroundings {
        memory: remembered,
        origins: &origins,
        server,
        master_memory: &memory.master,
        serves_older_tls: config.master.encrypt != Encrypt::Strict
            && server.is_some_and(|server| server.certificate.is_some()),
        started: targets.clock.started,
        newest_poll: targets.rows.iter().map(Arc::as_ref).max_by_key(|row| row.last_poll),
        pages: &observed_pages,
        began: reading.began,
        now: targets.clock.now,
    });
    let of_master = surroundings.as_ref().map(arrivals::of_master).unwrap_or_default();
    let known = memory.targets.iter().filter(|_| surroundings.is_some());
    let versions = known.filter_map(|(name, known)| Some((name.clone(), known.version.clone()?))).collect();
    let mut judge = Judge {
        config,
        began: reading.began,
        this_master: ThisMaster { address: &config.master.address, server },
        versions,
        circumstances: Circumstances { of_master, ..circumstances },
        surroundings,
        label_names: config.targets.labels.iter().flat_map(|rule| rule.labels.keys().map(String::as_str)).collect(),
        after: Vec::with_capacity(memory.targets.len()),
        before: std::mem::take(&mut memory.targets).into_iter().peekable(),
        changes: Vec::new(),
        healthy_newcomers: Vec::new(),
        gone: Vec::new(),
    };
    let entries = roster.into_shown();
    let pages: Vec<PageEvidence<'_>> = entries.iter().map(|entry| judge.pages(entry, &fleet.pages)).collect();
    let (traces, majorities) = judge.traces(&entries, &pages, &fleet.port_results);
    fleet.targets = entries
        .into_iter()
        .zip(traces)
        .zip(&pages)
        .map(|((entry, trace), pages)| judge.target(entry, trace, pages, &majorities, &fleet))
        .collect();
    judge.gone.extend(judge.before.by_ref().map(|(name, _)| name));
    events.extend(judge.events(reading.began, memory.has_read_targets));
    memory.targets = judge.after;
    memory.has_read_targets = true;
    History::begin(&mut memory.history, reading.began);
    History::record(&mut memory.history, events);
    fleet.history = memory.history.clone();
    Assessment { fleet, changes: judge.changes }
}

/// The rows of a collector that succeeded.
fn succeeded<T>(collected: Option<&Collected<T>>) -> Option<&T> {
    collected.filter(|collected| collected.report.success()).and_then(|collected| collected.rows.as_deref())
}

/// The silence that a target has ended which polls again, in words.
fn ended_silence((before, target): (&TargetMemory, &Enlisted)) -> Option<String> {
    let since = before.silent_since.filter(|since| *since < target.last_poll)?;
    let silent = span(elapsed(target.last_poll, since));
    Some(match polled_since(target.enlisted_at, since) {
        true => format!("It was silent for {silent}: its poll before was at {}.", readable_instant(since)),
        false => format!("It polled for the first time, {silent} after it was enlisted."),
    })
}

/// The inputs for judging the targets one after the other.
struct Judge<'a> {
    config: &'a Config,
    /// When the reading began, by this computer's clock.
    began: Timestamp,
    this_master: ThisMaster<'a>,
    circumstances: Circumstances,
    /// The master's records of arrivals. `None` where they are switched off or not needed.
    surroundings: Option<Surroundings<'a>>,
    /// The label names of all rules.
    label_names: BTreeSet<&'a str>,
    /// What is remembered of the targets that are still to come, and of those that are gone.
    before: Peekable<IntoIter<(String, TargetMemory)>>,
    after: Vec<(String, TargetMemory)>,
    /// The versions that targets had while they last polled, where a silent one is asked about.
    versions: HashMap<String, KnownVersion>,
    changes: Vec<Change>,
    /// Targets that are seen for the first time and are fine.
    healthy_newcomers: Vec<String>,
    /// Targets that were remembered and are not there.
    gone: Vec<String>,
}

impl Judge<'_> {
    /// What is remembered of a target. Both sides are sorted by name, so each target is asked about once and in order.
    fn remembered(&mut self, name: &str) -> Option<(String, TargetMemory)> {
        while let Some((gone, _)) = self.before.next_if(|(known, _)| known.as_str() < name) {
            self.gone.push(gone);
        }
        self.before.next_if(|(known, _)| known == name)
    }

    /// What happened to targets. Those of the first reading are no newcomers.
    fn events(&self, at: Timestamp, has_read_before: bool) -> Vec<HistoryEvent> {
        let kind = |change: &Change| match change.from {
            None if has_read_before => HistoryKind::Enlisted,
            _ => HistoryKind::CauseChanged,
        };
        let changes = self.changes.iter().map(|change| HistoryEvent::of_change(at, kind(change), change));
        let of_each = |names: &[String], kind| -> Vec<HistoryEvent> {
            names.iter().map(|name| HistoryEvent::of_target(at, kind, name.clone())).collect()
        };
        let newcomers = if has_read_before { &self.healthy_newcomers[..] } else { &[] };
        changes.chain(of_each(newcomers, HistoryKind::Enlisted)).chain(of_each(&self.gone, HistoryKind::Left)).collect()
    }

    /// What the pages of a silent target prove.
    fn pages<'p>(&self, entry: &RosterEntry<'_>, pages: &'p PageResults) -> PageEvidence<'p> {
        let silent = entry.enlisted.as_ref().filter(|enlisted| enlisted.is_stale(self.circumstances.now));
        let known = silent.zip(pages.of(entry.name));
        let evidence = known.map(|(target, pages)| PageEvidence::of(pages, target, self.began, &self.this_master));
        evidence.unwrap_or_default()
    }

    /// What the master shows of each silent target, in the order of the entries, and of most of those that fell silent in
    /// one outage.
    fn traces(
        &self,
        entries: &[RosterEntry<'_>],
        pages: &[PageEvidence<'_>],
        port_results: &PortResults,
    ) -> (Vec<Option<Trace>>, HashMap<Outage, Majority>) {
        let Some(surroundings) = &self.surroundings else {
            return (entries.iter().map(|_| None).collect(), HashMap::new());
        };
        let now = self.circumstances.now;
        let mut traces: Vec<Option<Trace>> = entries
            .iter()
            .zip(pages)
            .map(|(entry, pages)| {
                let enlisted = entry.enlisted.as_ref().filter(|enlisted| enlisted.is_stale(now))?;
                // One that the engine still reported after the first polls were missed changed too late to explain them.
                let missed = enlisted.missed_after(enlisted.last_poll);
                let before = self.versions.get(entry.name).filter(|known| known.reported <= missed);
                let versions = Versions {
                    now: engine(port_results.of(entry.name)).and_then(|finding| finding.version.as_deref()),
                    at_last_poll: before.map(|known| known.text.as_str()),
                };
                Some(Trace::of(bare(entry.name), enlisted, versions, pages, surroundings))
            })
            .collect();
        let mut members: HashMap<Outage, Vec<usize>> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if let Some(outage) = self.outage(entry) {
                members.entry(outage).or_default().push(at);
            }
        }
        let mut majorities = HashMap::new();
        for (outage, places) in members {
            let shown = places.iter().filter_map(|at| Some((entries.get(*at)?.name, traces.get(*at)?.as_ref()?)));
            let Some(majority) = Majority::of(&shown.collect::<Vec<_>>()) else { continue };
            for at in places {
                if let Some(Some(trace)) = traces.get_mut(at) {
                    trace.details.push(majority.detail.clone());
                }
            }
            majorities.insert(outage, majority);
        }
        (traces, majorities)
    }

    /// The outage in which a target fell silent.
    fn outage(&self, entry: &RosterEntry<'_>) -> Option<Outage> {
        let poll = Poll::of(entry.enlisted.as_ref()?, self.circumstances.now)?;
        self.circumstances.outages.of(poll).copied()
    }

    fn target(
        &mut self,
        entry: RosterEntry<'_>,
        trace: Option<Trace>,
        pages: &PageEvidence<'_>,
        majorities: &HashMap<Outage, Majority>,
        fleet: &MasterFleet,
    ) -> Target {
        let now = self.circumstances.now;
        let majority = self.outage(&entry).and_then(|outage| majorities.get(&outage));
        let enlisted = entry.enlisted;
        let findings = fleet.port_results.of(entry.name);
        let (name, before) = match self.remembered(entry.name) {
            Some((name, before)) => (name, Some(before)),
            None => (entry.name.to_owned(), None),
        };
        let engine_was_open = before.as_ref().is_some_and(|before| before.engine_was_open);
        let was_silent = before.as_ref().is_some_and(|before| before.silent_since.is_some());
        let subject = Subject {
            name: entry.name,
            enlisted: enlisted.as_ref(),
            defects_waiting: entry.defects_waiting,
            findings,
            engine_was_open,
            was_silent,
            trace: trace.as_ref(),
            pages,
            majority: majority.map(|majority| majority.text.as_str()),
        };
        let diagnosis = diagnose(&subject, &self.circumstances);

        let polls = enlisted.as_ref().is_some_and(|enlisted| enlisted.polled && !enlisted.is_stale(now));
        let from = before.as_ref().map(|before| before.cause);
        if from.unwrap_or(Cause::Ok) != diagnosis.cause {
            self.changes.push(Change {
                target: entry.name.to_owned(),
                from,
                to: diagnosis.cause,
                evidence: diagnosis.evidence.clone(),
                ended: before.as_ref().zip(enlisted.as_ref()).filter(|_| polls).and_then(ended_silence),
            });
        }
        if from.is_none() && diagnosis.cause == Cause::Ok {
            self.healthy_newcomers.push(entry.name.to_owned());
        }
        let engine = engine(findings);
        let engine_is_open = engine.is_some_and(|finding| finding.state.open() == Some(true));
        let reported = engine.and_then(|finding| self.version(finding));
        let known = before.and_then(|before| before.version);
        let same = known.as_ref().zip(reported.as_ref()).is_some_and(|(known, now)| known.text == now.text);
        let remembered = TargetMemory {
            cause: diagnosis.cause,
            silent_since: enlisted
                .as_ref()
                .filter(|_| diagnosis.is_silent(was_silent))
                .map(|enlisted| enlisted.last_poll),
            engine_was_open: engine_was_open || (polls && engine_is_open),
            version: reported.filter(|_| polls || same).or(known),
        };
        self.after.push((name, remembered));

        Target {
            name: entry.name.to_owned(),
            labels: self.labels(bare(entry.name)),
            address: self.address(entry.name),
            arrives_from: self.config.targets.arrives_from(bare(entry.name)).collect(),
            maintenance: self.maintenance(bare(entry.name)),
            expected: entry.expected,
            enlisted,
            trace: trace.map(|trace| trace.under(diagnosis.cause)),
            diagnosis,
            pages: fleet.pages.of(entry.name).cloned(),
        }
    }

    /// The version that a check met, with the time of the check by the master's clock.
    fn version(&self, finding: &Finding) -> Option<KnownVersion> {
        let age = self.began.duration_since(finding.checked_at);
        let reported = self.circumstances.now.checked_sub(age).unwrap_or(self.circumstances.now);
        Some(KnownVersion { text: finding.version.clone()?, reported })
    }

    /// The first rule that sets a label wins; a label that no rule sets for this target is empty.
    fn labels(&self, name: &str) -> Vec<(String, String)> {
        if self.label_names.is_empty() {
            return Vec::new();
        }
        let rules: Vec<_> = self.config.targets.labels.iter().filter(|rule| rule.matches.matches(name)).collect();
        self.label_names
            .iter()
            .map(|label| {
                let value = rules.iter().find_map(|rule| rule.labels.get(*label));
                ((*label).to_owned(), value.cloned().unwrap_or_default())
            })
            .collect()
    }

    /// The host of the first override for this target.
    fn address(&self, name: &str) -> Option<String> {
        self.config.ports.overrides.iter().find(|entry| entry.matches.matches(name))?.host.clone()
    }

    /// The reason of the first window that holds the master's now.
    fn maintenance(&self, name: &str) -> Option<String> {
        let now = self.circumstances.now;
        let window = self
            .config
            .maintenance
            .iter()
            .find(|window| window.from <= now && now < window.until && window.matches.matches(name))?;
        Some(window.reason.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::collectors::{DownloadRow, Outcome, TargetRow};
    use crate::config::{LabelRule, Maintenance};
    use crate::diagnosis::fixtures::{
        ago, config, engine_port, failed, job, never_polled, now, pattern, polled_at, port_results, reading, run,
        target, waiting, with_downloads, with_jobs,
    };
    use crate::model::{Collector, PortState};
    use jiff::SignedDuration;

    fn fleet(reading: &Reading, config: &Config) -> MasterFleet {
        assess(reading, Arc::default(), config, &mut Memory::default()).fleet
    }

    fn names(fleet: &MasterFleet) -> Vec<&str> {
        fleet.targets.iter().map(|target| target.name.as_str()).collect()
    }

    fn three() -> Reading {
        reading(vec![target(3, "SQL03"), target(1, "SQL01\\PAYROLL"), target(2, "DEV02")])
    }

    #[test]
    fn without_the_targets_there_is_no_master_and_no_fleet() {
        let jobs = with_jobs(three(), vec![job("A", "Backup")], vec![run("A", 1, Outcome::Failed, None)]);
        let seen = port_results("SQL03", vec![engine_port(PortState::Open, false)]);
        let expecting = Config { expected_targets: vec!["SQL09".into()], ..config() };
        for targets in [Some(failed(Collector::Targets)), None] {
            let reports = 3 + usize::from(targets.is_some());
            let reading = Reading { targets, ..with_downloads(jobs.clone(), vec![waiting("GONE", 1, 60)]) };
            let fleet = assess(&reading, seen.clone(), &expecting, &mut Memory::default()).fleet;
            assert!(fleet.master.is_none() && fleet.server.is_none() && fleet.targets.is_empty());
            assert!(fleet.orphans.is_none() && fleet.jobs.is_none() && fleet.downloadlist_rows.is_none());
            assert_eq!((fleet.reports.len(), fleet.port_results.of("SQL03").len()), (reports, 1));
        }
    }

    #[test]
    fn rows_that_came_with_a_fault_are_not_believed() {
        let mut reading = three();
        reading.targets.as_mut().unwrap().report = failed::<()>(Collector::Targets).report;
        assert!(fleet(&reading, &config()).master.is_none());
    }

    #[test]
    fn a_collector_that_failed_leaves_its_part_unknown() {
        let read = fleet(&three(), &config());
        assert_eq!((read.orphans, read.jobs, read.server.is_some()), (Some(vec![]), Some(vec![]), true));
        let reading = Reading {
            downloads: Some(failed(Collector::Downloads)),
            jobs: Some(failed(Collector::Jobs)),
            server: Some(failed(Collector::Server)),
            ..three()
        };
        let fleet = fleet(&reading, &config());
        assert_eq!((fleet.orphans.clone(), fleet.jobs.clone(), fleet.server.clone()), (None, None, None));
        assert_eq!(fleet.targets.len(), 3);
        assert!(fleet.targets.iter().all(|target| target.enlisted.as_ref().unwrap().downloads.is_none()));
        assert_eq!(fleet.master.unwrap().now, now());
    }

    #[test]
    fn targets_are_filtered_and_sorted() {
        let mut config = config();
        assert_eq!(names(&fleet(&three(), &config)), ["DEV02", "SQL01\\PAYROLL", "SQL03"]);
        config.targets.filter.exclude = pattern("dev.*");
        assert_eq!(names(&fleet(&three(), &config)), ["SQL01\\PAYROLL", "SQL03"]);
        config.targets.filter.include = pattern(".*\\\\payroll");
        assert_eq!(names(&fleet(&three(), &config)), ["SQL01\\PAYROLL"]);
    }

    #[test]
    fn the_limit_takes_the_first_names_and_counts_the_rest() {
        let mut config = Config { expected_targets: vec!["SQL99".into(), "SQL30".into()], ..config() };
        config.limits.targets = 4;
        let rows = (10..=30).rev().map(|id| target(id, &format!("SQL{id}"))).collect();
        let fleet = fleet(&reading(rows), &config);
        let shown = ["SQL10", "SQL11", "SQL12", "SQL13", "SQL99"];
        assert_eq!(names(&fleet), shown, "what is expected is never cut off, and what is cut off is not missed");
        assert_eq!(fleet.limited.targets, 17);
    }

    #[test]
    fn expected_names_are_found_whatever_their_spelling() {
        let expected = ["sql03  ", "Sql01\\Payroll", "sql09", "SQL09 ", "DEV07"].map(str::to_owned).to_vec();
        let mut config = Config { expected_targets: expected, ..config() };
        config.targets.filter.exclude = pattern("DEV.*");
        let fleet = fleet(&three(), &config);
        assert_eq!(names(&fleet), ["SQL01\\PAYROLL", "SQL03", "sql09"]);
        assert!(fleet.targets[2].enlisted.is_none());
        assert_eq!(fleet.targets[2].diagnosis.cause, Cause::NotEnlisted);
    }

    #[test]
    fn an_enlisted_target_says_whether_it_was_expected_where_there_is_a_list() {
        let seen = |expected_targets: Vec<String>| {
            let config = Config { expected_targets, ..config() };
            let rows = vec![target(1, "SQL01"), target(2, "SQL02")];
            let fleet = assess(&reading(rows), Arc::default(), &config, &mut Memory::default()).fleet;
            fleet.targets.into_iter().map(|target| target.expected).collect::<Vec<_>>()
        };
        assert_eq!(seen(Vec::new()), [None, None]);
        assert_eq!(seen(vec!["sql02 ".into()]), [Some(false), Some(true)]);
    }

    #[test]
    fn an_expected_name_that_the_filter_leaves_out_is_not_missed() {
        let mut config = Config { expected_targets: vec!["DEV02".into()], ..config() };
        config.targets.filter.exclude = pattern("DEV.*");
        assert_eq!(names(&fleet(&three(), &config)), ["SQL01\\PAYROLL", "SQL03"]);
    }

    #[test]
    fn of_two_spellings_of_a_name_the_one_that_polled_last_stands() {
        let rows = vec![polled_at(target(1, "SQL01"), 500), target(2, "sql01"), polled_at(target(3, "SQL01 "), 400)];
        let fleet = fleet(&reading(rows), &config());
        assert_eq!(names(&fleet), ["sql01"]);
        assert_eq!(fleet.targets[0].diagnosis.cause, Cause::Ok);
    }

    #[test]
    fn every_label_of_any_rule_stands_on_every_target_and_the_first_rule_wins() {
        let rule = |matches: &str, labels: &[(&str, &str)]| LabelRule {
            matches: pattern(matches),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let mut config = config();
        config.targets.labels = vec![
            rule("sql01.*", &[("route", "payroll")]),
            rule("sql.*", &[("route", "dba"), ("site", "A")]),
            rule("nobody", &[("floor", "3")]),
        ];
        let fleet = fleet(&three(), &config);
        let labels = |index: usize| {
            let shown = |(name, value): &(String, String)| format!("{name}={value}");
            fleet.targets[index].labels.iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(labels(0), ["floor=", "route=", "site="]);
        assert_eq!(labels(1), ["floor=", "route=payroll", "site=A"]);
        assert_eq!(labels(2), ["floor=", "route=dba", "site=A"]);
    }

    #[test]
    fn a_maintenance_window_is_half_open_by_the_masters_clock() {
        let second = SignedDuration::from_secs(1);
        let maintained = |from, until| {
            let mut config = config();
            let window = |from, until, reason: &str| Maintenance {
                matches: pattern("sql03"),
                from,
                until,
                reason: reason.to_owned(),
            };
            config.maintenance = vec![window(from, until, "patching"), window(ago(9), now() + second, "second")];
            let mut reading = three();
            // The clock of this machine differs from the master's.
            reading.began = ago(86_400);
            let fleet = fleet(&reading, &config);
            assert_eq!(fleet.targets[0].maintenance, None, "DEV02 is not in the window");
            fleet.targets[2].maintenance.clone()
        };
        assert_eq!(maintained(now(), now() + second).as_deref(), Some("patching"));
        assert_eq!(maintained(now() + second, now() + second).as_deref(), Some("second"));
        assert_eq!(maintained(ago(60), now()).as_deref(), Some("second"), "over at its end");
    }

    #[test]
    fn a_change_is_reported_once_and_a_healthy_newcomer_is_none() {
        let mut memory = Memory::default();
        let mut changes = |rows: Vec<TargetRow>| {
            let changes = assess(&reading(rows), Arc::default(), &config(), &mut memory).changes;
            changes.into_iter().map(|change| (change.target, change.from, change.to)).collect::<Vec<_>>()
        };
        let healthy = || target(1, "SQL01");
        let silent = || polled_at(healthy(), 300);
        let new = || never_polled(2, "SQL02", 900);
        assert_eq!(changes(vec![healthy()]), []);
        assert_eq!(
            changes(vec![silent(), new()]),
            [
                ("SQL01".to_owned(), Some(Cause::Ok), Cause::StoppedPolling),
                ("SQL02".to_owned(), None, Cause::NeverPolled)
            ]
        );
        assert_eq!(changes(vec![silent(), new()]), []);
        assert_eq!(changes(vec![healthy()]), [("SQL01".to_owned(), Some(Cause::StoppedPolling), Cause::Ok)]);
        assert_eq!(changes(vec![healthy(), new()]), [("SQL02".to_owned(), None, Cause::NeverPolled)], "it had left");
    }

    #[test]
    fn the_history_tells_who_came_changed_and_left_and_when_the_master_was_lost() {
        let mut memory = Memory::default();
        let mut history = |reading: Reading| {
            let fleet = assess(&reading, Arc::default(), &config(), &mut memory).fleet;
            let shown = |event: &HistoryEvent| {
                let name = event.target.clone().unwrap_or_default();
                format!("{} {name} {}", event.kind.name(), event.to.map(Cause::name).unwrap_or_default())
            };
            fleet.history.newest_first().map(shown).collect::<Vec<_>>()
        };
        let healthy = |id| TargetRow { poll_interval_seconds: 10, ..target(id, &format!("SQL0{id}")) };
        let silent = || reading(vec![polled_at(healthy(1), 75)]);
        let unread = || Reading { targets: Some(failed(Collector::Targets)), ..reading(vec![]) };
        assert_eq!(history(Reading { given_up: true, ..unread() }), [""; 0], "the caller's haste says nothing");
        assert_eq!(history(reading(vec![healthy(1), healthy(2)])), [""; 0], "they were there before");
        let changed = history(reading(vec![polled_at(healthy(1), 75), healthy(3)]));
        assert_eq!(changed, ["left SQL02 ", "enlisted SQL03 ", "cause_changed SQL01 stopped_polling"]);
        assert_eq!(history(unread()).len(), 4);
        assert_eq!(history(unread())[0], "master_lost  ", "once");
        assert_eq!(history(silent())[..2], ["left SQL03 ", "master_back  "]);
        memory.note_reload(now(), true);
        memory.note_reload(now(), false);
        let kinds: Vec<_> = memory.history.newest_first().take(2).map(|event| event.kind.name()).collect();
        assert_eq!(kinds, ["not_reloaded", "reloaded"]);
    }

    #[test]
    fn a_recovery_says_how_long_the_target_was_silent() {
        let reported = |before: Vec<TargetRow>, waits: Vec<DownloadRow>| {
            let mut memory = Memory::default();
            for row in before {
                assess(&reading(vec![row]), Arc::default(), &config(), &mut memory);
            }
            let back = with_downloads(reading(vec![target(1, "SQL01")]), waits);
            let change = assess(&back, Arc::default(), &config(), &mut memory).changes.pop();
            let text = memory.history.newest_first().next().map(|event| event.text.clone());
            (change.and_then(|change| change.ended), text.unwrap_or_default())
        };
        let silent = || polled_at(target(1, "SQL01"), 7_220);
        const SILENT: &str = "It was silent for 2 h: its poll before was at 2026-11-22 09:59:40 UTC.";
        assert_eq!(reported(vec![silent(), silent()], Vec::new()), (Some(SILENT.to_owned()), SILENT.to_owned()));
        let (ended, text) = reported(vec![silent()], vec![waiting("SQL01", 1, 100_000)]);
        assert!(ended.is_some() && text.starts_with(SILENT) && text.len() > SILENT.len() + 20, "{text}");
        let never = TargetRow { enlisted_at: ago(30 * 86_400), ..polled_at(target(1, "SQL01"), 30 * 86_400) };
        let first = "It polled for the first time, 29 d 23 h after it was enlisted.";
        assert_eq!(reported(vec![never], Vec::new()).1, first);
        assert_eq!(reported(vec![target(1, "SQL01")], Vec::new()), (None, String::new()));
        // A last poll that lay ahead says nothing of how long.
        assert_eq!(reported(vec![polled_at(target(1, "SQL01"), -900)], Vec::new()), (None, String::new()));
    }

    #[test]
    fn nothing_changes_while_the_targets_cannot_be_read() {
        let mut memory = Memory::default();
        let silent = reading(vec![polled_at(target(1, "SQL01"), 300)]);
        let mut changes = |reading: &Reading| assess(reading, Arc::default(), &config(), &mut memory).changes.len();
        assert_eq!(changes(&silent), 1);
        assert_eq!(changes(&Reading { targets: Some(failed(Collector::Targets)), ..silent.clone() }), 0);
        assert_eq!(changes(&silent), 0);
    }

    #[test]
    fn jobs_keep_what_they_knew_while_they_cannot_be_read() {
        let mut memory = Memory::default();
        let ran = Some(jiff::civil::date(2026, 11, 22).at(11, 0, 0, 0));
        let jobs = |outcome| {
            let rows = vec![target(1, "SQL01")];
            with_jobs(reading(rows), vec![job("A", "Backup")], vec![run("A", 1, outcome, ran)])
        };
        let mut success = |reading: &Reading| {
            let jobs = assess(reading, Arc::default(), &config(), &mut memory).fleet.jobs?;
            jobs[0].runs[0].success
        };
        assert_eq!(success(&jobs(Outcome::Failed)), Some(false));
        assert_eq!(success(&Reading { jobs: Some(failed(Collector::Jobs)), ..jobs(Outcome::Failed) }), None);
        assert_eq!(success(&Reading { targets: Some(failed(Collector::Targets)), ..jobs(Outcome::Failed) }), None);
        assert_eq!(success(&jobs(Outcome::Retry)), Some(false));
    }

    #[test]
    fn job_pairs_of_targets_beyond_the_limit_are_counted_as_left_out() {
        let mut config = config();
        config.limits.targets = 1;
        let pairs = vec![run("A", 1, Outcome::Failed, None), run("A", 2, Outcome::Failed, None)];
        let rows = vec![target(1, "SQL01"), target(2, "SQL02")];
        let fleet = fleet(&with_jobs(reading(rows), vec![job("A", "Backup")], pairs), &config);
        assert_eq!((fleet.limited, fleet.jobs.unwrap()[0].targets), (Limited { targets: 1, job_pairs: 1 }, 2));
    }

    #[test]
    fn downloads_find_their_target_and_orphans_are_found_before_the_filter() {
        let mut config = config();
        config.targets.filter.include = pattern("sql.*|gone");
        let rows = ["sql03", "DEV02", "dev02", "Gone"].map(|name| waiting(name, 2, 60)).to_vec();
        let fleet = fleet(&with_downloads(three(), rows), &config);
        let pending = |index: usize| {
            let downloads = fleet.targets[index].enlisted.as_ref().unwrap().downloads.as_ref().unwrap();
            downloads.waiting.pending_total()
        };
        assert_eq!((pending(0), pending(1)), (0, 2));
        let orphans = fleet.orphans.unwrap();
        assert_eq!(orphans.iter().map(|orphan| orphan.target.as_str()).collect::<Vec<_>>(), ["Gone"]);
    }
}
