//! Translates errors of the driver and the system into what a user can do about them.

use super::error::ReadError;
use super::{refusals, schannel};
use crate::model::Stage;
use crate::probe::protocol::PacketError;
use std::io;
use tiberius::error::Error as DriverError;

/// A failure between PRELOGIN and the end of the login.
pub(crate) fn on_connecting(error: &DriverError, stage: Stage, to: &str) -> ReadError {
    match error {
        DriverError::Server(token) => refused(token.code(), token.state(), token.message(), to),
        DriverError::Tls(text) => tls(text, to),
        DriverError::Io { message, .. } if is_tls(message) => tls(message, to),
        DriverError::Io { message, .. } if stage == Stage::Tls && message.contains(CUT_PACKET) => no_tds(message, to),
        DriverError::Io { message, .. } if stage == Stage::Tls => ended_in_the_handshake(message, to),
        DriverError::Io { message, .. } => ReadError::new(stage, format!("{to}: {message}")),
        DriverError::Routing { host, port } => {
            ReadError::new(Stage::Login, format!("{to} sends us on to {host}:{port}"))
                .with_hint("set master.address to that address")
        }
        DriverError::Protocol(text) if text.contains("ncrypt") => ReadError::new(Stage::Tls, format!("{to}: {text}"))
            .with_hint("master.encrypt asks for what this server does not offer"),
        other if stage == Stage::Tls => no_tds(&other.to_string(), to),
        other => ReadError::new(stage, format!("{to}: {other}")),
    }
}

/// Why PRELOGIN was not answered.
pub(super) fn on_prelogin(error: &PacketError, to: &str) -> ReadError {
    match error {
        PacketError::Closed => ended_in_the_handshake("the end came before an answer", to),
        PacketError::Tls => ended_in_the_handshake("it expects TLS first", to),
        PacketError::Io(error) => ended_in_the_handshake(&error.to_string(), to),
        PacketError::Strange(bytes) => {
            let first = bytes.get(..16).unwrap_or(bytes);
            no_tds(&format!("it answered with \"{}\"", first.escape_ascii()), to)
        }
    }
}

/// Why a handshake of our own failed, the certificate apart. A Windows that shares no suite hangs up without a word.
pub(super) fn on_handshake(error: &io::Error, after_prelogin: bool, to: &str) -> ReadError {
    let ended = error.kind() != io::ErrorKind::InvalidData;
    let fault = if ended { ended_in_the_handshake(&error.to_string(), to) } else { tls(&error.to_string(), to) };
    match (ended, after_prelogin) {
        (true, true) => fault.with_hint(NOTHING_IN_COMMON),
        (true, false) => fault.with_hint(NOT_STRICT),
        (false, _) => fault,
    }
}

fn ended_in_the_handshake(message: &str, to: &str) -> ReadError {
    ReadError::new(Stage::Tls, format!("{to} ended the connection during PRELOGIN or the TLS handshake: {message}"))
        .with_hint(
            "a server that forces strict encryption hangs up like this unless `encrypt: strict` is set, and an old one \
             unless its TLS version is accepted here",
        )
}

/// The text of the driver's decoder for a connection that ended within a packet.
const CUT_PACKET: &str = "bytes remaining on stream";

fn no_tds(said: &str, to: &str) -> ReadError {
    ReadError::new(Stage::Tls, format!("what answers at {to} does not speak TDS: {said}"))
        .with_hint("is this the port of SQL Server's engine?")
}

fn is_tls(message: &str) -> bool {
    ["certificate", "handshake", "tls", "TLS", "alert"].iter().any(|word| message.contains(word))
}

/// The driver's text ends with advice for programmers; only its first sentence is kept.
pub(super) fn tls(text: &str, to: &str) -> ReadError {
    let fact = text.split(" To connect anyway").next().unwrap_or(text);
    let failed = |fact: &str| ReadError::new(Stage::Tls, format!("the TLS handshake with {to} failed: {fact}"));
    if let Some((meaning, hint)) = schannel::explain(fact) {
        return failed(&meaning).with_hint(hint);
    }
    let fault = failed(fact);
    if fact.contains("HandshakeFailure") || fact.contains("ProtocolVersion") {
        return fault.with_hint(NOTHING_IN_COMMON);
    }
    if fact.contains("certificate") {
        fault.with_hint(
            "set master.ca_file to the authority that signed it, master.host_name_in_certificate to the name in it, \
             or master.trust_server_certificate: true where the network is trusted",
        )
    } else {
        fault.with_hint("compare the TLS versions and cipher suites of both machines (the master's SCHANNEL settings)")
    }
}

