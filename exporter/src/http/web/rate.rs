//! `rate_limit`: a bucket of tokens for all requests together, as in the toolkit.

use super::section::Section;
use crate::config::{Fault, ValueError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Units of Go's durations, in nanoseconds.
const UNITS: &[(&str, f64)] =
    &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// A bucket that holds `burst` tokens and gains one each `interval`.
#[derive(Debug)]
pub(crate) struct Rate {
    interval: Duration,
    burst: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl Rate {
    /// Understands the section; `None` with faults, or where the interval is 0.
    pub(super) fn understand(mut section: Section, faults: &mut Vec<Fault>) -> Option<Rate> {
        let wrong = || ValueError::new("is not a duration").expected("a duration has a unit, such as 1s or 500ms");
        let interval = section.parsed("interval", |text| duration(text).ok_or_else(wrong), faults);
        let number = |text: &str| text.parse::<u32>().map_err(|_| ValueError::new("is not a whole number from 0 on"));
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

/// A duration as Go writes it: `1s`, `500ms`, `1m30s`; a bare number can only be 0.
fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_length = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanoseconds += number.parse::<f64>().ok()? * size;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(nanoseconds / 1e9).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in
            [("0", 0), ("1s", 1000), ("500ms", 500), ("1m30s", 90_000), ("1.5h", 5_400_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "1", "s", "-1s", "1d", "1s5", ".s", "1e9h"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

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
