//! The table of causes, from the first that is decided to the last.

use super::outage::{Outage, Outages, Poll};
use super::{Diagnosis, Evidence, arrivals, instructions, pages, ports, silence};
use crate::collectors::TargetRow;
use crate::diagnosis::arrivals::Trace;
use crate::diagnosis::enlisted::polled;
use crate::diagnosis::pages::PageEvidence;
use crate::diagnosis::target::{Enlisted, elapsed};
use crate::model::{Cause, Stage};
use crate::probe::Finding;
use jiff::Timestamp;
use std::time::Duration;

/// Facts that are the same for all targets of one reading.
pub(crate) struct Circumstances {
    /// The master's now.
    pub(crate) now: Timestamp,
    /// When the master started.
    pub(crate) started: Timestamp,
    /// The times at which many targets fell silent together.
    pub(crate) outages: Outages,
    /// What is known of the master that may silence all its targets, in words.
    pub(crate) of_master: Vec<&'static str>,
    /// The stage in which the reading of the download list failed, if it did.
    pub(crate) downloads_failed: Option<Stage>,
}

/// The facts about the target that is judged.
pub(crate) struct Subject<'a> {
    /// Its name as shown.
    pub(crate) name: &'a str,
    /// Its row. `None` when it is expected and not enlisted.
    pub(crate) enlisted: Option<&'a Enlisted>,
    /// DEFECT instructions that wait for it.
    pub(crate) defects_waiting: u64,
    /// The findings of the port checks.
    pub(crate) findings: &'a [Finding],
    /// Whether its engine port was once open from the master's side while it polled.
    pub(crate) engine_was_open: bool,
    /// Whether it was known to be silent at the reading before.
    pub(crate) was_silent: bool,
    /// The master's evidence; only for a stale target.
    pub(crate) trace: Option<&'a Trace>,
    /// What its own pages prove; only for a stale target.
    pub(crate) pages: &'a PageEvidence<'a>,
    /// What the master shows of most of those that fell silent with it.
    pub(crate) majority: Option<&'a str>,
}

/// An enlisted target as the rules see it.
pub(super) struct Case<'a> {
    pub(super) name: &'a str,
    pub(super) target: &'a Enlisted,
    pub(super) now: Timestamp,
    pub(super) started: Timestamp,
    /// Since its last poll, by the master's clock.
    pub(super) age: Duration,
    /// Three of its intervals.
    pub(super) patience: Duration,
    pub(super) stale: bool,
    pub(super) outage: Option<&'a Outage>,
    pub(super) findings: &'a [Finding],
    pub(super) engine_was_open: bool,
    pub(super) was_silent: bool,
    /// The master's evidence; only for a stale target.
    pub(super) trace: Option<&'a Trace>,
    /// What its own pages prove; only for a stale target.
    pub(super) pages: &'a PageEvidence<'a>,
    pub(super) majority: Option<&'a str>,
    pub(super) of_master: &'a [&'static str],
    /// Whether a rule before this one found a cause.
    pub(super) is_explained: bool,
}

impl Poll {
    /// The last poll of a target, for the search for outages. `None` when it has never polled.
    pub(crate) fn of(row: &TargetRow, now: Timestamp) -> Option<Poll> {
        polled(row).then(|| Poll {
            at: row.last_poll.as_millisecond(),
            patience: row.patience(),
            stale: row.is_silent(now),
        })
    }
}

/// One rule for an enlisted target.
struct Rule {
    /// The causes that it can find.
    causes: &'static [Cause],
    find: fn(&Case<'_>) -> Option<Evidence>,
}

/// The rules for an enlisted target, from the first that is decided to the last.
const RULES: [Rule; 14] = [
    Rule { causes: &[Cause::Settling], find: silence::settling },
    Rule { causes: &[Cause::MasterSide], find: silence::master_side },
    Rule { causes: &[Cause::AgentStopped], find: pages::agent_stopped },
    Rule { causes: &[Cause::LoginRefused], find: arrivals::login_refused },
    Rule { causes: &[Cause::WayClosed], find: pages::way_closed },
    Rule { causes: &[Cause::CertificateRefused], find: pages::certificate_refused },
    Rule { causes: &[Cause::EndedBeforeLogin], find: arrivals::ended_before_login },
    Rule { causes: &[Cause::ConnectedNotPolling], find: arrivals::connected_not_polling },
    Rule { causes: &[Cause::EngineDown, Cause::Unreachable, Cause::Unresolved], find: ports::silent_engine },
    Rule { causes: &[Cause::NeverPolled], find: silence::never_polled },
    Rule { causes: &[Cause::StoppedPolling], find: silence::stopped_polling },
    Rule { causes: &[Cause::DownloadError], find: instructions::download_error },
    Rule { causes: &[Cause::NotDownloading], find: instructions::not_downloading },
    Rule { causes: &[Cause::ClockSkew], find: instructions::clock_skew },
];

/// The causes in the order in which they are decided: the first that holds is the verdict.
pub(crate) fn order() -> Vec<Cause> {
    let rules = RULES.iter().flat_map(|rule| rule.causes).copied();
    [Cause::DefectPending, Cause::NotEnlisted].into_iter().chain(rules).chain([Cause::Unknown, Cause::Ok]).collect()
}

/// Judges one target: every finding in the order of the table, so that the first names the cause, with remarks last.
pub(crate) fn diagnose(subject: &Subject<'_>, circumstances: &Circumstances) -> Diagnosis {
    let mut evidence = Vec::new();
    let mut silent = false;
    evidence.extend(instructions::defect_pending(subject));
    match subject.enlisted {
        None => evidence.push(instructions::not_enlisted(subject.name)),
        Some(target) => {
            let mut case = Case {
                name: subject.name,
                target,
                now: circumstances.now,
                started: circumstances.started,
                age: elapsed(circumstances.now, target.last_poll),
                patience: target.patience(),
                stale: target.is_stale(circumstances.now),
                outage: Poll::of(target, circumstances.now).and_then(|poll| circumstances.outages.of(poll)),
                findings: subject.findings,
                engine_was_open: subject.engine_was_open,
                was_silent: subject.was_silent,
                trace: subject.trace,
                pages: subject.pages,
                majority: subject.majority,
                of_master: &circumstances.of_master,
                is_explained: !evidence.is_empty(),
            };
            silent = case.stale;
            for rule in &RULES {
                evidence.extend((rule.find)(&case));
                case.is_explained = !evidence.is_empty();
            }
        }
    }
    evidence.extend(circumstances.downloads_failed.map(instructions::unknown));
    let cause = evidence.first().and_then(|first| first.cause).unwrap_or(Cause::Ok);
    evidence.extend(ports::remarks(subject.findings, silent, subject.engine_was_open));
    Diagnosis { cause, evidence }
}
