//! The enlisted targets, their groups, and the master's clock by which they are judged.

use crate::exposition::catalogue as metric;
use crate::exposition::family_writer::Value;
use crate::exposition::in_order::InOrder;
use crate::model::{Collector, silence};
use crate::sqlserver::{Cell, CellError, Context, MasterClock, Needs, ResultSet, Right, Set, Statement, key, row};
use foldhash::{HashMap, HashMapExt as _};
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::sync::Arc;
use std::time::Duration;

const TARGETS: Statement = Statement::new("targets", include_str!("targets.sql"));
const GROUPS: Statement = Statement::new("groups", include_str!("groups.sql"));

pub(super) const NEEDS: Needs = Needs {
    collector: Collector::Targets,
    essential: &[Right::TargetServers, Right::TargetServerGroups, Right::TargetServerGroupMembers],
    helpful: &[],
};

row! {
    /// One enlisted target: a row of `msdb.dbo.systargetservers`.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct TargetRow {
        /// The key of groups and job outcomes.
        pub server_id: i32 = "server_id",
        /// As stored.
        pub name: String = ["server_name"] => key,
        /// Free text.
        pub location: Option<String> = "location",
        /// When it was enlisted.
        pub enlisted_at: Timestamp = "enlist_date",
        /// Equals the enlistment, within a second, until the first poll.
        pub last_poll: Timestamp = "last_poll_date",
        /// Seconds between the last poll and the master's now, both in its local wall time, as `DATEDIFF(second, …)`
        /// counts them. Wrong by an hour on the nights when clocks change; only for parity with `sp_help_targetserver`.
        pub local_poll_age_seconds: i64 = ["last_poll_date"] => local_age_seconds,
        /// As stored: a bit set, in practice always 1.
        pub stored_status: i32 = "status",
        /// The target's own wall clock.
        pub local_time_at_last_poll: DateTime = "local_time_at_last_poll",
        /// Minutes east of UTC as the target reports them, without daylight saving.
        pub time_zone_adjustment_minutes: i32 = "time_zone_adjustment",
        /// As stored, in seconds. May be 0 or less.
        pub poll_interval_seconds: i32 = "poll_interval",
        /// Who enlisted it, as the master's `sp_enlist_tsx` wrote it down. It is shown of silent targets alone, and `None` for the
        /// others.
        pub enlisted_by: Option<String> = "enlisted_by",
    } and {
        /// Names of the target server groups that it belongs to, sorted.
        pub groups: Vec<String>,
    }
}

row! {
    /// That a target is in a group.
    #[derive(Debug)]
    struct GroupRow {
        server_id: i32 = "server_id",
        group_name: String = "group_name",
    }
}

fn local_age_seconds([cell]: [Cell<'_>; 1], context: &mut Context<'_>) -> Result<i64, CellError> {
    context.local_age_seconds(cell.wall_time()?)
}

impl TargetRow {
    /// Whether it is silent by the master's clock.
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        silence::is_silent(now, self.last_poll, silence::poll_interval(self.poll_interval_seconds))
    }

    /// The silence after which it is stale: three of its own poll intervals.
    pub fn patience(&self) -> Duration {
        silence::patience(silence::poll_interval(self.poll_interval_seconds))
    }

    /// From when on a poll is missed that should have followed one at `fine`.
    pub fn missed_after(&self, fine: Timestamp) -> Timestamp {
        fine.saturating_add(self.patience()).unwrap_or(Timestamp::MAX)
    }

    /// The offset from UTC that it reports, in seconds east, without daylight saving.
    pub fn utc_offset_seconds(&self) -> i32 {
        self.time_zone_adjustment_minutes.saturating_mul(60)
    }
}

/// The enlisted targets with the clock by which they are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// The master's clock when the rows were read.
    pub clock: MasterClock,
    /// One for each enlisted target, before any filter of the configuration. `server_id` 0 is never among them. Shared with
    /// what is assessed from them.
    pub rows: Vec<Arc<TargetRow>>,
}

/// What is asked for.
pub(super) struct Sets {
    targets: ResultSet<TargetRow>,
    groups: ResultSet<GroupRow>,
}

impl Sets {
    pub(super) fn new() -> Sets {
        Sets { targets: ResultSet::of(&TARGETS), groups: ResultSet::of(&GROUPS) }
    }

    pub(super) fn all(&mut self) -> Vec<&mut dyn Set> {
        vec![&mut self.targets, &mut self.groups]
    }

    /// Puts the rows together.
    pub(super) fn collect(self, clock: MasterClock) -> Targets {
        let mut memberships: HashMap<i32, Vec<String>> = HashMap::new();
        for membership in self.groups.rows {
            memberships.entry(membership.server_id).or_default().push(membership.group_name);
        }
        let with_groups = |mut row: TargetRow| {
            row.groups = memberships.remove(&row.server_id).unwrap_or_default();
            row.groups.sort();
            row.groups.dedup();
            Arc::new(row)
        };
        let rows = self.targets.rows.into_iter().map(with_groups).collect();
        Targets { clock, rows }
    }
}

/// What comes straight from the rows, by the names under which the targets are shown.
pub(crate) fn metrics<'a>(
    families: &mut InOrder<'a>,
    clock: &MasterClock,
    rows: impl Iterator<Item = (&'a str, &'a TargetRow)> + Clone + 'a,
) {
    families.single(&metric::SERVER_TIME, Some(clock.now));
    families.single(&metric::SERVER_UTC_OFFSET, Some(clock.utc_offset_seconds));
    families.single(&metric::SERVER_START, Some(clock.started));
    families.family(
        &metric::TARGET_GROUP_INFO,
        rows.clone().flat_map(|(target, row)| {
            let none = row.groups.is_empty().then_some("");
            let groups = row.groups.iter().map(String::as_str).chain(none);
            groups.map(move |group| ([("target", target), ("group", group)], Value::from(true)))
        }),
    );
    let mut each = |metric, value: fn(&TargetRow) -> Value| {
        families.family(metric, rows.clone().map(move |(target, row)| ([("target", target)], value(row))));
    };
    each(&metric::TARGET_ENLISTED_AT, |row| row.enlisted_at.into());
    each(&metric::TARGET_LAST_POLL, |row| row.last_poll.into());
    each(&metric::TARGET_UTC_OFFSET, |row| row.utc_offset_seconds().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_reported_in_minutes_and_shown_in_seconds() {
        let offset =
            |minutes| TargetRow { time_zone_adjustment_minutes: minutes, ..TargetRow::default() }.utc_offset_seconds();
        assert_eq!([330, -300, i32::MAX].map(offset), [19_800, -18_000, i32::MAX]);
    }
}
