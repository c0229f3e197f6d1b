//! What a page costs in memory besides itself: nothing that grows with its fleet.

use crate::collectors::{JobRow, JobTargetRow};
use crate::diagnosis::{Fleet, Job, JobRun};
use crate::exposition::Format;
use crate::fixtures::*;
use crate::metrics::{compressed_page, page_into};
use crate::model::{Check, PortState};
use crate::probe::PortResults;
use allocation_counter::measure;
use std::sync::Arc;
use std::time::Duration;

/// Targets with names that must be escaped, each with ports and the last run of a job.
fn many(count: usize) -> Arc<Fleet> {
    let names = || (0..count).map(|number| format!("SQLHOST{number:05}\\PAYROLL"));
    let run = |target| JobRun {
        target,
        success: Some(true),
        at: Some(NOW),
        row: JobTargetRow { duration: Some(Duration::from_millis(1)), ..JobTargetRow::default() },
    };
    let mut fleet = fleet(names().map(|name| target(&name)).collect());
    fleet.jobs = Some(vec![Job {
        row: JobRow { id: "1".to_owned(), name: "Nightly".to_owned(), enabled: true },
        targets: count as u64,
        failed_targets: 0,
        succeeded_targets: 0,
        runs: names().map(run).collect(),
    }]);
    let findings = |name| (name, vec![finding(Check::Engine, PortState::Open)]);
    fleet.port_results = Arc::new(PortResults { findings: names().map(findings).collect(), ..PortResults::default() });
    Arc::new(fleet.into())
}

#[test]
fn a_second_page_into_the_same_buffer_needs_no_more_memory_for_many_targets() {
    for format in [Format::Text004, Format::OpenMetrics100] {
        let [few, lots] = [10, 2_000].map(|count| {
            let (fleet, facts, mut buffer) = (many(count), facts(), String::new());
            page_into(&mut buffer, &fleet, &facts, &LIMITS, format);
            assert!(buffer.lines().count() > 20 * count);
            measure(|| page_into(&mut buffer, &fleet, &facts, &LIMITS, format))
        });
        assert_eq!((few.count_total, few.bytes_total), (lots.count_total, lots.bytes_total), "{format:?}");
        assert_eq!(lots.bytes_current, 0);
    }
}

#[test]
fn a_compressed_page_needs_memory_for_its_own_bytes_alone() {
    let [few, lots] = [10, 2_000].map(|count| {
        let (fleet, facts, mut length) = (many(count), facts(), 0);
        // What is made once in the life of a process is not a page's.
        compressed_page(&many(1), &facts, &LIMITS, Format::Text004).unwrap();
        let cost = measure(|| {
            let page = compressed_page(&fleet, &facts, &LIMITS, Format::Text004).unwrap();
            length = page.bytes.len() as u64;
        });
        (cost, length)
    });
    // The compressed bytes grow by doubling, and what is left of the last one is given back.
    let (more, longer) = (lots.0.bytes_total - few.0.bytes_total, lots.1 - few.1);
    assert!(more < 6 * longer, "{more} bytes more for {longer} compressed bytes");
    assert!(
        lots.0.count_total - few.0.count_total < 24,
        "{} allocations, {} for few",
        lots.0.count_total,
        few.0.count_total
    );
}
