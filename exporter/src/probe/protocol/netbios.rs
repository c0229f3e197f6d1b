//! The NetBIOS session service (RFC 1002 4.3, TCP 139): one session request.

use super::attempt::ProbeError;
use super::tcp::{Line, Stream};
use crate::model::PortState;

const SESSION_REQUEST: u8 = 0x81;
const POSITIVE: u8 = 0x82;
const NEGATIVE: u8 = 0x83;
const RETARGET: u8 = 0x84;

/// The name that every Windows file server accepts.
const CALLED: &[u8] = b"*SMBSERVER";
const CALLING: &[u8] = b"MSX-EXPORTER";

/// The request: both names, each as 16 bytes in the half-byte encoding of RFC 1001 14.1.
fn encode_request() -> Vec<u8> {
    let mut names = encode_name(CALLED);
    names.extend(encode_name(CALLING));
    let [high, low] = u16::try_from(names.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut request = vec![SESSION_REQUEST, 0, high, low];
    request.append(&mut names);
    request
}

fn encode_name(name: &[u8]) -> Vec<u8> {
    let mut encoded = vec![32];
    for byte in name.iter().copied().chain(std::iter::repeat(b' ')).take(16) {
        encoded.extend([b'A' + (byte >> 4), b'A' + (byte & 0x0f)]);
    }
    encoded.push(0);
    encoded
}

/// The meaning of an answer in words; `None` for other bytes. Any answer proves the service.
fn decode_answer(answer: &[u8; 4]) -> Option<&'static str> {
    match answer {
        [POSITIVE, 0, 0, 0] => Some("it accepts NetBIOS sessions"),
        [NEGATIVE, 0, 0, 1] => Some("it refuses a NetBIOS session under the name *SMBSERVER"),
        [RETARGET, 0, 0, 6] => Some("it sends NetBIOS sessions elsewhere"),
        _ => None,
    }
}

/// Requests a session, and returns the result in words.
///
/// # Errors
/// [`PortState::WrongProtocol`] where another service answers or the connection ends.
pub(crate) async fn ask(line: &mut Line<impl Stream>) -> Result<String, ProbeError> {
    line.send(&encode_request()).await.map_err(|error| ProbeError::wrong_protocol(&error))?;
    let mut answer = [0; 4];
    line.receive_all(&mut answer).await.map_err(|error| ProbeError::wrong_protocol(&error))?;
    match decode_answer(&answer) {
        Some(words) => Ok(words.to_owned()),
        None => {
            Err(ProbeError::new(PortState::WrongProtocol, format!("it answered with \"{}\"", answer.escape_ascii())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_has_the_documented_layout() {
        let request = encode_request();
        assert_eq!(request.len(), 72);
        assert_eq!(request[..4], [0x81, 0, 0, 68]);
        assert_eq!(&request[4..39], b" CKFDENECFDEFFCFGEFFCCACACACACACA\0 ".as_slice());
    }

    #[test]
    fn every_answer_of_the_protocol_is_known_and_nothing_else() {
        for (kind, length) in (0..=u8::MAX).flat_map(|kind| (0..=u8::MAX).map(move |length| (kind, length))) {
            let known = matches!((kind, length), (POSITIVE, 0) | (NEGATIVE, 1) | (RETARGET, 6));
            assert_eq!(decode_answer(&[kind, 0, 0, length]).is_some(), known, "{kind:#04x} {length}");
        }
        assert!(decode_answer(b"HTTP").is_none());
        assert!(decode_answer(&[0x82, 0, 0xff, 0xff]).is_none());
    }
}
