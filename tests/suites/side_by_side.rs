//! The exporter next to what people use now, before one master, scrape by scrape in turn: Debian's
//! prometheus-sql-exporter with queries for the same facts, and prometheus-blackbox-exporter for a port of each target.
//! `tests/stages/side-by-side` runs it; it writes its table into BENCHMARKS.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::cost::{cpu, memory};
use harness::exporter::{Exporter, Setup, binary};
use harness::test_server::Asked;
use harness::{Folder, Page, TestServer, http, until};
use msx_lab::msdb::{Lab, PASSWORD, USER};
use msx_lab::tds::{Encryption, Options};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [100, 1_000, 5_000];
const SCRAPES: usize = 50;
/// Scrapes through the relay, over which what the master pays is counted.
const RELAYED: u64 = 5;
/// From one scrape to the next, and from one run of their queries to the next: theirs reads in the background, so what it
/// costs is counted over a complete round. A scrape of ours joins a reading that began less than a second ago.
const ROUND: Duration = Duration::from_secs(2);
const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../BENCHMARKS.md");
const MARKS: [&str; 2] = ["<!-- Written by tests/run side-by-side. -->\n", "<!-- End of what it writes. -->\n"];

/// The facts that the exporter shows, each column a value of one series. What it concludes, nothing here does.
const QUERIES: &str = r#"
  - name: targets
    help: Targets
    labels: [server_name]
    values: [enlisted, last_poll, polled, poll_interval, status, skew, tz]
    query: |
      SELECT CAST(t.server_name AS nvarchar(128)) AS server_name,
        CAST(DATEDIFF(second, '20200101', t.enlist_date) AS float) AS enlisted,
        CAST(DATEDIFF(second, '20200101', t.last_poll_date) AS float) AS last_poll,
        CAST(CASE WHEN DATEDIFF(second, t.enlist_date, t.last_poll_date) > 1 THEN 1 ELSE 0 END AS float) AS polled,
        CAST(t.poll_interval AS float) AS poll_interval, CAST(t.status AS float) AS status,
        CAST(DATEDIFF(second, t.last_poll_date, t.local_time_at_last_poll) AS float) AS skew,
        CAST(t.time_zone_adjustment AS float) AS tz
      FROM msdb.dbo.systargetservers AS t
  - name: info
    help: Where each target stands
    labels: [server_name, location]
    values: [known]
    query: |
      SELECT CAST(t.server_name AS nvarchar(128)) AS server_name, CAST(t.location AS nvarchar(200)) AS location,
        CAST(1 AS float) AS known
      FROM msdb.dbo.systargetservers AS t
  - name: groups
    help: The groups of each target
    labels: [server_name, group_name]
    values: [member]
    query: |
      SELECT CAST(t.server_name AS nvarchar(128)) AS server_name, CAST(g.name AS nvarchar(128)) AS group_name,
        CAST(1 AS float) AS member
      FROM msdb.dbo.systargetservers AS t
      LEFT JOIN msdb.dbo.systargetservergroupmembers AS m ON m.server_id = t.server_id
      LEFT JOIN msdb.dbo.systargetservergroups AS g ON g.servergroup_id = m.servergroup_id
  - name: downloads
    help: Downloads
    labels: [target_server]
    values: [pending, errors, downloaded, oldest, newest]
    query: |
      SELECT CAST(d.target_server AS nvarchar(128)) AS target_server,
        CAST(SUM(CASE WHEN d.status = 0 AND d.error_message IS NULL THEN 1 ELSE 0 END) AS float) AS pending,
        CAST(SUM(CASE WHEN d.error_message IS NULL THEN 0 ELSE 1 END) AS float) AS errors,
        CAST(SUM(CASE WHEN d.status = 1 THEN 1 ELSE 0 END) AS float) AS downloaded,
        CAST(DATEDIFF(second, '20200101', MIN(d.date_posted)) AS float) AS oldest,
        CAST(DATEDIFF(second, '20200101', MAX(d.date_downloaded)) AS float) AS newest
      FROM msdb.dbo.sysdownloadlist AS d GROUP BY d.target_server
  - name: operations
    help: Operations
    labels: [target_server, operation]
    values: [pending]
    query: |
      SELECT CAST(d.target_server AS nvarchar(128)) AS target_server,
        CAST(d.operation_code AS nvarchar(10)) AS operation, CAST(COUNT_BIG(*) AS float) AS pending
      FROM msdb.dbo.sysdownloadlist AS d WHERE d.status = 0 GROUP BY d.target_server, d.operation_code
"#;

