//! Peers that speak the protocols of the checks and were not written here: a script of `tests/network/peers` starts each,
//! and says in its head what answers where.

use super::{find, of, settings};
use msx_exporter::config::Depth;
use msx_exporter::model::{Check, PortState};
use msx_exporter::probe::protocol::{Interface, SERVICE_CONTROL, Sockets, registered_port};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const HOST: &str = "127.0.0.2";

/// The name of a check, the port and the evidence of each line `# Answers CHECK on TCP PORT: EVIDENCE`.
fn answers() -> Vec<(String, u16, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/network/peers");
    let scripts = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let answer = |line: &str| {
        let (place, evidence) = line.strip_prefix("# Answers ")?.split_once(": ")?;
        let (check, port) = place.split_once(" on TCP ")?;
        Some((check.to_owned(), port.parse().unwrap(), evidence.to_owned()))
    };
    scripts.flat_map(|script| script.lines().filter_map(answer).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn every_service_is_known_by_its_protocol() {
    let findings = find(HOST, settings(Depth::Protocol)).await;
    let answers = answers();
    for found in &findings {
        // Nothing but Windows has a service control manager; a real engine is judged elsewhere.
        let expected = match found.check {
            Check::Engine => PortState::Refused,
            Check::RpcScm => PortState::Skipped,
            _ => PortState::Open,
        };
        assert_eq!(found.state, expected, "{:?}: {}", found.check, found.evidence);
        if expected == PortState::Open {
            let check = found.check.name();
            let answer = answers.iter().find(|(name, ..)| name == check);
            let (_, port, evidence) =
                answer.unwrap_or_else(|| panic!("no peer in tests/network/peers answers {check}"));
            assert_eq!((found.port, &found.evidence), (Some(*port), evidence));
            assert_eq!(found.protocol_ok, Some(true), "{check}");
        }
    }
}

#[tokio::test]
async fn the_mapper_names_the_port_of_what_is_registered_and_of_nothing_else() {
    // winreg: 338cd001-2244-31f1-aaaa-900038001003, version 1.0.
    let registry = Interface {
        uuid: [0x01, 0xd0, 0x8c, 0x33, 0x44, 0x22, 0xf1, 0x31, 0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03],
        major: 1,
        minor: 0,
    };
    let mapper: [SocketAddr; 1] = [format!("{HOST}:135").parse().unwrap()];
    let ask = async |interface| registered_port(&mapper, interface, Duration::from_secs(3), &Sockets::new(1)).await;
    let port = ask(registry).await.unwrap().unwrap();
    assert!((49300..=49350).contains(&port), "{port}");
    tokio::net::TcpStream::connect((HOST, port)).await.unwrap();
    assert_eq!(ask(SERVICE_CONTROL).await.unwrap(), None);
}

#[tokio::test]
async fn a_service_on_the_port_of_another_is_the_wrong_protocol() {
    // SMB where an engine is expected, as when a port was given to something else.
    let mut settings = settings(Depth::Protocol);
    settings.overrides.push(msx_exporter::config::PortOverride {
        matches: msx_exporter::config::Pattern::new(".*").unwrap(),
        host: None,
        engine_port: Some(135),
        required: None,
    });
    let findings = find(HOST, settings).await;
    let engine = of(&findings, Check::Engine);
    assert_eq!(engine.state, PortState::WrongProtocol, "{}", engine.evidence);
}
