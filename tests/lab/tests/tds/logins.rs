//! Who gets in, and how encrypted.

use crate::client::{config, connect, plain, start};
use crate::exhibit::USER;
use msx_lab::tds::certs::Identity;
use msx_lab::tds::{Encryption, ServerVersion};
use std::sync::Arc;
use tiberius::{AuthMethod, EncryptionLevel};

/// Whether the session is encrypted after the login, or `None` where there is none.
async fn outcome(server: &crate::client::Running, client: EncryptionLevel) -> Option<bool> {
    let mut client = connect(config(server, client)).await.ok()?;
    let row = client.simple_query("session").await.unwrap().into_row().await.unwrap().unwrap();
    let told = row.get::<&str, _>(0).unwrap();
    assert!(told.starts_with("sa|msdb|tests|"), "{told}");
    Some(told.ends_with("|true"))
}

#[tokio::test]
async fn the_matrix_of_encryption() {
    use EncryptionLevel::{NotSupported, Off, On, Required, Strict};
    let (clear, encrypted) = (Some(false), Some(true));
    for (server, outcomes) in [
        (Encryption::None, [(NotSupported, clear), (On, None), (Required, None), (Strict, None)].as_slice()),
        (
            Encryption::LoginOnly,
            &[(NotSupported, clear), (Off, clear), (On, encrypted), (Required, encrypted), (Strict, None)],
        ),
        (
            Encryption::Required,
            &[(NotSupported, encrypted), (Off, encrypted), (On, encrypted), (Required, encrypted), (Strict, None)],
        ),
        (Encryption::Strict, &[(NotSupported, None), (Off, None), (On, None), (Required, None), (Strict, encrypted)]),
    ] {
        let running = start(server).await;
        for (client, expected) in outcomes {
            assert_eq!(outcome(&running, *client).await, *expected, "server {server:?}, client {client:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_18456_and_the_connection_ends() {
    let server = start(Encryption::LoginOnly).await;
    for level in [EncryptionLevel::NotSupported, EncryptionLevel::Off, EncryptionLevel::Required] {
        let mut config = config(&server, level);
        config.authentication(AuthMethod::sql_server(USER, "wrong"));
        let refused = connect(config).await.expect_err("a wrong password was let in");
        assert_eq!(refused.code(), Some(18_456), "{refused}");
    }
    crate::client::until(|| server.control.connections().open == 0).await;
    assert_eq!(server.control.connections().ever, 3);
}

#[tokio::test]
async fn a_certificate_can_be_swapped_while_the_server_runs() {
    let server = start(Encryption::Required).await;
    assert!(outcome(&server, EncryptionLevel::Required).await.is_some());
    let names = ["localhost", "127.0.0.1"];
    for (bad, name) in [
        (server.authority.issue_expired(&names).unwrap(), "expired"),
        (server.authority.issue(&["elsewhere.example"]).unwrap(), "of another host"),
        (Identity::self_signed_fallback().unwrap(), "of its own"),
    ] {
        server.control.change(|options| options.identity = Some(Arc::new(bad)));
        let refused = connect(config(&server, EncryptionLevel::Required)).await.err();
        assert!(refused.is_some_and(|error| error.to_string().contains("certificate")), "a certificate {name}");
    }
    let good = server.authority.issue(&names).unwrap();
    server.control.change(|options| options.identity = Some(Arc::new(good)));
    assert!(outcome(&server, EncryptionLevel::Required).await.is_some());
}

#[tokio::test]
async fn a_client_that_trusts_all_takes_the_certificate_that_the_server_made() {
    let server = start(Encryption::Required).await;
    server.control.change(|options| options.identity = None);
    let mut trusting = tiberius::Config::new();
    trusting.host("127.0.0.1");
    trusting.port(server.address.port());
    trusting.authentication(AuthMethod::sql_server(USER, crate::exhibit::PASSWORD));
    trusting.encryption(EncryptionLevel::Required);
    trusting.trust_cert();
    assert!(connect(trusting).await.is_ok());
}

#[tokio::test]
async fn many_clients_are_served_at_once() {
    let server = start(Encryption::None).await;
    server.control.change(|options| options.version = ServerVersion::V2012);
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(plain(&server).await);
    }
    assert_eq!(server.control.connections().open, 30);
    for client in &mut clients {
        assert!(client.simple_query("session").await.unwrap().into_row().await.unwrap().is_some());
    }
    server.control.hang_up();
    crate::client::until(|| server.control.connections().open == 0).await;
}
