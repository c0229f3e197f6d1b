//! The page at `/jobs`: on how many targets the last run of each multiserver job did not succeed, and on which.

use super::few::{Few, Named};
use super::frame::{self, Frame};
use super::parts::{FaultView, When, outcome};
use super::words::Tone;
use crate::collectors::Outcome;
use crate::diagnosis::{Fleet, Job, JobRun, MasterFleet};
use crate::model::Collector;
use crate::model::figures::count;
use askama::Template;
use jiff::Timestamp;

/// Targets that are named where a job did not succeed.
const MOST_NAMED: usize = 40;

/// The page as HTML. `None` while the master is not read, and on the side of a target.
///
/// # Errors
/// None that the data can cause.
pub fn jobs(fleet: &Fleet) -> Result<Option<String>, askama::Error> {
    let Some((read, clock)) = fleet.of_master().and_then(|read| Some((read, read.master.as_ref()?))) else {
        return Ok(None);
    };
    let mut jobs: Vec<&Job> = read.jobs.iter().flatten().collect();
    jobs.sort_by(|a, b| b.failed_targets.cmp(&a.failed_targets).then_with(|| a.name.cmp(&b.name)));
    let page = Jobs {
        frame: Frame::new(fleet, frame::JOBS),
        summary: summary(read, &jobs),
        jobs: jobs.into_iter().map(|job| JobView::new(job, clock.now)).collect(),
    };
    page.render().map(Some)
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs<'a> {
    frame: Frame,
    summary: String,
    jobs: Vec<JobView<'a>>,
}

fn summary(fleet: &MasterFleet, jobs: &[&Job]) -> String {
    if fleet.jobs.is_none() {
        let report = fleet.reports.iter().find(|report| report.collector == Collector::Jobs);
        return match report.and_then(|report| report.fault.as_ref()).map(|fault| FaultView::new(fault, false)) {
            Some(fault) => {
                format!("Jobs were not read; the reading stops at: {}. {}", fault.stage, fault.hint.unwrap_or_default())
            }
            None => "Jobs are not read: the collector is switched off.".to_owned(),
        };
    }
    let failing = jobs.iter().filter(|job| job.failed_targets > 0).count() as u64;
    let mut text = match jobs.len() as u64 {
        0 => "No job has a target.".to_owned(),
        all if failing == 0 => format!("{}; no last run failed or was cancelled.", count(all, "job")),
        all => {
            let jobs = count(all, "job");
            format!("{jobs}; the last run of {failing} failed or was cancelled on one target or more.")
        }
    };
    if fleet.limited.job_pairs > 0 {
        let unnamed = count(fleet.limited.job_pairs, "run");
        text.push_str(&format!(" Counts hold for all targets; limits.job_pairs leaves {unnamed} out of the names."));
    }
    text
}

struct JobView<'a> {
    name: &'a str,
    enabled: bool,
    class: &'static str,
    state: String,
    targets: u64,
    id: &'a str,
    failed: Few<RunView<'a>>,
}

struct RunView<'a> {
    target: Named<'a>,
    outcome: String,
    when: When,
}

impl<'a> JobView<'a> {
    fn new(job: &'a Job, now: Timestamp) -> JobView<'a> {
        let failed: Vec<&JobRun> = job.runs.iter().filter(|run| run.success == Some(false)).collect();
        let (tone, state) = match (job.failed_targets, job.succeeded_targets) {
            (0, 0) => (Tone::Unknown, "no outcome yet".to_owned()),
            (0, _) => (Tone::Good, "none failed".to_owned()),
            _ => (Tone::Bad, without_success(job.failed_targets, &failed)),
        };
        let all = usize::try_from(job.failed_targets).unwrap_or(usize::MAX);
        JobView {
            id: &job.id,
            name: &job.name,
            enabled: job.enabled,
            class: tone.class(),
            state,
            targets: job.targets,
            failed: Few::new(failed.into_iter().map(|run| RunView::new(run, now)), MOST_NAMED, all),
        }
    }
}

impl<'a> RunView<'a> {
    fn new(run: &'a JobRun, now: Timestamp) -> RunView<'a> {
        RunView { target: Named::new(&run.target), outcome: outcome(run), when: When::new(now, run.at) }
    }
}

/// On how many targets it failed, and on how many it was cancelled. Which of both is not known where a run is not shown.
fn without_success(all: u64, shown: &[&JobRun]) -> String {
    let cancelled = shown.iter().filter(|run| run.row.outcome == Outcome::Cancelled).count() as u64;
    match all - cancelled.min(all) {
        _ if all > shown.len() as u64 => format!("failed or cancelled on {all}"),
        0 => format!("cancelled on {cancelled}"),
        failed if cancelled == 0 => format!("failed on {failed}"),
        failed => format!("failed on {failed}, cancelled on {cancelled}"),
    }
}
