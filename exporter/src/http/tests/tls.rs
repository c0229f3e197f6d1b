use super::super::{Options, Web};
use super::client::{Client, Reply, connect};
use super::server::{DETAIL, Server, Stub};
use super::soon;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// A folder that is deleted with its test.
pub(in crate::http) struct Folder(PathBuf);

impl Folder {
    pub(in crate::http) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = format!("msx-serve-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(own);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(in crate::http) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(in crate::http) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both in PEM form.
pub(in crate::http) struct Identity {
    pub(in crate::http) certificate: String,
    pub(in crate::http) key: String,
}

impl Authority {
    pub(in crate::http) fn new() -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in crate::http) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(in crate::http) fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A server with a certificate of its own; `more` goes into `tls_server_config`.
fn guarded(folder: &Folder, authority: &Authority, more: &str) -> Server {
    let file = configured(folder, authority, more);
    Server::with(Stub::new(), Options::default(), Web::open(Some(&file)).unwrap())
}

pub(in crate::http) fn configured(folder: &Folder, authority: &Authority, more: &str) -> PathBuf {
    let identity = authority.issue("localhost");
    folder.write("server.crt", &identity.certificate);
    folder.write("server.key", &identity.key);
    folder.write("clients.crt", &authority.pem());
    folder.write("web.yml", &format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}"))
}

/// Connects with TLS, with or without a client certificate.
async fn dial(
    server: &Server,
    authority: &Authority,
    own: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    let stream = connect(server.address).await.stream;
    let connecting = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream);
    Ok(Client { stream: soon("handshake", connecting).await? })
}

/// One request; in TLS 1.3 a client learns only with the first response that its certificate was refused.
async fn ask(server: &Server, authority: &Authority, own: Option<&Identity>) -> std::io::Result<Reply> {
    use tokio::io::AsyncWriteExt;
    let mut client = dial(server, authority, own, &[&TLS12, &TLS13]).await?;
    client.stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    client.reply(false).await
}

#[tokio::test]
async fn a_scrape_over_tls_is_answered() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = guarded(&folder, &authority, "");
    assert_eq!(ask(&server, &authority, None).await.unwrap().status, 200);
    assert!(ask(&server, &Authority::new(), None).await.is_err(), "another authority is not trusted");
}

#[tokio::test]
async fn plain_http_gets_an_answer_that_says_so() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = guarded(&folder, &authority, "");
    let mut client = connect(server.address).await;
    let reply = client.ask("GET", "/metrics", &format!("X: {}\r\n", "y".repeat(5000))).await;
    assert_eq!((reply.status, reply.text().contains("HTTPS")), (400, true));
    assert_eq!(client.rest().await, 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_behind_tls_is_waited_for_no_more() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = guarded(&folder, &authority, "");
    server.site.hold(true);
    let mut client = dial(&server, &authority, None, &[&TLS13]).await.unwrap();
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.site.waiters(1).await;
    drop(client);
    server.site.waiters(0).await;
}

#[tokio::test]
async fn each_policy_lets_in_whom_it_says() {
    let authority = Authority::new();
    let (ours, theirs) = (authority.issue("prometheus"), Authority::new().issue("prometheus"));
    // Columns: without a certificate, with one of this authority, with one of another; and whether this authority's
    // authenticates.
    for (policy, none, own, foreign, proves) in [
        ("NoClientCert", true, true, true, false),
        ("RequestClientCert", true, true, true, false),
        ("RequireAnyClientCert", false, true, true, false),
        ("RequireClientCert", false, true, true, false),
        ("VerifyClientCertIfGiven", true, true, false, true),
        ("RequireAndVerifyClientCert", false, true, false, true),
    ] {
        let folder = Folder::new();
        let authorities = if policy.contains("Verify") { "  client_ca_file: clients.crt\n" } else { "" };
        let server = guarded(&folder, &authority, &format!("  client_auth_type: {policy}\n{authorities}"));
        for (identity, expected) in [(None, none), (Some(&theirs), foreign), (Some(&ours), own)] {
            let reply = ask(&server, &authority, identity).await;
            let is_ours = identity.is_some_and(|own| std::ptr::eq(own, &ours));
            assert_eq!(reply.is_ok(), expected, "{policy}, ours: {is_ours}");
            let details = reply.is_ok_and(|reply| reply.text().contains(DETAIL));
            assert_eq!(details, is_ours && proves, "{policy}");
        }
    }
}

#[tokio::test]
async fn only_listed_names_come_in() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n  \
                client_allowed_sans: [prometheus.example, 10.1.2.3]\n";
    let server = guarded(&folder, &authority, more);
    for (name, expected) in [("prometheus.example", true), ("10.1.2.3", true), ("grafana.example", false)] {
        let reply = ask(&server, &authority, Some(&authority.issue(name))).await;
        assert_eq!(reply.is_ok(), expected, "{name}");
    }
    let stranger = Authority::new().issue("prometheus.example");
    assert!(ask(&server, &authority, Some(&stranger)).await.is_err());
}

#[tokio::test]
async fn versions_and_suites_are_as_configured() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = guarded(&folder, &authority, "  min_version: TLS13\n");
    assert!(dial(&server, &authority, None, &[&TLS12]).await.is_err());
    assert!(dial(&server, &authority, None, &[&TLS13]).await.is_ok());

    let folder = Folder::new();
    let more = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  \
                curve_preferences: [CurveP384]\n";
    let server = guarded(&folder, &authority, more);
    assert!(dial(&server, &authority, None, &[&TLS13]).await.is_err());
    let client = dial(&server, &authority, None, &[&TLS12]).await.unwrap();
    let session = client.stream.get_ref().1;
    let suite = session.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite.as_str(), Some("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"));
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_the_next_client() {
    let (folder, authority, next) = (Folder::new(), Authority::new(), Authority::new());
    let server = guarded(&folder, &authority, "");
    let mut before = dial(&server, &authority, None, &[&TLS13]).await.unwrap();
    configured(&folder, &next, "");
    server.web.reload().unwrap();
    assert!(dial(&server, &authority, None, &[&TLS13]).await.is_err());
    assert!(dial(&server, &next, None, &[&TLS13]).await.is_ok());
    assert_eq!(before.ask("GET", "/metrics", "").await.status, 200, "a connection that stands goes on");
}
