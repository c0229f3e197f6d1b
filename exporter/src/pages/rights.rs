//! The rights that the exporter lacks, and what it costs.

use crate::diagnosis::MasterFleet;
use crate::sqlserver::MissingRight;

/// One grant that is missing.
pub(super) struct MissingGrant<'a> {
    pub(super) not_seen: Vec<&'static str>,
    pub(super) statement: &'a str,
}

impl<'a> MissingGrant<'a> {
    /// Each grant once: two collectors may need the same one, and two rights were one before SQL Server 2022.
    pub(super) fn of(fleet: &'a MasterFleet) -> Vec<MissingGrant<'a>> {
        let mut grants: Vec<MissingGrant<'a>> = Vec::new();
        for MissingRight { not_seen, grant } in fleet.reports.iter().flat_map(|report| &report.missing) {
            match grants.iter_mut().find(|known| known.statement == grant) {
                Some(known) if known.not_seen.contains(not_seen) => {}
                Some(known) => known.not_seen.push(not_seen),
                None => grants.push(MissingGrant { not_seen: vec![not_seen], statement: grant }),
            }
        }
        grants
    }
}

/// What is not seen without them, each once.
pub(super) fn not_seen(grants: &[MissingGrant<'_>]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for one in grants.iter().flat_map(|grant| &grant.not_seen) {
        if !all.contains(one) {
            all.push(one);
        }
    }
    all.join("; ")
}
