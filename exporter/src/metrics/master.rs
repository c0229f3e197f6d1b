//! The master itself, as far as it does not come straight from a collector's rows.

use crate::diagnosis::MasterFleet;
use crate::exposition::catalogue as metric;
use crate::exposition::family_writer::FamilyWriter;
use crate::exposition::in_order::InOrder;
use std::fmt;

/// Whether the targets were read.
pub(crate) fn up(families: &mut FamilyWriter<'_>, fleet: &MasterFleet) -> fmt::Result {
    families.single(&metric::UP, Some(fleet.master.is_some()))
}

/// What follows from several rows. Only for a fleet whose targets were read.
pub(crate) fn master<'a>(families: &mut InOrder<'a>, fleet: &'a MasterFleet) {
    let shown = fleet.targets.iter().filter(|target| target.enlisted.is_some()).count() as u64;
    families.single(&metric::TARGETS, Some(shown + fleet.limited.targets));
    families.family(
        &metric::ORPHAN_INSTRUCTIONS,
        fleet.orphans.iter().flatten().filter(|orphan| orphan.count > 0).map(|orphan| {
            ([("target", orphan.target.as_str()), ("operation", orphan.kind.name())], orphan.count.into())
        }),
    );
}
