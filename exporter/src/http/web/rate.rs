//! `rate_limit`: a token bucket for all requests together, as in the toolkit.

use super::section::Section;
use crate::config::{ConfigError, ValueError};
use crate::model::duration::read_go;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket that holds `burst` tokens and gains one each `interval`.
#[derive(Debug)]
pub(crate) struct Rate {
    interval: Duration,
    burst: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl Rate {
    /// Parses the section; `None` with faults, or where the interval is 0.
    pub(super) fn understand(mut section: Section, faults: &mut Vec<ConfigError>) -> Option<Rate> {
        let wrong = || ValueError::new("is not a duration").expected("a duration has a unit, such as 1s or 500ms");
        // A bare number is one of nanoseconds in Go.
        let nanoseconds = |text: &str| text.parse().ok().map(Duration::from_nanos);
        let interval = |text: &str| nanoseconds(text).or_else(|| read_go(text)).ok_or_else(wrong);
        let interval = section.parsed("interval", interval, faults);
        let number = |text: &str| text.parse::<u32>().map_err(|_| ValueError::new("is not an integer from 0 on"));
        let burst = section.parsed("burst", number, faults).unwrap_or(0);
        let interval = interval.filter(|interval| !interval.is_zero());
        if interval.is_some() && burst == 0 {
            faults.push(section.fault("burst", "must be 1 or more, or nothing is ever answered"));
        }
        section.finish(faults);
        let burst = f64::from(burst);
        interval.map(|interval| Rate { interval, burst, bucket: Mutex::new((burst, Instant::now())) })
    }

    /// Takes a token, if there is one.
    pub(crate) fn allow(&self) -> bool {
        self.allow_at(Instant::now())
    }

    fn allow_at(&self, now: Instant) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(bucket.1).as_secs_f64() / self.interval.as_secs_f64();
        let tokens = (bucket.0 + gained).min(self.burst);
        let allowed = tokens >= 1.0;
        *bucket = (if allowed { tokens - 1.0 } else { tokens }, now);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let start = Instant::now();
        let rate = Rate { interval: Duration::from_secs(2), burst: 2.0, bucket: Mutex::new((2.0, start)) };
        let at = |seconds| rate.allow_at(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0)], [true, true, false]);
        assert_eq!([at(1), at(2), at(2)], [false, true, false]);
        assert_eq!([at(100), at(100), at(100)], [true, true, false], "it never holds more than its burst");
    }
}
