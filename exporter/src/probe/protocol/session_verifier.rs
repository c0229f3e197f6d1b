//! Judges the certificate of a server that is about to get a login, by the rule of [`super::verify`].

use super::certificate;
use super::objection::{self, Objection};
use super::tls::{self, Opening};
use super::verify::{Anchors, verify_chain};
use crate::model::Certificate;
use jiff::Timestamp;
use rustls::client::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};

/// Clones share what was found.
#[derive(Debug, Clone)]
pub(crate) struct SessionVerifier {
    /// `None`: any certificate is taken.
    anchors: Option<Anchors>,
    /// The name that the certificate must hold.
    name: String,
    provider: Arc<CryptoProvider>,
    found: Arc<Mutex<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    certificate: Option<Certificate>,
    objection: Option<Objection>,
}

impl SessionVerifier {
    pub(crate) fn new(anchors: Option<Anchors>, name: &str) -> SessionVerifier {
        let provider = Arc::new(aws_lc_rs::default_provider());
        SessionVerifier { anchors, name: name.to_owned(), provider, found: Arc::default() }
    }

    /// The certificate that was presented.
    pub(crate) fn seen(&self) -> Option<Certificate> {
        self.with_found(|found| found.certificate.clone())
    }

    /// Why it was not taken.
    pub(crate) fn objection(&self) -> Option<Objection> {
        self.with_found(|found| found.objection.clone())
    }

    /// TLS with this verifier.
    ///
    /// # Errors
    /// Why this side cannot begin, in words.
    pub(crate) fn client_config(self, opening: Opening) -> Result<ClientConfig, String> {
        tls::client_config(opening, Arc::clone(&self.provider), Arc::new(self))
    }

