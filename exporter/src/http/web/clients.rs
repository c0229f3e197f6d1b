//! Authentication by client certificate: Go's `ClientAuthType`, and `client_allowed_sans`.

use super::file::Files;
use super::section::{Section, Written};
use crate::config::{ConfigError, ValueError};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The certificate that is demanded of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Policy {
    #[default]
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl Policy {
    pub(super) fn parse(text: &str) -> Result<Policy, ValueError> {
        match text {
            "NoClientCert" => Ok(Policy::None),
            "RequestClientCert" => Ok(Policy::Request),
            // The second name is an old one that the toolkit still accepts.
            "RequireAnyClientCert" | "RequireClientCert" => Ok(Policy::RequireAny),
            "VerifyClientCertIfGiven" => Ok(Policy::VerifyIfGiven),
            "RequireAndVerifyClientCert" => Ok(Policy::RequireAndVerify),
            _ => Err(ValueError::new("is not known").expected(
                "one of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, \
                 RequireAndVerifyClientCert",
            )),
        }
    }

    /// Whether every client must present at least what the other policy demands. Neither of `RequireAny` and
    /// `VerifyIfGiven` implies the other, because each accepts a client that the other refuses.
    pub(super) fn demands_as_much_as(self, other: Policy) -> bool {
        (!other.asks() || self.asks())
            && (!other.requires() || self.requires())
            && (!other.verifies() || self.verifies())
    }

    fn asks(self) -> bool {
        self != Policy::None
    }

    pub(super) fn verifies(self) -> bool {
        matches!(self, Policy::VerifyIfGiven | Policy::RequireAndVerify)
    }

    fn requires(self) -> bool {
        matches!(self, Policy::RequireAny | Policy::RequireAndVerify)
    }
}

/// The verifier of client certificates. `None` with faults.
pub(super) fn verifier(
    policy: Policy,
    authorities: Option<Vec<CertificateDer<'static>>>,
    sans: Vec<Written>,
    provider: &Arc<CryptoProvider>,
    section: &Section,
    files: &mut Files<'_>,
    faults: &mut Vec<ConfigError>,
) -> Option<Arc<dyn ClientCertVerifier>> {
    if authorities.is_some() && policy == Policy::None {
        faults.push(section.fault("client_ca_file", "needs a client_auth_type"));
        return None;
    }
    if !sans.is_empty() && !policy.requires() {
        let wrong = "needs client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert";
        faults.push(section.fault("client_allowed_sans", wrong));
        return None;
    }
    let chain = match policy {
        Policy::None => return Some(WebPkiClientVerifier::no_client_auth()),
        Policy::Request | Policy::RequireAny => None,
        Policy::VerifyIfGiven | Policy::RequireAndVerify => {
            chain(authorities, policy, provider, section, files, faults)?
        }
    };
    let algorithms = provider.signature_verification_algorithms;
    let sans = sans.into_iter().map(|san| san.text).collect();
    Some(Arc::new(Clients { chain, mandatory: policy.requires(), sans, algorithms }))
}

/// The judge of a certificate's chain: by the authorities that are named, or, as in Go, by this machine's store. `None`
/// with faults.
fn chain(
    authorities: Option<Vec<CertificateDer<'static>>>,
    policy: Policy,
    provider: &Arc<CryptoProvider>,
    section: &Section,
    files: &mut Files<'_>,
    faults: &mut Vec<ConfigError>,
) -> Option<Option<Arc<dyn ClientCertVerifier>>> {
    let mut roots = RootCertStore::empty();
    if let Some(authorities) = authorities {
        let (added, refused) = roots.add_parsable_certificates(authorities);
        if added == 0 || refused > 0 {
            faults.push(section.fault("client_ca_file", "holds a certificate that cannot be used"));
            return None;
        }
    } else {
        let what = "is missing: any certificate that this machine's store trusts is taken, which proves nothing about a client";
        files.warn(section.fault("client_ca_file", what));
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() && policy == Policy::VerifyIfGiven {
        return Some(None);
    }
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    built.map(Some).map_err(|error| faults.push(section.fault("client_ca_file", error.to_string()))).ok()
}

/// Accepts clients that have the private key of their certificate.
struct Clients {
    /// Verifies the chain; `None` accepts any certificate.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    /// Whether a client without a certificate is refused.
    mandatory: bool,
    /// One of them must be among the certificate's alternative names, compared byte by byte; an empty list accepts any.
    sans: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("mandatory", &self.mandatory).field("sans", &self.sans).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(certificate, intermediates, now)?;
        }
        if self.sans.is_empty() || names(certificate).iter().any(|name| self.sans.contains(name)) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The DNS names, mail addresses, URIs and IP addresses of a certificate; none where it cannot be parsed.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some((_, SubjectAltName(names)))) = certificate.tbs_certificate.get::<SubjectAltName>() else {
        return Vec::new();
    };
    let text = |name: &GeneralName| match name {
        GeneralName::DnsName(text) | GeneralName::Rfc822Name(text) => Some(text.to_string()),
        GeneralName::UniformResourceIdentifier(text) => Some(text.to_string()),
        GeneralName::IpAddress(octets) => address(octets.as_bytes()).map(|ip| ip.to_string()),
        _ => None,
    };
    names.iter().filter_map(text).collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::Policy::{self, None, Request, RequireAndVerify, RequireAny, VerifyIfGiven};

    #[test]
    fn policies_have_an_order() {
        let all = [None, Request, RequireAny, VerifyIfGiven, RequireAndVerify];
        // A row for the policy in force, a column for its successor: whether that demands as much or more.
        for (before, row) in [
            (None, [true, true, true, true, true]),
            (Request, [false, true, true, true, true]),
            (RequireAny, [false, false, true, false, true]),
            (VerifyIfGiven, [false, false, false, true, true]),
            (RequireAndVerify, [false, false, false, false, true]),
        ] {
            let found = all.map(|now: Policy| now.demands_as_much_as(before));
            assert_eq!(found, row, "{before:?}");
        }
    }
}
