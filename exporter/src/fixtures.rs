//! Fleets made by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::collectors::{
    CollectorReport, DownloadRow, DownloadedRow, JobRow, JobTargetRow, Outcome, ServerFacts, TargetRow,
};
use crate::config::Limits;
use crate::diagnosis::{
    Diagnosis, Enlisted, Evidence, Fleet, Job, JobRun, Limited, MasterClock, MasterFleet, Orphan, PollStatus, Suspect,
    Target, TargetDownloads, TargetFleet, Trace,
};
use crate::exposition::{BuildInfo, ExporterFacts, ProbeCounts, ProcessFacts, Reload};
use crate::model::{
    Address, Cause, Certificate, Check, Collector, Direction, ErrorClass, MasterEvidence, Operation, OrphanKind,
    PortSource, PortState, ProbeFailure, Refusal, Stage, StartMode, Store,
};
use crate::probe::protocol::{Encryption, Verdict};
use crate::probe::{Finding, PortResults, Sweep};
use crate::sqlserver::{Place, ReadError};
use crate::target_side::{LocalTarget, MasterView, Presented, Services, TargetSide};
use enum_map::{EnumMap, enum_map};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) const NOW: Timestamp = Timestamp::constant(1_764_000_000, 0);

pub(crate) fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

pub(crate) static LIMITS: LazyLock<Limits> = LazyLock::new(|| crate::config::defaults().limits);

pub(crate) fn facts() -> ExporterFacts {
    ExporterFacts {
        build: BuildInfo { version: "0.1.0", revision: "abcdef0", rustc: "1.88.0" },
        sql_errors: EnumMap::from_fn(|stage: Stage| stage as u64),
        sql_connections: 1,
        log_lines_lost: 2,
        refused: Some(EnumMap::from_fn(|reason: Refusal| reason as u64)),
        probes: Some(ProbeCounts { asked: 40, failed: EnumMap::from_fn(|reason: ProbeFailure| reason as u64) }),
        reload: Reload { successful: true, at: Some(ago(3600)) },
        passive: None,
        process: Some(ProcessFacts {
            cpu_seconds: Some(1.25),
            open_fds: Some(12),
            max_fds: Some(1024),
            resident_bytes: Some(9_000_000),
            virtual_bytes: Some(80_000_000),
            start_seconds: Some(1_763_990_000.5),
            threads: Some(3),
        }),
    }
}

/// A target that is fine.
pub(crate) fn target(name: &str) -> Target {
    Target {
        name: name.to_owned(),
        enlisted: Some(Enlisted {
            row: Arc::new(TargetRow {
                name: name.to_owned(),
                location: Some("Hamburg".to_owned()),
                enlisted_at: ago(864_000),
                last_poll: ago(20),
                time_zone_adjustment_minutes: 60,
                ..TargetRow::default()
            }),
            polled: true,
            poll_interval: Duration::from_secs(60),
            status: PollStatus { normal: true, ..PollStatus::default() },
            clock_skew_seconds: Some(0.5),
            downloads: Some(TargetDownloads {
                downloaded: Some(DownloadedRow { count: 7, last: Some(ago(4000)), ..DownloadedRow::default() }),
                ..TargetDownloads::default()
            }),
        }),
        labels: vec![],
        expected: None,
        address: None,
        arrives_from: Vec::new(),
        maintenance: None,
        diagnosis: Diagnosis { cause: Cause::Ok, evidence: vec![] },
        trace: None,
        pages: None,
    }
}

/// The same with a verdict.
pub(crate) fn judged(name: &str, cause: Cause, text: &str) -> Target {
    let evidence = vec![Evidence { cause: Some(cause), text: text.to_owned() }];
    Target { diagnosis: Diagnosis { cause, evidence }, ..target(name) }
}

/// A target that the configuration expects and the master does not know.
pub(crate) fn expected(name: &str) -> Target {
    Target { enlisted: None, ..judged(name, Cause::NotEnlisted, "expected by the configuration, no row on the master") }
}

pub(crate) fn report(collector: Collector) -> CollectorReport {
    CollectorReport {
        collector,
        duration: Duration::from_micros(2500),
        permission: true,
        missing: Vec::new(),
        read_at: Some(NOW),
        fault: None,
    }
}

pub(crate) fn failed(collector: Collector, stage: Stage) -> CollectorReport {
    let fault = ReadError::new(stage, format!("{} of 10.1.2.3 <failed>", stage.name())).with_hint("Look at the master");
    let fault = ReadError { timeout: stage == Stage::Query, ..fault };
    CollectorReport { permission: stage != Stage::Permission, read_at: None, fault: Some(fault), ..report(collector) }
}

