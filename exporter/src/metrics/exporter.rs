//! The exporter itself.

use crate::collectors::CollectorReport;
use crate::diagnosis::Fleet;
use crate::exposition::ExporterFacts;
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::{FamilyWriter, Value};
use crate::model::Check;
use std::fmt;

/// Every counter of the page.
pub(crate) fn counters(families: &mut FamilyWriter<'_>, fleet: &Fleet, facts: &ExporterFacts) -> fmt::Result {
    families.family(
        &metric::SQL_ERRORS,
        facts.sql_errors.into_iter().map(|(stage, count)| ([("stage", stage.name())], count.into())),
    )?;
    families.single(&metric::LOG_LINES_LOST, Some(facts.log_lines_lost))?;
    if let Some(refused) = facts.refused {
        let samples = refused.into_iter().map(|(reason, count)| ([("reason", reason.name())], count.into()));
        families.family(&metric::HTTP_REFUSED, samples)?;
    }
    families.single(&metric::PROBES, facts.probes.map(|probes| probes.asked))?;
    if let Some(probes) = facts.probes {
        let samples = probes.failed.into_iter().map(|(reason, count)| ([("reason", reason.name())], count.into()));
        families.family(&metric::PROBE_FAILURES, samples)?;
    }
    let checks = |check: Check| fleet.port_results().checks.get(&check).copied().unwrap_or_default();
    families.family(
        &metric::PORT_CHECKS,
        Check::ALL.into_iter().map(|check| ([("check", check.name())], checks(check).0.into())),
    )?;
    families.family(
        &metric::PORT_CHECK_FAILURES,
        Check::ALL.into_iter().map(|check| ([("check", check.name())], checks(check).1.into())),
    )?;
    families.single(&metric::PROCESS_CPU, facts.process.and_then(|process| process.cpu_seconds))
}

/// The exporter's gauges, but for [`series_limited`].
pub(crate) fn exporter(families: &mut FamilyWriter<'_>, fleet: &Fleet, facts: &ExporterFacts) -> fmt::Result {
    let build = &facts.build;
    let labels =
        [("version", build.version), ("revision", build.revision), ("rustc", build.rustc), ("role", fleet.role())];
    families.family(&metric::BUILD_INFO, [(labels, Value::from(true))])?;
    reports(families, fleet, &metric::COLLECTOR_SUCCESS, |report| Some(report.success() && report.permission))?;
    reports(families, fleet, &metric::COLLECTOR_DURATION, |report| Some(report.duration))?;
    reports(families, fleet, &metric::COLLECTOR_TIMEOUT, |report| {
        Some(report.fault.as_ref().is_some_and(|fault| fault.timeout))
    })?;
    reports(families, fleet, &metric::COLLECTOR_PERMISSION, |report| Some(report.permission))?;
    reports(families, fleet, &metric::COLLECTOR_READ_AT, |report| report.read_at)?;
    families.single(&metric::SQL_CONNECTIONS, Some(facts.sql_connections))?;
    families.single(&metric::SWEEP_DURATION, fleet.port_results().sweep.map(|sweep| sweep.took))?;
    families.single(&metric::SWEEP_AT, fleet.port_results().sweep.map(|sweep| sweep.ended))?;
    families.single(&metric::RELOAD_SUCCESSFUL, Some(facts.reload.successful))?;
    families.single(&metric::RELOAD_AT, facts.reload.at)?;
    families.single(&metric::PASSIVE, facts.passive)
}

/// The process's gauges.
pub(crate) fn process(families: &mut FamilyWriter<'_>, facts: &ExporterFacts) -> fmt::Result {
    let Some(process) = facts.process else { return Ok(()) };
    families.single(&metric::PROCESS_OPEN_FDS, process.open_fds)?;
    families.single(&metric::PROCESS_MAX_FDS, process.max_fds)?;
    families.single(&metric::PROCESS_RESIDENT, process.resident_bytes)?;
    families.single(&metric::PROCESS_VIRTUAL, process.virtual_bytes)?;
    families.single(&metric::PROCESS_START, process.start_seconds)?;
    families.single(&metric::PROCESS_THREADS, process.threads)
}

/// What limits took away: one series for each collector that is switched on, and one for the port checks.
pub(crate) fn series_limited(
    families: &mut FamilyWriter<'_>,
    fleet: &Fleet,
    limited: impl Fn(&str) -> usize,
) -> fmt::Result {
    let names = fleet.reports().iter().map(|report| report.collector.name()).chain(["ports"]);
    families.family(&metric::SERIES_LIMITED, names.map(|name| ([("collector", name)], limited(name).into())))
}

fn reports<V: Into<Value>>(
    families: &mut FamilyWriter<'_>,
    fleet: &Fleet,
    metric: &Metric,
    value: impl Fn(&CollectorReport) -> Option<V>,
) -> fmt::Result {
    families.family(
        metric,
        fleet
            .reports()
            .iter()
            .filter_map(|report| Some(([("collector", report.collector.name())], value(report)?.into()))),
    )
}
