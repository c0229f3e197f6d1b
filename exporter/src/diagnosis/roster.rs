//! Which targets are shown.

use super::clock_skew::observed_offset;
use super::downloads::DownloadList;
use super::enlisted::enlisted;
use super::jobs::Seat;
use super::rules::Poll;
use super::target::Enlisted;
use crate::collectors::{TargetRow, Targets};
use crate::config::Config;
use crate::model::names::{bare, key};
use foldhash::{HashMap, HashMapExt as _, HashSet};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// The enlisted or expected targets that the filter accepts.
pub(crate) struct Roster<'a> {
    /// Every row on the master by its key, before the filter.
    enlisted: HashMap<Cow<'a, str>, &'a Arc<TargetRow>>,
    /// Those that are shown, sorted by name, each name once.
    entries: Vec<RosterEntry<'a>>,
    /// The enlisted targets that the filter accepts, sorted by name: the first are shown, up to the limit.
    rows: Vec<&'a Arc<TargetRow>>,
    limit: usize,
}

pub(crate) struct RosterEntry<'a> {
    /// Its name as enlisted, or as expected.
    pub(crate) name: &'a str,
    /// Its row. `None` when it is expected and not enlisted.
    pub(crate) enlisted: Option<Enlisted>,
    /// DEFECT instructions that wait for it.
    pub(crate) defects_waiting: u64,
    /// Whether `expected_targets` has it; `None` where that list is empty.
    pub(crate) expected: Option<bool>,
}

impl<'a> Roster<'a> {
    /// Selects the targets. `list` is `None` when the download list was not read.
    pub(crate) fn new(targets: &'a Targets, list: Option<&DownloadList<'_>>, config: &'a Config) -> Roster<'a> {
        let filter = &config.targets.filter;
        let mut by_key: HashMap<Cow<'a, str>, &'a Arc<TargetRow>> = HashMap::with_capacity(targets.rows.len());
        for row in &targets.rows {
            match by_key.entry(key(&row.name)) {
                Entry::Vacant(free) => {
                    free.insert(row);
                }
                // Of two spellings of one name, the row that polled last counts.
                Entry::Occupied(mut taken) => {
                    let other = taken.get();
                    if (row.last_poll, row.server_id) > (other.last_poll, other.server_id) {
                        taken.insert(row);
                    }
                }
            }
        }

        let listed: HashSet<Cow<'_, str>> = config.expected_targets.iter().map(|name| key(bare(name))).collect();
        let mut rows: Vec<&Arc<TargetRow>> =
            by_key.values().copied().filter(|row| filter.allows(bare(&row.name))).collect();
        rows.sort_unstable_by_key(|row| row.name.as_str());
        let limit = config.limits.targets;
        let entry = |row: &&'a Arc<TargetRow>| {
            let key = key(&row.name);
            let downloads = list.map(|list| list.of(&key));
            RosterEntry {
                name: &row.name,
                defects_waiting: downloads.as_ref().map_or(0, |downloads| downloads.waiting.defect_waiting),
                enlisted: Some(enlisted(row, downloads)),
                expected: (!listed.is_empty()).then(|| listed.contains(&key)),
            }
        };
        let mut entries: Vec<RosterEntry<'a>> = rows.iter().take(limit).map(entry).collect();

        let mut missing = HashSet::default();
        for name in config.expected_targets.iter().map(|name| bare(name)).filter(|name| filter.allows(name)) {
            let key = key(name);
            if !by_key.contains_key(key.as_ref()) {
                let defects_waiting = list.map_or(0, |list| list.defects_waiting(&key));
                if missing.insert(key) {
                    entries.push(RosterEntry { name, enlisted: None, defects_waiting, expected: Some(true) });
                }
            }
        }
        if !missing.is_empty() {
            entries.sort_unstable_by_key(|entry| entry.name);
        }
        Roster { enlisted: by_key, entries, rows, limit }
    }

    /// Whether the master has a row with this key.
    pub(crate) fn is_enlisted(&self, key: &str) -> bool {
        self.enlisted.contains_key(key)
    }

    /// The number of enlisted targets beyond the limit.
    pub(crate) fn left_out(&self) -> u64 {
        self.rows.len().saturating_sub(self.limit) as u64
    }

    /// The last polls of all targets that have ever polled, for the search for outages.
    pub(crate) fn polls(&self, now: Timestamp) -> Vec<Poll> {
        self.rows.iter().filter_map(|row| Poll::of(row, now)).collect()
    }

    /// All enlisted targets by `server_id`, for the jobs.
    pub(crate) fn seats(&self) -> HashMap<i32, Seat<'a>> {
        let seat = |(place, row): (usize, &&'a Arc<TargetRow>)| {
            let (offset, last_poll) = (observed_offset(row), row.last_poll);
            (row.server_id, Seat { name: &row.name, offset, last_poll, shown: place < self.limit })
        };
        self.rows.iter().enumerate().map(seat).collect()
    }

    /// The entries within the limit, in order.
    pub(crate) fn into_shown(self) -> Vec<RosterEntry<'a>> {
        self.entries
    }
}