pub(crate) fn finding(check: Check, state: PortState) -> Finding {
    let open = state == PortState::Open;
    Finding {
        state,
        port: (state != PortState::Skipped).then_some(1433),
        address: Some("10.1.2.3".parse().unwrap()),
        connect: open.then_some(Duration::from_micros(1500)),
        evidence: format!("connect to 10.1.2.3: {}", state.name()),
        ..Finding::skipped(check, Direction::ToTarget, ago(100))
    }
}

/// So that a test names a fleet of either side, and uses it again.
impl From<&MasterFleet> for Fleet {
    fn from(fleet: &MasterFleet) -> Fleet {
        fleet.clone().into()
    }
}

/// A fleet of healthy collectors with these targets and nothing else.
pub(crate) fn fleet(targets: Vec<Target>) -> MasterFleet {
    MasterFleet {
        began: NOW,
        master: Some(MasterClock { now: NOW, utc_offset_seconds: 3600, zone_known: true, started: ago(8_640_000) }),
        server: Some(ServerFacts {
            name: "MSX01".to_owned(),
            version: "16.0.4135.4".to_owned(),
            edition: "Developer Edition (64-bit)".to_owned(),
            place: Place::default(),
            auth_scheme: Some("SQL".to_owned()),
            encrypted: true,
            agent_running: Some(true),
            operator_present: None,
            certificate: None,
        }),
        targets,
        orphans: Some(vec![]),
        downloadlist_rows: Some(120),
        jobs: Some(vec![]),
        reports: Collector::ALL.into_iter().map(report).collect(),
        has_maintenance_windows: false,
        limited: Limited::default(),
        jobs_left_out: Default::default(),
        history: Arc::default(),
        port_results: Arc::new(PortResults::default()),
        pages: Arc::default(),
    }
}

/// One of everything, with names that need care.
pub(crate) fn full() -> MasterFleet {
    let mut payroll = judged("SQL01\\PAYROLL", Cause::DownloadError, "2 instructions failed with proxy_missing");
    payroll.labels = vec![("route".to_owned(), "pay\"roll".to_owned())];
    payroll.expected = Some(true);
    payroll.maintenance = Some("patching <night>".to_owned());
    if let Some(row) = &mut payroll.enlisted {
        row.row_mut().groups = vec!["Über \"alles\"".to_owned(), "東京".to_owned()];
        row.row_mut().location = Some("Halle\n\\2".to_owned());
        row.status.blocked = true;
        row.row_mut().last_poll = ago(20) - SignedDuration::from_millis(4);
        row.downloads = Some(TargetDownloads {
            waiting: DownloadRow {
                pending: enum_map! { Operation::Insert => 3, Operation::Start => 1, _ => 0 },
                oldest_pending: Some(ago(5000)),
                errors: enum_map! { ErrorClass::ProxyMissing => 2, _ => 0 },
                ..DownloadRow::default()
            },
            ..TargetDownloads::default()
        });
    }
    let mut silent = judged("SQL02", Cause::StoppedPolling, "last poll 2 h ago, over 3 intervals");
    silent
        .diagnosis
        .evidence
        .push(Evidence { cause: None, text: "engine filtered: not needed for polling".to_owned() });
    silent.trace = Some(Trace {
        word: MasterEvidence::Refused,
        text: "The master refused 4 logins from its host <since>.".to_owned(),
        details: vec!["Newest refusal: error 18456 state 8 from 10.1.2.3.".to_owned()],
        suspects: vec![
            Suspect {
                title: "the password is wrong",
                step: "Compare the passwords.",
                is_detail: true,
                ..Suspect::default()
            },
            Suspect {
                title: "The login is refused",
                step: "Read the ERRORLOG.",
                speaks_for: vec!["logins refused"],
                speaks_against: vec!["it polled before <that>"],
                source: "Who arrives at the master",
                is_detail: false,
            },
        ],
        addresses: vec!["10.1.2.3".parse().unwrap()],
        reach: Some((ago(9000), ago(22))),
        decides: None,
        refused: None,
        before_login: None,
        agent_seen: None,
        hindered_by: Vec::new(),
        agent_at: None,
        arrived_at: None,
    });
    if let Some(row) = &mut silent.enlisted {
        row.row_mut().enlisted_by = Some("CORP\\anna".to_owned());
        row.row_mut().last_poll = ago(7200);
        row.status.suspected_offline = true;
    }
    let mut fresh = judged("SQL<03>", Cause::NeverPolled, "enlisted 1 h ago and never polled");
    if let Some(row) = &mut fresh.enlisted {
        (row.row_mut().enlisted_at, row.row_mut().last_poll) = (ago(3600), ago(3600));
        (row.polled, row.clock_skew_seconds) = (false, None);
    }
    let mut fleet = fleet(vec![expected("NEW9"), payroll, silent, fresh, target("SQL04")]);
    fleet.has_maintenance_windows = true;
    fleet.orphans = Some(vec![
        Orphan { target: "GONE1".to_owned(), kind: OrphanKind::Defect, count: 1 },
        Orphan { target: "GONE2".to_owned(), kind: OrphanKind::Other, count: 4 },
    ]);
    if let Some(server) = &mut fleet.server {
        server.operator_present = Some(false);
        server.certificate = Some(Certificate {
            subject: "CN=SSL_Self_Signed_Fallback".to_owned(),
            issuer: "CN=SSL_Self_Signed_Fallback".to_owned(),
            self_signed: true,
            not_after: ago(-1_000_000_000),
            names: Vec::new(),
            sha256: String::new(),
        });
    }
    let run = |target: &str, success: Option<bool>| JobRun {
        target: target.to_owned(),
        success,
        at: success.map(|_| ago(900)),
        row: JobTargetRow {
            outcome: success.map_or(Outcome::Unknown, |is| if is { Outcome::Succeeded } else { Outcome::Failed }),
            last_run: success.map(|_| Offset::UTC.to_datetime(ago(900))),
            duration: success.map(|_| Duration::from_secs(62)),
            ..JobTargetRow::default()
        },
    };
    // A job on 4 targets of which 3 are shown.
    fleet.limited.job_pairs = 1;
    fleet.jobs = Some(vec![Job {
        row: JobRow {
            id: "0F3C2A11-0000-4000-8000-000000000001".to_owned(),
            name: "Backup \"full\"".to_owned(),
            enabled: true,
        },
        targets: 4,
        failed_targets: 1,
        succeeded_targets: 1,
        runs: vec![run("SQL01\\PAYROLL", Some(false)), run("SQL02", Some(true)), run("SQL<03>", None)],
    }]);
    let mut engine = finding(Check::Engine, PortState::Open);
    (engine.protocol_ok, engine.handshake) = (Some(true), Some(Duration::from_millis(4)));
    engine.source = PortSource::Browser;
    let mut local_target = finding(Check::Engine, PortState::TlsFailed);
    (local_target.direction, local_target.master, local_target.required) =
        (Direction::ToMaster, Some("MSX01".to_owned()), true);
    fleet.port_results = Arc::new(PortResults {
        findings: BTreeMap::from([
            ("SQL01\\PAYROLL".to_owned(), vec![engine, local_target, finding(Check::Browser, PortState::NoAnswer)]),
            ("SQL02".to_owned(), vec![finding(Check::Engine, PortState::Filtered)]),
            ("SQL04".to_owned(), vec![finding(Check::Engine, PortState::Skipped)]),
        ]),
        addresses: BTreeMap::new(),
        sweep: Some(Sweep { ended: ago(90), took: Duration::from_millis(3100) }),
        checks: BTreeMap::from([(Check::Engine, (40, 3)), (Check::Browser, (10, 1))]),
    });
    fleet
}

