//! The jobs of one target, and its instructions one by one.

use super::parts::{NONE, outcome};
use super::words::Tone;
use crate::collectors::{DetailResult, Instruction, TargetDetail};
use crate::diagnosis::{Job, JobCounts, JobRun, MasterFleet, Target};
use crate::model::figures::{ago, count, readable_instant, span};
use jiff::Timestamp;

/// The jobs of one target.
pub(super) struct JobRows<'a> {
    /// Those that failed first. `None` where jobs were not read.
    pub(super) rows: Option<Vec<JobRow<'a>>>,
    /// All of them, with those that are left out.
    pub(super) counts: JobCounts,
    left_out: JobCounts,
    /// Since when its outcomes stand, where it does not poll.
    pub(super) as_of: &'static str,
}

impl<'a> JobRows<'a> {
    pub(super) fn new(
        fleet: &'a MasterFleet,
        target: &'a Target,
        counts: JobCounts,
        now: Timestamp,
        detail: DetailResult<'a>,
    ) -> JobRows<'a> {
        let read = detail.and_then(Result::ok);
        let runs = fleet.jobs_of(&target.name);
        let rows = runs.map(|runs| runs.into_iter().map(|(job, run)| JobRow::new(job, run, now, read)).collect());
        let left_out = fleet.jobs_left_out.get(&target.name).copied().unwrap_or_default();
        let as_of = match target.enlisted.as_ref() {
            Some(row) if !row.polled => ", before its first poll",
            Some(row) if row.is_stale(now) => ", as of its last poll",
            _ => "",
        };
        JobRows { rows, counts, left_out, as_of }
    }

    /// How many failed, in words; `None` for none.
    pub(super) fn failures(&self) -> Option<String> {
        let failed = self.counts.failing;
        (failed > 0).then(|| format!("{} failed", count(failed as u64, "job")))
    }

    /// What a limit leaves out, in words; `None` for nothing.
    pub(super) fn left_out(&self) -> Option<String> {
        let JobCounts { all, failing } = self.left_out;
        let failed = match failing {
            0 => "no last run of theirs".to_owned(),
            _ => format!("the last run of {failing} of them"),
        };
        let jobs = count(all as u64, "more job");
        (all > 0).then(|| format!("limits.job_pairs leaves out {jobs}; {failed} failed or was cancelled."))
    }

    /// What they say of a target that polls and takes its instructions.
    pub(super) fn in_words(&self) -> String {
        let JobCounts { all, failing } = self.counts;
        if self.rows.is_none() {
            return "Nothing was found against it. Its jobs were not read.".to_owned();
        }
        match failing {
            0 => "Nothing was found against it.".to_owned(),
            failed => format!(
                "It polls and takes its instructions, but the last run of {failed} of its {} failed.",
                count(all as u64, "job")
            ),
        }
    }
}

/// The last run of one job.
pub(super) struct JobRow<'a> {
    pub(super) name: &'a str,
    pub(super) enabled: bool,
    pub(super) class: &'static str,
    pub(super) outcome: String,
    pub(super) when: String,
    pub(super) instant: String,
    pub(super) took: String,
    /// Set only where it was read.
    pub(super) message: Option<&'a str>,
}

impl<'a> JobRow<'a> {
    fn new(job: &'a Job, run: &JobRun, now: Timestamp, read: Option<&'a TargetDetail>) -> JobRow<'a> {
        let tone = match run.success {
            Some(true) => Tone::Good,
            Some(false) => Tone::Bad,
            None => Tone::Unknown,
        };
        JobRow {
            name: &job.name,
            enabled: job.enabled,
            class: tone.class(),
            outcome: outcome(run),
            when: run.at.map_or_else(|| NONE.to_owned(), |at| ago(now, at)),
            instant: run.at.map(readable_instant).unwrap_or_default(),
            took: run.row.duration.map_or_else(|| NONE.to_owned(), span),
            message: read.and_then(|read| read.message(&job.id)),
        }
    }
}

/// A row of the download list.
pub(super) struct InstructionView<'a> {
    pub(super) id: &'a str,
    pub(super) operation: &'static str,
    pub(super) job: &'a str,
    pub(super) age: String,
    pub(super) instant: String,
    pub(super) error: &'a str,
}

impl<'a> InstructionView<'a> {
    pub(super) fn of_each(rows: &'a [Instruction], now: Timestamp) -> Vec<InstructionView<'a>> {
        rows.iter().map(|row| InstructionView::new(row, now)).collect()
    }

    fn new(row: &'a Instruction, now: Timestamp) -> InstructionView<'a> {
        InstructionView {
            id: &row.id,
            operation: row.operation.name(),
            job: row.job.as_deref().unwrap_or(NONE),
            age: ago(now, row.posted),
            instant: readable_instant(row.posted),
            error: row.error.as_deref().unwrap_or_default(),
        }
    }
}
