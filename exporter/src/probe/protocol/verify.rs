//! The verdict of a client that verifies a server's certificate, such as SQL Server Agent on a target whose setting
//! MsxEncryptChannelOptions is 2, its default.

use super::tds::EngineFacts;
use super::{certificate, legacy_signatures};
use crate::model::vocabulary;
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// The authorities that are trusted.
#[derive(Debug, Clone)]
pub struct Anchors(Arc<RootCertStore>);

impl Anchors {
    /// These certificates, in DER. Bytes that are not a certificate are left out.
    pub fn new(certificates: impl IntoIterator<Item = Vec<u8>>) -> Anchors {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.into_iter().map(CertificateDer::from));
        Anchors(Arc::new(store))
    }

    /// This machine's store. Certificates that cannot be read are left out.
    pub fn of_this_machine() -> Anchors {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "a part of this machine's certificate store cannot be read");
        }
        Anchors::new(found.certs.into_iter().map(|certificate| certificate.to_vec()))
    }

    /// This machine's store, and the certificates of a text in PEM form.
    pub(crate) fn of_this_machine_and(pem: &[u8]) -> Anchors {
        let mut store = Arc::unwrap_or_clone(Anchors::of_this_machine().0);
        store.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
        Anchors(Arc::new(store))
    }

    /// Whether this very certificate is trusted, as a self-signed one is once it was added to the store.
    fn holds(&self, leaf: &CertificateDer<'_>) -> bool {
        let mut alone = RootCertStore::empty();
        let added = alone.add(leaf.clone().into_owned()).is_ok();
        let Some(own) = alone.roots.first().filter(|_| added) else { return false };
        let same = |anchor: &&rustls::pki_types::TrustAnchor<'_>| {
            anchor.subject == own.subject && anchor.subject_public_key_info == own.subject_public_key_info
        };
        self.0.roots.iter().any(|anchor| same(&anchor))
    }
}

vocabulary! {
    /// The verdict; of several the first in this order: no TLS, expired, untrusted, another name, fine.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Verdict {
        /// A client that verifies would go on.
        Ok = "ok",
        /// No trusted authority signed it.
        Untrusted = "untrusted",
        /// It is for another name.
        NameMismatch = "name_mismatch",
        /// It has ended, or has not begun.
        Expired = "expired",
        /// The server offers no TLS.
        NoTls = "no_tls",
    }
}

/// Verifies what was seen of a server for the host name under which it is known: the host in MSXServerName, as written.
pub fn verify_certificate(facts: &EngineFacts, name: &str, anchors: &Anchors, now: Timestamp) -> Verdict {
    let chain = facts.tls.as_ref().map(|tls| tls.chain.as_slice()).unwrap_or_default();
    let Some((leaf, rest)) = chain.split_first() else { return Verdict::NoTls };
    let rest: Vec<CertificateDer<'_>> = rest.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    verify_chain(&CertificateDer::from(leaf.as_slice()), &rest, name, anchors, now)
}

/// The same for a certificate and those that came with it.
pub(super) fn verify_chain(
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    name: &str,
    anchors: &Anchors,
    now: Timestamp,
) -> Verdict {
    if !certificate::holds_at(leaf, now) {
        return Verdict::Expired;
    }
    let named = || if certificate::is_for(leaf, name) { Verdict::Ok } else { Verdict::NameMismatch };
    if anchors.holds(leaf) {
        return named();
    }
    let provider = Arc::new(legacy_signatures::provider());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::clone(&anchors.0), provider).build() else {
        return Verdict::Untrusted;
    };
    let instant = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default()));
    // The library needs some name; `certificate::is_for` checks the real one, and accepts common names as Windows does.
    let asked = ServerName::IpAddress(std::net::IpAddr::from([0, 0, 0, 0]).into());
    match verifier.verify_server_cert(leaf, rest, &asked, &[], instant) {
        Ok(_) => named(),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => named(),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => Verdict::Expired,
        Err(_) => Verdict::Untrusted,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::probe::protocol::tls::TlsFacts;
    use msx_lab::tds::Identity;
    use msx_lab::tds::certs::Authority;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn der(pem: &str) -> Vec<u8> {
        use rustls::pki_types::pem::PemObject as _;
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
    }

    fn facts(chain: Vec<Vec<u8>>) -> EngineFacts {
        EngineFacts { tls: Some(TlsFacts { version: "TLSv1.2".to_owned(), chain }), ..EngineFacts::default() }
    }

    fn presented(identity: &Identity) -> EngineFacts {
        facts(identity.chain().iter().map(|der| der.to_vec()).collect())
    }

    #[test]
    fn an_issued_certificate_is_good_for_its_names_alone() {
        let authority = Authority::new("Example CA").unwrap();
        let anchors = Anchors::new([der(authority.pem())]);
        let seen = presented(&authority.issue(&["msx01.corp.example", "*.apps.example"]).unwrap());
        for (name, verdict) in [
            ("msx01.corp.example", Verdict::Ok),
            ("MSX01.CORP.EXAMPLE.", Verdict::Ok),
            ("hq.apps.example", Verdict::Ok),
            ("a.hq.apps.example", Verdict::NameMismatch),
            ("MSX01", Verdict::NameMismatch),
            ("", Verdict::NameMismatch),
        ] {
            assert_eq!(verify_certificate(&seen, name, &anchors, now()), verdict, "{name}");
        }
    }

    #[test]
    fn no_trusted_authority_signed_it() {
        let seen = presented(&Authority::new("Example CA").unwrap().issue(&["msx01"]).unwrap());
        let other = Anchors::new([der(Authority::new("Another CA").unwrap().pem())]);
        for anchors in [other, Anchors::new([])] {
            assert_eq!(verify_certificate(&seen, "msx01", &anchors, now()), Verdict::Untrusted);
        }
        let fallback = presented(&Identity::self_signed_fallback().unwrap());
        assert_eq!(verify_certificate(&fallback, "msx01", &Anchors::new([]), now()), Verdict::Untrusted);
    }

    #[test]
    fn an_end_or_a_beginning_is_reported_before_anything_else() {
        let authority = Authority::new("Example CA").unwrap();
        let seen = presented(&authority.issue_expired(&["msx01"]).unwrap());
        assert_eq!(verify_certificate(&seen, "msx01", &Anchors::new([der(authority.pem())]), now()), Verdict::Expired);
        let early = presented(&authority.issue_between(&["msx01"], (2030, 1, 1), (2031, 1, 1)).unwrap());
        assert_eq!(verify_certificate(&early, "msx01", &Anchors::new([]), now()), Verdict::Expired);
    }

    #[test]
    fn a_self_signed_certificate_in_the_store_is_trusted_and_its_common_name_counts() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "MSX01");
        let leaf = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let anchors = Anchors::new([leaf.clone()]);
        assert_eq!(verify_certificate(&facts(vec![leaf.clone()]), "msx01", &anchors, now()), Verdict::Ok);
        assert_eq!(verify_certificate(&facts(vec![leaf]), "msx02", &anchors, now()), Verdict::NameMismatch);
    }

    #[test]
    fn no_tls_is_no_tls() {
        assert_eq!(verify_certificate(&EngineFacts::default(), "msx01", &Anchors::new([]), now()), Verdict::NoTls);
    }

    #[test]
    fn what_is_no_certificate_is_no_panic() {
        assert_ne!(verify_certificate(&facts(vec![vec![0xff; 100]]), "msx01", &Anchors::new([]), now()), Verdict::Ok);
    }
}
