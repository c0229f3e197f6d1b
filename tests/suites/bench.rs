//! The figures of BENCHMARKS.md: what a scrape costs, what the process holds, how soon it answers, and what another
//! exporter needs for the same facts. `tests/stages/bench` builds the release binary and runs this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup, binary};
use harness::{Folder, Page, TestServer, http, until};
use msx_lab::msdb::{Lab, PASSWORD, USER};
use msx_lab::tds::{Encryption, Options};
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRAPES: u32 = 30;
const STARTS: usize = 21;
/// Scrapes under callgrind.
const FEW: u32 = 3;
const MANY: u32 = 7;
/// An answer that takes so long is asked for again after a hundred times that.
const EXPENSIVE: Duration = Duration::from_millis(500);
/// A scrape joins a reading that began less than a second ago.
const JOINED: Duration = Duration::from_millis(1050);
const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");

/// What one kind of scrape needs.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
    bytes: usize,
    resident: u64,
    peak: u64,
}

/// Processor time of all threads so far.
fn cpu(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// A line of `/proc/PID/status`, in KiB.
fn memory(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Scrapes again and again, each time with a reading of its own, compressed.
fn measure(process: u32, address: SocketAddr) -> Cost {
    let (mut walls, mut spent) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for round in 0..SCRAPES + 3 {
        let began = Instant::now();
        let before = cpu(process);
        let answer = http::request(address, "GET", "/metrics", &[GZIP]).unwrap();
        let took = began.elapsed();
        assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
        // The first ones warm up what is made once.
        if round >= 3 {
            spent.push(cpu(process).saturating_sub(before));
            walls.push(took);
        }
        bytes = answer.body.len();
        until("the reading to be too old to be shared", || (began.elapsed() > JOINED).then_some(()));
    }
    // The median of each: what else runs on the machine disturbs single scrapes, the processor's caches included.
    walls.sort();
    spent.sort();
    Cost {
        cpu: spent[spent.len() / 2],
        wall: walls[walls.len() / 2],
        bytes,
        resident: memory(process, "VmRSS:"),
        peak: memory(process, "VmHWM:"),
    }
}

/// A master whose answers cost it nothing, encrypted as the default asks for.
fn start_master(targets: usize, jobs: usize) -> TestServer {
    start_master_with(targets, jobs, |_| ())
}

fn start_master_with(targets: usize, jobs: usize, prepare: impl Fn(&Lab)) -> TestServer {
    let options = Options { encryption: Encryption::Required, ..Options::default() };
    let lab = Lab::fleet(targets, 2 * targets, jobs);
    prepare(&lab);
    let mut master = TestServer::start(lab, options);
    master.replay();
    master
}

fn setup(master: &TestServer, what: What) -> Setup {
    let setup = Setup::of(master).master("encrypt", "required").master("timeout", "60s");
    let setup = setup.with(&format!("collectors: {{ {} }}", what.collectors));
    if what.ports { setup.ports(&ports(master)) } else { setup }
}

/// Three checks of each target, made once before anything is measured: every target is this machine, where the
/// stand-in master is the engine, and nothing need answer for the other two.
fn ports(master: &TestServer) -> String {
    let engine_port = master.address.port();
    format!(
        "  interval: 1h\n  timeout: 1s\n  checks:\n    netbios: {{ sweep: true }}\n    smb: {{ sweep: true }}\n    \
         browser: {{ sweep: false }}\n  overrides:\n    - {{ match: '.*', host: 127.0.0.1, engine_port: {engine_port} }}"
    )
}

/// What an exporter is asked to do.
#[derive(Debug, Clone, Copy)]
struct What {
    collectors: &'static str,
    ports: bool,
}

const TARGETS_AND_DOWNLOADS: What =
    What { collectors: "targets: true, downloads: true, jobs: false, server: false", ports: false };
const WITH_PORTS: What = What { ports: true, ..TARGETS_AND_DOWNLOADS };
const WITH_JOBS: What = What { collectors: "targets: true, downloads: true, jobs: true, server: false", ports: false };
const ALL: What = What { collectors: "targets: true, downloads: true, jobs: true, server: true", ports: true };

/// A scrape as Prometheus makes it. One that is not compressed would hold the complete text, and memory with it.
fn scrape(exporter: &Exporter) -> Page {
    Page::parse(&exporter.request("GET", "/metrics", &[GZIP]).unzipped())
}

/// Asks every question there is. What takes long the first time would be asked for more seldom; two readings ask all.
fn warm_up(master: &TestServer, what: What) {
    let first = setup(master, what).start();
    first.scrape_until("a complete first reading", Page::up);
    let began = Instant::now();
    until("a second reading", || (began.elapsed() > JOINED).then_some(()));
    assert!(first.scrape().up());
}

/// An exporter for a master that has answered its questions before, and how many series it shows.
fn exporter(master: &TestServer, what: What) -> (Exporter, usize) {
    warm_up(master, what);
    let exporter = setup(master, what).start();
    let page = match what.ports {
        false => scrape(&exporter),
        true => until("a finding for each check of each target", || {
            let page = scrape(&exporter);
            // A sweep that is over leaves nothing to be found while others are measured.
            let complete = page.all("msx_port_open", &[]).len() == 3_000
                && page.value("msx_exporter_port_sweep_timestamp_seconds", &[]).is_some();
            complete.then_some(page)
        }),
    };
    for collector in ["targets", "downloads"] {
        assert_eq!(page.success(collector), Some(1.0), "{}", exporter.log());
    }
    assert!(page.value("msx_targets", &[]) >= Some(1_000.0));
    (exporter, page.samples.len())
}

/// How the resident memory is made up: what is allocated, and what is mapped of the program itself.
fn breakdown(process: u32) {
    let [anonymous, file] = ["RssAnon:", "RssFile:"].map(|name| memory(process, name) as f64 / 1024.0);
    println!("    of that {anonymous:.1} MB are allocated and {file:.1} MB are mapped from files");
}

/// Instructions of one scrape with a reading of its own, by callgrind: the difference between few and many scrapes.
/// They hardly depend on what else runs on the machine. What the process does once does not count.
///
/// Callgrind makes the process so slow that it takes the download list for expensive and asks for it seldom, sooner or
/// later. With `downloads_rest` the list is so slow that it is read once and shown from then on; without, the answer is
/// `None` where a scrape came without a new reading of it.
fn instructions(targets: usize, downloads_rest: bool) -> Option<u64> {
    let master = start_master_with(targets, 0, |lab| {
        if downloads_rest {
            lab.fault("sysdownloadlist", Mishap::Replies { after: 0, replies: vec![Reply::Wait(EXPENSIVE)] });
        }
    });
    warm_up(&master, TARGETS_AND_DOWNLOADS);
    let counts = [FEW, MANY].map(|scrapes| {
        let folder = Folder::new();
        let out = folder.path().join("callgrind.out");
        let option = format!("--callgrind-out-file={}", out.display());
        let mut exporter =
            setup(&master, TARGETS_AND_DOWNLOADS).under(&["valgrind", "--quiet", "--tool=callgrind", &option]).start();
        let mut readings = Vec::new();
        for _ in 0..scrapes {
            let began = Instant::now();
            let page = scrape(&exporter);
            assert_eq!(page.value("msx_targets", &[]), Some(targets as f64), "{}", exporter.log());
            let downloads = [("collector", "downloads")];
            readings.extend(page.value("msx_exporter_collector_read_timestamp_seconds", &downloads));
            until("the reading to be too old to be shared", || (began.elapsed() > JOINED).then_some(()));
        }
        exporter.signal("TERM");
        exporter.ended();
        if let Some(keep) = std::env::var_os("MSX_BENCH_PROFILES") {
            let name = format!("callgrind.{targets}.{scrapes}{}", if downloads_rest { ".rest" } else { "" });
            std::fs::copy(&out, std::path::Path::new(&keep).join(name)).unwrap();
        }
        readings.dedup();
        let expected = if downloads_rest { 1 } else { scrapes as usize };
        let text = std::fs::read_to_string(&out).unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        total.trim().parse::<u64>().ok().filter(|_| readings.len() == expected)
    });
    let [few, many] = counts;
    Some((many? - few?) / u64::from(MANY - FEW))
}

fn report(name: &str, series: usize, cost: Cost) {
    println!(
        "{name}: {series} series, {} bytes compressed, {:.1} ms of CPU, {:.1} ms until answered, {:.1} MB resident, {:.1} MB at most",
        cost.bytes,
        cost.cpu.as_secs_f64() * 1e3,
        cost.wall.as_secs_f64() * 1e3,
        cost.resident as f64 / 1024.0,
        cost.peak as f64 / 1024.0
    );
}

#[test]
fn instructions_of_a_scrape() {
    let [small, large] = [1_000, 5_000].map(|targets| {
        let count = instructions(targets, true).unwrap();
        println!("{targets} targets: {:.1} million instructions a scrape, downloads kept", count as f64 / 1e6);
        count
    });
    match instructions(1_000, false) {
        Some(count) => println!("1000 targets: {:.1} million, downloads read each time", count as f64 / 1e6),
        None => println!("1000 targets: under callgrind the downloads were not read each time"),
    }
    assert!(small <= 64_000_000, "{small} instructions");
    assert!(large * 10 <= small * 52, "{large} at 5,000 targets are more than 5.2 times {small}");
}

#[test]
fn figures() {
    let size = std::fs::metadata(binary()).unwrap().len();
    println!("binary: {size} bytes");
    let master = start_master(1_000, 0);
    let (subject, series) = exporter(&master, TARGETS_AND_DOWNLOADS);
    let ours = measure(subject.id(), subject.address);
    report("targets and downloads", series, ours);
    breakdown(subject.id());
    drop(subject);

    let mut starts: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let began = Instant::now();
            let exporter = setup(&master, TARGETS_AND_DOWNLOADS).start();
            let answer = exporter.request("GET", "/metrics", &[GZIP]);
            let took = began.elapsed();
            assert!(Page::parse(&answer.unzipped()).up());
            took
        })
        .collect();
    starts.sort();
    let start = starts[STARTS / 2];
    println!("start to the first good page: {:.0} ms, median of {STARTS}", start.as_secs_f64() * 1e3);

    let peer = Peer::start(&master);
    let theirs = measure(peer.child.id(), peer.address);
    report("peer", peer.series(), theirs);
    println!(
        "peer to ours: CPU {:.1}, resident memory {:.1}",
        theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64(),
        theirs.resident as f64 / ours.resident as f64
    );
    drop(peer);

    let row = |name: &str, master: &TestServer, what: What| {
        let (subject, series) = exporter(master, what);
        let cost = measure(subject.id(), subject.address);
        report(name, series, cost);
        cost
    };
    row("with 3 port checks of each", &master, WITH_PORTS);
    drop(master);
    let master = start_master(5_000, 0);
    let large = row("5,000 targets", &master, TARGETS_AND_DOWNLOADS);
    drop(master);
    let master = start_master(1_000, 20);
    let with_jobs = row("with 20 jobs on each", &master, WITH_JOBS);
    row("with 3 port checks, 20 jobs and the server's facts", &master, ALL);

    let reached = [
        ("at most 14 MB are resident", ours.resident <= 14 * 1024),
        ("at most 36 MB are resident at 5,000 targets", large.resident <= 36 * 1024),
        ("at most 40 MB are resident with 20 jobs", with_jobs.resident <= 40 * 1024),
        ("the first good page comes within 150 ms", start <= Duration::from_millis(150)),
        ("the binary has at most 10 MB", size <= 10 * 1024 * 1024),
    ];
    let missed: Vec<&str> = reached.into_iter().filter(|(_, reached)| !reached).map(|(figure, _)| figure).collect();
    assert!(missed.is_empty(), "missed: {missed:?}");
}

