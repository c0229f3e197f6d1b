//! Clients that close their sending side after the request, as `nc` and some proxies do.

use super::client::connect;
use super::limits::scrapes;
use super::server::Server;
use tokio::io::AsyncWriteExt;

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_client_that_sends_nothing_more_gets_its_scrape() {
    let server = Server::plain();
    server.site.hold(true);
    let mut client = connect(server.address).await;
    client.send(SCRAPE).await;
    client.stream.shutdown().await.unwrap();
    server.site.waiters(1).await;
    // The interim response shows that the server waits for the fleet.
    assert_eq!(client.next_reply(true).await.unwrap().status, 100);
    assert_eq!(client.next_reply(true).await.unwrap().status, 100);
    server.site.hold(false);
    let reply = client.reply(false).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("msx_up 1"));
    assert_eq!(client.rest().await, 0, "the connection ends with the answer");
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_nothing_but_its_answer() {
    let server = Server::plain();
    server.site.hold(true);
    let mut client = connect(server.address).await;
    client.send("GET /metrics HTTP/1.0\r\n\r\n").await;
    client.stream.shutdown().await.unwrap();
    server.site.waiters(1).await;
    server.site.hold(false);
    assert_eq!(client.next_reply(false).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_client_that_is_gone_is_waited_for_no_more() {
    let server = Server::plain();
    server.site.hold(true);
    drop(scrapes(&server, "127.0.0.1", 4).await);
    server.site.waiters(0).await;
}
