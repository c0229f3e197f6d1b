//! The download list, one row for each name in it.

use super::result_cache::{Kept, is_due};
use crate::exposition::catalogue as metric;
use crate::exposition::in_order::InOrder;
use crate::model::{Collector, ErrorClass, Operation};
use crate::sqlserver::{Needs, ResultSet, Right, Set, Statement, Words, key, row};
use enum_map::EnumMap;
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
    #[derive(Debug, Clone, PartialEq)]
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
    }
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
        Downloads {
            rows: self.downloads.rows,
            downloaded: cache.downloaded.as_ref().map(|kept| kept.rows.clone()),
            table_rows: self.table_rows.rows.into_iter().next_back().and_then(|row| row.table_rows),
        }
    }
}

/// What comes straight from the rows and describes all of the list.
pub(crate) fn metrics(families: &mut InOrder<'_>, table_rows: Option<i64>) {
    families.single(&metric::DOWNLOADLIST_ROWS, table_rows);
}
