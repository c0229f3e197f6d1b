//! What a target's own wall clock tells: how far it is off, and where it stands.

use crate::master::TargetRow;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const HOUR: f64 = 3_600.0;
const QUARTER_OF_AN_HOUR: f64 = 900.0;

/// Target clock minus master clock at the last poll, in seconds, within ±30 minutes.
///
/// The target's local time less the offset that it reports ought to be the UTC of that poll. The offset is minus the
/// registry's `Bias`, which knows no daylight saving, so a whole hour may be the season and is folded away. A half or a
/// quarter of an hour in a zone's own offset is part of what is reported and is taken out with it.
pub(crate) fn skew_seconds(row: &TargetRow) -> f64 {
    let reported = f64::from(row.time_zone_adjustment_minutes) * 60.0;
    let skew = ahead_of_utc(row) - reported;
    skew - HOUR * (skew / HOUR).round()
}

/// The offset from UTC in force on the target at its last poll, in seconds east, to the quarter of an hour: daylight
/// saving is in it, and so is whatever a wrong clock is off by.
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
