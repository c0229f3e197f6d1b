//! The first message of TDS and its answer ([MS-TDS] 2.2.6.5): version and encryption, before any login.

use super::packet::{self, Kind};

/// The content of the server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prelogin {
    /// The version of the product, such as `16.0.4135`.
    pub(crate) version: Option<String>,
    /// The server's reply to the client's encryption option.
    pub(crate) encryption: Option<PreloginAnswer>,
    /// Whether the instance has the requested name; only where the server says so.
    pub(crate) instance_matches: Option<bool>,
}

/// The server's answer to a client that asks for ENCRYPT_OFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreloginAnswer {
    /// 0: the login is encrypted and no more.
    Off,
    /// 1 and 3: everything is encrypted, the server insists.
    Required,
    /// 2: the server has no certificate.
    NotSupported,
}

const VERSION: u8 = 0x00;
const ENCRYPTION: u8 = 0x01;
const INSTANCE: u8 = 0x02;
const THREAD: u8 = 0x03;
const MARS: u8 = 0x04;
const END: u8 = 0xff;

/// Asked for more, the server would answer "on" whether it insists or not; asked for this, its answer shows its
/// setting, and TLS follows nevertheless.
pub(super) const ENCRYPT_OFF: u8 = 0;
pub(super) const ENCRYPT_ON: u8 = 1;
pub(super) const ENCRYPT_NOT_SUPPORTED: u8 = 2;

/// The message, as one complete packet. `instance` is the bare instance name, empty for the default instance.
pub(crate) fn encode(instance: &str, encryption: u8) -> Vec<u8> {
    // A name that is not ASCII is left out, because the server's code page is not known.
    let mut name = if instance.is_ascii() { instance.as_bytes().to_vec() } else { Vec::new() };
    name.push(0);
    let options: [(u8, &[u8]); 5] =
        [(VERSION, &[0; 6]), (ENCRYPTION, &[encryption]), (INSTANCE, &name), (THREAD, &[0; 4]), (MARS, &[0])];
    let mut head = Vec::new();
    let mut data = Vec::new();
    let offset = options.len() * 5 + 1;
    for (token, value) in options {
        head.push(token);
        head.extend(length(offset + data.len()));
        head.extend(length(value.len()));
        data.extend_from_slice(value);
    }
    head.push(END);
    head.append(&mut data);
    packet::encode(Kind::Prelogin, &head)
}

fn length(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes()
}

/// Decodes the options of the answer; `None` for other bytes.
pub(crate) fn decode(message: &[u8]) -> Option<Prelogin> {
    let mut found = Prelogin { version: None, encryption: None, instance_matches: None };
    let mut options = message;
    loop {
        let [token, rest @ ..] = options else { return None };
        if *token == END {
            break;
        }
        let [offset_high, offset_low, length_high, length_low, rest @ ..] = rest else { return None };
        let offset = usize::from(u16::from_be_bytes([*offset_high, *offset_low]));
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = message.get(offset..offset + length)?;
        match (*token, value) {
            (VERSION, [major, minor, build_high, build_low, ..]) => {
                let build = u16::from_be_bytes([*build_high, *build_low]);
                found.version = Some(format!("{major}.{minor}.{build}"));
            }
            (ENCRYPTION, [answer]) => {
                found.encryption = Some(match answer {
                    0 => PreloginAnswer::Off,
                    1 | 3 => PreloginAnswer::Required,
                    2 => PreloginAnswer::NotSupported,
                    _ => return None,
                });
            }
            (INSTANCE, [flag, ..]) => found.instance_matches = Some(*flag == 0),
            _ => {}
        }
        options = rest;
    }
    // Both options are in every answer; a message without them is something else.
    (found.version.is_some() && found.encryption.is_some()).then_some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    /// The answer printed in [MS-TDS] 4.2, without its packet header: SQL Server 9.0.
    const DOCUMENTED: &[u8] = &[
        0x00, 0x00, 0x1A, 0x00, 0x06, 0x01, 0x00, 0x20, 0x00, 0x01, 0x02, 0x00, 0x21, 0x00, 0x01, 0x03, 0x00, 0x22,
        0x00, 0x00, 0x04, 0x00, 0x22, 0x00, 0x01, 0xFF, 0x09, 0x00, 0x05, 0x77, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];

    #[test]
    fn the_documented_answer_is_read() {
        let found = decode(DOCUMENTED).unwrap();
        assert_eq!(found.version.as_deref(), Some("9.0.1399"));
        assert_eq!((found.encryption, found.instance_matches), (Some(PreloginAnswer::Off), Some(true)));
    }

    #[test]
    fn the_question_reads_as_a_prelogin_and_names_the_instance() {
        let question = encode("PAYROLL", ENCRYPT_OFF);
        assert_eq!(question[..2], [0x12, 0x01]);
        assert_eq!(usize::from(u16::from_be_bytes([question[2], question[3]])), question.len());
        assert_eq!(decode(&question[8..]).unwrap().encryption, Some(PreloginAnswer::Off));
        assert!(question.windows(8).any(|window| window == b"PAYROLL\0"));
    }

    #[test]
    fn an_option_that_points_outside_is_refused() {
        let mut message = DOCUMENTED.to_vec();
        message[7] = 0xf0;
        assert_eq!(decode(&message), None);
        assert_eq!(decode(b"HTTP/1.1 400 Bad Request\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_spoilt_answer_is_read_without_a_panic(at in 0..DOCUMENTED.len(), by: u8) {
            let mut message = DOCUMENTED.to_vec();
            message[at] ^= by;
            let _ = decode(&message);
        }
    }
}
