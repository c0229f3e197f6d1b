//! How long a scrape may wait.

use hyper::HeaderMap;
use std::time::Duration;

/// The header in which Prometheus states its `scrape_timeout` in seconds.
const HEADER: &str = "x-prometheus-scrape-timeout-seconds";
/// Subtracted from Prometheus' time-out for rendering and the network.
const RESERVE: f64 = 0.5;
/// Added to the time-out of the reading where the client states none.
const MARGIN: Duration = Duration::from_millis(500);
/// An upper bound that no reading reaches; it keeps the arithmetic of instants from overflowing.
const LONGEST: f64 = 3600.0;

/// How long to wait for a reading: the client's time-out less 0.5 s, but at least half of it. Where the client states
/// none, or an invalid one, the time-out of the reading and a margin.
pub(crate) fn wait(headers: &HeaderMap, reading_timeout: Duration) -> Duration {
    let stated = headers
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse::<f64>().ok())
        .filter(|seconds| *seconds > 0.0);
    match stated {
        Some(seconds) => Duration::from_secs_f64((seconds - RESERVE).max(seconds / 2.0).min(LONGEST)),
        None => reading_timeout.saturating_add(MARGIN),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use hyper::header::HeaderValue;

    fn waits(value: &[u8]) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
        wait(&headers, Duration::from_secs(8))
    }

    #[test]
    fn the_clients_time_out_less_half_a_second() {
        assert_eq!(waits(b"10"), Duration::from_millis(9500));
        assert_eq!(waits(b" 2.5 "), Duration::from_secs(2));
        assert_eq!(waits(b"0.6"), Duration::from_millis(300));
        assert_eq!(waits(b"1e300"), Duration::from_secs(3600));
        assert_eq!(waits(b"inf"), Duration::from_secs(3600));
    }

    #[test]
    fn nonsense_is_as_good_as_none() {
        let default = Duration::from_millis(8500);
        assert_eq!(wait(&HeaderMap::new(), Duration::from_secs(8)), default);
        for value in [&b""[..], b"ten", b"NaN", b"-1", b"-inf", b"0", b"-0.0", b"\xff\xfe", b"10s"] {
            assert_eq!(waits(value), default, "{value:?}");
        }
    }
}
