//! Properties that hold for any fleet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::fixtures::{
    config, downloaded, failed, now, pattern, read, reading, run, waiting, with_downloads, with_jobs,
};
use super::{Assessment, Memory, Target, assess, order};
use crate::collectors::{
    AgentSession, Arrival, Arrivals, DownloadRow, Downloads, JobRow, JobTargetRow, Outcome, Reading, RecordKind,
    Sighting, TargetRow,
};
use crate::config::{Config, SourceAddress};
use crate::model::names::key;
use crate::model::{Cause, Check, Collector, Direction, PortState};
use crate::probe::{Finding, PortResults};
use enum_map::EnumMap;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A few names, so that rows, instructions, expectations and ports meet, in spellings that must count as one.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..12_u8, 0..4_u8).prop_map(|(number, spelling)| match spelling {
            0 => format!("sql{number}"),
            1 => format!("SQL{number} "),
            _ => format!("SQL{number}"),
        }),
        2 => (0..4_u8).prop_map(|number| format!("DEV{number}")),
        1 => Just("Ж".repeat(128)),
        1 => "\\PC{0,128}",
    ]
}

/// Mostly near the thresholds of the rules, sometimes any time.
fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        6 => (-120_000..2_400_000_i64).prop_map(|ago| now() - SignedDuration::from_millis(ago)),
        2 => (0..400_000_i64).prop_map(|ago| now() - SignedDuration::from_secs(ago)),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
        1 => Just(Timestamp::UNIX_EPOCH),
    ]
}

fn local() -> impl Strategy<Value = DateTime> {
    prop_oneof![
        4 => instant().prop_map(|at| jiff::tz::Offset::UTC.to_datetime(at)),
        1 => Just(DateTime::MIN),
        1 => Just(DateTime::MAX),
    ]
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![4 => Just(60), 2 => -5..700_i32, 1 => Just(i32::MIN), 1 => Just(i32::MAX), 1 => Just(28_800)]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0), 3 => 0..9_u64, 1 => Just(u64::MAX)]
}

fn row() -> impl Strategy<Value = TargetRow> {
    let times = (instant(), option::weighted(0.8, instant()), any::<i64>(), local());
    (name(), times, any::<i32>(), prop_oneof![3 => Just(0), 1 => any::<i32>()], number()).prop_map(
        |(name, (enlisted_at, last_poll, local_poll_age_seconds, local), stored_status, zone, interval)| TargetRow {
            name,
            enlisted_at,
            last_poll: last_poll.unwrap_or(enlisted_at),
            local_poll_age_seconds,
            stored_status,
            local_time_at_last_poll: local,
            time_zone_adjustment_minutes: zone,
            poll_interval_seconds: interval,
            ..TargetRow::default()
        },
    )
}

fn download() -> impl Strategy<Value = DownloadRow> {
    let counts = (proptest::array::uniform10(count()), option::of(instant()), count(), count());
    (name(), counts, proptest::array::uniform7(count())).prop_map(
        |(target, (pending, oldest_pending, defect_waiting, other_waiting), errors)| DownloadRow {
            pending: EnumMap::from_array(pending),
            oldest_pending,
            defect_waiting,
            other_waiting,
            errors: EnumMap::from_array(errors),
            ..waiting(&target, 0, 0)
        },
    )
}

fn downloads() -> impl Strategy<Value = Downloads> {
    let row = (name(), count(), option::of(instant()));
    let downloaded = row.prop_map(|(target, count, last)| downloaded(&target, count, last));
    let table = (option::of(any::<i64>()), option::of(any::<i64>()), option::of(instant()));
    (vec(download(), 0..12), option::of(vec(downloaded, 0..6)), table).prop_map(
        |(rows, downloaded, (table_rows, last_number, oldest_posted))| Downloads {
            rows,
            downloaded: downloaded.map(Arc::new),
            table_rows,
            last_number,
            oldest_posted,
        },
    )
}

