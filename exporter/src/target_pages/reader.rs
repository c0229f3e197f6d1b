//! Reads the folders of all targets again and again, and keeps what has to last from one time to the next.

use super::page::{KnownPage, PageResults, PagesOfTarget, TargetPage};
use super::parse::parse;
use crate::config::PageFiles;
use crate::files;
use crate::model::{names, silence};
use jiff::{SignedDuration, Timestamp};
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::warn;

/// Looks of one target that are kept: those of half a day, where a page of three ports is taken every 10 minutes.
const MOST_LOOKS: usize = 288;
/// Looks of a page that was not read are taken to have happened for so long before the next one.
const EXPECTED_BACK: SignedDuration = SignedDuration::from_hours(12);
/// New faults that the log has a line for at once; of more it has their number.
const MOST_LINES: usize = 10;

/// What is known of the files so far.
#[derive(Debug, Default)]
pub struct PageReader {
    known: HashMap<PathBuf, KnownFile>,
    looks: BTreeMap<String, Vec<Timestamp>>,
    refused: BTreeMap<String, Vec<String>>,
    hasher: RandomState,
}

/// The content of a file.
#[derive(Debug, Clone)]
struct KnownFile {
    hash: u64,
    first_seen: Timestamp,
    page: Result<TargetPage, String>,
}

impl PageReader {
    /// Reads the pages of these targets. What cannot be read now counts as it was last read. Blocks, for a minute at most
    /// where file systems do not answer.
    pub fn read(&mut self, files: &PageFiles, targets: &[String], now: Timestamp) -> PageResults {
        let mut before = std::mem::take(self);
        self.hasher = before.hasher.clone();
        let mut results = PageResults::default();
        for target in targets {
            let mut of_target =
                PagesOfTarget { looks: before.looks.remove(target).unwrap_or_default(), ..PagesOfTarget::default() };
            match files.folder(target) {
                None => {
                    of_target.refused.push(format!("{target:?} cannot be the name of a folder, so it has no pages"))
                }
                Some(folder) => self.folder(&mut before, &folder, files.pattern(), target, &mut of_target, now),
            }
            if !of_target.looks.is_empty() {
                self.looks.insert(target.clone(), of_target.looks.clone());
            }
            if !of_target.refused.is_empty() {
                self.refused.insert(target.clone(), of_target.refused.clone());
            }
            if of_target != PagesOfTarget::default() {
                results.0.insert(target.clone(), Arc::new(of_target));
            }
        }
        self.report(&before);
        results
    }

    fn folder(
        &mut self,
        before: &mut PageReader,
        folder: &Path,
        pattern: &str,
        target: &str,
        of_target: &mut PagesOfTarget,
        now: Timestamp,
    ) {
        let mut found = Vec::new();
        match files::read_folder(folder, pattern) {
            Ok(read) => {
                for (path, bytes) in read {
                    let known = before.known.remove(&path);
                    match bytes {
                        Ok(bytes) => found.push((path, self.content(bytes, target, known, now))),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => {
                            of_target.refused.push(format!("{} cannot be read: {error}", path.display()));
                            found.extend(known.map(|known| (path, known)));
                        }
                    }
                }
            }
            // A target whose folder is not there writes no pages.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                of_target.refused.push(format!("{} cannot be read: {error}", folder.display()));
                found.extend(before.known.extract_if(|path, _| path.parent() == Some(folder)));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let known_until = of_target.looks.last().copied().unwrap_or(Timestamp::MIN);
        for (path, known) in &found {
            match &known.page {
                Err(why) => of_target.refused.push(format!("the page {} {why}", path.display())),
                Ok(page) => {
                    let twin = found.iter().find(|(other, known)| {
                        other != path && known.page.as_ref().is_ok_and(|other| names::same(&other.node, &page.node))
                    });
                    match twin {
                        Some((other, _)) => of_target.refused.push(format!(
                            "the page {} is of the same node as {}, so neither counts",
                            path.display(),
                            other.display()
                        )),
                        None => of_target.take(known.first_seen, page, known_until, now),
                    }
                }
            }
        }
        self.known.extend(found);
    }

    /// A content that was seen before is known since then.
    fn content(&self, bytes: Vec<u8>, target: &str, known: Option<KnownFile>, now: Timestamp) -> KnownFile {
        let hash = self.hasher.hash_one(&bytes);
        known.filter(|known| known.hash == hash).unwrap_or_else(|| {
            let text = files::text(bytes).map_err(str::to_owned);
            KnownFile { hash, first_seen: now, page: text.and_then(|text| parse(&text, target)) }
        })
    }

    /// Logs what was not refused before.
    fn report(&self, before: &PageReader) {
        let reported = |target: &str, why: &String| before.refused.get(target).is_some_and(|known| known.contains(why));
        let refused =
            self.refused.iter().flat_map(|(target, all)| all.iter().enumerate().map(move |one| (target, one)));
        let mut fresh: Vec<_> = refused.filter(|(target, (_, why))| !reported(target, why)).collect();
        // The first of each target comes first: one folder full of faults hides no other.
        fresh.sort_by_key(|(_, (number, _))| *number);
        for (target, (_, why)) in fresh.iter().take(MOST_LINES) {
            warn!(target_server = %target, "a page of a target does not count: {why}");
        }
        if let Some(more) = fresh.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
            warn!(more, "other pages of targets do not count either: the page of each target says why");
        }
    }
}

impl PagesOfTarget {
    /// Adds a page, its looks, and those that came before at its interval and were not read: the exporter was not
    /// running, or the folder did not answer. Looks that lie ahead are none, and would outlast those that happened.
    fn take(&mut self, first_seen: Timestamp, page: &TargetPage, known_until: Timestamp, now: Timestamp) {
        self.pages.push(KnownPage { page: page.clone(), first_seen });
        let interval = page.interval.filter(|interval| !interval.is_zero());
        let interval = interval.and_then(|interval| SignedDuration::try_from(interval).ok());
        let looks = page.ports.iter().map(|port| port.checked_at).chain([page.taken_at]);
        for look in looks.filter(|at| !silence::is_ahead(now, *at)) {
            let earlier = std::iter::successors(Some(look), |at| at.checked_sub(interval?).ok()).skip(1);
            let expected = earlier
                .take(MOST_LOOKS)
                .take_while(|at| *at > known_until && look.duration_since(*at) <= EXPECTED_BACK);
            self.looks.push(look);
            self.looks.extend(expected);
        }
        self.looks.sort_unstable();
        self.looks.dedup();
        let old = self.looks.len().saturating_sub(MOST_LOOKS);
        self.looks.drain(..old);
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
