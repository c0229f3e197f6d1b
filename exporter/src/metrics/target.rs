//! The targets. A target that is expected and not enlisted has `msx_target_enlisted` 0 and its diagnosis alone.

use crate::diagnosis::{Enlisted, MasterFleet, Target};
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::Value;
use crate::exposition::in_order::InOrder;
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use std::fmt;

/// Everything about every target. Only for a fleet whose targets were read.
pub(crate) fn targets<'a>(families: &mut InOrder<'a>, fleet: &'a MasterFleet) {
    families.family(
        &metric::TARGET_INFO,
        enlisted(fleet).map(|(target, row)| (InfoLabels { target, row }, Value::from(true))),
    );
    families.family(
        &metric::TARGET_ENLISTED,
        fleet.targets.iter().map(|target| (only(target), target.enlisted.is_some().into())),
    );
    families.family(
        &metric::TARGET_EXPECTED,
        enlisted(fleet).filter_map(|(target, _)| Some((only(target), target.expected?.into()))),
    );
    each(families, fleet, &metric::TARGET_POLL_INTERVAL, |row| Some(row.poll_interval));
    each(families, fleet, &metric::TARGET_POLLED, |row| Some(row.polled));
    each(families, fleet, &metric::TARGET_CLOCK_SKEW, |row| row.clock_skew_seconds);
    families.family(
        &metric::TARGET_MAINTENANCE,
        enlisted(fleet)
            .filter(|_| fleet.has_maintenance_windows)
            .map(|(target, _)| (only(target), target.maintenance.is_some().into())),
    );
    families.family(
        &metric::TARGET_DIAGNOSIS,
        fleet.targets.iter().map(|target| {
            let cause = target.diagnosis.cause;
            ([("target", target.name.as_str()), ("cause", cause.name())], Value::from(true))
        }),
    );
    families.family(
        &metric::TARGET_DIAGNOSIS_CODE,
        fleet.targets.iter().map(|target| (only(target), u64::from(target.diagnosis.cause.code()).into())),
    );
    families.family(
        &metric::TARGET_MASTER_EVIDENCE,
        fleet.targets.iter().filter_map(|target| {
            let evidence = target.trace.as_ref()?.word.name();
            Some(([("target", target.name.as_str()), ("evidence", evidence)], Value::from(true)))
        }),
    );
}

/// One series for each enlisted target of which the value is known.
fn each<'a, V: Into<Value>>(
    families: &mut InOrder<'a>,
    fleet: &'a MasterFleet,
    metric: &'static Metric,
    value: impl Fn(&Enlisted) -> Option<V> + 'a,
) {
    families.family(metric, enlisted(fleet).filter_map(move |(target, row)| Some((only(target), value(row)?.into()))));
}

fn enlisted(fleet: &MasterFleet) -> impl Iterator<Item = (&Target, &Enlisted)> {
    fleet.targets.iter().filter_map(|target| Some((target, target.enlisted.as_ref()?)))
}

fn only(target: &Target) -> [(&'static str, &str); 1] {
    [("target", target.name.as_str())]
}

/// Labels of `msx_target_info`: our own, and those that the configuration adds.
struct InfoLabels<'a> {
    target: &'a Target,
    row: &'a Enlisted,
}

impl EncodeLabelSet for InfoLabels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("target", self.target.name.as_str()).encode(encoder.encode_label())?;
        ("location", self.row.location.as_deref().unwrap_or_default()).encode(encoder.encode_label())?;
        let added = &self.target.labels;
        for (index, (name, value)) in added.iter().enumerate() {
            // The configuration refuses such names; a page that does not parse would hide every other target too.
            let taken = matches!(name.as_str(), "target" | "location");
            if is_label_name(name) && !taken && !added[..index].iter().any(|(earlier, _)| earlier == name) {
                (name.as_str(), value.as_str()).encode(encoder.encode_label())?;
            }
        }
        Ok(())
    }
}

/// Whether Prometheus accepts a label's name in every version, and does not keep it for itself.
fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with("__")
}
