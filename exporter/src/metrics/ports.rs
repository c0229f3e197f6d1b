//! What the port checks know. These series go on while the master cannot be read.

use crate::diagnosis::Fleet;
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::{FamilyWriter, Value};
use crate::probe::{Finding, PortResults};
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use std::fmt;

/// A finding, with its target.
pub(crate) type TargetFinding<'a> = (&'a str, &'a Finding);

/// What was checked from here.
pub(crate) fn checked(port_results: &PortResults) -> impl Iterator<Item = TargetFinding<'_>> + Clone {
    let all = port_results.findings.iter();
    all.flat_map(|(target, findings)| findings.iter().map(|finding| (target.as_str(), finding)))
}

/// The same, and what the pages of targets show of the way back.
pub(crate) fn of_fleet(fleet: &Fleet) -> impl Iterator<Item = TargetFinding<'_>> + Clone {
    let pages = fleet.of_master().into_iter().flat_map(|fleet| {
        let all = fleet.pages.0.iter();
        all.flat_map(|(target, pages)| pages.ports(fleet.began).iter().map(|finding| (target.as_str(), finding)))
    });
    checked(fleet.port_results()).chain(pages)
}

/// The families that no limit takes away.
pub(crate) fn ports<'a>(
    families: &mut FamilyWriter<'_>,
    findings: impl Iterator<Item = TargetFinding<'a>> + Clone,
) -> fmt::Result {
    each(families, findings.clone(), &metric::PORT_OPEN, |finding| finding.state.open())?;
    each(families, findings.clone(), &metric::PORT_REQUIRED, |finding| Some(finding.required))?;
    each(families, findings.clone(), &metric::PORT_PROTOCOL_OK, |finding| finding.protocol_ok)?;
    families.family(
        &metric::PORT_STATE,
        findings.clone().map(|(target, finding)| {
            let state = [("state", finding.state.name())];
            (PortLabels { target, finding, more: state }, Value::from(true))
        }),
    )?;
    each(families, findings, &metric::PORT_CHECKED_AT, |finding| Some(finding.checked_at))
}

/// The numbers of the ports.
pub(crate) fn infos<'a>(
    families: &mut FamilyWriter<'_>,
    findings: impl Iterator<Item = TargetFinding<'a>>,
) -> fmt::Result {
    families.family(
        &metric::PORT_INFO,
        findings.map(|(target, finding)| (InfoLabels { target, finding }, Value::from(true))),
    )
}

/// How long connects and handshakes took.
pub(crate) fn durations<'a>(
    families: &mut FamilyWriter<'_>,
    findings: impl Iterator<Item = TargetFinding<'a>> + Clone,
) -> fmt::Result {
    each(families, findings.clone(), &metric::PORT_CONNECT_DURATION, |finding| finding.connect)?;
    each(families, findings, &metric::PORT_PROTOCOL_DURATION, |finding| finding.handshake)
}

/// How many series [`durations`] writes.
pub(crate) fn duration_series<'a>(findings: impl Iterator<Item = TargetFinding<'a>>) -> usize {
    findings.map(|(_, finding)| usize::from(finding.connect.is_some()) + usize::from(finding.handshake.is_some())).sum()
}

fn each<'a, V: Into<Value>>(
    families: &mut FamilyWriter<'_>,
    findings: impl Iterator<Item = TargetFinding<'a>>,
    metric: &Metric,
    value: impl Fn(&Finding) -> Option<V>,
) -> fmt::Result {
    families.family(
        metric,
        findings
            .filter_map(|(target, finding)| Some((PortLabels { target, finding, more: [] }, value(finding)?.into()))),
    )
}

/// Which port of which target, and `master` where the finding is about the way to it.
struct PortLabels<'a, const N: usize> {
    target: &'a str,
    finding: &'a Finding,
    more: [(&'static str, &'a str); N],
}

impl<const N: usize> EncodeLabelSet for PortLabels<'_, N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("target", self.target).encode(encoder.encode_label())?;
        ("check", self.finding.check.name()).encode(encoder.encode_label())?;
        ("direction", self.finding.direction.name()).encode(encoder.encode_label())?;
        if let Some(master) = &self.finding.master {
            ("master", master).encode(encoder.encode_label())?;
        }
        self.more.encode(encoder)
    }
}

/// The same with what only `msx_port_info` tells.
struct InfoLabels<'a> {
    target: &'a str,
    finding: &'a Finding,
}

impl EncodeLabelSet for InfoLabels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        PortLabels { target: self.target, finding: self.finding, more: [] }.encode(encoder)?;
        ("port", self.finding.port).encode(encoder.encode_label())?;
        ("protocol", self.finding.transport).encode(encoder.encode_label())?;
        ("source", self.finding.source.name()).encode(encoder.encode_label())
    }
}