/// A program that is not ours, until it is dropped.
struct Peer {
    child: Child,
    address: SocketAddr,
    _folder: Folder,
}

impl Peer {
    fn start(program: &str, file: &str, config: &str, flags: fn(&str, SocketAddr) -> [String; 2]) -> Peer {
        let folder = Folder::new();
        let config = folder.write(file, config);
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(program);
        command.args(flags(&config.display().to_string(), address)).env("LOGLEVEL", "error");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let peer = Peer { child, address, _folder: folder };
        until(&format!("{program} to listen"), || TcpStream::connect(address).ok());
        peer
    }

    fn sql(master: SocketAddr, targets: usize) -> Peer {
        let link = format!("sqlserver://{USER}:{PASSWORD}@{master}?encrypt=true&TrustServerCertificate=true");
        let seconds = ROUND.as_secs();
        let config =
            format!("jobs:\n- name: msx\n  interval: '{seconds}s'\n  connections: ['{link}']\n  queries:{QUERIES}");
        let peer = Peer::start("prometheus-sql-exporter", "sql_exporter.yml", &config, |config, address| {
            [format!("-config.file={config}"), format!("-web.listen-address={address}")]
        });
        until("a page of prometheus-sql-exporter with all targets", || {
            let page = http::request(peer.address, "GET", "/metrics", &[]).ok()?;
            (page.status == 200 && page.text().matches("col=\"oldest\"").count() == targets).then_some(())
        });
        peer
    }

