//! The right to log on as a service, in the security policy that `secedit` exports and imports.

use crate::files;

/// The key in the section of privileges.
const RIGHT: &str = "SeServiceLogonRight";

/// Whether the exported policy gives a SID the right to log on as a service.
pub fn has_logon_right(policy: &str, sid: &str) -> bool {
    holders(policy).iter().any(|holder| holder.trim_start_matches('*').eq_ignore_ascii_case(sid))
}

/// A policy that adds a SID to this right, or removes it, and names nothing else: what an import does not name stays as
/// it is.
pub fn with_logon_right(policy: &str, sid: &str, has: bool) -> String {
    let mut holders: Vec<String> = holders(policy);
    holders.retain(|holder| !holder.trim_start_matches('*').eq_ignore_ascii_case(sid));
    if has {
        holders.push(format!("*{sid}"));
    }
    format!(
        "[Unicode]\r\nUnicode=yes\r\n[Version]\r\nsignature=\"$CHICAGO$\"\r\nRevision=1\r\n[Privilege Rights]\r\n{RIGHT} = {}\r\n",
        holders.join(",")
    )
}

fn holders(policy: &str) -> Vec<String> {
    let values = policy.lines().filter_map(|line| line.split_once('='));
    let values = values.filter(|(key, _)| key.trim().eq_ignore_ascii_case(RIGHT));
    let holders = values.flat_map(|(_, holders)| holders.split(','));
    holders.map(|holder| holder.trim().to_owned()).filter(|holder| !holder.is_empty()).collect()
}

/// Text as `secedit` writes it: UTF-16 with a mark in front, or plain.
pub fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&files::unmarked(bytes)).into_owned()
}

/// Text as `secedit` reads it.
pub fn encoded(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTED: &str = "[Unicode]\r\nUnicode=yes\r\n[Privilege Rights]\r\nSeBackupPrivilege = *S-1-5-32-544\r\n\
                            SeServiceLogonRight = *S-1-5-80-0,sqlagent\r\n[Version]\r\nRevision=1\r\n";

    #[test]
    fn the_right_is_added_to_those_who_have_it_and_taken_from_one() {
        let sid = "S-1-5-21-1-2-3-1105";
        assert!(!has_logon_right(EXPORTED, sid));
        assert!(has_logon_right(EXPORTED, "s-1-5-80-0"));
        let with = with_logon_right(EXPORTED, sid, true);
        assert!(with.contains("SeServiceLogonRight = *S-1-5-80-0,sqlagent,*S-1-5-21-1-2-3-1105\r\n"), "{with}");
        assert!(!with.contains("SeBackupPrivilege"));
        assert_eq!(with_logon_right(&with, sid, true), with);
        assert!(with_logon_right(&with, sid, false).contains("SeServiceLogonRight = *S-1-5-80-0,sqlagent\r\n"));
        assert!(with_logon_right("", sid, true).contains("SeServiceLogonRight = *S-1-5-21-1-2-3-1105\r\n"));
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(decoded(encoded(EXPORTED)), EXPORTED);
        assert_eq!(&encoded("a")[..], [0xff, 0xfe, b'a', 0]);
        assert_eq!(decoded(EXPORTED.into()), EXPORTED);
    }
}
