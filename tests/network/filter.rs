//! A packet filter, as peers meet it: silence, ICMP, RST; and a fleet of a thousand behind it.

use super::{find, of, settings};
use msx_exporter::config::{CheckSettings, Depth};
use msx_exporter::model::{Check, PortState};
use msx_exporter::probe::{Destination, Extent, Prober, Route, sweep_once};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UdpSocket};

#[tokio::test]
async fn a_firewall_that_drops_is_distinguished_from_one_that_says_no() {
    // Linux keeps an ICMP "host unreachable" from a UDP socket, as it may pass: SQL Browser is then silent.
    for (host, state, browser) in [
        ("127.0.2.1", PortState::Filtered, PortState::NoAnswer),
        ("127.0.2.2", PortState::Unreachable, PortState::NoAnswer),
        ("127.0.2.3", PortState::Unreachable, PortState::Unreachable),
        ("192.0.2.7", PortState::Unreachable, PortState::Unreachable),
        ("127.0.2.4", PortState::Refused, PortState::Refused),
        ("127.0.2.5", PortState::Refused, PortState::Refused),
        ("::1", PortState::Refused, PortState::Refused),
    ] {
        let mut settings = settings(Depth::Connect);
        settings.timeout = Duration::from_millis(800);
        let findings = find(&format!(r"{host}\PAYROLL"), settings.clone()).await;
        assert_eq!(of(&findings, Check::Browser).state, browser, "{host}");
        assert_eq!(of(&findings, Check::Engine).state, PortState::Skipped, "{host}");
        let findings = find(host, settings).await;
        for found in findings.iter().filter(|found| found.check != Check::RpcScm) {
            assert_eq!(found.state, state, "{host} {:?}: {}", found.check, found.evidence);
        }
    }
}

#[tokio::test]
async fn the_last_of_fifty_addresses_answers_in_time() {
    let _engine = TcpListener::bind("127.0.6.1:1433").await.unwrap();
    let started = Instant::now();
    let mut settings = settings(Depth::Connect);
    settings.checks.retain(|check, _| *check == Check::Engine);
    let findings = find("fifty.example", settings).await;
    let engine = of(&findings, Check::Engine);
    assert_eq!((engine.state, engine.address), (PortState::Open, Some("127.0.6.1".parse().unwrap())));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_name_that_moves_is_followed_at_the_next_check() {
    const HOSTS: &str = "/etc/hosts";
    let mut settings = settings(Depth::Connect);
    settings.checks.retain(|check, _| *check == Check::Engine);
    let prober = Prober::new(settings.clone());
    let moving = [Destination::to_target("moving.example", &settings.overrides)];
    let before = std::fs::read_to_string(HOSTS).unwrap();
    assert!(before.contains("fifty.example"), "this is the machine's own file, not the namespace's");
    // The listener follows the name: an address that is remembered finds nothing.
    for address in ["127.0.6.2", "127.0.6.3", "127.0.6.2"] {
        std::fs::write(HOSTS, format!("{before}{address} moving.example\n")).unwrap();
        let _engine = TcpListener::bind((address, 1433)).await.unwrap();
        let visited = prober.visit(&moving, Extent::Sweep).await.remove(0);
        let engine = of(&visited.findings, Check::Engine);
        assert_eq!((engine.state, engine.address), (PortState::Open, Some(address.parse().unwrap())));
        assert_eq!(visited.steps[0].outcome, address);
    }
    std::fs::write(HOSTS, &before).unwrap();
    let visited = prober.visit(&moving, Extent::Sweep).await.remove(0);
    assert_eq!(of(&visited.findings, Check::Engine).state, PortState::Unresolved);
}

#[tokio::test]
async fn both_families_are_tried() {
    let _engine = TcpListener::bind("[::1]:1433").await.unwrap();
    let browser = UdpSocket::bind("[::1]:1434").await.unwrap();
    tokio::spawn(async move {
        let (_, from) = browser.recv_from(&mut [0; 64]).await.unwrap();
        let text = b"ServerName;X;InstanceName;PAYROLL;tcp;1433;;";
        browser.send_to(&[&[5, 44, 0], text.as_slice()].concat(), from).await.unwrap();
    });
    let findings = find(r"::1\PAYROLL", settings(Depth::Connect)).await;
    assert_eq!(of(&findings, Check::Browser).state, PortState::Open);
    assert_eq!(of(&findings, Check::Engine).state, PortState::Open);
}

/// How many sockets this process holds.
fn sockets() -> usize {
    let held = std::fs::read_dir("/proc/self/fd").unwrap();
    held.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_targets_with_one_in_five_filtered_take_under_half_a_minute() {
    for port in [139, 445, 1433] {
        let listener = TcpListener::bind(("0.0.0.0", port)).await.unwrap();
        tokio::spawn(async move {
            loop {
                drop(listener.accept().await.unwrap());
            }
        });
    }
    let names: Vec<String> = (0..1000)
        .map(|number| format!("127.{}.{}.{}", if number % 5 == 0 { 8 } else { 9 }, number / 250, number % 250 + 1))
        .collect();
    let mut settings = settings(Depth::Connect);
    for (check, how) in &mut settings.checks {
        *how = CheckSettings { sweep: matches!(check, Check::Engine | Check::Netbios | Check::Smb), ..*how };
    }
    let limit = settings.concurrency;
    let prober = Prober::new(settings);
    let route: Route = Arc::new(|name, settings| Destination::to_target(name, &settings.overrides));

    let (before, most, over) = (sockets(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let watcher = {
        let (most, over) = (Arc::clone(&most), Arc::clone(&over));
        std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                most.fetch_max(sockets(), Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let started = Instant::now();
    let port_results = sweep_once(&prober, &names, &route, Extent::Sweep).await;
    let took = started.elapsed();
    over.store(true, Ordering::SeqCst);
    watcher.join().unwrap();

    let count = |state| port_results.findings.values().flatten().filter(|finding| finding.state == state).count();
    assert_eq!((count(PortState::Open), count(PortState::Filtered)), (2400, 600));
    assert!(took < Duration::from_secs(30), "{took:?}");
    // Connections that our listeners have just accepted are sockets of this process too, three at most at a time.
    let held = most.load(Ordering::SeqCst).saturating_sub(before);
    assert!(held <= limit + 8, "{held} sockets at once");
}
