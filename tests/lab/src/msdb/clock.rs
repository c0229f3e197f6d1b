//! The master's clock: it can stand, run at any speed, and be moved.

use crate::tsql::world::Now;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::time::Instant;

/// A clock of the lab's own.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
    base: Timestamp,
    since: Instant,
    /// Lab seconds for each real second; 0 stands still.
    speed: f64,
}

impl Clock {
    /// A clock that shows the real time in UTC and runs.
    pub fn real() -> Clock {
        Clock { zone: TimeZone::UTC, base: Timestamp::now(), since: Instant::now(), speed: 1.0 }
    }

    /// What it shows now.
    pub fn now(&self) -> Timestamp {
        let ran = SignedDuration::try_from_secs_f64(self.since.elapsed().as_secs_f64() * self.speed)
            .unwrap_or(SignedDuration::ZERO);
        self.base.checked_add(ran).unwrap_or(self.base)
    }

    /// Sets it; it goes on as fast as before.
    pub fn set(&mut self, at: Timestamp) {
        self.base = at;
        self.since = Instant::now();
    }

    /// Lets it run at this speed from now on.
    pub fn run(&mut self, speed: f64) {
        let now = self.now();
        self.set(now);
        self.speed = speed;
    }

    /// Changes the zone of its wall time.
    pub fn set_zone(&mut self, zone: TimeZone) {
        self.zone = zone;
    }

    /// The zone of its wall time.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// An instant with its local wall time.
    pub fn reading(&self, utc: Timestamp) -> Now {
        let zoned = utc.to_zoned(self.zone.clone());
        let offset = i16::try_from(zoned.offset().seconds() / 60).unwrap_or(0);
        Now { utc, local: zoned.datetime(), offset }
    }
}

/// Minutes east of UTC without daylight saving, as a target reports them (minus the registry's Bias).
pub(crate) fn standard_offset_minutes(zone: &TimeZone, at: Timestamp) -> i32 {
    let mut probe = at;
    for _ in 0..24 {
        let info = zone.to_offset_info(probe);
        if !info.dst().is_dst() {
            return info.offset().seconds() / 60;
        }
        probe = probe.checked_add(SignedDuration::from_hours(24 * 16)).unwrap_or(at);
    }
    zone.to_offset(at).seconds() / 60
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wall_time_follows_the_zone() {
        let mut clock = Clock::real();
        clock.run(0.0);
        clock.set_zone(TimeZone::get("Europe/Berlin").unwrap());
        let hour = |text: &str| {
            let now = clock.reading(text.parse().unwrap());
            (now.local.hour(), now.offset)
        };
        assert_eq!(hour("2026-10-25T00:30:00Z"), (2, 120));
        assert_eq!(hour("2026-10-25T01:30:00Z"), (2, 60));
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        assert_eq!(standard_offset_minutes(&kolkata, Timestamp::UNIX_EPOCH), 330);
        let summer: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
        assert_eq!(standard_offset_minutes(clock.zone(), summer), 60);
    }

    #[test]
    fn it_stands_when_told_to() {
        let mut clock = Clock::real();
        clock.run(0.0);
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
    }
}
