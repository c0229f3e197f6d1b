//! What a page says, and how long that counts.

use crate::model::{PageSource, StartMode, Store, figures, silence};
use crate::probe::Finding;
use crate::probe::protocol::Verdict;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// However often pages are taken, each counts for so long.
const COUNTS_AT_LEAST: Duration = Duration::from_secs(15 * 60);

/// One page as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetPage {
    /// The computer on which it was taken.
    pub node: String,
    /// What took it.
    pub source: PageSource,
    /// The version of that.
    pub version: String,
    /// When, by the clock of that computer.
    pub taken_at: Timestamp,
    /// How often one is taken.
    pub interval: Option<Duration>,
    /// Whether the instance runs on that node.
    pub instance_running: Option<bool>,
    /// Whether its SQL Server Agent runs there.
    pub agent_running: Option<bool>,
    /// How that service starts.
    pub agent_start_mode: Option<StartMode>,
    /// MSXServerName as written in the registry of the target.
    pub master: Option<String>,
    /// MsxEncryptChannelOptions there.
    pub encrypt_channel_option: Option<u32>,
    /// What the target makes of the certificate that the master presented.
    pub certificate: Option<CertificateLook>,
    /// The ports of the master, as seen from there.
    pub ports: Vec<Finding>,
}

/// What was judged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateLook {
    /// The name that the certificate had to hold.
    pub name: String,
    /// Whose authorities were asked.
    pub store: Store,
    /// The fingerprint of the certificate, in lower case.
    pub sha256: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// A page, and since when it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownPage {
    /// What it says.
    pub page: TargetPage,
    /// When this content was first seen, by this computer's clock.
    pub first_seen: Timestamp,
}

impl TargetPage {
    /// When and where it was taken. Clocks differ by seconds, so one that lies a little ahead was taken just now.
    pub(crate) fn taken(&self, now: Timestamp) -> String {
        let ahead = self.taken_at.duration_since(now);
        let is_just_now = ahead.is_positive() && ahead < SignedDuration::from_mins(1);
        let when = if is_just_now { "just now".to_owned() } else { figures::ago(now, self.taken_at) };
        format!("taken {when} on {}", self.node)
    }

    /// How old it may become.
    fn counts_for(&self) -> Duration {
        (self.interval.unwrap_or_default().saturating_mul(5) / 2).max(COUNTS_AT_LEAST)
    }
}

impl KnownPage {
    /// Whether it is as young as its own interval lets it be, by its own time and by when it was first seen.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let counts_for = SignedDuration::try_from(self.page.counts_for()).unwrap_or(SignedDuration::MAX);
        let young = |since: Timestamp| now.duration_since(since) < counts_for;
        !silence::is_ahead(now, self.page.taken_at) && young(self.page.taken_at) && young(self.first_seen)
    }

    /// Whether it also was taken no earlier than the last poll: only then does it say anything of the silence since.
    pub fn is_fresh(&self, now: Timestamp, last_poll: Timestamp) -> bool {
        self.is_current(now) && self.page.taken_at >= last_poll
    }

    /// Why it says nothing of that silence, where it is not fresh.
    pub(crate) fn objection(&self, now: Timestamp, last_poll: Timestamp) -> Option<String> {
        match () {
            () if self.is_fresh(now, last_poll) => None,
            () if silence::is_ahead(now, self.page.taken_at) => Some("it is dated too far ahead".to_owned()),
            () if self.is_current(now) => Some("it is older than the last poll".to_owned()),
            () => Some(format!("such a page counts for {}", figures::span(self.page.counts_for()))),
        }
    }
}

/// All that is known from the folder of one target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PagesOfTarget {
    /// One for each node, by its name.
    pub pages: Vec<KnownPage>,
    /// When something on the host of the target looked at the master, as these pages and those before report it.
    pub looks: Vec<Timestamp>,
    /// Why files in the folder are not read, or were refused.
    pub refused: Vec<String>,
}

impl PagesOfTarget {
    /// The page to show: of the node on which the instance runs, as far as that is known, the newest.
    pub fn newest(&self) -> Option<&KnownPage> {
        let here = |known: &&KnownPage| known.page.instance_running != Some(false);
        let newest = |known: &&KnownPage| known.page.taken_at;
        self.pages.iter().filter(here).max_by_key(newest).or_else(|| self.pages.iter().max_by_key(newest))
    }

    /// The ports of the master as a page shows them that is not too old.
    pub fn ports(&self, now: Timestamp) -> &[Finding] {
        let current = self.newest().filter(|known| known.is_current(now));
        current.map(|known| known.page.ports.as_slice()).unwrap_or_default()
    }
}

/// The pages of all targets, by their names as enlisted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageResults(pub BTreeMap<String, Arc<PagesOfTarget>>);

impl PageResults {
    /// Those of one target.
    pub fn of(&self, target: &str) -> Option<&Arc<PagesOfTarget>> {
        self.0.get(target)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A page without a fault, taken on the node that runs the instance.
    pub(crate) fn page(taken_at: Timestamp) -> TargetPage {
        TargetPage {
            node: "SQL01".to_owned(),
            source: PageSource::Script,
            version: "1".to_owned(),
            taken_at,
            interval: Some(Duration::from_secs(600)),
            instance_running: Some(true),
            agent_running: Some(true),
            agent_start_mode: Some(StartMode::Automatic),
            master: None,
            encrypt_channel_option: None,
            certificate: None,
            ports: Vec::new(),
        }
    }

    #[test]
    fn a_page_counts_for_two_and_a_half_of_its_intervals_and_15_minutes_at_least() {
        let now = Timestamp::constant(1_764_000_000, 0);
        let ago = |seconds: i64| now - SignedDuration::from_secs(seconds);
        for (interval, taken, seen, current) in [
            (Some(600), 1_499, 1_499, true),
            (Some(600), 1_500, 0, false),
            (Some(600), 0, 1_500, false),
            (Some(60), 899, 899, true),
            (Some(60), 900, 0, false),
            (None, 899, 0, true),
            (None, 900, 0, false),
            (Some(600), -300, 0, true),
            (Some(600), -301, 0, false),
            (Some(u64::MAX), 1_000_000, 1_000_000, true),
        ] {
            let page = TargetPage { interval: interval.map(Duration::from_secs), ..page(ago(taken)) };
            let known = KnownPage { page, first_seen: ago(seen) };
            assert_eq!(known.is_current(now), current, "{interval:?} {taken} {seen}");
        }
        let known = KnownPage { page: page(ago(100)), first_seen: now };
        assert!(known.is_fresh(now, ago(100)) && !known.is_fresh(now, ago(99)));
    }

    #[test]
    fn a_page_that_is_not_fresh_says_why() {
        let now = Timestamp::constant(1_764_000_000, 0);
        let ago = |seconds: i64| now - SignedDuration::from_secs(seconds);
        for (taken, when, objection) in [
            (100, "1 min 40 s ago", None),
            (200, "3 min 20 s ago", Some("it is older than the last poll")),
            (1_500, "25 min ago", Some("such a page counts for 25 min")),
            (-59, "just now", None),
            (-301, "in 5 min 1 s", Some("it is dated too far ahead")),
        ] {
            let known = KnownPage { page: page(ago(taken)), first_seen: now };
            assert_eq!(known.page.taken(now), format!("taken {when} on SQL01"));
            assert_eq!(known.objection(now, ago(150)).as_deref(), objection, "{taken}");
        }
    }
}
