//! Reads the folders of all targets again and again, and keeps what has to last from one time to the next.

use super::page::{KnownPage, PageResults, PagesOfTarget, TargetPage};
use super::parse::parse;
use crate::config::PageFiles;
use crate::files;
use crate::model::names;
use jiff::Timestamp;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::warn;

/// Looks of one target that are kept: those of half a day, where a page is taken every 10 minutes.
const MOST_LOOKS: usize = 72;
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
                        None => of_target.take(known.first_seen, page),
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
        let refused = self.refused.iter().flat_map(|(target, all)| all.iter().map(move |why| (target, why)));
        let fresh: Vec<_> = refused.filter(|(target, why)| !reported(target, why)).collect();
        for (target, why) in fresh.iter().take(MOST_LINES) {
            warn!(target_server = %target, "a page of a target does not count: {why}");
        }
        if let Some(more) = fresh.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
            warn!(more, "other pages of targets do not count either: the page of each target says why");
        }
    }
}

impl PagesOfTarget {
    fn take(&mut self, first_seen: Timestamp, page: &TargetPage) {
        self.pages.push(KnownPage { page: page.clone(), first_seen });
        let looks = page.ports.iter().map(|port| port.checked_at).chain([page.taken_at]);
        self.looks.extend(looks);
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
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
            let read = self.reader.read(&PageFiles::parse(&files).unwrap(), &[TARGET.to_owned()], now);
            read.of(TARGET).map(|found| found.as_ref().clone()).unwrap_or_default()
        }
    }

    fn seen(pages: &PagesOfTarget) -> Vec<(&str, i64)> {
        pages.pages.iter().map(|known| (known.page.node.as_str(), known.first_seen.as_second() / 60)).collect()
    }

    #[test]
    fn a_content_is_known_since_it_was_first_seen() {
        let mut share = Share::new();
        assert_eq!(share.read("msx.prom", 0), PagesOfTarget::default());
        share.write("msx.prom", PAGE);
        assert_eq!(seen(&share.read("msx.prom", 1)), [("NODE1", 1)]);
        assert_eq!(seen(&share.read("msx.prom", 2)), [("NODE1", 1)]);
        share.write("msx.prom", &PAGE.replace("1764000000.5", "1764000600"));
        let newer = share.read("msx.prom", 3);
        assert_eq!((seen(&newer), newer.looks.len()), (vec![("NODE1", 3)], 3));
        fs::remove_dir_all(share.root.path().join("SQL01$A")).unwrap();
        let gone = share.read("msx.prom", 4);
        assert_eq!((seen(&gone), gone.looks.len()), (vec![], 3), "looks that happened stay");
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
