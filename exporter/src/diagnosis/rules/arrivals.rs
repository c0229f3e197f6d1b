//! Rules for a silent target of whose arrivals the master has enough records.

use super::Evidence;
use super::diagnose::Case;
use crate::diagnosis::arrivals::{Run, Trace};
use crate::diagnosis::target::elapsed;
use crate::model::Cause;
use crate::model::figures::{count, span};

/// Logins from its host are refused at the rhythm of its polls.
pub(super) fn login_refused(case: &Case<'_>) -> Option<Evidence> {
    let run = trace(case)?.refused?;
    Some(Cause::LoginRefused.because(format!(
        "The master refused {} from its host {}: something on its host is refused at the rhythm of its polls, and who it is the master's \
         ERRORLOG says.",
        count(run.attempts, "login"),
        at_rhythm(case, run)
    )))
}

/// Connections from its host end before the login at the rhythm of its polls.
pub(super) fn ended_before_login(case: &Case<'_>) -> Option<Evidence> {
    let run = trace(case)?.before_login?;
    Some(Cause::EndedBeforeLogin.because(format!(
        "{} from its host ended before login {}: at the rhythm of its polls. Two suspects: it does not trust the \
         certificate of the master, or its Windows login gets no ticket.",
        count(run.attempts, "connection"),
        at_rhythm(case, run)
    )))
}

/// A session of its Agent was seen.
pub(super) fn connected_not_polling(case: &Case<'_>) -> Option<Evidence> {
    let seen = trace(case)?.agent_seen?;
    Some(Cause::ConnectedNotPolling.because(format!(
        "A SQL Server Agent from its host was logged in to the master {} ago, later than its last poll explains, and it \
         does not poll. Suspects in this order: its session is blocked, it was enlisted under another name, it is newer \
         than its master, its login may not poll.",
        span(elapsed(case.now, seen))
    )))
}

fn trace<'a>(case: &Case<'a>) -> Option<&'a Trace> {
    case.trace.filter(|_| case.stale)
}

fn at_rhythm(case: &Case<'_>, run: Run) -> String {
    let since = if case.target.polled { "its last poll" } else { "it was enlisted" };
    format!("since {since}, one every {}, the newest {} ago", span(run.distance), span(elapsed(case.now, run.newest)))
}
