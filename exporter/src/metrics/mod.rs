//! What each part of a fleet becomes on a page for Prometheus, in both formats. Pure: no I/O, no clock, no `await`.
//!
//! prometheus-client writes OpenMetrics 1.0.0 and nothing else. The only lines in which the older text format 0.0.4
//! differs on our pages are the headers of counters, whose family has no `_total` in OpenMetrics, and the closing
//! `# EOF`. So counters go first, through `text004`, and the rest, which is nearly all, is the same in both.

mod exporter;
mod jobs;
mod master;
mod ports;
mod target;
mod target_side;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use ports::{durations, infos, ports};

use crate::collectors;
use crate::config::Limits;
use crate::diagnosis::{Fleet, MasterFleet};
use crate::exposition::family_writer::{FamilyWriter, Sink};
use crate::exposition::in_order::InOrder;
use crate::exposition::zipper::Zipper;
use crate::exposition::{ExporterFacts, Format, text004};
use prometheus_client::encoding::text;
use std::fmt;
use std::sync::Arc;

/// Writes a page.
pub fn page(fleet: &Arc<Fleet>, facts: &ExporterFacts, limits: &Limits, format: Format) -> String {
    let mut out = String::new();
    page_into(&mut out, fleet, facts, limits, format);
    out
}

/// Writes a page in place of what a buffer holds, so that its memory serves the next scrape again.
pub fn page_into(out: &mut String, fleet: &Arc<Fleet>, facts: &ExporterFacts, limits: &Limits, format: Format) {
    out.clear();
    write(out, fleet, facts, limits, format);
}

/// Writes a page and compresses it on the way.
pub fn zipped_page(fleet: &Arc<Fleet>, facts: &ExporterFacts, limits: &Limits, format: Format) -> Vec<u8> {
    let mut out = Zipper::new();
    write(&mut out, fleet, facts, limits, format);
    out.finish()
}

fn write(out: &mut dyn Sink, fleet: &Fleet, facts: &ExporterFacts, limits: &Limits, format: Format) {
    // Writing into memory cannot fail.
    let mut counters = String::new();
    let _ = exporter::counters(&mut FamilyWriter::new(&mut counters), fleet, facts);
    let _ = match format {
        Format::OpenMetrics100 => {
            out.buffer().push_str(&counters);
            Ok(())
        }
        Format::Text004 => text004::from_openmetrics(&counters, out.buffer()),
    };
    let page = Page { fleet, facts, series_limit: limits.series };
    let _ = page.gauges(&mut FamilyWriter::new(out));
    if format == Format::OpenMetrics100 {
        let _ = text::encode_eof(out.buffer());
    }
}

/// The gauges of one page, which are nearly all of it.
struct Page<'a> {
    fleet: &'a Fleet,
    facts: &'a ExporterFacts,
    series_limit: usize,
}

impl Page<'_> {
    fn gauges(&self, families: &mut FamilyWriter<'_>) -> fmt::Result {
        let (fleet, facts) = (self.fleet, self.facts);
        match fleet {
            Fleet::Master(fleet) => self.master(families, fleet)?,
            Fleet::Target(fleet) => target_side::target_side(families, &fleet.target_side)?,
        }
        ports::ports(families, fleet.port_results())?;
        exporter::exporter(families, fleet, facts)?;
        exporter::process(families, facts)?;
        self.what_fits(families)
    }

    fn master(&self, families: &mut FamilyWriter<'_>, fleet: &MasterFleet) -> fmt::Result {
        if self.facts.passive != Some(true) {
            master::up(families, fleet)?;
        }
        // Without the targets nothing about the master or a target is written: old values would look like news.
        if let Some(clock) = &fleet.master {
            let mut waiting = InOrder::default();
            collectors::targets::metrics(&mut waiting, clock, fleet.rows());
            collectors::downloads::metrics(&mut waiting, fleet.downloadlist_rows);
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

    /// The families that a page can do without, the most useful one first. Once one does not fit it goes whole, and so
    /// do all behind it: which series are there must not depend on small changes.
    fn what_fits(&self, families: &mut FamilyWriter<'_>) -> fmt::Result {
        let (fleet, port_results) = (self.fleet, self.fleet.port_results().as_ref());
        let mut room = Room { limit: self.series_limit, full: false };
        let mut ports_limited = 0;
        let count = |left_out: u64| usize::try_from(left_out).unwrap_or(usize::MAX);
        let limited = fleet.of_master().map(|fleet| fleet.limited).unwrap_or_default();
        let mut jobs_limited = count(limited.job_pairs).saturating_mul(jobs::SERIES_PER_RUN);

        match room.take(families.series, ports::info_series(port_results)) {
            Ok(()) => ports::infos(families, port_results)?,
            Err(series) => ports_limited += series,
        }
        match room.take(families.series, ports::duration_series(port_results)) {
            Ok(()) => ports::durations(families, port_results)?,
            Err(series) => ports_limited += series,
        }
        if let Some(fleet) = fleet.of_master().filter(|fleet| fleet.master.is_some()) {
            match room.take(families.series, jobs::run_series(fleet)) {
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
struct Room {
    limit: usize,
    full: bool,
}

impl Room {
    /// Whether a family fits; else how many series it would have had.
    fn take(&mut self, written: usize, series: usize) -> Result<(), usize> {
        self.full |= written + series > self.limit;
        if self.full { Err(series) } else { Ok(()) }
    }
}
