//! Every instant, from the wall clock of a master in its zone to the fleet, judged by the instants that the lab's
//! targets really polled at.

use crate::support::Site;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use msx_exporter::collectors::Reading;
use msx_exporter::diagnosis::{Enlisted, MasterFleet, Memory, assess};
use msx_lab::msdb::{Downloading, Lab, Operation, Scenario};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far the clock of SQL02 is ahead.
const AHEAD: SignedDuration = SignedDuration::from_secs(7 * 60 + 5);
/// SQL04 stops at the start, SQL03 takes nothing from then on.
const SILENT: &str = "SQL04";
const WAITING: &str = "SQL03";

/// A master whose clock a test sets, and the exporter that watches it.
struct Night {
    zone: &'static str,
    lab: Lab,
    site: Site,
    memory: Memory,
    start: Timestamp,
    posted: Timestamp,
}

impl Night {
    async fn begin(zone: &'static str, version: u16, start: &str, keys: &[(&str, &str)]) -> Night {
        let lab = Lab::scenario(Scenario::Healthy).version(version).zone(zone).at(start);
        lab.with(|fleet, _| {
            fleet.target_mut("SQL02").unwrap().skew = AHEAD;
            fleet.target_mut("SQL05").unwrap().zone = TimeZone::get("Asia/Kathmandu").unwrap();
            fleet.target_mut("SQL06").unwrap().zone = TimeZone::get("America/St_Johns").unwrap();
            fleet.target_mut(WAITING).unwrap().downloading = Downloading::Nothing;
        });
        lab.advance(SignedDuration::from_mins(2));
        lab.stop(SILENT);
        lab.post(WAITING, Operation::Insert);
        let posted = lab.now();
        let site = Site::with(Arc::new(lab.clone()), keys).await;
        Night { zone, site, memory: Memory::default(), start: start.parse().unwrap(), posted, lab }
    }

    fn judge(&mut self, reading: &Reading) -> (MasterFleet, BTreeMap<String, Enlisted>) {
        assert!(reading.reports().all(|report| report.fault.is_none()), "{reading:?}");
        let fleet = assess(reading, Arc::default(), &self.site.config, &mut self.memory).fleet;
        let targets = fleet.targets.iter().map(|target| (target.name.clone(), target.enlisted.clone().unwrap()));
        let targets = targets.collect();
        (fleet, targets)
    }

    /// When each target polled last, by the lab's own knowledge of instants.
    fn polls(&self) -> BTreeMap<String, Timestamp> {
        self.lab.with(|fleet, _| {
            let poll = |t: &msx_lab::msdb::Target| t.next_poll - SignedDuration::from_secs(t.interval);
            fleet.targets.values().map(|target| (target.name.clone(), poll(target))).collect()
        })
    }

    fn says(&self) -> String {
        format!("{} at {}", self.zone, self.lab.now())
    }

    /// Everything that has a time must be right to the second.
    async fn is_right(&mut self) {
        let reading = self.site.read().await;
        let (fleet, targets) = self.judge(&reading);
        let now = self.lab.now();
        let clock = fleet.master.unwrap();
        assert_eq!((clock.now, clock.zone_known), (now, true), "{}", self.says());
        let offset = TimeZone::get(self.zone).unwrap().to_offset(now).seconds();
        assert_eq!(clock.utc_offset_seconds, offset, "{}", self.says());
        assert_eq!(clock.started, self.start - SignedDuration::from_hours(40 * 24), "{}", self.says());
        for (name, polled) in self.polls() {
            let target = &targets[&name];
            assert_eq!(target.last_poll, polled, "{name} in {}", self.says());
            assert_eq!(
                target.enlisted_at,
                self.start - SignedDuration::from_hours(30 * 24),
                "{name} in {}",
                self.says()
            );
            // Where daylight saving is half an hour, what a target reports says nothing of the other half.
            if self.zone != "Australia/Lord_Howe" {
                let skew = if name == "SQL02" { AHEAD } else { SignedDuration::ZERO };
                assert_eq!(target.clock_skew_seconds, Some(skew.as_secs_f64()), "{name} in {}", self.says());
            }
        }
        let waiting = &targets[WAITING].downloads.as_ref().unwrap().waiting;
        assert_eq!((waiting.pending_total(), waiting.oldest_pending), (1, Some(self.posted)), "{}", self.says());
        let quarter = Timestamp::from_second(now.as_second().div_euclid(900) * 900).unwrap();
        let jobs = fleet.jobs.unwrap();
        let job = jobs.iter().find(|job| job.name == "Purge history").unwrap();
        for run in job.runs.iter().filter(|run| run.target != SILENT) {
            let (skew, zone) = self.lab.with(|fleet, _| {
                let target = fleet.target(&run.target).unwrap();
                (target.skew, target.zone.clone())
            });
            // A run has no offset of its own: the one at the first poll that was seen after it stands for it. A run
            // between which and that poll the clocks were moved is off by as much.
            let polled = self.polls()[&run.target] + skew;
            let moved = zone.to_offset(quarter + skew).seconds() - zone.to_offset(polled).seconds();
            let ran = quarter + skew + SignedDuration::from_secs(i64::from(moved));
            assert_eq!(run.at, Some(ran), "{} in {}", run.target, self.says());
        }
    }

