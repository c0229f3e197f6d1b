//! The download list, one row for each name in it.

use super::result_cache::{Kept, is_due};
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::Value;
use crate::exposition::in_order::InOrder;
use crate::model::{Collector, ErrorClass, Operation};
use crate::sqlserver::{Needs, ResultSet, Right, Set, Statement, Words, key, row};
use enum_map::{EnumArray, EnumMap};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// The download list is the one table that can be large.
const CAP: Duration = Duration::from_secs(2);
/// Rows that were downloaded are history, and counting them reads all of the table.
const DOWNLOADED_EVERY: Duration = Duration::from_secs(5 * 60);

const DOWNLOADS: Statement = Statement::new("downloads", include_str!("downloads.sql")).within(CAP);
const DOWNLOAD_ROWS: Statement = Statement::new("download_rows", include_str!("download_rows.sql")).within(CAP);
const DOWNLOADED: Statement = Statement::new("downloaded", include_str!("downloaded.sql")).within(CAP);

pub(super) const NEEDS: Needs =
    Needs { collector: Collector::Downloads, essential: &[Right::DownloadList], helpful: &[] };

impl Words for Operation {
    fn word(self) -> &'static str {
        self.name()
    }
}

impl Words for ErrorClass {
    fn word(self) -> &'static str {
        self.name()
    }
}

row! {
    /// What waits for one name, and what failed there.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct DownloadRow {
        /// `target_server` as stored.
        pub target: String = ["target_server"] => key,
        /// Rows with status 0 and no error.
        pub pending: EnumMap<Operation, u64> = "pending",
        /// The oldest `date_posted` among them.
        pub oldest_pending: Option<Timestamp> = "oldest_pending",
        /// Rows with status 0 and operation 7 (DEFECT), with or without an error.
        pub defect_waiting: u64 = "defect_waiting",
        /// Rows with status 0 and any other operation, with or without an error.
        pub other_waiting: u64 = "other_waiting",
        /// Rows with an error message (even an empty one), by class.
        pub errors: EnumMap<ErrorClass, u64> = "errors",
    }
}

row! {
    /// What one name has downloaded.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct DownloadedRow {
        /// `target_server` as stored.
        pub target: String = ["target_server"] => key,
        /// Rows with status 1; SQL Server trims them by DownloadedMaxRows.
        pub count: u64 = "downloaded",
        /// The newest `date_downloaded`.
        pub last: Option<Timestamp> = "last_download",
    }
}

row! {
    /// The size of the table.
    #[derive(Debug)]
    struct TableRow {
        table_rows: Option<i64> = "table_rows",
        last_number: Option<i64> = "last_number",
        oldest_posted: Option<Timestamp> = "oldest_posted",
    }
}

/// SQL Server has a row for each spelling of a name; a target is shown with all of them added up.
impl DownloadRow {
    /// Adds the row of another spelling.
    pub(crate) fn add(&mut self, other: &DownloadRow) {
        add_each(&mut self.pending, &other.pending);
        self.oldest_pending = self.oldest_pending.into_iter().chain(other.oldest_pending).min();
        self.defect_waiting = self.defect_waiting.saturating_add(other.defect_waiting);
        self.other_waiting = self.other_waiting.saturating_add(other.other_waiting);
        add_each(&mut self.errors, &other.errors);
    }

    /// Rows of any operation with status 0 and no error.
    pub fn pending_total(&self) -> u64 {
        total(&self.pending)
    }

    /// Rows with an error message of any class.
    pub fn failed(&self) -> u64 {
        total(&self.errors)
    }
}

impl DownloadedRow {
    /// Adds the row of another spelling.
    pub(crate) fn add(&mut self, other: &DownloadedRow) {
        self.count = self.count.saturating_add(other.count);
        self.last = self.last.into_iter().chain(other.last).max();
    }
}

fn add_each<K: EnumArray<u64>>(sums: &mut EnumMap<K, u64>, counts: &EnumMap<K, u64>) {
    for (sum, count) in sums.values_mut().zip(counts.values()) {
        *sum = sum.saturating_add(*count);
    }
}

fn total<K: EnumArray<u64>>(counts: &EnumMap<K, u64>) -> u64 {
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// The download list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Downloads {
    /// Rows that wait or have failed, by `target_server` as stored. Names that differ only in case stay apart here.
    pub rows: Vec<DownloadRow>,
    /// Rows that were downloaded, counted at most every five minutes. `None` until they were first counted.
    pub downloaded: Option<Arc<Vec<DownloadedRow>>>,
    /// All rows of the table, from the partition's metadata.
    pub table_rows: Option<i64>,
    /// The number that was given to an instruction last, whether that is still there or not.
    pub last_number: Option<i64>,
    /// When the oldest row that is still there was posted.
    pub oldest_posted: Option<Timestamp>,
}

