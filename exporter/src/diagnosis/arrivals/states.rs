//! The meaning of errors of refused logins by their state, with the first suspect of each.
//!
//! States of 18456: Microsoft's page "MSSQLSERVER_18456" and experience; the other errors: "Database engine events and
//! errors". The client sees state 1 in every case.

/// An error with the first suspect that it suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error: u32,
    /// `None` where the state does not matter, and for all states that are not in the table.
    pub(super) state: Option<u32>,
    pub(super) meaning: &'static str,
    pub(super) step: &'static str,
}

const ANY: Option<u32> = None;

const fn row(error: u32, state: Option<u32>, meaning: &'static str, step: &'static str) -> Refusal {
    Refusal { error, state, meaning, step }
}

const fn is(state: u32) -> Option<u32> {
    Some(state)
}

const ACCOUNT: &str = "Compare what sp_msx_get_account shows on the target with the login on the master; no row means that \
                       the Agent logs in by Windows, and then this is another program's.";

/// An error with a state comes before the same error with any state.
pub(super) const REFUSALS: &[Refusal] = &[
    row(18_456, is(2), "There is no SQL login of that name", ACCOUNT),
    row(18_456, is(5), "There is no SQL login of that name", ACCOUNT),
    row(
        18_456,
        is(6),
        "A Windows name was given as that of a SQL login",
        "Set the account of the target's Agent for the master with sp_msx_set_account: a SQL login, or none for a Windows \
         login.",
    ),
    row(18_456, is(7), "The SQL login is disabled, and the password is wrong", ACCOUNT),
    row(18_456, is(8), "The password of the SQL login is wrong", ACCOUNT),
    row(18_456, is(9), "The password of the SQL login is not valid", ACCOUNT),
    row(
        18_456,
        is(11),
        "The Windows login is valid and may not enter the server",
        "Create a login for the account of the target's Agent, or for a group that it is in, and look whether a login or \
         group is denied CONNECT SQL.",
    ),
    row(
        18_456,
        is(12),
        "The Windows login is valid and may not enter the server",
        "Create a login for the account of the target's Agent, or for a group that it is in, and look whether a login or \
         group is denied CONNECT SQL.",
    ),
    row(18_456, is(13), "The SQL Server service is paused", "Resume the master's SQL Server service."),
    row(18_456, is(18), "The password of the SQL login must be changed", ACCOUNT),
    row(
        18_456,
        is(38),
        "The database that the login asked for cannot be opened",
        "The password is right. Look at the default database of the login, and whether msdb is online and open to it.",
    ),
    row(
        18_456,
        is(40),
        "The default database of the login cannot be opened",
        "The password is right. Look at the default database of the login, and whether msdb is online and open to it.",
    ),
    row(
        18_456,
        is(46),
        "The database that the login asked for cannot be opened",
        "The password is right. Look at the default database of the login, and whether msdb is online and open to it.",
    ),
    row(
        18_456,
        is(58),
        "The server takes Windows logins alone",
        "Switch the master to mixed authentication, or let the target's Agent log in by Windows.",
    ),
    row(
        18_456,
        ANY,
        "A login failed",
        "Read the master's ERRORLOG for the address: it names the login and the reason.",
    ),
    row(
        17_806,
        ANY,
        "The Windows handshake failed",
        "Look at the clock of the target, the SPN of the master, the trust between the domains and the account of the \
         target's Agent: the ERRORLOG has the code of Windows.",
    ),
    row(
        18_452,
        ANY,
        "A Windows login came from a domain that is not trusted, or without an identity",
        "Look at the trust between the domains and at the account of the target's Agent: a local account has no identity \
         on the master.",
    ),
    row(18_470, ANY, "The SQL login is disabled", ACCOUNT),
    row(
        18_486,
        ANY,
        "The SQL login is locked out",
        "One client with an old password locks a login that several targets share: find it in the master's ERRORLOG \
         before the login is unlocked.",
    ),
    row(18_487, ANY, "The password of the SQL login has expired", ACCOUNT),
    row(18_488, ANY, "The password of the SQL login must be changed", ACCOUNT),
    row(17_892, ANY, "A logon trigger refused the login", "Look at the logon triggers of the master."),
    row(17_809, ANY, "The master has no connection left", "Look at 'user connections' of the master."),
    row(18_401, ANY, "The master is being upgraded", "Wait until the upgrade scripts of the master have run."),
    row(18_451, ANY, "The master takes administrators alone", "End the single-user or upgrade mode of the master."),
    row(18_461, ANY, "The master is in single-user mode", "End the single-user mode of the master."),
];

/// The meaning of an error with its state. `None` for an error that is not in the table.
pub(super) fn refusal(error: u32, state: Option<u32>) -> Option<&'static Refusal> {
    let of = |wanted: Option<u32>| REFUSALS.iter().find(|row| row.error == error && row.state == wanted);
    state.and_then(|state| of(Some(state))).or_else(|| of(None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_state_has_its_own_first_suspect() {
        for (error, state, begins) in [
            (18_456, Some(5), "There is no SQL login"),
            (18_456, Some(6), "A Windows name"),
            (18_456, Some(7), "The SQL login is disabled, and"),
            (18_456, Some(8), "The password of the SQL login is wrong"),
            (18_456, Some(11), "The Windows login is valid"),
            (18_456, Some(12), "The Windows login is valid"),
            (18_456, Some(18), "The password of the SQL login must be"),
            (18_456, Some(38), "The database"),
            (18_456, Some(40), "The default database"),
            (18_456, Some(46), "The database"),
            (18_456, Some(58), "The server takes Windows"),
            (18_456, Some(1), "A login failed"),
            (18_456, None, "A login failed"),
            (17_806, Some(14), "The Windows handshake"),
            (17_806, Some(2), "The Windows handshake"),
            (18_452, Some(1), "A Windows login came"),
            (18_486, Some(1), "The SQL login is locked out"),
            (18_487, Some(1), "The password of the SQL login has expired"),
            (18_488, Some(1), "The password of the SQL login must be"),
        ] {
            let found = refusal(error, state).unwrap();
            assert!(found.meaning.starts_with(begins), "{error} {state:?}: {}", found.meaning);
        }
        assert_eq!(refusal(17_830, Some(11)), None);
    }

    #[test]
    fn no_row_stands_twice_and_each_has_a_step() {
        for (at, row) in REFUSALS.iter().enumerate() {
            let first = REFUSALS.iter().position(|other| (other.error, other.state) == (row.error, row.state));
            assert_eq!(first, Some(at), "{} {:?}", row.error, row.state);
            assert!(row.step.ends_with('.') && !row.meaning.ends_with('.'));
        }
    }

    #[test]
    fn a_database_is_never_taken_for_a_password() {
        for state in [38, 40, 46] {
            let found = refusal(18_456, Some(state)).unwrap();
            assert!(found.step.starts_with("The password is right."));
        }
    }
}
