//! Reads the folders of all targets again and again.

use super::memory::TargetMemory;
use super::page::{PageResults, PagesOfTarget};
use crate::config::PageFiles;
use crate::events;
use crate::files;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use tracing::warn;

/// New faults that the log has a line for at once; of more it has their number.
const MOST_LINES: usize = 10;

/// What is known of the files so far.
#[derive(Debug, Default)]
pub struct PageReader {
    memories: BTreeMap<String, TargetMemory>,
    hasher: RandomState,
}

impl PageReader {
    /// Reads the pages of these targets. What cannot be read now counts as it was last read. Blocks, for a minute at most
    /// where file systems do not answer.
    pub fn read(&mut self, files: &PageFiles, targets: &[String], now: Timestamp) -> PageResults {
        let gone = gone(files.root());
        let mut before = std::mem::take(&mut self.memories);
        let (mut results, mut reported) = (PageResults::default(), BTreeMap::new());
        for target in targets {
            let mut memory = before.remove(target).unwrap_or_default();
            let folder = files.folder(target);
            let refused = match (&gone, &folder) {
                (Some(why), _) => vec![why.clone()],
                (None, None) => vec![format!("{target:?} cannot be the name of a folder, so it has no pages")],
                (None, Some(folder)) => {
                    let read = files::read_folder(folder, files.pattern());
                    memory.remember(read, folder, target, &self.hasher, now)
                }
            };
            let of_target = memory.judge(refused, now);
            reported.insert(target.clone(), memory.report(&of_target.refused));
            self.memories.insert(target.clone(), memory);
            if of_target != PagesOfTarget::default() {
                results.0.insert(target.clone(), Arc::new(of_target));
            }
        }
        report(&reported);
        results
    }
}

/// Why no page can be read, where the folder of all folders is not there or does not answer. Windows says of a folder on a
/// share that cannot be reached that it is not there, as it does of one that was never made.
fn gone(root: &Path) -> Option<String> {
    let error = files::find_folder(root).err()?;
    let is_gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::TimedOut);
    is_gone.then(|| format!("{}, the folder of all pages, cannot be read: {error}", root.display()))
}

