//! Puts together what came, collector by collector: each fails alone, and rows count only when they are whole.

use super::batch::{BatchError, Closing, Harvest};
use super::cells::CellError;
use super::clock::{Clock, ClockNow};
use super::faults;
use super::reading::{
    Collected, CollectorReport, DownloadRow, DownloadedRow, Downloads, Fault, JobRow, JobTargetRow, Jobs, Reading,
    ServerFacts, TargetRow, Targets,
};
use super::result_cache::{CHEAP, Kept, ResultCache};
use super::rights::Capabilities;
use super::rows::{RawDownload, RawDownloaded, RawTarget};
use super::statements::Set;
use crate::config::Collectors;
use crate::model::{Certificate, Collector, Stage};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tiberius::error::Error as DriverError;

const AGENT_RUNS: i32 = 4;

/// What one batch brought, with everything that is needed to judge it.
pub(super) struct Answer {
    pub(super) asked: Vec<Set>,
    pub(super) harvest: Harvest,
    pub(super) end: Option<BatchError>,
    /// Why the batch did not reach its end, in words.
    pub(super) broken: Option<Fault>,
    pub(super) capabilities: Capabilities,
    /// Collectors that were not even asked for, and why.
    pub(super) refused: Vec<(Collector, Fault)>,
    pub(super) encrypted: bool,
    pub(super) certificate: Option<Certificate>,
}

/// The reading that an answer amounts to. Dear rows come from the shelf while they rest, and go there.
pub(super) fn reading(
    answer: Answer,
    on: Collectors,
    clock: &mut Clock,
    shelf: &mut ResultCache,
    began: Timestamp,
) -> Reading {
    let Answer {
        asked,
        harvest: Harvest { mut rows, closed, misfits },
        end,
        broken,
        capabilities,
        refused,
        encrypted,
        certificate,
    } = answer;
    let brought = Brought::new(&asked, &closed, &misfits, broken.as_ref(), end.as_ref());
    let mut clock = match &rows.clock {
        Some(row) => clock.at(row).map(|now| (now, row.started)),
        None => {
            Err(misfits.get(&Set::Clock).cloned().unwrap_or_else(|| CellError::new("the master's clock was not read")))
        }
    };
    let refusal = |collector| refused.iter().find(|(refused, _)| *refused == collector).map(|(_, fault)| fault);
    let collect =
        |collector| Scope { collector, brought: &brought, capabilities: &capabilities, refusal: refusal(collector) };

    let targets = on.targets.then(|| {
        collect(Collector::Targets).rows(|| {
            let (now, started) = clock.as_mut().map_err(|misfit| misfit.clone())?;
            targets(std::mem::take(&mut rows.targets), std::mem::take(&mut rows.groups), *started, now)
        })
    });
    let downloads = on.downloads.then(|| {
        let scope = collect(Collector::Downloads);
        if let (Some(kept), false) = (&shelf.downloads, asked.contains(&Set::Downloads)) {
            return scope.kept(kept);
        }
        let collected = scope.rows(|| {
            let (now, _) = clock.as_mut().map_err(|misfit| misfit.clone())?;
            if asked.contains(&Set::Downloaded) {
                let history = downloaded(std::mem::take(&mut rows.downloaded), now)?;
                let took = closed.get(&Set::Downloaded).map(|closing| closing.took).unwrap_or_default();
                shelf.downloaded = Some(Kept::new(history, brought.read_at, took));
            }
            let history = shelf.downloaded.as_ref().map(|kept| kept.rows.clone());
            downloads(std::mem::take(&mut rows.downloads), history, rows.table_rows, now)
        });
        shelf.downloads = keep(&collected);
        collected
    });
    let server = on.server.then(|| {
        collect(Collector::Server).rows(|| {
            Ok(ServerFacts {
                name: capabilities.server_name.clone(),
                version: capabilities.product_version.clone(),
                edition: capabilities.edition.clone(),
                auth_scheme: capabilities.auth_scheme.clone(),
                encrypted,
                agent_running: rows.agent_status.map(|status| status == AGENT_RUNS),
                operator_present: asked.contains(&Set::Operator).then_some(rows.operator_present),
                certificate: certificate.clone(),
            })
        })
    });
    let jobs = on.jobs.then(|| {
        let scope = collect(Collector::Jobs);
        if let (Some(kept), false) = (&shelf.jobs, asked.contains(&Set::Jobs)) {
            return scope.kept(kept);
        }
        let collected = scope.rows(|| Ok(jobs(std::mem::take(&mut rows.jobs), std::mem::take(&mut rows.job_targets))));
        shelf.jobs = keep(&collected);
        collected
    });
    // Who arrives is asked for behind this, and only while a target is silent.
    Reading { began, took: Default::default(), targets, downloads, server, jobs, arrivals: None }
}

