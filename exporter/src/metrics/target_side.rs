//! What the targets on this machine see of their master.

use super::Origin;
use crate::diagnosis::TargetFleet;
use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::family_writer::{FamilyWriter, Value};
use crate::model::PageSource;
use crate::target_side::MasterView;
use std::fmt;

/// Everything but the ports, which are written as those of every other exporter.
pub(crate) fn target_side(
    families: &mut FamilyWriter<'_>,
    fleet: &TargetFleet,
    origin: Option<&Origin>,
) -> fmt::Result {
    let views = &fleet.target_side.views;
    families.family(
        &metric::TARGET_MASTER_INFO,
        views.iter().filter_map(|view| {
            let master = view.local_target.enlisted_to.as_deref()?;
            Some(([("target", target(view)), ("master", master)], Value::from(true)))
        }),
    )?;
    each(families, views, &metric::TARGET_ENCRYPT_CHANNEL_OPTION, |view| {
        view.local_target.encrypt_channel_option.map(i64::from)
    })?;
    families.family(
        &metric::MASTER_CERTIFICATE_VALID,
        views.iter().filter_map(|view| {
            let reason = view.presented.as_ref()?.verdict.name();
            Some(([("target", target(view)), ("reason", reason)], Value::from(true)))
        }),
    )?;
    if let Some(origin) = origin {
        written(families, fleet, origin)?;
    }
    each(families, views, &metric::TARGET_INSTANCE_RUNNING, |view| view.services.instance_running)?;
    each(families, views, &metric::TARGET_AGENT_RUNNING, |view| view.services.agent_running)?;
    families.family(
        &metric::TARGET_AGENT_START_MODE,
        views.iter().filter_map(|view| {
            let mode = view.services.agent_start_mode?.name();
            Some(([("target", target(view)), ("mode", mode)], Value::from(true)))
        }),
    )?;
    families.family(
        &metric::MASTER_CERTIFICATE_LOOK,
        views.iter().filter_map(|view| {
            // For which name a client judges that takes an alias is not known.
            let aliased = view.local_target.alias.is_some();
            let (seen, name) = (view.presented.as_ref().filter(|_| !aliased)?, view.local_target.checked_name());
            let sha256 = seen.certificate.as_ref()?.sha256.as_str();
            let labels = [("target", target(view)), ("name", name), ("store", seen.store.name()), ("sha256", sha256)];
            Some((labels, Value::from(true)))
        }),
    )
}

/// What a page in a file says of itself.
fn written(families: &mut FamilyWriter<'_>, fleet: &TargetFleet, origin: &Origin) -> fmt::Result {
    let views = &fleet.target_side.views;
    each(families, views, &metric::TARGET_PAGE_TIMESTAMP, |_| Some(fleet.began))?;
    each(families, views, &metric::TARGET_PAGE_INTERVAL, |_| origin.interval)?;
    let labels = |view| {
        let (source, version) = (PageSource::Exporter.name(), env!("CARGO_PKG_VERSION"));
        [("target", target(view)), ("node", origin.node), ("source", source), ("version", version)]
    };
    families.family(&metric::TARGET_PAGE_INFO, views.iter().map(|view| (labels(view), Value::from(true))))
}

fn each<V: Into<Value>>(
    families: &mut FamilyWriter<'_>,
    views: &[MasterView],
    metric: &Metric,
    value: impl Fn(&MasterView) -> Option<V>,
) -> fmt::Result {
    families.family(metric, views.iter().filter_map(|view| Some(([("target", target(view))], value(view)?.into()))))
}

fn target(view: &MasterView) -> &str {
    &view.local_target.target
}
