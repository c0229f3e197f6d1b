//! LOGIN7: [MS-TDS] 2.2.6.4.

use super::rpc::utf16;

/// The newest version that is spoken; strict encryption carries it too when a client asks for no newer one.
pub(crate) const TDS_7_4: u32 = 0x7400_0004;
/// The version of strict connections.
pub(crate) const TDS_8_0: u32 = 0x0800_0000;
/// The first version whose tokens are as they are today. What is older is refused.
const TDS_7_2: u32 = 0x7209_0002;
/// The first version that knows rows with a bitmap of their NULLs.
const TDS_7_3_B: u32 = 0x730B_0003;

/// What a client says of itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login7 {
    /// The version asked for.
    pub(crate) version: u32,
    /// The packet size asked for.
    pub(crate) packet_size: u32,
    /// The name of its host.
    pub(crate) host: String,
    /// The SQL login; empty with an integrated login.
    pub(crate) user: String,
    /// Its password in clear.
    pub(crate) password: String,
    /// The program's name.
    pub(crate) application: String,
    /// The database asked for.
    pub(crate) database: String,
    /// Whether it wants to log in as a Windows account.
    pub(crate) integrated: bool,
    /// Whether it sent feature extensions, which want an answer.
    pub(crate) features: bool,
}

impl Login7 {
    /// Reads the message; `None` where it is not well formed.
    pub(crate) fn parse(payload: &[u8]) -> Option<Login7> {
        let long = |at: usize| Some(u32::from_le_bytes(payload.get(at..at + 4)?.try_into().ok()?));
        let short = |at: usize| Some(usize::from(u16::from_le_bytes(payload.get(at..at + 2)?.try_into().ok()?)));
        let bytes = |field: usize| {
            let (offset, characters) = (short(field)?, short(field + 2)?);
            payload.get(offset..offset + characters * 2)
        };
        let text = |field: usize| bytes(field).map(utf16);
        if long(0)? as usize > payload.len() {
            return None;
        }
        let (flags_2, flags_3) = (*payload.get(25)?, *payload.get(27)?);
        Some(Login7 {
            version: long(4)?,
            packet_size: long(8)?,
            host: text(36)?,
            user: text(40)?,
            password: utf16(&bytes(44)?.iter().map(|&byte| clear(byte)).collect::<Vec<_>>()),
            application: text(48)?,
            database: text(68)?,
            integrated: flags_2 & 0x80 != 0,
            features: flags_3 & 0x10 != 0,
        })
    }

    /// The version to speak: the one asked for, at most 7.4, or 8.0 where encryption is strict; `None` is too old.
    pub(crate) fn agreed_version(&self, strict: bool) -> Option<u32> {
        match self.version {
            TDS_8_0 => strict.then_some(TDS_8_0),
            asked if asked >= TDS_7_2 => Some(asked.min(TDS_7_4)),
            _ => None,
        }
    }

    /// The packet size to use: the one asked for within what a server allows, or its default.
    pub(crate) fn agreed_packet_size(&self) -> usize {
        match self.packet_size {
            0 => 4096,
            asked => asked.clamp(512, 32_767) as usize,
        }
    }
}

/// Whether rows may carry a bitmap of their NULLs (NBCROW) in this version.
pub(crate) fn knows_null_bitmap(version: u32) -> bool {
    version == TDS_8_0 || version >= TDS_7_3_B
}

/// Undoes the veil over a byte of a password: 0xA5, then the halves change places.
fn clear(byte: u8) -> u8 {
    (byte ^ 0xA5).rotate_left(4)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of [MS-TDS] 4.2, cut to what is read here: host, user and password.
    fn example() -> Vec<u8> {
        let mut login = vec![0_u8; 94];
        login[4..8].copy_from_slice(&TDS_7_4.to_le_bytes());
        login[8..12].copy_from_slice(&8000_u32.to_le_bytes());
        for (field, text, veiled) in [(36, "skostov1", false), (40, "sa", false), (44, "Pä", true), (68, "msdb", false)]
        {
            let at = login.len() as u16;
            login[field..field + 2].copy_from_slice(&at.to_le_bytes());
            login[field + 2..field + 4].copy_from_slice(&(text.encode_utf16().count() as u16).to_le_bytes());
            for byte in text.encode_utf16().flat_map(u16::to_le_bytes) {
                login.push(if veiled { byte.rotate_left(4) ^ 0xA5 } else { byte });
            }
        }
        let length = login.len() as u32;
        login[..4].copy_from_slice(&length.to_le_bytes());
        login
    }

    #[test]
    fn a_password_is_unveiled() {
        // [MS-TDS] 2.2.6.4: 'a' (0x61) is sent as 0xB3, and the upper half 0x00 as 0xA5.
        assert_eq!((clear(0xB3), clear(0xA5)), (0x61, 0x00));
        let login = Login7::parse(&example()).unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str(), login.database.as_str(), login.host.as_str()),
            ("sa", "Pä", "msdb", "skostov1")
        );
    }

    #[test]
    fn a_login_that_is_cut_is_none() {
        let login = example();
        for length in 0..login.len() {
            assert!(Login7::parse(&login[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn no_version_is_higher_than_asked_and_none_older_than_7_2() {
        let mut login = Login7::parse(&example()).unwrap();
        for (asked, strict, agreed) in [
            (0x7100_0001, false, None),
            (TDS_7_2, false, Some(TDS_7_2)),
            (TDS_7_3_B, false, Some(TDS_7_3_B)),
            (0x7500_0000, false, Some(TDS_7_4)),
            (TDS_8_0, false, None),
            (TDS_8_0, true, Some(TDS_8_0)),
            (TDS_7_4, true, Some(TDS_7_4)),
        ] {
            login.version = asked;
            assert_eq!(login.agreed_version(strict), agreed, "{asked:x}");
        }
    }
}
