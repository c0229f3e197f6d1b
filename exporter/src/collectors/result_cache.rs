//! Keeps an expensive answer for a while, so that reading the master never takes more than a hundredth of its time.

use super::{downloads, jobs};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Answers that come faster are asked for at every scrape.
pub(super) const CHEAP: Duration = Duration::from_millis(200);
/// An expensive one rests for this many times what it took.
const REST: u32 = 100;

/// An answer with its age and its price.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    pub(super) rows: T,
    pub(super) read_at: Timestamp,
    pub(super) took: Duration,
    asked: Instant,
}

impl<T> Kept<T> {
    pub(super) fn new(rows: T, read_at: Timestamp, took: Duration) -> Kept<T> {
        Kept { rows, read_at, took, asked: Instant::now() }
    }

    /// Whether it may be asked for again, no sooner than `every`.
    pub(super) fn is_due(&self, every: Duration) -> bool {
        let rest = if self.took > CHEAP { self.took * REST } else { Duration::ZERO };
        self.asked.elapsed() >= rest.max(every)
    }
}

/// Everything that is kept between two readings.
#[derive(Debug, Default)]
pub(super) struct ResultCache {
    pub(super) downloads: downloads::Cache,
    pub(super) jobs: jobs::Cache,
}

/// Whether something is to be asked for: it was never read, or has rested long enough.
pub(super) fn is_due<T>(kept: Option<&Kept<T>>, every: Duration) -> bool {
    kept.is_none_or(|kept| kept.is_due(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cheap_answer_is_always_due_and_an_expensive_one_rests() {
        let cheap = Kept::new((), Timestamp::UNIX_EPOCH, Duration::from_millis(200));
        let expensive = Kept::new((), Timestamp::UNIX_EPOCH, Duration::from_millis(300));
        assert!(cheap.is_due(Duration::ZERO));
        assert!(!expensive.is_due(Duration::ZERO));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(!expensive.is_due(Duration::ZERO));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(expensive.is_due(Duration::ZERO));
        assert!(!cheap.is_due(Duration::from_secs(31)));
    }
}
