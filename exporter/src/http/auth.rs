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

/// Passwords of one client that may wait for their verification. One is verified at a time, so that guessing takes one
/// processor at most, in turn among clients, so that guessing costs no one else a scrape.
const WAITING: usize = 4;

/// Whether a client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its password is right.
    Known,
    /// It says nothing of itself.
    Unknown,
    /// Its password is wrong, or its user does not exist.
    Wrong,
    /// Too many of its passwords wait to be verified.
    Busy,
}

/// Judges the `Authorization` header. A password that was right before is recognised by its digest; any other costs a
/// bcrypt, on a thread where that harms no one, and as much for an unknown user as for a known one.
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
    // It may have been verified meanwhile, for another request.
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
