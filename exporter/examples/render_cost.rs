//! What one page costs: writes it again and again for a fleet of a thousand targets and tells the CPU time of each step.
//!
//! `cargo run --release --example render_cost [targets]`

use flate2::Compression;
use jiff::{SignedDuration, Timestamp};
use msx_exporter::config::Limits;
use msx_exporter::diagnosis::{
    Diagnosis, Enlisted, Fleet, Job, JobRun, Limited, MasterClock, Pending, PollStatus, Target, TargetDownloads,
};
use msx_exporter::exposition::{BuildInfo, ExporterFacts, Format, Reload, gzip};
use msx_exporter::metrics::page_into;
use msx_exporter::model::{Cause, Check, Collector, Direction, Operation, PortSource, PortState};
use msx_exporter::probe::{Finding, PortResults};
use msx_exporter::sqlserver::CollectorReport;
use msx_exporter::{api, pages};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp::constant(1_764_000_000, 0);
const ROUNDS: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let limits = Limits {
        targets: 10_000,
        job_pairs: 20_000,
        series: 500_000,
        scrapes_in_flight: 32,
        scrapes_in_flight_per_client: 4,
    };
    let facts = facts();
    let mut out = std::io::stdout().lock();
    writeln!(out, "best of {ROUNDS} rounds, {count} targets")?;
    for (name, checks, jobs) in [("targets", 0, 0), ("3 port checks", 3, 0), ("20 jobs", 0, 20), ("both", 3, 20)] {
        let fleet = Arc::new(fleet(count, checks, jobs));
        let mut buffer = String::new();
        let encode = best(|| page_into(&mut buffer, &fleet, &facts, &limits, Format::Text004));
        let open = best(|| page_into(&mut buffer, &fleet, &facts, &limits, Format::OpenMetrics100));
        let series = buffer.lines().filter(|line| !line.starts_with('#')).count();
        let pack = best(|| drop(gzip(buffer.as_bytes())));
        let level3 = best(|| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(3));
            let _ = encoder.write_all(buffer.as_bytes()).and_then(|()| encoder.finish().map(drop));
        });
        writeln!(
            out,
            "{name}: {series} series, {} bytes, text {encode:?}, openmetrics {open:?}, gzip {pack:?} ({} bytes), level 3 {level3:?}",
            buffer.len(),
            gzip(buffer.as_bytes()).len(),
        )?;
        let html = best(|| drop(pages::overview(&fleet, &facts, true)));
        let json = best(|| drop(api::targets(&fleet, true)));
        writeln!(out, "    explain page {html:?}, JSON {json:?}")?;
    }
    Ok(())
}

/// The shortest of all rounds: what disturbs a round only ever makes it longer.
fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

fn fleet(count: usize, checks: usize, jobs: usize) -> Fleet {
    let targets: Vec<Target> = (0..count).map(target).collect();
    let names = || targets.iter().map(|target| target.name.clone());
    let finding = |check: &Check| Finding {
        check: *check,
        direction: Direction::ToTarget,
        master: None,
        state: PortState::Open,
        required: false,
        port: Some(1433),
        transport: "tcp",
        source: PortSource::Default,
        address: None,
        protocol_ok: None,
        connect: Some(Duration::from_micros(1234)),
        handshake: None,
        checked_at: ago(77),
        evidence: "connected".to_owned(),
    };
    let port_results = match checks {
        0 => PortResults::default(),
        _ => PortResults {
            findings: names().map(|name| (name, Check::ALL[..checks].iter().map(finding).collect())).collect(),
            ..PortResults::default()
        },
    };
    let run =
        |target| JobRun { target, success: Some(true), at: Some(ago(3600)), duration: Some(Duration::from_secs(42)) };
    let job = |number| Job {
        id: format!("0F3C2A11-0000-4000-8000-{number:012}"),
        name: format!("Nightly maintenance {number}"),
        enabled: true,
        targets: count as u64,
        failed_targets: 0,
        runs: names().map(run).collect(),
    };
    let report = |collector| CollectorReport {
        collector,
        duration: Duration::from_micros(2500),
        permission: true,
        read_at: Some(NOW),
        fault: None,
    };
    Fleet {
        began: NOW,
        master: Some(MasterClock { now: NOW, utc_offset_seconds: 3600, zone_known: true, started: ago(8_640_000) }),
        server: None,
        orphans: Some(vec![]),
        downloadlist_rows: Some(5000),
        jobs: Some((0..jobs).map(job).collect()),
        reports: Collector::ALL.into_iter().map(report).collect(),
        has_maintenance_windows: false,
        limited: Limited::default(),
        port_results: Arc::new(port_results),
        target_side: None,
        targets,
    }
}

fn target(number: usize) -> Target {
    let shift = i64::try_from(number).unwrap_or_default();
    Target {
        name: match number % 3 {
            0 => format!("SQLHOST{number:05}\\PAYROLL"),
            _ => format!("SQLHOST{number:05}"),
        },
        enlisted: Some(Enlisted {
            location: format!("Room {}", number % 40),
            groups: vec!["All".to_owned()],
            at: ago(1_000_000 + shift),
            last_poll: ago(shift % 60) - SignedDuration::from_millis(shift % 3 * 333),
            polled: true,
            poll_interval: Duration::from_secs(60),
            status: PollStatus { normal: true, ..PollStatus::default() },
            clock_skew_seconds: Some((number % 700) as f64 / 1000.0),
            utc_offset_seconds: 3600,
            downloads: Some(TargetDownloads {
                pending: Pending {
                    by_operation: BTreeMap::from([(Operation::Insert, 2)]),
                    oldest: Some(ago(30 + shift % 20)),
                },
                errors: enum_map::EnumMap::default(),
                downloaded: Some(100 + number as u64),
                last_download: Some(ago(4000 + shift)),
            }),
        }),
        labels: vec![],
        expected: None,
        maintenance: None,
        diagnosis: Diagnosis { cause: Cause::Ok, evidence: vec![] },
        trace: None,
    }
}

fn facts() -> ExporterFacts {
    ExporterFacts {
        build: BuildInfo { version: "0.1.0", revision: "unknown", rustc: "unknown" },
        sql_errors: enum_map::EnumMap::default(),
        sql_connections: 1,
        reload: Reload { successful: true, at: Some(ago(3600)) },
        passive: None,
        process: msx_exporter::process::read(),
    }
}