    fn with_found<T>(&self, act: impl FnOnce(&mut Found) -> T) -> T {
        act(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn refuse(&self, objection: Objection) -> Error {
        let message = objection.message.clone();
        self.with_found(|found| found.objection = Some(objection));
        Error::General(message)
    }

    /// What a check of a signature by the certificate came to. Where any certificate is taken, so is any signature.
    fn signed(
        &self,
        leaf: &CertificateDer<'_>,
        check: impl FnOnce() -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.anchors.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        check().map_err(|error| self.refuse(objection::of_signature(leaf, &error.to_string())))
    }
}

impl ServerCertVerifier for SessionVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.with_found(|found| found.certificate = certificate::describe(leaf));
        let Some(anchors) = &self.anchors else { return Ok(ServerCertVerified::assertion()) };
        let now = i64::try_from(now.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let now = now.unwrap_or(Timestamp::MAX);
        let verdict = verify_chain(leaf, rest, &self.name, anchors, now);
        match objection::of(verdict, leaf, rest.is_empty(), &self.name) {
            None => Ok(ServerCertVerified::assertion()),
            Some(objection) => Err(self.refuse(objection)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.signed(leaf, || verify_tls12_signature(message, leaf, signed, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.signed(leaf, || verify_tls13_signature(message, leaf, signed, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use msx_lab::tds::Identity;
    use msx_lab::tds::certs::Authority;
    use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
    use rustls::pki_types::pem::PemObject as _;
    use std::time::Duration;

    const NAME: &str = "msx01.corp.example";
    /// Two certificates with RSA keys of 1024 bits and SHA-1, made with OpenSSL, good from 2026 to 2126.
    const OLD_AUTHORITY: &str = "MIICADCCAWmgAwIBAgIUT2+6wNT4L1xGtki7U82UQDdlFmowDQYJKoZIhvcNAQEFBQAwETEPMA0GA1UEAwwGT2xkIENBMCAXDTI2\
        MTEyNzIyNDExN1oYDzIxMjYxMTAzMjI0MTE3WjARMQ8wDQYDVQQDDAZPbGQgQ0EwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGB\
        AJd48FpbamvVGcmNCd8/0tTollUBoxY3G30zdeNaY7OjEzofcMtQy3DRKjGicRnShQBEqsYbI1M7x5khOr8diz4z+K+xsDn3NO2E\
        bUqzA09Shg1InDKqk4wTbiWeYYG9C6DzVkwgT/R7Df78M9i4uVq8w+7uT5aU4woGtXc9YFPFAgMBAAGjUzBRMB0GA1UdDgQWBBSx\
        5IwveFN8qOtHtlXLBlmxrZmWETAfBgNVHSMEGDAWgBSx5IwveFN8qOtHtlXLBlmxrZmWETAPBgNVHRMBAf8EBTADAQH/MA0GCSqG\
        SIb3DQEBBQUAA4GBAByppzrOp8umRlurcPeYUKHZ4CjaJtAjjZLE28Jr7I0dJXdwM9E8qJJ8xO4/iqqtZgUtQxNWeZxnLa/tmBFn\
        P91jMx3SSYYIBp4EYON2+2+YGwm8T/sPZGlqEDHPpn7JMy00mxoTq8P8GjHPFpEUvn834lSH72Pc1oV18gzGJGjr";
    const OLD_LEAF: &str = "MIICBzCCAXCgAwIBAgIBBzANBgkqhkiG9w0BAQUFADARMQ8wDQYDVQQDDAZPbGQgQ0EwIBcNMjYxMTI3MjI0MjMwWhgPMjEyNjEx\
        MDMyMjQyMzBaMB0xGzAZBgNVBAMMEm1zeDAxLmNvcnAuZXhhbXBsZTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAxcyAaGES\
        EuYbsPqeYDvDTmfuZJW1+QpN1tidq+8M/Hlv8C8H2YqJYj/Q2ndGEUgaBaeUTzXZRq+1NgzBomCnp2kyn3RCMNNWwhFQxCPddpcA\
        7pYNtxzFUfdT8IGx3b7niw7TZk5uLmJ4S1ZUVt9eKoLP82/jiG2l7GAGUdIAQ30CAwEAAaNhMF8wHQYDVR0RBBYwFIISbXN4MDEu\
        Y29ycC5leGFtcGxlMB0GA1UdDgQWBBRQ2D/FKkrhWTikJxms4v07lXYCbjAfBgNVHSMEGDAWgBSx5IwveFN8qOtHtlXLBlmxrZmW\
        ETANBgkqhkiG9w0BAQUFAAOBgQB+5TKc6Tmm5w5olGcz6/SFB6Urdcw2BA3/nDZl//jtq9UTW283qA4V8scw35Jjw906LaBram1x\
        aRGDC9NeO/+c9XoUJUv7I+FFb+ZF0w1x028KAZF+RE4vJKyQkJ/28xGjE0HRBBIxT4fOFetMi/0qATDoXJIYpGGzKOtR5Kpz7A==";

    type Der = Vec<u8>;

    fn of_pem(pem: &str) -> Der {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
    }

    fn chain(identity: &Identity) -> Vec<Der> {
        identity.chain().iter().map(|der| der.to_vec()).collect()
    }

    fn named(common_name: Option<&str>) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        common_name.into_iter().for_each(|name| params.distinguished_name.push(DnType::CommonName, name));
        params
    }

    fn authority_named(name: &str) -> CertificateParams {
        let mut params = named(Some(name));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn self_signed(params: CertificateParams) -> Vec<Der> {
        vec![params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()]
    }

    /// A root, and a leaf below an authority below it that ends in a year, leaf first.
    fn three_levels(end: i32, usage: ExtendedKeyUsagePurpose) -> (Der, Vec<Der>) {
        let authority = |name| {
            let mut params = authority_named(name);
            params.not_after = rcgen::date_time_ymd(end, 1, 1);
            params
        };
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority("Root").self_signed(&root_key).unwrap().der().to_vec();
        let root_issuer = Issuer::new(authority("Root"), root_key);
        let middle = authority("Middle").signed_by(&key, &root_issuer).unwrap().der().to_vec();
        let issuer = Issuer::new(authority("Middle"), key);
        let mut leaf = CertificateParams::new([NAME.to_owned()]).unwrap();
        leaf.extended_key_usages.push(usage);
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec();
        (root, vec![leaf, middle])
    }

    fn judged(chain: &[Der], trusted: &[Der], name: &str) -> Option<Objection> {
        let verifier = SessionVerifier::new(Some(Anchors::new(trusted.iter().cloned())), name);
        let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let (leaf, rest) = chain.split_first().unwrap();
        let then = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));
        let asked = ServerName::try_from("unused").unwrap();
        let verdict = verifier.verify_server_cert(leaf, rest, &asked, &[], then);
        assert_eq!(verdict.is_err(), verifier.objection().is_some());
        verifier.objection()
    }

    #[test]
    fn a_certificate_is_taken_as_a_target_takes_it_or_refused_with_the_way_out_that_fits_it() {
        let authority = Authority::new("Example CA").unwrap();
        let known = [of_pem(authority.pem())];
        let issued = |names: &[&str]| chain(&authority.issue(names).unwrap());
        let own_authority = self_signed(authority_named(NAME));
        let (root, deep) = three_levels(4096, ExtendedKeyUsagePurpose::ServerAuth);
        let (old_root, above_ended) = three_levels(2020, ExtendedKeyUsagePurpose::ServerAuth);
        let (client_root, client) = three_levels(4096, ExtendedKeyUsagePurpose::ClientAuth);
        let root = [root];
        let [old_authority, old_leaf] = [OLD_AUTHORITY, OLD_LEAF].map(|text| STANDARD.decode(text).unwrap());
        let ended = chain(&authority.issue_expired(&[NAME]).unwrap());
        let early = chain(&authority.issue_between(&[NAME], (2090, 1, 1), (2091, 1, 1)).unwrap());
        let common_name = self_signed(named(Some(NAME)));
        let nameless = self_signed(named(None));
        let fallback = chain(&Identity::self_signed_fallback().unwrap());
        const CA_FILE: &str = "master.ca_file";
        for (case, chain, trusted, name, refused) in [
            ("its name", issued(&[NAME]), &known[..], NAME, None),
            ("a wildcard", issued(&["*.corp.example"]), &known, NAME, None),
            ("an address", issued(&["10.1.0.5"]), &known, "10.1.0.5", None),
            ("a common name alone", common_name.clone(), &common_name, NAME, None),
            ("an authority as the server's own, named", own_authority.clone(), &own_authority, NAME, None),
            ("all in between sent", deep.clone(), &root, NAME, None),
            ("SHA-1 and 1024 bits", vec![old_leaf.clone()], &[old_authority][..], NAME, None),
            ("nothing in between sent", deep[..1].to_vec(), &root, NAME, Some(("nothing in between", CA_FILE))),
            ("an unknown authority", issued(&[NAME]), &root, NAME, Some(("not trusted here", CA_FILE))),
            ("it signed itself", common_name.clone(), &known, NAME, Some(("signed itself", "this very certificate"))),
            (
                "an authority, not named",
                own_authority.clone(),
                &known,
                NAME,
                Some(("signed itself", "this very certificate")),
            ),
            ("SQL Server's own", fallback, &known, NAME, Some(("at each start", "give SQL Server a certificate"))),
            (
                "another name",
                issued(&["a.example"]),
                &known,
                NAME,
                Some(("is for a.example", "host_name_in_certificate")),
            ),
            (
                "a wildcard for another domain",
                issued(&["*.apps.example"]),
                &known,
                NAME,
                Some(("is for *.apps.example", "such as HOST.apps.example")),
            ),
            ("a name, by address", issued(&[NAME]), &known, "10.1.0.5", Some(("not for 10.1.0.5", "master.address"))),
            ("no name", nameless.clone(), &nameless, NAME, Some(("names no host", "subject alternative name"))),
            ("ended", ended, &known, NAME, Some(("has expired", "install a new one"))),
            (
                "an authority above it ended",
                above_ended,
                &[old_root],
                NAME,
                Some(("an authority above", "present one")),
            ),
            (
                "for clients alone",
                client,
                &[client_root],
                NAME,
                Some(("not for a server", "issue one with that usage")),
            ),
            ("not begun", early, &known, NAME, Some(("not valid yet", "clock"))),
        ] {
            let found = judged(&chain, trusted, name);
            assert_eq!(found.is_some(), refused.is_some(), "{case}: {found:?}");
            if let (Some(found), Some((message, hint))) = (found, refused) {
                assert!(found.message.contains(message) && found.hint.contains(hint), "{case}: {found:?}");
            }
        }
        assert!(objection::of_signature(&old_leaf, "x").message.contains("fewer than 2048 bits"));
    }
}