/// One collector and how it fared.
struct Scope<'a> {
    collector: Collector,
    brought: &'a Brought<'a>,
    capabilities: &'a Capabilities,
    refusal: Option<&'a Fault>,
}

impl Scope<'_> {
    /// Its rows where every one of its sets is whole.
    fn rows<T>(&self, rows: impl FnOnce() -> Result<T, CellError>) -> Collected<T> {
        let fault = self.refusal.cloned().or_else(|| self.brought.fault(self.collector));
        let result = match fault {
            Some(fault) => Err(fault),
            None => rows().map_err(Fault::from),
        };
        let (rows, fault) = match result {
            Ok(rows) => (Some(rows), None),
            Err(fault) => (None, Some(fault)),
        };
        let denied = fault.as_ref().is_some_and(|fault| fault.stage == Stage::Permission);
        let report = CollectorReport {
            collector: self.collector,
            duration: self.brought.took(self.collector),
            permission: !denied && self.capabilities.complete_for(self.collector),
            read_at: rows.is_some().then_some(self.brought.read_at),
            fault,
        };
        Collected { report, rows }
    }

    /// A dear answer that is not due yet: its rows with their age.
    fn kept<T: Clone>(&self, kept: &Kept<T>) -> Collected<T> {
        let report = CollectorReport {
            collector: self.collector,
            duration: kept.took,
            permission: self.capabilities.complete_for(self.collector),
            read_at: Some(kept.read_at),
            fault: None,
        };
        Collected { report, rows: Some(kept.rows.clone()) }
    }
}

fn keep<T: Clone>(collected: &Collected<T>) -> Option<Kept<T>> {
    let report = &collected.report;
    let rows = collected.rows.as_ref().filter(|_| report.duration > CHEAP)?;
    Some(Kept::new(rows.clone(), report.read_at?, report.duration))
}

struct Brought<'a> {
    asked: &'a [Set],
    closed: &'a BTreeMap<Set, Closing>,
    misfits: &'a BTreeMap<Set, CellError>,
    broken: Option<&'a Fault>,
    /// The one error text that the driver kept, with its number.
    error: Option<(u32, String)>,
    read_at: Timestamp,
}

impl<'a> Brought<'a> {
    fn new(
        asked: &'a [Set],
        closed: &'a BTreeMap<Set, Closing>,
        misfits: &'a BTreeMap<Set, CellError>,
        broken: Option<&'a Fault>,
        end: Option<&BatchError>,
    ) -> Self {
        let error = match end {
            Some(BatchError::Driver(DriverError::Server(token))) => Some((token.code(), token.message().to_owned())),
            _ => None,
        };
        Brought { asked, closed, misfits, broken, error, read_at: Timestamp::now() }
    }

    /// Why a collector's rows are not whole, if they are not.
    fn fault(&self, collector: Collector) -> Option<Fault> {
        self.asked.iter().filter(|set| set.collector() == collector).find_map(|set| match self.closed.get(set) {
            Some(Closing { error: 0, .. }) => self.misfits.get(set).cloned().map(Fault::from),
            Some(Closing { error, .. }) => {
                let text = self.error.as_ref().filter(|(code, _)| code == error).map(|(_, text)| text.as_str());
                Some(faults::on_statement(*error, text))
            }
            None => {
                Some(self.broken.cloned().unwrap_or_else(|| {
                    Fault::new(Stage::Decode, format!("the answer ended before set {}", set.name()))
                }))
            }
        })
    }

