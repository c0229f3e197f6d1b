//! `tls_server_config`.

use super::clients::{self, Policy};
use super::fields::Fields;
use super::file::Files;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};

/// TLS, ready for use.
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    /// Whether a certificate that a client presents was verified.
    pub(super) verifies_clients: bool,
}

/// Understands the section. `None` with faults, or where it holds nothing: then, as in the toolkit, there is no TLS.
pub(super) fn understand(mut section: Fields<'_>, files: &mut Files<'_>, faults: &mut Vec<String>) -> Option<Tls> {
    let before = faults.len();
    let chain = files.pem(&mut section, "cert", "cert_file", faults);
    let key = files.pem(&mut section, "key", "key_file", faults);
    let authorities = files.pem(&mut section, "client_ca", "client_ca_file", faults);
    let policy = section.parsed::<Policy>("client_auth_type", faults);
    let sans = section.list("client_allowed_sans", faults);
    let versions = versions(&mut section, faults);
    let provider = Arc::new(provider(&mut section, faults));
    let server_prefers = section.parsed::<bool>("prefer_server_cipher_suites", faults).unwrap_or(true);
    section.finish(faults);

    let wanted = chain.is_some() || key.is_some() || authorities.is_some() || policy.is_some();
    if faults.len() == before && !wanted {
        return None;
    }
    if faults.len() == before {
        if chain.is_none() {
            faults.push("tls_server_config: cert_file (or cert) is missing".to_owned());
        }
        if key.is_none() {
            faults.push("tls_server_config: key_file (or key) is missing".to_owned());
        }
    }
    let chain = chain.map(|pem| certificates("tls_server_config.cert_file", &pem, faults));
    let authorities = authorities.map(|pem| certificates("tls_server_config.client_ca_file", &pem, faults));
    let key = key.and_then(|pem| private_key(&pem, faults));
    let policy = policy.unwrap_or_default();
    let verifier = clients::verifier(policy, authorities, sans, &provider, faults);
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
            // The one protocol that is served here; a client that insists on HTTP/2 learns it in the handshake.
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Tls { config: Arc::new(config), verifies_clients: policy.verifies() })
        }
        Err(error) => {
            faults.push(format!("tls_server_config: certificate and key cannot be used: {error}"));
            None
        }
    }
}

fn certificates(path: &str, pem: &[u8], faults: &mut Vec<String>) -> Vec<CertificateDer<'static>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = read.unwrap_or_default();
    if certificates.is_empty() {
        faults.push(format!("{path}: holds no certificate in PEM form"));
    }
    certificates
}

fn private_key(pem: &[u8], faults: &mut Vec<String>) -> Option<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(pem).ok();
    if key.is_none() {
        faults.push("tls_server_config.key_file: holds no private key in PEM form that is not encrypted".to_owned());
    }
    key
}

fn versions(section: &mut Fields<'_>, faults: &mut Vec<String>) -> Vec<&'static SupportedProtocolVersion> {
    let mut bound = |key: &str, default| {
        let Some(text) = section.text(key, faults) else { return default };
        match text.as_str() {
            "TLS12" => ProtocolVersion::TLSv1_2,
            "TLS13" => ProtocolVersion::TLSv1_3,
            "TLS10" | "TLS11" => {
                faults.push(format!("{}: {text} is not spoken here; TLS12 and TLS13 are", section.path(key)));
                default
            }
            _ => {
                faults.push(format!("{}: {text:?} is no version; TLS12 and TLS13 are", section.path(key)));
                default
            }
        }
    };
    let lowest = bound("min_version", ProtocolVersion::TLSv1_2);
    let highest = bound("max_version", ProtocolVersion::TLSv1_3);
    let number = |version| if version == ProtocolVersion::TLSv1_2 { 2 } else { 3 };
    let within =
        |version: &&SupportedProtocolVersion| (number(lowest)..=number(highest)).contains(&number(version.version));
    let versions: Vec<_> = [&TLS13, &TLS12].into_iter().filter(within).collect();
    if versions.is_empty() {
        faults.push("tls_server_config.max_version: is below min_version".to_owned());
    }
    versions
}

/// The cryptography, narrowed to what is listed. As in Go, `cipher_suites` is about TLS 1.2: those of TLS 1.3 are not
/// a matter of choice, though they may be listed.
fn provider(section: &mut Fields<'_>, faults: &mut Vec<String>) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let listed = section.list("cipher_suites", faults);
    if !listed.is_empty() {
        let (newer, older): (Vec<_>, Vec<_>) =
            provider.cipher_suites.iter().copied().partition(|suite| suite.tls13().is_some());
        let mut chosen = newer.clone();
        for name in &listed {
            // Go and IANA write TLS_AES_128_GCM_SHA256 where rustls writes TLS13_AES_128_GCM_SHA256.
            let named = |suite: &str| suite == name || suite.strip_prefix("TLS13_") == name.strip_prefix("TLS_");
            let same = |suite: &&tokio_rustls::rustls::SupportedCipherSuite| suite.suite().as_str().is_some_and(named);
            if let Some(suite) = older.iter().find(same) {
                chosen.push(*suite);
            } else if !newer.iter().any(|suite| same(&suite)) {
                faults.push(format!("{}: {name:?} is not offered here", section.path("cipher_suites")));
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

fn curve(name: &str, section: &Fields<'_>, faults: &mut Vec<String>) -> Option<&'static dyn SupportedKxGroup> {
    match name {
        "X25519" => Some(aws_lc_rs::kx_group::X25519),
        "CurveP256" => Some(aws_lc_rs::kx_group::SECP256R1),
        "CurveP384" => Some(aws_lc_rs::kx_group::SECP384R1),
        _ => {
            let path = section.path("curve_preferences");
            faults.push(format!("{path}: {name:?} is not offered here; X25519, CurveP256 and CurveP384 are"));
            None
        }
    }
}
