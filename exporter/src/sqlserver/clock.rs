//! The only place where the master's local time becomes UTC.
//!
//! `msdb` keeps local time without an offset. With the rules of the zone an instant is exact except in the hour that is
//! repeated in autumn. There it is the latest instant that is not after the master's now; this is decided once for each
//! row and value, so that nothing moves while nothing changed. The hour that is skipped in spring takes the offset
//! before it.

use super::cells::{CellError, Positions};
use super::result_set::Statement;
use super::rows::{Context, Decoder, FromRow};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// `GETDATE()` and `SYSUTCDATETIME()` are different clocks of the same machine: a row may lie this far ahead of now.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);
/// Longer than the repeated hour and than the longest interval between two readings of an expensive statement.
const KEEP_DECISIONS: SignedDuration = SignedDuration::from_hours(24);

/// The first statement of each batch, because the times of all others are converted with it.
pub(crate) const CLOCK: Statement = Statement::new("clock", include_str!("sql/clock.sql"));

/// The server's clock at one reading.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MasterClock {
    /// The server's now; every age is measured by it.
    pub now: Timestamp,
    /// The present offset of its local time from UTC, in seconds east.
    pub utc_offset_seconds: i32,
    /// Whether the rules of its time zone are known. If not, the present offset is used for every instant, and a target
    /// that is silent across a change of clocks is an hour off until it polls.
    pub zone_known: bool,
    /// When the instance started (`create_date` of tempdb).
    pub started: Timestamp,
}

impl FromRow for MasterClock {
    fn decoder(columns: &[String]) -> Result<Decoder<MasterClock>, CellError> {
        let positions = Positions::locate(&["utc_now", "local_now", "utc_offset_minutes", "started"], columns)?;
        Ok(Box::new(move |row, context| {
            let [utc_now, local_now, offset, started] = positions.cells(row)?;
            let row = ClockRow {
                utc_now: utc_now.wall_time()?,
                local_now: local_now.wall_time()?,
                utc_offset_minutes: offset.integer()?,
            };
            let started = started.wall_time()?;
            let clock = context.read_clock(&row)?;
            let (now, utc_offset_seconds, zone_known) = (clock.now, clock.offset.seconds(), clock.zone_known);
            Ok(MasterClock { now, utc_offset_seconds, zone_known, started: context.instant("started", started)? })
        }))
    }

    fn spoiled(error: &CellError, context: &mut Context<'_>) {
        context.without_clock(error);
    }
}

/// The clock's own columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ClockRow {
    utc_now: DateTime,
    local_now: DateTime,
    utc_offset_minutes: i32,
}

/// Which value of which row a decision belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Field {
    set: &'static str,
    row: String,
    column: String,
}

/// Converts the master's local time into UTC. Lives as long as the reader, because its decisions must not change.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    zone: Option<TimeZone>,
    decided: HashMap<Field, Decision>,
}

#[derive(Debug)]
struct Decision {
    wall: DateTime,
    instant: Timestamp,
    used: Timestamp,
}

impl Clock {
    /// Sets the assumed zone of the master. It is used only while its offset equals the server's.
    pub(crate) fn set_zone(&mut self, zone: Option<TimeZone>) {
        self.zone = zone;
    }

    /// The clock of one reading.
    pub(super) fn at(&mut self, row: &ClockRow) -> Result<ClockNow<'_>, CellError> {
        let now = Offset::UTC
            .to_timestamp(row.utc_now)
            .map_err(|error| CellError::new(format!("column utc_now is out of range: {error}")))?;
        let seconds = row.utc_offset_minutes.saturating_mul(60);
        let offset = Offset::from_seconds(seconds)
            .map_err(|error| CellError::new(format!("column utc_offset_minutes is out of range: {error}")))?;
        let zone = self.zone.as_ref().filter(|zone| zone.to_offset(now) == offset).cloned();
        let zone_known = zone.is_some();
        self.decided.retain(|_, decision| now.duration_since(decision.used) < KEEP_DECISIONS);
        Ok(ClockNow {
            now,
            local_now: row.local_now,
            offset,
            zone_known,
            zone: zone.unwrap_or_else(|| TimeZone::fixed(offset)),
            decided: &mut self.decided,
        })
    }
}

/// The master's clock as of one reading.
#[derive(Debug)]
pub(super) struct ClockNow<'c> {
    now: Timestamp,
    offset: Offset,
    /// Whether the rules of its zone are known; otherwise the present offset is used for every instant.
    zone_known: bool,
    local_now: DateTime,
    zone: TimeZone,
    decided: &'c mut HashMap<Field, Decision>,
}

