//! The master itself.

use crate::diagnosis::{Fleet, MasterClock};
use crate::exposition::catalogue as metric;
use crate::exposition::family_writer::{FamilyWriter, Value};
use std::fmt;

/// Whether the targets were read.
pub(crate) fn up(families: &mut FamilyWriter<'_>, fleet: &Fleet) -> fmt::Result {
    families.single(&metric::UP, Some(fleet.master.is_some()))
}

/// Everything about the master. Only for a fleet whose targets were read.
pub(crate) fn master(families: &mut FamilyWriter<'_>, fleet: &Fleet, clock: &MasterClock) -> fmt::Result {
    let server = fleet.server.as_ref();
    families.family(
        &metric::SERVER_INFO,
        server.map(|server| {
            let labels = [
                ("server", server.name.as_str()),
                ("version", server.version.as_str()),
                ("edition", server.edition.as_str()),
                ("auth_scheme", server.auth_scheme.as_deref().unwrap_or_default()),
                ("encrypted", truth(server.encrypted)),
            ];
            (labels, Value::from(true))
        }),
    )?;
    families.single(&metric::SERVER_TIME, Some(clock.now))?;
    families.single(&metric::SERVER_UTC_OFFSET, Some(clock.utc_offset_seconds))?;
    families.single(&metric::SERVER_START, Some(clock.started))?;
    families.single(&metric::AGENT_RUNNING, server.and_then(|server| server.agent_running))?;
    families.single(&metric::OPERATOR_PRESENT, server.and_then(|server| server.operator_present))?;
    families.single(&metric::TARGETS, Some(fleet.targets.iter().filter(|target| target.enlisted.is_some()).count()))?;
    families.family(
        &metric::ORPHAN_INSTRUCTIONS,
        fleet.orphans.iter().flatten().filter(|orphan| orphan.count > 0).map(|orphan| {
            ([("target", orphan.target.as_str()), ("operation", orphan.kind.name())], orphan.count.into())
        }),
    )?;
    families.single(&metric::DOWNLOADLIST_ROWS, fleet.downloadlist_rows)?;
    let certificate = server.and_then(|server| server.certificate.as_ref());
    families.single(&metric::CERTIFICATE_EXPIRY, certificate.map(|certificate| certificate.not_after))?;
    families.family(
        &metric::CERTIFICATE_INFO,
        certificate.map(|certificate| {
            let labels = [
                ("subject", certificate.subject.as_str()),
                ("issuer", certificate.issuer.as_str()),
                ("self_signed", truth(certificate.self_signed)),
            ];
            (labels, Value::from(true))
        }),
    )
}

/// A truth as a label's value.
pub(crate) fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
