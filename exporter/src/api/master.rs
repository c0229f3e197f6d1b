//! What `/api/v1/targets` has of the master.

use crate::diagnosis::{MasterClock, MasterFleet};
use crate::model::{Certificate, UtcInstant};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct MasterFacts<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    edition: Option<&'a str>,
    now: UtcInstant,
    utc_offset_seconds: i32,
    started: UtcInstant,
    agent_running: Option<bool>,
    operator_present: Option<bool>,
    session_encrypted: Option<bool>,
    certificate: Option<CertificateFacts<'a>>,
    downloadlist_rows: Option<i64>,
}

impl<'a> MasterFacts<'a> {
    pub(super) fn new(fleet: &'a MasterFleet, clock: &MasterClock) -> MasterFacts<'a> {
        let server = fleet.server.as_ref();
        let certificate = server.and_then(|server| server.certificate.as_ref());
        MasterFacts {
            name: server.map(|server| server.name.as_str()),
            version: server.map(|server| server.version.as_str()),
            edition: server.map(|server| server.edition.as_str()),
            now: UtcInstant(clock.now),
            utc_offset_seconds: clock.utc_offset_seconds,
            started: UtcInstant(clock.started),
            agent_running: server.and_then(|server| server.agent_running),
            operator_present: server.and_then(|server| server.operator_present),
            session_encrypted: server.map(|server| server.encrypted),
            certificate: certificate.map(|certificate| CertificateFacts::new(certificate, clock.now)),
            downloadlist_rows: fleet.downloadlist_rows,
        }
    }
}

/// The certificate that targets are shown.
#[derive(Serialize)]
struct CertificateFacts<'a> {
    subject: &'a str,
    issuer: &'a str,
    self_signed: bool,
    not_after: UtcInstant,
    acceptance: &'static str,
    text: &'static str,
}

impl<'a> CertificateFacts<'a> {
    fn new(certificate: &'a Certificate, now: Timestamp) -> CertificateFacts<'a> {
        let acceptance = certificate.acceptance(now).word();
        CertificateFacts {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            self_signed: certificate.self_signed,
            not_after: UtcInstant(certificate.not_after),
            acceptance: acceptance.name,
            text: acceptance.title,
        }
    }
}
