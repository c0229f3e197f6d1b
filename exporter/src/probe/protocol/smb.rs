//! SMB 2 over TCP 445: one NEGOTIATE ([MS-SMB2] 2.2.3, framed as in 2.1).

use super::attempt::ProbeError;
use super::tcp::{Line, Stream};
use crate::model::PortState;

/// 2.0.2, 2.1, 3.0 and 3.0.2. 3.1.1 would need negotiate contexts; a server that speaks nothing else says so.
const DIALECTS: [u16; 4] = [0x0202, 0x0210, 0x0300, 0x0302];
const PROTOCOL: &[u8] = b"\xfeSMB";
/// The magic number of SMB 1, which an old server may answer with.
const PROTOCOL_1: &[u8] = b"\xffSMB";
const HEAD: usize = 64;
/// The longest accepted answer. Longer ones would only carry a security blob, which is not used.
const ANSWER_LIMIT: usize = 16 * 1024;
/// STATUS_NOT_SUPPORTED: the server speaks none of the offered dialects.
const NOT_SUPPORTED: u32 = 0xc000_00bb;

fn encode_negotiate() -> Vec<u8> {
    let mut message = Vec::with_capacity(HEAD + 36 + DIALECTS.len() * 2);
    message.extend(PROTOCOL);
    message.extend(64_u16.to_le_bytes());
    // Credit charge, status, command NEGOTIATE; then one credit; all the rest of the head is zero.
    message.resize(14, 0);
    message.extend(1_u16.to_le_bytes());
    message.resize(HEAD, 0);
    message.extend(36_u16.to_le_bytes());
    message.extend(u16::try_from(DIALECTS.len()).unwrap_or_default().to_le_bytes());
    // Signing enabled; no capabilities; a client GUID, which dialects after 2.0.2 do not allow to be zero.
    message.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    message.extend(*b"msx_exporter.smb");
    message.resize(HEAD + 36, 0);
    message.extend(DIALECTS.iter().flat_map(|dialect| dialect.to_le_bytes()));
    let mut framed = u32::try_from(message.len()).unwrap_or_default().to_be_bytes().to_vec();
    framed.append(&mut message);
    framed
}

/// The meaning of an answer in words; `None` for other bytes.
fn decode_answer(message: &[u8]) -> Option<String> {
    let head = message.get(..HEAD)?;
    let (protocol, rest) = head.split_at(4);
    // Structure size 64, command 0, and the flag of a response.
    let is_answer = rest.get(..2) == Some(&[64, 0]) && head.get(12..14) == Some(&[0, 0]) && head.get(16)? & 1 == 1;
    if protocol != PROTOCOL || !is_answer {
        return None;
    }
    let status = u32::from_le_bytes(head.get(8..12)?.try_into().ok()?);
    if status == NOT_SUPPORTED {
        return Some("SMB 3.1.1 only".to_owned());
    }
    if status != 0 {
        return Some(format!("SMB 2 or later, status {status:#010x}"));
    }
    match message.get(HEAD..HEAD + 6)? {
        [65, 0, _, _, minor, major] => {
            let (minor, patch) = (minor >> 4, minor & 0x0f);
            Some(if patch == 0 { format!("SMB {major}.{minor}") } else { format!("SMB {major}.{minor}.{patch}") })
        }
        _ => None,
    }
}

pub(crate) async fn ask(line: &mut Line<impl Stream>) -> Result<String, ProbeError> {
    let wrong = |evidence: String| ProbeError::new(PortState::WrongProtocol, evidence);
    let strange = |bytes: &[u8]| wrong(format!("it answered with \"{}\"", bytes.escape_ascii()));
    line.send(&encode_negotiate()).await.map_err(|error| ProbeError::wrong_protocol(&error))?;
    let mut frame = [0; 4];
    line.receive_all(&mut frame).await.map_err(|error| ProbeError::wrong_protocol(&error))?;
    let [0, high, middle, low] = frame else { return Err(strange(&frame)) };
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    if !(PROTOCOL.len()..=ANSWER_LIMIT).contains(&length) {
        return Err(strange(&frame));
    }
    let mut message = vec![0; length];
    line.receive_all(&mut message).await.map_err(|error| ProbeError::wrong_protocol(&error))?;
    if message.starts_with(PROTOCOL_1) {
        return Err(wrong("it speaks SMB 1 only".to_owned()));
    }
    decode_answer(&message).ok_or_else(|| strange(message.get(..16).unwrap_or(&message)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    fn answer(status: u32, dialect: u16) -> Vec<u8> {
        let mut message = vec![0; HEAD + 64];
        message[..4].copy_from_slice(PROTOCOL);
        message[4] = 64;
        message[8..12].copy_from_slice(&status.to_le_bytes());
        message[16] = 1;
        message[HEAD] = 65;
        message[HEAD + 4..HEAD + 6].copy_from_slice(&dialect.to_le_bytes());
        message
    }

    #[test]
    fn the_question_has_the_documented_layout() {
        let question = encode_negotiate();
        assert_eq!(question.len(), 4 + 64 + 36 + 8);
        assert_eq!(question[..8], [0, 0, 0, 108, 0xfe, b'S', b'M', b'B']);
        assert_eq!(question[4 + 64..4 + 68], [36, 0, 4, 0]);
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(decode_answer(&answer(0, 0x0210)).unwrap(), "SMB 2.1");
        assert_eq!(decode_answer(&answer(0, 0x0302)).unwrap(), "SMB 3.0.2");
        assert_eq!(decode_answer(&answer(NOT_SUPPORTED, 0)).unwrap(), "SMB 3.1.1 only");
        assert_eq!(decode_answer(&encode_negotiate()[4..]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_answer(&bytes);
        }

        #[test]
        fn a_spoilt_answer_is_read_without_a_panic(at in 0_usize..128, by: u8, length in 0_usize..128) {
            let mut message = answer(0, 0x0210);
            message[at] ^= by;
            message.truncate(length);
            let _ = decode_answer(&message);
        }
    }
}
