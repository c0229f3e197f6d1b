//! From one reading to the fleet.

use super::change::Change;
use super::diagnosis::{Circumstances, Outages, Subject, diagnose, engine, stale};
use super::downloads::DownloadList;
use super::jobs::jobs;
use super::memory::{Memory, TargetMemory};
use super::names::bare;
use super::roster::{Roster, RosterEntry};
use super::target::Target;
use super::{Cause, Fleet, Limited, MasterClock};
use crate::config::Config;
use crate::master::{Collected, Reading};
use crate::ports::Board;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What one reading says.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The fleet now.
    pub fleet: Fleet,
    /// The targets whose verdict is not the one before, sorted by name. A target that is first seen and is fine is no
    /// change; while the targets cannot be read nothing changes.
    pub changes: Vec<Change>,
}

/// Brings a reading and what the port checks know together: what is true of each target, and why.
///
/// `memory` belongs to this master and is handed in again with the next reading.
pub fn assess(reading: &Reading, board: Arc<Board>, config: &Config, memory: &mut Memory) -> Assessment {
    let mut fleet = Fleet {
        began: reading.began,
        master: None,
        server: None,
        targets: Vec::new(),
        orphans: None,
        downloadlist_rows: None,
        jobs: None,
        limited: Limited::default(),
        reports: reading.reports().cloned().collect(),
        board,
    };
    let Some(targets) = whole(reading.targets.as_ref()) else {
        return Assessment { fleet, changes: Vec::new() };
    };
    fleet.master = Some(MasterClock {
        now: targets.now,
        utc_offset_seconds: targets.utc_offset_seconds,
        started: targets.started,
    });
    fleet.server = whole(reading.server.as_ref()).cloned();

    let downloads = whole(reading.downloads.as_ref());
    let list = downloads.map(DownloadList::new);
    let roster = Roster::new(targets, list.as_ref(), config);
    fleet.orphans = list.as_ref().map(|list| list.orphans(&roster.enlisted, &config.targets.filter));
    fleet.downloadlist_rows = downloads.and_then(|downloads| downloads.table_rows);
    fleet.limited.targets = roster.left_out();

    if let Some(rows) = whole(reading.jobs.as_ref()) {
        let limit = config.limits.job_pairs;
        let (jobs, cut) = jobs(rows, &config.jobs, &roster.seats(), limit, &mut memory.outcomes);
        fleet.jobs = Some(jobs);
        fleet.limited.job_pairs = cut;
    }

    let circumstances = Circumstances {
        now: targets.now,
        started: targets.started,
        outages: Outages::find(&roster.polls(targets.now)),
        downloads_failed: reading
            .downloads
            .as_ref()
            .and_then(|downloads| downloads.report.fault.as_ref())
            .map(|fault| fault.stage),
    };
    let mut judge = Judge {
        config,
        circumstances,
        label_names: config.targets.labels.iter().flat_map(|rule| rule.labels.keys().map(String::as_str)).collect(),
        before: std::mem::take(&mut memory.targets),
        after: HashMap::new(),
        changes: Vec::new(),
    };
    fleet.targets = roster.into_shown().map(|entry| judge.target(entry, &fleet.board)).collect();
    memory.targets = judge.after;
    Assessment { fleet, changes: judge.changes }
}

/// The rows of a collector that succeeded.
fn whole<T>(collected: Option<&Collected<T>>) -> Option<&T> {
    collected.filter(|collected| collected.report.success()).and_then(|collected| collected.rows.as_ref())
}

/// What it takes to judge one target after the other.
struct Judge<'a> {
    config: &'a Config,
    circumstances: Circumstances,
    /// Every label name of any rule.
    label_names: BTreeSet<&'a str>,
    before: HashMap<String, TargetMemory>,
    after: HashMap<String, TargetMemory>,
    changes: Vec<Change>,
}

impl Judge<'_> {
    fn target(&mut self, entry: RosterEntry<'_>, board: &Board) -> Target {
        let now = self.circumstances.now;
        let enlisted = entry.row.map(|(_, enlisted)| enlisted);
        let findings = board.of(entry.name);
        let before = self.before.remove(entry.name);
        let engine_was_open = before.is_some_and(|before| before.engine_was_open);
        let subject = Subject {
            name: entry.name,
            enlisted: enlisted.as_ref(),
            defects_waiting: entry.defects_waiting,
            findings,
            engine_was_open,
        };
        let diagnosis = diagnose(&subject, &self.circumstances);

        let from = before.map(|before| before.cause);
        if from.unwrap_or(Cause::Ok) != diagnosis.cause {
            self.changes.push(Change {
                target: entry.name.to_owned(),
                from,
                to: diagnosis.cause,
                evidence: diagnosis.evidence.clone(),
            });
        }
        let polls = enlisted.as_ref().is_some_and(|enlisted| enlisted.polled && !stale(enlisted, now));
        let engine_is_open = engine(findings).is_some_and(|finding| finding.state.open() == Some(true));
        let remembered =
            TargetMemory { cause: diagnosis.cause, engine_was_open: engine_was_open || (polls && engine_is_open) };
        self.after.insert(entry.name.to_owned(), remembered);

        Target {
            name: entry.name.to_owned(),
            labels: self.labels(bare(entry.name)),
            maintenance: self.maintenance(bare(entry.name)),
            enlisted,
            diagnosis,
        }
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
