//! What a login is refused with: for how long that holds, and what to do about it.
//!
//! Sources: [Database engine errors](https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors)
//! and `sys.messages`.

/// What must change before another attempt to connect can go better, which decides how soon it comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, enum_map::Enum)]
pub enum Retry {
    /// The network, TLS or the server's silence: no login was judged.
    #[default]
    Unreached,
    /// The server lets no one in at present and will later, whatever the login is.
    ForNow,
    /// The one session that there is belongs to an administrator.
    SingleUser,
    /// User and password did not fit. Too many attempts lock a login out.
    Password,
    /// A person has to change the login or the server.
    Standing,
}

/// A number, the state that it holds for (any where there is none), how long it lasts, and what to do.
type Row = (u32, Option<u8>, Retry, &'static str);

const STARTING: &str = "the server is starting; the exporter comes back by itself";
const STOPPING: &str = "the server is shutting down; the exporter comes back when it runs again";
const FULL: &str = "the server has no session or worker left; the exporter comes back by itself";
const DATABASE: &str = "a system database is being recovered, restored or failed over; the exporter comes back by itself. \
                        Where it stays so, master.user may not open the database master";

const ROWS: &[Row] = &[
    (904, None, Retry::ForNow, DATABASE),
    (921, None, Retry::ForNow, DATABASE),
    (922, None, Retry::ForNow, DATABASE),
    (924, None, Retry::ForNow, "another session holds the database, which is in single-user mode"),
    (927, None, Retry::ForNow, DATABASE),
    (952, None, Retry::ForNow, DATABASE),
    (976, None, Retry::ForNow, DATABASE),
    (983, None, Retry::ForNow, "the availability group is failing over; the exporter comes back by itself"),
    (4060, None, Retry::ForNow, DATABASE),
    (4064, None, Retry::ForNow, DATABASE),
    (6005, None, Retry::ForNow, STOPPING),
    (17142, None, Retry::ForNow, "the server is paused: resume its service"),
    (17147, None, Retry::ForNow, STOPPING),
    (17148, None, Retry::ForNow, STOPPING),
    (17187, None, Retry::ForNow, STARTING),
    (17188, None, Retry::ForNow, STOPPING),
    (17189, None, Retry::ForNow, FULL),
    (17197, None, Retry::ForNow, "the server was too busy to take the login in time"),
    (17300, None, Retry::ForNow, FULL),
    (17803, None, Retry::ForNow, FULL),
    (17809, None, Retry::ForNow, FULL),
    (17835, None, Retry::Standing, "the master forces encryption: set `encrypt: required` or `encrypt: strict`"),
    (17892, None, Retry::Standing, "a logon trigger refuses the login"),
    (18401, None, Retry::ForNow, "the server is being upgraded; the exporter comes back when its script has run"),
    (18451, None, Retry::ForNow, "the server lets administrators alone in, as while it starts or is upgraded"),
    (
        18452,
        None,
        Retry::Standing,
        "the login is not trusted: use `auth: sql`, or let the exporter run under a domain account that the master knows",
    ),
    (18456, Some(23), Retry::ForNow, STOPPING),
    (
        18456,
        None,
        Retry::Password,
        "check master.user and its password; the master's own error log names the reason by its state",
    ),
    (18458, None, Retry::ForNow, FULL),
    (18459, None, Retry::ForNow, FULL),
    (18460, None, Retry::ForNow, FULL),
    (
        18461,
        None,
        Retry::ForNow,
        "the server runs in single-user mode; the exporter comes back when it is started as usual",
    ),
    (18470, None, Retry::Standing, "the login is disabled: ALTER LOGIN … ENABLE"),
    (18486, None, Retry::Password, "the login is locked out: ALTER LOGIN … WITH PASSWORD = … UNLOCK"),
    (
        18487,
        None,
        Retry::Standing,
        "the password has expired or must be changed: set a new one and CHECK_EXPIRATION = OFF",
    ),
    (
        18488,
        None,
        Retry::Standing,
        "the password has expired or must be changed: set a new one and CHECK_EXPIRATION = OFF",
    ),
];

/// How long a refusal lasts and what to do about it. What is not known is taken for what stays.
pub(super) fn of(number: u32, state: u8) -> (Retry, Option<&'static str>) {
    let fits = |(known, of, ..): &&Row| *known == number && of.is_none_or(|of| of == state);
    ROWS.iter().find(fits).map_or((Retry::Standing, None), |(_, _, retry, hint)| (*retry, Some(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_distinguished_from_what_stays_by_number_and_state() {
        for (retry, refusals) in [
            (
                Retry::ForNow,
                &[(17142, 1), (17147, 1), (6005, 1), (17187, 1), (17188, 1), (17189, 1), (17809, 1), (18401, 1)][..],
            ),
            (
                Retry::ForNow,
                &[
                    (18451, 1),
                    (18460, 1),
                    (18461, 1),
                    (17300, 1),
                    (17803, 1),
                    (18456, 23),
                    (922, 1),
                    (4060, 1),
                    (983, 1),
                ],
            ),
            (Retry::Password, &[(18456, 1), (18456, 8), (18486, 1)]),
            (Retry::Standing, &[(18452, 1), (18470, 1), (18487, 1), (18488, 1), (17892, 1), (17835, 1), (50_000, 1)]),
        ] {
            for (number, state) in refusals {
                assert_eq!(of(*number, *state).0, retry, "{number} state {state}");
            }
        }
    }

    #[test]
    fn a_row_for_one_state_comes_before_that_for_all() {
        assert!(ROWS.is_sorted_by_key(|(number, state, ..)| (*number, state.is_none())));
    }
}
