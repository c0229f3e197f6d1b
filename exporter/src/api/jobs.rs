//! The answer of `/api/v1/jobs`, and the jobs of one target.

use super::FaultFacts;
use crate::diagnosis::{Fleet, Job, JobRun, MasterFleet};
use crate::model::{Collector, UtcInstant};
use serde::Serialize;
use std::io;

/// The answer: every multiserver job with its last run on each target. Texts of errors stand in it only with `details`.
///
/// # Errors
/// Where `out` fails.
pub fn write_jobs(out: impl io::Write, fleet: &Fleet, details: bool) -> Result<(), serde_json::Error> {
    let document = match fleet {
        Fleet::Master(fleet) => of_master(fleet, details),
        Fleet::Target(fleet) => {
            JobsDocument { read_at: UtcInstant(fleet.began), fault: None, jobs: None, runs_left_out: None }
        }
    };
    serde_json::to_writer(out, &document)
}

fn of_master(fleet: &MasterFleet, details: bool) -> JobsDocument<'_> {
    let fault = [Collector::Targets, Collector::Jobs]
        .into_iter()
        .find_map(|collector| fleet.reports.iter().find(|report| report.collector == collector)?.fault.as_ref());
    JobsDocument {
        read_at: UtcInstant(fleet.began),
        fault: fault.map(|fault| FaultFacts::new(fault, details)),
        jobs: fleet.jobs.as_ref().map(|jobs| jobs.iter().map(JobFacts::with_runs).collect()),
        runs_left_out: fleet.jobs.as_ref().map(|_| fleet.limited.job_pairs),
    }
}

#[derive(Serialize)]
struct JobsDocument<'a> {
    read_at: UtcInstant,
    fault: Option<FaultFacts<'a>>,
    jobs: Option<Vec<JobFacts<'a>>>,
    /// Beyond `limits.job_pairs`.
    runs_left_out: Option<u64>,
}

/// A job, in the list of all.
#[derive(Serialize)]
pub(super) struct JobFacts<'a> {
    id: &'a str,
    name: &'a str,
    enabled: bool,
    targets: u64,
    failed_targets: u64,
    succeeded_targets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<RunOnTarget<'a>>>,
}

impl<'a> JobFacts<'a> {
    pub(super) fn new(job: &'a Job) -> JobFacts<'a> {
        JobFacts {
            id: &job.id,
            name: &job.name,
            enabled: job.enabled,
            targets: job.targets,
            failed_targets: job.failed_targets,
            succeeded_targets: job.succeeded_targets,
            runs: None,
        }
    }

    fn with_runs(job: &'a Job) -> JobFacts<'a> {
        let runs = job.runs.iter().map(|run| RunOnTarget { target: &run.target, run: RunFacts::new(run) }).collect();
        JobFacts { runs: Some(runs), ..JobFacts::new(job) }
    }
}

#[derive(Serialize)]
struct RunOnTarget<'a> {
    target: &'a str,
    #[serde(flatten)]
    run: RunFacts,
}

/// The last run of a job on one target.
#[derive(Serialize)]
pub(super) struct RunFacts {
    success: Option<bool>,
    outcome: Option<&'static str>,
    run_at: Option<UtcInstant>,
    duration_seconds: Option<f64>,
}

impl RunFacts {
    pub(super) fn new(run: &JobRun) -> RunFacts {
        RunFacts {
            success: run.success,
            outcome: run.row.last_run.map(|_| run.row.outcome.name()),
            run_at: run.at.map(UtcInstant),
            duration_seconds: run.row.duration.map(|length| length.as_secs_f64()),
        }
    }
}
