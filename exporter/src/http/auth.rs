//! Basic authentication (RFC 7617) against bcrypt hashes.

use super::limiter::Limiter;
use super::web::Users;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::net::IpAddr;
use std::sync::Arc;
use tracing::error;

/// Passwords that may wait for their verification, in all and for each client. One is verified at a time, so that
/// guessing takes one processor at most.
const LOGINS: usize = 32;
const LOGINS_PER_CLIENT: usize = 4;

/// Whether a client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its password is right.
    Known,
    /// It has none, or a wrong one, or its user does not exist.
    Unknown,
    /// Too many passwords wait to be verified.
    Busy,
}

/// Judges the `Authorization` header. A password that was right before is recognised by its digest; any other costs a
/// bcrypt, on a thread where that harms nobody, and as much for an unknown user as for a known one.
pub(crate) async fn check(headers: &HeaderMap, users: &Arc<Users>, client: IpAddr, logins: &Arc<Limiter>) -> Verdict {
    let Some((user, password)) = credentials(headers) else {
        return Verdict::Unknown;
    };
    if users.remembers(&user, &password) {
        return Verdict::Known;
    }
    let Ok(pass) = logins.enter(client, LOGINS, LOGINS_PER_CLIENT) else {
        return Verdict::Busy;
    };
    let Ok(turn) = users.turn().await else {
        return Verdict::Busy;
    };
    let users = Arc::clone(users);
    let verified = tokio::task::spawn_blocking(move || {
        let known = users.verify(&user, &password);
        drop((turn, pass));
        known
    });
    match verified.await {
        Ok(true) => Verdict::Known,
        Ok(false) => Verdict::Unknown,
        Err(failure) => {
            error!(%failure, "a password could not be verified");
            Verdict::Unknown
        }
    }
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
