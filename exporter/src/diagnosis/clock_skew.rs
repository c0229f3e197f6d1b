//! How far a target's clock is off, and its offset from UTC.

use crate::collectors::TargetRow;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const HOUR: f64 = 3_600.0;
const QUARTER_OF_AN_HOUR: f64 = 900.0;

/// Target clock minus master clock at the last poll, in seconds, within ±30 minutes.
///
/// The target's local time minus its reported offset should be the UTC of that poll. The offset is minus the registry's
/// `Bias`, which ignores daylight saving, so a full hour may be the season and is folded away. A half or a quarter of
/// an hour in a zone's own offset is part of the reported offset and cancels out.
pub(crate) fn skew_seconds(row: &TargetRow) -> f64 {
    let reported = f64::from(row.time_zone_adjustment_minutes) * 60.0;
    let skew = ahead_of_utc(row) - reported;
    let folded = skew - HOUR * (skew / HOUR).round();
    // To the millisecond; the sum has no negative zero.
    (folded * 1_000.0).round() / 1_000.0 + 0.0
}

/// The offset from UTC in force on the target at its last poll, in seconds east, to the quarter of an hour. Includes
/// daylight saving, and the error of a wrong clock.
pub(crate) fn observed_offset(row: &TargetRow) -> SignedDuration {
    let offset = (ahead_of_utc(row) / QUARTER_OF_AN_HOUR).round() * QUARTER_OF_AN_HOUR;
    // Two instants of jiff's range lie at most 20,000 years apart, far inside an i64 of seconds.
    SignedDuration::from_secs(offset as i64)
}

/// A local time of the target in UTC. `None` where that is outside of the range of timestamps.
pub(crate) fn to_utc(local: DateTime, offset: SignedDuration) -> Option<Timestamp> {
    let since_epoch = as_if_utc(local).checked_sub(offset)?;
    Timestamp::from_duration(since_epoch).ok()
}

fn ahead_of_utc(row: &TargetRow) -> f64 {
    as_if_utc(row.local_time_at_last_poll).saturating_sub(row.last_poll.as_duration()).as_secs_f64()
}

fn as_if_utc(local: DateTime) -> SignedDuration {
    local.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::fixtures::{ago, target, wall_clock};

    /// A target whose clock shows a zone so many minutes east, reports another, and is wrong by some seconds.
    fn in_zone(shows: i32, reports: i32, off: i64) -> TargetRow {
        let last_poll = ago(20);
        let local = wall_clock(last_poll, shows).checked_add(SignedDuration::from_secs(off)).unwrap_or_default();
        let row = target(1, "SQL01");
        TargetRow { last_poll, local_time_at_last_poll: local, time_zone_adjustment_minutes: reports, ..row }
    }

    #[test]
    fn a_clock_that_is_right_has_no_skew_in_any_zone() {
        for minutes in [0, 60, -300, 330, -210, 345, 765, -720] {
            assert_eq!(skew_seconds(&in_zone(minutes, minutes, 0)), 0.0, "{minutes}");
        }
    }

    #[test]
    fn an_hour_of_daylight_saving_is_no_skew() {
        assert_eq!(skew_seconds(&in_zone(120, 60, 0)), 0.0);
        assert_eq!(skew_seconds(&in_zone(-240, -300, 0)), 0.0);
        assert_eq!(skew_seconds(&in_zone(120, 60, 400)), 400.0);
    }

    #[test]
    fn skew_has_a_sign_and_stays_within_half_an_hour() {
        assert_eq!(skew_seconds(&in_zone(330, 330, 301)), 301.0);
        assert_eq!(skew_seconds(&in_zone(330, 330, -301)), -301.0);
        assert_eq!(skew_seconds(&in_zone(0, 0, 1_799)), 1_799.0);
        assert_eq!(skew_seconds(&in_zone(0, 0, 1_801)), -1_799.0);
        assert_eq!(skew_seconds(&in_zone(0, 0, 3_600 + 90)), 90.0);
    }

    #[test]
    fn skew_counts_to_the_millisecond() {
        for (milliseconds, skew) in [(-660, -0.66), (340, 0.34), (-3_600_000, 0.0)] {
            let row = in_zone(0, 0, 0);
            let off = SignedDuration::from_millis(milliseconds);
            let local_time_at_last_poll = row.local_time_at_last_poll.checked_add(off).unwrap_or_default();
            let shown = skew_seconds(&TargetRow { local_time_at_last_poll, ..row });
            assert_eq!((shown.to_string(), shown), (skew.to_string(), skew));
        }
    }

    #[test]
    fn the_observed_offset_holds_the_season_and_rounds_to_a_quarter_of_an_hour() {
        let hours = |row: TargetRow| observed_offset(&row).as_secs();
        assert_eq!(hours(in_zone(120, 60, 0)), 7_200);
        assert_eq!(hours(in_zone(345, 345, 0)), 20_700);
        assert_eq!(hours(in_zone(-210, -210, 0)), -12_600);
        assert_eq!(hours(in_zone(60, 60, 449)), 3_600);
        assert_eq!(hours(in_zone(60, 60, 451)), 4_500);
    }

    #[test]
    fn a_local_time_of_the_target_becomes_utc() {
        let offset = observed_offset(&in_zone(330, 330, 0));
        let ran = DateTime::constant(2026, 11, 22, 15, 0, 0, 0);
        assert_eq!(to_utc(ran, offset).map(|at| at.to_string()), Some("2026-11-22T09:30:00Z".to_owned()));
        assert_eq!(to_utc(DateTime::MAX, -offset), None);
    }
}
