use super::super::{Options, Web, bind, run};
use super::client::{connect, get};
use super::server::{Server, Stub};
use super::soon;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn what_is_in_flight_is_finished() {
    let server = Server::plain();
    let (address, site) = (server.address, Arc::clone(&server.site));
    let mut idle = connect(address).await;
    assert_eq!(idle.ask("GET", "/-/ready", "").await.status, 200);
    site.hold(true);
    let mut busy = connect(address).await;
    busy.send(SCRAPE).await;
    site.waiters(1).await;

    let running = server.stop();
    assert_eq!(idle.rest().await, 0, "an idle connection is closed at once");
    let mut attempts = tokio::time::interval(Duration::from_millis(20));
    soon("the closed door", async {
        while TcpStream::connect(address).await.is_ok() {
            attempts.tick().await;
        }
    })
    .await;
    assert!(!running.is_finished());
    site.hold(false);
    let reply = busy.reply(false).await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    soon("the end", running).await.unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let options = Options { drain_timeout: Duration::from_millis(200), ..Options::default() };
    let server = Server::with(Stub::new(), options, Web::open(None).unwrap());
    let site = Arc::clone(&server.site);
    site.hold(true);
    let mut busy = connect(server.address).await;
    busy.send(SCRAPE).await;
    site.waiters(1).await;
    soon("the end", server.stop()).await.unwrap();
    assert_eq!(busy.rest().await, 0);
    site.waiters(0).await;
}

#[tokio::test]
async fn several_listeners_serve_one_site() {
    let listeners = bind(&["127.0.0.1:0".parse().unwrap(), "127.0.0.2:0".parse().unwrap()]).unwrap();
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let site = Arc::new(Stub::new());
    let web = Arc::new(Web::open(None).unwrap());
    let running = tokio::spawn(run(listeners, site, Options::default(), web, std::future::pending()));
    for address in addresses {
        assert_eq!(get(address, "/metrics").await.status, 200);
    }
    running.abort();
}
