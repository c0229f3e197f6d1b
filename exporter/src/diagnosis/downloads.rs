//! The download list by target.

use super::target::{Orphan, TargetDownloads};
use crate::collectors::{DownloadRow, DownloadedRow, Downloads};
use crate::config::Filter;
use crate::model::OrphanKind;
use crate::model::names::{bare, key};
use foldhash::{HashMap, HashMapExt as _};
use std::borrow::Cow;

/// The content of the download list by name. Rows whose names differ only in case or trailing blanks are added up.
pub(crate) struct DownloadList<'a> {
    entries: HashMap<Cow<'a, str>, Entry<'a>>,
    downloaded_known: bool,
}

/// The instructions of one name.
#[derive(Default)]
struct Entry<'a> {
    /// The first of its spellings in byte order, so that it is the same in each reading.
    name: &'a str,
    waiting: DownloadRow,
    downloaded: DownloadedRow,
}

impl<'a> Entry<'a> {
    fn spelled(&mut self, name: &'a str) -> &mut Entry<'a> {
        let name = bare(name);
        if self.name.is_empty() || name < self.name {
            self.name = name;
        }
        self
    }
}

impl<'a> DownloadList<'a> {
    pub(crate) fn new(rows: &'a Downloads) -> DownloadList<'a> {
        let mut entries: HashMap<Cow<'a, str>, Entry<'a>> = HashMap::with_capacity(rows.rows.len());
        for row in &rows.rows {
            entries.entry(key(&row.target)).or_default().spelled(&row.target).waiting.add(row);
        }
        for row in rows.downloaded.iter().flat_map(|rows| rows.iter()) {
            entries.entry(key(&row.target)).or_default().spelled(&row.target).downloaded.add(row);
        }
        DownloadList { entries, downloaded_known: rows.downloaded.is_some() }
    }

    /// The instructions for the target with this [`key`]; zeroes where there are none.
    pub(crate) fn of(&self, key: &str) -> TargetDownloads {
        let (mut waiting, downloaded) =
            self.entries.get(key).map(|entry| (entry.waiting.clone(), entry.downloaded.clone())).unwrap_or_default();
        if waiting.pending_total() == 0 {
            waiting.oldest_pending = None;
        }
        TargetDownloads { waiting, downloaded: self.downloaded_known.then_some(downloaded) }
    }

    /// DEFECT instructions waiting for this [`key`], whether or not such a target is enlisted.
    pub(crate) fn defects_waiting(&self, key: &str) -> u64 {
        self.entries.get(key).map_or(0, |entry| entry.waiting.defect_waiting)
    }

    /// Instructions waiting for names that are not enlisted, sorted. `enlisted` knows the [`key`] of every row on the
    /// master before any filter, because a target that is not shown is not an orphan. Names that the filter excludes
    /// are left out too.
    pub(crate) fn orphans(&self, enlisted: impl Fn(&str) -> bool, filter: &Filter) -> Vec<Orphan> {
        let mut orphans: Vec<Orphan> = self
            .entries
            .iter()
            .filter(|(key, entry)| {
                (entry.waiting.defect_waiting > 0 || entry.waiting.other_waiting > 0)
                    && !enlisted(key)
                    && filter.allows(entry.name)
            })
            .flat_map(|(_, entry)| {
                [(OrphanKind::Defect, entry.waiting.defect_waiting), (OrphanKind::Other, entry.waiting.other_waiting)]
                    .into_iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(kind, count)| Orphan { target: entry.name.to_owned(), kind, count })
            })
            .collect();
        orphans.sort_unstable_by(|a, b| (&a.target, a.kind).cmp(&(&b.target, b.kind)));
        orphans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::fixtures::{ago, downloaded, everything, pattern, waiting};
    use crate::model::{ErrorClass, Operation};
    use enum_map::enum_map;
    use std::sync::Arc;

    fn list(rows: Vec<DownloadRow>) -> Downloads {
        Downloads { rows, downloaded: Some(Arc::default()), ..Downloads::default() }
    }

    fn orphans(rows: Vec<DownloadRow>, enlisted: &[&str]) -> Vec<(String, OrphanKind, u64)> {
        let rows = list(rows);
        let enlisted = |wanted: &str| enlisted.iter().any(|name| key(name) == wanted);
        let orphans = DownloadList::new(&rows).orphans(enlisted, &everything());
        orphans.into_iter().map(|orphan| (orphan.target, orphan.kind, orphan.count)).collect()
    }

    #[test]
    fn names_that_differ_only_in_case_are_added_together() {
        let mut upper = waiting("SQL01", 2, 60);
        upper.errors[ErrorClass::Permission] = 1;
        let mut lower = waiting("sql01 ", 3, 600);
        lower.pending[Operation::SyncTime] = 1;
        lower.errors[ErrorClass::Permission] = 4;
        let mut rows = list(vec![upper, lower]);
        rows.downloaded =
            Some(vec![downloaded("Sql01", 10, Some(ago(30))), downloaded("SQL01", 5, Some(ago(90)))].into());
        let found = DownloadList::new(&rows).of("SQL01");
        let waiting = found.waiting;
        assert_eq!(waiting.pending, enum_map! { Operation::Insert => 5, Operation::SyncTime => 1, _ => 0 });
        assert_eq!(waiting.oldest_pending, Some(ago(600)));
        assert_eq!(waiting.errors, enum_map! { ErrorClass::Permission => 5, _ => 0 });
        assert_eq!(found.downloaded, Some(downloaded("", 15, Some(ago(30)))));
    }

    #[test]
    fn a_target_that_is_not_in_the_list_has_zeroes() {
        let mut rows = list(vec![waiting("SQL02", 1, 60)]);
        let nothing = TargetDownloads { downloaded: Some(DownloadedRow::default()), ..TargetDownloads::default() };
        assert_eq!(DownloadList::new(&rows).of("SQL01"), nothing);
        rows.downloaded = None;
        assert_eq!(DownloadList::new(&rows).of("SQL01").downloaded, None, "not counted yet is not zero");
        assert_eq!(DownloadList::new(&rows).of("SQL02").downloaded, None);
    }

    #[test]
    fn a_date_without_anything_that_waits_is_no_oldest() {
        let rows = list(vec![waiting("SQL01", 0, 60)]);
        assert_eq!(DownloadList::new(&rows).of("SQL01").waiting.oldest_pending, None);
    }

    #[test]
    fn orphans_are_what_waits_for_names_without_a_row() {
        let row = |target: &str, defect_waiting, other_waiting| DownloadRow {
            target: target.into(),
            defect_waiting,
            other_waiting,
            ..DownloadRow::default()
        };
        let rows = vec![row("GONE", 1, 2), row("gone", 1, 0), row("ALIVE", 3, 4), row("DONE", 0, 0)];
        let expected = vec![("GONE".to_owned(), OrphanKind::Defect, 2), ("GONE".to_owned(), OrphanKind::Other, 2)];
        assert_eq!(orphans(rows, &["alive"]), expected);
    }

    #[test]
    fn a_name_that_the_filter_leaves_out_is_no_orphan() {
        let rows = list(vec![waiting("DEV01", 1, 60), waiting("SQL01", 1, 60)]);
        let filter = Filter { exclude: pattern("DEV.*"), ..everything() };
        let orphans = DownloadList::new(&rows).orphans(|_| false, &filter);
        assert_eq!(orphans.iter().map(|orphan| orphan.target.as_str()).collect::<Vec<_>>(), ["SQL01"]);
    }
}
