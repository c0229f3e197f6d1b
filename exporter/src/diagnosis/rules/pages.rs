//! Rules for a silent target that wrote a page of its own.

use super::Evidence;
use super::diagnose::Case;
use crate::diagnosis::pages::PageEvidence;
use crate::model::Cause;
use jiff::Timestamp;

/// Its Agent does not run where its instance runs.
pub(super) fn agent_stopped(case: &Case<'_>) -> Option<Evidence> {
    let (page, _) = pages(case)?.agent().filter(|(page, runs)| !runs && !case.agent_since(page.taken_at))?;
    let starts = page.agent_start_mode.map(|mode| format!(", and its service starts {}", mode.adverb()));
    Some(Cause::AgentStopped.because(format!(
        "Its SQL Server Agent does not run where its instance runs: by its page, {}{}.",
        page.taken(case.now),
        starts.unwrap_or_default()
    )))
}

/// Its host cannot reach the master.
pub(super) fn way_closed(case: &Case<'_>) -> Option<Evidence> {
    let (page, finding, _) =
        pages(case)?.way().filter(|(page, _, open)| !open && !case.arrival_since(page.taken_at))?;
    let port = finding.port.map(|port| format!(" (TCP {port})")).unwrap_or_default();
    Some(Cause::WayClosed.because(format!(
        "The master's port{port} is {} from its host: by its page, {}.",
        finding.state.word().title,
        page.taken(case.now)
    )))
}

/// Its host refuses the certificate that the master presents now.
pub(super) fn certificate_refused(case: &Case<'_>) -> Option<Evidence> {
    let found = pages(case)?.certificate().filter(|(page, _, refused)| *refused && !case.agent_since(page.taken_at));
    let (page, look, _) = found?;
    Some(Cause::CertificateRefused.because(format!(
        "Its host refuses the master's certificate ({}): by its page, {}, the store of Windows there does not take what the \
         master presents for the name {:?}, and MsxEncryptChannelOptions is 2.",
        look.verdict.name(),
        page.taken(case.now),
        look.name
    )))
}

fn pages<'a>(case: &Case<'a>) -> Option<&'a PageEvidence<'a>> {
    case.stale.then_some(case.pages)
}