fn pair() -> impl Strategy<Value = JobTargetRow> {
    let outcome = prop::sample::select(vec![
        Outcome::Failed,
        Outcome::Succeeded,
        Outcome::Retry,
        Outcome::Cancelled,
        Outcome::InProgress,
        Outcome::Unknown,
    ]);
    ("[A-C]", 0..24_i32, outcome, option::of(local())).prop_map(|(job_id, server_id, outcome, last_run)| JobTargetRow {
        duration: last_run.map(|_| Duration::MAX),
        ..run(&job_id, server_id, outcome, last_run)
    })
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let job = "[A-C]".prop_map(|id| JobRow { name: id.clone(), id, enabled: true });
    let clock = (option::weighted(0.9, Just(now())), instant());
    let working = (prop::bool::weighted(0.8), prop::bool::weighted(0.8), prop::bool::weighted(0.95));
    let rows = (vec(row(), 0..24), downloads(), vec(job, 0..4), vec(pair(), 0..24));
    (rows, clock, instant(), working).prop_map(|((mut rows, list, jobs, pairs), (fixed, clock), started, working)| {
        // server_id is an identity: no two rows share it.
        for (row, server_id) in rows.iter_mut().zip(0..) {
            row.server_id = server_id;
        }
        let mut reading = with_jobs(with_downloads(reading(rows), Vec::new()), jobs, pairs);
        let targets = reading.targets.as_mut().and_then(|targets| targets.rows.as_mut()).map(Arc::make_mut).unwrap();
        targets.clock.now = fixed.unwrap_or(clock);
        targets.clock.started = started;
        let (downloads, jobs, targets) = working;
        reading.downloads =
            Some(if downloads { read(Collector::Downloads, list) } else { failed(Collector::Downloads) });
        if !jobs {
            reading.jobs = Some(failed(Collector::Jobs));
        }
        if !targets {
            reading.targets = Some(failed(Collector::Targets));
        }
        reading
    })
}

/// Records and sightings near the thresholds, from addresses that targets have and from others.
fn any_arrivals() -> impl Strategy<Value = Arrivals> {
    let from = || prop_oneof![3 => (0..6_u8).prop_map(|last| Some(IpAddr::from([10, 1, 0, last]))), 1 => Just(None)];
    let errors = vec![None, Some(18_456), Some(17_806), Some(17_830), Some(17_819), Some(4_014), Some(1)];
    let facts = (prop::sample::select(errors), any::<bool>(), option::of(any::<bool>()), option::of(0..40_u32));
    let record = (0..2_000_i64, from(), facts, option::of("[A-F]")).prop_map(|(seconds, from, facts, connection)| {
        let (error, before_login, sent, state) = facts;
        let kind = if error.is_some() { RecordKind::Error } else { RecordKind::ConnectionClose };
        let at = now() - SignedDuration::from_secs(seconds);
        let connection = connection.map(|name| format!("{name}{}", seconds / 2));
        Arrival { at, up_ms: 0, connection, from, kind, error, state, before_login, sent, timers: None }
    });
    // A run at the rhythm of a target, so that some cases have a cause.
    let run = (option::of(0..6_u8), 60..900_i64, 3..12_i64).prop_map(|(last, newest, count)| {
        let from = last.map(|last| IpAddr::from([10, 1, 0, last]));
        let record = move |at: i64| Arrival {
            at: now() - SignedDuration::from_secs(newest + 60 * (count - at)),
            up_ms: 0,
            connection: Some(format!("{from:?} {newest} {at}")),
            from,
            kind: RecordKind::Error,
            error: Some(18_456),
            state: Some(8),
            before_login: false,
            sent: None,
            timers: None,
        };
        (0..count).map(record).collect::<Vec<_>>()
    });
    let sighting = (0..6_u8, 0..7_000_i64, any::<bool>()).prop_map(|(last, seconds, agent)| {
        let at = now() - SignedDuration::from_secs(seconds);
        let session = AgentSession { at, login: None, host: Some(format!("SQL{last}")), blocked_by: None, wait: None };
        (IpAddr::from([10, 1, 0, last]), Sighting { at, agents: agent.then_some(session).into_iter().collect() })
    });
    (any::<bool>(), option::weighted(0.9, 0..9_000_i64), vec(record, 0..30), vec(run, 0..3), vec(sighting, 0..4))
        .prop_map(|(permitted, reach, mut records, runs, sightings)| {
            records.extend(runs.into_iter().flatten());
            records.sort_by_key(|record| record.at);
            let covered_since = reach.map(|reach| now() - SignedDuration::from_secs(reach));
            let covered_until = covered_since.map(|_| now());
            let (records, sightings) = (Arc::new(records), Arc::new(sightings.into_iter().collect()));
            Arrivals { permitted, covered_since, covered_until, records, sightings, ..Arrivals::default() }
        })
}

