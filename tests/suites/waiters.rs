//! Who waits for a reading, how long, and what becomes of the connection behind it; and how a process is signalled
//! while it runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{Page, TestServer, http, until};
use msx_lab::msdb::{PASSWORD, Scenario, USER};
use msx_lab::tds::Fault;
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
/// A scrape joins a reading that began less than a second ago.
const JOINED: Duration = Duration::from_millis(1100);
/// What a busy machine may add to a time that is promised.
const SLACK: Duration = Duration::from_millis(1500);

fn complete(page: &Page) -> bool {
    page.up() && ["targets", "downloads", "jobs", "server"].iter().all(|collector| page.success(collector) == Some(1.0))
}

/// A statement that does not end by itself while the fault is there.
fn hang(master: &TestServer, table: &str) {
    master.lab.fault(table, Mishap::Replies { after: 0, replies: vec![Reply::Wait(HOUR)] });
}

/// A scrape that says how long Prometheus would wait.
fn scrape_within(exporter: &Exporter, seconds: &str) -> Page {
    let answer = exporter.request("GET", "/metrics", &[("X-Prometheus-Scrape-Timeout-Seconds", seconds)]);
    assert_eq!(answer.status, 200);
    Page::parse(&answer.text())
}

#[test]
fn twenty_scrapes_that_hang_up_while_a_table_is_held_leave_nothing_behind() {
    let master = TestServer::play(Scenario::Healthy);
    let mut exporter = Setup::of(&master).start();
    hang(&master, "systargetservers");
    let mut began = Instant::now();
    for round in 0..20 {
        let before = master.readings();
        began = Instant::now();
        let waiter = http::send(exporter.address, "GET", "/metrics", &[]).unwrap();
        // A reading of its own, or that of the scrape before where the exporter has not seen it leave.
        until("the waiter to wait", || {
            (master.readings() > before || began.elapsed() > Duration::from_millis(200)).then_some(())
        });
        drop(waiter);
        // A statement that is cancelled may cost its connection, and the lab learns of an end a moment later.
        until(&format!("one connection after round {round}"), || (master.open() <= 1).then_some(()));
    }
    // That a scrape has left is seen a moment later, and the next one joins its reading for up to a second. Were it not seen
    // at all, the first reading would go on until its deadline.
    assert!(master.readings() >= 3, "{} readings for 20 scrapes", master.readings());
    until("the last reading to be too old to be shared", || (began.elapsed() > JOINED).then_some(()));
    master.lab.clear_faults();
    let began = Instant::now();
    let page = exporter.scrape();
    assert!(complete(&page), "the next scrape is complete: {}", exporter.log());
    assert!(began.elapsed() < SLACK + Duration::from_millis(500), "it took {:?}", began.elapsed());
    assert_eq!((master.open(), page.value("msx_exporter_sql_connections", &[])), (1, Some(1.0)));
    assert!(exporter.lives());
}

#[test]
fn a_lock_on_the_download_list_costs_that_collector_half_a_second() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    master.lab.fault("sysdownloadlist", Mishap::Lock(HOUR));
    let began = Instant::now();
    let page = exporter.scrape();
    assert!(began.elapsed() < Duration::from_millis(1_000) + SLACK, "it took {:?}", began.elapsed());
    assert!(page.up() && page.success("downloads") == Some(0.0) && page.success("jobs") == Some(1.0));
    assert_eq!(page.value("msx_exporter_collector_timeout", &[("collector", "downloads")]), Some(1.0));
    exporter.logged(&["collector=downloads", "1222", "another session holds a lock"]);
    master.lab.clear_faults();
    exporter.scrape_until("the list to be read again", complete);
    assert_eq!(master.logins(), 1);
}

#[test]
fn pages_and_documents_share_one_reading_and_a_scrape_has_its_own() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    let began = Instant::now();
    assert!(exporter.get("/").text().contains("SQL03"));
    until("the reading to be too old for a scrape", || (began.elapsed() > JOINED).then_some(()));
    for path in ["/", "/?sort=name", "/target?name=SQL01", "/api/v1/targets", "/sd?per=target"] {
        assert_eq!(exporter.get(path).status, 200, "{path}");
    }
    assert_eq!(master.readings(), 1);
    assert!(exporter.scrape().up());
    assert_eq!(master.readings(), 2);
}

#[test]
fn a_list_that_takes_too_long_is_cut_off_and_the_others_stay() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    hang(&master, "sysdownloadlist");
    let began = Instant::now();
    let page = exporter.scrape();
    assert!(began.elapsed() < Duration::from_millis(2_800) + SLACK, "it took {:?}", began.elapsed());
    assert!(page.up() && page.success("downloads") == Some(0.0));
    assert_eq!(page.value("msx_exporter_collector_timeout", &[("collector", "downloads")]), Some(1.0));
    // Who broke a batch goes last in the next one, so that no other suffers twice.
    let page = exporter.scrape_until("the next reading", |page| page.success("jobs") == Some(1.0));
    assert!(page.up() && page.success("server") == Some(1.0) && page.success("downloads") == Some(0.0));
    // It rests for a hundred times its cap, and the page names the next attempt.
    let overview = exporter.get("/").text();
    assert!(overview.contains("next attempt in 3 min"), "{overview}");
    until("one connection", || (master.open() == 1).then_some(()));
}

