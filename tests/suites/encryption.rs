//! What each setting of `master.encrypt` meets on each kind of server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::TestServer;
use harness::exporter::Setup;
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::{Encryption, Options};

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Read in clear text.
    Clear,
    /// Read, and encrypted.
    Encrypted,
    /// Not read; it failed in the stage `tls`.
    Refused,
}
use Outcome::{Clear, Encrypted, Refused};

fn outcome(server: Encryption, client: &str) -> Outcome {
    let master =
        TestServer::start(Lab::scenario(Scenario::Healthy), Options { encryption: server, ..Options::default() });
    let exporter = Setup::of(&master).master("encrypt", client).start();
    let page = exporter.scrape();
    if !page.up() {
        assert_eq!(page.errors("tls"), 1.0, "server {server:?}, client {client}: {}", exporter.log());
        assert_eq!(page.value("msx_exporter_sql_connections", &[]), Some(0.0));
        let line = exporter.logged(&["cannot read the master", "stage=tls"]);
        assert!(line.contains("hint="), "server {server:?}, client {client}: {line}");
        assert_eq!(master.logins(), 0, "no password may leave before it is protected as asked");
        return Refused;
    }
    let info = page.all("msx_server_info", &[]);
    let encrypted = info[0].labels["encrypted"] == "true";
    exporter.logged(&["connected to the master", &format!("encrypted={encrypted}")]);
    if encrypted { Encrypted } else { Clear }
}

#[test]
fn off_takes_what_the_server_wants() {
    assert_eq!(outcome(Encryption::None, "off"), Clear);
    assert_eq!(outcome(Encryption::LoginOnly, "off"), Clear);
    assert_eq!(outcome(Encryption::Required, "off"), Encrypted);
    assert_eq!(outcome(Encryption::Strict, "off"), Refused);
}

#[test]
fn login_only_never_sends_a_password_in_the_clear() {
    assert_eq!(outcome(Encryption::None, "login_only"), Refused);
    assert_eq!(outcome(Encryption::LoginOnly, "login_only"), Clear);
    assert_eq!(outcome(Encryption::Required, "login_only"), Encrypted);
    assert_eq!(outcome(Encryption::Strict, "login_only"), Refused);
}

#[test]
fn required_takes_nothing_less() {
    assert_eq!(outcome(Encryption::None, "required"), Refused);
    assert_eq!(outcome(Encryption::LoginOnly, "required"), Encrypted);
    assert_eq!(outcome(Encryption::Required, "required"), Encrypted);
    assert_eq!(outcome(Encryption::Strict, "required"), Refused);
}

#[test]
fn strict_speaks_to_strict_alone() {
    assert_eq!(outcome(Encryption::None, "strict"), Refused);
    assert_eq!(outcome(Encryption::LoginOnly, "strict"), Refused);
    assert_eq!(outcome(Encryption::Required, "strict"), Refused);
    assert_eq!(outcome(Encryption::Strict, "strict"), Encrypted);
}
