//! What `/api/v1/targets` has of one target alone.

use super::history::EventFacts;
use super::jobs::RunFacts;
use super::{BriefingFacts, FaultFacts};
use crate::collectors::{DetailResult, Instruction, TargetDetail};
use crate::diagnosis::{Briefing, JobCounts, MasterFleet, Target};
use crate::model::UtcInstant;
use crate::sqlserver::ReadError;
use serde::Serialize;

/// What makes a large fleet's document several times as long.
#[derive(Serialize)]
pub(super) struct AloneFacts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    briefing: Option<BriefingFacts>,
    jobs: Option<Vec<JobOfTarget<'a>>>,
    jobs_left_out: Option<JobsLeftOut>,
    history: Vec<EventFacts<'a>>,
    instructions: Option<InstructionFacts<'a>>,
}

impl<'a> AloneFacts<'a> {
    pub(super) fn new(
        fleet: &'a MasterFleet,
        target: &'a Target,
        detail: DetailResult<'a>,
        details: bool,
    ) -> AloneFacts<'a> {
        let read = detail.and_then(Result::ok);
        let jobs: Option<Vec<_>> = fleet.jobs_of(&target.name).map(|runs| {
            let of_target = runs.into_iter().map(|(job, run)| JobOfTarget {
                id: &job.id,
                name: &job.name,
                enabled: job.enabled,
                run: RunFacts::new(run),
                message: read.and_then(|read| read.message(&job.id)),
            });
            of_target.collect()
        });
        AloneFacts {
            briefing: Briefing::of(fleet, target, details).map(BriefingFacts::from),
            jobs_left_out: jobs.is_some().then(|| JobsLeftOut::new(fleet, target)),
            jobs,
            history: fleet.history.of(&target.name).map(|event| EventFacts::new(event, details)).collect(),
            instructions: detail.map(InstructionFacts::new),
        }
    }
}

#[derive(Serialize)]
struct JobOfTarget<'a> {
    id: &'a str,
    name: &'a str,
    enabled: bool,
    #[serde(flatten)]
    run: RunFacts,
    message: Option<&'a str>,
}

/// Beyond `limits.job_pairs`.
#[derive(Serialize)]
struct JobsLeftOut {
    count: usize,
    failing: usize,
}

impl JobsLeftOut {
    fn new(fleet: &MasterFleet, target: &Target) -> JobsLeftOut {
        let JobCounts { all: count, failing } = fleet.jobs_left_out.get(&target.name).copied().unwrap_or_default();
        JobsLeftOut { count, failing }
    }
}

#[derive(Serialize)]
struct InstructionFacts<'a> {
    read_at: Option<UtcInstant>,
    fault: Option<FaultFacts<'a>>,
    waiting: Option<Vec<RowFacts<'a>>>,
    failed: Option<Vec<RowFacts<'a>>>,
}

impl<'a> InstructionFacts<'a> {
    fn new(detail: Result<&'a TargetDetail, &'a ReadError>) -> InstructionFacts<'a> {
        let lists = detail.and_then(|detail| detail.instructions.as_ref());
        let rows = |rows: &'a [Instruction]| rows.iter().map(RowFacts::new).collect();
        InstructionFacts {
            read_at: detail.ok().map(|detail| UtcInstant(detail.read_at)),
            // It is read only for those who may see texts of errors.
            fault: lists.err().map(|fault| FaultFacts::new(fault, true)),
            waiting: lists.ok().map(|lists| rows(&lists.waiting)),
            failed: lists.ok().map(|lists| rows(&lists.failed)),
        }
    }
}

#[derive(Serialize)]
struct RowFacts<'a> {
    id: &'a str,
    operation: &'static str,
    job: Option<&'a str>,
    posted: UtcInstant,
    error: Option<&'a str>,
}

impl<'a> RowFacts<'a> {
    fn new(row: &'a Instruction) -> RowFacts<'a> {
        let Instruction { id, operation, job, posted, error } = row;
        let (job, error) = (job.as_deref(), error.as_deref());
        RowFacts { id, operation: operation.name(), job, posted: UtcInstant(*posted), error }
    }
}
