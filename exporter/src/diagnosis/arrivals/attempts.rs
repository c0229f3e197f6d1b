//! Reconstructs attempts to log in from the records that they left.

use crate::collectors::{Arrival, RecordKind, Timers};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// SSPI handshakes, too many connections, upgrades, logon triggers, and the range of failed logins.
const REFUSED: [u32; 4] = [17_806, 17_809, 17_892, 18_401];
const FAILED_LOGINS: RangeInclusive<u32> = 18_450..=18_499;
/// Errors with which the server ends a connection and names the reason: it accepts strict encryption only, has no
/// certificate for it, or insists on encryption.
const NAMED: [u32; 3] = [17_819, 17_821, 17_835];
/// Errors of a connection that broke before its login, or that sent something other than a login.
const BROKEN_BEFORE_LOGIN: [u32; 6] = [17_807, 17_828, 17_829, 17_830, 17_832, 17_836];
/// Records without the identity of their connection belong together within this time.
const TOGETHER: SignedDuration = SignedDuration::from_secs(2);

/// How an attempt ended, ordered from the strongest evidence to the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The server refused the login.
    Refused,
    /// Ended before its login, after the client had sent data, or with an error that names the reason.
    BeforeLogin,
    /// Ended before its login; no data was sent, or that was not recorded.
    Reached,
    /// Broke after its login.
    Broken,
}

/// One connection that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// When its first record was written.
    pub(super) at: Timestamp,
    pub(super) end: End,
    /// The error that decided, with its state.
    pub(super) error: Option<(u32, Option<u32>)>,
    /// How long the parts of its login took.
    pub(super) timers: Option<Timers>,
}

/// The attempts of the records that were last asked about. Many readings come with the same ones.
#[derive(Debug, Default)]
pub(crate) struct AttemptIndex {
    records: Arc<Vec<Arrival>>,
    attempts: HashMap<IpAddr, Vec<Attempt>>,
}

impl AttemptIndex {
    /// The attempts from each address, oldest first.
    pub(super) fn of(&mut self, records: &Arc<Vec<Arrival>>) -> &HashMap<IpAddr, Vec<Attempt>> {
        if !Arc::ptr_eq(&self.records, records) {
            *self = AttemptIndex { records: records.clone(), attempts: by_address(records) };
        }
        &self.attempts
    }
}

/// The attempts from each address, oldest first, as `records` must be.
fn by_address(records: &[Arrival]) -> HashMap<IpAddr, Vec<Attempt>> {
    let mut open: HashMap<IpAddr, Vec<(&Arrival, Attempt)>> = HashMap::new();
    for record in records {
        let (Some(from), Some(end)) = (record.from, end(record)) else { continue };
        let attempts = open.entry(from).or_default();
        let error = record.error.map(|error| (error, record.state));
        let seen = Attempt { at: record.at, end, error, timers: record.timers };
        // The records of one connection are close together, with those of a few others between them.
        let same = attempts.iter_mut().rev().take(64).find(|(first, _)| belongs(first, record));
        match same {
            Some((_, attempt)) => attempt.join(seen),
            None => attempts.push((record, seen)),
        }
    }
    open.into_iter()
        .map(|(from, attempts)| {
            let mut attempts: Vec<Attempt> = attempts.into_iter().map(|(_, attempt)| attempt).collect();
            attempts.sort_by_key(|attempt| attempt.at);
            (from, attempts)
        })
        .collect()
}

impl Attempt {
    /// Whether a look at the master's port or certificate may have left it: it ended before a login, and the server
    /// names no reason.
    pub(super) fn may_be_a_look(&self) -> bool {
        let named = self.error.is_some_and(|(error, _)| NAMED.contains(&error));
        matches!(self.end, End::BeforeLogin | End::Reached) && !named
    }

    /// Adds another record of the same connection; the strongest evidence decides.
    fn join(&mut self, other: Attempt) {
        self.at = self.at.min(other.at);
        if other.end < self.end || self.error.is_none() || (other.end == self.end && self.error.is_some_and(is_sspi)) {
            self.error = other.error.or(self.error);
        }
        self.end = self.end.min(other.end);
        self.timers = self.timers.or(other.timers);
    }
}

