//! Clients that take whatever there is, from addresses of their own: what they cost others, and what the log says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{DEADLINE, Page, TestServer, until};
use msx_lab::msdb::Scenario;
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How soon Prometheus would want the answer of a scrape that is not to wait.
const HURRY: &str = "X-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n";

/// A connection from an address of this machine: another client to the exporter.
fn connect(own: &str, exporter: &Exporter) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let own: SocketAddr = format!("{own}:0").parse().unwrap();
    socket.bind(&own.into()).unwrap();
    socket.connect(&exporter.address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn send(stream: &mut TcpStream, path: &str, headers: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).unwrap();
}

/// One request on a connection of its own; its status and its body.
fn ask(own: &str, exporter: &Exporter, path: &str, headers: &str) -> (u16, String) {
    let mut stream = connect(own, exporter);
    send(&mut stream, path, &format!("Connection: close\r\n{headers}"));
    let mut text = String::new();
    // A connection that is refused is reset or ends without a byte.
    let _ = stream.read_to_string(&mut text);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn lines(exporter: &Exporter, words: &str) -> usize {
    exporter.log().lines().filter(|line| line.contains(words)).count()
}

#[test]
fn eight_addresses_that_hold_every_connection_cost_another_one_no_scrape() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    let mut held = Vec::new();
    for index in 0..512 {
        let mut stream = connect(&format!("127.0.0.{}", 2 + index % 8), &exporter);
        send(&mut stream, "/-/healthy", "");
        assert_eq!(stream.read(&mut [0; 1024]).map(|length| length > 0).ok(), Some(true), "{index}");
        held.push(stream);
    }
    for round in 0..30 {
        let (status, body) = ask("127.0.0.20", &exporter, "/metrics", "");
        assert!(status == 200 && Page::parse(&body).up(), "round {round}: {status}");
    }
    drop(held);
}

#[test]
fn a_client_that_is_refused_again_and_again_leaves_one_line() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    let hour = Duration::from_secs(3600);
    master.lab.fault("systargetservers", Mishap::Replies { after: 0, replies: vec![Reply::Wait(hour)] });
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = connect("127.0.0.2", &exporter);
            send(&mut stream, "/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 60\r\n");
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    // Who has no answer is in. The master's own deadline lets them go, so that this ends in any case.
    let answered = |stream: &&TcpStream| stream.peek(&mut [0]).is_ok();
    until("four to be refused", || (waiting.iter().filter(answered).count() == 4).then_some(()));
    let refused = 4 + (0..300).filter(|_| ask("127.0.0.2", &exporter, "/metrics", HURRY).0 == 503).count();
    assert!(refused > 200, "{refused}");
    let (status, body) = ask("127.0.0.3", &exporter, "/metrics", HURRY);
    assert_eq!(status, 200, "another client is answered");
    let page = Page::parse(&body);
    assert_eq!(page.value("msx_exporter_http_refused_total", &[("reason", "metrics")]), Some(refused as f64));
    assert!(lines(&exporter, "are in flight") <= 2, "{}", exporter.log());
    exporter.logged(&["reason=metrics", "first=127.0.0.2"]);
    drop(waiting);
}

#[test]
fn failed_logins_leave_a_line_and_a_count() {
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let hash = bcrypt::hash("right", 4).unwrap();
    let web = setup.folder().write("web.yml", &format!("basic_auth_users:\n  prometheus: {hash}\n"));
    let exporter = setup.arg(&format!("--web.config.file={}", web.display())).start();
    // prometheus:wrong, prometheus:right
    let (wrong, right) =
        ("Authorization: Basic cHJvbWV0aGV1czp3cm9uZw==\r\n", "Authorization: Basic cHJvbWV0aGV1czpyaWdodA==\r\n");
    for _ in 0..20 {
        assert_eq!(ask("127.0.0.2", &exporter, "/metrics", wrong).0, 401);
    }
    assert_eq!(ask("127.0.0.2", &exporter, "/metrics", "").0, 401);
    let (status, body) = ask("127.0.0.3", &exporter, "/metrics", right);
    assert_eq!(status, 200);
    let page = Page::parse(&body);
    assert_eq!(page.value("msx_exporter_http_refused_total", &[("reason", "password")]), Some(20.0));
    exporter.logged(&["reason=password", "first=127.0.0.2", "count=1"]);
    assert!(lines(&exporter, "reason=password") <= 2, "{}", exporter.log());
}

#[test]
fn a_client_that_sends_nothing_more_gets_its_scrape() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    let mut stream = connect("127.0.0.2", &exporter);
    send(&mut stream, "/metrics", "");
    stream.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("HTTP/1.1 200 OK\r\n") && text.contains("\nmsx_up 1\n"), "{text}");
}
