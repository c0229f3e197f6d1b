//! Every row of the rules for arrivals, at and past its thresholds, through the complete assessment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Trace;
use crate::collectors::{
    AgentSession, Arrival, Arrivals, Interruptions, Reading, RecordKind, ServerFacts, Sighting, TargetRow,
};
use crate::config::{Config, SourceAddress};
use crate::diagnosis::fixtures::{
    ago, config, engine_port, failed, never_polled, now, pattern, polled_at, port_results, read, reading, target,
};
use crate::diagnosis::{Memory, Observed, Target, assess};
use crate::model::{Cause, Certificate, Collector, MasterEvidence, PortState, ServerName, canonical};
use crate::probe::Finding;
use crate::target_pages::tests::page;
use crate::target_pages::{KnownPage, PageResults, PagesOfTarget, TargetPage};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

const NAME: &str = "SQL01";
const ADDRESS: &str = "10.1.0.8";

pub(super) fn at(seconds_ago: i64) -> Timestamp {
    ago(seconds_ago)
}

fn address(text: &str) -> IpAddr {
    canonical(text).unwrap()
}

/// A record of a connection from [`ADDRESS`] so many seconds ago.
pub(super) fn arrival(seconds_ago: i64, connection: &str, error: u32, state: Option<u32>) -> Arrival {
    Arrival {
        at: ago(seconds_ago),
        up_ms: 0,
        connection: Some(connection.to_owned()),
        from: Some(address(ADDRESS)),
        kind: RecordKind::Error,
        error: Some(error),
        state,
        before_login: false,
        sent: None,
        timers: None,
    }
}

/// Attempts so many seconds ago.
fn attempts(error: u32, sent: Option<bool>, seconds_ago: &[i64]) -> Vec<Arrival> {
    let each = seconds_ago.iter().map(|ago| Arrival { sent, ..arrival(*ago, &ago.to_string(), error, Some(8)) });
    each.collect()
}

/// A master that remembers these since an hour ago.
fn remembers(records: Vec<Arrival>) -> Arrivals {
    let (covered_since, covered_until) = (Some(ago(3_600)), Some(now()));
    Arrivals { permitted: true, covered_since, covered_until, records: records.into(), ..Arrivals::default() }
}

fn agent(seconds_ago: i64) -> Sighting {
    let agent = AgentSession {
        at: ago(seconds_ago),
        login: Some("CORP\\sql01".into()),
        host: None,
        blocked_by: None,
        wait: None,
    };
    Sighting { at: ago(seconds_ago), agents: vec![agent] }
}

/// What is seen connected from an address.
fn connected(from: &str, sighting: Sighting) -> Arc<BTreeMap<IpAddr, Sighting>> {
    BTreeMap::from([(address(from), sighting)]).into()
}

fn configured(rules: &[(&str, &str)]) -> Config {
    let mut config = config();
    let rule = |(name, at): &(&str, &str)| SourceAddress { matches: pattern(name), address: address(at) };
    config.targets.addresses = rules.iter().map(rule).collect();
    config
}

fn assessed(rows: Vec<TargetRow>, arrivals: Option<Arrivals>, config: &Config) -> Target {
    let arrivals = arrivals.map(|rows| read(Collector::Arrivals, rows));
    let reading = Reading { arrivals, ..reading(rows) };
    let fleet = assess(&reading, Arc::default(), config, &mut Memory::default()).fleet;
    fleet.targets.into_iter().find(|target| target.name == NAME).unwrap()
}

fn judged(row: TargetRow, arrivals: Arrivals) -> Target {
    assessed(vec![row], Some(arrivals), &configured(&[(NAME, ADDRESS)]))
}

fn trace(target: &Target) -> &Trace {
    target.trace.as_ref().unwrap()
}

/// Its last poll was ten minutes ago.
fn silent() -> TargetRow {
    polled_at(target(1, NAME), 600)
}

fn verdict(row: TargetRow, arrivals: Arrivals) -> (Cause, MasterEvidence) {
    let target = judged(row, arrivals);
    (target.diagnosis.cause, trace(&target).word)
}