impl Case<'_> {
    /// Whether a session of its Agent was seen since.
    fn agent_since(&self, at: Timestamp) -> bool {
        self.trace.and_then(|trace| trace.agent_at).is_some_and(|seen| self.target.by_its_clock(seen) > at)
    }

    /// Whether anything of its host alone arrived at the master since.
    fn arrival_since(&self, at: Timestamp) -> bool {
        self.trace.and_then(|trace| trace.arrived_at).is_some_and(|seen| self.target.by_its_clock(seen) > at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::collectors::{AgentSession, Arrival, Arrivals, Reading, RecordKind, Sighting, TargetRow};
    use crate::config::SourceAddress;
    use crate::diagnosis::fixtures::{ago, config, engine_port, now, pattern, polled_at, read, reading, target};
    use crate::diagnosis::{Memory, Observed, Target, assess};
    use crate::model::{Cause, Certificate, Collector, Direction, MasterEvidence, PortState, StartMode, Store};
    use crate::probe::Finding;
    use crate::probe::protocol::Verdict;
    use crate::target_pages::{CertificateLook, KnownPage, PageResults, PagesOfTarget, TargetPage};
    use jiff::{Timestamp, ToSpan};
    use std::collections::BTreeMap;
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::Duration;

    const NAME: &str = "SQL01";
    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 0, 8));

    /// A page that has nothing to say against the target.
    fn page() -> TargetPage {
        let way = Finding {
            direction: Direction::ToMaster,
            master: Some("MSX01".to_owned()),
            checked_at: ago(60),
            ..engine_port(PortState::Open, true)
        };
        let look = CertificateLook {
            name: "MSX01".to_owned(),
            store: Store::Windows,
            sha256: "aa".to_owned(),
            verdict: Verdict::Ok,
        };
        TargetPage {
            master: Some("MSX01".to_owned()),
            encrypt_channel_option: Some(2),
            certificate: Some(look),
            ports: vec![way],
            ..crate::target_pages::tests::page(ago(60))
        }
    }

    fn judged(row: TargetRow, pages: Vec<TargetPage>, looks: Vec<Timestamp>, arrivals: Option<Arrivals>) -> Target {
        let pages = pages.into_iter().map(|page| KnownPage { page, first_seen: ago(30) }).collect();
        let of_target = PagesOfTarget { pages, looks, refused: Vec::new() };
        let pages = Arc::new(PageResults(BTreeMap::from([(NAME.to_owned(), Arc::new(of_target))])));
        let arrivals = arrivals.map(|rows| read(Collector::Arrivals, rows));
        let mut reading = Reading { arrivals, ..reading(vec![row]) };
        Arc::make_mut(reading.server.as_mut().unwrap().rows.as_mut().unwrap()).certificate = Some(Certificate {
            subject: "CN=MSX01".to_owned(),
            issuer: "CN=CA".to_owned(),
            self_signed: false,
            not_after: ago(-86_400),
            names: vec!["MSX01".to_owned()],
            sha256: "aa".to_owned(),
        });
        let mut config = config();
        config.targets.addresses = vec![SourceAddress { matches: pattern(NAME), address: ADDRESS }];
        let seen = Observed { pages, ..Observed::default() };
        assess(&reading, seen, &config, &mut Memory::default()).fleet.targets.remove(0)
    }

    /// Silent for two hours.
    fn silent() -> TargetRow {
        polled_at(target(1, NAME), 7_200)
    }

    fn cause(change: impl FnOnce(&mut TargetPage)) -> Cause {
        let mut page = page();
        change(&mut page);
        judged(silent(), vec![page], Vec::new(), None).diagnosis.cause
    }

    #[test]
    fn only_a_fresh_page_of_this_master_and_this_node_proves_something() {
        use Cause::{AgentStopped, CertificateRefused, StoppedPolling, WayClosed};
        type Change = fn(&mut TargetPage);
        fn stopped(page: &mut TargetPage) {
            page.agent_running = Some(false);
        }
        fn closed(page: &mut TargetPage) {
            page.ports[0].state = PortState::Filtered;
        }
        fn refused(page: &mut TargetPage) {
            page.certificate.as_mut().unwrap().verdict = Verdict::Untrusted;
        }
        fn look(page: &mut TargetPage) -> &mut CertificateLook {
            refused(page);
            page.certificate.as_mut().unwrap()
        }
        fn named(page: &mut TargetPage, master: Option<&str>) {
            page.master = master.map(str::to_owned);
        }
        let cases: &[(&str, Change, Cause)] = &[
            ("nothing wrong", |_| {}, StoppedPolling),
            ("stopped", stopped, AgentStopped),
            ("not allowed to ask", |page| page.agent_running = None, StoppedPolling),
            (
                "passive node",
                |page| {
                    stopped(page);
                    closed(page);
                    refused(page);
                    page.instance_running = Some(false)
                },
                StoppedPolling,
            ),
            (
                "node not known",
                |page| {
                    stopped(page);
                    closed(page);
                    page.instance_running = None
                },
                StoppedPolling,
            ),
            ("filtered", closed, WayClosed),
            ("refused", |page| page.ports[0].state = PortState::Refused, WayClosed),
            ("unresolved", |page| page.ports[0].state = PortState::Unresolved, WayClosed),
            ("no answer", |page| page.ports[0].state = PortState::NoAnswer, StoppedPolling),
            (
                "way to another master",
                |page| {
                    closed(page);
                    page.ports[0].master = Some("MSX02".into())
                },
                StoppedPolling,
            ),
            (
                "another master",
                |page| {
                    closed(page);
                    refused(page);
                    named(page, Some("MSX02"))
                },
                StoppedPolling,
            ),
            (
                "master not known",
                |page| {
                    closed(page);
                    named(page, None)
                },
                WayClosed,
            ),
            (
                "long name",
                |page| {
                    closed(page);
                    named(page, Some("msx01.corp.example"))
                },
                WayClosed,
            ),
            (
                "another instance",
                |page| {
                    closed(page);
                    named(page, Some(r"MSX01\HQ"))
                },
                StoppedPolling,
            ),
            (
                "checked before",
                |page| {
                    closed(page);
                    page.ports[0].checked_at = ago(7_201)
                },
                StoppedPolling,
            ),
            ("untrusted", refused, CertificateRefused),
            ("name", |page| look(page).verdict = Verdict::NameMismatch, CertificateRefused),
            ("expired", |page| look(page).verdict = Verdict::Expired, CertificateRefused),
            ("no TLS", |page| look(page).verdict = Verdict::NoTls, StoppedPolling),
            (
                "option 1",
                |page| {
                    refused(page);
                    page.encrypt_channel_option = Some(1)
                },
                StoppedPolling,
            ),
            (
                "option 0",
                |page| {
                    refused(page);
                    page.encrypt_channel_option = Some(0)
                },
                StoppedPolling,
            ),
            (
                "option not known",
                |page| {
                    refused(page);
                    page.encrypt_channel_option = None
                },
                StoppedPolling,
            ),
            ("another store", |page| look(page).store = Store::Bundled, StoppedPolling),
            ("another name", |page| look(page).name = "msx01.corp.example".into(), StoppedPolling),
            ("another certificate", |page| look(page).sha256 = "bb".into(), StoppedPolling),
            (
                "certificate, master not known",
                |page| {
                    refused(page);
                    named(page, None)
                },
                StoppedPolling,
            ),
            (
                "all three",
                |page| {
                    stopped(page);
                    closed(page);
                    refused(page)
                },
                AgentStopped,
            ),
            (
                "two of three",
                |page| {
                    closed(page);
                    refused(page)
                },
                WayClosed,
            ),
            (
                "old",
                |page| {
                    stopped(page);
                    page.interval = None;
                    page.taken_at = ago(900)
                },
                StoppedPolling,
            ),
            (
                "old for its interval",
                |page| {
                    stopped(page);
                    page.taken_at = ago(1_500)
                },
                StoppedPolling,
            ),
            (
                "ahead",
                |page| {
                    stopped(page);
                    page.taken_at = ago(-301)
                },
                StoppedPolling,
            ),
            (
                "before the last poll",
                |page| {
                    stopped(page);
                    page.interval = Some(Duration::MAX);
                    page.taken_at = ago(7_201)
                },
                StoppedPolling,
            ),
        ];
        for (name, change, expected) in cases {
            assert_eq!(cause(change), *expected, "{name}");
        }
    }

    #[test]
    fn the_newest_page_of_the_active_node_decides() {
        let stopped = TargetPage { agent_running: Some(false), ..page() };
        let passive = TargetPage { node: "NODE2".into(), instance_running: Some(false), ..stopped.clone() };
        let newer = TargetPage { taken_at: ago(10), ..page() };
        for (pages, expected) in
            [(vec![stopped.clone(), passive], Cause::AgentStopped), (vec![stopped, newer], Cause::StoppedPolling)]
        {
            assert_eq!(judged(silent(), pages, Vec::new(), None).diagnosis.cause, expected);
        }
    }

    #[test]
    fn a_page_says_nothing_of_a_target_that_polls() {
        let stopped = TargetPage { agent_running: Some(false), ..page() };
        let polls = judged(target(1, NAME), vec![stopped], Vec::new(), None);
        assert_eq!((polls.diagnosis.cause, polls.diagnosis.evidence), (Cause::Ok, Vec::new()));
    }

    fn arrivals(records: Vec<Arrival>, sighting: Option<Sighting>) -> Option<Arrivals> {
        let (covered_since, covered_until) = (Some(ago(9_000)), Some(now()));
        let sightings = sighting.map(|seen| (ADDRESS, seen)).into_iter().collect::<BTreeMap<_, _>>().into();
        let records = records.into();
        Some(Arrivals { permitted: true, covered_since, covered_until, records, sightings, ..Arrivals::default() })
    }

    fn record(seconds_ago: i64, error: u32) -> Arrival {
        Arrival {
            at: ago(seconds_ago),
            up_ms: 0,
            connection: Some(seconds_ago.to_string()),
            from: Some(ADDRESS),
            kind: RecordKind::Error,
            error: Some(error),
            state: Some(8),
            before_login: false,
            sent: Some(true),
            timers: None,
        }
    }

    #[test]
    fn an_arrival_proves_the_way_and_a_session_the_agent() {
        let wrong = |change: fn(&mut TargetPage)| {
            let mut page = page();
            change(&mut page);
            vec![page]
        };
        let stopped = || wrong(|page| page.agent_running = Some(false));
        let closed = || wrong(|page| page.ports[0].state = PortState::Filtered);
        let agent = |seconds_ago| {
            let at = ago(seconds_ago);
            let agent = AgentSession { at, login: None, host: None, blocked_by: None, wait: None };
            arrivals(Vec::new(), Some(Sighting { at, agents: vec![agent] }))
        };
        let login = |seconds_ago| arrivals(vec![record(seconds_ago, 18_456)], None);
        for (pages, seen, expected) in [
            (stopped(), agent(61), Cause::AgentStopped),
            (stopped(), agent(59), Cause::ConnectedNotPolling),
            (stopped(), login(30), Cause::AgentStopped),
            (closed(), login(61), Cause::WayClosed),
            (closed(), login(59), Cause::StoppedPolling),
            (closed(), agent(59), Cause::ConnectedNotPolling),
        ] {
            assert_eq!(judged(silent(), pages, Vec::new(), seen.clone()).diagnosis.cause, expected, "{seen:?}");
        }
    }

    #[test]
    fn what_a_look_may_have_left_counts_for_nothing() {
        let row = || polled_at(target(1, NAME), 600);
        let times = [540, 480, 420];
        let looks = |off: i64| times.map(|at| ago(at + off)).to_vec();
        for (error, looks, word, expected) in [
            (17_830, Vec::new(), MasterEvidence::BeforeLogin, Cause::EndedBeforeLogin),
            (17_830, looks(30), MasterEvidence::NoTrace, Cause::StoppedPolling),
            (18_456, looks(0), MasterEvidence::Refused, Cause::LoginRefused),
            (17_835, looks(0), MasterEvidence::BeforeLogin, Cause::EndedBeforeLogin),
        ] {
            let records = times.map(|at| record(at, error)).to_vec();
            let target = judged(row(), vec![page()], looks, arrivals(records, None));
            assert_eq!((target.trace.unwrap().word, target.diagnosis.cause), (word, expected), "{error}");
        }
    }

    #[test]
    fn times_are_compared_by_the_clock_of_the_target() {
        let ahead = |mut row: TargetRow, seconds: i64| {
            row.local_time_at_last_poll = row.local_time_at_last_poll.checked_add(seconds.seconds()).unwrap();
            row
        };
        let stopped = |taken| TargetPage {
            agent_running: Some(false),
            interval: Some(Duration::from_secs(10_000)),
            taken_at: ago(taken),
            ..page()
        };
        for (seconds, taken, expected) in [
            (0, 7_190, Cause::AgentStopped),
            (60, 7_190, Cause::StoppedPolling),
            (0, 7_210, Cause::StoppedPolling),
            (-60, 7_210, Cause::AgentStopped),
        ] {
            let target = judged(ahead(silent(), seconds), vec![stopped(taken)], Vec::new(), None);
            assert_eq!(target.diagnosis.cause, expected, "{seconds} {taken}");
            let known = target.known_pages().next().unwrap();
            assert_eq!(target.objection(known, now()).is_none(), expected == Cause::AgentStopped, "as it is shown");
        }
        let times = [540, 480, 420];
        for (seconds, word) in [(0, MasterEvidence::BeforeLogin), (300, MasterEvidence::NoTrace)] {
            let row = ahead(polled_at(target(1, NAME), 600), seconds);
            let looks = times.map(|at| ago(at - 300)).to_vec();
            let records = times.map(|at| record(at, 17_830)).to_vec();
            let target = judged(row, vec![page()], looks, arrivals(records, None));
            assert_eq!(target.trace.unwrap().word, word, "{seconds}");
        }
    }

    #[test]
    fn an_agent_that_starts_manually_is_a_suspect_by_its_last_page() {
        let manual = TargetPage { agent_start_mode: Some(StartMode::Manual), taken_at: ago(90_000), ..page() };
        let node2 = TargetPage { node: "NODE2".to_owned(), ..manual.clone() };
        for (pages, is_suspect) in [(vec![manual.clone()], true), (vec![manual, node2], false)] {
            let target = judged(silent(), pages, Vec::new(), arrivals(Vec::new(), None));
            let suspects = target.trace.unwrap().suspects;
            let mut reasons = suspects.iter().flat_map(|suspect| &suspect.speaks_for);
            let is_said = reasons.any(|why| *why == "by its last page the service of its Agent starts manually");
            assert_eq!(is_said, is_suspect, "{suspects:?}");
        }
    }
}
