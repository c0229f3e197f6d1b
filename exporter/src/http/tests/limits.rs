use super::super::{Options, Web};
use super::client::{Client, connect, connect_from, get};
use super::server::{Server, Stub, fleet};
use super::soon;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::interval;

const SHORT: Duration = Duration::from_millis(300);
/// More bytes than the buffers of two sockets hold.
pub(super) const LONG: usize = 16 << 20;
const LONG_PAGE: &str = "GET /api/v1/targets HTTP/1.1\r\nHost: x\r\n\r\n";

fn server(options: Options) -> Server {
    Server::with(Stub::new(), options, Web::open(None).unwrap())
}

/// Begins scrapes that stay in flight until the stub answers.
pub(super) async fn scrapes(server: &Server, own: &str, count: usize) -> Vec<Client<TcpStream>> {
    let before = *server.site.waiting.borrow();
    let clients = join_all((0..count).map(|_| async {
        let mut client = connect_from(own, server.address).await;
        client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        client
    }));
    let clients = clients.await;
    server.site.waiters(before + count).await;
    clients
}

#[tokio::test]
async fn slow_clients_do_not_stop_a_scrape() {
    let server = server(Options::default());
    let slow = join_all((0..64).map(|_| async {
        let mut client = connect(server.address).await;
        client.send("GET /metrics HTTP/1.1\r\nHost:").await;
        client
    }));
    let slow = slow.await;
    assert_eq!(get(server.address, "/metrics").await.status, 200);
    drop(slow);
}

#[tokio::test]
async fn readers_that_stall_do_not_stop_another_clients_scrape() {
    let server = Server::with(
        Stub { fleet: Arc::new(fleet(LONG).into()), ..Stub::new() },
        Options::default(),
        Web::open(None).unwrap(),
    );
    let slow = join_all((0..64).map(|_| async {
        let mut client = connect_from("127.0.0.2", server.address).await;
        client.send(LONG_PAGE).await;
        // Once its response begins, its place is taken or refused.
        let mut first = [0];
        soon("first byte", client.stream.peek(&mut first)).await.unwrap();
        client
    }));
    let slow = slow.await;
    let reply = get(server.address, "/api/v1/targets").await;
    assert!(reply.status == 200 && reply.body.len() > LONG, "{}", reply.status);
    drop(slow);
}

#[tokio::test]
async fn a_request_that_does_not_come_is_cut() {
    let server = server(Options { request_timeout: SHORT, ..Options::default() });
    for beginning in
        ["", "GET /metrics HTTP/1.1\r\n", "POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"]
    {
        let mut client = connect(server.address).await;
        client.send(beginning).await;
        client.rest().await;
    }
}

