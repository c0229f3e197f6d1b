//! The page at `/jobs`: on how many targets each multiserver job fails, and on which.

use super::frame::{self, Frame};
use super::parts::FaultView;
use super::words::Tone;
use crate::diagnosis::{Fleet, Job, MasterFleet};
use crate::model::figures::{ago, count};
use crate::model::{Collector, query_value};
use askama::Template;
use jiff::Timestamp;

/// Targets that are named where a job failed.
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
        all if failing == 0 => format!("{}; no last run failed.", count(all, "job")),
        all => format!("{}; {failing} failed on one target or more at the last run.", count(all, "job")),
    };
    if fleet.limited.job_pairs > 0 {
        text.push_str(&format!(" limits.job_pairs leaves out {} of their runs.", fleet.limited.job_pairs));
    }
    text
}

struct JobView<'a> {
    name: &'a str,
    enabled: bool,
    class: &'static str,
    state: String,
    targets: u64,
    failed: Vec<RunView<'a>>,
    /// Targets on which it failed and that are not named.
    more: u64,
}

struct RunView<'a> {
    target: &'a str,
    link: String,
    when: String,
}

impl<'a> JobView<'a> {
    fn new(job: &'a Job, now: Timestamp) -> JobView<'a> {
        let failed = job.runs.iter().filter(|run| run.success == Some(false)).take(MOST_NAMED);
        let failed: Vec<RunView<'a>> = failed
            .map(|run| RunView {
                target: &run.target,
                link: query_value(&run.target),
                when: run.at.map(|at| ago(now, at)).unwrap_or_default(),
            })
            .collect();
        let succeeded = job.runs.iter().filter(|run| run.success == Some(true)).count();
        let (tone, state) = match (job.failed_targets, succeeded) {
            (0, 0) => (Tone::Unknown, "no outcome yet".to_owned()),
            (0, _) => (Tone::Good, "none failed".to_owned()),
            (count, _) => (Tone::Bad, format!("failed on {count}")),
        };
        JobView {
            name: &job.name,
            enabled: job.enabled,
            class: tone.class(),
            state,
            targets: job.targets,
            more: job.failed_targets.saturating_sub(failed.len() as u64),
            failed,
        }
    }
}
