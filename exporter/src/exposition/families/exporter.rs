//! The exporter itself.

use crate::diagnosis::Fleet;
use crate::exposition::ExporterFacts;
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::sheet::{Sheet, Value};
use crate::model::{Check, Stage};
use crate::sqlserver::CollectorReport;
use std::fmt;

/// Every counter of the page. They are written apart because only their headers differ between the formats.
pub(crate) fn counters(sheet: &mut Sheet<'_>, fleet: &Fleet, facts: &ExporterFacts) -> fmt::Result {
    sheet.family(
        &metric::SQL_ERRORS,
        Stage::ALL.into_iter().zip(facts.sql_errors).map(|(stage, count)| ([("stage", stage.name())], count.into())),
    )?;
    let checks = |check: Check| fleet.board.checks.get(&check).copied().unwrap_or_default();
    sheet.family(
        &metric::PORT_CHECKS,
        Check::ALL.into_iter().map(|check| ([("check", check.name())], checks(check).0.into())),
    )?;
    sheet.family(
        &metric::PORT_CHECK_FAILURES,
        Check::ALL.into_iter().map(|check| ([("check", check.name())], checks(check).1.into())),
    )?;
    sheet.single(&metric::PROCESS_CPU, facts.process.and_then(|process| process.cpu_seconds))
}

/// The exporter's gauges, but for [`series_limited`].
pub(crate) fn exporter(sheet: &mut Sheet<'_>, fleet: &Fleet, facts: &ExporterFacts) -> fmt::Result {
    let build = &facts.build;
    let labels = [("version", build.version), ("revision", build.revision), ("rustc", build.rustc)];
    sheet.family(&metric::BUILD_INFO, [(labels, Value::from(true))])?;
    reports(sheet, fleet, &metric::COLLECTOR_SUCCESS, |report| Some(report.success() && report.permission))?;
    reports(sheet, fleet, &metric::COLLECTOR_DURATION, |report| Some(report.duration))?;
    reports(sheet, fleet, &metric::COLLECTOR_TIMEOUT, |report| {
        Some(report.fault.as_ref().is_some_and(|fault| fault.timeout))
    })?;
    reports(sheet, fleet, &metric::COLLECTOR_PERMISSION, |report| Some(report.permission))?;
    reports(sheet, fleet, &metric::COLLECTOR_READ_AT, |report| report.read_at)?;
    sheet.single(&metric::SQL_CONNECTIONS, Some(facts.sql_connections))?;
    sheet.single(&metric::SWEEP_DURATION, fleet.board.sweep.map(|sweep| sweep.took))?;
    sheet.single(&metric::SWEEP_AT, fleet.board.sweep.map(|sweep| sweep.ended))?;
    sheet.single(&metric::RELOAD_SUCCESSFUL, Some(facts.reload.successful))?;
    sheet.single(&metric::RELOAD_AT, facts.reload.at)?;
    sheet.single(&metric::PASSIVE, facts.passive)
}

/// The process's gauges.
pub(crate) fn process(sheet: &mut Sheet<'_>, facts: &ExporterFacts) -> fmt::Result {
    let Some(process) = facts.process else { return Ok(()) };
    sheet.single(&metric::PROCESS_OPEN_FDS, process.open_fds)?;
    sheet.single(&metric::PROCESS_MAX_FDS, process.max_fds)?;
    sheet.single(&metric::PROCESS_RESIDENT, process.resident_bytes)?;
    sheet.single(&metric::PROCESS_VIRTUAL, process.virtual_bytes)?;
    sheet.single(&metric::PROCESS_START, process.start_seconds)?;
    sheet.single(&metric::PROCESS_THREADS, process.threads)
}

/// What limits took away: one series for each collector that is switched on, and one for the port checks.
pub(crate) fn series_limited(sheet: &mut Sheet<'_>, fleet: &Fleet, limited: impl Fn(&str) -> usize) -> fmt::Result {
    let names = fleet.reports.iter().map(|report| report.collector.name()).chain(["ports"]);
    sheet.family(&metric::SERIES_LIMITED, names.map(|name| ([("collector", name)], limited(name).into())))
}

fn reports<V: Into<Value>>(
    sheet: &mut Sheet<'_>,
    fleet: &Fleet,
    metric: &Metric,
    value: impl Fn(&CollectorReport) -> Option<V>,
) -> fmt::Result {
    sheet.family(
        metric,
        fleet
            .reports
            .iter()
            .filter_map(|report| Some(([("collector", report.collector.name())], value(report)?.into()))),
    )
}
