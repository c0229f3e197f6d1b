//! What closed ports prove, and what they do not.
//!
//! Polling goes from the target to the master. A port that is closed in the other direction proves something only where
//! the configuration requires it, or where it was open while the target polled.

use super::Evidence;
use super::diagnose::Case;
use crate::model::{Cause, Check, Direction, PortState};
use crate::probe::Finding;

/// The finding on the engine port of a target, as seen from the master.
pub(crate) fn engine(findings: &[Finding]) -> Option<&Finding> {
    findings.iter().find(|finding| finding.check == Check::Engine && finding.direction == Direction::ToTarget)
}

/// What the engine port proves about a silent target.
pub(super) fn silent_engine(case: &Case<'_>) -> Option<Evidence> {
    let finding = engine(case.findings).filter(|finding| case.stale && proves(finding, case.engine_was_open))?;
    let cause = cause(finding.state)?;
    let why = if finding.required { "the configuration requires it" } else { "it was open while the target polled" };
    let next = match cause {
        Cause::Unresolved => "is the host renamed or retired, or does DNS on the master fail?",
        Cause::Unreachable => "is the host down, or does a firewall drop it?",
        _ => "the host is up and nothing listens: is SQL Server stopped, or its port another one now?",
    };
    Some(cause.because(format!("{}, and {why}: {next}", state(finding))))
}

/// Closed ports that prove nothing, in the order of the checks.
pub(super) fn remarks(findings: &[Finding], stale: bool, engine_was_open: bool) -> impl Iterator<Item = Evidence> {
    let proof = engine(findings).filter(move |finding| stale && proves(finding, engine_was_open));
    findings
        .iter()
        .filter(|finding| finding.direction == Direction::ToTarget && finding.state.open() == Some(false))
        .filter(move |finding| !proof.is_some_and(|proof| std::ptr::eq(proof, *finding)))
        .map(|finding| {
            let need = if finding.required { "required by the configuration" } else { "not needed for polling" };
            Evidence { cause: None, text: format!("{}; {need}.", state(finding)) }
        })
}

fn proves(finding: &Finding, was_open: bool) -> bool {
    finding.required || was_open
}

fn cause(state: PortState) -> Option<Cause> {
    match state {
        PortState::Unresolved => Some(Cause::Unresolved),
        PortState::Filtered | PortState::Unreachable => Some(Cause::Unreachable),
        PortState::Refused => Some(Cause::EngineDown),
        PortState::Open
        | PortState::NoAnswer
        | PortState::Denied
        | PortState::WrongProtocol
        | PortState::TlsFailed
        | PortState::Skipped => None,
    }
}

/// The finding without the address, because it is shown without authentication.
fn state(finding: &Finding) -> String {
    let port = finding.port.map(|port| format!(" {port}/{}", finding.transport)).unwrap_or_default();
    let check = finding.check.name();
    match finding.state {
        PortState::Unresolved => format!("From here its name has no address (check {check})"),
        PortState::Filtered => format!("From here the port of {check}{port} does not answer"),
        PortState::Unreachable => format!("From here there is no way to the port of {check}{port}"),
        _ => format!("From here the port of {check}{port} is refused"),
    }
}
