//! Multiserver jobs, and their last run on each target.

use crate::collectors::jobs::{RUN_METRICS, labels};
use crate::diagnosis::{JobRun, MasterFleet};
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::{FamilyWriter, Value};
use crate::exposition::in_order::InOrder;
use std::fmt;

/// The families that no limit takes away. Only for a fleet whose targets were read.
pub(crate) fn jobs<'a>(families: &mut InOrder<'a>, fleet: &'a MasterFleet) {
    let all = || fleet.jobs.iter().flatten();
    families.family(&metric::JOB_TARGETS, all().map(|job| (labels(job), job.targets.into())));
    families.family(&metric::JOB_FAILED_TARGETS, all().map(|job| (labels(job), job.failed_targets.into())));
}

/// The last run of each job on each target.
pub(crate) fn runs(families: &mut FamilyWriter<'_>, fleet: &MasterFleet) -> fmt::Result {
    each(families, fleet, &metric::JOB_RUN_SUCCESS, |run| run.success)?;
    each(families, fleet, &metric::JOB_RUN_AT, |run| run.at)?;
    RUN_METRICS.iter().try_for_each(|(metric, value)| each(families, fleet, metric, |run| value(&run.row)))
}

/// The series that one pair of job and target has at most.
pub(crate) const SERIES_PER_RUN: usize = 2 + RUN_METRICS.len();

/// The number of series that [`runs`] writes.
pub(crate) fn run_series(fleet: &MasterFleet) -> usize {
    let of = |run: &JobRun| {
        let held = RUN_METRICS.iter().filter(|(_, value)| value(&run.row).is_some()).count();
        usize::from(run.success.is_some()) + usize::from(run.at.is_some()) + held
    };
    fleet.jobs.iter().flatten().flat_map(|job| &job.runs).map(of).sum()
}

fn each<V: Into<Value>>(
    families: &mut FamilyWriter<'_>,
    fleet: &MasterFleet,
    metric: &Metric,
    value: impl Fn(&JobRun) -> Option<V>,
) -> fmt::Result {
    let pairs = fleet.jobs.iter().flatten().flat_map(|job| job.runs.iter().map(move |run| (job, run)));
    families.family(
        metric,
        pairs.filter_map(|(job, run)| {
            let [id, name] = labels(job);
            Some(([id, name, ("target", run.target.as_str())], value(run)?.into()))
        }),
    )
}
