//! A client that holds many places takes none from the others.

use super::super::{Options, TrustedClients, Web};
use super::client::{Client, connect_from};
use super::limits::{LONG, scrapes};
use super::server::{Server, Stub, fleet};
use super::soon;
use crate::model::{ProbeFailure, Refusal};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::interval;

fn server(options: Options) -> Server {
    Server::with(Stub::new(), options, Web::open(None).unwrap())
}

/// Connections that have had a response and send no further request.
async fn idle(server: &Server, own: &str, count: usize) -> Vec<Client<TcpStream>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = connect_from(own, server.address).await;
        assert_eq!(client.ask("GET", "/-/healthy", "").await.status, 200);
        clients.push(client);
    }
    clients
}

async fn status(server: &Server, own: &str, path: &str) -> u16 {
    connect_from(own, server.address).await.ask("GET", path, "").await.status
}

#[tokio::test]
async fn a_client_that_holds_connections_ends_its_own_first() {
    let server = server(Options { connections: 6, connections_per_client: 4, ..Options::default() });
    let held = idle(&server, "127.0.0.2", 4).await;
    // Refused until one of its own connections has been idle for long enough.
    soon("a place", async {
        let mut attempts = interval(Duration::from_millis(20));
        loop {
            attempts.tick().await;
            let mut client = connect_from("127.0.0.2", server.address).await;
            let ask = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
            let sent = tokio::io::AsyncWriteExt::write_all(&mut client.stream, ask.as_bytes()).await;
            if sent.is_ok() && client.reply(false).await.is_ok() {
                break;
            }
        }
    })
    .await;
    assert_eq!(status(&server, "127.0.0.3", "/metrics").await, 200);
    let counts = server.web.refusal_counts().unwrap();
    assert!(counts[Refusal::ConnectionEnded] >= 1, "{counts:?}");
    drop(held);
}

#[tokio::test]
async fn eight_clients_that_hold_all_connections_cost_a_ninth_no_scrape() {
    let server = server(Options { connections: 32, connections_per_client: 8, ..Options::default() });
    let mut held = Vec::new();
    for client in 2..10 {
        held.extend(idle(&server, &format!("127.0.0.{client}"), 4).await);
    }
    let mut scraper = connect_from("127.0.0.10", server.address).await;
    for round in 0..30 {
        // The other clients reconnect again and again.
        held.push(connect_from(&format!("127.0.0.{}", 2 + round % 8), server.address).await);
        assert_eq!(scraper.ask("GET", "/metrics", "").await.status, 200, "{round}");
        assert_eq!(status(&server, "127.0.0.11", "/metrics").await, 200, "{round}");
    }
    drop(held);
}

#[tokio::test]
async fn readers_that_stall_in_every_place_cost_another_client_no_scrape() {
    let stub = Stub { fleet: Arc::new(fleet(LONG).into()), ..Stub::new() };
    let server = Server::with(stub, Options::default(), Web::open(None).unwrap());
    let mut stalled = Vec::new();
    for own in ["127.0.0.2", "127.0.0.3"] {
        for _ in 0..4 {
            let mut client = connect_from(own, server.address).await;
            client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
            soon("first byte", client.stream.peek(&mut [0])).await.unwrap();
            stalled.push(client);
        }
    }
    for _ in 0..3 {
        let mut client = connect_from("127.0.0.4", server.address).await;
        let reply = client.ask("GET", "/metrics", "").await;
        assert!(reply.status == 200 && reply.body.len() > LONG, "{}", reply.status);
    }
    let counts = server.web.refusal_counts().unwrap();
    assert!(counts[Refusal::ConnectionEnded] > 0 && counts[Refusal::Metrics] == 0, "{counts:?}");
}

#[tokio::test]
async fn scrapes_that_wait_in_every_place_cost_another_client_no_scrape() {
    let server = server(Options::default());
    server.site.hold(true);
    let mut waiting = scrapes(&server, "127.0.0.2", 4).await;
    waiting.extend(scrapes(&server, "127.0.0.3", 4).await);
    let mut scraper = connect_from("127.0.0.4", server.address).await;
    scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let ended = async {
        while server.web.refusal_counts().unwrap()[Refusal::ConnectionEnded] == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the end of another one", ended).await;
    server.site.hold(false);
    assert_eq!(scraper.reply(false).await.unwrap().status, 200);
    let mut answered = 0;
    for client in &mut waiting {
        answered += usize::from(client.reply(false).await.is_ok());
    }
    assert_eq!(answered, 7);
}

#[tokio::test]
async fn probes_and_pages_in_flight_take_no_place_of_a_scrape() {
    let stub = Stub::new();
    *stub.probe.lock().unwrap() = Err(ProbeFailure::NoTime);
    let server = Server::with(stub, Options { probe: true, ..Options::default() }, Web::open(None).unwrap());
    server.site.hold(true);
    let mut busy = Vec::new();
    for path in ["/probe?target=SQL01", "/", "/metrics"] {
        for _ in 0..4 {
            let mut client = connect_from("127.0.0.2", server.address).await;
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            busy.push(client);
            server.site.waiters(busy.len()).await;
        }
        assert_eq!(status(&server, "127.0.0.2", path).await, 503, "a fifth of {path}");
    }
    server.site.hold(false);
    for (index, client) in busy.iter_mut().enumerate() {
        let expected = if index < 4 { 503 } else { 200 };
        assert_eq!(client.reply(false).await.unwrap().status, expected, "{index}");
    }
    let counts = server.web.refusal_counts().unwrap();
    assert_eq!([Refusal::Probe, Refusal::Page, Refusal::Metrics].map(|reason| counts[reason]), [1, 1, 1]);
}

#[tokio::test]
async fn a_trusted_client_always_has_a_place() {
    let trusted = TrustedClients::with(["127.0.0.8/30"]).unwrap();
    let options = Options { trusted, connections: 2, connections_per_client: 2, ..Options::default() };
    let server = server(options);
    let held = idle(&server, "127.0.0.2", 2).await;
    server.site.hold(true);
    let mut trusted = scrapes(&server, "127.0.0.9", 1).await;
    trusted.extend(scrapes(&server, "127.0.0.1", 1).await);
    server.site.hold(false);
    for client in &mut trusted {
        assert_eq!(client.reply(false).await.unwrap().status, 200);
    }
    assert_eq!(server.web.refusal_counts().unwrap()[Refusal::ConnectionEnded], 0);
    drop(held);
}
