#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_millis(500);

/// A peer that treats every connection alike.
async fn peer<F: Future<Output = ()> + Send>(behave: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            behave(listener.accept().await.unwrap().0).await;
        }
    });
    address
}

async fn see(address: SocketAddr, strict: bool) -> Engine {
    let gaze = Gaze { addresses: &[address], host: "sql01", instance: "", strict, patience: PATIENCE };
    let started = Instant::now();
    let seen = look(gaze, &Sockets::new(1)).await;
    assert!(started.elapsed() < PATIENCE * 5, "{:?}", started.elapsed());
    assert_eq!(seen.address, Some(address));
    seen
}

fn assert_wrong(seen: &Engine, evidence: &str) {
    assert_eq!(seen.state, PortState::WrongProtocol, "{}", seen.evidence);
    assert!(seen.evidence.contains(evidence), "{}", seen.evidence);
}

#[tokio::test]
async fn a_web_server_is_known_by_its_first_words() {
    let address = peer(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    })
    .await;
    for strict in [false, true] {
        assert_wrong(&see(address, strict).await, "it answered with \"HTTP/1.1");
    }
}

#[tokio::test]
async fn a_peer_that_closes_at_once_is_no_sql_server() {
    let address = peer(|stream| async move { drop(stream) }).await;
    assert_wrong(&see(address, false).await, "without a word");
}

#[tokio::test]
async fn a_silent_peer_ends_in_time() {
    let address = peer(|mut stream| async move {
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    })
    .await;
    assert_wrong(&see(address, false).await, "did not answer");
}

#[tokio::test]
async fn a_byte_at_a_time_ends_in_time() {
    let address = peer(|mut stream| async move {
        for byte in [0x04, 0x01, 0x00] {
            tokio::time::sleep(PATIENCE / 2).await;
            let _ = stream.write_all(&[byte]).await;
        }
    })
    .await;
    assert_wrong(&see(address, false).await, "did not answer");
}

#[tokio::test]
async fn an_endless_message_is_not_taken_in() {
    let address = peer(|mut stream| async move {
        let mut packet = vec![0; 32 * 1024];
        packet[..4].copy_from_slice(&[0x04, 0x00, 0x80, 0x00]);
        while stream.write_all(&packet).await.is_ok() {}
    })
    .await;
    assert_wrong(&see(address, false).await, "it answered with");
}

#[tokio::test]
async fn a_server_that_refuses_before_the_login_is_a_sql_server() {
    let address = peer(|mut stream| async move {
        let mut question = [0; 100];
        let _ = stream.read(&mut question).await.unwrap();
        stream.write_all(&packet::encode(Kind::Reply, &[ERROR_TOKEN, 2, 0, 0, 0])).await.unwrap();
    })
    .await;
    let seen = see(address, false).await;
    assert_eq!((seen.state, seen.evidence.as_str()), (PortState::Open, "it refused before any login"));
}

mod against_the_stand_in {
    use super::*;
    use msx_lab::tds::certs::Authority;
    use msx_lab::tds::{Control, Encryption as Setting, Identity, Options, Server};
    use msx_lab::wire::{Backend, Login, Reply, ServerError};
    use std::sync::Arc;

    /// A stream that fails the test if a login is tried.
    struct NoLogin;

    impl Backend for NoLogin {
        fn login(&self, login: &Login, _: &str) -> Result<(), ServerError> {
            panic!("a look tried to log in as {:?}", login.user);
        }
        fn batch(&self, _: &Login, _: &str) -> Vec<Reply> {
            Vec::new()
        }
    }

    async fn server(encryption: Setting, identity: Option<Identity>, instance: &str) -> (SocketAddr, Control) {
        let identity = identity.map(Arc::new);
        let options = Options { encryption, identity, instance: instance.to_owned(), ..Options::default() };
        let server = Server::bind("127.0.0.1:0", options).await.unwrap();
        let (address, control) = (server.local_addr().unwrap(), server.control());
        tokio::spawn(server.run(Arc::new(NoLogin), std::future::pending()));
        (address, control)
    }

    async fn gaze(address: SocketAddr, instance: &str, strict: bool) -> Engine {
        let patience = Duration::from_secs(5);
        look(Gaze { addresses: &[address], host: "sql01", instance, strict, patience }, &Sockets::new(1)).await
    }

