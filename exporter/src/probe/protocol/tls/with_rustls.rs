//! TLS by rustls.

use super::{Called, Opening, TlsFacts};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion, version};
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// The plain text that is kept; a PRELOGIN answer is far shorter.
const PLAIN_LIMIT: u64 = 8 * 1024;

/// A connection during or after its handshake.
#[derive(Debug)]
pub(crate) struct TlsClient(ClientConnection);

impl TlsClient {
    /// Begins a handshake; [`TlsClient::take`] then returns the first bytes to send.
    ///
    /// # Errors
    /// Why this side cannot begin, in words.
    pub(crate) fn new(called: Called<'_>, opening: Opening) -> Result<TlsClient, String> {
        static INSIDE_PACKETS: LazyLock<Result<Arc<ClientConfig>, String>> =
            LazyLock::new(|| without_judgement(Opening::InsidePackets));
        static STRICT: LazyLock<Result<Arc<ClientConfig>, String>> =
            LazyLock::new(|| without_judgement(Opening::Strict));
        let config = match opening {
            Opening::InsidePackets => INSIDE_PACKETS.clone()?,
            Opening::Strict => STRICT.clone()?,
        };
        ClientConnection::new(config, wanted_name(called.host, called.address))
            .map(TlsClient)
            .map_err(|error| error.to_string())
    }

    /// Takes the bytes to be sent.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.0.wants_write() && self.0.write_tls(&mut bytes).is_ok() {}
        bytes
    }

    /// Receives bytes of the server.
    ///
    /// # Errors
    /// Why the handshake failed, in words. The bytes to be sent are then the alert for the server.
    pub(crate) fn give(&mut self, mut received: &[u8]) -> Result<(), String> {
        while !received.is_empty() {
            let taken = self.0.read_tls(&mut received).map_err(|error| error.to_string())?;
            self.0.process_new_packets().map_err(|error| error.to_string())?;
            if taken == 0 {
                return Err("the server went on after the end of its TLS stream".to_owned());
            }
        }
        Ok(())
    }

    pub(crate) fn handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Encrypts a text; [`TlsClient::take`] then returns the bytes to send.
    pub(crate) fn write(&mut self, plain: &[u8]) -> Result<(), String> {
        self.0.writer().write_all(plain).map_err(|error| error.to_string())
    }

    /// The plain text that was received and not yet read.
    pub(crate) fn read(&mut self) -> Vec<u8> {
        let mut plain = Vec::new();
        // "Would block" and a missing close_notify both mean that no more has come.
        let _ = self.0.reader().take(PLAIN_LIMIT).read_to_end(&mut plain);
        plain
    }

    pub(crate) fn facts(&self) -> TlsFacts {
        let version = self.0.protocol_version().and_then(|version| version.as_str().map(|name| name.replace('_', ".")));
        let chain = self.0.peer_certificates().unwrap_or_default();
        TlsFacts { version: version.unwrap_or_default(), chain: chain.iter().map(|der| der.to_vec()).collect() }
    }
}

/// TLS with a SQL Server, by a verifier of its certificate.
///
/// # Errors
/// Why this side cannot begin, in words.
pub(crate) fn client_config(
    opening: Opening,
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, String> {
    let (versions, alpn): (&[&'static SupportedProtocolVersion], _) = match opening {
        Opening::InsidePackets => (&[&version::TLS12], Vec::new()),
        Opening::Strict => (&[&version::TLS13, &version::TLS12], vec![b"tds/8.0".to_vec()]),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = alpn;
    // A resumed session would show no certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The name in the extension that tells the server which certificate is wanted: the address where it is no host name.
pub(crate) fn wanted_name(host: &str, address: IpAddr) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).unwrap_or_else(|_| ServerName::IpAddress(address.into()))
}

fn without_judgement(opening: Opening) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    client_config(opening, Arc::clone(&provider), Arc::new(AcceptAny(provider))).map(Arc::new)
}

/// Accepts any certificate and any signature by it: no secret is sent, and an invalid certificate is exactly what must
/// be shown.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
