#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::config::{CheckSettings, Depth};
use crate::model::{Check, Direction};
use crate::probe::checks::Numbers;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

fn settings(interval: Duration) -> Ports {
    let how = |check| CheckSettings { sweep: check == Check::Engine, depth: Depth::Connect, required: false };
    Ports {
        interval,
        timeout: Duration::from_secs(3),
        concurrency: 4,
        checks: Check::ALL.into_iter().map(|check| (check, how(check))).collect(),
        ..crate::config::defaults().ports
    }
}

fn to_target() -> Route {
    Arc::new(|name, settings| Destination::to_target(name, &settings.overrides))
}

fn names<S: AsRef<str>>(list: &[S]) -> Roster {
    Arc::new(list.iter().map(|name| name.as_ref().to_owned()).collect())
}

/// Engines at 127.0.3.1 to 127.0.3.20 that count their connections, and a prober of them.
async fn lab(interval: Duration) -> (Arc<AtomicUsize>, Arc<Prober>) {
    let (port, listeners) = loop {
        let port = TcpListener::bind("127.0.3.1:0").await.unwrap().local_addr().unwrap().port();
        let everywhere = (1..=20).map(|last| TcpListener::bind(format!("127.0.3.{last}:{port}")));
        let all = futures_util::future::join_all(everywhere).await;
        if let Ok(listeners) = all.into_iter().collect::<Result<Vec<_>, _>>() {
            break (port, listeners);
        }
    };
    let numbers = Numbers::default().with(Check::Engine, port);
    let calls = Arc::new(AtomicUsize::new(0));
    for listener in listeners {
        let counter = Arc::clone(&calls);
        tokio::spawn(async move {
            loop {
                drop(listener.accept().await.unwrap());
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    (calls, Arc::new(Prober::with_numbers(settings(interval), numbers)))
}

/// A sweep that runs for as long as the test, and its roster.
async fn start(interval: Duration, roster: Roster) -> (Arc<AtomicUsize>, watch::Sender<Roster>, Arc<Sweeper>) {
    let (calls, prober) = lab(interval).await;
    let (names, watched) = watch::channel(roster);
    let sweeper = Arc::new(Sweeper::new(prober, watched, to_target()));
    let runner = Arc::clone(&sweeper);
    tokio::spawn(async move { runner.run().await });
    (calls, names, sweeper)
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await.expect(what);
}

fn shown(sweeper: &Sweeper) -> Vec<String> {
    sweeper.port_results().findings.keys().cloned().collect()
}

#[tokio::test]
async fn the_first_roster_is_swept_at_once_and_in_full() {
    let (calls, roster, sweeper) = start(HOUR, names::<&str>(&[])).await;
    let fleet: Vec<String> = (1..=20).map(|last| format!("127.0.3.{last}")).collect();
    roster.send(names(&fleet)).unwrap();
    until("the sweep ends", || sweeper.port_results().sweep.is_some()).await;
    let port_results = sweeper.port_results();
    assert_eq!(port_results.findings.len(), 20);
    assert!(port_results.findings.values().all(|found| found.len() == 1 && found[0].state == PortState::Open));
    assert_eq!(port_results.checks[&Check::Engine], (20, 0));
    until("every call came through", || calls.load(Ordering::SeqCst) == 20).await;
}

#[tokio::test]
async fn a_target_that_leaves_is_gone_at_once_and_one_that_comes_is_checked_at_once() {
    let (_, roster, sweeper) = start(HOUR, names(&["127.0.3.1", "127.0.3.2"])).await;
    until("the sweep ends", || sweeper.port_results().sweep.is_some()).await;
    roster.send(names(&["127.0.3.2"])).unwrap();
    assert_eq!(shown(&sweeper), ["127.0.3.2"]);
    roster.send(names(&["127.0.3.2", "127.0.3.3"])).unwrap();
    until("the new one is checked", || shown(&sweeper) == ["127.0.3.2", "127.0.3.3"]).await;
}

#[tokio::test]
async fn a_target_is_checked_out_of_turn_when_asked_for() {
    let (calls, _roster, sweeper) = start(HOUR, names(&["127.0.3.1", "127.0.3.2"])).await;
    until("the sweep ends", || sweeper.port_results().sweep.is_some()).await;
    let before = sweeper.port_results();
    sweeper.check_now("127.0.3.2");
    sweeper.check_now("never heard of");
    let at = |port_results: &PortResults, name: &str| port_results.of(name)[0].checked_at;
    until("it is checked again", || at(&sweeper.port_results(), "127.0.3.2") > at(&before, "127.0.3.2")).await;
    assert_eq!(at(&sweeper.port_results(), "127.0.3.1"), at(&before, "127.0.3.1"));
    until("one more call", || calls.load(Ordering::SeqCst) == 3).await;
}

#[tokio::test]
async fn sweeps_follow_one_another() {
    let (calls, _roster, _sweeper) = start(Duration::from_millis(50), names(&["127.0.3.1", "127.0.3.2"])).await;
    until("three sweeps", || calls.load(Ordering::SeqCst) >= 6).await;
}

#[tokio::test]
async fn switched_off_it_calls_no_host() {
    let (calls, prober) = lab(Duration::from_millis(5)).await;
    prober.reconfigure(Ports { enabled: false, ..settings(Duration::from_millis(5)) });
    let (_names, watched) = watch::channel(names(&["127.0.3.1"]));
    let sweeper = Sweeper::new(prober, watched, to_target());
    sweeper.check_now("127.0.3.1");
    assert!(timeout(Duration::from_millis(100), sweeper.run()).await.is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_single_sweep_visits_every_instance_of_a_host() {
    let (_, prober) = lab(HOUR).await;
    let fleet = names(&["127.0.3.1", r"127.0.3.1\MSSQLSERVER", "127.0.3.2"]);
    let port_results = sweep_once(&prober, &fleet, &to_target(), Extent::Sweep).await;
    assert_eq!(port_results.findings.keys().collect::<Vec<_>>(), fleet.iter().collect::<Vec<_>>());
    assert!(port_results.sweep.is_some());
}

#[tokio::test]
async fn a_sweep_is_spread_evenly_with_jitter() {
    let all: Vec<String> = (0..100).map(|last| format!("127.0.4.{last}")).collect();
    let starts = |span| {
        let mut timetable = Timetable::default();
        timetable.add_sweep(units(&all, &settings(HOUR), &to_target()), span);
        timetable.starts()
    };
    let began = Instant::now();
    let (one, other) = (starts(Duration::from_secs(100)), starts(Duration::from_secs(100)));
    for (slice, at) in one.iter().enumerate() {
        let from = began + Duration::from_secs(slice as u64);
        assert!((from..from + Duration::from_secs(2)).contains(at), "{slice}");
    }
    let gaps = |starts: &[Instant]| starts.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    assert_ne!(gaps(&one), gaps(&other));
    assert!(starts(Duration::ZERO).iter().all(|at| at.elapsed() < Duration::from_secs(10)));
}

fn finding(age: i64) -> Finding {
    Finding {
        state: PortState::Open,
        port: Some(1433),
        ..Finding::skipped(Check::Engine, Direction::ToTarget, Timestamp::from_second(10_000 - age).unwrap())
    }
}

#[test]
fn what_is_older_than_three_sweeps_is_dropped() {
    let pruned = |took: Option<u64>| {
        let now = Timestamp::from_second(10_000).unwrap();
        let sweep = took.map(|took| Sweep { ended: now, took: Duration::from_secs(took) });
        let findings = [("OLD", 301), ("YOUNG", 299)].map(|(name, age)| (name.to_owned(), vec![finding(age)]));
        let mut port_results = Arc::new(PortResults { findings: findings.into(), sweep, ..PortResults::default() });
        prune(&mut port_results, &names(&["OLD", "YOUNG"]), now, Duration::from_secs(100));
        port_results.findings.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(pruned(None), ["YOUNG"]);
    // A sweep that takes longer than its interval replaces the interval in the age limit.
    assert_eq!(pruned(Some(101)), ["OLD", "YOUNG"]);
}
