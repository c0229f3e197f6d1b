//! An hour in which everything breaks at random, before several exporters at once: nothing may pile up, leak or stop
//! answering.
//!
//! `MSX_SOAK_SECONDS` says how long, `MSX_SOAK_SEED` which faults; without it one is drawn. It is printed.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

#[path = "../../harness/mod.rs"]
mod harness;

mod flat;
mod random;
mod site;
mod troubles;
mod web;

use random::Random;
use site::{Counts, Site};
use std::time::{Duration, Instant};

const EXPORTERS: u64 = 6;
/// What an hour must reach; a shorter run its share.
const IN_AN_HOUR: Counts = Counts { scrapes: 50_000, readings: 5_000 };

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")))
}

#[test]
fn nothing_piles_up_while_everything_breaks() {
    let seconds = number("MSX_SOAK_SECONDS").unwrap_or(3600);
    let seed = number("MSX_SOAK_SEED").unwrap_or_else(Random::seed);
    println!("{EXPORTERS} exporters for {seconds} s: MSX_SOAK_SEED={seed}");
    let end = Instant::now() + Duration::from_secs(seconds);
    let counts = std::thread::scope(|scope| {
        let run = |index| scope.spawn(move || Site::start(Random::new(seed + index)).soak(end));
        let sites: Vec<_> = (0..EXPORTERS).map(run).collect();
        let all = sites.into_iter().map(|site| site.join().unwrap());
        all.fold(Counts::default(), |sum, one| Counts {
            scrapes: sum.scrapes + one.scrapes,
            readings: sum.readings + one.readings,
        })
    });
    println!("{} scrapes, {} readings", counts.scrapes, counts.readings);
    for (is, wanted) in [(counts.scrapes, IN_AN_HOUR.scrapes), (counts.readings, IN_AN_HOUR.readings)] {
        assert!(is * 3600 >= wanted * seconds, "{is} in {seconds} s, not {wanted} in an hour");
    }
}
