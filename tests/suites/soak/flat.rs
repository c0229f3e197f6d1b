//! Whether what a process holds stays what it is.

use crate::harness::cost::memory;
use std::fs;

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) at: f64,
    /// Resident, in KiB.
    memory: f64,
    descriptors: f64,
    threads: f64,
}

impl Held {
    pub(crate) fn by(process: u32, at: f64) -> Held {
        let entries = |folder| fs::read_dir(format!("/proc/{process}/{folder}")).unwrap().count() as f64;
        Held { at, memory: memory(process, "VmRSS:") as f64, descriptors: entries("fd"), threads: entries("task") }
    }
}

/// By how much the straight line through the samples (least squares) rises over their time.
fn rise(samples: &[Held], value: impl Fn(&Held) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&Held) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (time, level) = (mean(&|held| held.at), mean(&value));
    let product = |a: &dyn Fn(&Held) -> f64, b: &dyn Fn(&Held) -> f64| samples.iter().map(|h| a(h) * b(h)).sum::<f64>();
    let (from_time, from_level) = (|held: &Held| held.at - time, |held: &Held| value(held) - level);
    let spread = product(&from_time, &from_time);
    let length = samples[samples.len() - 1].at - samples[0].at;
    if spread > 0.0 { product(&from_time, &from_level) / spread * length } else { 0.0 }
}

/// Holds the samples of the run without its first quarter, in which caches fill, against the rule: over them memory
/// rises by at most a tenth and 2 MiB, descriptors by 8 and threads by 4.
pub(crate) fn assert_flat(samples: &[Held]) {
    let settled = &samples[samples.len() / 4..];
    assert!(settled.len() > 3, "the run is too short to be judged: {} samples", samples.len());
    let (first, last) = (settled[0], settled[settled.len() - 1]);
    let rises = [rise(settled, |h| h.memory), rise(settled, |h| h.descriptors), rise(settled, |h| h.threads)];
    println!("from {first:?} to {last:?}, rises of the line through {}: {rises:.1?}", settled.len());
    for (rise, most) in rises.into_iter().zip([first.memory / 10.0 + 2_048.0, 8.0, 4.0]) {
        assert!(rise <= most, "a rise of {rise:.1}, where {most:.1} is allowed: {settled:#?}");
    }
}

#[test]
fn a_line_that_rises_is_seen_through_noise_and_one_that_only_varies_is_not() {
    let samples = |leak: f64| -> Vec<Held> {
        let one = |at: u32| Held {
            at: f64::from(at),
            memory: 16_000.0 + f64::from(at * 7_919 % 31) * 20.0 + f64::from(at) * leak,
            descriptors: 12.0,
            threads: 4.0,
        };
        (0..400).map(one).collect()
    };
    assert_flat(&samples(0.0));
    assert!(rise(&samples(0.0), |held| held.memory).abs() < 200.0);
    assert!(std::panic::catch_unwind(|| assert_flat(&samples(20.0))).is_err());
}