#[test]
fn a_reading_ends_by_its_own_deadline() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).master("timeout", "1s").start();
    assert!(complete(&exporter.scrape()));
    hang(&master, "systargetservers");
    for round in 0..3 {
        let readings = master.readings();
        let began = Instant::now();
        let page = exporter.scrape_until("a reading that failed", |page| !page.up());
        assert!(page.targets().is_empty());
        let bound = Duration::from_millis(2_500) + SLACK;
        assert!(began.elapsed() < bound, "round {round} took {:?}", began.elapsed());
        until("the reading to be too old to be shared", || (began.elapsed() > JOINED).then_some(()));
        assert!(master.readings() > readings);
    }
    assert!(exporter.scrape().errors("query") >= 3.0);
    master.lab.clear_faults();
    exporter.scrape_until("the master to be read again", complete);
    until("one connection", || (master.open() == 1).then_some(()));
}

#[test]
fn scrapes_that_come_together_share_one_reading() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).with("limits:\n  scrapes_in_flight_per_client: 32").start();
    assert!(complete(&exporter.scrape()));
    let before = master.readings();
    master.lab.fault_once(
        "systargetservers",
        Mishap::Replies { after: 0, replies: vec![Reply::Wait(Duration::from_millis(500))] },
    );
    // The page above is fresh for a second and would be shared too.
    let first = std::thread::scope(|scope| {
        let first = scope.spawn(|| exporter.scrape_until("a new reading", |_| master.readings() > before));
        until("the reading to reach the master", || (master.readings() > before).then_some(()));
        let others: Vec<_> = (0..11).map(|_| scope.spawn(|| exporter.scrape())).collect();
        assert!(others.into_iter().all(|other| complete(&other.join().unwrap())));
        first.join().unwrap()
    });
    assert!(first.up());
    assert_eq!(master.readings() - before, 1, "12 scrapes that came within a second");
    assert_eq!(master.logins(), 1);
}

#[test]
fn a_scrape_answers_before_prometheus_gives_up() {
    let master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    hang(&master, "systargetservers");
    let began = Instant::now();
    let page = scrape_within(&exporter, "1.5");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(950) && took < Duration::from_millis(1_500), "it took {took:?}");
    assert_eq!(page.value("msx_up", &[]), Some(0.0));
    assert_eq!(page.value("msx_exporter_collector_timeout", &[("collector", "targets")]), Some(1.0));
    assert!(page.targets().is_empty());
    master.lab.clear_faults();
    exporter.scrape_until("the master to be read again", complete);
}

#[test]
fn a_restart_between_two_scrapes_loses_none() {
    let mut master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    assert!(complete(&exporter.scrape()));
    let readings = master.readings();
    master.stop();
    master.come_back();
    let page = until("the next reading", || {
        let page = exporter.scrape();
        assert!(complete(&page), "a scrape was lost: {}", exporter.log());
        (master.readings() > readings).then_some(page)
    });
    assert_eq!(["tls", "connect", "query"].map(|stage| page.errors(stage)), [0.0; 3]);
    assert!(!exporter.log().contains("level=warn"), "{}", exporter.log());
}

#[cfg(unix)]
#[test]
fn a_signal_to_stop_drains_what_is_in_flight() {
    let master = TestServer::play(Scenario::Healthy);
    let mut exporter = Setup::of(&master).start();
    let held = Duration::from_millis(700);
    master.lab.fault("systargetservers", Mishap::Replies { after: 0, replies: vec![Reply::Wait(held)] });
    let answer = std::thread::scope(|scope| {
        let scraping = scope.spawn(|| exporter.get("/metrics"));
        until("the reading to reach the master", || (master.readings() > 0).then_some(()));
        exporter.signal("TERM");
        exporter.logged(&["stopping"]);
        scraping.join().unwrap()
    });
    assert!(complete(&Page::parse(&answer.text())), "a scrape in flight is answered in full");
    let (status, data) = exporter.ended();
    assert_eq!((status.code(), data.as_str()), (Some(0), ""));
    until("the connection to the master to end", || (master.open() == 0).then_some(()));
    assert!(http::request(exporter.address, "GET", "/-/healthy", &[]).is_err());
}