/// Debian's prometheus-sql-exporter, which asks at each scrape for the same facts of the same master.
struct Peer {
    child: Child,
    address: SocketAddr,
    _folder: Folder,
}

/// The facts of the targets, and those of their downloads, each column a value of one series.
const PEER_QUERIES: &str = r#"
  - name: targets
    help: Targets
    labels: [server_name]
    values: [enlisted, last_poll, poll_interval, status, skew, tz]
    query: |
      SELECT CAST(t.server_name AS nvarchar(128)) AS server_name,
        CAST(DATEDIFF(second, '20200101', t.enlist_date) AS float) AS enlisted,
        CAST(DATEDIFF(second, '20200101', t.last_poll_date) AS float) AS last_poll,
        CAST(t.poll_interval AS float) AS poll_interval, CAST(t.status AS float) AS status,
        CAST(DATEDIFF(second, t.last_poll_date, t.local_time_at_last_poll) AS float) AS skew,
        CAST(t.time_zone_adjustment AS float) AS tz
      FROM msdb.dbo.systargetservers AS t
  - name: downloads
    help: Downloads
    labels: [target_server]
    values: [pending, errors, downloaded, oldest]
    query: |
      SELECT CAST(d.target_server AS nvarchar(128)) AS target_server,
        CAST(SUM(CASE WHEN d.status = 0 AND d.error_message IS NULL THEN 1 ELSE 0 END) AS float) AS pending,
        CAST(SUM(CASE WHEN d.error_message IS NULL THEN 0 ELSE 1 END) AS float) AS errors,
        CAST(SUM(CASE WHEN d.status = 1 THEN 1 ELSE 0 END) AS float) AS downloaded,
        CAST(DATEDIFF(second, '20200101', MIN(d.date_posted)) AS float) AS oldest
      FROM msdb.dbo.sysdownloadlist AS d GROUP BY d.target_server
"#;

impl Peer {
    fn start(master: &TestServer) -> Peer {
        let folder = Folder::new();
        let link = format!("sqlserver://{USER}:{PASSWORD}@{}?encrypt=true&TrustServerCertificate=true", stand.address);
        let config = folder.write(
            "sql_exporter.yml",
            &format!("jobs:\n- name: msx\n  interval: '0s'\n  connections: ['{link}']\n  queries:{PEER_QUERIES}"),
        );
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus-sql-exporter")
            .arg(format!("-config.file={}", config.display()))
            .arg(format!("-web.listen-address={address}"))
            .env("LOGLEVEL", "error")
            .stdout(Stdio::inherit())
            .spawn()
            .unwrap();
        let peer = Peer { child, address, _folder: folder };
        until("the peer's complete page", || {
            let page = http::request(address, "GET", "/metrics", &[]).ok()?;
            (page.status == 200 && page.text().matches("col=\"oldest\"").count() == 1_000).then_some(())
        });
        peer
    }

    fn series(&self) -> usize {
        let page = http::request(self.address, "GET", "/metrics", &[]).unwrap().text();
        page.lines().filter(|line| line.starts_with("sql_")).count()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