#[test]
fn logins_that_are_refused_at_the_rhythm_of_the_polls_are_the_cause() {
    for (refused, cause) in [
        (&[540, 480, 420][..], Cause::LoginRefused),
        (&[540, 480], Cause::StoppedPolling),
        // At both ends of the factor of two, and beyond them.
        (&[540, 510, 480], Cause::LoginRefused),
        (&[540, 511, 482], Cause::StoppedPolling),
        (&[540, 420, 300], Cause::LoginRefused),
        (&[540, 419, 298], Cause::StoppedPolling),
        // The first attempt within two intervals after the last poll.
        (&[480, 420, 360], Cause::LoginRefused),
        (&[479, 419, 359], Cause::StoppedPolling),
        // A run that began before the last poll is another program's.
        (&[660, 600, 540, 480, 420], Cause::StoppedPolling),
        (&[660, 540, 480, 420], Cause::StoppedPolling),
        // It was there before, and paused while the host of both was restarted.
        (&[720, 540, 480, 420], Cause::StoppedPolling),
        (&[721, 540, 480, 420], Cause::LoginRefused),
    ] {
        let target = judged(silent(), remembers(attempts(18_456, None, refused)));
        assert_eq!((target.diagnosis.cause, trace(&target).word), (cause, MasterEvidence::Refused), "{refused:?}");
    }
}

#[test]
fn a_run_that_has_ended_is_no_cause_any_more() {
    let long = |row| polled_at(row, 1_200);
    let run = |newest: i64| remembers(attempts(18_456, None, &[1_140, 1_020, 900, 800, 700, newest]));
    assert_eq!(verdict(long(target(1, NAME)), run(600)).0, Cause::LoginRefused);
    assert_eq!(verdict(long(target(1, NAME)), run(601)).0, Cause::StoppedPolling);
}

#[test]
fn a_target_that_never_polled_is_judged_since_its_enlistment() {
    let row = || never_polled(1, NAME, 1_800);
    let run = attempts(18_456, None, &[300, 240, 180, 120, 60]);
    assert_eq!(verdict(row(), remembers(run)), (Cause::LoginRefused, MasterEvidence::Refused));
    assert_eq!(verdict(row(), remembers(Vec::new())), (Cause::NeverPolled, MasterEvidence::NoTrace));
    // A ring buffer that begins after the enlistment may have lost attempts from before it, which would be another
    // program's.
    let run = || attempts(18_456, None, &[600, 540, 480, 420]);
    for (begins, cause) in [(1_800, Cause::LoginRefused), (1_799, Cause::NeverPolled)] {
        let arrivals = Arrivals { covered_since: Some(ago(begins)), ..remembers(run()) };
        assert_eq!(verdict(row(), arrivals), (cause, MasterEvidence::Refused), "{begins}");
    }
}

#[test]
fn connections_that_end_before_login_are_the_cause_only_where_something_was_sent_or_the_error_names_it() {
    let at = &[540, 480, 420];
    for (error, sent, cause, word) in [
        (17_830, Some(true), Cause::EndedBeforeLogin, MasterEvidence::BeforeLogin),
        (17_819, None, Cause::EndedBeforeLogin, MasterEvidence::BeforeLogin),
        (17_830, Some(false), Cause::StoppedPolling, MasterEvidence::Reached),
        (17_830, None, Cause::StoppedPolling, MasterEvidence::Reached),
        (4_014, None, Cause::StoppedPolling, MasterEvidence::Connected),
    ] {
        assert_eq!(verdict(silent(), remembers(attempts(error, sent, at))), (cause, word), "{error} {sent:?}");
    }
    let mut both = attempts(17_830, Some(true), at);
    both.extend(attempts(18_456, None, &[541, 481, 421]));
    both.sort_by_key(|record| record.at);
    assert_eq!(verdict(silent(), remembers(both)).0, Cause::LoginRefused, "a refused login says more");
}