/// Logs what was not refused before.
fn report(refused: &BTreeMap<String, Vec<String>>) {
    let mut fresh: Vec<_> =
        refused.iter().flat_map(|(target, all)| all.iter().enumerate().map(move |one| (target, one))).collect();
    // The first of each target comes first: one folder full of faults hides no other.
    fresh.sort_by_key(|(_, (number, _))| *number);
    // What all have in common is said once.
    fresh.dedup_by_key(|(_, (_, why))| *why);
    for (target, (_, why)) in fresh.iter().take(MOST_LINES) {
        warn!(event = events::PAGE_REFUSED, target_server = %target, "a page of a target does not count: {why}");
    }
    if let Some(more) = fresh.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        warn!(
            event = events::PAGE_REFUSED,
            more, "other pages of targets do not count either: the page of each target says why"
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::parse::tests::PAGE;
    use super::*;
    use jiff::SignedDuration;
    use std::fs;

    const TARGET: &str = r"SQL01\A";
    /// When the page was taken.
    const FIRST: Timestamp = Timestamp::constant(1_764_000_000, 500_000_000);

    struct Share {
        root: tempfile::TempDir,
        reader: PageReader,
    }

    impl Share {
        fn new() -> Share {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("SQL01$A")).unwrap();
            Share { root, reader: PageReader::default() }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.root.path().join("SQL01$A").join(name), text).unwrap();
        }

        fn read(&mut self, pattern: &str, minute: i64) -> PagesOfTarget {
            let files = format!("{}/{{target}}/{pattern}", self.root.path().display());
            let now = FIRST + SignedDuration::from_mins(minute);
            let read = self.reader.read(&PageFiles::parse(&files).unwrap(), &[TARGET.to_owned()], now);
            read.of(TARGET).map(|found| found.as_ref().clone()).unwrap_or_default()
        }
    }

    fn seen(pages: &PagesOfTarget) -> Vec<(&str, i64)> {
        pages
            .pages
            .iter()
            .map(|known| (known.page.node.as_str(), known.first_seen.duration_since(FIRST).as_mins()))
            .collect()
    }

    #[test]
    fn a_content_is_known_since_it_was_first_seen() {
        let mut share = Share::new();
        assert_eq!(share.read("msx.prom", 0), PagesOfTarget::default());
        share.write("msx.prom", PAGE);
        assert_eq!(seen(&share.read("msx.prom", 1)), [("NODE1", 1)]);
        assert_eq!(seen(&share.read("msx.prom", 2)), [("NODE1", 1)]);
        share.write("msx.prom", &PAGE.replace("1764000000.5", "1764000060"));
        let newer = share.read("msx.prom", 3);
        assert_eq!(seen(&newer), [("NODE1", 3)]);
        fs::remove_dir_all(share.root.path().join("SQL01$A")).unwrap();
        let gone = share.read("msx.prom", 4);
        assert_eq!((seen(&gone), &gone.looks), (vec![], &newer.looks), "looks that happened stay");
    }

    /// Seconds since the first page, of looks that were not at the same time.
    fn looks(pages: &PagesOfTarget) -> Vec<i64> {
        let mut seconds: Vec<i64> = pages.looks.iter().map(|at| at.duration_since(FIRST).as_secs()).collect();
        seconds.dedup();
        seconds
    }

    #[test]
    fn looks_that_were_not_read_are_expected_at_the_interval_and_none_ahead() {
        let mut share = Share::new();
        let at = |time: &str| PAGE.replace("1764000000.5", time).replace("} 1764000000\n", &format!("}} {time}\n"));
        share.write("msx.prom", PAGE);
        let half_a_day: Vec<i64> = (0..=72).rev().map(|back| -600 * back).collect();
        assert_eq!(looks(&share.read("msx.prom", 0)), half_a_day, "as after a start of the exporter");
        assert_eq!(looks(&share.read("msx.prom", 1)), half_a_day);
        share.write("msx.prom", &at("1764001800.5"));
        assert_eq!(looks(&share.read("msx.prom", 30)), [half_a_day.as_slice(), &[600, 1_200, 1_800]].concat());
        let before = share.read("msx.prom", 31).looks;
        share.write("msx.prom", &at("1764009000.5"));
        assert_eq!(share.read("msx.prom", 32).looks, before, "dated ahead");
        let mut once = Share::new();
        once.write("msx.prom", &PAGE.replace("page_interval_seconds{target=\"SQL01\\\\A\"} 600", "later 1"));
        assert_eq!(looks(&once.read("msx.prom", 0)), [0], "no interval is known");
    }

    #[test]
    fn each_node_has_a_page_and_none_has_two() {
        let mut share = Share::new();
        share.write("1.prom", PAGE);
        share.write("2.prom", &PAGE.replace("NODE1", "NODE2"));
        assert_eq!(seen(&share.read("*.prom", 1)), [("NODE1", 1), ("NODE2", 1)]);
        share.write("3.prom", &PAGE.replace("NODE1", "node2"));
        let read = share.read("*.prom", 2);
        assert_eq!(seen(&read), [("NODE1", 1)]);
        assert!(read.refused.iter().all(|why| why.contains("neither counts")) && read.refused.len() == 2, "{read:?}");
    }

    #[test]
    fn an_older_page_does_not_take_the_place_of_one_that_still_counts() {
        let mut share = Share::new();
        let page = |node: &str, second: i64| {
            PAGE.replace("NODE1", node).replace("1764000000.5", &(FIRST.as_second() + second).to_string())
        };
        let taken = |pages: &PagesOfTarget| -> Vec<i64> {
            pages.pages.iter().map(|known| known.page.taken_at.as_second() - FIRST.as_second()).collect()
        };
        share.write("msx.prom", &page("NODE1", 600));
        share.read("msx.prom", 10);
        share.write("msx.prom", &page("NODE1", 0));
        let late = share.read("msx.prom", 11);
        assert_eq!(taken(&late), [600]);
        assert!(
            late.refused[0].ends_with(
                "msx.prom is older than the one of NODE1 taken at 2025-11-24T16:10:00Z that was read before, which goes \
                 on counting"
            ),
            "{late:?}"
        );
        fs::remove_file(share.root.path().join("SQL01$A/msx.prom")).unwrap();
        assert!(taken(&share.read("msx.prom", 12)).is_empty());
        share.write("msx.prom", &page("NODE1", 300));
        assert_eq!(taken(&share.read("msx.prom", 13)), [600], "nor where the newer one was away in between");
        share.write("msx.prom", &page("NODE2", 0));
        assert_eq!(taken(&share.read("msx.prom", 14)), [0], "another node has a clock of its own");
        share.write("msx.prom", &page("NODE1", 660));
        assert_eq!((taken(&share.read("msx.prom", 15)), share.read("msx.prom", 15).refused), (vec![660], vec![]));
        // The clock of the target was set back: its pages count again when the last one before that no longer would.
        share.write("msx.prom", &page("NODE1", 500));
        assert_eq!([35, 36].map(|minute| taken(&share.read("msx.prom", minute))), [[660], [500]]);
        // What is dated too far ahead never counted.
        share.write("msx.prom", &page("NODE1", 4_000));
        assert_eq!(taken(&share.read("msx.prom", 40)), [4_000]);
        share.write("msx.prom", &page("NODE1", 2_400));
        assert_eq!(taken(&share.read("msx.prom", 41)), [2_400]);
    }

    #[test]
    fn a_share_that_is_gone_takes_no_page_away_and_is_one_fault_of_all() {
        let mut share = Share::new();
        share.write("msx.prom", PAGE);
        share.read("msx.prom", 1);
        let away = share.root.path().with_extension("away");
        fs::rename(share.root.path(), &away).unwrap();
        let gone = share.read("msx.prom", 2);
        assert_eq!(seen(&gone), [("NODE1", 1)]);
        assert!(gone.refused[0].contains("the folder of all pages, cannot be read"), "{gone:?}");
        fs::rename(away, share.root.path()).unwrap();
        assert_eq!(share.read("msx.prom", 3).refused, Vec::<String>::new());
        fs::remove_dir_all(share.root.path().join("SQL01$A")).unwrap();
        assert_eq!(seen(&share.read("msx.prom", 4)), []);
    }

    #[test]
    fn what_is_refused_counts_for_nothing_and_what_cannot_be_read_as_before() {
        let mut share = Share::new();
        share.write("msx.prom", PAGE);
        share.read("msx.prom", 1);
        let path = share.root.path().join("SQL01$A/msx.prom");
        fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let large = share.read("msx.prom", 2);
        assert_eq!(seen(&large), [("NODE1", 1)]);
        assert!(large.refused[0].ends_with("cannot be read: larger than 256 KiB"), "{large:?}");
        for (text, why) in [
            (&PAGE[..200], "is cut"),
            (PAGE.replace(r"SQL01\\A", "SQL02").as_str(), "is one of \"SQL02\""),
            ("\u{1}\u{0}", "holds NUL characters"),
        ] {
            share.write("msx.prom", text);
            let read = share.read("msx.prom", 3);
            assert!(read.pages.is_empty() && read.refused[0].contains(why), "{read:?}");
        }
    }
}
