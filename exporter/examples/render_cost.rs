//! What one page costs: writes it again and again for a fleet of a thousand targets and reports the time of each step,
//! and how many times as long as a writer by hand it takes.
//!
//! `cargo run --release --example render_cost [targets]`

use flate2::Compression;
use jiff::{SignedDuration, Timestamp};
use msx_exporter::collectors::{CollectorReport, DownloadRow, DownloadedRow, JobRow, JobTargetRow, TargetRow};
use msx_exporter::config::{self, ConfigFile, Sources};
use msx_exporter::diagnosis::{
    Diagnosis, Enlisted, Fleet, Job, JobRun, Limited, MasterClock, MasterFleet, PollStatus, Selection, Target,
    TargetDownloads,
};
use msx_exporter::exposition::{BuildInfo, ExporterFacts, Format, Reload, gzip};
use msx_exporter::metrics::{compressed_page, page_into};
use msx_exporter::model::{Cause, Check, Collector, Direction, Operation, PortSource, PortState};
use msx_exporter::probe::{Finding, PortResults};
use msx_exporter::{api, pages};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp::constant(1_764_000_000, 0);
const ROUNDS: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let limits = config::load(&Sources {
        file: ConfigFile::Named("defaults.yml".into()),
        environment: Vec::new(),
        overrides: Vec::new(),
        read: Box::new(|_| Ok(b"master: { user: monitor, password: none }".to_vec())),
        windows: false,
    })?
    .limits;
    let facts = facts();
    let mut out = std::io::stdout().lock();
    writeln!(out, "best of {ROUNDS} rounds, {count} targets")?;
    for (name, checks, jobs) in [("targets", 0, 0), ("3 port checks", 3, 0), ("20 jobs", 0, 20), ("both", 3, 20)] {
        let fleet = Arc::new(Fleet::from(fleet(count, checks, jobs)));
        let mut buffer = String::new();
        let encode = best(|| page_into(&mut buffer, &fleet, &facts, &limits, Format::Text004));
        let open = best(|| page_into(&mut buffer, &fleet, &facts, &limits, Format::OpenMetrics100));
        let series = buffer.lines().filter(|line| !line.starts_with('#')).count();
        let by_hand = ByHand::of(&buffer)?;
        let mut copy = String::new();
        let hand = best(|| by_hand.write(&mut copy));
        if copy != buffer {
            return Err("the page written by hand differs".into());
        }
        let both = best(|| drop(compressed_page(&fleet, &facts, &limits, Format::OpenMetrics100)));
        let pack = best(|| drop(gzip(buffer.as_bytes())));
        let level3 = best(|| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(3));
            let _ = encoder.write_all(buffer.as_bytes()).and_then(|()| encoder.finish().map(drop));
        });
        writeln!(
            out,
            "{name}: {series} series, {} bytes, text {encode:?}, openmetrics {open:?}, gzip {pack:?} ({} bytes), level 3 {level3:?}",
            buffer.len(),
            gzip(buffer.as_bytes())?.bytes.len(),
        )?;
        let ratio = open.as_secs_f64() / hand.as_secs_f64();
        writeln!(out, "    by hand {hand:?}: the encoder takes {ratio:.1} times that; compressed on the way {both:?}")?;
        let all = Selection::default();
        let html = best(|| drop(pages::overview(&fleet, &all, &facts, true)));
        let json = best(|| drop(api::write_targets(std::io::sink(), &fleet, &all, None, None, true)));
        writeln!(out, "    explain page {html:?}, JSON {json:?}")?;
    }
    Ok(())
}

/// A page taken apart, and written again into a buffer as a program does that knows nothing but these lines.
struct ByHand(Vec<Line>);

enum Line {
    Comment(String),
    Sample { name: String, labels: Vec<(String, String)>, value: Number },
}

enum Number {
    Integer(i64),
    Real(f64),
}

impl ByHand {
    fn of(page: &str) -> Result<ByHand, Box<dyn std::error::Error>> {
        page.lines().map(Line::of).collect::<Result<_, _>>().map(ByHand)
    }

    fn write(&self, out: &mut String) {
        out.clear();
        for line in &self.0 {
            match line {
                Line::Comment(text) => out.push_str(text),
                Line::Sample { name, labels, value } => {
                    out.push_str(name);
                    for (index, (name, value)) in labels.iter().enumerate() {
                        out.push(if index == 0 { '{' } else { ',' });
                        out.push_str(name);
                        out.push_str("=\"");
                        escape(out, value);
                        out.push('"');
                    }
                    out.push_str(if labels.is_empty() { " " } else { "} " });
                    match value {
                        Number::Integer(value) => out.push_str(itoa::Buffer::new().format(*value)),
                        Number::Real(value) => out.push_str(dtoa::Buffer::new().format(*value)),
                    }
                }
            }
            out.push('\n');
        }
    }
}