#[test]
fn an_agents_session_says_that_it_is_connected_and_voids_runs_that_began_before_it() {
    let seen = |records, seconds| Arrivals { sightings: connected(ADDRESS, agent(seconds)), ..remembers(records) };
    let none = Vec::new;
    let refused = || attempts(18_456, None, &[540, 480, 420]);
    use Cause::{ConnectedNotPolling, LoginRefused, StoppedPolling};
    for (arrivals, cause) in [
        (seen(none(), 60), ConnectedNotPolling),
        // A session of its last poll, or of the upload after it.
        (seen(none(), 540), StoppedPolling),
        (seen(none(), 539), ConnectedNotPolling),
        (seen(refused(), 60), ConnectedNotPolling),
        (seen(attempts(18_456, None, &[490, 430, 370]), 539), LoginRefused),
    ] {
        assert_eq!(verdict(silent(), arrivals).0, cause);
    }
    let old = polled_at(target(1, NAME), 90_000);
    assert_eq!(verdict(old.clone(), seen(none(), 3_600)).0, ConnectedNotPolling);
    assert_eq!(verdict(old, seen(none(), 3_601)).0, StoppedPolling);
}

#[test]
fn what_was_connected_at_the_last_look_at_the_sessions_is_connected_until_the_next() {
    let seen = |seconds, looked| Arrivals {
        sightings: connected(ADDRESS, Sighting { at: ago(seconds), agents: Vec::new() }),
        connected_at: Some(ago(looked)),
        ..remembers(Vec::new())
    };
    for (seconds, looked, word) in [
        (0, 0, MasterEvidence::Connected),
        (200, 200, MasterEvidence::Connected),
        (200, 100, MasterEvidence::NoTrace),
        (901, 901, MasterEvidence::NoTrace),
    ] {
        assert_eq!(verdict(silent(), seen(seconds, looked)).1, word, "{seconds} {looked}");
    }
}

#[test]
fn no_trace_speaks_of_the_time_since_the_last_poll_and_a_last_poll_ahead_hides_none() {
    let before = attempts(18_456, None, &[900, 800, 700]);
    let said = |row| {
        let target = judged(row, remembers(before.clone()));
        (trace(&target).word, trace(&target).text.clone())
    };
    let (word, text) = said(silent());
    assert_eq!(word, MasterEvidence::NoTrace);
    assert!(text.contains("broke off in the last 10 min."), "{text}");
    assert_eq!(said(polled_at(target(1, NAME), -600)).0, MasterEvidence::Refused);
}

#[test]
fn a_session_that_states_the_host_counts_where_its_address_is_that_of_no_target() {
    let stated = |host: &str| {
        let mut sighting = agent(60);
        sighting.agents[0].host = Some(host.into());
        Arrivals { sightings: connected("192.0.2.1", sighting), ..remembers(Vec::new()) }
    };
    assert_eq!(verdict(silent(), stated("sql01")).0, Cause::ConnectedNotPolling);
    assert_eq!(verdict(silent(), stated("SQL02")).0, Cause::StoppedPolling);
}

#[test]
fn the_masters_own_agent_is_not_that_of_a_target_on_its_computer() {
    let verdict = |name: &str| {
        let mut sighting = agent(60);
        sighting.agents[0].host = Some(ServerName::of(name).host.to_owned());
        let seen = Arrivals { sightings: connected("192.0.2.1", sighting), ..remembers(Vec::new()) };
        let mut reading = reading(vec![polled_at(target(1, name), 600)]);
        let mut server = ServerFacts { name: "MSX01".into(), ..ServerFacts::default() };
        server.place.node = Some("NODE1".into());
        reading.server = Some(read(Collector::Server, server));
        reading.arrivals = Some(read(Collector::Arrivals, seen));
        assess(&reading, Arc::default(), &config(), &mut Memory::default()).fleet.targets[0].diagnosis.cause
    };
    assert_eq!(verdict(r"NODE2\PAY"), Cause::ConnectedNotPolling);
    for name in [r"MSX01\PAY", r"NODE1\PAY"] {
        assert_eq!(verdict(name), Cause::StoppedPolling, "{name}");
    }
}

#[test]
fn two_targets_with_one_address_are_one_of_two_and_no_cause() {
    let config = configured(&[("SQL0[12]", ADDRESS)]);
    let second = |row: TargetRow| vec![silent(), row];
    let refused = remembers(attempts(18_456, None, &[540, 480, 420]));
    let target_row = || target(2, "SQL02");
    let judged = assessed(second(polled_at(target_row(), 700)), Some(refused), &config);
    assert_eq!((judged.diagnosis.cause, trace(&judged).word), (Cause::StoppedPolling, MasterEvidence::Refused));
    assert!(trace(&judged).text.ends_with("one of its neighbours on that address: SQL02."), "{}", trace(&judged).text);
    let seen = Arrivals { sightings: connected(ADDRESS, agent(60)), ..remembers(Vec::new()) };
    let judged = assessed(second(target_row()), Some(seen), &config);
    assert_eq!(trace(&judged).word, MasterEvidence::Unknown, "the one that polls explains the session");
}

