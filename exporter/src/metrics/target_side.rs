//! What the targets on this machine see of their master.

use crate::exposition::catalogue as metric;
use crate::exposition::family_writer::{FamilyWriter, Value};
use crate::target_side::{MasterView, TargetSide};
use std::fmt;

/// Everything but the ports, which are written as those of every other exporter.
pub(crate) fn target_side(families: &mut FamilyWriter<'_>, side: &TargetSide) -> fmt::Result {
    families.family(
        &metric::TARGET_MASTER_INFO,
        side.views.iter().filter_map(|view| {
            let master = view.local_target.enlisted_to.as_deref()?;
            Some(([("target", target(view)), ("master", master)], Value::from(true)))
        }),
    )?;
    families.family(
        &metric::TARGET_ENCRYPT_CHANNEL_OPTION,
        side.views.iter().filter_map(|view| {
            Some(([("target", target(view))], Value::from(i64::from(view.local_target.encrypt_channel_option?))))
        }),
    )?;
    families.family(
        &metric::MASTER_CERTIFICATE_VALID,
        side.views.iter().filter_map(|view| {
            let reason = view.presented.as_ref()?.verdict.name();
            Some(([("target", target(view)), ("reason", reason)], Value::from(true)))
        }),
    )
}

fn target(view: &MasterView) -> &str {
    &view.local_target.target
}
