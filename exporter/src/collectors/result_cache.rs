//! Keeps an expensive answer for a while, so that reading the master never takes more than a hundredth of its time.

use super::assemble::BatchAnswer;
use super::{downloads, jobs};
use crate::model::Collector;
use crate::sqlserver::{BatchError, ReadError};
use enum_map::EnumMap;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Answers that come faster are asked for at every scrape.
pub(super) const CHEAP: Duration = Duration::from_millis(200);
/// An expensive one rests for this many times what it took.
pub(super) const REST: u32 = 100;

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
        self.rests(every).is_zero()
    }

    /// In how long that is.
    pub(super) fn rests(&self, every: Duration) -> Duration {
        let rest = if self.took > CHEAP { self.took * REST } else { Duration::ZERO };
        rest.max(every).saturating_sub(self.asked.elapsed())
    }
}

/// Everything that is kept between two readings.
#[derive(Debug, Default)]
pub(super) struct ResultCache {
    pub(super) downloads: downloads::Cache,
    pub(super) jobs: jobs::Cache,
    /// What ended at its cap, and rests as any expensive answer.
    over_cap: EnumMap<Collector, Option<Kept<ReadError>>>,
}

impl ResultCache {
    /// Notes whose statement ended at its cap.
    pub(super) fn note_over_cap(&mut self, answer: &BatchAnswer) {
        let (Some(BatchError::OverCap(name, cap)), Some(fault)) = (&answer.end, &answer.broken) else { return };
        if let Some(ended) = answer.ended.iter().find(|ended| ended.name == *name) {
            self.over_cap[ended.collector] = Some(Kept::new(fault.clone(), Timestamp::now(), *cap));
        }
    }

    /// Why a collector is not to be asked for yet.
    pub(super) fn at_rest(&self, collector: Collector) -> Option<ReadError> {
        let kept = self.over_cap[collector].as_ref()?;
        let left = kept.took.saturating_mul(REST).saturating_sub(kept.asked.elapsed());
        (!left.is_zero()).then(|| ReadError { next_attempt: Some(left), ..kept.rows.clone() })
    }
}

/// Whether something is to be asked for: it was never read, or has rested long enough.
pub(super) fn is_due<T>(kept: Option<&Kept<T>>, every: Duration) -> bool {
    kept.is_none_or(|kept| kept.is_due(every))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stage;

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

    #[tokio::test(start_paused = true)]
    async fn what_ended_at_its_cap_says_when_it_is_asked_for_again_and_is() {
        let mut cache = ResultCache::default();
        let fault = ReadError::timed_out(Stage::Query, "the list", Duration::from_secs(2));
        cache.over_cap[Collector::Downloads] = Some(Kept::new(fault, Timestamp::UNIX_EPOCH, Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(199)).await;
        let at_rest = cache.at_rest(Collector::Downloads).and_then(|fault| fault.next_attempt);
        assert_eq!(at_rest, Some(Duration::from_secs(1)));
        assert_eq!(cache.at_rest(Collector::Jobs), None, "another one does not rest");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.at_rest(Collector::Downloads), None);
    }
}
