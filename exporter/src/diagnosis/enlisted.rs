//! From the row of a target to the facts about it.

use super::clock_skew::skew_seconds;
use super::target::{Enlisted, PollStatus, TargetDownloads};
use crate::collectors::TargetRow;
use crate::model::silence;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// `sp_enlist_tsx` reads the clock twice for the two columns of a new row, so they can differ by a little.
const NEVER_POLLED_WITHIN: SignedDuration = SignedDuration::from_secs(1);

const NORMAL: i32 = 0x1;
const SUSPECTED_OFFLINE: i32 = 0x2;
const BLOCKED: i32 = 0x4;

/// Whether it has polled since it was enlisted.
pub(crate) fn polled(row: &TargetRow) -> bool {
    polled_since(row.enlisted_at, row.last_poll)
}

/// Whether this last poll was one, and not the enlistment.
pub(crate) fn polled_since(enlisted_at: Timestamp, last_poll: Timestamp) -> bool {
    last_poll.duration_since(enlisted_at).abs() > NEVER_POLLED_WITHIN
}

/// The facts about a target. `downloads` is `None` when the download list was not read.
pub(crate) fn enlisted(row: &Arc<TargetRow>, downloads: Option<TargetDownloads>) -> Enlisted {
    let polled = polled(row);
    Enlisted {
        row: row.clone(),
        polled,
        poll_interval: silence::poll_interval(row.poll_interval_seconds),
        status: status(row, downloads.as_ref()),
        clock_skew_seconds: polled.then(|| skew_seconds(row)),
        downloads,
    }
}

/// The bits as `sp_help_targetserver` returns them: one stored, the others computed at the call.
fn status(row: &TargetRow, downloads: Option<&TargetDownloads>) -> PollStatus {
    let late = row.local_poll_age_seconds > 3 * i64::from(row.poll_interval_seconds);
    let failed = downloads.is_some_and(|downloads| downloads.waiting.failed() > 0);
    PollStatus {
        normal: row.stored_status & NORMAL != 0,
        suspected_offline: late || row.stored_status & SUSPECTED_OFFLINE != 0,
        blocked: failed || row.stored_status & BLOCKED != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::DownloadRow;
    use crate::diagnosis::fixtures::{ago, never_polled, polled_at, target};
    use crate::model::ErrorClass;
    use enum_map::enum_map;

    fn bits(row: TargetRow, downloads: Option<TargetDownloads>) -> (bool, bool, bool) {
        let status = enlisted(&Arc::new(row), downloads).status;
        (status.normal, status.suspected_offline, status.blocked)
    }

    #[test]
    fn a_poll_within_a_second_of_the_enlistment_is_none() {
        let at = |milliseconds| {
            let last_poll = ago(600).checked_add(SignedDuration::from_millis(milliseconds)).unwrap_or_default();
            polled(&TargetRow { enlisted_at: ago(600), last_poll, ..target(1, "SQL01") })
        };
        assert_eq!([-1_001, -1_000, 0, 1_000, 1_001].map(at), [true, false, false, false, true]);
    }

    #[test]
    fn status_bits_are_those_of_sp_help_targetserver() {
        let row = |stored_status, local_poll_age_seconds, poll_interval_seconds| TargetRow {
            stored_status,
            local_poll_age_seconds,
            poll_interval_seconds,
            ..target(1, "SQL01")
        };
        assert_eq!(bits(row(1, 180, 60), None), (true, false, false));
        assert_eq!(bits(row(1, 181, 60), None), (true, true, false));
        assert_eq!(bits(row(1, 1, 0), None), (true, true, false), "the interval as stored, not the default");
        assert_eq!(bits(row(0, -3_600, 60), None), (false, false, false));
        assert_eq!(bits(row(6, 0, 60), None), (false, true, true), "what is stored stays");
        assert_eq!(bits(row(1, i64::MAX, i32::MAX), None), (true, true, false));
        let failed = TargetDownloads {
            waiting: DownloadRow { errors: enum_map! { ErrorClass::Other => 1, _ => 0 }, ..DownloadRow::default() },
            ..TargetDownloads::default()
        };
        assert_eq!(bits(row(1, 0, 60), Some(failed)), (true, false, true));
    }

    #[test]
    fn there_is_no_skew_before_the_first_poll() {
        assert_eq!(enlisted(&never_polled(1, "SQL01", 30).into(), None).clock_skew_seconds, None);
        assert_eq!(enlisted(&polled_at(target(1, "SQL01"), 30).into(), None).clock_skew_seconds, Some(0.0));
    }
}
