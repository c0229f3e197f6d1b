//! How many probes were asked for, and how many of these ended without one.

use crate::exposition::ProbeCounts;
use crate::model::ProbeFailure;
use enum_map::EnumMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of requests to `/probe` since the start.
#[derive(Debug, Default)]
pub(crate) struct ProbeTally {
    asked: AtomicU64,
    failed: EnumMap<ProbeFailure, AtomicU64>,
}

impl ProbeTally {
    /// Counts one request by its outcome.
    pub(crate) fn count(&self, outcome: Result<(), ProbeFailure>) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Err(why) = outcome {
            self.failed[why].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> ProbeCounts {
        // The failures first: never more of them than requests.
        let failed = EnumMap::from_fn(|why| self.failed[why].load(Ordering::Relaxed));
        ProbeCounts { asked: self.asked.load(Ordering::Relaxed), failed }
    }
}
