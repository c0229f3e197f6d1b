//! `tls_server_config`.

use super::clients::{self, Policy};
use super::demands::TlsDemands;
use super::file::{Files, Pem};
use super::section::{Section, Written, flag};
use crate::config::{ConfigError, ValueError};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};

/// A TLS configuration, ready for use.
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    /// Whether a certificate that a client presents was verified.
    pub(super) verifies_clients: bool,
    pub(super) demands: TlsDemands,
}

/// Parses the section. `None` with faults, or where it is empty: then, as in the toolkit, TLS is off.
pub(super) fn understand(mut section: Section, files: &mut Files<'_>, faults: &mut Vec<ConfigError>) -> Option<Tls> {
    let before = faults.len();
    let chain = files.pem(&mut section, "cert", "cert_file", faults);
    let key = files.pem(&mut section, "key", "key_file", faults);
    let authorities = files.pem(&mut section, "client_ca", "client_ca_file", faults);
    let policy = section.parsed("client_auth_type", Policy::parse, faults);
    let sans = section.list("client_allowed_sans", faults);
    let versions = versions(&mut section, faults);
    let provider = Arc::new(provider(&mut section, faults));
    let server_prefers = section.parsed("prefer_server_cipher_suites", flag, faults).unwrap_or(true);
    section.finish(faults);

    let wanted = chain.is_some() || key.is_some() || authorities.is_some() || policy.is_some();
    if faults.len() == before && !wanted {
        return None;
    }
    if faults.len() == before {
        if chain.is_none() {
            faults.push(section.fault("", "cert_file (or cert) is missing"));
        }
        if key.is_none() {
            faults.push(section.fault("", "key_file (or key) is missing"));
        }
    }
    let chain = chain.map(|pem| certificates(&section, &pem, faults));
    let authorities = authorities.map(|pem| certificates(&section, &pem, faults));
    let key = key.and_then(|pem| private_key(&section, &pem, faults));
    let policy = policy.unwrap_or_default();
    let spoken: Vec<_> = versions.iter().map(|version| version.version).collect();
    let demands = TlsDemands::new(policy, !sans.is_empty(), &spoken, &provider.cipher_suites);
    let verifier = clients::verifier(policy, authorities, sans, &provider, &section, faults);
    let (Some(chain), Some(key), Some(verifier)) = (chain, key, verifier) else { return None };
    if faults.len() > before {
        return None;
    }
    let built = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map(|builder| builder.with_client_cert_verifier(verifier))
        .and_then(|builder| builder.with_single_cert(chain, key));
    match built {
        Ok(mut config) => {
            config.ignore_client_order = server_prefers;
            // The only protocol that is served; a client that insists on HTTP/2 fails in the handshake.
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Tls { config: Arc::new(config), verifies_clients: policy.verifies(), demands })
        }
        Err(error) => {
            faults.push(section.fault("", format!("certificate and key cannot be used: {error}")));
            None
        }
    }
}

fn certificates(section: &Section, pem: &Pem, faults: &mut Vec<ConfigError>) -> Vec<CertificateDer<'static>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
    let certificates = read.unwrap_or_default();
    if certificates.is_empty() {
        faults.push(section.fault(pem.key, "holds no certificate in PEM form"));
    }
    certificates
}

fn private_key(section: &Section, pem: &Pem, faults: &mut Vec<ConfigError>) -> Option<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(&pem.bytes).ok();
    if key.is_none() {
        faults.push(section.fault(pem.key, "holds no private key in PEM form that is not encrypted"));
    }
    key
}

fn versions(section: &mut Section, faults: &mut Vec<ConfigError>) -> Vec<&'static SupportedProtocolVersion> {
    let version = |text: &str| match text {
        "TLS12" => Ok(ProtocolVersion::TLSv1_2),
        "TLS13" => Ok(ProtocolVersion::TLSv1_3),
        "TLS10" | "TLS11" => Err(ValueError::new("this version is not spoken here").expected("TLS12 or TLS13")),
        _ => Err(ValueError::new("is not a version of TLS").expected("TLS12 or TLS13")),
    };
    let lowest = section.parsed("min_version", version, faults).unwrap_or(ProtocolVersion::TLSv1_2);
    let highest = section.parsed("max_version", version, faults).unwrap_or(ProtocolVersion::TLSv1_3);
    let number = |version| if version == ProtocolVersion::TLSv1_2 { 2 } else { 3 };
    let within =
        |version: &&SupportedProtocolVersion| (number(lowest)..=number(highest)).contains(&number(version.version));
    let versions: Vec<_> = [&TLS13, &TLS12].into_iter().filter(within).collect();
    if versions.is_empty() {
        faults.push(section.fault("max_version", "is below min_version"));
    }
    versions
}

/// The cryptographic provider, restricted to the listed algorithms. As in Go, `cipher_suites` restricts TLS 1.2 only:
/// the suites of TLS 1.3 are always on, though they may be listed.
fn provider(section: &mut Section, faults: &mut Vec<ConfigError>) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let listed = section.list("cipher_suites", faults);
    if !listed.is_empty() {
        let (newer, older): (Vec<_>, Vec<_>) =
            provider.cipher_suites.iter().copied().partition(|suite| suite.tls13().is_some());
        let mut chosen = newer.clone();
        for Written { origin, text: name } in &listed {
            // Go and IANA write TLS_AES_128_GCM_SHA256 where rustls writes TLS13_AES_128_GCM_SHA256.
            let newer_name = name.strip_prefix("TLS_").map(|rest| format!("TLS13_{rest}"));
            let named = |suite: &str| suite == name || Some(suite) == newer_name.as_deref();
            let same = |suite: &&tokio_rustls::rustls::SupportedCipherSuite| suite.suite().as_str().is_some_and(named);
            if let Some(suite) = older.iter().find(same) {
                chosen.push(*suite);
            } else if !newer.iter().any(|suite| same(&suite)) {
                let names: Vec<_> = older.iter().filter_map(|suite| suite.suite().as_str()).collect();
                let wrong =
                    ValueError::new("this suite is not offered here").expected(format!("one of {}", names.join(", ")));
                faults.push(section.fault_at(origin, "cipher_suites", wrong));
            }
        }
        provider.cipher_suites = chosen;
    }
    let listed = section.list("curve_preferences", faults);
    if !listed.is_empty() {
        provider.kx_groups = listed.iter().filter_map(|name| curve(name, section, faults)).collect();
    }
    provider
}

fn curve(name: &Written, section: &Section, faults: &mut Vec<ConfigError>) -> Option<&'static dyn SupportedKxGroup> {
    match name.text.as_str() {
        "X25519" => Some(aws_lc_rs::kx_group::X25519),
        "CurveP256" => Some(aws_lc_rs::kx_group::SECP256R1),
        "CurveP384" => Some(aws_lc_rs::kx_group::SECP384R1),
        _ => {
            let wrong =
                ValueError::new("this curve is not offered here").expected("one of X25519, CurveP256, CurveP384");
            faults.push(section.fault_at(&name.origin, "curve_preferences", wrong));
            None
        }
    }
}
