//! The metrics, and the values of those labels that have a closed set of them.

use crate::diagnosis::Fleet;
use crate::exposition::{self, Metric};
use crate::model::{
    Cause, Check, Collector, Direction, ErrorClass, MasterEvidence, Operation, OrphanKind, PageSource, PortSource,
    PortState, ProbeFailure, Refusal, Stage, StartMode, Store,
};
use crate::probe::protocol::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize)]
pub(super) struct MetricFacts {
    pub(super) name: &'static str,
    /// `gauge` or `counter`.
    pub(super) kind: &'static str,
    pub(super) labels: Vec<&'static str>,
    /// The values of each label that has a closed set of them.
    pub(super) values: BTreeMap<&'static str, Vec<&'static str>>,
    /// The name of its chapter in the reference.
    pub(super) group: &'static str,
    /// The collector without which it is absent.
    pub(super) collector: Option<&'static str>,
    pub(super) help: &'static str,
}

/// All metrics in the order of the page.
pub(super) fn facts() -> Vec<MetricFacts> {
    let facts = |metric: &Metric| MetricFacts {
        name: metric.name,
        kind: metric.kind.name(),
        labels: metric.labels.to_vec(),
        values: metric.labels.iter().filter_map(|label| Some((*label, values(metric.name, label)?))).collect(),
        group: metric.group.name(),
        collector: metric.collector.map(Collector::name),
        help: metric.help,
    };
    exposition::catalogue().iter().map(facts).collect()
}

fn values(metric: &str, label: &str) -> Option<Vec<&'static str>> {
    Some(match (metric, label) {
        // The label counts ports too, which are not a collector.
        ("msx_exporter_series_limited", _) => return None,
        ("msx_orphan_instructions", "operation") => OrphanKind::ALL.map(OrphanKind::name).into(),
        ("msx_port_state", "state") => PortState::ALL.map(PortState::name).into(),
        (_, "cause") => Cause::ALL.map(Cause::name).into(),
        (_, "check") => Check::ALL.map(Check::name).into(),
        (_, "class") => ErrorClass::ALL.map(ErrorClass::name).into(),
        (_, "collector") => Collector::ALL.map(Collector::name).into(),
        (_, "evidence") => MasterEvidence::ALL.map(MasterEvidence::name).into(),
        (_, "direction") => Direction::ALL.map(Direction::name).into(),
        (_, "operation") => Operation::ALL.map(Operation::name).into(),
        ("msx_exporter_http_refused_total", "reason") => Refusal::ALL.map(Refusal::name).into(),
        ("msx_exporter_probe_failures_total", "reason") => ProbeFailure::ALL.map(ProbeFailure::name).into(),
        (_, "mode") => StartMode::ALL.map(StartMode::name).into(),
        (_, "role") => Fleet::ROLES.into(),
        (_, "reason") => Verdict::ALL.map(Verdict::name).into(),
        ("msx_target_page_info", "source") => PageSource::ALL.map(PageSource::name).into(),
        (_, "source") => PortSource::ALL.map(PortSource::name).into(),
        (_, "store") => Store::ALL.map(Store::name).into(),
        (_, "stage") => Stage::ALL.map(Stage::name).into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn labels_with_a_closed_set_have_their_values_and_others_none() {
        let facts = facts();
        let of = |name: &str| facts.iter().find(|metric| metric.name == name).unwrap();
        assert_eq!(of("msx_target_diagnosis").values["cause"].len(), Cause::ALL.len());
        assert!(!of("msx_target_diagnosis").values.contains_key("target"));
        assert_eq!(of("msx_orphan_instructions").values["operation"], ["defect", "other"]);
        assert!(of("msx_exporter_series_limited").values.is_empty());
        assert!(of("msx_port_state").values["state"].contains(&"filtered"));
    }
}
