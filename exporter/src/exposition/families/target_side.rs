//! What the targets on this machine see of their master.

use crate::exposition::catalogue as metric;
use crate::exposition::sheet::{Sheet, Value};
use crate::target_side::{FarSide, View};
use std::fmt;

/// Everything but the ports, which are written as those of every other exporter.
pub(crate) fn far(sheet: &mut Sheet<'_>, far: &FarSide) -> fmt::Result {
    let target = |view: &View| view.home.target.clone();
    sheet.family(
        &metric::TARGET_MASTER_INFO,
        far.views.iter().filter_map(|view| {
            let master = view.home.enlisted_to.clone()?;
            Some(([("target", target(view)), ("master", master)], Value::from(true)))
        }),
    )?;
    sheet.family(
        &metric::TARGET_ENCRYPT_CHANNEL_OPTION,
        far.views.iter().filter_map(|view| {
            Some(([("target", target(view))], Value::from(i64::from(view.home.encrypt_channel_option?))))
        }),
    )?;
    sheet.family(
        &metric::MASTER_CERTIFICATE_VALID,
        far.views.iter().filter_map(|view| {
            let reason = view.presented.as_ref()?.verdict.name().to_owned();
            Some(([("target", target(view)), ("reason", reason)], Value::from(true)))
        }),
    )
}
