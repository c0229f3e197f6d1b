//! Rules for instructions that wait or failed, for the clock, and for what is not known.

use super::Evidence;
use super::diagnose::{Case, Subject};
use super::silence::GRACE;
use crate::model::figures::{count, instant, literal, span};
use crate::model::{Cause, Stage};
use std::time::Duration;

/// A larger clock skew is a fault.
const SKEW_SECONDS: f64 = 300.0;

/// A DEFECT instruction waits, whether or not the target's row still exists.
pub(super) fn defect_pending(subject: &Subject<'_>) -> Option<Evidence> {
    if subject.defects_waiting == 0 {
        return None;
    }
    let waiting = count(subject.defects_waiting, "DEFECT instruction");
    let text = match subject.enlisted {
        Some(_) => format!("{waiting} not fetched yet: the target leaves this master when it polls next."),
        None => format!(
            "{waiting} not fetched, and the row of the target is gone: it still believes that it is enlisted and \
             leaves when it polls next. If its host is gone for good, the instruction stays for ever: delete it from \
             msdb.dbo.sysdownloadlist."
        ),
    };
    Some(Cause::DefectPending.because(text))
}

/// The configuration expects a target that is not enlisted.
pub(super) fn not_enlisted(name: &str) -> Evidence {
    Cause::NotEnlisted.because(format!(
        "The master has no row for it, though the configuration expects {name}: its polls, if any, leave no trace here. \
         Run msdb.dbo.sp_msx_enlist on the target, after msdb.dbo.sp_msx_defect if it still believes that it is \
         enlisted."
    ))
}

/// An instruction failed, and the target executes none after it.
pub(super) fn download_error(case: &Case<'_>) -> Option<Evidence> {
    let downloads = &case.target.downloads.as_ref()?.waiting;
    let failed = downloads.failed();
    if failed == 0 {
        return None;
    }
    let classes: Vec<String> = downloads
        .errors
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| format!("{} {count}", class.name()))
        .collect();
    Some(Cause::DownloadError.because(format!(
        "{} failed on the target: {}; everything behind is held, {} waiting. Remove what is wrong there, then \
         post its jobs again: EXEC msdb.dbo.sp_resync_targetserver {}; this deletes the errors too, so note them first.",
        count(failed, "instruction"),
        classes.join(", "),
        downloads.pending_total(),
        literal(case.name)
    )))
}

/// The target polls, but does not take the instructions posted for it.
pub(super) fn not_downloading(case: &Case<'_>) -> Option<Evidence> {
    let downloads = &case.target.downloads.as_ref()?.waiting;
    let oldest = downloads.oldest_pending?;
    let passed = Duration::try_from(case.target.last_poll.duration_since(oldest)).unwrap_or_default();
    let allowed = case.target.poll_interval.saturating_mul(2).max(GRACE);
    (case.target.polled && passed > allowed).then(|| {
        Cause::NotDownloading.because(format!(
            "{} not taken in {} of polling: the oldest waits since {}, and the target polled last at {}.",
            count(downloads.pending_total(), "instruction"),
            span(passed),
            instant(oldest),
            instant(case.target.last_poll)
        ))
    })
}

/// Its clock is off, full hours left aside.
pub(super) fn clock_skew(case: &Case<'_>) -> Option<Evidence> {
    let skew = case.target.clock_skew_seconds.filter(|skew| skew.abs() > SKEW_SECONDS)?;
    let direction = if skew > 0.0 { "ahead of" } else { "behind" };
    Some(Cause::ClockSkew.because(format!(
        "Its clock was {} {direction} the master's, full hours left aside, at its last poll: times of job runs are \
         off, and Kerberos refuses over 5 min. Look at its time service.",
        span(Duration::try_from_secs_f64(skew.abs()).unwrap_or_default())
    )))
}

/// The download list was not read, so the target is not known to be fine.
pub(super) fn unknown(stage: Stage) -> Evidence {
    Cause::Unknown.because(format!(
        "The download list was not read (stopped at {}): whether instructions wait or failed is not known.",
        stage.name()
    ))
}
