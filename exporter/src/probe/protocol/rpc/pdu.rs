//! Packets of connection-oriented DCE/RPC (C706 chapter 12, [MS-RPCE] 2.2.2), as far as an anonymous question needs.

/// An interface of DCE/RPC and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// The UUID as sent, with its first three fields in little-endian order.
    pub uuid: [u8; 16],
    /// Major version.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
}

/// The endpoint mapper: e1af8308-5d1f-11c9-91a4-08002b14a0fa, version 3.0.
pub(crate) const ENDPOINT_MAPPER: Interface = Interface {
    uuid: [0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa],
    major: 3,
    minor: 0,
};

/// The service control manager: 367abb81-9844-35f1-ad32-98f038001003, version 2.0 ([MS-SCMR] 1.9).
pub const SERVICE_CONTROL: Interface = Interface {
    uuid: [0x81, 0xbb, 0x7a, 0x36, 0x44, 0x98, 0xf1, 0x35, 0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03],
    major: 2,
    minor: 0,
};

/// The transfer syntax NDR: 8a885d04-1ceb-11c9-9fe8-08002b104860, version 2.0.
pub(crate) const NDR: Interface = Interface {
    uuid: [0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60],
    major: 2,
    minor: 0,
};

/// Length of the head that every packet has.
pub(crate) const HEAD: usize = 16;
/// The longest fragment that is offered and accepted; every implementation must support at least 1,432.
pub(crate) const FRAGMENT_LIMIT: u16 = 4280;

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const BIND_NAK: u8 = 13;
const FIRST_AND_LAST: u8 = 0x03;
const LAST: u8 = 0x02;

/// An answer of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RpcAnswer {
    /// It accepted the interface.
    Bound,
    /// It does not offer the interface, or refuses every bind; the number of the reason.
    NotBound(u16),
    /// A call failed; its status.
    Fault(u32),
    /// A fragment of a call's result.
    Result {
        /// The marshalled result.
        stub: Vec<u8>,
        /// Whether it is the last.
        last: bool,
    },
}

fn packet(kind: u8, call: u8, body: &[u8]) -> Vec<u8> {
    // Little-endian integers, ASCII, IEEE floats.
    let mut bytes = vec![5, 0, kind, FIRST_AND_LAST, 0x10, 0, 0, 0];
    bytes.extend(u16::try_from(HEAD + body.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend([0, 0, call, 0, 0, 0]);
    bytes.extend(body);
    bytes
}

fn syntax(interface: Interface) -> impl Iterator<Item = u8> {
    interface.uuid.into_iter().chain(interface.major.to_le_bytes()).chain(interface.minor.to_le_bytes())
}

/// A bind to one interface, without authentication.
pub(crate) fn encode_bind(interface: Interface) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(FRAGMENT_LIMIT.to_le_bytes());
    body.extend(FRAGMENT_LIMIT.to_le_bytes());
    // A new association, one context with the number 0, one transfer syntax.
    body.extend([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    body.extend(syntax(interface));
    body.extend(syntax(NDR));
    packet(BIND, 1, &body)
}

pub(crate) fn encode_request(operation: u16, stub: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(u32::try_from(stub.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend([0, 0]);
    body.extend(operation.to_le_bytes());
    body.extend(stub);
    packet(REQUEST, 2, &body)
}

/// The length of the complete packet, from its head; `None` for other bytes, or for a packet longer than the accepted
/// fragment.
pub(crate) fn decode_length(head: &[u8; HEAD]) -> Option<usize> {
    let [5, 0 | 1, _, _, order, _, _, _, low, high, ..] = *head else { return None };
    let length = if order & 0x10 == 0 { u16::from_be_bytes([low, high]) } else { u16::from_le_bytes([low, high]) };
    // The specification allows big-endian peers; no Windows and no Samba is one, and the decoders below would misread
    // it.
    (order & 0x10 != 0 && length <= FRAGMENT_LIMIT && usize::from(length) > HEAD).then_some(usize::from(length))
}

/// Decodes a packet without its head; `None` for bytes that are not an answer.
pub(crate) fn decode(head: &[u8; HEAD], body: &[u8]) -> Option<RpcAnswer> {
    let [_, _, kind, flags, ..] = *head;
    match kind {
        BIND_ACK => decode_bind_ack(body),
        BIND_NAK => u16_at(body, 0).map(RpcAnswer::NotBound),
        FAULT => u32_at(body, 8).map(RpcAnswer::Fault),
        RESPONSE => Some(RpcAnswer::Result { stub: body.get(8..)?.to_vec(), last: flags & LAST != 0 }),
        _ => None,
    }
}

fn decode_bind_ack(body: &[u8]) -> Option<RpcAnswer> {
    // Two fragment sizes and the association, then the secondary address, then the results on the next multiple of 4.
    let address = usize::from(u16_at(body, 8)?);
    let results = (10 + address).next_multiple_of(4);
    if *body.get(results)? == 0 {
        return None;
    }
    let result = u16_at(body, results + 4)?;
    Some(if result == 0 { RpcAnswer::Bound } else { RpcAnswer::NotBound(u16_at(body, results + 6)?) })
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let [low, high] = *bytes.get(at..at.checked_add(2)?)? else { return None };
    Some(u16::from_le_bytes([low, high]))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16_at(bytes, at)?) | u32::from(u16_at(bytes, at.checked_add(2)?)?) << 16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bind_has_the_documented_layout() {
        let bytes = encode_bind(ENDPOINT_MAPPER);
        assert_eq!(bytes.len(), 72);
        assert_eq!(decode_length(bytes[..16].try_into().unwrap()), Some(72));
        assert_eq!(bytes[32..48], ENDPOINT_MAPPER.uuid);
    }

    #[test]
    fn a_fragment_longer_than_we_allowed_is_refused() {
        let mut head = [5, 0, RESPONSE, 3, 0x10, 0, 0, 0, 0xff, 0xff, 0, 0, 2, 0, 0, 0];
        assert_eq!(decode_length(&head), None);
        (head[8], head[9]) = (0x20, 0);
        assert_eq!(decode_length(&head), Some(32));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(head: [u8; HEAD], body in proptest::collection::vec(any::<u8>(), 0..4300)) {
            let _ = decode_length(&head);
            let _ = decode(&head, &body);
        }

        #[test]
        fn any_bind_ack_is_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode_bind_ack(&body);
        }
    }
}