#[tokio::test]
async fn a_request_that_drips_is_cut() {
    let server = server(Options { request_timeout: SHORT, ..Options::default() });
    let (mut reading, mut writing) = connect(server.address).await.stream.into_split();
    let mut drops = interval(Duration::from_millis(20));
    let drip = async {
        for letter in "GET / HTTP/1.1\r\nX: ".bytes().chain(std::iter::repeat(b'x')) {
            drops.tick().await;
            if writing.write_all(&[letter]).await.is_err() {
                break;
            }
        }
    };
    let cut = async { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await };
    soon("the cut", async {
        tokio::select! {
            () = drip => {}
            _ = cut => {}
        }
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_lives_longer_than_a_slow_request() {
    let idle_timeout = Duration::from_millis(1500);
    let server = server(Options { request_timeout: SHORT, idle_timeout, ..Options::default() });
    let mut client = connect(server.address).await;
    assert_eq!(client.ask("GET", "/metrics", "").await.status, 200);
    assert_eq!(client.ask("GET", "/-/healthy", "").await.status, 200);
    let since = Instant::now();
    client.rest().await;
    assert!(since.elapsed() >= idle_timeout - Duration::from_millis(50), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let stub = Stub { fleet: Arc::new(fleet(LONG).into()), ..Stub::new() };
    stub.settings.lock().unwrap().limits.scrapes_in_flight_per_client = 1;
    let server = Server::with(stub, Options { answer_timeout: SHORT, ..Options::default() }, Web::open(None).unwrap());
    let mut stalled = connect_from("127.0.0.2", server.address).await;
    stalled.send(LONG_PAGE).await;
    soon("first byte", stalled.stream.peek(&mut [0])).await.unwrap();
    // Its place is freed although it neither reads nor hangs up. Asked on one connection, because one for each attempt
    // would use up the machine's ports.
    let mut other = connect_from("127.0.0.2", server.address).await;
    soon("the place", async { while other.ask("HEAD", "/", "").await.status != 200 {} }).await;
    assert!(stalled.rest().await < LONG);
}

#[tokio::test]
async fn a_client_that_reads_in_drops_is_cut() {
    let stub = Stub { fleet: Arc::new(fleet(LONG).into()), ..Stub::new() };
    let server = Server::with(stub, Options { answer_timeout: SHORT, ..Options::default() }, Web::open(None).unwrap());
    let mut client = connect_from("127.0.0.2", server.address).await;
    client.send(LONG_PAGE).await;
    soon("first byte", client.stream.peek(&mut [0])).await.unwrap();
    let mut drops = interval(Duration::from_millis(20));
    let (mut buffer, mut total) = (vec![0; 16 * 1024], 0);
    soon("the cut", async {
        // 800 kB a second for as long as the server's deadline, then unlimited.
        for _ in 0..40 {
            drops.tick().await;
            total += tokio::io::AsyncReadExt::read(&mut client.stream, &mut buffer).await.unwrap_or(0);
        }
    })
    .await;
    assert!(total + client.rest().await < LONG);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_waited_for_no_more() {
    let server = server(Options::default());
    server.site.hold(true);
    for _ in 0..20 {
        let clients = scrapes(&server, "127.0.0.1", 4).await;
        drop(clients);
        server.site.waiters(0).await;
    }
    server.site.hold(false);
    assert_eq!(get(server.address, "/metrics").await.status, 200, "no place was lost");
}

#[tokio::test]
async fn one_client_has_its_share() {
    let server = server(Options::default());
    server.site.hold(true);
    let mut first = scrapes(&server, "127.0.0.2", 4).await;
    let refused = connect_from("127.0.0.2", server.address).await.ask("GET", "/metrics", "").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let healthy = connect_from("127.0.0.2", server.address).await.ask("GET", "/-/healthy", "").await;
    assert_eq!(healthy.status, 200, "what costs nothing is not counted");
    let mut second = scrapes(&server, "127.0.0.3", 4).await;
    server.site.hold(false);
    for client in first.iter_mut().chain(&mut second) {
        assert_eq!(client.reply(false).await.unwrap().status, 200);
    }
    let after = connect_from("127.0.0.2", server.address).await.ask("GET", "/metrics", "").await;
    assert_eq!(after.status, 200);
}

#[tokio::test]
async fn bodies_and_heads_have_bounds() {
    let server = server(Options::default());
    let small = connect(server.address).await.ask("GET", "/-/ready", "Content-Length: 0\r\n").await;
    assert_eq!(small.status, 200);
    let mut client = connect(server.address).await;
    client.send("GET /-/ready HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(client.reply(false).await.unwrap().status, 200);
    assert_eq!(client.ask("GET", "/-/ready", "").await.status, 200, "the small body was read away");

    let large = connect(server.address).await.ask("POST", "/-/reload", "Content-Length: 4097\r\n").await;
    assert_eq!((large.status, large.header("connection")), (413, Some("close")));
    let mut client = connect(server.address).await;
    let chunk = format!("1001\r\n{}\r\n", "x".repeat(0x1001));
    client.send(&format!("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")).await;
    assert_eq!(client.reply(false).await.unwrap().status, 413);

    let many = "X: y\r\n".repeat(65);
    assert_eq!(connect(server.address).await.ask("GET", "/", &many).await.status, 431);
    let long = format!("X: {}\r\n", "y".repeat(17 * 1024));
    assert_eq!(connect(server.address).await.ask("GET", "/", &long).await.status, 431);
    assert_eq!(connect(server.address).await.ask("NONSENSE /", "x", "").await.status, 400);
}