    fn took(&self, collector: Collector) -> Duration {
        self.closed.iter().filter(|(set, _)| set.collector() == collector).map(|(_, closing)| closing.took).sum()
    }
}

/// A collector that failed before any of its statements ran.
pub(super) fn failed<T>(collector: Collector, fault: &Fault) -> Collected<T> {
    let report = CollectorReport {
        collector,
        duration: Duration::ZERO,
        permission: fault.stage != Stage::Permission,
        read_at: None,
        fault: Some(fault.clone()),
    };
    Collected { report, rows: None }
}

fn targets(
    rows: Vec<RawTarget>,
    groups: Vec<(i32, String)>,
    started: jiff::civil::DateTime,
    clock: &mut ClockNow<'_>,
) -> Result<Targets, CellError> {
    let mut memberships: HashMap<i32, Vec<String>> = HashMap::new();
    for (server_id, group) in groups {
        memberships.entry(server_id).or_default().push(group);
    }
    let rows = rows.into_iter().map(|raw| {
        let mut groups = memberships.remove(&raw.server_id).unwrap_or_default();
        groups.sort();
        groups.dedup();
        Ok(TargetRow {
            server_id: raw.server_id,
            enlisted_at: clock.instant(Set::Targets, &raw.name, "enlist_date", raw.enlist_date)?,
            last_poll: clock.instant(Set::Targets, &raw.name, "last_poll_date", raw.last_poll_date)?,
            local_poll_age_seconds: clock.local_age_seconds(raw.last_poll_date),
            stored_status: raw.status,
            local_time_at_last_poll: raw.local_time_at_last_poll,
            time_zone_adjustment_minutes: raw.time_zone_adjustment,
            poll_interval_seconds: raw.poll_interval,
            name: raw.name,
            location: raw.location,
            groups,
        })
    });
    let rows = rows.collect::<Result<Vec<_>, CellError>>()?;
    Ok(Targets {
        now: clock.now,
        utc_offset_seconds: clock.offset.seconds(),
        zone_known: clock.zone_known,
        started: clock.instant(Set::Clock, "", "started", started)?,
        rows,
    })
}

fn downloads(
    rows: Vec<RawDownload>,
    downloaded: Option<Vec<DownloadedRow>>,
    table_rows: Option<i64>,
    clock: &mut ClockNow<'_>,
) -> Result<Downloads, CellError> {
    let rows = rows.into_iter().map(|raw| {
        let oldest = raw.oldest_pending.map(|at| clock.instant(Set::Downloads, &raw.target, "oldest_pending", at));
        Ok(DownloadRow {
            oldest_pending: oldest.transpose()?,
            target: raw.target,
            pending: raw.pending,
            defect_waiting: raw.defect_waiting,
            other_waiting: raw.other_waiting,
            errors: raw.errors,
        })
    });
    Ok(Downloads { rows: rows.collect::<Result<_, CellError>>()?, downloaded, table_rows })
}

fn downloaded(rows: Vec<RawDownloaded>, clock: &mut ClockNow<'_>) -> Result<Vec<DownloadedRow>, CellError> {
    let rows = rows.into_iter().map(|raw| {
        let last = raw.last.map(|at| clock.instant(Set::Downloaded, &raw.target, "last_download", at)).transpose()?;
        Ok(DownloadedRow { target: raw.target, count: raw.count, last })
    });
    rows.collect()
}

/// Sorted, so that a cap keeps the same pairs each time.
fn jobs(mut jobs: Vec<JobRow>, mut pairs: Vec<JobTargetRow>) -> Jobs {
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    pairs.sort_by(|a, b| (&a.job_id, a.server_id).cmp(&(&b.job_id, b.server_id)));
    Jobs { jobs, pairs }
}
