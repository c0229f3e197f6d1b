//! When a target is silent: one rule for every room.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What SQL Server Agent polls by when nothing else is set.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Intervals without a poll after which a target is silent.
const INTERVALS: u32 = 3;
/// A poll that lies further ahead than this was written while the master's clock was wrong.
pub(crate) const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// The interval that a target reported in seconds, or SQL Server's default where it reported none.
pub(crate) fn poll_interval(stored_seconds: i32) -> Duration {
    match u64::try_from(stored_seconds) {
        Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => DEFAULT_INTERVAL,
    }
}

/// The silence after which a target is silent: three of its own poll intervals.
pub(crate) fn patience(poll_interval: Duration) -> Duration {
    poll_interval.saturating_mul(INTERVALS)
}

/// Whether a time in a row of a target lies so far ahead of the master's now that it says nothing.
pub(crate) fn is_ahead(now: Timestamp, at: Timestamp) -> bool {
    at.duration_since(now) > AHEAD
}

/// Whether the last poll is over three intervals ago by the master's clock, or lies too far ahead of it.
pub(crate) fn is_silent(now: Timestamp, last_poll: Timestamp, poll_interval: Duration) -> bool {
    let age = now.duration_since(last_poll);
    age < -AHEAD || SignedDuration::try_from(patience(poll_interval)).is_ok_and(|patience| age > patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_is_over_three_intervals_and_what_lies_far_ahead() {
        let now = Timestamp::constant(1_764_000_000, 0);
        let silent = |ago: i64| is_silent(now, now - SignedDuration::from_secs(ago), Duration::from_secs(60));
        assert_eq!([-301, -300, 0, 180, 181].map(silent), [true, false, false, false, true]);
    }

    #[test]
    fn an_interval_of_nothing_is_a_minute() {
        for (stored, meant) in [(i32::MIN, 60), (-1, 60), (0, 60), (1, 1), (28_800, 28_800), (i32::MAX, 2_147_483_647)]
        {
            assert_eq!(poll_interval(stored).as_secs(), meant);
        }
    }
}
