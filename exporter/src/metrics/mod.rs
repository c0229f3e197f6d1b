//! What each part of a fleet becomes on a page for Prometheus, in both formats. Pure: no I/O, no clock, no `await`.

mod exporter;
mod jobs;
mod master;
mod pages;
mod ports;
mod target;
mod target_side;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use ports::{checked, durations, infos, ports};

use crate::collectors;
use crate::config::Limits;
use crate::diagnosis::{Fleet, MasterFleet};
use crate::exposition::family_writer::FamilyWriter;
use crate::exposition::in_order::InOrder;
use crate::exposition::{Compressed, Compressor, ConstantLabel, ExporterFacts, Format, Metric};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Writes a page.
pub fn page(fleet: &Arc<Fleet>, facts: &ExporterFacts, limits: &Limits, format: Format) -> String {
    let mut out = String::new();
    page_into(&mut out, fleet, facts, limits, format);
    out
}

/// Writes a page in place of what a buffer holds, so that its memory serves the next scrape again.
pub fn page_into(out: &mut String, fleet: &Arc<Fleet>, facts: &ExporterFacts, limits: &Limits, format: Format) {
    out.clear();
    // Writing into a String cannot fail.
    let _ = format.encode(out, Page::new(fleet, facts, limits, format));
}

/// Where a page for a file is taken, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// This computer.
    pub node: &'static str,
    /// `None` where nothing states it.
    pub interval: Option<Duration>,
}

/// Writes a page for a textfile collector: nothing of this process, and these labels on each series. That of a target
/// says when and on which computer it was taken, and ends with a mark, for the exporter of its master reads it too.
pub fn textfile_page(
    fleet: &Arc<Fleet>,
    facts: &ExporterFacts,
    limits: &Limits,
    labels: &[ConstantLabel],
    origin: Origin,
) -> String {
    let (mut out, format) = (String::new(), Format::Text004);
    let page = Page::new(fleet, facts, limits, format);
    let page = Page { leaves_out: Metric::is_of_a_server, origin: Some(origin), ..page };
    // Writing into a String cannot fail.
    let _ = format.encode_with(&mut out, labels, page);
    if fleet.of_master().is_none() {
        out.push_str("# EOF\n");
    }
    out
}

/// Writes a page and compresses it on the way.
///
/// # Errors
/// None that the fleet can cause: it is written into memory.
pub fn compressed_page(
    fleet: &Arc<Fleet>,
    facts: &ExporterFacts,
    limits: &Limits,
    format: Format,
) -> io::Result<Compressed> {
    let mut out = Compressor::new();
    format.encode(&mut out, Page::new(fleet, facts, limits, format)).map_err(io::Error::other)?;
    out.finish()
}

/// One page: what is known at this moment, which nothing changes any more.
#[derive(Debug)]
struct Page {
    fleet: Arc<Fleet>,
    facts: ExporterFacts,
    series_limit: usize,
    format: Format,
    leaves_out: fn(&Metric) -> bool,
    /// Only of a page for a file.
    origin: Option<Origin>,
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = FamilyWriter::new(encoder, self.format).without(self.leaves_out);
        exporter::counters(&mut families, &self.fleet, &self.facts)?;
        self.gauges(&mut families)
    }
}

impl Page {
    fn new(fleet: &Arc<Fleet>, facts: &ExporterFacts, limits: &Limits, format: Format) -> Page {
        Page {
            fleet: fleet.clone(),
            facts: facts.clone(),
            series_limit: limits.series,
            format,
            leaves_out: |_| false,
            origin: None,
        }
    }

    fn gauges(&self, families: &mut FamilyWriter<'_>) -> fmt::Result {
        let (fleet, facts) = (self.fleet.as_ref(), &self.facts);
        match fleet {
            Fleet::Master(fleet) => {
                self.master(families, fleet)?;
                pages::pages(families, fleet)?;
            }
            Fleet::Target(fleet) => target_side::target_side(families, fleet, self.origin.as_ref())?,
        }
        let findings = ports::of_fleet(fleet);
        ports::ports(families, findings.clone())?;
        exporter::exporter(families, fleet, facts)?;
        exporter::process(families, facts)?;
        self.what_fits(families, findings)
    }

    fn master(&self, families: &mut FamilyWriter<'_>, fleet: &MasterFleet) -> fmt::Result {
        if self.facts.passive != Some(true) {
            master::up(families, fleet)?;
        }
        // Without the targets nothing about the master or a target is written: old values would look like news.
        if let Some(clock) = &fleet.master {
            let mut waiting = InOrder::default();
            collectors::targets::metrics(&mut waiting, clock, fleet.rows());
            collectors::downloads::metrics(
                &mut waiting,
                fleet.downloadlist_rows,
                fleet.downloads().map(|(target, list)| (target, &list.waiting)),
                fleet.downloads().filter_map(|(target, list)| Some((target, list.downloaded.as_ref()?))),
            );
            if let Some(server) = &fleet.server {
                collectors::server::metrics(&mut waiting, server);
            }
            collectors::jobs::metrics(&mut waiting, fleet.jobs.iter().flatten().map(|job| &job.row));
            master::master(&mut waiting, fleet);
            target::targets(&mut waiting, fleet);
            jobs::jobs(&mut waiting, fleet);
            waiting.write(families)?;
        }
        Ok(())
    }

    /// The families that a page can do without, the most useful one first. Once one does not fit, all of it goes, and so
    /// do all behind it: which series are there must not depend on small changes.
    fn what_fits<'a>(
        &self,
        families: &mut FamilyWriter<'_>,
        findings: impl Iterator<Item = ports::TargetFinding<'a>> + Clone,
    ) -> fmt::Result {
        let fleet = self.fleet.as_ref();
        let mut budget = SeriesBudget { limit: self.series_limit, full: false };
        let mut ports_limited = 0;
        let count = |left_out: u64| usize::try_from(left_out).unwrap_or(usize::MAX);
        let limited = fleet.of_master().map(|fleet| fleet.limited).unwrap_or_default();
        let mut jobs_limited = count(limited.job_pairs).saturating_mul(jobs::SERIES_PER_RUN);

        match budget.take(families.series, findings.clone().count()) {
            Ok(()) => ports::infos(families, findings.clone())?,
            Err(series) => ports_limited += series,
        }
        match budget.take(families.series, ports::duration_series(findings.clone())) {
            Ok(()) => ports::durations(families, findings)?,
            Err(series) => ports_limited += series,
        }
        if let Some(fleet) = fleet.of_master().filter(|fleet| fleet.master.is_some()) {
            match budget.take(families.series, jobs::run_series(fleet)) {
                Ok(()) => jobs::runs(families, fleet)?,
                Err(series) => jobs_limited += series,
            }
        }
        exporter::series_limited(families, fleet, |collector| match collector {
            "ports" => ports_limited,
            "jobs" => jobs_limited,
            "targets" => count(limited.targets),
            _ => 0,
        })
    }
}

/// What is left of `limits.series`.
struct SeriesBudget {
    limit: usize,
    full: bool,
}

impl SeriesBudget {
    /// Whether a family fits; else how many series it would have had.
    fn take(&mut self, written: usize, series: usize) -> Result<(), usize> {
        self.full |= written + series > self.limit;
        if self.full { Err(series) } else { Ok(()) }
    }
}
