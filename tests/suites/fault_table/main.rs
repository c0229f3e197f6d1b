//! Every fault that the exporter is promised to live through, played against the real binary in turn: what is shown
//! while it lasts, and how soon everything is back.
//!
//! `tests/stages/faults` plays all of them, each for long enough that attempts are as far apart as they get, and writes
//! the table of exporter/FAULTS.md. Else those that need neither root nor minutes are played, each until it is shown.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

#[path = "../../harness/mod.rs"]
mod harness;

mod answers;
mod fault;
mod machine;
mod master;
mod names;
mod network;
mod play;
mod signals;
mod table;

use fault::Fault;
use play::Played;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

/// Plays that run at once. They wait for most of their time.
const AT_ONCE: usize = 6;

fn all() -> Vec<Fault> {
    [network::faults(), master::faults(), answers::faults(), names::faults(), machine::faults(), signals::faults()]
        .concat()
}

#[test]
fn each_fault_is_shown_costs_no_scrape_its_answer_and_passes() {
    let complete = std::env::var_os("MSX_FAULTS_ALL").is_some();
    let only = std::env::var("MSX_FAULTS_ONLY").unwrap_or_default();
    let hold = if complete { Duration::from_secs(45) } else { Duration::ZERO };
    let faults: Vec<Fault> = all().into_iter().filter(|f| (complete || f.in_gate) && f.what.contains(&only)).collect();
    let open = Mutex::new(faults.iter().enumerate().collect::<VecDeque<_>>());
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((index, fault)) = { open.lock().unwrap().pop_front() } {
                    let result = catch_unwind(AssertUnwindSafe(|| Played::play(fault, hold)));
                    println!("{}: {result:?}", fault.what);
                    played.lock().unwrap().push((index, fault, result.ok()));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap();
    played.sort_unstable_by_key(|(index, ..)| *index);
    let failed: Vec<&str> = played.iter().filter(|(.., times)| times.is_none()).map(|(_, f, _)| &*f.what).collect();
    assert!(failed.is_empty(), "{} of {}: {failed:?}", failed.len(), played.len());
    assert!(!played.is_empty());
    if complete && only.is_empty() {
        table::write(played.iter().filter_map(|(_, fault, times)| Some((*fault, (*times)?))));
    }
}
