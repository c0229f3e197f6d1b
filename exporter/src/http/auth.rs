//! Basic authentication (RFC 7617) against bcrypt hashes.

use super::client::Visitor;
use super::turns::Turns;
use super::web::Users;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::sync::Arc;
use tracing::error;

/// Passwords of one client that may wait for verification. One is verified at a time, in turn among clients: so
/// guessing takes at most one processor and delays no scrape of another client.
const WAITING: usize = 4;

/// The result of an authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The password is right.
    Known,
    /// The request has no credentials.
    Unknown,
    /// The password is wrong, or the user does not exist.
    Wrong,
    /// Too many passwords of this client wait for verification.
    Busy,
}

/// Checks the `Authorization` header. A password that was right before is recognised by its digest. Any other is
/// verified by bcrypt on a blocking thread, which takes as long for an unknown user as for a known one.
pub(crate) async fn check(headers: &HeaderMap, users: &Arc<Users>, visitor: &Visitor, turns: &Arc<Turns>) -> Verdict {
    let Some((user, password)) = credentials(headers) else {
        return Verdict::Unknown;
    };
    if users.remembers(&user, &password) {
        return Verdict::Known;
    }
    let Some(turn) = turns.wait(visitor, WAITING).await else {
        return Verdict::Busy;
    };
    // Another request may have verified it meanwhile.
    if users.remembers(&user, &password) {
        return Verdict::Known;
    }
    let users = Arc::clone(users);
    let verified = tokio::task::spawn_blocking(move || {
        let known = users.verify(&user, &password);
        drop(turn);
        known
    });
    match verified.await {
        Ok(true) => Verdict::Known,
        Ok(false) => Verdict::Wrong,
        Err(failure) => {
            error!(%failure, "a password could not be verified");
            Verdict::Unknown
        }
    }
}

/// Reads any headers, for fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn read_any(headers: &HeaderMap) {
    credentials(headers);
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, coded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(coded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