impl ClockNow<'_> {
    /// The instant of a local time in one column of one row.
    pub(super) fn instant(
        &mut self,
        set: &'static str,
        row: &str,
        column: &str,
        wall: DateTime,
    ) -> Result<Timestamp, CellError> {
        let out_of_range = |error: jiff::Error| CellError::new(format!("column {column} is out of range: {error}"));
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Gap { before: offset, .. } => {
                offset.to_timestamp(wall).map_err(out_of_range)
            }
            AmbiguousOffset::Fold { before, after } => {
                let first = before.to_timestamp(wall).map_err(out_of_range)?;
                let second = after.to_timestamp(wall).map_err(out_of_range)?;
                let now = self.now;
                let decision = self
                    .decided
                    .entry(Field { set, row: row.to_owned(), column: column.to_owned() })
                    .and_modify(|decision| decision.used = now)
                    .or_insert(Decision { wall: DateTime::MIN, instant: first, used: now });
                if decision.wall != wall {
                    let latest = if second <= now + CLOCKS_APART { second } else { first };
                    *decision = Decision { wall, instant: latest, used: now };
                }
                Ok(decision.instant)
            }
        }
    }

    /// `DATEDIFF(second, wall, GETDATE())`: boundaries of seconds crossed, in local time.
    pub(super) fn local_age_seconds(&self, wall: DateTime) -> i64 {
        let seconds = |at: DateTime| Offset::UTC.to_timestamp(at).map(Timestamp::as_second).unwrap_or_default();
        seconds(self.local_now) - seconds(wall)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::zone_by_name;
    use jiff::civil::datetime;

    fn row(utc: DateTime, offset_minutes: i32) -> ClockRow {
        let local_now = utc + SignedDuration::from_mins(i64::from(offset_minutes));
        ClockRow { utc_now: utc, local_now, utc_offset_minutes: offset_minutes }
    }

    fn berlin() -> Clock {
        let mut clock = Clock::default();
        clock.set_zone(zone_by_name("W. Europe Standard Time"));
        clock
    }

    fn poll(clock: &mut Clock, at: &ClockRow, wall: DateTime) -> String {
        clock.at(at).unwrap().instant("targets", "SQL01", "last_poll_date", wall).unwrap().to_string()
    }

    #[test]
    fn summer_and_winter_are_kept_apart() {
        let mut clock = berlin();
        let november = row(datetime(2026, 11, 22, 12, 0, 0, 0), 60);
        assert_eq!(poll(&mut clock, &november, datetime(2026, 7, 1, 12, 0, 0, 0)), "2026-07-01T10:00:00Z");
        assert_eq!(poll(&mut clock, &november, datetime(2026, 11, 1, 12, 0, 0, 0)), "2026-11-01T11:00:00Z");
    }

    #[test]
    fn the_repeated_hour_is_the_latest_instant_that_is_not_in_the_future() {
        let wall = datetime(2026, 10, 25, 2, 30, 0, 0);
        let before_the_change = row(datetime(2026, 10, 25, 0, 30, 10, 0), 120);
        let after_the_change = row(datetime(2026, 10, 25, 1, 30, 10, 0), 60);
        assert_eq!(poll(&mut berlin(), &before_the_change, wall), "2026-10-25T00:30:00Z");
        assert_eq!(poll(&mut berlin(), &after_the_change, wall), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn what_was_decided_in_the_repeated_hour_does_not_move() {
        let mut clock = berlin();
        let wall = datetime(2026, 10, 25, 2, 30, 0, 0);
        let first = poll(&mut clock, &row(datetime(2026, 10, 25, 0, 31, 0, 0), 120), wall);
        let later = poll(&mut clock, &row(datetime(2026, 10, 25, 1, 31, 0, 0), 60), wall);
        assert_eq!((first.as_str(), later.as_str()), ("2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"));
        let polled_again = datetime(2026, 10, 25, 2, 30, 30, 0);
        let now = row(datetime(2026, 10, 25, 1, 31, 0, 0), 60);
        assert_eq!(poll(&mut clock, &now, polled_again), "2026-10-25T01:30:30Z");
    }

    #[test]
    fn a_row_written_by_the_coarser_clock_is_not_taken_for_an_hour_ago() {
        let now = row(datetime(2026, 10, 25, 1, 30, 0, 0), 60);
        let wall = datetime(2026, 10, 25, 2, 30, 0, 3_000_000);
        assert_eq!(poll(&mut berlin(), &now, wall), "2026-10-25T01:30:00.003Z");
    }

    #[test]
    fn the_skipped_hour_takes_the_offset_before_it() {
        let now = row(datetime(2026, 3, 29, 1, 30, 0, 0), 120);
        assert_eq!(poll(&mut berlin(), &now, datetime(2026, 3, 29, 2, 30, 0, 0)), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn a_zone_whose_offset_is_not_the_servers_is_not_believed() {
        let mut clock = berlin();
        let kolkata = row(datetime(2026, 11, 22, 12, 0, 0, 0), 330);
        assert!(!clock.at(&kolkata).unwrap().zone_known);
        assert_eq!(poll(&mut clock, &kolkata, datetime(2026, 11, 22, 17, 0, 0, 0)), "2026-11-22T11:30:00Z");
    }

    #[test]
    fn ages_in_wall_time_count_seconds_crossed() {
        let mut clock = berlin();
        let now =
            ClockRow { local_now: datetime(2026, 11, 22, 12, 0, 1, 0), ..row(datetime(2026, 11, 22, 11, 0, 1, 0), 60) };
        let now = clock.at(&now).unwrap();
        assert_eq!(now.local_age_seconds(datetime(2026, 11, 22, 12, 0, 0, 999_000_000)), 1);
        assert_eq!(now.local_age_seconds(datetime(2026, 11, 22, 13, 0, 1, 0)), -3_600);
    }

    #[test]
    fn values_at_the_edge_of_time_are_errors_not_panics() {
        let mut clock = berlin();
        let now = row(datetime(9999, 12, 30, 12, 0, 0, 0), 60);
        let result = clock.at(&now).map(|mut now| now.instant("targets", "x", "y", DateTime::MAX).is_err());
        assert!(result.is_err() || result == Ok(true) || result == Ok(false));
        assert!(clock.at(&ClockRow { utc_offset_minutes: i32::MAX, ..now }).is_err());
        assert!(clock.at(&ClockRow { utc_now: DateTime::MAX, ..now }).is_err());
    }
}
