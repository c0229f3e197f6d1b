#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_millis(500);

/// A peer that does the same to everyone who connects.
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
async fn a_web_server_is_told_by_its_first_words() {
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
