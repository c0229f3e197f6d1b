//! Multiserver jobs and their last run on each target.

use super::clock_skew::to_utc;
use super::target::{Job, JobRun};
use crate::config::Filter;
use crate::master::{JobRow, JobTargetRow, Jobs, Outcome};
use jiff::SignedDuration;
use std::collections::HashMap;

/// What a job needs to know of a target that the filter lets through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat<'a> {
    /// Its name as enlisted.
    pub(crate) name: &'a str,
    /// The offset of its local time from UTC at its last poll.
    pub(crate) offset: SignedDuration,
    /// Whether it is shown, or cut off by the limit on targets.
    pub(crate) shown: bool,
}

/// The outcomes by which a retry or a run in progress is told, by `job_id` and `server_id`.
pub(crate) type Outcomes = HashMap<String, HashMap<i32, bool>>;

/// The jobs with at least one target after the filters, and how many pairs a limit left out.
///
/// Jobs are sorted by `job_id` and the runs of each by target, and the limit takes the first of them: the same ones in
/// each reading. Counts of a job speak of all its targets, cut off or not.
pub(crate) fn jobs(
    rows: &Jobs,
    filter: &Filter,
    seats: &HashMap<i32, Seat<'_>>,
    limit: usize,
    outcomes: &mut Outcomes,
) -> (Vec<Job>, u64) {
    let mut before = std::mem::take(outcomes);
    let mut pairs = pairs_by_job(rows, seats);
    let mut shown: Vec<&JobRow> = rows.jobs.iter().filter(|job| filter.allows(&job.name)).collect();
    shown.sort_by(|a, b| a.id.cmp(&b.id));
    shown.dedup_by(|a, b| a.id == b.id);

    let mut left = limit;
    let mut cut = 0;
    let mut jobs = Vec::with_capacity(shown.len());
    for row in shown {
        let Some(pairs) = pairs.remove(row.id.as_str()) else { continue };
        let earlier = before.remove(&row.id).unwrap_or_default();
        let mut known = HashMap::with_capacity(pairs.len());
        let mut job = Job {
            id: row.id.clone(),
            name: row.name.clone(),
            enabled: row.enabled,
            targets: pairs.len() as u64,
            failed_targets: 0,
            runs: Vec::new(),
        };
        for (pair, seat) in pairs {
            let success = success(pair, earlier.get(&pair.server_id).copied());
            known.extend(success.map(|success| (pair.server_id, success)));
            job.failed_targets += u64::from(success == Some(false));
            if seat.shown && left > 0 {
                left -= 1;
                job.runs.push(run(pair, seat, success));
            } else {
                cut += 1;
            }
        }
        if !known.is_empty() {
            outcomes.insert(row.id.clone(), known);
        }
        jobs.push(job);
    }
    (jobs, cut)
}

type Pair<'a> = (&'a JobTargetRow, Seat<'a>);

/// The pairs of each job with a target that the filter lets through, sorted by target, each target once.
fn pairs_by_job<'a>(rows: &'a Jobs, seats: &HashMap<i32, Seat<'a>>) -> HashMap<&'a str, Vec<Pair<'a>>> {
    let mut pairs: HashMap<&str, Vec<Pair<'a>>> = HashMap::new();
    for pair in &rows.pairs {
        if let Some(seat) = seats.get(&pair.server_id) {
            pairs.entry(&pair.job_id).or_default().push((pair, *seat));
        }
    }
    for pairs in pairs.values_mut() {
        pairs.sort_by(|(_, a), (_, b)| a.name.cmp(b.name));
        pairs.dedup_by(|(a, _), (b, _)| a.server_id == b.server_id);
    }
    pairs
}

/// Whether the last finished run went well: a retry and a run in progress leave the outcome before them standing.
fn success(pair: &JobTargetRow, earlier: Option<bool>) -> Option<bool> {
    pair.last_run?;
    match pair.outcome {
        Outcome::Succeeded => Some(true),
        Outcome::Failed | Outcome::Cancelled => Some(false),
        Outcome::Retry | Outcome::InProgress => earlier,
        Outcome::Unknown => None,
    }
}

fn run(pair: &JobTargetRow, seat: Seat<'_>, success: Option<bool>) -> JobRun {
    JobRun {
        target: seat.name.to_owned(),
        success,
        at: pair.last_run.and_then(|local| to_utc(local, seat.offset)),
        duration: pair.last_run.map(|_| pair.duration),
    }
}
