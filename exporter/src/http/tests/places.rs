//! A client that holds places costs others none.

use super::super::{Options, TrustedClients, Web};
use super::client::{Client, connect_from};
use super::house::{House, Stub, fleet};
use super::limits::{LONG, scrapes};
use super::soon;
use crate::model::{ProbeFailure, Refusal};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::interval;

fn house(options: Options) -> House {
    House::with(Stub::new(), options, Web::open(None).unwrap())
}

/// Connections that have had an answer and wait for nothing.
async fn idle(house: &House, own: &str, count: usize) -> Vec<Client<TcpStream>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = connect_from(own, house.address).await;
        assert_eq!(client.ask("GET", "/-/healthy", "").await.status, 200);
        clients.push(client);
    }
    clients
}

async fn status(house: &House, own: &str, path: &str) -> u16 {
    connect_from(own, house.address).await.ask("GET", path, "").await.status
}

#[tokio::test]
async fn a_client_that_holds_connections_ends_its_own_first() {
    let house = house(Options { connections: 6, connections_per_client: 4, ..Options::default() });
    let held = idle(&house, "127.0.0.2", 4).await;
    // Refused until one of its own is idle for long enough.
    soon("a place", async {
        let mut attempts = interval(Duration::from_millis(20));
        loop {
            attempts.tick().await;
            let mut client = connect_from("127.0.0.2", house.address).await;
            let ask = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
            let sent = tokio::io::AsyncWriteExt::write_all(&mut client.stream, ask.as_bytes()).await;
            if sent.is_ok() && client.reply(false).await.is_ok() {
                break;
            }
        }
    })
    .await;
    assert_eq!(status(&house, "127.0.0.3", "/metrics").await, 200);
    let counts = house.web.refusal_counts().unwrap();
    assert!(counts[Refusal::ConnectionEnded] >= 1, "{counts:?}");
    drop(held);
}

#[tokio::test]
async fn eight_clients_that_hold_all_connections_cost_a_ninth_no_scrape() {
    let house = house(Options { connections: 32, connections_per_client: 8, ..Options::default() });
    let mut held = Vec::new();
    for client in 2..10 {
        held.extend(idle(&house, &format!("127.0.0.{client}"), 4).await);
    }
    let mut scraper = connect_from("127.0.0.10", house.address).await;
    for round in 0..30 {
        // They come again and again.
        held.push(connect_from(&format!("127.0.0.{}", 2 + round % 8), house.address).await);
        assert_eq!(scraper.ask("GET", "/metrics", "").await.status, 200, "{round}");
        assert_eq!(status(&house, "127.0.0.11", "/metrics").await, 200, "{round}");
    }
    drop(held);
}

#[tokio::test]
async fn readers_that_stall_in_every_place_cost_another_client_no_scrape() {
    let stub = Stub { fleet: Arc::new(fleet(LONG).into()), ..Stub::new() };
    let house = House::with(stub, Options::default(), Web::open(None).unwrap());
    let mut stalled = Vec::new();
    for own in ["127.0.0.2", "127.0.0.3"] {
        for _ in 0..4 {
            let mut client = connect_from(own, house.address).await;
            client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
            soon("first byte", client.stream.peek(&mut [0])).await.unwrap();
            stalled.push(client);
        }
    }
    for _ in 0..3 {
        let mut client = connect_from("127.0.0.4", house.address).await;
        let reply = client.ask("GET", "/metrics", "").await;
        assert!(reply.status == 200 && reply.body.len() > LONG, "{}", reply.status);
    }
    let counts = house.web.refusal_counts().unwrap();
    assert!(counts[Refusal::ConnectionEnded] > 0 && counts[Refusal::Metrics] == 0, "{counts:?}");
}

#[tokio::test]
async fn scrapes_that_wait_in_every_place_cost_another_client_no_scrape() {
    let house = house(Options::default());
    house.site.hold(true);
    let mut waiting = scrapes(&house, "127.0.0.2", 4).await;
    waiting.extend(scrapes(&house, "127.0.0.3", 4).await);
    let mut scraper = connect_from("127.0.0.4", house.address).await;
    scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let ended = async {
        while house.web.refusal_counts().unwrap()[Refusal::ConnectionEnded] == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the end of another one", ended).await;
    house.site.hold(false);
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
    let house = House::with(stub, Options { probe: true, ..Options::default() }, Web::open(None).unwrap());
    house.site.hold(true);
    let mut busy = Vec::new();
    for path in ["/probe?target=SQL01", "/", "/metrics"] {
        for _ in 0..4 {
            let mut client = connect_from("127.0.0.2", house.address).await;
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            busy.push(client);
            house.site.waiters(busy.len()).await;
        }
        assert_eq!(status(&house, "127.0.0.2", path).await, 503, "a fifth of {path}");
    }
    house.site.hold(false);
    for (index, client) in busy.iter_mut().enumerate() {
        let expected = if index < 4 { 503 } else { 200 };
        assert_eq!(client.reply(false).await.unwrap().status, expected, "{index}");
    }
    let counts = house.web.refusal_counts().unwrap();
    assert_eq!([Refusal::Probe, Refusal::Page, Refusal::Metrics].map(|reason| counts[reason]), [1, 1, 1]);
}

#[tokio::test]
async fn a_trusted_client_always_has_a_place() {
    let trusted = TrustedClients::with(["127.0.0.8/30"]).unwrap();
    let options = Options { trusted, connections: 2, connections_per_client: 2, ..Options::default() };
    let house = house(options);
    let held = idle(&house, "127.0.0.2", 2).await;
    house.site.hold(true);
    let mut trusted = scrapes(&house, "127.0.0.9", 1).await;
    trusted.extend(scrapes(&house, "127.0.0.1", 1).await);
    house.site.hold(false);
    for client in &mut trusted {
        assert_eq!(client.reply(false).await.unwrap().status, 200);
    }
    assert_eq!(house.web.refusal_counts().unwrap()[Refusal::ConnectionEnded], 0);
    drop(held);
}
