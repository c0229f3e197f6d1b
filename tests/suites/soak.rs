//! Minutes of scrapes while everything breaks in turn: nothing may pile up, leak or stop answering.
//!
//! `MSX_SOAK_SECONDS` says how long, 240 by default.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{TestServer, http, until};
use msx_lab::msdb::Scenario;
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::fs;
use std::time::{Duration, Instant};

/// Between two scrapes. Most of them share a reading with their neighbours; every tenth begins one.
const PACE: Duration = Duration::from_millis(100);
/// How long each trouble lasts, and the calm after it.
const TROUBLE: Duration = Duration::from_secs(4);

/// What can break, in turn.
const TROUBLES: [fn(&mut TestServer); 6] = [
    |master| master.lab.fault("sysdownloadlist", Mishap::Lock(Duration::from_secs(3600))),
    |master| master.lab.fault("systargetservers", Mishap::Replies { after: 3, replies: vec![Reply::Close] }),
    |master| {
        master
            .lab
            .fault("sysjobservers", Mishap::Replies { after: 0, replies: vec![Reply::Wait(Duration::from_secs(3600))] })
    },
    |master| master.lab.revoke("sysdownloadlist"),
    TestServer::stop,
    |master| master.control.hang_up(),
];

fn resident_kib(exporter: &Exporter) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn open_files(exporter: &Exporter) -> usize {
    fs::read_dir(format!("/proc/{}/fd", exporter.id())).unwrap().count()
}

fn calm(master: &mut TestServer, trouble: usize) {
    master.lab.clear_faults();
    master.lab.grant("sysdownloadlist");
    if TROUBLES[trouble % TROUBLES.len()] as usize == TestServer::stop as fn(&mut TestServer) as usize {
        master.come_back();
    }
}

#[test]
fn nothing_piles_up_while_everything_breaks_in_turn() {
    let seconds = std::env::var("MSX_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(240);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut master = TestServer::play(Scenario::Everything);
    let mut exporter = Setup::of(&master).master("timeout", "2s").start();
    let (mut troubles, mut scrapes, mut up) = (0, 0u64, 0u64);
    let mut early = None;
    while Instant::now() < end {
        TROUBLES[troubles % TROUBLES.len()](&mut master);
        for (phase, lasting) in [("trouble", TROUBLE), ("calm", TROUBLE)] {
            let until_then = Instant::now() + lasting;
            while Instant::now() < until_then {
                // One client in five hangs up without its answer.
                if scrapes.is_multiple_of(5) {
                    drop(http::send(exporter.address, "GET", "/metrics", &[]).unwrap());
                }
                let page = exporter.scrape();
                scrapes += 1;
                up += u64::from(page.up());
                assert!(master.open() <= 2, "{} connections while one is replaced", master.open());
                std::thread::sleep(PACE);
            }
            if phase == "trouble" {
                calm(&mut master, troubles);
            }
        }
        troubles += 1;
        // Every trouble once is the warm-up.
        if troubles == TROUBLES.len() {
            early = Some((resident_kib(&exporter), open_files(&exporter)));
        }
    }
    exporter.scrape_until("a complete page after all that", |page| {
        page.up() && ["targets", "jobs", "server"].iter().all(|collector| page.success(collector) == Some(1.0))
    });
    let (memory, files) = early.expect("the soak is longer than its warm-up");
    let (memory_now, files_now) = (resident_kib(&exporter), open_files(&exporter));
    println!(
        "{scrapes} scrapes, {up} of them up, {troubles} troubles; resident {memory} -> {memory_now} KiB, files {files} -> {files_now}"
    );
    assert!(up > scrapes / 4 && up < scrapes, "{up} of {scrapes} up");
    assert!(memory_now < memory + memory / 4 + 2_048, "memory grew from {memory} to {memory_now} KiB");
    until("the files of the last clients to be closed", || (open_files(&exporter) <= files + 4).then_some(()));
    until("one connection to the master", || (master.open() == 1).then_some(()));
    assert!(exporter.lives());
}
