//! What has to last of one target from one reading of its folder to the next.

use super::page::{KnownPage, PagesOfTarget};
use super::parse::parse;
use crate::files::{self, FileRead};
use crate::model::{names, silence};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io;
use std::path::{Path, PathBuf};

/// Looks of one target that are kept: those of half a day, where a page of three ports is taken every 10 minutes.
const MOST_LOOKS: usize = 288;
/// Looks of a page that was not read are taken to have happened for so long before the next one.
const EXPECTED_BACK: SignedDuration = SignedDuration::from_hours(12);
/// Nodes of one target whose newest page is kept.
const MOST_NODES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct TargetMemory {
    files: BTreeMap<PathBuf, KnownFile>,
    /// The newest page of each node while it counts: a copy that comes late takes nothing back.
    newest: Vec<KnownPage>,
    looks: Vec<Timestamp>,
    refused: Vec<String>,
}

/// The content of a file.
#[derive(Debug)]
struct KnownFile {
    hash: u64,
    page: Result<KnownPage, String>,
}

impl TargetMemory {
    /// Takes what its folder holds now, and answers what could not be read.
    pub(super) fn remember(
        &mut self,
        read: io::Result<Vec<FileRead>>,
        folder: &Path,
        target: &str,
        hasher: &RandomState,
        now: Timestamp,
    ) -> Vec<String> {
        let mut refused = Vec::new();
        let mut before = std::mem::take(&mut self.files);
        match read {
            Ok(read) => {
                for (path, bytes) in read {
                    let known = before.remove(&path);
                    match bytes {
                        Ok(bytes) => {
                            self.files.insert(path, content(bytes, target, known, hasher, now));
                        }
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => {
                            refused.push(format!("{} cannot be read: {error}", path.display()));
                            self.files.extend(known.map(|known| (path, known)));
                        }
                    }
                }
            }
            // A target whose folder is not there writes no pages.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                refused.push(format!("{} cannot be read: {error}", folder.display()));
                self.files = before;
            }
        }
        refused
    }

    /// Which of the pages count, next to what is refused already.
    pub(super) fn judge(&mut self, refused: Vec<String>, now: Timestamp) -> PagesOfTarget {
        let known_until = self.looks.last().copied().unwrap_or(Timestamp::MIN);
        let mut judged = PagesOfTarget { refused, looks: std::mem::take(&mut self.looks), ..PagesOfTarget::default() };
        self.newest.retain(|known| known.is_current(now));
        for (path, file) in &self.files {
            let wrong = |why: &str| format!("the page {} {why}", path.display());
            let known = match &file.page {
                Ok(known) => known,
                Err(why) => {
                    judged.refused.push(wrong(why));
                    continue;
                }
            };
            if let Some(twin) = self.twin(path, known) {
                let why = format!("is of the same node as {}, so neither counts", twin.display());
                judged.refused.push(wrong(&why));
                continue;
            }
            let kept = self.newest.iter().position(|kept| is_same_node(kept, known)).map(|at| self.newest.remove(at));
            let newest = match kept.filter(|kept| kept.page.taken_at > known.page.taken_at) {
                Some(newer) => {
                    let why = format!(
                        "is older than the one of {} taken at {:.0} that was read before, which goes on counting",
                        newer.page.node, newer.page.taken_at
                    );
                    judged.refused.push(wrong(&why));
                    newer
                }
                None => known.clone(),
            };
            judged.take(&newest, known_until, now);
            self.newest.push(newest);
        }
        let forgotten = self.newest.len().saturating_sub(MOST_NODES);
        self.newest.drain(..forgotten);
        self.looks.clone_from(&judged.looks);
        judged
    }

    /// Another file with a page of the same node.
    fn twin(&self, path: &Path, known: &KnownPage) -> Option<&Path> {
        let is_twin = |file: &KnownFile| file.page.as_ref().is_ok_and(|other| is_same_node(other, known));
        let mut others = self.files.iter().filter(|(other, _)| other.as_path() != path);
        others.find(|(_, file)| is_twin(file)).map(|(other, _)| other.as_path())
    }

    /// What of this was not refused before.
    pub(super) fn report(&mut self, refused: &[String]) -> Vec<String> {
        let before = std::mem::replace(&mut self.refused, refused.to_vec());
        refused.iter().filter(|why| !before.contains(why)).cloned().collect()
    }
}

fn is_same_node(one: &KnownPage, other: &KnownPage) -> bool {
    names::same(&one.page.node, &other.page.node)
}

/// A content that was seen before is known since then.
fn content(bytes: Vec<u8>, target: &str, known: Option<KnownFile>, hasher: &RandomState, now: Timestamp) -> KnownFile {
    let hash = hasher.hash_one(&bytes);
    known.filter(|known| known.hash == hash).unwrap_or_else(|| {
        let text = files::text(bytes).map_err(str::to_owned);
        let page = text.and_then(|text| parse(&text, target));
        KnownFile { hash, page: page.map(|page| KnownPage { page, first_seen: now }) }
    })
}

impl PagesOfTarget {
    /// Adds a page, its looks, and those that came before at its interval and were not read: the exporter was not
    /// running, or the folder did not answer. Looks that lie ahead are none, and would outlast those that happened.
    fn take(&mut self, known: &KnownPage, known_until: Timestamp, now: Timestamp) {
        self.pages.push(known.clone());
        let page = &known.page;
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