/// 17806 is followed by 18452 for the same login; the first one says more.
fn is_sspi((error, _): (u32, Option<u32>)) -> bool {
    error == 18_452
}

fn belongs(first: &Arrival, record: &Arrival) -> bool {
    match (&first.connection, &record.connection) {
        (Some(one), Some(other)) => one == other,
        (None, None) => record.at.duration_since(first.at).abs() <= TOGETHER,
        _ => false,
    }
}

/// The end that a record shows. `None` for a record without one, such as an orderly close.
fn end(record: &Arrival) -> Option<End> {
    let is = |errors: &[u32]| record.error.is_some_and(|error| errors.contains(&error));
    if is(&REFUSED) || record.error.is_some_and(|error| FAILED_LOGINS.contains(&error)) {
        Some(End::Refused)
    } else if is(&NAMED) {
        Some(End::BeforeLogin)
    } else if is(&BROKEN_BEFORE_LOGIN) || record.before_login {
        Some(if record.sent == Some(true) { End::BeforeLogin } else { End::Reached })
    } else {
        (record.error.is_some() || record.kind == RecordKind::ConnectionClose).then_some(End::Broken)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::truth_table::{arrival, at};
    use super::*;

    type Seen = (End, Option<(u32, Option<u32>)>);

    fn attempts(records: &[Arrival]) -> Vec<Seen> {
        let found = by_address(records);
        found.into_values().flatten().map(|attempt| (attempt.end, attempt.error)).collect()
    }

    #[test]
    fn the_records_of_one_connection_are_one_attempt() {
        let refused = arrival(100, "A", 18_456, Some(8));
        let timers = Arrival { kind: RecordKind::LoginTimers, sent: Some(true), ..refused.clone() };
        let closed = Arrival {
            kind: RecordKind::ConnectionClose,
            error: None,
            state: None,
            before_login: true,
            ..timers.clone()
        };
        assert_eq!(attempts(&[refused, timers, closed]), [(End::Refused, Some((18_456, Some(8))))]);
        let sspi = [arrival(100, "A", 17_806, Some(14)), arrival(100, "A", 18_452, Some(1))];
        assert_eq!(attempts(&sspi), [(End::Refused, Some((17_806, Some(14))))]);
        let [first, second] = sspi;
        assert_eq!(attempts(&[second, first]), [(End::Refused, Some((17_806, Some(14))))], "in either order");
        assert_eq!(attempts(&[arrival(100, "A", 18_456, None), arrival(100, "B", 18_456, None)]).len(), 2);
    }

    #[test]
    fn without_an_identity_records_within_two_seconds_are_one() {
        let nameless = |seconds| Arrival { connection: None, ..arrival(seconds, "", 18_456, Some(8)) };
        assert_eq!(attempts(&[nameless(102), nameless(100)]).len(), 1);
        assert_eq!(attempts(&[nameless(103), nameless(100)]).len(), 2);
    }

    #[test]
    fn every_error_has_its_place() {
        let of = |error, before_login, sent| {
            let record = Arrival { before_login, sent, ..arrival(100, "A", error, None) };
            attempts(&[record]).first().map(|(end, _)| *end)
        };
        for error in [17_806, 17_809, 17_892, 18_401, 18_450, 18_452, 18_456, 18_486, 18_499] {
            assert_eq!(of(error, true, Some(true)), Some(End::Refused), "{error}");
        }
        for error in [17_819, 17_821, 17_835] {
            assert_eq!(of(error, false, None), Some(End::BeforeLogin), "{error}");
        }
        for error in [17_807, 17_828, 17_829, 17_830, 17_832, 17_836] {
            assert_eq!(of(error, false, Some(true)), Some(End::BeforeLogin), "{error}");
            assert_eq!(of(error, false, Some(false)), Some(End::Reached), "{error}");
            assert_eq!(of(error, false, None), Some(End::Reached), "{error}");
        }
        assert_eq!(of(4_014, false, Some(true)), Some(End::Broken));
        assert_eq!(of(4_014, true, Some(true)), Some(End::BeforeLogin));
    }

    #[test]
    fn what_came_from_no_address_belongs_to_no_target() {
        assert!(by_address(&[Arrival { from: None, at: at(100), ..arrival(100, "A", 18_456, None) }]).is_empty());
    }
}
