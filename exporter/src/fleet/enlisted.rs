//! From the row of a target to what is true of it.

use super::clock_skew::skew_seconds;
use super::target::{Enlisted, PollStatus, TargetDownloads};
use crate::master::TargetRow;
use jiff::SignedDuration;
use std::time::Duration;

/// What SQL Server Agent polls by when nothing else is set.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// `sp_enlist_tsx` takes the time twice for the two columns of a new row, so they can differ by a little.
const NEVER_POLLED_WITHIN: SignedDuration = SignedDuration::from_secs(1);

const NORMAL: i32 = 0x1;
const SUSPECTED_OFFLINE: i32 = 0x2;
const BLOCKED: i32 = 0x4;

/// The interval that a target reported, or SQL Server's default where it reported none.
pub(crate) fn poll_interval(row: &TargetRow) -> Duration {
    match u64::try_from(row.poll_interval_seconds) {
        Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => DEFAULT_INTERVAL,
    }
}

/// Whether it has polled since it was enlisted.
pub(crate) fn polled(row: &TargetRow) -> bool {
    row.last_poll.duration_since(row.enlisted_at).abs() > NEVER_POLLED_WITHIN
}

/// What the master knows of a target. `downloads` is `None` when the download list was not read.
pub(crate) fn enlisted(row: &TargetRow, downloads: Option<TargetDownloads>) -> Enlisted {
    let polled = polled(row);
    Enlisted {
        location: row.location.clone().unwrap_or_default(),
        groups: row.groups.clone(),
        at: row.enlisted_at,
        last_poll: row.last_poll,
        polled,
        poll_interval: poll_interval(row),
        status: status(row, downloads.as_ref()),
        clock_skew_seconds: polled.then(|| skew_seconds(row)),
        utc_offset_seconds: row.time_zone_adjustment_minutes.saturating_mul(60),
        downloads,
    }
}

/// The bits as `sp_help_targetserver` answers them: what is stored, and what it finds as it is called.
fn status(row: &TargetRow, downloads: Option<&TargetDownloads>) -> PollStatus {
    let late = row.local_poll_age_seconds > 3 * i64::from(row.poll_interval_seconds);
    let failed = downloads.is_some_and(|downloads| downloads.errors.iter().any(|count| *count > 0));
    PollStatus {
        normal: row.stored_status & NORMAL != 0,
        suspected_offline: late || row.stored_status & SUSPECTED_OFFLINE != 0,
        blocked: failed || row.stored_status & BLOCKED != 0,
    }
}
