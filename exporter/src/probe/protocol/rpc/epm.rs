//! The endpoint mapper's call `ept_map` (C706 appendix O, [MS-RPCE] 2.2.1.2.5) and the protocol towers in it.

use super::pdu::{Interface, NDR, u16_at, u32_at};

/// The number of the operation.
pub(crate) const EPT_MAP: u16 = 3;
/// EPT_S_NOT_REGISTERED.
const NOT_REGISTERED: u32 = 0x16c9_a0d6;
/// The number of towers that are asked for and decoded.
const TOWERS: u32 = 4;
/// A tower for TCP over IPv4 has 75 bytes.
const TOWER_LIMIT: usize = 512;

const FLOOR_UUID: u8 = 0x0d;
const FLOOR_CONNECTION_ORIENTED: u8 = 0x0b;
const FLOOR_TCP: u8 = 0x07;
const FLOOR_IP: u8 = 0x09;

/// The arguments of the call: where does this interface listen on TCP?
pub(crate) fn encode_map(interface: Interface) -> Vec<u8> {
    let tower = encode_tower(interface);
    let length = u32::try_from(tower.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut stub = Vec::new();
    // A null object UUID; then a pointer to the tower, its size twice (of the array, and as a field), its bytes,
    // padding.
    stub.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    stub.extend(length);
    stub.extend(length);
    stub.extend(tower);
    stub.resize(stub.len().next_multiple_of(4), 0);
    // A null handle: the first page of the answer.
    stub.extend([0; 20]);
    stub.extend(TOWERS.to_le_bytes());
    stub
}

fn encode_tower(interface: Interface) -> Vec<u8> {
    let mut tower = vec![5, 0];
    for Interface { uuid, major, minor } in [interface, NDR] {
        let left: Vec<u8> = [FLOOR_UUID].into_iter().chain(uuid).chain(major.to_le_bytes()).collect();
        floor(&mut tower, &left, &minor.to_le_bytes());
    }
    floor(&mut tower, &[FLOOR_CONNECTION_ORIENTED], &[0, 0]);
    floor(&mut tower, &[FLOOR_TCP], &135_u16.to_be_bytes());
    floor(&mut tower, &[FLOOR_IP], &[0; 4]);
    tower
}

fn floor(tower: &mut Vec<u8>, left: &[u8], right: &[u8]) {
    for side in [left, right] {
        tower.extend(u16::try_from(side.len()).unwrap_or(u16::MAX).to_le_bytes());
        tower.extend(side);
    }
}

/// The answer of the mapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// The interface listens on this TCP port.
    Port(u16),
    /// No TCP port is registered for it.
    NotRegistered,
    /// The mapper failed; its status.
    Failed(u32),
}

/// Decodes the result of the call; `None` for other bytes.
pub(crate) fn decode_map(stub: &[u8]) -> Option<Mapped> {
    // The handle, the number of towers, then an array of pointers (maximum, offset, count) and their referents.
    let count = u32_at(stub, 32)?;
    let pointers = usize::try_from(count.min(TOWERS)).ok()?;
    if count > TOWERS {
        return None;
    }
    let mut at = 36 + pointers * 4;
    let mut port = None;
    for pointer in 0..pointers {
        if u32_at(stub, 36 + pointer * 4)? == 0 {
            continue;
        }
        let length = usize::try_from(u32_at(stub, at)?).ok()?;
        if length > TOWER_LIMIT {
            return None;
        }
        let start = at + 8;
        let tower = stub.get(start..start + length)?;
        port = port.or_else(|| tcp_port(tower));
        at = (start + length).next_multiple_of(4);
    }
    Some(match (u32_at(stub, at)?, port) {
        (0, Some(port)) => Mapped::Port(port),
        (0 | NOT_REGISTERED, _) => Mapped::NotRegistered,
        (status, _) => Mapped::Failed(status),
    })
}

/// The TCP port in a tower; `None` where it is 0 or missing.
fn tcp_port(tower: &[u8]) -> Option<u16> {
    let floors = u16_at(tower, 0)?;
    let mut at = 2;
    for _ in 0..floors {
        let left = usize::from(u16_at(tower, at)?);
        let protocol = tower.get(at + 2..at + 2 + left)?;
        let right_at = at + 2 + left;
        let right = usize::from(u16_at(tower, right_at)?);
        let value = tower.get(right_at + 2..right_at + 2 + right)?;
        if let ([FLOOR_TCP], [high, low]) = (protocol, value) {
            return Some(u16::from_be_bytes([*high, *low])).filter(|port| *port != 0);
        }
        at = right_at + 2 + right;
    }
    None
}

#[cfg(test)]
pub(in crate::probe) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::pdu::SERVICE_CONTROL;
    use super::*;
    use proptest::prelude::*;

    /// The result of a call that found one tower.
    pub(in crate::probe) fn result(tower: &[u8], status: u32) -> Vec<u8> {
        let length = u32::try_from(tower.len()).unwrap();
        let mut stub = vec![0; 20];
        for word in [1, TOWERS, 0, 1, 3, length, length] {
            stub.extend(word.to_le_bytes());
        }
        stub.extend(tower);
        stub.resize(stub.len().next_multiple_of(4), 0);
        stub.extend(status.to_le_bytes());
        stub
    }

    /// A tower with this port.
    pub(in crate::probe::protocol::rpc) fn tower(port: u16) -> Vec<u8> {
        let mut tower = encode_tower(SERVICE_CONTROL);
        let at = tower.len() - 11;
        tower[at..at + 2].copy_from_slice(&port.to_be_bytes());
        tower
    }

    #[test]
    fn the_port_of_a_tower_is_read() {
        assert_eq!(tower(49664).len(), 75);
        assert_eq!(decode_map(&result(&tower(49664), 0)), Some(Mapped::Port(49664)));
    }

    #[test]
    fn port_zero_is_no_port() {
        assert_eq!(decode_map(&result(&tower(0), 0)), Some(Mapped::NotRegistered));
    }

    #[test]
    fn not_registered_is_read() {
        let mut stub = vec![0; 20];
        for word in [0, TOWERS, 0, 0, NOT_REGISTERED] {
            stub.extend(word.to_le_bytes());
        }
        assert_eq!(decode_map(&stub), Some(Mapped::NotRegistered));
    }

    #[test]
    fn a_tower_of_64_kilobytes_is_refused() {
        assert_eq!(decode_map(&result(&vec![0xff; 65_000], 0)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
            let _ = decode_map(&bytes);
            let _ = tcp_port(&bytes);
        }

        #[test]
        fn a_spoilt_result_is_read_without_a_panic(at in 0_usize..135, by: u8) {
            let mut stub = result(&tower(49664), 0);
            if let Some(byte) = stub.get_mut(at) {
                *byte ^= by;
            }
            let _ = decode_map(&stub);
        }
    }
}
