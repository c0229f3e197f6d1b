#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile;

use super::*;
use crate::config::{Depth, Pattern, PortOverride};
use crate::model::{PortSource, PortState};
use crate::probe::checks::{own_port, transport};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

fn settings(depth: Depth) -> Ports {
    let how = CheckSettings { sweep: true, depth, required: false };
    Ports {
        interval: Duration::from_secs(300),
        timeout: Duration::from_millis(600),
        concurrency: 8,
        checks: Check::ALL.into_iter().map(|check| (check, how)).collect(),
        ..crate::config::defaults().ports
    }
}

/// Ports on which no program listens.
async fn closed() -> Numbers {
    // All of them stay bound until each check has another one.
    let (mut free, mut numbers) = (Vec::new(), Numbers::default());
    for check in spoken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        numbers = numbers.with(check, listener.local_addr().unwrap().port());
        free.push(listener);
    }
    let browser = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    numbers.with(Check::Browser, browser)
}

/// The checks with a TCP port and a protocol of their own.
fn spoken() -> impl Iterator<Item = Check> {
    Check::ALL.into_iter().filter(|check| transport(*check) == "tcp" && own_port(*check).is_some())
}

/// The same port for all checks.
async fn everywhere(port: u16) -> Numbers {
    spoken().fold(closed().await, |numbers, check| numbers.with(check, port))
}

/// Listens and treats every connection alike.
async fn peer<F: Future<Output = ()> + Send>(behave: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            behave(listener.accept().await.unwrap().0).await;
        }
    });
    address.port()
}