/// What is kept between two readings.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) downloads: Option<Kept<Arc<Downloads>>>,
    downloaded: Option<Kept<Arc<Vec<DownloadedRow>>>>,
}

/// What is asked for.
pub(super) struct Sets {
    downloads: ResultSet<DownloadRow>,
    table_rows: ResultSet<TableRow>,
    downloaded: Option<ResultSet<DownloadedRow>>,
}

impl Sets {
    /// What is due; `None` while an expensive answer rests.
    pub(super) fn due(cache: &Cache) -> Option<Sets> {
        is_due(cache.downloads.as_ref(), Duration::ZERO).then(|| Sets {
            downloads: ResultSet::of(&DOWNLOADS),
            table_rows: ResultSet::of(&DOWNLOAD_ROWS),
            downloaded: is_due(cache.downloaded.as_ref(), DOWNLOADED_EVERY).then(|| ResultSet::of(&DOWNLOADED)),
        })
    }

    pub(super) fn all(&mut self) -> Vec<&mut dyn Set> {
        let mut sets: Vec<&mut dyn Set> = vec![&mut self.downloads, &mut self.table_rows];
        sets.extend(self.downloaded.as_mut().map(|set| set as &mut dyn Set));
        sets
    }

    /// Puts the rows together. What was downloaded is kept for the readings that do not ask for it.
    pub(super) fn collect(self, cache: &mut Cache, read_at: Timestamp) -> Downloads {
        if let Some(downloaded) = self.downloaded {
            let took = downloaded.took();
            cache.downloaded = Some(Kept::new(Arc::new(downloaded.rows), read_at, took));
        }
        let table = self.table_rows.rows.into_iter().next_back();
        Downloads {
            rows: self.downloads.rows,
            downloaded: cache.downloaded.as_ref().map(|kept| kept.rows.clone()),
            table_rows: table.as_ref().and_then(|table| table.table_rows),
            last_number: table.as_ref().and_then(|table| table.last_number),
            oldest_posted: table.and_then(|table| table.oldest_posted),
        }
    }
}

/// What comes straight from the rows: of the table, and of each target with the spellings of its name added up.
pub(crate) fn metrics<'a>(
    families: &mut InOrder<'a>,
    table_rows: Option<i64>,
    waiting: impl Iterator<Item = (&'a str, &'a DownloadRow)> + Clone + 'a,
    downloaded: impl Iterator<Item = (&'a str, &'a DownloadedRow)> + Clone + 'a,
) {
    families.single(&metric::DOWNLOADLIST_ROWS, table_rows);
    each(families, &metric::TARGET_PENDING, waiting.clone(), |row| Some(row.pending_total()));
    by_word(families, &metric::TARGET_PENDING_OPERATIONS, "operation", waiting.clone(), |row| row.pending);
    each(families, &metric::TARGET_OLDEST_PENDING, waiting.clone(), |row| row.oldest_pending);
    each(families, &metric::TARGET_DOWNLOAD_ERRORS, waiting.clone(), |row| Some(row.failed()));
    by_word(families, &metric::TARGET_DOWNLOAD_ERRORS_BY_CLASS, "class", waiting, |row| row.errors);
    each(families, &metric::TARGET_DOWNLOADED, downloaded.clone(), |row| Some(row.count));
    each(families, &metric::TARGET_LAST_DOWNLOAD, downloaded, |row| row.last);
}

fn each<'a, R: 'a, V: Into<Value> + 'a>(
    families: &mut InOrder<'a>,
    metric: &'static Metric,
    rows: impl Iterator<Item = (&'a str, &'a R)> + 'a,
    value: fn(&R) -> Option<V>,
) {
    families.family(metric, rows.filter_map(move |(target, row)| Some(([("target", target)], value(row)?.into()))));
}

/// One series for each word with a count.
fn by_word<'a, R: 'a, K: Words + 'a>(
    families: &mut InOrder<'a>,
    metric: &'static Metric,
    label: &'static str,
    rows: impl Iterator<Item = (&'a str, &'a R)> + 'a,
    counts: fn(&R) -> EnumMap<K, u64>,
) {
    families.family(
        metric,
        rows.flat_map(move |(target, row)| {
            let counted = counts(row).into_iter().filter(|(_, count)| *count > 0);
            counted.map(move |(word, count)| ([("target", target), (label, word.word())], Value::from(count)))
        }),
    );
}