#[cfg(unix)]
#[test]
fn a_reload_swaps_the_configuration_with_its_credentials_or_keeps_the_old_one() {
    let master = TestServer::play(Scenario::Healthy);
    let mut exporter = Setup::of(&master).arg("--web.enable-lifecycle").start();
    let page = exporter.scrape();
    assert!(page.up() && page.value("msx_exporter_config_last_reload_successful", &[]) == Some(1.0));
    let loaded = page.value("msx_exporter_config_last_reload_success_timestamp_seconds", &[]).unwrap();

    // A bad one, by a signal: nothing changes but what the metrics say of it.
    let good = exporter.setup().config();
    exporter.setup().folder().write("msx_exporter.yml", &format!("{good}nonsense: Sw0rdfish\n"));
    exporter.signal("HUP");
    let line = exporter.logged(&["the old one stays in force", "nonsense"]);
    assert!(!line.contains("Sw0rdfish") && !line.contains(PASSWORD), "{line}");
    let page = exporter.scrape_until("the failure to be reported", |page| {
        page.value("msx_exporter_config_last_reload_successful", &[]) == Some(0.0)
    });
    assert!(page.up());
    assert_eq!(page.value("msx_exporter_config_last_reload_success_timestamp_seconds", &[]), Some(loaded));

    // A good one, over HTTP: another login, another selection.
    master.lab.set_password("second", "An0ther-Secret");
    master.lab.disable_login(USER, true);
    exporter.setup().folder().write("password", "An0ther-Secret");
    let good = good.replace(&format!("user: {USER}"), "user: second") + "targets:\n  exclude: 'SQL0[12]'\n";
    exporter.setup().folder().write("msx_exporter.yml", &good);
    let answer = exporter.request("POST", "/-/reload", &[]);
    assert_eq!((answer.status, answer.text().trim()), (200, "reloaded"));
    let page = exporter.scrape();
    assert!(page.up(), "{}", exporter.log());
    assert_eq!(page.targets().into_iter().collect::<Vec<_>>(), ["SQL03", "SQL04", "SQL05", "SQL06"]);
    assert_eq!(page.value("msx_exporter_config_last_reload_successful", &[]), Some(1.0));
    assert!(page.value("msx_exporter_config_last_reload_success_timestamp_seconds", &[]) > Some(loaded));
    until("the connection of the old login to end", || (master.open() == 1).then_some(()));

    // Over HTTP a bad one is refused; where its faults are stands in the log, for anybody may have asked.
    exporter.setup().folder().write("msx_exporter.yml", "master: 7\n");
    let answer = exporter.request("POST", "/-/reload", &[]);
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("msx_exporter.yml"), "{}", answer.text());
    exporter.logged(&["the old one stays in force", "msx_exporter.yml:1"]);
    assert!(exporter.scrape().up());
    let seen = exporter.log();
    assert!(!seen.contains("An0ther-Secret") && !seen.contains(PASSWORD));
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_stops_neither_answers_nor_the_end() {
    let master = TestServer::play(Scenario::Healthy);
    let mut exporter = Setup::of(&master).arg("--web.enable-lifecycle").start();
    let folder = exporter.setup().folder();
    let (password, pipe) = (folder.path().join("password"), folder.path().join("pipe"));
    std::fs::remove_file(&password).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink(&pipe, &password).unwrap();
    for _ in 0..2 {
        assert_eq!(exporter.request("POST", "/-/reload", &[]).status, 500);
    }
    exporter.logged(&["the old one stays in force", "it is a named pipe, and only regular files are read"]);
    assert_eq!(exporter.request("GET", "/-/healthy", &[]).status, 200);
    exporter.signal("TERM");
    assert_eq!(exporter.ended().0.code(), Some(0));
}

#[test]
fn a_reload_over_http_is_off_unless_it_is_asked_for() {
    let exporter = Setup::new("127.0.0.1:1").start();
    let answer = exporter.request("POST", "/-/reload", &[]);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("--web.enable-lifecycle"));
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_reloads() {
    let master = TestServer::play(Scenario::Everything);
    let exporter = Setup::of(&master).arg("--web.enable-lifecycle").start();
    let reload = |times: usize| {
        for _ in 0..times {
            assert_eq!(exporter.request("POST", "/-/reload", &[]).status, 200);
            assert!(exporter.scrape().up());
        }
        until("the connections of the old configurations to end", || (master.open() == 1).then_some(()));
        let status = std::fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    // The allocator keeps what it once needed, so the first ones do not count.
    let before = reload(10);
    let after = reload(30);
    assert!(after < before + 640, "{before} KiB before 30 reloads and {after} KiB after");
    assert_eq!(master.logins(), 40);
}

#[test]
fn a_master_that_does_not_answer_does_not_stop_the_health_checks() {
    let master = TestServer::play(Scenario::Healthy);
    master.control.change(|options| options.fault = Some(Fault::Silent));
    let exporter = Setup::of(&master).start();
    let waiters: Vec<_> = (0..4).map(|_| http::send(exporter.address, "GET", "/metrics", &[]).unwrap()).collect();
    until("the exporter to knock at the master", || (master.open() == 1).then_some(()));
    for path in ["/-/healthy", "/-/ready"] {
        let began = Instant::now();
        assert_eq!(exporter.get(path).status, 200);
        assert!(began.elapsed() < SLACK, "{path} took {:?}", began.elapsed());
    }
    drop(waiters);
    until("the attempt to end when no caller waits for it", || (master.open() == 0).then_some(()));
}