/// Targets that arrive from an address of their own, and two that share one.
fn with_addresses(config: Config) -> Config {
    let rule = |name: &str, last: u8| SourceAddress { matches: pattern(name), address: [10, 1, 0, last].into() };
    let rules = (0..5_u8).map(|last| rule(&format!("SQL{last}"), last)).chain([rule("SQL[56]", 5)]);
    let mut config = config;
    config.targets.addresses = rules.collect();
    config
}

fn any_port_results() -> impl Strategy<Value = Arc<PortResults>> {
    let states = vec![
        PortState::Open,
        PortState::Refused,
        PortState::Filtered,
        PortState::Unreachable,
        PortState::Unresolved,
        PortState::NoAnswer,
        PortState::WrongProtocol,
        PortState::Skipped,
    ];
    let check = prop::sample::select(Check::ALL.to_vec());
    let finding = (check, prop::sample::select(states), any::<bool>(), any::<bool>()).prop_map(
        |(check, state, required, to_target)| Finding {
            check,
            direction: if to_target { Direction::ToTarget } else { Direction::ToMaster },
            ..super::fixtures::engine_port(state, required)
        },
    );
    btree_map(name(), vec(finding, 0..4), 0..12)
        .prop_map(|findings| Arc::new(PortResults { findings, ..PortResults::default() }))
}

fn any_config() -> impl Strategy<Value = Config> {
    (vec(name(), 0..6), prop_oneof![3 => 30..40_usize, 1 => 0..6_usize], 0..40_usize).prop_map(
        |(expected_targets, targets, job_pairs)| {
            let mut config = Config { expected_targets, ..config() };
            config.targets.filter.exclude = pattern("DEV.*");
            config.limits.targets = targets;
            config.limits.job_pairs = job_pairs;
            config
        },
    )
}

/// Three intervals have passed since the last poll, or it is far ahead; computed in another way than by the code under
/// test.
fn silent(target: &Target, now: Timestamp) -> bool {
    target.enlisted.as_ref().is_some_and(|enlisted| {
        let age = now.as_nanosecond() - enlisted.last_poll.as_nanosecond();
        age > 3 * enlisted.poll_interval.as_nanos() as i128 || age < -300_000_000_000
    })
}

