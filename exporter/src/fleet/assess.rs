//! From one reading to the fleet.

use super::change::Change;
use super::clock_skew::observed_offset;
use super::diagnosis::{Circumstances, Outages, Poll, Subject, diagnose, engine, stale};
use super::downloads::DownloadList;
use super::enlisted::enlisted;
use super::jobs::{Seat, jobs};
use super::memory::{Memory, TargetMemory};
use super::names::{bare, key};
use super::target::{Enlisted, Target};
use super::{Cause, Fleet, Limited, MasterClock};
use crate::config::Config;
use crate::master::{Collected, Reading, TargetRow, Targets};
use crate::ports::Board;
use jiff::Timestamp;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
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
    fleet.limited.targets = roster.entries.iter().filter(|entry| !entry.shown).count() as u64;

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

/// The names that are spoken of: enlisted or expected, and let through by the filter.
struct Roster<'a> {
    /// The key of every row on the master, before the filter.
    enlisted: HashSet<String>,
    /// Sorted by name, each name once.
    entries: Vec<RosterEntry<'a>>,
}

struct RosterEntry<'a> {
    name: &'a str,
    row: Option<(&'a TargetRow, Enlisted)>,
    defects_waiting: u64,
    /// False for an enlisted target beyond the limit.
    shown: bool,
}

impl<'a> Roster<'a> {
    fn new(targets: &'a Targets, list: Option<&DownloadList<'_>>, config: &'a Config) -> Roster<'a> {
        let filter = &config.targets.filter;
        let mut by_key: HashMap<String, &'a TargetRow> = HashMap::with_capacity(targets.rows.len());
        for row in &targets.rows {
            match by_key.entry(key(&row.name)) {
                Entry::Vacant(free) => {
                    free.insert(row);
                }
                // Two spellings of one name: the row that polled last is the one that lives.
                Entry::Occupied(mut taken) => {
                    let other = taken.get();
                    if (row.last_poll, row.server_id) > (other.last_poll, other.server_id) {
                        taken.insert(row);
                    }
                }
            }
        }

        let mut entries: Vec<RosterEntry<'a>> = Vec::with_capacity(by_key.len());
        for (key, row) in &by_key {
            if filter.allows(bare(&row.name)) {
                entries.push(RosterEntry {
                    name: &row.name,
                    row: Some((row, enlisted(row, list.map(|list| list.of(key))))),
                    defects_waiting: list.map_or(0, |list| list.defects_waiting(key)),
                    shown: true,
                });
            }
        }
        entries.sort_unstable_by_key(|entry| entry.name);
        for entry in entries.iter_mut().skip(config.limits.targets) {
            entry.shown = false;
        }

        let mut expected = HashSet::new();
        for name in config.expected_targets.iter().map(|name| bare(name)).filter(|name| filter.allows(name)) {
            let key = key(name);
            if !by_key.contains_key(&key) {
                let defects_waiting = list.map_or(0, |list| list.defects_waiting(&key));
                if expected.insert(key) {
                    entries.push(RosterEntry { name, row: None, defects_waiting, shown: true });
                }
            }
        }
        entries.sort_unstable_by_key(|entry| entry.name);
        Roster { enlisted: by_key.into_keys().collect(), entries }
    }

    fn rows(&self) -> impl Iterator<Item = (&RosterEntry<'a>, &'a TargetRow, &Enlisted)> {
        self.entries.iter().filter_map(|entry| entry.row.as_ref().map(|(row, enlisted)| (entry, *row, enlisted)))
    }

    fn polls(&self, now: Timestamp) -> Vec<Poll> {
        self.rows().filter_map(|(_, _, enlisted)| Poll::of(enlisted, now)).collect()
    }

    fn seats(&self) -> HashMap<i32, Seat<'a>> {
        self.rows()
            .map(|(entry, row, _)| {
                (row.server_id, Seat { name: &row.name, offset: observed_offset(row), shown: entry.shown })
            })
            .collect()
    }

    fn into_shown(self) -> impl Iterator<Item = RosterEntry<'a>> {
        self.entries.into_iter().filter(|entry| entry.shown)
    }
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