    #[tokio::test]
    async fn encryption_is_read_as_it_is_set() {
        for (setting, encryption, tls) in [
            (Setting::None, Encryption::Unavailable, None),
            (Setting::LoginOnly, Encryption::Optional, Some("TLSv1.2")),
            (Setting::Required, Encryption::Required, Some("TLSv1.2")),
            (Setting::Strict, Encryption::Strict, Some("TLSv1.3")),
        ] {
            let (address, _) = server(setting, None, "MSSQLSERVER").await;
            for strict in [false, true] {
                if strict && setting != Setting::Strict {
                    continue;
                }
                let seen = gaze(address, "", strict).await;
                assert_eq!(seen.state, PortState::Open, "{setting:?}: {}", seen.evidence);
                assert_eq!(seen.facts.encryption, Some(encryption), "{setting:?}");
                assert_eq!(seen.facts.tls.as_ref().map(|tls| tls.version.as_str()), tls, "{setting:?}");
                assert_eq!(seen.facts.version.as_deref(), Some("16.0.1000"));
                assert!(seen.connect.is_some() && seen.handshake.is_some());
            }
        }
    }

    #[tokio::test]
    async fn the_fallback_certificate_is_distinguished_from_an_issued_one() {
        let (address, _) = server(Setting::Required, None, "MSSQLSERVER").await;
        let own = gaze(address, "", false).await.facts.certificate.unwrap();
        assert!(own.self_signed);
        assert!(own.subject.contains("SSL_Self_Signed_Fallback"), "{}", own.subject);

        let authority = Authority::new("Example CA").unwrap();
        let identity = authority.issue_between(&["sql01"], (2020, 1, 1), (2027, 6, 30)).unwrap();
        let (address, _) = server(Setting::Required, Some(identity), "MSSQLSERVER").await;
        let issued = gaze(address, "", false).await.facts.certificate.unwrap();
        assert!(!issued.self_signed);
        assert!(issued.issuer.contains("CN=Example CA"), "{}", issued.issuer);
        assert_eq!(issued.not_after.to_string(), "2027-06-30T00:00:00Z");
    }

    #[tokio::test]
    async fn an_expired_certificate_is_looked_at_all_the_same() {
        let identity = Authority::new("Example CA").unwrap().issue_expired(&["sql01"]).unwrap();
        let (address, _) = server(Setting::LoginOnly, Some(identity), "MSSQLSERVER").await;
        let seen = gaze(address, "", false).await;
        assert_eq!(seen.state, PortState::Open, "{}", seen.evidence);
        assert!(seen.facts.certificate.unwrap().not_after < jiff::Timestamp::now());
    }

    #[tokio::test]
    async fn another_instance_behind_the_port_is_noticed() {
        let (address, _) = server(Setting::None, None, "PAYROLL").await;
        for (asked, matches) in [("PAYROLL", true), ("HR", false)] {
            let seen = gaze(address, asked, false).await;
            assert_eq!(seen.facts.instance_matches, Some(matches), "{asked}");
            assert_eq!(seen.evidence.contains("another instance"), !matches, "{}", seen.evidence);
        }
    }

    #[tokio::test]
    async fn a_server_that_stops_after_prelogin_failed_in_tls() {
        let (address, control) = server(Setting::Required, None, "MSSQLSERVER").await;
        control.change(|options| options.fault = Some(msx_lab::tds::Fault::StopAfterPrelogin));
        let patience = Duration::from_millis(500);
        let gaze = Gaze { addresses: &[address], host: "sql01", instance: "", strict: false, patience };
        let seen = look(gaze, &Sockets::new(1)).await;
        assert_eq!(seen.state, PortState::TlsFailed, "{}", seen.evidence);
        assert_eq!(seen.facts.version.as_deref(), Some("16.0.1000"));
    }

    #[tokio::test]
    async fn nothing_is_left_open() {
        let (address, control) = server(Setting::Required, None, "MSSQLSERVER").await;
        let _ = gaze(address, "", false).await;
        let deadline = Instant::now() + Duration::from_secs(5);
        while (control.connections().open, control.connections().ever) != (0, 1) {
            assert!(Instant::now() < deadline, "{:?}", control.connections());
            tokio::task::yield_now().await;
        }
    }
}