impl Line {
    fn of(line: &str) -> Result<Line, Box<dyn std::error::Error>> {
        if line.starts_with('#') {
            return Ok(Line::Comment(line.to_owned()));
        }
        let (series, value) = line.rsplit_once(' ').ok_or("a line without a value")?;
        let value = match value.parse() {
            Ok(value) => Number::Integer(value),
            Err(_) => Number::Real(value.parse()?),
        };
        let (name, mut rest) = series.split_once('{').unwrap_or((series, "}"));
        let mut labels = Vec::new();
        while let Some((label, after)) = rest.split_once("=\"") {
            let (text, end) = text(after).ok_or("a label without an end")?;
            labels.push((label.trim_start_matches(',').to_owned(), text));
            rest = &after[end..];
        }
        Ok(Line::Sample { name: name.to_owned(), labels, value })
    }
}

/// A label's value without its escapes, and where what comes after its closing quote begins.
fn text(after: &str) -> Option<(String, usize)> {
    let (mut text, mut escaped) = (String::new(), false);
    for (at, letter) in after.char_indices() {
        match (escaped, letter) {
            (false, '"') => return Some((text, at + 1)),
            (false, '\\') => escaped = true,
            (true, 'n') => (escaped, text) = (false, text + "\n"),
            _ => {
                escaped = false;
                text.push(letter);
            }
        }
    }
    None
}

fn escape(out: &mut String, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return out.push_str(text);
    }
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(letter),
        }
    }
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

fn fleet(count: usize, checks: usize, jobs: usize) -> MasterFleet {
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
        version: None,
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
    let run = |target| JobRun {
        target,
        success: Some(true),
        at: Some(ago(3600)),
        row: JobTargetRow { duration: Some(Duration::from_secs(42)), ..JobTargetRow::default() },
    };
    let job = |number| Job {
        row: JobRow {
            id: format!("0F3C2A11-0000-4000-8000-{number:012}"),
            name: format!("Nightly maintenance {number}"),
            enabled: true,
        },
        targets: count as u64,
        failed_targets: 0,
        succeeded_targets: 0,
        runs: names().map(run).collect(),
    };
    let report = |collector| CollectorReport {
        collector,
        duration: Duration::from_micros(2500),
        permission: true,
        missing: Vec::new(),
        read_at: Some(NOW),
        fault: None,
    };
    MasterFleet {
        began: NOW,
        master: Some(MasterClock { now: NOW, utc_offset_seconds: 3600, zone_known: true, started: ago(8_640_000) }),
        server: None,
        orphans: Some(vec![]),
        downloadlist_rows: Some(5000),
        jobs: Some((0..jobs).map(job).collect()),
        reports: Collector::ALL.into_iter().map(report).collect(),
        has_maintenance_windows: false,
        limited: Limited::default(),
        jobs_left_out: Default::default(),
        history: Arc::default(),
        port_results: Arc::new(port_results),
        pages: Default::default(),
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
            row: Arc::new(TargetRow {
                location: Some(format!("Room {}", number % 40)),
                groups: vec!["All".to_owned()],
                enlisted_at: ago(1_000_000 + shift),
                last_poll: ago(shift % 60) - SignedDuration::from_millis(shift % 3 * 333),
                time_zone_adjustment_minutes: 60,
                ..TargetRow::default()
            }),
            polled: true,
            poll_interval: Duration::from_secs(60),
            status: PollStatus { normal: true, ..PollStatus::default() },
            clock_skew_seconds: Some((number % 700) as f64 / 1000.0),
            downloads: Some(TargetDownloads {
                waiting: DownloadRow {
                    pending: enum_map::enum_map! { Operation::Insert => 2, _ => 0 },
                    oldest_pending: Some(ago(30 + shift % 20)),
                    ..DownloadRow::default()
                },
                downloaded: Some(DownloadedRow {
                    count: 100 + number as u64,
                    last: Some(ago(4000 + shift)),
                    ..DownloadedRow::default()
                }),
            }),
        }),
        labels: vec![],
        expected: None,
        address: None,
        arrives_from: Vec::new(),
        maintenance: None,
        diagnosis: Diagnosis { cause: Cause::Ok, evidence: vec![] },
        pages: None,
        trace: None,
    }
}

fn facts() -> ExporterFacts {
    ExporterFacts {
        build: BuildInfo { version: "0.1.0", revision: "unknown", rustc: "unknown" },
        sql_errors: enum_map::EnumMap::default(),
        refused: Some(Default::default()),
        probes: Some(Default::default()),
        sql_connections: 1,
        log_lines_lost: 0,
        reload: Reload { successful: true, at: Some(ago(3600)) },
        passive: None,
        process: msx_exporter::process::read(),
    }
}