fn once(reading: &Reading, port_results: &Arc<PortResults>, config: &Config) -> Assessment {
    assess(reading, port_results.clone(), config, &mut Memory::default())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn every_target_has_one_cause_and_it_is_the_first_of_its_evidence(
        reading in any_reading(), port_results in any_port_results(), config in any_config()
    ) {
        let order = order();
        let place = |cause| order.iter().position(|listed| *listed == cause).unwrap();
        for target in once(&reading, &port_results, &config).fleet.targets {
            let found: Vec<_> = target.diagnosis.evidence.iter().filter_map(|evidence| evidence.cause).collect();
            let cause = target.diagnosis.cause;
            prop_assert_eq!(found.first().copied().unwrap_or(Cause::Ok), cause);
            prop_assert!(found.windows(2).all(|two| place(two[0]) < place(two[1])), "{found:?}");
            prop_assert!(!found.contains(&Cause::Ok));
            prop_assert!(target.diagnosis.evidence.iter().all(|evidence| !evidence.text.is_empty()));
        }
    }

    #[test]
    fn a_stale_target_is_never_fine(reading in any_reading(), port_results in any_port_results(), config in any_config()) {
        let fleet = once(&reading, &port_results, &config).fleet;
        for target in fleet.targets.iter().filter(|target| silent(target, fleet.master.unwrap().now)) {
            let cause = target.diagnosis.cause;
            let fine = [Cause::Ok, Cause::ClockSkew, Cause::NotDownloading, Cause::DownloadError, Cause::Unknown];
            prop_assert!(!fine.contains(&cause), "{cause:?}");
        }
    }

    #[test]
    fn only_a_stale_target_is_called_silent(reading in any_reading(), port_results in any_port_results(), config in any_config()) {
        let fleet = once(&reading, &port_results, &config).fleet;
        for target in fleet.targets.iter().filter(|target| !silent(target, fleet.master.unwrap().now)) {
            let cause = target.diagnosis.cause;
            let dead = [
                Cause::StoppedPolling, Cause::EngineDown, Cause::Unreachable, Cause::Unresolved, Cause::MasterSide,
                Cause::LoginRefused, Cause::EndedBeforeLogin, Cause::ConnectedNotPolling,
            ];
            prop_assert!(!dead.contains(&cause), "{cause:?}");
        }
    }

    #[test]
    fn with_arrivals_too_there_is_one_cause_and_only_silent_targets_have_a_trace(
        reading in any_reading(), arrivals in any_arrivals(), port_results in any_port_results(), config in any_config()
    ) {
        let config = with_addresses(config);
        let reading = Reading { arrivals: Some(read(Collector::Arrivals, arrivals)), ..reading };
        let order = order();
        let place = |cause| order.iter().position(|listed| *listed == cause).unwrap();
        let fleet = once(&reading, &port_results, &config).fleet;
        for target in fleet.targets {
            let found: Vec<_> = target.diagnosis.evidence.iter().filter_map(|evidence| evidence.cause).collect();
            prop_assert_eq!(found.first().copied().unwrap_or(Cause::Ok), target.diagnosis.cause);
            prop_assert!(found.windows(2).all(|two| place(two[0]) < place(two[1])), "{found:?}");
            let silent = silent(&target, fleet.master.unwrap().now);
            prop_assert_eq!(target.trace.is_some(), silent);
            let shown = [Cause::LoginRefused, Cause::EndedBeforeLogin, Cause::ConnectedNotPolling];
            prop_assert!(silent || !found.iter().any(|cause| shown.contains(cause)));
        }
    }

    #[test]
    fn without_the_right_the_verdicts_are_those_without_evidence(
        reading in any_reading(), arrivals in any_arrivals(), port_results in any_port_results(), config in any_config()
    ) {
        let config = with_addresses(config);
        let denied = Arrivals { permitted: false, ..arrivals };
        let denied = Reading { arrivals: Some(read(Collector::Arrivals, denied)), ..reading.clone() };
        let causes = |reading: &Reading| {
            let targets = once(reading, &port_results, &config).fleet.targets;
            targets.into_iter().map(|target| target.diagnosis).collect::<Vec<_>>()
        };
        prop_assert_eq!(causes(&denied), causes(&reading));
    }

    #[test]
    fn records_of_others_bring_no_cause(
        reading in any_reading(), arrivals in any_arrivals(), config in any_config()
    ) {
        let mut others = arrivals;
        for record in Arc::make_mut(&mut others.records) {
            record.from = record.from.map(|_| IpAddr::from([192, 0, 2, 1]));
        }
        others.sightings = Arc::default();
        let config = with_addresses(config);
        let with = Reading { arrivals: Some(read(Collector::Arrivals, others)), ..reading.clone() };
        let causes = |reading: &Reading| {
            let targets = once(reading, &Arc::default(), &config).fleet.targets;
            targets.into_iter().map(|target| target.diagnosis).collect::<Vec<_>>()
        };
        prop_assert_eq!(causes(&with), causes(&reading));
    }

    #[test]
    fn a_ring_that_reaches_less_far_brings_no_cause_that_a_longer_one_does_not(
        reading in any_reading(), arrivals in any_arrivals(), cut in 0..900_i64, config in any_config()
    ) {
        let config = with_addresses(config);
        let since = now() - SignedDuration::from_secs(cut);
        let mut short = arrivals.clone();
        Arc::make_mut(&mut short.records).retain(|record| record.at >= since);
        short.covered_since = short.covered_since.map(|covered| covered.max(since));
        let judged = |arrivals: Arrivals| {
            let reading = Reading { arrivals: Some(read(Collector::Arrivals, arrivals)), ..reading.clone() };
            once(&reading, &Arc::default(), &config).fleet.targets
        };
        let caused = |targets: &[Target]| {
            let runs = [Cause::LoginRefused, Cause::EndedBeforeLogin];
            let of = |target: &Target| {
                let found = target.diagnosis.evidence.iter().filter_map(|evidence| evidence.cause);
                found.filter(|cause| runs.contains(cause)).map(|cause| (target.name.clone(), cause)).collect::<Vec<_>>()
            };
            targets.iter().flat_map(of).collect::<BTreeSet<_>>()
        };
        let reaches = short.covered_since.filter(|_| short.permitted);
        let (fewer, all) = (judged(short), judged(arrivals));
        prop_assert!(caused(&fewer).is_subset(&caused(&all)));
        for trace in fewer.iter().filter_map(|target| target.trace.as_ref()).filter(|trace| trace.reach.is_some()) {
            prop_assert_eq!(trace.reach.map(|(since, _)| since), reaches);
        }
    }

    #[test]
    fn a_cause_from_arrivals_ends_within_its_window_once_nothing_arrives(
        reading in any_reading(), arrivals in any_arrivals(), config in any_config()
    ) {
        // The longest window of a target whose three intervals are no longer.
        let later = now() + SignedDuration::from_secs(3_601);
        let mut reading = reading;
        if let Some(targets) = reading.targets.as_mut().and_then(|targets| targets.rows.as_mut()) {
            Arc::make_mut(targets).clock.now = later;
        }
        let looked = Arrivals { covered_until: arrivals.covered_until.map(|_| later), ..arrivals };
        let reading = Reading { arrivals: Some(read(Collector::Arrivals, looked)), ..reading };
        let shown = [Cause::LoginRefused, Cause::EndedBeforeLogin, Cause::ConnectedNotPolling];
        for target in once(&reading, &Arc::default(), &with_addresses(config)).fleet.targets {
            let Some(row) = &target.enlisted else { continue };
            if row.patience() <= Duration::from_secs(3_600) {
                let found: Vec<_> = target.diagnosis.evidence.iter().filter_map(|evidence| evidence.cause).collect();
                prop_assert!(!found.iter().any(|cause| shown.contains(cause)), "{found:?}");
            }
        }
    }

    #[test]
    fn nothing_is_fine_while_a_collector_that_it_needs_failed(
        reading in any_reading(), port_results in any_port_results(), config in any_config()
    ) {
        let reading = Reading { downloads: Some(failed(Collector::Downloads)), ..reading };
        let fleet = once(&reading, &port_results, &config).fleet;
        prop_assert!(fleet.targets.iter().all(|target| target.diagnosis.cause != Cause::Ok));
        prop_assert!(fleet.orphans.is_none());
    }

    #[test]
    fn counts_are_those_of_the_list_and_stand_on_every_enlisted_target(
        reading in any_reading(), config in any_config()
    ) {
        let fleet = once(&reading, &Arc::default(), &config).fleet;
        let list = reading.downloads.as_ref().and_then(|list| list.rows.as_ref());
        for target in &fleet.targets {
            let Some(enlisted) = &target.enlisted else { continue };
            prop_assert_eq!(enlisted.downloads.is_some(), list.is_some());
            let (Some(found), Some(list)) = (&enlisted.downloads, list) else { continue };
            let mine: Vec<_> = list.rows.iter().filter(|row| key(&row.target) == key(&target.name)).collect();
            let sum = |counts: Vec<u64>| counts.into_iter().fold(0, u64::saturating_add);
            prop_assert_eq!(found.waiting.pending_total(), sum(mine.iter().flat_map(|row| row.pending.values().copied()).collect()));
            prop_assert_eq!(found.waiting.failed(), sum(mine.iter().flat_map(|row| row.errors.into_values()).collect()));
            prop_assert_eq!(found.downloaded.is_some(), list.downloaded.is_some());
            prop_assert!(found.waiting.pending_total() > 0 || found.waiting.oldest_pending.is_none());
        }
    }

    #[test]
    fn the_same_reading_twice_is_the_same_fleet_without_a_change(
        before in any_reading(), reading in any_reading(), port_results in any_port_results(), config in any_config()
    ) {
        let mut memory = Memory::default();
        assess(&before, port_results.clone(), &config, &mut memory);
        let first = assess(&reading, port_results.clone(), &config, &mut memory);
        let again = assess(&reading, port_results, &config, &mut memory);
        prop_assert_eq!(&again.changes, &vec![]);
        prop_assert_eq!(&again.fleet.targets, &first.fleet.targets);
        prop_assert_eq!(&again.fleet.orphans, &first.fleet.orphans);
        prop_assert_eq!(&again.fleet.jobs, &first.fleet.jobs);
        prop_assert_eq!(again.fleet.limited, first.fleet.limited);
    }

    #[test]
    fn the_order_of_the_rows_says_nothing(reading in any_reading(), port_results in any_port_results(), config in any_config()) {
        let mut turned = reading.clone();
        turned.targets.iter_mut().filter_map(|part| part.rows.as_mut().map(Arc::make_mut)).for_each(|rows| rows.rows.reverse());
        turned.downloads.iter_mut().filter_map(|part| part.rows.as_mut().map(Arc::make_mut)).for_each(|rows| rows.rows.reverse());
        let (first, second) = (once(&reading, &port_results, &config).fleet, once(&turned, &port_results, &config).fleet);
        prop_assert_eq!(first.targets, second.targets);
        prop_assert_eq!(first.orphans, second.orphans);
    }

    #[test]
    fn what_is_excluded_appears_nowhere(reading in any_reading(), port_results in any_port_results(), config in any_config()) {
        let Assessment { fleet, changes } = once(&reading, &port_results, &config);
        let jobs = fleet.jobs.iter().flatten().flat_map(|job| &job.runs).map(|run| run.target.as_str());
        let orphans = fleet.orphans.iter().flatten().map(|orphan| orphan.target.as_str());
        let changes = changes.iter().map(|change| change.target.as_str());
        let mut names = fleet.targets.iter().map(|target| target.name.as_str()).chain(jobs).chain(orphans).chain(changes);
        prop_assert_eq!(names.find(|name| name.to_uppercase().starts_with("DEV")), None);
    }

    #[test]
    fn names_are_sorted_and_stand_once(reading in any_reading(), config in any_config()) {
        let fleet = once(&reading, &Arc::default(), &config).fleet;
        let names: Vec<_> = fleet.targets.iter().map(|target| &target.name).collect();
        prop_assert!(names.is_sorted());
        prop_assert_eq!(names.iter().map(|name| key(name)).collect::<HashSet<_>>().len(), names.len());
        let pairs: Vec<_> =
            fleet.jobs.iter().flatten().flat_map(|job| job.runs.iter().map(move |run| (&job.id, &run.target))).collect();
        prop_assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len());
        prop_assert!(pairs.len() <= config.limits.job_pairs);
        let enlisted = fleet.targets.iter().filter(|target| target.enlisted.is_some()).count();
        prop_assert!(enlisted <= config.limits.targets);
    }

    #[test]
    fn an_orphan_is_never_enlisted(reading in any_reading(), config in any_config()) {
        let fleet = once(&reading, &Arc::default(), &config).fleet;
        let rows = reading.targets.iter().filter_map(|targets| targets.rows.as_ref()).flat_map(|targets| &targets.rows);
        let enlisted: HashSet<_> = rows.map(|row| key(&row.name)).collect();
        for orphan in fleet.orphans.iter().flatten() {
            prop_assert!(!enlisted.contains(&key(&orphan.target)), "{orphan:?}");
            prop_assert!(orphan.count > 0);
        }
    }

    #[test]
    fn skew_stays_within_half_an_hour(reading in any_reading(), config in any_config()) {
        for target in once(&reading, &Arc::default(), &config).fleet.targets {
            let Some(enlisted) = target.enlisted else { continue };
            prop_assert_eq!(enlisted.clock_skew_seconds.is_some(), enlisted.polled);
            prop_assert!(enlisted.clock_skew_seconds.is_none_or(|skew| skew.abs() <= 1_800.0));
        }
    }
}
