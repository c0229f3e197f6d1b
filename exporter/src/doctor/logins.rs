//! The logins that may act as a target.

use super::request::Readiness;
use crate::sqlserver::{Member, ReadError};

/// An unread fact is unknown, and its remedy is what would show it.
pub(crate) fn unread(subject: &str, fault: &ReadError) -> Readiness {
    Readiness::new(subject, None, format!("not known: {}", fault.message), fault.hint.as_deref().unwrap_or_default())
}

/// The members of the role that a target's login needs. Their names alone do not show that a target cannot log in.
pub(crate) fn members(read: &Result<Vec<Member>, ReadError>) -> Readiness {
    let subject = "login of each target, by TargetServersRole in msdb";
    let members = match read {
        Err(fault) => return unread(subject, fault),
        Ok(members) => members,
    };
    let names: Vec<String> = members.iter().map(|member| format!("{} ({})", member.name, member.kind)).collect();
    let evidence = match names.as_slice() {
        [] => "the role has no members, so that only members of sysadmin can log in as targets".to_owned(),
        names => format!("its members: {}", names.join(", ")),
    };
    Readiness::new(
        subject,
        None,
        evidence,
        "a target must log in as one of these, through a group, or as sysadmin; which login it uses: its Agent's service \
         account, or the credential that msdb.dbo.sp_msx_get_account shows there",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Stage;

    #[test]
    fn what_could_not_be_read_is_unknown_with_the_grant() {
        let fault = ReadError::new(Stage::Permission, "denied").with_hint("GRANT x");
        let item = members(&Err(fault));
        assert_eq!((item.fine, item.remedy.as_str()), (None, "GRANT x"));
        assert!(item.evidence.contains("denied"));
    }

    #[test]
    fn a_role_without_members_does_not_prove_that_logins_fail() {
        assert_eq!(members(&Ok(Vec::new())).fine, None);
        assert!(members(&Ok(Vec::new())).evidence.contains("sysadmin"));
    }
}
