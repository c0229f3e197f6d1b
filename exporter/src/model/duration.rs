//! Lengths of time: read from the configuration and from the web configuration, and written into texts.
//!
//! There are two syntaxes to read because the web configuration is the exporter toolkit's: one file may serve several
//! exporters, so it must mean here what it means to Go, no more and no less. The configuration of this exporter takes
//! the friendly format of jiff, in which `5m`, `1h30m` and `5 minutes` are lengths and a bare `0` is none.

use jiff::SignedDuration;
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of time as texts have it, in its two largest units: `250 ms`, `45 s`, `12 min 5 s`, `3 h 20 min`, `4 d`.
pub(crate) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 if !length.is_zero() => format!("{} ms", length.as_millis()),
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => pair(seconds / MINUTE, "min", seconds % MINUTE, "s"),
        HOUR..DAY => pair(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        _ => pair(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// A length of time as the configuration has it: `8s`, `5m`, `1h30m`, `250ms`. `None` where it is none.
pub(crate) fn read(text: &str) -> Option<Duration> {
    let signed: SignedDuration = text.parse().ok()?;
    Duration::try_from(signed).ok()
}

/// Units of Go's durations, in nanoseconds.
const GO_UNITS: &[(&str, f64)] =
    &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// A length of time as Go writes it: `1s`, `500ms`, `1m30s`; a bare number can only be 0. `None` where it is none.
pub(crate) fn read_go(text: &str) -> Option<Duration> {
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
        let (_, size) = GO_UNITS.iter().find(|(name, _)| *name == unit)?;
        nanoseconds += number.parse::<f64>().ok()? * size;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(nanoseconds / 1e9).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (725, "12 min 5 s"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (12_059, "3 h 20 min"),
            (86_400, "1 d"),
            (356_400, "4 d 3 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(span(Duration::from_millis(250)), "250 ms");
        assert_eq!(span(Duration::from_millis(2_999)), "2 s");
    }

    #[test]
    fn the_configuration_has_units() {
        for (text, milliseconds) in [("8s", 8_000), ("5m", 300_000), ("250ms", 250), ("1h30m", 5_400_000), ("0s", 0)] {
            assert_eq!(read(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "0", "8", "-3s", "s", "8x", "1e400s"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_web_configuration_has_durations_of_go() {
        for (text, milliseconds) in
            [("0", 0), ("1s", 1000), ("500ms", 500), ("1m30s", 90_000), ("1.5h", 5_400_000), ("0s", 0)]
        {
            assert_eq!(read_go(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "1", "s", "-1s", "1d", "1s5", ".s", "1e9h"] {
            assert_eq!(read_go(bad), None, "{bad}");
        }
    }
}