    fn advance_to(&self, minutes: i64) {
        let to = self.start + SignedDuration::from_mins(minutes);
        self.lab.advance(to.duration_since(self.lab.now()));
    }
}

/// From 70 minutes before a change of the clocks to over an hour after the repeated hour.
async fn night(zone: &'static str, change: &str, version: u16, keys: &[(&str, &str)]) {
    let start: Timestamp = change.parse::<Timestamp>().unwrap() - SignedDuration::from_mins(70);
    let mut night = Night::begin(zone, version, &start.to_string(), keys).await;
    for minutes in [3, 20, 40, 58, 69, 71, 90, 115, 129, 131, 160, 200] {
        night.advance_to(minutes);
        night.is_right().await;
    }
    // The same again, while nothing changed on the master.
    night.is_right().await;
    // Who starts only now cannot know in which of two hours a silent target polled; all that live are right.
    let reading = night.site.read_afresh().await;
    let (_, targets) = night.judge(&reading);
    for (name, polled) in night.polls() {
        let late = targets[&name].last_poll.duration_since(polled);
        assert!(
            late.is_zero() || name == SILENT && late <= SignedDuration::from_hours(1),
            "{name}: {late:?} in {zone}"
        );
    }
}

/// All at once, for a night is made of waiting: the reader shares a reading for a second.
#[tokio::test]
async fn both_nights_of_a_change_are_right_to_the_second_in_every_zone() {
    let told = |name| [("master__timezone", name)];
    let (windows, iana) = (told("W. Europe Standard Time"), told("Europe/Berlin"));
    let nights = [
        night("Europe/Berlin", "2026-10-25T01:00:00Z", 2022, &[]),
        night("Europe/Berlin", "2026-03-29T01:00:00Z", 2022, &[]),
        night("America/New_York", "2026-11-01T06:00:00Z", 2025, &[]),
        night("America/New_York", "2026-03-08T07:00:00Z", 2025, &[]),
        night("Australia/Sydney", "2026-04-04T16:00:00Z", 2022, &[]),
        night("Australia/Sydney", "2026-10-03T16:00:00Z", 2022, &[]),
        // An island that changes by half an hour.
        night("Australia/Lord_Howe", "2026-04-04T15:00:00Z", 2022, &[]),
        night("Australia/Lord_Howe", "2026-10-03T15:30:00Z", 2022, &[]),
        // Old servers, whose zone the configuration names.
        night("Europe/Berlin", "2026-10-25T01:00:00Z", 2019, &windows),
        night("Europe/Berlin", "2026-03-29T01:00:00Z", 2012, &iana),
    ];
    futures_util::future::join_all(nights).await;
}

#[tokio::test]
async fn zones_with_half_and_quarter_hours() {
    for zone in ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Adelaide"] {
        let mut night = Night::begin(zone, 2022, "2026-11-22T20:10:00Z", &[]).await;
        for minutes in [2, 50, 24 * 60 + 7] {
            night.advance_to(minutes);
            night.is_right().await;
        }
    }
}

#[tokio::test]
async fn thirty_days_of_silence_end_on_the_same_instant() {
    let mut night = Night::begin("Europe/Berlin", 2022, "2026-10-20T12:00:00Z", &[]).await;
    for days in [1, 4, 6, 30] {
        night.advance_to(days * 24 * 60 + 3);
        night.is_right().await;
    }
}

#[tokio::test]
async fn without_the_zone_the_offset_in_force_stands_and_the_reading_says_so() {
    // Kolkata is no zone of a machine that runs these tests in UTC; if it were, there would be nothing to show.
    for version in [2012, 2019] {
        let night =
            Night::begin("Asia/Kolkata", version, "2026-11-22T20:10:00Z", &[("master__timezone", "Asia/Tokyo")]).await;
        let reading = night.site.read().await;
        let targets = reading.targets.as_ref().unwrap().rows.as_ref().unwrap();
        assert_eq!((targets.clock.zone_known, targets.clock.utc_offset_seconds), (false, 19_800), "{version}");
        for row in &targets.rows {
            assert_eq!(row.last_poll, night.polls()[&row.name], "{}", row.name);
        }
    }
}

#[tokio::test]
async fn without_the_zone_only_what_lies_behind_the_change_is_an_hour_off() {
    let keys = [("master__timezone", "Asia/Tokyo")];
    let night = Night::begin("Europe/Berlin", 2019, "2026-10-24T23:50:00Z", &keys).await;
    let before = night.site.read().await;
    night.advance_to(180);
    let after = night.site.read().await;
    for (reading, off) in [(before, 0), (after, 3_600)] {
        let targets = reading.targets.as_ref().unwrap().rows.as_ref().unwrap();
        assert!(!targets.clock.zone_known);
        let silent = targets.rows.iter().find(|row| row.name == SILENT).unwrap();
        assert_eq!(silent.last_poll.duration_since(night.polls()[SILENT]).as_secs(), off);
        let lives = targets.rows.iter().find(|row| row.name == "SQL01").unwrap();
        if off > 0 {
            assert_eq!(lives.last_poll, night.polls()["SQL01"], "it polled after the change");
        }
    }
}
