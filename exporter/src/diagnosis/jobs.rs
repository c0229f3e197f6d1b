//! Multiserver jobs and their last run on each target.

use super::clock_skew::to_utc;
use super::target::{Job, JobCounts, JobRun};
use crate::collectors::{JobRow, JobTargetRow, Jobs, Outcome};
use crate::config::Filter;
use foldhash::{HashMap, HashMapExt as _};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The facts that a job needs about a target that the filter accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat<'a> {
    /// Its name as enlisted.
    pub(crate) name: &'a str,
    /// The offset of its local time from UTC at its last poll.
    pub(crate) offset: SignedDuration,
    /// Its last poll.
    pub(crate) last_poll: Timestamp,
    /// Whether it is shown; false beyond the limit on targets.
    pub(crate) shown: bool,
}

/// The remembered runs, by `job_id` and `server_id`.
pub(crate) type Outcomes = HashMap<String, HashMap<i32, Remembered>>;

/// The remembered state of a job's last run on one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Whether the last finished run succeeded; a retry or a run in progress keeps it.
    success: Option<bool>,
    /// The local time of a run, and the offset that converted it into UTC: decided once, by the first poll after it, so
    /// that the run does not move when the target's clocks change.
    placed: Option<(DateTime, SignedDuration)>,
}

/// What a limit left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Pairs of job and target.
    pub(crate) runs: u64,
    /// The jobs among them of each target that is shown.
    pub(crate) of_targets: BTreeMap<String, JobCounts>,
}

/// The jobs with at least one target after the filters, and the pairs that a limit left out.
///
/// Jobs are sorted by `job_id` and the runs of each by target, and the limit keeps the first of them, so they are the
/// same in each reading. The counts of a job include all its targets, and what is left out is
/// counted for each target: a count is never one of what is shown alone.
pub(crate) fn jobs(
    rows: &Jobs,
    filter: &Filter,
    seats: &HashMap<i32, Seat<'_>>,
    limit: usize,
    outcomes: &mut Outcomes,
) -> (Vec<Job>, LeftOut) {
    let mut before = std::mem::take(outcomes);
    let mut pairs = pairs_by_job(rows, seats);
    let mut shown: Vec<&JobRow> = rows.jobs.iter().filter(|job| filter.allows(&job.name)).collect();
    shown.sort_by(|a, b| a.id.cmp(&b.id));
    shown.dedup_by(|a, b| a.id == b.id);

    let mut left = limit;
    let mut left_out = LeftOut::default();
    let mut jobs = Vec::with_capacity(shown.len());
    for row in shown {
        let Some(pairs) = pairs.remove(row.id.as_str()) else { continue };
        let earlier = before.remove(&row.id).unwrap_or_default();
        let mut known = HashMap::with_capacity(pairs.len());
        let targets = pairs.len() as u64;
        let mut job = Job { row: row.clone(), targets, failed_targets: 0, succeeded_targets: 0, runs: Vec::new() };
        for (pair, seat) in pairs {
            let earlier = earlier.get(&pair.server_id).copied().unwrap_or_default();
            let success = success(pair, earlier.success);
            let (offset, placed) = place(pair, &seat, earlier);
            let now = Remembered { success, placed };
            if now != Remembered::default() {
                known.insert(pair.server_id, now);
            }
            job.count(success);
            if seat.shown && left > 0 {
                left -= 1;
                job.runs.push(run(pair, seat, offset, success));
                continue;
            }
            left_out.runs += 1;
            if seat.shown {
                left_out.of_targets.entry(seat.name.to_owned()).or_default().count(success);
            }
        }
        if !known.is_empty() {
            outcomes.insert(row.id.clone(), known);
        }
        jobs.push(job);
    }
    (jobs, left_out)
}

type Pair<'a> = (&'a JobTargetRow, Seat<'a>);

/// The pairs of each job whose target the filter accepts, sorted by target, each target once.
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

/// Whether the last finished run succeeded: a retry and a run in progress keep the earlier outcome.
fn success(pair: &JobTargetRow, earlier: Option<bool>) -> Option<bool> {
    pair.last_run?;
    match pair.outcome {
        Outcome::Succeeded => Some(true),
        Outcome::Failed | Outcome::Cancelled => Some(false),
        Outcome::Retry | Outcome::InProgress => earlier,
        Outcome::Unknown => None,
    }
}

