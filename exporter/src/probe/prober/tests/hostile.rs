//! Peers that begin as the protocol demands and never end: no check hangs, none grows.

use super::*;
use crate::probe::protocol::rpc::samples;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that a peer can send before it is cut off: those read while closing, and those that kernels buffer on both
/// sides. A decoder without a limit would let far more through.
const LET_THROUGH: usize = 64 << 20;

/// Listens, reads a question, answers with `beginning`, then repeats `rest` until it is cut off; counts the bytes.
async fn flood(beginning: Vec<u8>, rest: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let port = peer(move |mut stream| {
        let (beginning, rest, counter) = (beginning.clone(), rest.clone(), Arc::clone(&counter));
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&beginning).await;
            while stream.write_all(&rest).await.is_ok() {
                counter.fetch_add(rest.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    (port, sent)
}

/// Listens, reads a question and sends these bytes one at a time, so slowly that no check waits for all of them.
async fn trickle(answer: Vec<u8>) -> u16 {
    peer(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut pace = tokio::time::interval(Duration::from_millis(250));
            for byte in answer {
                pace.tick().await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// The beginning of an answer of this check's protocol: for the engine and the mapper from their own samples, for any
/// other from the first seed of the fuzz target of its name.
fn answer(check: Check) -> Vec<u8> {
    match check {
        Check::Engine => vec![0x04, 0x01, 0x00, 0x40, 0, 0, 1, 0, 0],
        Check::RpcMapper => samples::bind_ack(),
        _ => {
            let folder = format!("{}/../tests/fuzz/seeds/{}", env!("CARGO_MANIFEST_DIR"), check.name());
            let seeds = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
            std::fs::read(seeds.map(|seed| seed.unwrap().path()).min().unwrap()).unwrap()
        }
    }
}

/// The findings of all checks; asserts that none took longer than a connect, a conversation and an orderly close.
async fn find_in_time(numbers: Numbers) -> Vec<Finding> {
    let settings = settings(Depth::Protocol);
    let most = (settings.timeout * 2 + Duration::from_millis(300)) * u32::try_from(Check::ALL.len()).unwrap();
    let visit = find("127.0.0.1", numbers, settings, Extent::Full);
    tokio::time::timeout(most, visit).await.expect("the visit ends in time")
}

fn wrong<'a>(findings: &'a [Finding], check: Check, evidence: &str) -> &'a Finding {
    let found = of(findings, check);
    assert_eq!(found.state, PortState::WrongProtocol, "{check:?}: {}", found.evidence);
    assert!(found.evidence.contains(evidence), "{check:?}: {}", found.evidence);
    found
}

/// A response to a call, with more fragments to follow.
fn fragment(stub: &[u8]) -> Vec<u8> {
    let length = u16::try_from(24 + stub.len()).unwrap().to_le_bytes();
    [&[5, 0, 2, 0, 0x10, 0, 0, 0], length.as_slice(), &[0, 0, 2, 0, 0, 0], &[0; 8], stub].concat()
}

#[tokio::test]
async fn a_byte_at_a_time_ends_in_time_in_every_protocol() {
    let mut numbers = closed().await;
    for check in spoken() {
        numbers = numbers.with(check, trickle(answer(check)).await);
    }
    let findings = find_in_time(numbers).await;
    for check in spoken() {
        wrong(&findings, check, "did not answer in 600 ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_is_not_taken_in_by_any_protocol() {
    let packet = [&[0x04, 0x00, 0x80, 0x00, 0, 0, 1, 0], [7; 0x7ff8].as_slice()].concat();
    let (mut numbers, mut floods) = (closed().await, Vec::new());
    for check in spoken() {
        let (port, sent) = match check {
            Check::Engine => flood(Vec::new(), packet.clone()).await,
            Check::RpcMapper => flood(samples::bind_ack(), fragment(&[7; 4000])).await,
            Check::Netbios => flood(Vec::new(), vec![0x82; 4096]).await,
            Check::Smb => flood(vec![0, 0xff, 0xff, 0xff], vec![0xfe; 4096]).await,
            _ => flood(answer(check)[..4].to_vec(), vec![b'x'; 4096]).await,
        };
        numbers = numbers.with(check, port);
        floods.push((check, sent));
    }
    let findings = find_in_time(numbers).await;
    wrong(&findings, Check::RpcMapper, "does not end");
    wrong(&findings, Check::Smb, r#"it answered with "\x00\xff\xff\xff""#);
    for (check, sent) in floods {
        if check != Check::RpcMapper {
            wrong(&findings, check, "it answered with");
        }
        let sent = sent.load(Ordering::SeqCst);
        assert!((1..LET_THROUGH).contains(&sent), "{check:?}: {sent} bytes were let through");
    }
}

#[tokio::test]
async fn a_tower_of_64_kilobytes_is_not_put_together() {
    let result = samples::result(&[0xff; 65_000], 0);
    let fragments: Vec<u8> = result.chunks(4000).flat_map(fragment).collect();
    let mapper = speaker(vec![samples::bind_ack(), fragments]).await;
    let findings = find_in_time(closed().await.with(Check::RpcMapper, mapper)).await;
    let found = wrong(&findings, Check::RpcMapper, "its answer to ept_map does not end");
    let scm = of(&findings, Check::RpcScm);
    assert_eq!((scm.state, scm.port), (PortState::Skipped, None));
    assert!(scm.evidence.contains(&found.evidence), "{}", scm.evidence);
}

#[tokio::test]
async fn a_port_zero_from_the_mapper_or_sql_browser_is_never_called() {
    let mapper = speaker(vec![samples::bind_ack(), samples::mapped(0)]).await;
    let browser = browser("ServerName;X;InstanceName;PAYROLL;tcp;0;;").await;
    let numbers = closed().await.with(Check::RpcMapper, mapper).with(Check::Browser, browser);
    let findings = find(r"127.0.0.1\PAYROLL", numbers, settings(Depth::Protocol), Extent::Full).await;
    assert_eq!(of(&findings, Check::RpcMapper).state, PortState::Open);
    for (check, evidence) in [(Check::RpcScm, "knows no TCP port"), (Check::Engine, "the instance has no TCP port")] {
        let found = of(&findings, check);
        assert_eq!((found.state, found.port, found.address), (PortState::Skipped, None, None), "{check:?}");
        assert!(found.evidence.contains(evidence), "{check:?}: {}", found.evidence);
    }
}
