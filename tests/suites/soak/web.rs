//! The web side of an exporter: HTTPS, and one user. Certificate and password change while it serves.

use crate::harness::Folder;
use crate::harness::http::{self, Answer};
use base64::Engine;
use rcgen::{CertifiedKey, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

/// The least cost that bcrypt has: what is looked for here is not what a password costs.
const COST: u32 = 4;

pub(crate) type Secured = StreamOwned<ClientConnection, TcpStream>;

/// What the exporter is to have in force, and how a client that knows it asks.
#[derive(Clone)]
pub(crate) struct Web {
    certificate: Arc<CertifiedKey<KeyPair>>,
    /// Trusts that certificate and no other.
    trust: Arc<ClientConfig>,
    password: String,
}

impl Web {
    pub(crate) fn new(password: &str) -> Web {
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let trust = Arc::new(versions.with_root_certificates(roots).with_no_client_auth());
        Web { certificate: Arc::new(certificate), trust, password: password.to_owned() }
    }

    /// The same with another certificate.
    pub(crate) fn with_another_certificate(&self) -> Web {
        Web::new(&self.password)
    }

    /// The same with another password.
    pub(crate) fn with_password(&self, password: String) -> Web {
        Web { password, ..self.clone() }
    }

    /// Writes the web configuration and its files, and answers its path.
    pub(crate) fn write(&self, folder: &Folder) -> PathBuf {
        folder.write("server.crt", &self.certificate.cert.pem());
        folder.write("server.key", &self.certificate.signing_key.serialize_pem());
        let tls = "tls_server_config: { cert_file: server.crt, key_file: server.key }";
        let hash = bcrypt::hash(&self.password, COST).unwrap();
        folder.write("web.yml", &format!("{tls}\nbasic_auth_users:\n  soak: '{hash}'\n"))
    }

    /// Sends a request and waits for nothing. Dropping the stream hangs up.
    pub(crate) fn send(&self, to: SocketAddr, headers: &[(&str, &str)]) -> io::Result<Secured> {
        let session = ClientConnection::new(Arc::clone(&self.trust), to.ip().into()).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, http::connect(to)?);
        let who = base64::engine::general_purpose::STANDARD.encode(format!("soak:{}", self.password));
        let credentials = format!("Basic {who}");
        let headers: Vec<_> = headers.iter().copied().chain([("Authorization", credentials.as_str())]).collect();
        http::ask(&mut stream, to, "GET", "/metrics", &headers)?;
        Ok(stream)
    }

    /// A scrape.
    pub(crate) fn scrape(&self, of: SocketAddr, headers: &[(&str, &str)]) -> io::Result<Answer> {
        http::answer(&mut self.send(of, headers)?)
    }
}
