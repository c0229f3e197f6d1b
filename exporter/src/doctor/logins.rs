//! Who may log in as a target, and whose login was refused.

use super::request::Readiness;
use crate::sqlserver::{Member, ReadError, Refusal};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A target that does not poll, and the addresses to which its name leads.
pub(crate) type Silent = BTreeMap<String, Vec<IpAddr>>;

/// Something that could not be read is not known, and what would show it is what to do.
pub(crate) fn unread(subject: &str, fault: &ReadError) -> Readiness {
    Readiness {
        subject: subject.to_owned(),
        fine: None,
        evidence: format!("not known: {}", fault.message),
        remedy: fault.hint.clone().unwrap_or_default(),
    }
}

/// The members of the role that a target's login needs. Names alone do not show that a target cannot log in.
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
    Readiness {
        subject: subject.to_owned(),
        fine: None,
        evidence,
        remedy: "a target must log in as one of these, through a group, or as sysadmin; which login it uses: its \
                 Agent's service account, or the credential that msdb.dbo.sp_msx_get_account shows there"
            .to_owned(),
    }
}

/// What the master remembers of refused logins from the addresses of targets that are silent.
pub(crate) fn refusals(read: &Result<Vec<Refusal>, ReadError>, silent: &Silent) -> Vec<Readiness> {
    let subject = "logins from silent targets";
    if silent.is_empty() {
        return Vec::new();
    }
    let refusals = match read {
        Err(fault) => return vec![unread(subject, fault)],
        Ok(refusals) => refusals,
    };
    let mut list: Vec<Readiness> =
        silent.iter().filter_map(|(target, addresses)| refused(target, addresses, refusals)).collect();
    if list.is_empty() {
        let nowhere: Vec<&str> =
            silent.iter().filter(|(_, addresses)| addresses.is_empty()).map(|(target, _)| target.as_str()).collect();
        let unresolved = match nowhere.as_slice() {
            [] => String::new(),
            names => format!("; no address is known of {}", names.join(", ")),
        };
        list.push(Readiness {
            subject: subject.to_owned(),
            fine: None,
            evidence: format!(
                "of the refused logins that the connectivity ring buffer still holds ({}), none came from them{unresolved}",
                refusals.len()
            ),
            remedy: String::new(),
        });
    }
    list
}

fn refused(target: &str, addresses: &[IpAddr], refusals: &[Refusal]) -> Option<Readiness> {
    let from_it = |refusal: &&Refusal| {
        let host = refusal.host.parse::<IpAddr>().map(|host| host.to_canonical());
        host.is_ok_and(|host| addresses.iter().any(|address| address.to_canonical() == host))
    };
    let all: Vec<&Refusal> = refusals.iter().filter(from_it).collect();
    // The view has no order; the server writes all times in one form, and a state tells more than none.
    let Refusal { host, error, state, at } = all.iter().max_by_key(|refusal| (refusal.state, &refusal.at))?;
    let state = state.map(|state| format!(", state {state}{}", reason(*error, state))).unwrap_or_default();
    Some(Readiness {
        subject: format!("logins from {target}"),
        fine: Some(false),
        evidence: format!("{} refused from {host}: error {error}{state}, at {at} (the server's clock)", all.len()),
        remedy: remedy(*error).to_owned(),
    })
}

/// The states of error 18456 that the reference page explains (MSSQLSERVER_18456).
fn reason(error: u32, state: u32) -> &'static str {
    match (error, state) {
        (18_456, 2 | 5) => " (there is no such login)",
        (18_456, 6) => " (a Windows login was tried as a SQL login)",
        (18_456, 7) => " (the login is disabled)",
        (18_456, 8 | 9) => " (wrong password)",
        (18_456, 11 | 12) => " (the login may not connect to the server)",
        (18_456, 18) => " (the password must be changed)",
        (18_456, 38 | 46) => " (the database cannot be opened)",
        (18_456, 58) => " (the server takes Windows logins only)",
        _ => "",
    }
}

fn remedy(error: u32) -> &'static str {
    match error {
        18_452 | 17_806 => {
            "Windows authentication fails: look at the trust between the domains, at the clocks and at the master's \
             service principal names"
        }
        18_470 => "enable the login on the master",
        18_486..=18_488 => "unlock the login, or set a new password there and in the credential on the target",
        17_892 => "a logon trigger on the master refuses it",
        _ => {
            "correct the login of the target's Agent account, or the credential that msdb.dbo.sp_msx_get_account shows \
             on the target"
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Stage;

    fn refusal(host: &str, state: u32) -> Refusal {
        Refusal { host: host.to_owned(), error: 18_456, state: Some(state), at: "11/22/2026 11:59".to_owned() }
    }

    fn silent(addresses: &[&str]) -> Silent {
        Silent::from([("SQL02".to_owned(), addresses.iter().map(|text| text.parse().unwrap()).collect())])
    }

    #[test]
    fn a_refused_login_is_put_to_the_silent_target_from_whose_address_it_came() {
        let read = Ok(vec![refusal("10.1.0.8", 8), refusal("10.1.0.80", 5), refusal("::ffff:10.1.0.8", 8)]);
        let found = refusals(&read, &silent(&["10.1.0.8"]));
        assert_eq!((found.len(), found[0].fine), (1, Some(false)));
        assert!(found[0].evidence.starts_with("2 refused from") && found[0].evidence.contains("wrong password"));
    }

    #[test]
    fn no_refused_login_is_no_proof_and_a_missing_address_is_said() {
        let read = Ok(vec![refusal("10.1.0.80", 5), refusal("<local machine>", 8)]);
        let found = refusals(&read, &silent(&[]));
        assert_eq!((found.len(), found[0].fine), (1, None));
        assert!(
            found[0].evidence.contains("still holds (2)") && found[0].evidence.contains("no address is known of SQL02")
        );
        assert!(refusals(&read, &Silent::new()).is_empty());
    }

    #[test]
    fn what_could_not_be_read_is_unknown_with_the_grant() {
        let fault = ReadError {
            stage: Stage::Permission,
            timeout: false,
            message: "denied".to_owned(),
            hint: Some("GRANT x".to_owned()),
        };
        for item in [members(&Err(fault.clone())), refusals(&Err(fault), &silent(&["10.1.0.8"])).remove(0)] {
            assert_eq!((item.fine, item.remedy.as_str()), (None, "GRANT x"));
            assert!(item.evidence.contains("denied"));
        }
    }

    #[test]
    fn a_role_without_members_does_not_prove_that_logins_fail() {
        assert_eq!(members(&Ok(Vec::new())).fine, None);
        assert!(members(&Ok(Vec::new())).evidence.contains("sysadmin"));
    }
}
