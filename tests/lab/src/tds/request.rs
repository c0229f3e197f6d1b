//! What a logged-in client asks for: [MS-TDS] 2.2.6.7 (batch), 2.2.6.6 (RPC), 2.2.6.9 (transaction manager), and the
//! ALL_HEADERS before each of them (2.2.5.3).

use super::literal::{declared, substitute};
use super::packet::{Message, kind};
use super::rpc;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// A batch of statements.
    Batch(String),
    /// `sp_executesql`, its parameters put in place.
    Execute(String),
    /// Any other procedure.
    Procedure(String),
    /// A request to the transaction manager.
    Transaction(Transaction),
    /// Give up the answer that runs.
    Attention,
}

/// Requests to the transaction manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    Begin,
    Commit,
    Rollback,
    Other(u16),
}

impl Request {
    /// Reads a request; `None` where it is not well formed or of a kind that is not served.
    pub(crate) fn parse(message: &Message) -> Option<Request> {
        let payload = &message.payload;
        match message.kind {
            kind::ATTENTION => Some(Request::Attention),
            kind::SQL_BATCH => Some(Request::Batch(rpc::utf16(behind_headers(payload)?))),
            kind::RPC => procedure(behind_headers(payload)?),
            kind::TRANSACTION => {
                let kind = behind_headers(payload)?.first_chunk().copied().map(u16::from_le_bytes)?;
                Some(Request::Transaction(match kind {
                    5 => Transaction::Begin,
                    7 => Transaction::Commit,
                    8 => Transaction::Rollback,
                    other => Transaction::Other(other),
                }))
            }
            _ => None,
        }
    }
}

/// What follows ALL_HEADERS, which begin with their own length.
fn behind_headers(payload: &[u8]) -> Option<&[u8]> {
    let length = u32::from_le_bytes(*payload.first_chunk()?) as usize;
    if length < 4 { None } else { payload.get(length..) }
}

fn procedure(payload: &[u8]) -> Option<Request> {
    let call = rpc::parse(payload)?;
    if !call.procedure.eq_ignore_ascii_case("sp_executesql") {
        return Some(Request::Procedure(call.procedure));
    }
    let mut parameters = call.parameters.into_iter();
    let (_, statement) = parameters.next()?;
    let declarations = parameters.next().map(|(_, literal)| unquoted(&literal)).unwrap_or_default();
    let names = declared(&declarations);
    let values: Vec<_> = parameters
        .enumerate()
        .map(|(at, (name, literal))| match names.get(at) {
            Some(declared) if name.is_empty() => (declared.clone(), literal),
            _ => (name, literal),
        })
        .collect();
    Some(Request::Execute(substitute(&unquoted(&statement), &values)))
}

/// The text of a string literal that [`rpc`] made.
fn unquoted(literal: &str) -> String {
    let text = literal.trim_start_matches('N');
    text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or_default().replace("''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(kind: u8, headers: &[u8], payload: &[u8]) -> Message {
        Message { kind, status: 1, payload: Bytes::from([headers, payload].concat()) }
    }

    fn text(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    const HEADERS: [u8; 22] = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];

    #[test]
    fn a_batch_is_read_behind_its_headers() {
        let batch = message(kind::SQL_BATCH, &HEADERS, &text("select 'ä'"));
        assert_eq!(Request::parse(&batch), Some(Request::Batch("select 'ä'".into())));
        for headers in [&[][..], &[3, 0, 0, 0], &[99, 0, 0, 0]] {
            assert_eq!(Request::parse(&message(kind::SQL_BATCH, headers, b"")), None);
        }
    }

    #[test]
    fn parameters_without_names_take_those_of_the_declaration() {
        let mut payload = vec![0xFF, 0xFF, 10, 0, 0, 0];
        for sql in ["select @b + 'it''s' + @a", "@a int, @b nvarchar(10)"] {
            payload.extend([0, 0, 0xE7, 0x40, 0x1F, 9, 4, 0xD0, 0, 0x34]);
            payload.extend((sql.len() as u16 * 2).to_le_bytes());
            payload.extend(text(sql));
        }
        payload.extend([0, 0, 0x26, 4, 4, 1, 0, 0, 0]);
        payload.extend([0, 0, 0xE7, 8, 0, 9, 4, 0xD0, 0, 0x34, 2, 0, b'x', 0]);
        let expected = Request::Execute("select N'x' + 'it''s' + 1".into());
        assert_eq!(Request::parse(&message(kind::RPC, &HEADERS, &payload)), Some(expected));
    }

    #[test]
    fn other_procedures_keep_their_name() {
        let by_number = message(kind::RPC, &HEADERS, &[0xFF, 0xFF, 13, 0, 0, 0]);
        assert_eq!(Request::parse(&by_number), Some(Request::Procedure("sp_prepexec".into())));
        let by_name = message(kind::RPC, &HEADERS, &[&[7, 0][..], &text("sp_help"), &[0, 0]].concat());
        assert_eq!(Request::parse(&by_name), Some(Request::Procedure("sp_help".into())));
    }
}
