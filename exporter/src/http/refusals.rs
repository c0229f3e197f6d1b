//! Counts refusals and summarises them in the log, so that a million refusals make one line each minute.

use crate::model::Refusal;
use enum_map::EnumMap;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

/// The least time between two lines of one kind.
const SPACING: Duration = Duration::from_secs(60);
/// How often due lines are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Counts of refusals since the start, by their kind.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    sums: Mutex<EnumMap<Refusal, Sum>>,
}

#[derive(Debug, Default)]
struct Sum {
    /// Refusals since the start.
    total: u64,
    /// Refusals since the last line.
    since: u64,
    /// The address of the client that was refused first since the last line, or an error.
    first: String,
    /// When the last line was written.
    written: Option<Instant>,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    kind: Refusal,
    count: u64,
    first: String,
}

impl Refusals {
    /// Counts one refusal. The first after a quiet minute is logged at once, the following ones together when the
    /// minute is over. `first` is the client, or the error where there is no client yet.
    pub(crate) fn note(&self, kind: Refusal, first: impl Display) {
        if let Some(line) = self.count(kind, first, Instant::now()) {
            line.write();
        }
    }

    /// Refusals of each kind since the start.
    pub(crate) fn counts(&self) -> EnumMap<Refusal, u64> {
        let sums = self.lock();
        EnumMap::from_fn(|kind| sums[kind].total)
    }

    /// Writes due lines until it is dropped.
    pub(crate) async fn report(&self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            self.due(|written| now.saturating_duration_since(written) >= SPACING).iter().for_each(Line::write);
        }
    }

    /// Writes the refusals that no line has reported yet, at the end of the process.
    pub(crate) fn close(&self) {
        self.due(|_| true).iter().for_each(Line::write);
    }

    fn count(&self, kind: Refusal, first: impl Display, now: Instant) -> Option<Line> {
        let mut sums = self.lock();
        let sum = &mut sums[kind];
        sum.total += 1;
        if sum.since == 0 {
            sum.first = first.to_string();
        }
        sum.since += 1;
        let recent = sum.written.is_some_and(|written| now.saturating_duration_since(written) < SPACING);
        (!recent).then(|| sum.line(kind, now))
    }

    fn due(&self, is_due: impl Fn(Instant) -> bool) -> Vec<Line> {
        let now = Instant::now();
        let mut sums = self.lock();
        let due = sums.iter_mut().filter(|(_, sum)| sum.since > 0 && sum.written.is_none_or(&is_due));
        due.map(|(kind, sum)| sum.line(kind, now)).collect()
    }

    // Each statement leaves the sums consistent, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, EnumMap<Refusal, Sum>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sum {
    fn line(&mut self, kind: Refusal, now: Instant) -> Line {
        self.written = Some(now);
        Line { kind, count: std::mem::take(&mut self.since), first: std::mem::take(&mut self.first) }
    }
}

impl Line {
    fn write(&self) {
        let Line { kind, count, first } = self;
        warn!(reason = kind.name(), count, %first, "{}", text(*kind));
    }
}

/// The words of the log: what happened, and what to do about it.
fn text(kind: Refusal) -> &'static str {
    match kind {
        Refusal::Connection => {
            "connections refused: too many are open; hint: a firewall, or --web.trusted-clients for those that must get in"
        }
        Refusal::ConnectionEnded => "connections ended to make room: they were idle, or their clients did not read",
        Refusal::Accept => "connections could not be accepted; hint: see the limit of open files",
        Refusal::Metrics => "scrapes refused: too many are in flight; hint: limits.scrapes_in_flight and _per_client",
        Refusal::Probe => "probes refused: too many are in flight; hint: limits.scrapes_in_flight and _per_client",
        Refusal::Page => "pages refused: too many are in flight; hint: limits.scrapes_in_flight and _per_client",
        Refusal::PasswordQueue => "logins refused: too many passwords of one client wait to be verified",
        Refusal::Password => "logins failed: the user or the password is wrong",
        Refusal::RateLimit => "requests refused by rate_limit of the web configuration",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_flood_leaves_a_line_a_minute() {
        let refusals = Refusals::default();
        let mut lines = Vec::new();
        for second in 0..180 {
            for client in ["192.0.2.1", "192.0.2.2"] {
                lines.extend(refusals.count(Refusal::Metrics, client, Instant::now()));
            }
            lines.extend(refusals.due(|written| written.elapsed() >= SPACING));
            advance(Duration::from_secs(1)).await;
            assert!(second > 0 || lines.len() == 1, "the first is logged at once");
        }
        assert!((3..=4).contains(&lines.len()), "{lines:?}");
        assert_eq!(lines[0], Line { kind: Refusal::Metrics, count: 1, first: "192.0.2.1".to_owned() });
        assert_eq!(lines[1].first, "192.0.2.2", "the first since the line before");
        lines.extend(refusals.due(|_| true));
        assert_eq!(lines.iter().map(|line| line.count).sum::<u64>(), 360);
        assert_eq!(refusals.counts()[Refusal::Metrics], 360);
        assert_eq!(refusals.due(|_| true), []);
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_has_its_own_line() {
        let refusals = Refusals::default();
        let now = Instant::now();
        let lines = Refusal::ALL.map(|kind| refusals.count(kind, "192.0.2.1", now).unwrap().kind);
        assert_eq!(lines, Refusal::ALL);
    }
}