/// What two targets on one machine see of their master.
pub(crate) fn target_side() -> Fleet {
    let local_target = |target: &str, enlisted_to: Option<&str>, option| LocalTarget {
        target: target.to_owned(),
        master: "msx01.corp.example".to_owned(),
        address: Address { host: "msx01.corp.example".to_owned(), port: None, instance: None },
        enlisted_to: enlisted_to.map(str::to_owned),
        alias: None,
        encrypt_channel_option: option,
    };
    let certificate = Certificate {
        subject: "CN=msx01.corp.example".to_owned(),
        issuer: "CN=Corp <CA>".to_owned(),
        self_signed: false,
        not_after: ago(-1_000_000),
        names: Vec::new(),
        sha256: String::new(),
    };
    let presented = Presented {
        verdict: Verdict::NameMismatch,
        store: Store::Windows,
        encryption: Encryption::Required,
        certificate: Some(certificate),
        seen_at: ago(600),
    };
    let services = Services {
        instance_running: Some(true),
        agent_running: Some(false),
        agent_start_mode: Some(StartMode::Manual),
    };
    let views = vec![
        MasterView { local_target: local_target("SQL01", None, None), presented: None, services: Services::default() },
        MasterView {
            local_target: local_target("SQL01\\PAYROLL", Some("MSX01"), Some(2)),
            presented: Some(presented),
            services,
        },
    ];
    let mut engine = finding(Check::Engine, PortState::Open);
    (engine.direction, engine.master, engine.required) =
        (Direction::ToMaster, Some("msx01.corp.example".to_owned()), true);
    let port_results = PortResults { findings: [("SQL01".to_owned(), vec![engine])].into(), ..PortResults::default() };
    Fleet::Target(TargetFleet { began: NOW, target_side: TargetSide { views }, port_results: Arc::new(port_results) })
}

/// A master that cannot be read.
pub(crate) fn unreadable() -> MasterFleet {
    MasterFleet {
        master: None,
        server: None,
        targets: vec![],
        orphans: None,
        downloadlist_rows: None,
        jobs: None,
        reports: Collector::ALL.into_iter().map(|collector| failed(collector, Stage::Login)).collect(),
        ..full()
    }
}