#[test]
fn of_many_targets_behind_one_address_a_few_are_named() {
    let config = configured(&[(".*", ADDRESS)]);
    let others = (2..1_000).map(|number| polled_at(target(number, &format!("TSX{number:04}")), 600));
    let rows = |last: TargetRow| others.clone().chain([silent(), last]).collect();
    let refused = || Some(remembers(attempts(18_456, None, &[540, 480, 420])));
    let last = || target(1_000, "TSX1000");
    let judged = assessed(rows(polled_at(last(), 600)), refused(), &config);
    let text = &trace(&judged).text;
    assert!(text.ends_with("on that address: TSX0002, TSX0003, TSX0004, TSX0005, TSX0006 and others."), "{text}");
    // The last target polls.
    let judged = assessed(rows(last()), refused(), &config);
    let text = &trace(&judged).text;
    assert!(text.ends_with("on that address: TSX0002, TSX0003, TSX0004, TSX0005, TSX0006 and others."), "{text}");
    let seen = Arrivals { sightings: connected(ADDRESS, agent(60)), ..remembers(Vec::new()) };
    let judged = assessed(rows(last()), Some(seen), &config);
    assert_eq!(trace(&judged).word, MasterEvidence::Unknown, "the one that polls explains the session");
}

#[test]
fn a_host_is_looked_for_at_all_of_its_fifty_addresses_and_a_few_are_named() {
    let addresses: Vec<String> = (1..=50).map(|last| format!("10.1.0.{last}")).collect();
    let rules: Vec<(&str, &str)> = addresses.iter().map(|address| (NAME, address.as_str())).collect();
    let last = |record| Arrival { from: Some(address("10.1.0.50")), ..record };
    let refused = attempts(18_456, None, &[540, 480, 420]).into_iter().map(last).collect();
    let judged = assessed(vec![silent()], Some(remembers(refused)), &configured(&rules));
    assert_eq!(judged.diagnosis.cause, Cause::LoginRefused);
    let details = trace(&judged).details.join(" ");
    assert!(details.contains("10.1.0.10 (targets.addresses), 40 more."), "{details}");
}

#[test]
fn without_the_right_the_verdict_is_the_one_without_evidence() {
    let refused = attempts(18_456, None, &[540, 480, 420]);
    let denied = Arrivals { permitted: false, ..Arrivals::default() };
    assert_eq!(verdict(silent(), denied), (Cause::StoppedPolling, MasterEvidence::Unknown));
    let config = configured(&[(NAME, ADDRESS)]);
    let off = assessed(vec![silent()], None, &config);
    assert_eq!((off.diagnosis.cause, off.trace), (Cause::StoppedPolling, None));
    let unread = Arrivals { covered_until: None, covered_since: None, ..remembers(refused) };
    assert_eq!(verdict(silent(), unread), (Cause::StoppedPolling, MasterEvidence::Unknown));
}

#[test]
fn a_ring_that_was_turned_over_falls_back_and_says_how_far_it_reaches() {
    let refused = || attempts(18_456, None, &[540, 480, 420]);
    let since = |seconds| Arrivals { covered_since: Some(ago(seconds)), ..remembers(refused()) };
    assert_eq!(verdict(silent(), since(720)).0, Cause::LoginRefused);
    assert_eq!(verdict(silent(), since(719)).0, Cause::StoppedPolling, "what was before its last poll is not known");
    let short = |seconds| {
        let target = judged(silent(), Arrivals { covered_since: Some(ago(seconds)), ..remembers(Vec::new()) });
        (trace(&target).word, trace(&target).text.clone())
    };
    assert_eq!(short(180).0, MasterEvidence::NoTrace);
    let (word, text) = short(179);
    assert_eq!(word, MasterEvidence::Unknown);
    assert!(text.contains("connections of the last 2 min 59 s alone"), "{text}");
}

