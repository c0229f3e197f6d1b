//! The script that revokes the rights.

use super::{CORE, Grantee, Principal, Release, SINCE_SPLIT, quoted_name, quoted_text};
use crate::sqlserver::rights::{Right, bracketed, performance_state, server_state};

/// Revokes everything that a script of this release, or of any, granted, the doctor's grants included; then drops the
/// user in msdb and the login. A Windows account or group may have other rights on the server, so dropping its login is
/// commented out.
pub fn revocation(grantee: &Grantee, release: Option<Release>) -> String {
    let login = quoted_name(&grantee.login);
    let literal = quoted_text(&grantee.login);
    let mut lines = vec![
        "-- Takes away what the login of msx_exporter was given. Run as a member of sysadmin, on the master, after the"
            .to_owned(),
        "-- exporter was stopped: a login that is connected cannot be dropped.".to_owned(),
        format!("-- For SQL Server {}.", release.map_or("2012 to 2025", Release::in_words)),
    ];
    if grantee.principal != Principal::SqlLogin && grantee.login == grantee.principal.placeholder() {
        lines.push(format!("-- Put the real name in the place of {} throughout.", grantee.login));
    }
    lines.push(format!("\nUSE {};", bracketed(&grantee.msdb)));
    let user = format!("IF USER_ID({literal}) IS NOT NULL");
    for right in CORE.into_iter().chain([Right::OperatorName]) {
        lines.push(format!("{user} REVOKE SELECT ON {} FROM {login};", object(right)));
    }
    lines.push(format!("{user} REVOKE VIEW DEFINITION FROM {login};"));
    lines.push(format!("{user} DROP USER {login};"));
    lines.push("USE master;".to_owned());
    let has = format!("IF SUSER_ID({literal}) IS NOT NULL");
    // Grants from before an upgrade stay in force after it, under their old names.
    lines.push(format!("{has} REVOKE {} FROM {login};", server_state(Release::To2019.major())));
    for permission in [server_state, performance_state].map(|of| of(Release::From2022.major())) {
        match release {
            Some(Release::To2019) => {}
            Some(Release::From2022) => lines.push(format!("{has} REVOKE {permission} FROM {login};")),
            // Older versions do not know the permission's name and would refuse the complete script for it.
            None => {
                let inner = quoted_text(&format!("REVOKE {permission} FROM {login}"));
                lines.push(format!("{has} AND {SINCE_SPLIT} EXEC ({inner});"));
            }
        }
    }
    match grantee.principal {
        Principal::SqlLogin => lines.push(format!("{has} DROP LOGIN {login};")),
        Principal::WindowsAccount | Principal::WindowsGroup => {
            lines.push("-- Only where nothing else on this server uses this login:".to_owned());
            lines.push(format!("-- {has} DROP LOGIN {login};"));
        }
    }
    lines.join("\n") + "\n"
}

/// The object that a right of msdb is granted on, such as `dbo.sysjobs`.
fn object(right: Right) -> String {
    let statement = right.grant(Release::From2022.major(), "msdb");
    let from = statement.split(" ON ").nth(1).unwrap_or_default();
    from.split(" TO ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revocation_takes_back_each_grant_and_then_user_and_login() {
        insta::assert_snapshot!(revocation(&Grantee::default(), None));
    }

    #[test]
    fn a_windows_login_may_have_other_rights_and_stays_by_default() {
        for principal in [Principal::WindowsAccount, Principal::WindowsGroup] {
            let text = revocation(&Grantee::unnamed(principal), Some(Release::From2022));
            assert!(text.contains(&format!("DROP USER [{}];", principal.placeholder())));
            let drops: Vec<&str> = text.lines().filter(|line| line.contains("DROP LOGIN")).collect();
            assert!(matches!(drops.as_slice(), [one] if one.starts_with("-- ")), "{drops:?}");
        }
    }
}
