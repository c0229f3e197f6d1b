//! Whether the master itself lets polls be written, and whether anybody polls without a row.

use super::CAP;
use crate::collectors::targets::{TargetRow, Targets};
use crate::model::silence;
use crate::sqlserver::{ResultSet, Set, Statement, row};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

const MASTER_STATE: Statement =
    Statement::new("master_state", include_str!("../master_state.sql")).within(CAP).at_most(1);
const BLOCKERS: Statement = Statement::new("blockers", include_str!("../blockers.sql")).within(CAP).at_most(100);
const LAST_PROBE: Statement = Statement::new("last_probe", include_str!("../last_probe.sql")).within(CAP).at_most(1);

/// Polls without a row that are seen before they are spoken of: one may be a target that was deleted just then.
const POLLS_WITHOUT_A_ROW: u32 = 3;
/// They are spoken of for so long after the newest.
const THEY_SPEAK: SignedDuration = SignedDuration::from_mins(10);
/// Two looks at one execution differ by less: ages are full seconds.
const SAME_EXECUTION: SignedDuration = SignedDuration::from_secs(2);

/// The master's state at one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MasterState {
    /// When it was looked at, by the master's clock.
    pub at: Timestamp,
    /// Whether msdb is read-only.
    pub is_read_only: bool,
    /// How full the log of msdb is at its present size, in percent.
    pub log_used_percent: Option<i64>,
    /// Why the log cannot be used again, such as `ACTIVE_TRANSACTION`. `NOTHING` where it can.
    pub log_waits_for: Option<String>,
    /// The session that most requests wait for among those with a lock on the table of targets.
    pub blocker: Option<Blocker>,
    /// When somebody last polled without a row, where that was seen often enough.
    pub polled_without_a_row: Option<Timestamp>,
}

/// A session that holds up polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocker {
    /// Its number.
    pub session: i64,
    /// Requests that wait for it.
    pub waiting: i64,
}

row! {
    /// The database that holds the targets.
    #[derive(Debug)]
    struct DatabaseRow {
        is_read_only: Option<i64> = "is_read_only",
        log_waits_for: Option<String> = "log_waits_for",
        log_used_percent: Option<i64> = "log_used_percent",
    }
}

row! {
    /// A session that holds up polls.
    #[derive(Debug)]
    struct BlockerRow {
        session: i64 = "session_id",
        waiting: i64 = "waiting",
    }
}

row! {
    /// When any target last polled.
    #[derive(Debug)]
    struct ProbeRow {
        age_seconds: Option<i64> = "age_seconds",
    }
}

/// What is asked for.
pub(super) struct StateSets {
    database: ResultSet<DatabaseRow>,
    blockers: ResultSet<BlockerRow>,
    probe: ResultSet<ProbeRow>,
}

impl StateSets {
    pub(super) fn new() -> StateSets {
        StateSets {
            database: ResultSet::of(&MASTER_STATE),
            blockers: ResultSet::of(&BLOCKERS),
            probe: ResultSet::of(&LAST_PROBE),
        }
    }

    pub(super) fn all(&mut self) -> [&mut dyn Set; 3] {
        [&mut self.database, &mut self.blockers, &mut self.probe]
    }

    /// What complete sets say.
    pub(super) fn collect(self, now: Timestamp, polls: &mut UnlistedPolls) -> MasterState {
        let age = self.probe.rows.first().and_then(|row| row.age_seconds);
        polls.see(age.filter(|age| *age >= 0).and_then(|age| now.checked_sub(SignedDuration::from_secs(age)).ok()));
        let database = self.database.rows.into_iter().next();
        let blocker = self.blockers.rows.into_iter().max_by_key(|row| row.waiting);
        MasterState {
            at: now,
            is_read_only: database.as_ref().and_then(|row| row.is_read_only) == Some(1),
            log_used_percent: database.as_ref().and_then(|row| row.log_used_percent),
            log_waits_for: database.and_then(|row| row.log_waits_for),
            blocker: blocker.map(|row| Blocker { session: row.session, waiting: row.waiting }),
            polled_without_a_row: None,
        }
    }
}

/// Polls that no row accounts for. An execution of the procedure is seen at one look and compared with the rows of the
/// next reading, which are newer than it.
#[derive(Debug, Default)]
pub(super) struct UnlistedPolls {
    seen: Option<Timestamp>,
    /// Seen and not compared yet.
    pending: Option<Timestamp>,
    in_a_row: u32,
    newest: Option<Timestamp>,
}

impl UnlistedPolls {
    /// Compares what was seen with rows that were read since.
    pub(super) fn compare(&mut self, targets: &Targets) {
        let Some(at) = self.pending.take() else { return };
        let accounts = |row: &Arc<TargetRow>| {
            let interval = SignedDuration::try_from(silence::poll_interval(row.poll_interval_seconds));
            interval.is_ok_and(|interval| at.duration_since(row.last_poll) <= interval)
        };
        if targets.rows.iter().any(accounts) {
            self.in_a_row = 0;
        } else {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.newest = Some(at);
        }
    }

    fn see(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        if self.seen.is_none_or(|seen| at.duration_since(seen) >= SAME_EXECUTION) {
            (self.seen, self.pending) = (Some(at), Some(at));
        }
    }

    /// Adds what is known by the newest rows.
    pub(super) fn complete(&self, state: MasterState) -> MasterState {
        MasterState { polled_without_a_row: self.speaks(state.at), ..state }
    }

    fn speaks(&self, now: Timestamp) -> Option<Timestamp> {
        self.newest.filter(|newest| self.in_a_row >= POLLS_WITHOUT_A_ROW && now.duration_since(*newest) <= THEY_SPEAK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, ago};
    use crate::sqlserver::{MasterClock, prepare};

    #[test]
    fn every_set_names_itself_and_is_sent_without_comments() {
        for statement in [&MASTER_STATE, &BLOCKERS, &LAST_PROBE] {
            let marker = format!("SELECT CAST(NULL AS tinyint) AS [set:{}],", statement.name);
            assert!(statement.text.contains(&marker), "{}", statement.name);
            assert!(!prepare(statement.text, "msdb").contains("--"), "{}", statement.name);
        }
    }

    #[test]
    fn polls_without_a_row_are_spoken_of_after_three_and_for_ten_minutes() {
        let rows = |seconds| {
            let clock = MasterClock { now: NOW, utc_offset_seconds: 0, zone_known: true, started: ago(90_000) };
            Targets { clock, rows: vec![Arc::new(TargetRow { last_poll: ago(seconds), ..TargetRow::default() })] }
        };
        let mut polls = UnlistedPolls::default();
        let look = |polls: &mut UnlistedPolls, seconds: i64, row: i64| {
            polls.see(Some(ago(seconds)));
            polls.compare(&rows(row));
            polls.speaks(NOW)
        };
        assert_eq!([300, 240].map(|seconds| look(&mut polls, seconds, 3_600)), [None, None]);
        assert_eq!(look(&mut polls, 239, 3_600), None, "the same execution, a second off");
        assert_eq!(look(&mut polls, 180, 3_600), Some(ago(180)));
        assert_eq!(polls.speaks(ago(180) + SignedDuration::from_secs(601)), None);
        assert_eq!(look(&mut polls, 120, 180), None, "one interval before: it may have been that target's");
        assert_eq!(look(&mut polls, 60, 121), None, "and it begins again from one");
    }
}