#[test]
fn a_look_that_failed_takes_nothing_away_until_the_last_good_one_is_old() {
    let refused = || attempts(18_456, None, &[540, 480, 420]);
    let looked = |seconds| Arrivals { covered_until: Some(ago(seconds)), ..remembers(refused()) };
    for (seconds, cause, says) in
        [(360, Cause::LoginRefused, false), (361, Cause::LoginRefused, true), (901, Cause::StoppedPolling, false)]
    {
        let target = judged(silent(), looked(seconds));
        assert_eq!(target.diagnosis.cause, cause, "{seconds}");
        assert_eq!(trace(&target).text.contains("The last look that succeeded was 6 min"), says, "{seconds}");
    }
    let mut failed = failed::<Arrivals>(Collector::Arrivals);
    failed.rows = Some(looked(60).into());
    let reading = Reading { arrivals: Some(failed), ..reading(vec![silent()]) };
    let fleet = assess(&reading, Arc::default(), &configured(&[(NAME, ADDRESS)]), &mut Memory::default()).fleet;
    assert_eq!(fleet.targets[0].diagnosis.cause, Cause::LoginRefused, "the last look failed, the one before stands");
}

#[test]
fn looks_that_scrapes_ended_are_said_where_no_other_speaks_with_the_time_of_the_next() {
    let said = |interrupted: Option<(u32, u64)>, looked: Option<i64>| {
        let interruptions = interrupted
            .map(|(looks, next)| Interruptions { looks, next_attempt: std::time::Duration::from_secs(next) });
        let arrivals = Arrivals { covered_until: looked.map(ago), interruptions, ..remembers(Vec::new()) };
        trace(&judged(silent(), arrivals)).text.clone()
    };
    const ENDED: &str = "ended early in a row because a scrape came; the next";
    assert!(said(Some((3, 9)), None).ends_with(&format!("has not been read. 3 looks {ENDED} may begin in 9 s.")));
    assert!(said(Some((1, 0)), Some(361)).ends_with(&format!("6 min 1 s ago. 1 look {ENDED} is due.")));
    assert!(!said(Some((3, 9)), Some(360)).contains(ENDED) && !said(None, None).contains(ENDED));
}

#[test]
fn without_an_address_nothing_is_known() {
    let target = assessed(vec![silent()], Some(remembers(Vec::new())), &config());
    assert_eq!(trace(&target).word, MasterEvidence::Unknown);
    assert!(trace(&target).text.contains("targets.addresses"));
}

#[test]
fn an_instance_of_the_same_host_that_polls_clears_the_way_and_with_option_2_the_certificate() {
    let config = configured(&[("SQL0.*", ADDRESS)]);
    for (other, option, way, certificate) in
        [(r"SQL01\PAY", 1, false, true), (r"SQL01\PAY", 2, false, false), ("SQL02", 2, true, true)]
    {
        let page = TargetPage { encrypt_channel_option: Some(option), ..page(ago(60)) };
        let known = PagesOfTarget { pages: vec![KnownPage { page, first_seen: ago(60) }], ..PagesOfTarget::default() };
        let pages = PageResults(BTreeMap::from([(other.to_owned(), Arc::new(known))])).into();
        let arrivals = Some(read(Collector::Arrivals, remembers(Vec::new())));
        let reading = Reading { arrivals, ..reading(vec![silent(), target(2, other)]) };
        let seen = Observed { pages, ..Observed::default() };
        let fleet = assess(&reading, seen, &config, &mut Memory::default()).fleet;
        let judged = fleet.targets.iter().find(|target| target.name == NAME).unwrap();
        let titles: Vec<_> = trace(judged).suspects.iter().map(|suspect| suspect.title).collect();
        let suspects = |begins: &str| titles.iter().any(|title| title.starts_with(begins));
        assert_eq!(suspects("Nothing gets through"), way, "{other} {option}: {titles:?}");
        assert_eq!(suspects("The target does not trust"), certificate, "{other} {option}: {titles:?}");
    }
}

#[test]
fn what_comes_from_others_brings_no_cause() {
    let mut records = attempts(18_456, None, &[540, 480, 420]);
    records.iter_mut().for_each(|record| record.from = Some(address("10.1.0.9")));
    assert_eq!(verdict(silent(), remembers(records)), (Cause::StoppedPolling, MasterEvidence::NoTrace));
}

