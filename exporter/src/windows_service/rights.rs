//! The rights on the folder of the configuration, in the security descriptor definition language.

use super::names::ServiceName;
use sha1::{Digest, Sha1};
use std::collections::BTreeSet;

/// `NT AUTHORITY\SYSTEM`, `BUILTIN\Administrators`, `NT SERVICE\TrustedInstaller`.
const TRUSTED: [&str; 3] =
    ["S-1-5-18", "S-1-5-32-544", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"];
/// The prefix of the SID of every service.
const SERVICE_SID: &str = "S-1-5-80-";
/// SYSTEM and the administrators, in the two letters that they have in the language.
const ADMINISTRATION: [&str; 2] = ["SY", "BA"];
/// Read and traverse, as Windows may write it.
const READING: [&str; 2] = ["0x1200a9", "FRFX"];
/// Read and traverse only, inherited by files and folders.
const READ: &str = "OICI;0x1200a9";

/// The SID of a service: the SHA-1 of its name in upper case and UTF-16.
pub fn service_sid(service: &ServiceName) -> String {
    let capitals: Vec<u8> = service.as_str().to_ascii_uppercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hash = Sha1::digest(&capitals);
    let parts = hash.chunks_exact(4).map(|part| part.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)));
    parts.fold(SERVICE_SID.trim_end_matches('-').to_owned(), |sid, part| format!("{sid}-{part}"))
}

/// Whether a configuration in a folder of this owner can be trusted. Any other account that created the folder first
/// may have put a configuration of its own into it.
pub fn is_trusted_owner(owner: &str, caller: &str) -> bool {
    TRUSTED.contains(&owner) || owner == caller
}

/// The descriptor of the folder: full control for administrators and the system, read for each service that has its
/// configuration there, nothing inherited. `before` is the present descriptor, from which the services are taken;
/// `comes` is added and `goes` is left out.
pub fn folder(before: &str, comes: Option<&str>, goes: Option<&str>) -> String {
    let mut services: BTreeSet<&str> = services_in(before).collect();
    services.extend(comes);
    if let Some(goes) = goes {
        services.remove(goes);
    }
    let mut sddl = "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)".to_owned();
    for sid in services {
        sddl.push_str(&format!("(A;{READ};;;{sid})"));
    }
    sddl
}

/// Where the rights of the folder differ from those that an installation sets, for one service.
pub fn remarks(sddl: &str, service: &str) -> Vec<String> {
    let (owner, list) = sddl.strip_prefix("O:").unwrap_or(sddl).split_once("D:").unwrap_or_default();
    let mut remarks = Vec::new();
    if !ADMINISTRATION.contains(&owner) && !TRUSTED.contains(&owner) {
        remarks.push(format!("its owner is {}, neither the system nor the administrators", trustee(owner)));
    }
    if !list.split('(').next().is_some_and(|flags| flags.contains('P')) {
        remarks.push("it inherits rights from the folder above".to_owned());
    }
    let mut readers = Vec::new();
    for entry in list.split('(').skip(1).filter_map(|entry| entry.split(')').next()) {
        let fields: Vec<&str> = entry.split(';').collect();
        let [kind, _, rights, .., who] = fields[..] else { continue };
        if kind != "A" || ADMINISTRATION.contains(&who) || TRUSTED.contains(&who) {
            continue;
        }
        if who.starts_with(SERVICE_SID) && READING.contains(&rights) {
            readers.push(who);
        } else {
            remarks.push(format!("{} has rights on it ({rights})", trustee(who)));
        }
    }
    if !readers.contains(&service) {
        remarks.push("the service has no right to read it".to_owned());
    }
    if !remarks.is_empty() {
        remarks.push("hint: msx_exporter service configure".to_owned());
    }
    remarks
}

/// Who is meant, where the language has two letters for an account that people know by a name.
fn trustee(who: &str) -> &str {
    match who {
        "WD" => "everyone",
        "AU" => "each authenticated user",
        "BU" => "each user of this machine",
        "CO" => "the creator of each file",
        other => other,
    }
}

fn services_in(sddl: &str) -> impl Iterator<Item = &str> {
    let entries = sddl.split('(').skip(1).filter_map(|entry| entry.split(')').next());
    entries.filter_map(|entry| {
        let mut fields = entry.split(';');
        let allows = fields.next() == Some("A");
        fields.next_back().filter(|sid| allows && sid.starts_with(SERVICE_SID) && !TRUSTED.contains(sid))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_sid_follows_from_the_name() {
        // The well-known SIDs of these two accounts.
        for (name, sid) in [
            ("TrustedInstaller", TRUSTED[2]),
            ("mssqlserver", "S-1-5-80-3880718306-3832830129-1677859214-2598158968-1052248003"),
        ] {
            assert_eq!(service_sid(&name.parse().unwrap()), sid);
        }
    }

    #[test]
    fn services_come_and_go_and_no_other_stays() {
        let (one, other) = (service_sid(&"one".parse().unwrap()), service_sid(&"other".parse().unwrap()));
        let fresh = folder("", Some(&one), None);
        assert_eq!(fresh, format!("O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;{one})"));
        let both = folder(&fresh, Some(&other), None);
        assert!(both.contains(&one) && both.contains(&other));
        assert_eq!(folder(&both, Some(&other), None), both);
        assert_eq!(folder(&both, None, Some(&other)), fresh);
        let open = format!("O:S-1-5-21-1-2-3-1001D:AI(A;OICIID;FA;;;WD)(D;;FA;;;{other})(A;OICIID;FR;;;{one})");
        assert_eq!(folder(&open, None, None), fresh);
    }

    #[test]
    fn what_differs_from_the_rights_of_an_installation_is_said() {
        let sid = service_sid(&"one".parse().unwrap());
        let own = folder("", Some(&sid), None);
        assert_eq!(remarks(&own, &sid), [""; 0]);
        assert_eq!(remarks(&own.replace("0x1200a9", "FRFX").replace("O:BA", "O:SY"), &sid), [""; 0]);
        for (sddl, remark) in [
            (own.replace("O:BA", "O:S-1-5-21-1-2-3-1001"), "its owner is S-1-5-21-1-2-3-1001"),
            (own.replace(":PAI", ":AI"), "it inherits"),
            (format!("{own}(A;OICI;FA;;;WD)"), "everyone has rights on it (FA)"),
            (own.replace("0x1200a9", "FA"), "the service has no right to read it"),
            (folder("", None, None), "the service has no right to read it"),
            (String::new(), "its owner is "),
        ] {
            let found = remarks(&sddl, &sid);
            assert!(found.iter().any(|found| found.starts_with(remark)), "{sddl}: {found:?}");
        }
    }

    #[test]
    fn only_the_mighty_and_the_caller_may_own_the_folder() {
        let caller = "S-1-5-21-1-2-3-500";
        for owner in [TRUSTED[0], TRUSTED[1], TRUSTED[2], caller] {
            assert!(is_trusted_owner(owner, caller), "{owner}");
        }
        assert!(!is_trusted_owner("S-1-5-21-1-2-3-1001", caller));
        assert!(!is_trusted_owner("", caller));
    }
}
