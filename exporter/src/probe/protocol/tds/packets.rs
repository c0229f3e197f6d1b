//! PRELOGIN for a client that means to log in.

use super::packet::{self, Kind, PacketError};
pub(crate) use super::prelogin::PreloginAnswer as Answer;
use super::prelogin::{self, ENCRYPT_NOT_SUPPORTED, ENCRYPT_ON};
use crate::probe::protocol::tcp::{Line, Stream};

/// What the client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Everything encrypted.
    Encryption,
    /// Nothing.
    NoEncryption,
}

impl Offer {
    fn byte(self) -> u8 {
        match self {
            Offer::Encryption => ENCRYPT_ON,
            Offer::NoEncryption => ENCRYPT_NOT_SUPPORTED,
        }
    }
}

/// Sends PRELOGIN and reads what the server makes of the offer.
pub(crate) async fn ask(stream: &mut (impl Stream + Send), offer: Offer) -> Result<Answer, PacketError> {
    let mut line = Line::over(stream);
    line.send(&prelogin::encode("", offer.byte())).await?;
    line.flush().await?;
    let message = packet::read(&mut line).await?;
    let answer = prelogin::decode(&message).and_then(|answer| answer.encryption);
    answer.ok_or_else(|| PacketError::Strange(message.into_iter().take(16).collect()))
}

/// A flight of TLS in PRELOGIN packets.
pub(crate) fn prelogin(flight: &[u8]) -> Vec<u8> {
    packet::encode(Kind::Prelogin, flight)
}

/// The answer of a server without encryption.
pub(crate) fn prelogin_answer_without_encryption() -> Vec<u8> {
    let mut answer = prelogin::encode("", ENCRYPT_NOT_SUPPORTED);
    if let Some(kind) = answer.first_mut() {
        *kind = Kind::Reply as u8;
    }
    answer
}
