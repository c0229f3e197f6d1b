//! Clients that ask for a page as plain text and stop reading it: what they cost the process that serves them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{DEADLINE, Page, TestServer, until};
use msx_lab::msdb::Lab;
use msx_lab::tds::Options;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{Read, Write};
use std::net::SocketAddr;

const TARGETS: usize = 5_000;
/// As many as the default limits let in: 8 addresses with 4 scrapes each.
const ADDRESSES: u8 = 8;
const FOR_EACH: usize = 4;
/// What all of them may cost.
const MOST_KIB: u64 = 40 * 1024;

/// A line of `/proc/PID/status`, in KiB.
fn memory(exporter: &Exporter, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A client at an address of its own that has asked, and takes no more than the kernel does for it.
fn ask(exporter: &Exporter, own: u8, path: &str) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // Small, so that the page stays with the process.
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, own], 0)))).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.connect(&SockAddr::from(exporter.address)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", exporter.address);
    (&socket).write_all(head.as_bytes()).unwrap();
    socket
}

/// The clients, once the answer of each is under way.
fn stalled(exporter: &Exporter, path: &str) -> Vec<Socket> {
    let clients: Vec<Socket> =
        (0..ADDRESSES).flat_map(|own| (0..FOR_EACH).map(move |_| ask(exporter, 10 + own, path))).collect();
    for client in &clients {
        let mut start = [0; 12];
        (&mut &*client).read_exact(&mut start).unwrap();
        assert_eq!(std::str::from_utf8(&start).unwrap(), "HTTP/1.1 200");
    }
    clients
}

/// An exporter that has answered as often as those will, so that what its threads hold for themselves is there.
fn exporter(master: &TestServer) -> Exporter {
    let exporter = Setup::of(master)
        .master("timeout", "60s")
        .with("collectors: { targets: true, downloads: true, jobs: false, server: false }")
        .start();
    exporter.scrape_until("all targets", |page| page.value("msx_targets", &[]) == Some(TARGETS as f64));
    exporter
}

#[test]
fn readers_that_stall_share_one_page() {
    let mut master = TestServer::start(Lab::fleet(TARGETS, 2 * TARGETS, 0), Options::default());
    master.replay();
    let exporter = exporter(&master);
    for path in ["/metrics", "/api/v1/targets"] {
        let page = exporter.get(path);
        assert_eq!(page.status, 200);
        let rest = memory(&exporter, "VmRSS:");
        let clients = stalled(&exporter, path);
        let held = memory(&exporter, "VmRSS:");
        println!(
            "{path}: {} bytes, {rest} KiB at rest, {held} KiB with {} clients, {} KiB at most",
            page.body.len(),
            clients.len(),
            memory(&exporter, "VmHWM:")
        );
        assert!(held <= rest + MOST_KIB, "{path}: {rest} KiB at rest, {held} KiB with {} clients", clients.len());
        // One that reads on gets the page to its end, from the reading that it was drawn from.
        let mut text = String::new();
        (&clients[0]).read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains(&format!("content-length: {}", body.len())), "{head}");
        if path == "/metrics" {
            assert_eq!(Page::parse(body).value("msx_targets", &[]), Some(TARGETS as f64));
        }
        drop(clients);
        until("the places to be free again", || (exporter.get(path).status == 200).then_some(()));
    }
}
