//! Who may come in by certificate: Go's `ClientAuthType`, and `client_allowed_sans`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
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

/// What is asked of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Policy {
    #[default]
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl FromStr for Policy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Policy, &'static str> {
        match text {
            "NoClientCert" => Ok(Policy::None),
            "RequestClientCert" => Ok(Policy::Request),
            // The second name is an old one that the toolkit still takes.
            "RequireAnyClientCert" | "RequireClientCert" => Ok(Policy::RequireAny),
            "VerifyClientCertIfGiven" => Ok(Policy::VerifyIfGiven),
            "RequireAndVerifyClientCert" => Ok(Policy::RequireAndVerify),
            _ => Err("must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or \
                      RequireAndVerifyClientCert"),
        }
    }
}

impl Policy {
    /// Whether a certificate that is presented is verified.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Policy::VerifyIfGiven | Policy::RequireAndVerify)
    }

    fn requires(self) -> bool {
        matches!(self, Policy::RequireAny | Policy::RequireAndVerify)
    }
}

/// The judge of clients. `None` with faults.
pub(super) fn verifier(
    policy: Policy,
    authorities: Option<Vec<CertificateDer<'static>>>,
    sans: Vec<String>,
    provider: &Arc<CryptoProvider>,
    faults: &mut Vec<String>,
) -> Option<Arc<dyn ClientCertVerifier>> {
    if authorities.is_some() && policy == Policy::None {
        faults.push("tls_server_config.client_ca_file: needs a client_auth_type".to_owned());
        return None;
    }
    if !sans.is_empty() && !policy.requires() {
        faults.push(
            "tls_server_config.client_allowed_sans: needs client_auth_type RequireAnyClientCert or \
             RequireAndVerifyClientCert"
                .to_owned(),
        );
        return None;
    }
    let judge: Arc<dyn ClientCertVerifier> = match policy {
        Policy::None => WebPkiClientVerifier::no_client_auth(),
        Policy::Request | Policy::RequireAny => {
            let algorithms = provider.signature_verification_algorithms;
            Arc::new(AnyCertificate { mandatory: policy.requires(), algorithms })
        }
        Policy::VerifyIfGiven | Policy::RequireAndVerify => {
            let Some(authorities) = authorities else {
                faults.push("tls_server_config.client_ca_file: is missing; client_auth_type needs it".to_owned());
                return None;
            };
            let mut roots = RootCertStore::empty();
            let (added, refused) = roots.add_parsable_certificates(authorities);
            if added == 0 || refused > 0 {
                faults.push("tls_server_config.client_ca_file: holds a certificate that cannot be used".to_owned());
                return None;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let builder = if policy.requires() { builder } else { builder.allow_unauthenticated() };
            match builder.build() {
                Ok(judge) => judge,
                Err(error) => {
                    faults.push(format!("tls_server_config.client_ca_file: {error}"));
                    return None;
                }
            }
        }
    };
    Some(if sans.is_empty() { judge } else { Arc::new(NamedClients { judge, sans }) })
}

/// Takes any certificate, so long as the client has its key.
struct AnyCertificate {
    mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for AnyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyCertificate").field("mandatory", &self.mandatory).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
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

/// Takes what another judge takes, if one of the certificate's alternative names is listed, letter by letter.
#[derive(Debug)]
struct NamedClients {
    judge: Arc<dyn ClientCertVerifier>,
    sans: Vec<String>,
}

impl ClientCertVerifier for NamedClients {
    fn client_auth_mandatory(&self) -> bool {
        self.judge.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judge.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.judge.verify_client_cert(certificate, intermediates, now)?;
        if names(certificate).iter().any(|name| self.sans.contains(name)) {
            Ok(verified)
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
        self.judge.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// DNS names, mail addresses, URIs and IP addresses of a certificate; none where it cannot be read.
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
