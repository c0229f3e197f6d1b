//! The port checks against peers that were not written here, in the network namespaces that `tests/network/netns` lays out.
//! Not part of a plain `cargo test`: `tests/run network` runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod filter;
mod peers;

use msx_exporter::config::{self, CheckSettings, ConfigFile, Depth, Ports, Sources};
use msx_exporter::model::Check;
use msx_exporter::probe::{Destination, Extent, Finding, Prober};
use std::time::Duration;

/// The defaults, with every check in the background at this depth.
fn settings(depth: Depth) -> Ports {
    let sources = Sources {
        file: ConfigFile::Named("network.yml".into()),
        environment: Vec::new(),
        overrides: Vec::new(),
        read: Box::new(|_| Ok(b"master: { user: monitor, password: secret }".into())),
        windows: false,
    };
    let how = CheckSettings { sweep: true, depth, required: false };
    Ports {
        timeout: Duration::from_secs(3),
        concurrency: 256,
        checks: Check::ALL.into_iter().map(|check| (check, how)).collect(),
        ..config::load(&sources).unwrap().ports
    }
}

async fn find(name: &str, settings: Ports) -> Vec<Finding> {
    let destination = Destination::to_target(name, &settings.overrides);
    Prober::new(settings).visit(&[destination], Extent::Full).await.remove(0).findings
}

fn of(findings: &[Finding], check: Check) -> &Finding {
    findings.iter().find(|finding| finding.check == check).unwrap()
}
