//! Packets of a server, for tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::epm::tests::tower;

pub(in crate::probe) use super::epm::tests::result;

fn packet(kind: u8, call: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(16 + body.len()).unwrap().to_le_bytes();
    [&[5, 0, kind, 3, 0x10, 0, 0, 0], length.as_slice(), &[0, 0, call, 0, 0, 0], body].concat()
}

/// A bind that was accepted.
pub(in crate::probe) fn bind_ack() -> Vec<u8> {
    let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 1, 0, 0, 0, 4, 0];
    body.extend(b"135\0\0\0");
    body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    body.extend([0; 20]);
    packet(12, 1, &body)
}

/// A call that found this port.
pub(in crate::probe) fn mapped(port: u16) -> Vec<u8> {
    packet(2, 2, &[[0; 8].as_slice(), &result(&tower(port), 0)].concat())
}

/// A call that failed.
pub(in crate::probe) fn fault(status: u32) -> Vec<u8> {
    packet(3, 2, &[[0; 8].as_slice(), &status.to_le_bytes(), &[0; 4]].concat())
}