    fn blackbox() -> Peer {
        let config = "modules:\n  port:\n    prober: tcp\n    timeout: 5s\n";
        Peer::start("prometheus-blackbox-exporter", "blackbox.yml", config, |config, address| {
            [format!("--config.file={config}"), format!("--web.listen-address={address}")]
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes connections on to the master and counts what it is asked: connections, bytes, and how often the client turns
/// to it after an answer.
struct Relay {
    address: SocketAddr,
    counts: Arc<[AtomicU64; 3]>,
}

impl Relay {
    fn start(master: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay { address: listener.local_addr().unwrap(), counts: Arc::default() };
        let counts = relay.counts.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(master).unwrap();
                counts[0].fetch_add(1, Ordering::Relaxed);
                let answered = Arc::new(AtomicBool::new(true));
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                for ((from, to), asks) in [((client, server), true), (back, false)] {
                    let (counts, answered) = (counts.clone(), answered.clone());
                    std::thread::spawn(move || pass_on(from, to, asks, &counts, &answered));
                }
            }
        });
        relay
    }

    fn counts(&self) -> [u64; 3] {
        [0, 1, 2].map(|at| self.counts[at].load(Ordering::Relaxed))
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, asks: bool, counts: &[AtomicU64; 3], answered: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        counts[1].fetch_add(read as u64, Ordering::Relaxed);
        if answered.swap(!asks, Ordering::Relaxed) && asks {
            counts[2].fetch_add(1, Ordering::Relaxed);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Scrapes of one exporter.
#[derive(Default)]
struct Scrapes {
    /// What the process had used before the last one.
    used: Option<Duration>,
    /// Of each round, in milliseconds.
    cpu: Vec<f64>,
    wall: Vec<f64>,
    bytes: usize,
    series: usize,
    resident: u64,
}

impl Scrapes {
    fn scrape(&mut self, process: u32, address: SocketAddr) {
        let (began, used) = (Instant::now(), cpu(process));
        if let Some(before) = self.used.replace(used) {
            self.cpu.push(used.saturating_sub(before).as_secs_f64() * 1e3);
        }
        let answer = http::request(address, "GET", "/metrics", &[GZIP]).unwrap();
        self.wall.push(began.elapsed().as_secs_f64() * 1e3);
        self.resident = memory(process, "VmRSS:");
        self.bytes = answer.body.len();
        self.series =
            answer.unzipped().lines().filter(|line| line.starts_with("msx_") || line.starts_with("sql_")).count();
    }
}

fn ours(master: SocketAddr, targets: usize) -> Exporter {
    let setup = Setup::new(master)
        .master("encrypt", "required")
        .master("trust_server_certificate", "true")
        .allocator_as_installed();
    let exporter = setup.with("collectors: { jobs: false, server: false }").start();
    until("a page of ours with all targets", || {
        (exporter.scrape().value("msx_targets", &[]) == Some(targets as f64)).then_some(())
    });
    exporter
}

/// What one scrape costs the master, and what came before the first: connections, logins, answers, bytes, turns.
fn paid(server: &TestServer, targets: usize, theirs: bool) -> ([u64; 5], [u64; 5]) {
    let relay = Relay::start(server.address);
    let now = || {
        let Asked { logins, answers } = server.asked();
        let [connections, bytes, turns] = relay.counts();
        [connections, logins, answers, bytes, turns]
    };
    let begin = now();
    let mut running: (Option<Peer>, Option<Exporter>) = (None, None);
    let address = if theirs {
        running.0.insert(Peer::sql(relay.address, targets)).address
    } else {
        running.1.insert(ours(relay.address, targets)).address
    };
    let mut last = Instant::now();
    let mut scrape = || {
        until("the end of a round", || (last.elapsed() > ROUND).then_some(()));
        last = Instant::now();
        http::request(address, "GET", "/metrics", &[GZIP]).unwrap();
    };
    scrape();
    let first = now();
    (0..RELAYED).for_each(|_| scrape());
    let end = now();
    (std::array::from_fn(|at| (end[at] - first[at]) / RELAYED), std::array::from_fn(|at| first[at] - begin[at]))
}

/// The middle, and the quarters on both sides of it.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}

/// Theirs to ours, scrape by scrape.
fn ratio(ours: &[f64], theirs: &[f64]) -> [f64; 3] {
    quartiles(&ours.iter().zip(theirs).map(|(ours, theirs)| theirs / ours).collect::<Vec<_>>())
}

fn spread([low, middle, high]: [f64; 3]) -> String {
    format!("{middle:.1} ({low:.1} to {high:.1})")
}

/// What a port of each target costs, ours first: checked in a sweep, and asked for by a scrape.
struct PortChecks {
    /// Milliseconds for one port.
    cpu: [f64; 2],
    /// Kilobytes that are held when all were checked: by ours, which reads the master too, and by theirs, which does not.
    resident: [u64; 2],
}

fn port_checks(server: &TestServer, targets: usize) -> PortChecks {
    let port = server.address.port();
    let ports = format!(
        "  interval: 20s\n  checks: {{ browser: {{ sweep: false }} }}\n  overrides:\n    - {{ match: '.*', host: 127.0.0.1, \
         engine_port: {port} }}"
    );
    let setup = Setup::new(server.address)
        .master("encrypt", "required")
        .master("trust_server_certificate", "true")
        .allocator_as_installed();
    let exporter = setup.with("collectors: { jobs: false, server: false }").ports(&ports).start();
    let swept = |page: &Page| page.value("msx_exporter_port_sweep_timestamp_seconds", &[]);
    let looks = Cell::new(0);
    let sweep = |after: Option<f64>| {
        until("the end of a sweep", || {
            // Each look is a scrape; what they cost is taken off below.
            std::thread::sleep(Duration::from_secs(1));
            looks.set(looks.get() + 1);
            swept(&exporter.scrape()).filter(|at| after.is_none_or(|after| *at > after))
        })
    };
    let first = sweep(None);
    let before = cpu(exporter.id());
    looks.set(0);
    sweep(Some(first));
    let with_looks = cpu(exporter.id()).saturating_sub(before).as_secs_f64() * 1e3;
    let resident = memory(exporter.id(), "VmRSS:");
    drop(exporter);
    let idle = ours(server.address, targets);
    let before = cpu(idle.id());
    for _ in 0..looks.get() {
        std::thread::sleep(Duration::from_secs(1));
        idle.scrape();
    }
    let without = cpu(idle.id()).saturating_sub(before).as_secs_f64() * 1e3;
    let swept = (with_looks - without).max(0.0) / targets as f64;

    let blackbox = Peer::blackbox();
    let mut client = TcpStream::connect(blackbox.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut probe = || {
        let path = format!("/probe?module=port&target=127.0.0.1:{port}");
        write!(client, "GET {path} HTTP/1.1\r\nHost: blackbox\r\nAccept-Encoding: gzip\r\n\r\n").unwrap();
        assert!(answer(&mut client).starts_with(b"HTTP/1.1 200 "));
    };
    probe();
    let before = cpu(blackbox.child.id());
    (0..targets).for_each(|_| probe());
    let asked = cpu(blackbox.child.id()).saturating_sub(before).as_secs_f64() * 1e3;
    PortChecks { cpu: [swept, asked / targets as f64], resident: [resident, memory(blackbox.child.id(), "VmRSS:")] }
}

/// One answer on a connection that stays open.
fn answer(client: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = client.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection was closed");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let complete = match length {
            Some(length) => bytes.len() == end + 4 + length,
            None => bytes.ends_with(b"0\r\n\r\n"),
        };
        if complete {
            return bytes;
        }
    }
}

/// One row: a name, ours, theirs, and theirs to ours.
fn row(name: &str, ours: impl ToString, theirs: impl ToString, ratio: String) -> String {
    format!("| {name} | {} | {} | {ratio} |\n", ours.to_string(), theirs.to_string())
}

fn compared(targets: usize, table: &mut String, missed: &mut Vec<String>) {
    let options = Options { encryption: Encryption::Required, ..Options::default() };
    let mut server = TestServer::start(Lab::fleet(targets, 2 * targets, 0), options);
    server.replay();
    let (exporter, peer) = (ours(server.address, targets), Peer::sql(server.address, targets));
    let (mut mine, mut theirs) = (Scrapes::default(), Scrapes::default());
    for _ in 0..=SCRAPES {
        let began = Instant::now();
        mine.scrape(exporter.id(), exporter.address);
        theirs.scrape(peer.child.id(), peer.address);
        until("the end of a round", || (began.elapsed() > ROUND).then_some(()));
    }
    drop((exporter, peer));
    let ratios = [ratio(&mine.cpu, &theirs.cpu), ratio(&mine.wall, &theirs.wall)];
    let middle = |values: &[f64]| quartiles(values)[1];
    let times = |ours: f64, theirs: f64| format!("{:.1}", theirs / ours);
    table.push_str(&format!("| **{targets} targets** | | | |\n"));
    let milliseconds = |values: &[f64]| format!("{:.1} ms", middle(values));
    table.push_str(&row("CPU of a scrape", milliseconds(&mine.cpu), milliseconds(&theirs.cpu), spread(ratios[0])));
    table.push_str(&row("until answered", milliseconds(&mine.wall), milliseconds(&theirs.wall), spread(ratios[1])));
    let megabytes = |kilobytes: u64| format!("{:.1} MB", kilobytes as f64 / 1024.0);
    let mut resident = |name, ours: u64, theirs: u64| {
        table.push_str(&row(name, megabytes(ours), megabytes(theirs), times(ours as f64, theirs as f64)));
        theirs as f64 / ours as f64
    };
    resident("resident, without port checks", mine.resident, theirs.resident);
    let ports = port_checks(&server, targets);
    let held = resident("resident, with port checks", ports.resident[0], theirs.resident + ports.resident[1]);
    table.push_str(&row("series", mine.series, theirs.series, times(mine.series as f64, theirs.series as f64)));
    let bytes = |bytes: f64| format!("{:.0} kB", bytes / 1e3);
    let sent = [mine.bytes as f64, theirs.bytes as f64];
    table.push_str(&row("compressed page", bytes(sent[0]), bytes(sent[1]), times(sent[0], sent[1])));
    let [(a, a_first), (b, b_first)] = [false, true].map(|theirs| paid(&server, targets, theirs));
    for (at, name) in ["connections", "logins", "result sets", "bytes", "round trips"].into_iter().enumerate() {
        let shown = |each: [u64; 5], first: [u64; 5]| format!("{} (first {})", each[at], first[at]);
        table.push_str(&row(&format!("{name} of the master"), shown(a, a_first), shown(b, b_first), String::new()));
    }
    let [swept, asked] = ports.cpu;
    table.push_str(&row(
        "CPU of a port check",
        format!("{swept:.3} ms"),
        format!("{asked:.3} ms"),
        times(swept, asked),
    ));
    if targets == 1_000 {
        let goals =
            [("CPU of a scrape", ratios[0][1], 8.0), ("resident", held, 4.0), ("port check", asked / swept, 5.0)];
        missed.extend(
            goals.iter().filter(|goal| goal.1 < goal.2).map(|(name, is, goal)| format!("{name}: {is:.1}, not {goal}")),
        );
    }
}

#[test]
fn side_by_side() {
    let mut table = "| | this exporter | Debian's | Debian's to this |\n|---|---|---|---|\n".to_owned();
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len() as f64 / 1_048_576.0;
    let peers = ["/usr/bin/prometheus-sql-exporter", "/usr/bin/prometheus-blackbox-exporter"];
    let [sql, blackbox] = peers.map(|path| size(path.as_ref()));
    let own = size(&binary());
    table.push_str(&row(
        "binary",
        format!("{own:.1} MB"),
        format!("{sql:.1} and {blackbox:.1} MB"),
        format!("{:.1}", (sql + blackbox) / own),
    ));
    let mut missed = Vec::new();
    for targets in SIZES {
        compared(targets, &mut table, &mut missed);
    }
    println!("{table}");
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    std::fs::write(PAGE, [before, MARKS[0], &table, MARKS[1], after].concat()).unwrap();
    assert!(missed.is_empty(), "missed: {missed:?}");
}
