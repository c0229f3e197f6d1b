//! PRELOGIN: [MS-TDS] 2.2.6.5.

use super::server::{Encryption, Options};
use bytes::{BufMut, Bytes, BytesMut};

const VERSION: u8 = 0x00;
const ENCRYPTION: u8 = 0x01;
const INSTANCE: u8 = 0x02;
const THREAD: u8 = 0x03;
const MARS: u8 = 0x04;
const TERMINATOR: u8 = 0xFF;

const ENCRYPT_OFF: u8 = 0;
const ENCRYPT_ON: u8 = 1;
const ENCRYPT_NOT_SUP: u8 = 2;
const ENCRYPT_REQ: u8 = 3;

/// What is to be encrypted after PRELOGIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// Nothing.
    Nothing,
    /// The login alone.
    Login,
    /// All.
    All,
    /// TLS was there before PRELOGIN.
    Already,
}

/// What a client's PRELOGIN asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Prelogin {
    encryption: Option<u8>,
    instance: Option<Bytes>,
}

impl Prelogin {
    /// Reads the options; `None` where an offset leads out of the message.
    pub(crate) fn parse(payload: &Bytes) -> Option<Prelogin> {
        let mut found = Prelogin::default();
        let mut at = 0;
        loop {
            let token = *payload.get(at)?;
            if token == TERMINATOR {
                return Some(found);
            }
            let &[a, b, c, d] = payload.get(at + 1..at + 5)? else { return None };
            let start = usize::from(u16::from_be_bytes([a, b]));
            let end = start + usize::from(u16::from_be_bytes([c, d]));
            let value = (end <= payload.len()).then(|| payload.slice(start..end))?;
            match token {
                ENCRYPTION => found.encryption = Some(*value.first()?),
                INSTANCE => found.instance = Some(value),
                _ => {}
            }
            at += 5;
        }
    }

    /// What follows from the client's wish and the server's setting, and the byte that tells the client so.
    fn agree(&self, encryption: Encryption) -> (Agreed, u8) {
        let wish = self.encryption.unwrap_or(ENCRYPT_NOT_SUP);
        match (encryption, wish) {
            (Encryption::Strict, _) => (Agreed::Already, ENCRYPT_ON),
            (Encryption::None, _) => (Agreed::Nothing, ENCRYPT_NOT_SUP),
            (_, ENCRYPT_ON | ENCRYPT_REQ) => (Agreed::All, ENCRYPT_ON),
            (Encryption::Required, _) => (Agreed::All, ENCRYPT_REQ),
            (Encryption::LoginOnly, ENCRYPT_OFF) => (Agreed::Login, ENCRYPT_OFF),
            (Encryption::LoginOnly, _) => (Agreed::Nothing, ENCRYPT_NOT_SUP),
        }
    }

    /// The answer, and what it settles. MARS is always refused.
    pub(crate) fn answer(&self, options: &Options, out: &mut BytesMut) -> Agreed {
        let (agreed, encryption) = self.agree(options.encryption);
        let version = options.version;
        let mut version_bytes = vec![version.major, version.minor];
        version_bytes.extend(version.build.to_be_bytes());
        version_bytes.extend([0, 0]);
        let other_instance = self.instance.as_deref().is_some_and(|asked| is_other_instance(asked, &options.instance));
        let values: [(u8, &[u8]); 5] = [
            (VERSION, &version_bytes),
            (ENCRYPTION, &[encryption]),
            (INSTANCE, &[u8::from(other_instance)]),
            (THREAD, &[]),
            (MARS, &[0]),
        ];
        let mut offset = values.len() * 5 + 1;
        for (token, value) in values {
            out.put_u8(token);
            // The complete answer is shorter than 50 bytes.
            out.put_u16(offset as u16);
            out.put_u16(value.len() as u16);
            offset += value.len();
        }
        out.put_u8(TERMINATOR);
        for (_, value) in values {
            out.put_slice(value);
        }
        agreed
    }
}

/// Whether a client means another instance than this one. An empty name asks for no check.
fn is_other_instance(asked: &[u8], instance: &str) -> bool {
    let asked = asked.strip_suffix(&[0]).unwrap_or(asked);
    !asked.is_empty() && !asked.eq_ignore_ascii_case(instance.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asking(encryption: u8, instance: &[u8]) -> Bytes {
        let mut bytes = vec![ENCRYPTION, 0, 11, 0, 1, INSTANCE, 0, 12, 0, instance.len() as u8, TERMINATOR, encryption];
        bytes.extend(instance);
        bytes.into()
    }

    #[test]
    fn encryption_is_agreed_as_the_table_of_the_specification_says() {
        use Encryption::{LoginOnly, None, Required, Strict};
        for (server, client, agreed, told) in [
            (None, ENCRYPT_OFF, Agreed::Nothing, ENCRYPT_NOT_SUP),
            (None, ENCRYPT_ON, Agreed::Nothing, ENCRYPT_NOT_SUP),
            (LoginOnly, ENCRYPT_NOT_SUP, Agreed::Nothing, ENCRYPT_NOT_SUP),
            (LoginOnly, ENCRYPT_OFF, Agreed::Login, ENCRYPT_OFF),
            (LoginOnly, ENCRYPT_ON, Agreed::All, ENCRYPT_ON),
            (Required, ENCRYPT_OFF, Agreed::All, ENCRYPT_REQ),
            (Required, ENCRYPT_NOT_SUP, Agreed::All, ENCRYPT_REQ),
            (Required, ENCRYPT_ON, Agreed::All, ENCRYPT_ON),
            (Strict, ENCRYPT_ON, Agreed::Already, ENCRYPT_ON),
        ] {
            let prelogin = Prelogin::parse(&asking(client, b"")).unwrap();
            assert_eq!(prelogin.agree(server), (agreed, told), "{server:?} {client}");
        }
    }

    #[test]
    fn an_instance_is_checked_without_regard_to_case() {
        assert!(!is_other_instance(b"payroll\0", "PAYROLL"));
        assert!(is_other_instance(b"payroll\0", "MSSQLSERVER"));
        assert!(!is_other_instance(b"\0", "PAYROLL"));
    }

    #[test]
    fn an_answer_can_be_read_as_a_question() {
        let options = Options { instance: "PAYROLL".into(), ..Options::default() };
        let mut out = BytesMut::new();
        Prelogin::parse(&asking(ENCRYPT_OFF, b"OTHER\0")).unwrap().answer(&options, &mut out);
        let read = Prelogin::parse(&out.freeze()).unwrap();
        assert_eq!(read, Prelogin { encryption: Some(ENCRYPT_NOT_SUP), instance: Some(Bytes::from_static(&[1])) });
    }

    #[test]
    fn no_prefix_of_a_prelogin_is_taken_for_a_complete_one() {
        let complete = asking(ENCRYPT_ON, b"X\0");
        for length in 0..complete.len() {
            assert_eq!(Prelogin::parse(&complete.slice(..length)), None);
        }
    }
}