/// Listens and answers each message with the next of these.
async fn speaker(answers: Vec<Vec<u8>>) -> u16 {
    peer(move |mut stream| {
        let answers = answers.clone();
        async move {
            for answer in answers {
                let mut question = [0; 4096];
                if stream.read(&mut question).await.unwrap_or(0) == 0 {
                    return;
                }
                let _ = stream.write_all(&answer).await;
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await
}

async fn browser(answer: &'static str) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut question = [0; 64];
        loop {
            let (_, from) = socket.recv_from(&mut question).await.unwrap();
            let size = u16::try_from(answer.len()).unwrap().to_le_bytes();
            socket.send_to(&[&[5], size.as_slice(), answer.as_bytes()].concat(), from).await.unwrap();
        }
    });
    port
}

async fn find(name: &str, numbers: Numbers, settings: Ports, extent: Extent) -> Vec<Finding> {
    let destination = Destination::to_target(name, &settings.overrides);
    let prober = Prober::with_numbers(settings, numbers);
    prober.visit(&[destination], extent).await.remove(0).findings
}

fn of(findings: &[Finding], check: Check) -> &Finding {
    findings.iter().find(|finding| finding.check == check).unwrap()
}

#[tokio::test]
async fn a_default_instance_has_every_check_but_sql_browser() {
    let findings = find("127.0.0.1", closed().await, settings(Depth::Connect), Extent::Full).await;
    let found: Vec<_> = findings.iter().map(|finding| (finding.check, finding.state)).collect();
    let expected = Check::ALL.into_iter().filter(|check| *check != Check::Browser).map(|check| match check {
        Check::RpcScm => (check, PortState::Skipped),
        _ => (check, PortState::Refused),
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_name_without_an_address_is_unresolved_in_every_check() {
    let findings = find("no-such-host.invalid", closed().await, settings(Depth::Protocol), Extent::Full).await;
    assert!(findings.iter().all(|finding| finding.state == PortState::Unresolved), "{findings:?}");
    assert_eq!(findings.len(), Check::ALL.len() - 1);
}

#[tokio::test]
async fn a_named_instance_is_found_through_sql_browser() {
    let engine = peer(|stream| async move { drop(stream) }).await;
    let text = Box::leak(format!("ServerName;X;InstanceName;PAYROLL;tcp;{engine};;").into_boxed_str());
    let numbers = closed().await.with(Check::Browser, browser(text).await);
    let findings = find(r"127.0.0.1\PAYROLL", numbers, settings(Depth::Connect), Extent::Sweep).await;
    let found = of(&findings, Check::Engine);
    assert_eq!((found.state, found.port, found.source), (PortState::Open, Some(engine), PortSource::Browser));
    assert_eq!(of(&findings, Check::Browser).state, PortState::Open);
}

#[tokio::test]
async fn a_named_instance_whose_port_is_not_known_is_skipped() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let numbers = closed().await.with(Check::Browser, silent.local_addr().unwrap().port());
    let findings = find(r"127.0.0.1\PAYROLL", numbers, settings(Depth::Connect), Extent::Sweep).await;
    assert_eq!(of(&findings, Check::Browser).state, PortState::NoAnswer);
    let engine = of(&findings, Check::Engine);
    assert_eq!((engine.state, engine.port), (PortState::Skipped, None));
    assert!(engine.evidence.contains("the port of instance PAYROLL is not known"), "{}", engine.evidence);
}

#[tokio::test]
async fn a_configured_port_needs_no_sql_browser_and_is_compared_with_what_it_says() {
    let engine = peer(|stream| async move { drop(stream) }).await;
    let numbers = closed().await.with(Check::Browser, browser("InstanceName;PAYROLL;tcp;9;;").await);
    let mut settings = settings(Depth::Connect);
    settings.overrides.push(PortOverride {
        matches: Pattern::new(r"SQL01\\PAYROLL").unwrap(),
        host: Some("127.0.0.1".to_owned()),
        engine_port: Some(engine),
        required: Some(true),
    });
    let swept = find(r"SQL01\PAYROLL", numbers, settings.clone(), Extent::Sweep).await;
    let found = of(&swept, Check::Engine);
    assert_eq!((found.state, found.source, found.required), (PortState::Open, PortSource::Config, true));
    assert!(swept.iter().all(|finding| finding.check != Check::Browser));

    let full = find(r"SQL01\PAYROLL", numbers, settings, Extent::Full).await;
    let evidence = &of(&full, Check::Browser).evidence;
    assert!(evidence.contains(&format!("on TCP 9, while TCP {engine} is configured")), "{evidence}");
}

#[tokio::test]
async fn garbage_on_every_port_is_the_wrong_protocol() {
    let garbage = speaker(vec![vec![0xee; 3000]]).await;
    let findings = find("127.0.0.1", everywhere(garbage).await, settings(Depth::Protocol), Extent::Full).await;
    for check in spoken() {
        let found = of(&findings, check);
        assert_eq!((found.state, found.protocol_ok), (PortState::WrongProtocol, Some(false)), "{check:?}");
        assert!(found.evidence.contains(r#"answered with "\xee"#), "{}", found.evidence);
    }
    assert_eq!(of(&findings, Check::RpcScm).state, PortState::Skipped);
}

#[tokio::test]
async fn silence_behind_an_open_port_ends_in_time() {
    let silent = speaker(vec![Vec::new(); 9]).await;
    let findings = find("127.0.0.1", everywhere(silent).await, settings(Depth::Protocol), Extent::Full).await;
    for check in spoken().filter(|check| *check != Check::Engine) {
        assert_eq!(of(&findings, check).state, PortState::WrongProtocol);
        assert!(of(&findings, check).evidence.contains("did not answer"), "{}", of(&findings, check).evidence);
    }
}

#[tokio::test]
async fn the_mapper_leads_to_the_service_control_manager() {
    use crate::probe::protocol::rpc::samples;
    let scm = speaker(vec![samples::bind_ack()]).await;
    let mapper = speaker(vec![samples::bind_ack(), samples::mapped(scm)]).await;
    let numbers = closed().await.with(Check::RpcMapper, mapper);
    let findings = find("127.0.0.1", numbers, settings(Depth::Protocol), Extent::Full).await;
    assert_eq!(of(&findings, Check::RpcMapper).state, PortState::Open);
    let found = of(&findings, Check::RpcScm);
    assert_eq!((found.state, found.port, found.source), (PortState::Open, Some(scm), PortSource::RpcMapper));
    assert_eq!(found.protocol_ok, Some(true));
}

#[tokio::test]
async fn a_mapper_that_refuses_is_reachable_and_says_why() {
    use crate::probe::protocol::rpc::samples;
    let mapper = speaker(vec![samples::bind_ack(), samples::fault(5)]).await;
    let numbers = closed().await.with(Check::RpcMapper, mapper);
    let findings = find("127.0.0.1", numbers, settings(Depth::Protocol), Extent::Full).await;
    let found = of(&findings, Check::RpcMapper);
    assert_eq!((found.state, found.state.open()), (PortState::Denied, Some(true)));
    assert!(of(&findings, Check::RpcScm).evidence.contains("RestrictRemoteClients"));
}

#[tokio::test]
async fn one_resolution_serves_all_instances_of_a_host() {
    let settings = settings(Depth::Connect);
    let names = ["127.0.0.1", r"127.0.0.1\A"];
    let destinations = names.map(|name| Destination::to_target(name, &settings.overrides));
    let prober = Prober::with_numbers(settings, closed().await);
    let visited = prober.visit(&destinations, Extent::Sweep).await;
    assert_eq!(visited.len(), 2);
    assert_eq!(visited[0].steps[0], visited[1].steps[0]);
    assert_eq!(visited[0].steps[0].outcome, "127.0.0.1");
}
