//! The enlisted targets, their groups, and the master's clock by which they are judged.

use crate::model::Collector;
use crate::sqlserver::{Cell, CellError, Context, MasterClock, Needs, ResultSet, Right, Set, Statement, key, row};
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::collections::HashMap;

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
    /// One for each enlisted target, before any filter of the configuration. `server_id` 0 is never among them.
    pub rows: Vec<TargetRow>,
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
        let mut rows = self.targets.rows;
        for row in &mut rows {
            row.groups = memberships.remove(&row.server_id).unwrap_or_default();
            row.groups.sort();
            row.groups.dedup();
        }
        Targets { clock, rows }
    }
}
