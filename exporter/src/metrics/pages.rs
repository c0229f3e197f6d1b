//! The pages that targets wrote. These series go on while the master cannot be read.

use crate::diagnosis::MasterFleet;
use crate::exposition::catalogue as metric;
use crate::exposition::family_writer::FamilyWriter;
use crate::target_pages::TargetPage;
use std::fmt;

/// When each page was taken, and how often one is.
pub(super) fn pages(families: &mut FamilyWriter<'_>, fleet: &MasterFleet) -> fmt::Result {
    let of = |page: fn(&TargetPage) -> Option<f64>| {
        let known = fleet.pages.0.iter().filter_map(|(target, pages)| Some((target.as_str(), &pages.newest()?.page)));
        known.filter_map(move |(target, known)| Some(([("target", target)], page(known)?.into())))
    };
    families.family(&metric::TARGET_PAGE_TIMESTAMP, of(|page| Some(page.taken_at.as_millisecond() as f64 / 1000.0)))?;
    families.family(&metric::TARGET_PAGE_INTERVAL, of(|page| page.interval.map(|interval| interval.as_secs_f64())))
}
