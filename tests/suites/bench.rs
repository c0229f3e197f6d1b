//! The figures of BENCHMARKS.md: what a scrape costs, what the process holds and how soon it answers. `tests/stages/bench`
//! builds the release binary and runs this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::cost::{cpu, memory};
use harness::exporter::{Exporter, Setup, binary};
use harness::{Folder, Page, TestServer, http, until};
use msx_lab::msdb::Lab;
use msx_lab::tds::{Encryption, Options};
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SCRAPES: u32 = 30;
const STARTS: usize = 21;
/// Scrapes under callgrind.
const FEW: u32 = 3;
const MANY: u32 = 7;
/// So few that reading their download list is no expensive answer even under callgrind.
const SMALL_FLEET: usize = 400;
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
    let setup = Setup::of(master).master("encrypt", "required").master("timeout", "60s").allocator_as_installed();
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
const ALL_BUT_PORTS: What =
    What { collectors: "targets: true, downloads: true, jobs: true, server: true", ports: false };
const ALL: What = What { ports: true, ..ALL_BUT_PORTS };

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
/// With `downloads_rest` the download list is so slow that it is read once and shown from then on; without, the answer is
/// `None` where a scrape came without a new reading of it, as when callgrind makes a long list expensive to read.
fn instructions(targets: usize, downloads_rest: bool) -> Option<u64> {
    let master = start_master_with(targets, 0, |lab| {
        if downloads_rest {
            lab.fault("sysdownloadlist", Mishap::Replies { after: 0, replies: vec![Reply::Wait(EXPENSIVE)] });
        }
    });
    warm_up(&master, TARGETS_AND_DOWNLOADS);
    let counts = [FEW, MANY].map(|scrapes| {
        let mut readings = Vec::new();
        let rest = if downloads_rest { ".rest" } else { "" };
        let total = counted(&master, TARGETS_AND_DOWNLOADS, &format!("{targets}.{scrapes}{rest}"), |exporter| {
            for _ in 0..scrapes {
                let began = Instant::now();
                let page = scrape(exporter);
                assert_eq!(page.value("msx_targets", &[]), Some(targets as f64), "{}", exporter.log());
                let downloads = [("collector", "downloads")];
                readings.extend(page.value("msx_exporter_collector_read_timestamp_seconds", &downloads));
                until("the reading to be too old to be shared", || (began.elapsed() > JOINED).then_some(()));
            }
        });
        readings.dedup();
        let expected = if downloads_rest { 1 } else { scrapes as usize };
        Some(total).filter(|_| readings.len() == expected)
    });
    let [few, many] = counts;
    Some((many? - few?) / u64::from(MANY - FEW))
}

/// Instructions of an exporter from its start to its end, by callgrind.
fn counted(master: &TestServer, what: What, profile: &str, work: impl FnOnce(&Exporter)) -> u64 {
    let folder = Folder::new();
    let out = folder.path().join("callgrind.out");
    let option = format!("--callgrind-out-file={}", out.display());
    let mut exporter = setup(master, what).under(&["valgrind", "--quiet", "--tool=callgrind", &option]).start();
    work(&exporter);
    exporter.signal("TERM");
    exporter.ended();
    if let Some(keep) = std::env::var_os("MSX_BENCH_PROFILES") {
        std::fs::copy(&out, std::path::Path::new(&keep).join(format!("callgrind.{profile}"))).unwrap();
    }
    let text = std::fs::read_to_string(&out).unwrap();
    text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap().trim().parse().unwrap()
}

/// Instructions of selecting, drawing and compressing a page of the fleet: the difference between asking for one page of a
/// reading and for three. All are asked for at once, so that they share it however slow callgrind is. Prints their bytes too.
fn instructions_of_a_page(targets: usize) -> u64 {
    const PAGES: [&str; 3] = ["/?sort=name", "/", "/?by=cause"];
    let master = start_master(targets, 2);
    warm_up(&master, ALL_BUT_PORTS);
    let [one, all] = [&PAGES[..1], &PAGES[..]].map(|pages| {
        counted(&master, ALL_BUT_PORTS, &format!("page.{targets}.{}", pages.len()), |exporter| {
            let read_at = |page: &str| {
                let answer = exporter.request("GET", page, &[GZIP]);
                let text = answer.unzipped();
                println!("{targets} targets, {page}: {} bytes, {} compressed", text.len(), answer.body.len());
                text.split("Read at ").nth(1).unwrap().split('<').next().unwrap().to_owned()
            };
            let mut readings: Vec<String> = std::thread::scope(|scope| {
                let asked: Vec<_> = pages.iter().map(|page| scope.spawn(|| read_at(page))).collect();
                asked.into_iter().map(|page| page.join().unwrap()).collect()
            });
            readings.dedup();
            assert_eq!(readings.len(), 1, "they share a reading: {readings:?}");
        })
    });
    (all - one) / (PAGES.len() as u64 - 1)
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
    let [read, kept] = [false, true].map(|rest| instructions(SMALL_FLEET, rest));
    let list = read.zip(kept).map(|(read, kept)| (read - kept) * 1_000 / SMALL_FLEET as u64);
    let list = list.expect("on so slow a machine the downloads were not read each time");
    println!("1000 targets: {:.1} million more with the downloads read in each scrape", list as f64 / 1e6);
    assert!(small + list <= 64_000_000, "{small} and {list} instructions");
    assert!(large * 10 <= small * 52, "{large} at 5,000 targets are more than 5.2 times {small}");
}

#[test]
fn instructions_of_pages() {
    let [small, middle, large] = [24, 1_000, 5_000].map(|targets| {
        let count = instructions_of_a_page(targets);
        println!("{targets} targets: {:.1} million instructions a page", count as f64 / 1e6);
        count
    });
    assert!(small <= 3_000_000 && middle <= 27_000_000 && large <= 60_000_000, "{small}, {middle} and {large}");
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