/// What an old server's alert means: it shares no suite with this program.
const NOTHING_IN_COMMON: &str = "both have no TLS version or cipher suite in common: Windows before Server 2016 offers, \
    with an RSA certificate, suites with CBC or without ECDHE alone, which are not spoken here. Give SQL Server an ECDSA \
    certificate, run the exporter on Windows, or use a newer Windows";

const NOT_STRICT: &str = "SQL Server before 2022 hangs up like this on `encrypt: strict`, which is TLS before anything else: \
    set `encrypt: required` there";

/// A login that the server answered with an error.
fn refused(number: u32, state: u8, text: &str, to: &str) -> ReadError {
    let (retry, hint) = refusals::of(number, state);
    let message = format!("{to} refused the login: {text} (error {number}, state {state})");
    ReadError { retry, hint: hint.map(str::to_owned), ..ReadError::new(Stage::Login, message) }
}

/// A failure that ended a batch.
pub(crate) fn on_reading(error: &DriverError) -> ReadError {
    match error {
        DriverError::Server(token) => on_statement(token.code(), Some(token.message())),
        DriverError::Io { message, .. } => ReadError::new(Stage::Query, format!("the connection ended: {message}")),
        other => ReadError::new(Stage::Decode, format!("the answer cannot be read: {other}")),
    }
}

/// An error that ended a statement, by its number.
pub(crate) fn on_statement(code: u32, message: Option<&str>) -> ReadError {
    let text = message.unwrap_or("SQL Server sent no text with it");
    let stage = if matches!(code, 229 | 230 | 262 | 297 | 300 | 916) { Stage::Permission } else { Stage::Query };
    let fault = ReadError { timeout: code == 1222, ..ReadError::new(stage, format!("{text} (error {code})")) };
    match code {
        229 | 230 | 262 | 297 | 300 | 916 => fault.with_hint("`msx_exporter grants` prints what is missing"),
        1222 => fault.with_hint(
            "another session holds a lock on the table, such as a resync of all targets; the next scrape tries again",
        ),
        1205 => fault.with_hint("we lost a deadlock on purpose; the next scrape tries again"),
        208 => fault.with_hint("is master.msdb the database that holds the multiserver tables?"),
        _ => fault,
    }
}

/// Whether the connection can be used again: after most errors SQL Server reports and goes on ([MS-TDS] 2.2.7.10).
pub(crate) fn leaves_connection_usable(error: &DriverError) -> bool {
    matches!(error, DriverError::Server(token) if token.class() < 20)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(code: u32) -> ReadError {
        super::refused(code, 1, "refused", "MSX")
    }

    #[test]
    fn a_windows_account_that_is_refused_learns_that_it_was_ntlm_and_what_to_do() {
        for code in [18456, 18452, 1] {
            let hint = refused(code).of_windows_account().hint.unwrap();
            assert!(hint.starts_with("does the master have a login for the account"), "{code}: {hint}");
            for word in ["NTLM, not Kerberos", "Extended Protection", "`auth: sql` with `encrypt: required`"] {
                assert!(hint.contains(word), "{code}: no {word} in {hint}");
            }
            assert!(!hint.contains("master.user"), "{code}: {hint}");
        }
        let hint = refused(18470).of_windows_account().hint.unwrap();
        assert!(hint.starts_with("the login is disabled") && hint.contains("NTLM"), "{hint}");
        assert!(refused(18456).hint.unwrap().contains("master.user"), "a SQL login is advised as before");
        assert!(!refused(18401).of_windows_account().hint.unwrap().contains("NTLM"), "the server refuses everyone");
    }

    #[test]
    fn a_server_without_a_common_suite_is_named_whether_it_says_so_or_hangs_up() {
        let alert = io::Error::new(io::ErrorKind::InvalidData, "received fatal alert: HandshakeFailure");
        for error in [alert, io::ErrorKind::UnexpectedEof.into(), io::ErrorKind::ConnectionReset.into()] {
            let hint = on_handshake(&error, true, "MSX").hint.unwrap();
            assert!(hint.contains("with CBC") && hint.contains("ECDSA"), "{error}: {hint}");
        }
        let older = on_handshake(&io::ErrorKind::UnexpectedEof.into(), false, "MSX").hint.unwrap();
        assert!(older.contains("set `encrypt: required`") && !older.contains("unless"), "{older}");
        let expired = DriverError::Tls("abgelaufen (os error -2146893016)".to_owned());
        assert!(on_connecting(&expired, Stage::Tls, "MSX").message.contains("has expired (0x80090328)"));
    }

    #[test]
    fn a_windows_account_that_never_came_to_its_login_hears_nothing_of_ntlm() {
        let fault = ReadError::new(Stage::Tls, "no TLS").with_hint("set master.ca_file");
        assert_eq!(fault.clone().of_windows_account(), fault);
    }
}
