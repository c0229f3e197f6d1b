//! Rules for a target that does not poll.

use super::Evidence;
use super::diagnose::Case;
use crate::diagnosis::target::elapsed;
use crate::model::figures::{instant, span};
use crate::model::{Cause, silence};
use std::time::Duration;

/// No target is called silent sooner than this, however short its interval.
pub(super) const GRACE: Duration = Duration::from_secs(600);

/// It is silent, but the master started or the enlistment happened so recently that a target that polls seldom may not
/// have polled yet. A start explains no silence that was seen before it.
pub(super) fn settling(case: &Case<'_>) -> Option<Evidence> {
    let Case { target, now, .. } = *case;
    if !case.stale && target.polled {
        return None;
    }
    let interval = span(target.poll_interval);
    let up = elapsed(now, case.started);
    let since_start = target.polled && target.last_poll >= case.started && !silence::is_ahead(now, target.last_poll);
    if up < case.patience && !since_start && !case.was_silent {
        return Some(Cause::Settling.because(format!(
            "The master started {} ago; this target polls every {interval} and has not polled since.",
            span(up)
        )));
    }
    let enlisted = elapsed(now, target.row.enlisted_at);
    let young =
        !target.polled && !silence::is_ahead(now, target.row.enlisted_at) && enlisted <= case.patience.max(GRACE);
    young.then(|| {
        Cause::Settling.because(format!(
            "Enlisted {} ago: a target that polls every {interval} is given {} for its first poll.",
            span(enlisted),
            span(case.patience.max(GRACE))
        ))
    })
}

/// It was enlisted and has never polled.
pub(super) fn never_polled(case: &Case<'_>) -> Option<Evidence> {
    let enlisted = elapsed(case.now, case.target.enlisted_at);
    (!case.target.polled && enlisted > case.patience.max(GRACE)).then(|| {
        let guess = " On the target: is SQL Server Agent running, and was it restarted after enlisting? Does it reach the \
                     master's engine port, does MsxEncryptChannelOptions fit the master's certificate, and may its login \
                     poll (TargetServersRole)?";
        Cause::NeverPolled.because(format!(
            "Enlisted {} ago ({}) and has never polled.{}",
            span(enlisted),
            instant(case.target.enlisted_at),
            if case.is_explained { "" } else { guess }
        ))
    })
}

/// Most of the fleet fell silent at the same time.
pub(super) fn master_side(case: &Case<'_>) -> Option<Evidence> {
    case.outage.map(|outage| {
        let mut text = format!(
            "{} targets fell silent together, of {} that had polled within the day before. Look at the master \
             first: its certificate, its listener, the targets' login, a move to another host or a restore.",
            outage.silent, outage.alive
        );
        if !case.of_master.is_empty() {
            text.push_str(&format!(" What stands out there: {}.", case.of_master.join("; ")));
        }
        text.extend(case.majority.map(|majority| format!(" {majority}")));
        Cause::MasterSide.because(text)
    })
}

/// It is silent, whatever else is found.
pub(super) fn stopped_polling(case: &Case<'_>) -> Option<Evidence> {
    if !case.stale {
        return None;
    }
    let interval = span(case.target.poll_interval);
    let ahead = case.target.last_poll.duration_since(case.now);
    let text = if silence::is_ahead(case.now, case.target.last_poll) {
        let (what, at) = (if case.target.polled { "Its last poll" } else { "Its enlistment" }, case.target.last_poll);
        format!(
            "{what} lies {} ahead of the master's clock ({}): that clock was put right since, so it says nothing of \
             whether the target polls. Its next poll writes a new time.",
            span(ahead.unsigned_abs()),
            instant(at)
        )
    } else if case.target.polled {
        let guess = " SQL Server Agent is stopped there, or it was defected by force, enlisted elsewhere or renamed, or its \
                     way to the master, its login or its TLS fails: look into the log of SQL Server Agent on the target.";
        format!(
            "Last poll {} ago ({}), over 3 of its intervals of {interval}.{}",
            span(case.age),
            instant(case.target.last_poll),
            if case.is_explained { "" } else { guess }
        )
    } else {
        format!("No poll in the {} since it was enlisted, over 3 of its intervals of {interval}.", span(case.age))
    };
    Some(Cause::StoppedPolling.because(text))
}
