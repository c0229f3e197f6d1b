//! The check of SQL Browser.

use super::host_probe::{HostProbe, Outcome};
use crate::model::{Check, PortSource, PortState};
use crate::probe::protocol::browser::Announcement;
use tokio::time::Instant;

/// Whether SQL Browser announces the instance, and with the port that is configured.
pub(crate) async fn check(visit: &HostProbe<'_>) -> Outcome {
    let started = Instant::now();
    let answer = visit.announced().await;
    let (state, browser, evidence) = match answer {
        Ok((browser, found)) => (PortState::Open, Some(*browser), in_words(found, visit.destination.engine_port)),
        Err((browser, miss)) => (miss.state, *browser, miss.evidence.clone()),
    };
    Outcome {
        state,
        port: Some(visit.numbers.of(Check::Browser)),
        source: PortSource::Default,
        address: browser.map(|browser| browser.ip()),
        protocol_ok: answer.is_ok().then_some(true),
        connect: None,
        handshake: answer.is_ok().then(|| started.elapsed()),
        version: None,
        evidence,
    }
}

fn in_words(found: &Announcement, configured: Option<u16>) -> String {
    let Announcement { instance, version, .. } = found;
    match (found.port, configured) {
        (None, _) => format!("announces {instance} {version} without a TCP port"),
        (Some(port), Some(configured)) if port != configured => {
            format!("announces {instance} {version} on TCP {port}, while TCP {configured} is configured")
        }
        (Some(port), _) => format!("announces {instance} {version} on TCP {port}"),
    }
}
