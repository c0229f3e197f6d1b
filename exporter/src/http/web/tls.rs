//! `tls_server_config`.

use super::clients::{self, Policy};
use super::demands::TlsDemands;
use super::file::{Files, Pem};
use super::offered;
use super::section::{Section, flag};
use crate::config::ConfigError;
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A TLS configuration, ready for use.
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    /// Whether a certificate that a client presents was verified by authorities that the file names.
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
    if section.holds_an_empty_list("client_allowed_sans") {
        faults.push(section.fault("client_allowed_sans", "names no one, so no client could connect"));
    }
    let sans = section.list("client_allowed_sans", faults);
    let versions = offered::versions(&mut section, files, faults);
    let provider = Arc::new(offered::provider(&mut section, &versions, files, faults));
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
    let named = authorities.is_some();
    let demands = TlsDemands {
        authorities: named,
        ..TlsDemands::new(policy, !sans.is_empty(), &spoken, &provider.cipher_suites)
    };
    let verifier = clients::verifier(policy, authorities, sans, &provider, &section, files, faults);
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
            Some(Tls { config: Arc::new(config), verifies_clients: policy.verifies() && named, demands })
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