/// The offset of a run's local time, and the value to remember. A target's offset is seen when it polls, so only a poll
/// after the run shows it.
fn place(
    pair: &JobTargetRow,
    seat: &Seat<'_>,
    earlier: Remembered,
) -> (SignedDuration, Option<(DateTime, SignedDuration)>) {
    let Some(local) = pair.last_run else { return (seat.offset, None) };
    match earlier.placed {
        Some((run, offset)) if run == local => (offset, earlier.placed),
        _ => {
            let seen = to_utc(local, seat.offset).is_some_and(|run| seat.last_poll >= run);
            (seat.offset, seen.then_some((local, seat.offset)))
        }
    }
}

fn run(pair: &JobTargetRow, seat: Seat<'_>, offset: SignedDuration, success: Option<bool>) -> JobRun {
    JobRun {
        target: seat.name.to_owned(),
        success,
        at: pair.last_run.and_then(|local| to_utc(local, offset)),
        row: pair.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::diagnosis::fixtures::{everything, job, pattern, run};
    use std::time::Duration;

    const RAN: Option<DateTime> = Some(DateTime::constant(2026, 11, 22, 11, 0, 0, 0));

    fn seats() -> HashMap<i32, Seat<'static>> {
        let last_poll = "2026-11-22T12:00:00Z".parse().unwrap();
        let seat = |name, hours, shown| Seat { name, offset: SignedDuration::from_hours(hours), last_poll, shown };
        HashMap::from_iter([(7, seat("SQL01", 1, true)), (5, seat("SQL02", -5, true)), (9, seat("SQL03", 0, false))])
    }

    fn all(rows: &Jobs, outcomes: &mut Outcomes) -> Vec<Job> {
        jobs(rows, &everything(), &seats(), usize::MAX, outcomes).0
    }

    fn outcome(outcome: Outcome, last_run: Option<DateTime>, outcomes: &mut Outcomes) -> (Option<bool>, u64) {
        let rows = Jobs { jobs: vec![job("A", "Backup")], pairs: vec![run("A", 7, outcome, last_run)] };
        let jobs = all(&rows, outcomes);
        (jobs[0].runs[0].success, jobs[0].failed_targets)
    }

    #[test]
    fn outcomes_follow_their_rule() {
        for (code, shown, failed) in [
            (Outcome::Succeeded, Some(true), 0),
            (Outcome::Failed, Some(false), 1),
            (Outcome::Cancelled, Some(false), 1),
            (Outcome::Retry, None, 0),
            (Outcome::InProgress, None, 0),
            (Outcome::Unknown, None, 0),
        ] {
            assert_eq!(outcome(code, RAN, &mut Outcomes::new()), (shown, failed), "{code:?}");
            assert_eq!(outcome(code, None, &mut Outcomes::new()), (None, 0), "{code:?} and never ran");
        }
    }

    #[test]
    fn a_retry_and_a_run_in_progress_keep_the_outcome_before_them() {
        let mut outcomes = Outcomes::new();
        outcome(Outcome::Failed, RAN, &mut outcomes);
        assert_eq!(outcome(Outcome::Retry, RAN, &mut outcomes), (Some(false), 1));
        assert_eq!(outcome(Outcome::InProgress, RAN, &mut outcomes), (Some(false), 1));
        outcome(Outcome::Succeeded, RAN, &mut outcomes);
        assert_eq!(outcome(Outcome::InProgress, RAN, &mut outcomes), (Some(true), 0));
        outcome(Outcome::Unknown, RAN, &mut outcomes);
        assert_eq!(outcome(Outcome::Retry, RAN, &mut outcomes), (None, 0), "what is unknown is not remembered");
    }

    #[test]
    fn outcomes_of_jobs_and_targets_that_left_are_forgotten() {
        let mut outcomes = Outcomes::new();
        let pairs = vec![run("A", 7, Outcome::Failed, RAN), run("A", 5, Outcome::Failed, RAN)];
        let rows = Jobs { jobs: vec![job("A", "Backup"), job("B", "Check")], pairs };
        all(&rows, &mut outcomes);
        assert_eq!(outcomes["A"].len(), 2);
        all(&Jobs { pairs: rows.pairs[..1].to_vec(), ..rows.clone() }, &mut outcomes);
        assert_eq!(outcomes["A"].keys().collect::<Vec<_>>(), [&7]);
        all(&Jobs::default(), &mut outcomes);
        assert!(outcomes.is_empty());
    }

    #[test]
    fn run_times_are_turned_into_utc_by_the_offset_of_their_target() {
        let pairs = vec![run("A", 5, Outcome::Succeeded, RAN), run("A", 7, Outcome::Succeeded, RAN)];
        let rows = Jobs { jobs: vec![job("A", "Backup")], pairs };
        let jobs = all(&rows, &mut Outcomes::new());
        let shown: Vec<_> = jobs[0].runs.iter().map(|run| (run.target.as_str(), run.at, run.row.duration)).collect();
        let at = |text: &str| Some(text.parse().unwrap());
        let took = Some(Duration::from_secs(90));
        assert_eq!(
            shown,
            [("SQL01", at("2026-11-22T10:00:00Z"), took), ("SQL02", at("2026-11-22T16:00:00Z"), took)],
            "sorted by target"
        );
    }

    #[test]
    fn a_run_stays_where_it_was_when_its_target_changes_its_clocks() {
        let rows = Jobs { jobs: vec![job("A", "Backup")], pairs: vec![run("A", 7, Outcome::Succeeded, RAN)] };
        let mut outcomes = Outcomes::new();
        let mut at = |hours, last_poll: &str| {
            let offset = SignedDuration::from_hours(hours);
            let seat = Seat { name: "SQL01", offset, last_poll: last_poll.parse().unwrap(), shown: true };
            let seats = HashMap::from_iter([(7, seat)]);
            let (jobs, _) = jobs(&rows, &everything(), &seats, usize::MAX, &mut outcomes);
            jobs[0].runs[0].at.unwrap().to_string()
        };
        assert_eq!(at(1, "2026-11-22T09:00:00Z"), "2026-11-22T10:00:00Z", "a poll before the run may be corrected");
        assert_eq!(at(2, "2026-11-22T09:30:00Z"), "2026-11-22T09:00:00Z", "by the first one after it");
        assert_eq!(at(1, "2026-11-23T09:00:00Z"), "2026-11-22T09:00:00Z", "and then it stays");
    }

    #[test]
    fn a_job_that_never_ran_has_neither_time_nor_duration() {
        let rows = Jobs { jobs: vec![job("A", "Backup")], pairs: vec![run("A", 7, Outcome::Unknown, None)] };
        let jobs = all(&rows, &mut Outcomes::new());
        let run = &jobs[0].runs[0];
        assert_eq!((run.success, run.at, run.row.duration), (None, None, None));
    }

    #[test]
    fn jobs_and_targets_that_are_left_out_are_not_counted() {
        let rows = Jobs {
            jobs: vec![job("A", "Backup"), job("B", "Secret"), job("C", "Elsewhere")],
            pairs: vec![
                run("A", 7, Outcome::Failed, RAN),
                run("A", 99, Outcome::Failed, RAN),
                run("B", 7, Outcome::Failed, RAN),
                run("C", 99, Outcome::Failed, RAN),
            ],
        };
        let filter = Filter { exclude: pattern("secret"), ..everything() };
        let (jobs, left_out) = jobs(&rows, &filter, &seats(), usize::MAX, &mut Outcomes::new());
        let shown: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.targets, job.failed_targets)).collect();
        assert_eq!((shown, left_out), (vec![("Backup", 1, 1)], LeftOut::default()));
    }

    #[test]
    fn the_limit_takes_the_same_pairs_whatever_their_order() {
        let mut rows = Jobs {
            jobs: vec![job("B", "Backup"), job("A", "Check")],
            pairs: [("B", 7), ("A", 5), ("A", 9), ("B", 5), ("A", 7)]
                .map(|(id, server)| run(id, server, Outcome::Failed, RAN))
                .to_vec(),
        };
        let take = |rows: &Jobs| {
            let (jobs, left_out) = jobs(rows, &everything(), &seats(), 3, &mut Outcomes::new());
            let runs = |job: &Job| job.runs.iter().map(|run| run.target.clone()).collect::<Vec<_>>();
            let shown: Vec<_> =
                jobs.iter().map(|job| (job.id.clone(), job.targets, job.failed_targets, runs(job))).collect();
            (shown, left_out)
        };
        let (shown, left_out) = take(&rows);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        // SQL03 is beyond the limit on targets, but counts among the targets of its job.
        assert_eq!(shown[0], ("A".into(), 3, 3, names(&["SQL01", "SQL02"])));
        assert_eq!(shown[1], ("B".into(), 2, 2, names(&["SQL01"])));
        let of_targets = BTreeMap::from([("SQL02".to_owned(), JobCounts { all: 1, failing: 1 })]);
        assert_eq!(left_out, LeftOut { runs: 2, of_targets });
        rows.pairs.reverse();
        rows.jobs.reverse();
        assert_eq!(take(&rows), (shown, left_out));
    }

    #[test]
    fn a_row_that_comes_twice_counts_once() {
        let twice = run("A", 7, Outcome::Failed, RAN);
        let rows = Jobs { jobs: vec![job("A", "Backup"); 2], pairs: vec![twice.clone(), twice] };
        let jobs = all(&rows, &mut Outcomes::new());
        assert_eq!((jobs.len(), jobs[0].targets, jobs[0].runs.len()), (1, 1, 1));
    }
}