#[test]
fn a_target_that_polls_has_no_trace_and_is_fine() {
    let target = judged(target(1, NAME), remembers(attempts(18_456, None, &[540, 480, 420])));
    assert_eq!((target.diagnosis.cause, target.trace), (Cause::Ok, None));
}

#[test]
fn what_everybody_reads_has_no_address_login_or_state() {
    let arrivals =
        Arrivals { sightings: connected(ADDRESS, agent(60)), ..remembers(attempts(18_456, None, &[540, 480, 420])) };
    let target = judged(silent(), arrivals);
    let shown = trace(&target);
    let mut open = vec![shown.text.as_str()];
    open.extend(target.diagnosis.evidence.iter().map(|evidence| evidence.text.as_str()));
    for text in open {
        for secret in [ADDRESS, "CORP", "18456", "state 8"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let details = shown.details.join("\n");
    for shown in ["10.1.0.8 (targets.addresses)", "error 18456 state 8", "CORP\\sql01"] {
        assert!(details.contains(shown), "{details}");
    }
    assert!(shown.suspects[0].is_detail && shown.suspects[0].title.contains("password"));
}

#[test]
fn each_cause_ends_once_the_target_polls_again() {
    let later = now() + SignedDuration::from_secs(1);
    assert!(later > now());
    for arrivals in [
        remembers(attempts(18_456, None, &[540, 480, 420])),
        Arrivals { sightings: connected(ADDRESS, agent(60)), ..remembers(Vec::new()) },
    ] {
        assert_eq!(judged(polled_at(target(1, NAME), 5), arrivals).diagnosis.cause, Cause::Ok);
    }
}

/// SQL03 silent for ten minutes, of which nothing arrived.
fn untraced() -> Reading {
    Reading { arrivals: Some(read(Collector::Arrivals, remembers(Vec::new()))), ..reading(vec![silent()]) }
}

#[test]
fn a_version_that_changed_since_the_last_poll_comes_first() {
    let (config, mut memory) = (configured(&[(NAME, ADDRESS)]), Memory::default());
    let answers = |version: &str| {
        let finding = Finding { version: Some(version.to_owned()), ..engine_port(PortState::Open, false) };
        port_results(NAME, vec![finding])
    };
    let mut polling = reading(vec![silent()]);
    Arc::make_mut(polling.targets.as_mut().unwrap().rows.as_mut().unwrap()).clock.now = ago(590);
    assess(&polling, answers("16.0.1000"), &config, &mut memory);
    let mut first = |reading: &Reading, version: &str| {
        let fleet = assess(reading, answers(version), &config, &mut memory).fleet;
        trace(&fleet.targets[0]).suspects[0].title
    };
    let (agent, newer) = ("SQL Server Agent does not run on the target", "It is newer than its master");
    assert_eq!(first(&untraced(), "17.0.1000"), newer);
    assert_eq!(first(&untraced(), "16.0.1000"), agent);
    assert_eq!(first(&untraced(), "15.0.1000"), agent, "it was the same long after the poll that was missed");
}

/// A self-signed certificate that ends in so many seconds.
fn presented(subject: &str, ends: i64) -> Certificate {
    Certificate {
        subject: subject.to_owned(),
        issuer: subject.to_owned(),
        self_signed: true,
        not_after: ago(-ends),
        names: vec!["msx01".to_owned()],
        sha256: String::new(),
    }
}

/// A reading so many seconds ago of a master that had started then, with its version and the subject of its certificate.
fn of_start(row: TargetRow, read_at: i64, started: i64, version: &str, subject: &str) -> Reading {
    let mut reading =
        Reading { arrivals: Some(read(Collector::Arrivals, remembers(Vec::new()))), ..reading(vec![row]) };
    let clock = &mut Arc::make_mut(reading.targets.as_mut().unwrap().rows.as_mut().unwrap()).clock;
    (clock.now, clock.started) = (ago(read_at), ago(started));
    let server = Arc::make_mut(reading.server.as_mut().unwrap().rows.as_mut().unwrap());
    (server.version, server.certificate) = (version.to_owned(), Some(presented(subject, 9_000)));
    reading
}

#[test]
fn what_changed_with_a_start_speaks_where_it_can_have_begun_the_silence_alone() {
    const OWN: &str = "CN=SSL_Self_Signed_Fallback";
    const OTHER: &str = "the master presents another certificate since the last poll";
    const MOVED: &str = "the master is not where or what it was before its last start";
    let long = || polled_at(target(1, NAME), 3 * 86_400);
    let new = |seconds| never_polled(1, NAME, seconds);
    const ENLISTED: &str = "the master made another certificate of its own after the enlistment";
    // Its last poll was 600 s ago, and it was missed 420 s ago.
    for (row, read_at, started, version, subject, says) in [
        (
            silent(),
            Some(620),
            300,
            "16",
            OWN,
            Some("the master made another certificate of its own after the last poll"),
        ),
        (silent(), Some(420), 300, "16", OTHER, Some(OTHER)),
        (silent(), Some(419), 300, "16", OTHER, None),
        (silent(), Some(419), 300, "16", OWN, None),
        (silent(), Some(420), 300, "17", "CN=was", Some(MOVED)),
        (silent(), Some(419), 300, "17", "CN=was", None),
        (long(), Some(120), 60, "17", OWN, None),
        (long(), None, 60, "16", OWN, None),
        (new(900), Some(720), 300, "16", OWN, Some(ENLISTED)),
        (new(900), Some(719), 300, "16", OWN, None),
        (new(900), Some(720), 300, "16", "CN=is", Some("the master presents another certificate since the enlistment")),
    ] {
        let mut memory = Memory::default();
        let config = configured(&[(NAME, ADDRESS)]);
        if let Some(at) = read_at {
            assess(&of_start(row.clone(), at, 90_000, "16", "CN=was"), Arc::default(), &config, &mut memory);
        }
        let reading = of_start(row, 0, started, version, subject);
        let fleet = assess(&reading, Arc::default(), &config, &mut memory).fleet;
        let suspects = &trace(&fleet.targets[0]).suspects;
        let for_it: Vec<_> = suspects.iter().flat_map(|suspect| &suspect.speaks_for).copied().collect();
        let changes: Vec<_> = for_it.iter().filter(|words| words.starts_with("the master ")).collect();
        assert!(says.map_or(changes.is_empty(), |says| changes.contains(&&says)), "{read_at:?} {subject}: {for_it:?}");
        assert!(says.is_none_or(|says| says != ENLISTED) || !for_it.iter().any(|words| words.contains("last poll")));
    }
}

#[test]
fn its_own_polls_since_the_start_of_the_master_clear_the_certificate_until_it_ends() {
    const CLEARED: &str = "it polled under the certificate that the master presents now";
    const NEW: &str = "the master made another certificate of its own after the last poll";
    for (started, subject, ends, says, against) in [
        (9_000, "CN=SSL_Self_Signed_Fallback", 9_000, None, Some(CLEARED)),
        (300, "CN=SSL_Self_Signed_Fallback", 9_000, Some(NEW), None),
        (300, "CN=msx01", 9_000, None, None),
        (9_000, "CN=msx01", -600, None, None),
        (9_000, "CN=msx01", -599, Some("the certificate of the master has ended"), None),
        (9_000, "CN=msx01", -419, None, None),
    ] {
        let mut reading = untraced();
        Arc::make_mut(reading.targets.as_mut().unwrap().rows.as_mut().unwrap()).clock.started = ago(started);
        Arc::make_mut(reading.server.as_mut().unwrap().rows.as_mut().unwrap()).certificate =
            Some(presented(subject, ends));
        let fleet = assess(&reading, Arc::default(), &configured(&[(NAME, ADDRESS)]), &mut Memory::default()).fleet;
        let suspects = &trace(&fleet.targets[0]).suspects;
        let trust = suspects.iter().find(|suspect| suspect.title.starts_with("The target does not trust"));
        let (for_it, against_it) =
            trust.map(|found| (found.speaks_for.clone(), found.speaks_against.clone())).unwrap_or_default();
        assert_eq!(
            says.is_some_and(|says| for_it.contains(&says)),
            says.is_some(),
            "{started} {subject}: {suspects:?}"
        );
        // Where it is cleared it is no suspect any more, or says so.
        assert!(against.is_none() || trust.is_none() || against_it.contains(&CLEARED), "{started} {subject}");
        assert_eq!(against_it.contains(&CLEARED) || trust.is_none(), against.is_some(), "{started} {subject}");
    }
}
