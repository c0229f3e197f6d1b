//! PRELOGIN and TLS by this program's own means, so that a certificate is judged by one rule.
//!
//! The driver gets a stream that is encrypted already and believes in a server without encryption.

mod greeted;
mod in_packets;

use super::error::ReadError;
use super::faults;
use crate::config::Encrypt;
use crate::model::{Certificate, Stage};
use crate::probe::protocol::SessionVerifier;
use crate::probe::protocol::packets::{self, Offer};
use crate::probe::protocol::tls::{Opening, wanted_name};
use greeted::Greeted;
use in_packets::InPackets;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A stream in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

pub(super) type Transport = Box<dyn Duplex>;

/// Who is called, for the extension that tells the server which certificate is wanted.
pub(super) struct Called {
    pub(super) name: String,
    pub(super) address: IpAddr,
    /// Address and name, for texts.
    pub(super) shown: String,
}

/// Shakes hands. The certificate is the one that was presented; there is none without TLS.
pub(super) async fn greet<S: Duplex + 'static>(
    mut stream: S,
    encrypt: Encrypt,
    verifier: SessionVerifier,
    called: &Called,
) -> Result<(Transport, Option<Certificate>), ReadError> {
    let to = called.shown.as_str();
    if encrypt == Encrypt::Strict {
        let mut stream = shake_hands(stream, Opening::Strict, verifier.clone(), called).await?;
        // The server says nothing here that is not known already.
        packets::ask(&mut stream, Offer::Encryption).await.map_err(|error| faults::on_prelogin(&error, to))?;
        return Ok((Box::new(Greeted::new(stream)), verifier.seen()));
    }
    let offer = if encrypt == Encrypt::Off { Offer::NoEncryption } else { Offer::Encryption };
    let answer = packets::ask(&mut stream, offer).await.map_err(|error| faults::on_prelogin(&error, to))?;
    match (offer, answer) {
        (Offer::NoEncryption, packets::Answer::NotSupported) => Ok((Box::new(Greeted::new(stream)), None)),
        (Offer::Encryption, packets::Answer::Off | packets::Answer::NotSupported) => {
            let fault = ReadError::new(Stage::Tls, format!("{to} does not allow the encryption that is asked for"));
            Err(fault.with_hint("master.encrypt asks for what this server does not offer"))
        }
        _ => {
            let stream = shake_hands(stream, Opening::InsidePackets, verifier.clone(), called).await?;
            Ok((Box::new(Greeted::new(stream)), verifier.seen()))
        }
    }
}

async fn shake_hands<S: Duplex>(
    stream: S,
    opening: Opening,
    verifier: SessionVerifier,
    called: &Called,
) -> Result<TlsStream<InPackets<S>>, ReadError> {
    let to = called.shown.as_str();
    let config = verifier.clone().client_config(opening).map_err(|error| faults::tls(&error, to))?;
    let name = wanted_name(&called.name, called.address);
    let inside_packets = opening == Opening::InsidePackets;
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, InPackets::new(stream, inside_packets)).await;
    match shaken {
        Ok(mut stream) => {
            stream.get_mut().0.finish();
            Ok(stream)
        }
        Err(error) => Err(match verifier.objection() {
            Some(objection) => {
                let message = format!("the TLS handshake with {to} failed: {}", objection.message);
                ReadError::new(Stage::Tls, message).with_hint(objection.hint)
            }
            None => faults::on_handshake(&error, inside_packets, to),
        }
        .with_certificate(verifier.seen().as_ref())),
    }
}
