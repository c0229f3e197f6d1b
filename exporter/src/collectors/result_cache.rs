//! Keeps a dear answer for a while, so that reading the master never takes more than a hundredth of its time.

use crate::sqlserver::reading::{DownloadedRow, Downloads, Jobs};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Answers that come faster are asked for at every scrape.
pub(crate) const CHEAP: Duration = Duration::from_millis(200);
/// A dear one rests for this many times what it took.
const REST: u32 = 100;

/// An answer with its age and its price.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    pub(crate) rows: T,
    pub(crate) read_at: Timestamp,
    pub(crate) took: Duration,
    asked: Instant,
}

impl<T> Kept<T> {
    pub(crate) fn new(rows: T, read_at: Timestamp, took: Duration) -> Kept<T> {
        Kept { rows, read_at, took, asked: Instant::now() }
    }

    /// Whether it may be asked for again, no sooner than `every`.
    pub(crate) fn is_due(&self, every: Duration) -> bool {
        let rest = if self.took > CHEAP { self.took * REST } else { Duration::ZERO };
        self.asked.elapsed() >= rest.max(every)
    }
}

/// Everything that is kept between two readings.
#[derive(Debug, Default)]
pub(crate) struct ResultCache {
    pub(crate) downloads: Option<Kept<Downloads>>,
    pub(crate) downloaded: Option<Kept<Vec<DownloadedRow>>>,
    pub(crate) jobs: Option<Kept<Jobs>>,
}

/// Whether something is to be asked for: it was never read, or has rested long enough.
pub(crate) fn is_due<T>(kept: Option<&Kept<T>>, every: Duration) -> bool {
    kept.is_none_or(|kept| kept.is_due(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cheap_answer_is_always_due_and_a_dear_one_rests() {
        let cheap = Kept::new((), Timestamp::UNIX_EPOCH, Duration::from_millis(200));
        let dear = Kept::new((), Timestamp::UNIX_EPOCH, Duration::from_millis(300));
        assert!(cheap.is_due(Duration::ZERO));
        assert!(!dear.is_due(Duration::ZERO));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(!dear.is_due(Duration::ZERO));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(dear.is_due(Duration::ZERO));
        assert!(!cheap.is_due(Duration::from_secs(31)));
    }
}
