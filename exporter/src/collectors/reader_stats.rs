//! What the reader says of itself, and how long it rests after a failure.

use crate::model::Stage;
use crate::sqlserver::{ReadError, Retry};
use enum_map::EnumMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Counts that outlive a reader: a reload replaces the reader and must not turn a counter back.
#[derive(Debug, Default)]
pub struct ReaderStats {
    errors: EnumMap<Stage, AtomicU64>,
    connected: AtomicU64,
}

impl ReaderStats {
    pub(super) fn count(&self, stage: Stage) {
        self.errors[stage].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection for as long as what is returned is kept.
    pub(super) fn connected(self: &Arc<ReaderStats>) -> Connected {
        self.connected.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// Failures since the process started, by the stage at which the attempt stopped.
    pub fn sql_errors(&self) -> EnumMap<Stage, u64> {
        EnumMap::from_fn(|stage| self.errors[stage].load(Ordering::Relaxed))
    }

    /// Connections to the master that are open now: 0 or 1, and for a moment 2 while a reload replaces the reader.
    pub fn sql_connections(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }
}

/// One connection among those that are counted. It goes with its reader, however that ends.
#[derive(Debug)]
pub(super) struct Connected(Arc<ReaderStats>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

const FIRST_REST: Duration = Duration::from_secs(1);
/// A master that comes back is seen at the next scrape or the one after.
const LONGEST_REST: Duration = Duration::from_secs(15);
/// A wrong password must not lock the login out: far fewer attempts than any lockout policy counts.
const LONGEST_REST_AFTER_LOGIN: Duration = Duration::from_secs(5 * 60);

/// Attempts to connect that failed in a row, each kind by itself, and when the next one may come.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: EnumMap<Retry, u32>,
    rest: Option<(Instant, ReadError)>,
}

impl Backoff {
    /// The last failure, while it is too early to try again.
    pub(super) fn check(&self) -> Result<(), ReadError> {
        let Some((until, fault)) = &self.rest else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { Ok(()) } else { Err(ReadError { next_attempt: Some(left), ..fault.clone() }) }
    }

    /// Notes a failure and says when the next attempt may come.
    pub(super) fn failed(&mut self, fault: ReadError) -> ReadError {
        let (first, longest) = rests(fault.retry);
        let failures = &mut self.failures[fault.retry];
        let rest = (first * 2u32.saturating_pow(*failures)).mul_f64(jitter()).min(longest);
        *failures = (*failures + 1).min(16);
        self.rest = Some((Instant::now() + rest, fault.clone()));
        ReadError { next_attempt: Some(rest), ..fault }
    }
}

/// The first rest after a failure of this kind, and the longest.
fn rests(retry: Retry) -> (Duration, Duration) {
    match retry {
        Retry::Unreached | Retry::ForNow => (FIRST_REST, LONGEST_REST),
        // Each attempt takes the one session for a moment.
        Retry::SingleUser => (LONGEST_REST, LONGEST_REST),
        Retry::Password | Retry::Standing => (FIRST_REST, LONGEST_REST_AFTER_LOGIN),
    }
}

/// Between 0.8 and 1.2, so that exporters that lost their masters together do not come back together.
fn jitter() -> f64 {
    let noise = RandomState::new().hash_one(()) % 1_000;
    0.8 + f64::from(u32::try_from(noise).unwrap_or(0)) / 2_500.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(retry: Retry) -> ReadError {
        ReadError { retry, ..ReadError::new(Stage::Login, "x") }
    }

    fn rest(backoff: &Backoff) -> Duration {
        backoff.rest.as_ref().map(|(until, _)| until.duration_since(Instant::now())).unwrap_or_default()
    }

    #[test]
    fn a_connection_is_counted_until_it_is_dropped_whatever_reader_it_belonged_to() {
        let reader_stats = Arc::<ReaderStats>::default();
        let before = reader_stats.connected();
        let after = reader_stats.connected();
        drop(before);
        assert_eq!(reader_stats.sql_connections(), 1);
        drop(after);
        assert_eq!(reader_stats.sql_connections(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn rests_grow_to_their_longest_and_stay_there() {
        for (retry, first, longest) in [
            (Retry::Unreached, 1, 15),
            (Retry::ForNow, 1, 15),
            (Retry::SingleUser, 15, 15),
            (Retry::Password, 1, 300),
            (Retry::Standing, 1, 300),
        ] {
            let (first, longest) = (Duration::from_secs(first), Duration::from_secs(longest));
            let mut backoff = Backoff::default();
            for attempt in 0..12 {
                backoff.failed(fault(retry));
                assert!((first.mul_f64(0.8)..=longest).contains(&rest(&backoff)), "{retry:?}, attempt {attempt}");
            }
            assert!(rest(&backoff) >= longest.mul_f64(0.8), "{retry:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_rests_by_its_own_count() {
        let mut backoff = Backoff::default();
        // Minutes without a master.
        (0..90).for_each(|_| drop(backoff.failed(fault(Retry::Unreached))));
        for refused in [Retry::ForNow, Retry::Password, Retry::Standing] {
            backoff.failed(fault(refused));
            assert!(rest(&backoff) <= FIRST_REST.mul_f64(1.2), "{refused:?} after {:?}", rest(&backoff));
        }
        (0..12).for_each(|_| drop(backoff.failed(fault(Retry::Password))));
        backoff.failed(fault(Retry::ForNow));
        assert!(rest(&backoff) <= FIRST_REST.mul_f64(2.4), "{:?}", rest(&backoff));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_answers_with_what_went_wrong_and_then_ends() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.check(), Ok(()));
        let noted = backoff.failed(ReadError::new(Stage::Connect, "nothing answers"));
        for fault in [Err(noted), backoff.check()] {
            assert!(
                fault.is_err_and(|fault| fault.with_next_attempt().starts_with("nothing answers; next attempt in"))
            );
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(backoff.check(), Ok(()));
    }
}
