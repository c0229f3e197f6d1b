//! The answer of `/api/v1/targets`: the same facts as the pages', as JSON.
//!
//! Field names are public: snake_case, units in the name, instants as RFC 3339 in UTC. `null` means "not known" or
//! "never", as an absent series does. When the master cannot be read `up` is false, `fault` says why, and `master`,
//! `targets`, `orphans` and `jobs` are null.

pub mod discovery;
mod history;
mod jobs;
mod local_target;
mod master;
mod probe;
mod target_detail;

pub use history::write_history;
pub use jobs::write_jobs;
pub use probe::{probe, probe_trace};

use crate::collectors::{CollectorReport, DetailResult};
use crate::diagnosis::{Briefing, Enlisted, Fleet, MasterFleet, Orphan, Remark, Selection, Suspect, Target, Trace};
use crate::model::{Cause, Collector, StartMode, UtcInstant, WayToMaster};
use crate::probe::Finding;
use crate::sqlserver::{MissingRight, ReadError};
use crate::target_pages::KnownPage;
use jobs::JobFacts;
use local_target::LocalTargetFacts;
use master::MasterFacts;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use target_detail::AloneFacts;

/// The answer, of the targets that are selected. `passive` says whether another node of a cluster holds the instance. Texts
/// of errors, addresses and traces stand in it only with `details`. `None` for a name that the fleet does not have.
///
/// # Errors
/// Where `out` fails; none that the data can cause, for every map has text for its keys.
pub fn write_targets(
    out: impl io::Write,
    fleet: &Fleet,
    selection: &Selection,
    detail: DetailResult<'_>,
    passive: Option<bool>,
    details: bool,
) -> Result<Option<()>, serde_json::Error> {
    let document = match fleet {
        Fleet::Master(fleet) => TargetsDocument { passive, ..of_master(fleet, selection, detail, details) },
        // Nothing is read from SQL Server on the side of a target.
        Fleet::Target(fleet) => TargetsDocument {
            read_at: UtcInstant(fleet.began),
            local_targets: Some(LocalTargetFacts::of_each(fleet, details)),
            ..TargetsDocument::default()
        },
    };
    if selection.name.is_some() && document.targets.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    serde_json::to_writer(out, &document).map(Some)
}

fn of_master<'a>(
    fleet: &'a MasterFleet,
    selection: &Selection,
    detail: DetailResult<'a>,
    details: bool,
) -> TargetsDocument<'a> {
    let up = fleet.master.as_ref();
    let failed = fleet.reports.iter().find(|report| report.collector == Collector::Targets);
    TargetsDocument {
        up: up.is_some(),
        passive: None,
        read_at: UtcInstant(fleet.began),
        fault: failed.and_then(|report| report.fault.as_ref()).map(|fault| FaultFacts::new(fault, details)),
        master: up.map(|clock| MasterFacts::new(fleet, clock)),
        collectors: fleet.reports.iter().map(|report| CollectorFacts::new(report, details)).collect(),
        targets: up.map(|_| {
            let only = selection.name.is_some();
            let alone = |target| only.then(|| AloneFacts::new(fleet, target, detail, details));
            let selected = selection.of(fleet).into_iter();
            selected.map(|one| TargetFacts::new(fleet, one.target, alone(one.target), details)).collect()
        }),
        orphans: fleet.orphans.as_ref().filter(|_| up.is_some()).map(|all| all.iter().map(OrphanFacts::new).collect()),
        jobs: fleet.jobs.as_ref().filter(|_| up.is_some()).map(|all| all.iter().map(JobFacts::new).collect()),
        local_targets: None,
    }
}

#[derive(Default, Serialize)]
struct TargetsDocument<'a> {
    up: bool,
    passive: Option<bool>,
    read_at: UtcInstant,
    fault: Option<FaultFacts<'a>>,
    master: Option<MasterFacts<'a>>,
    collectors: Vec<CollectorFacts<'a>>,
    targets: Option<Vec<TargetFacts<'a>>>,
    orphans: Option<Vec<OrphanFacts<'a>>>,
    jobs: Option<Vec<JobFacts<'a>>>,
    /// Only with `role: target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_targets: Option<Vec<LocalTargetFacts<'a>>>,
}

#[derive(Serialize)]
struct FaultFacts<'a> {
    stage: &'static str,
    timeout: bool,
    message: Option<&'a str>,
    hint: Option<&'a str>,
    next_attempt_seconds: Option<f64>,
}

impl<'a> FaultFacts<'a> {
    fn new(fault: &'a ReadError, details: bool) -> FaultFacts<'a> {
        FaultFacts {
            stage: fault.stage.name(),
            timeout: fault.timeout,
            message: details.then_some(fault.message.as_str()),
            hint: fault.hint.as_deref(),
            next_attempt_seconds: fault.next_attempt.map(|rest| rest.as_secs_f64()),
        }
    }
}

#[derive(Serialize)]
struct CollectorFacts<'a> {
    name: &'static str,
    success: bool,
    permission: bool,
    missing_rights: Vec<MissingRightFacts<'a>>,
    duration_seconds: f64,
    read_at: Option<UtcInstant>,
    fault: Option<FaultFacts<'a>>,
}

impl<'a> CollectorFacts<'a> {
    fn new(report: &'a CollectorReport, details: bool) -> CollectorFacts<'a> {
        CollectorFacts {
            name: report.collector.name(),
            success: report.success() && report.permission,
            permission: report.permission,
            missing_rights: report.missing.iter().map(MissingRightFacts::from).collect(),
            duration_seconds: report.duration.as_secs_f64(),
            read_at: report.read_at.map(UtcInstant),
            fault: report.fault.as_ref().map(|fault| FaultFacts::new(fault, details)),
        }
    }
}

#[derive(Serialize)]
struct MissingRightFacts<'a> {
    not_seen: &'static str,
    grant: &'a str,
}

impl<'a> From<&'a MissingRight> for MissingRightFacts<'a> {
    fn from(MissingRight { not_seen, grant }: &'a MissingRight) -> MissingRightFacts<'a> {
        MissingRightFacts { not_seen, grant }
    }
}

#[derive(Serialize)]
struct TargetFacts<'a> {
    name: &'a str,
    enlisted: Option<EnlistedFacts<'a>>,
    labels: BTreeMap<&'a str, &'a str>,
    maintenance: Option<&'a str>,
    diagnosis: DiagnosisFacts<'a>,
    master_evidence: Option<TraceFacts<'a>>,
    /// Only where one target is asked for: it would make a large fleet's document several times as long.
    #[serde(flatten)]
    alone: Option<AloneFacts<'a>>,
    way_to_master: Option<&'static str>,
    ports: Vec<PortFacts<'a>>,
    /// What it wrote about itself, one for each node.
    pages: Vec<PageFacts<'a>>,
    /// Why other files in its folder do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages_refused: Option<&'a [String]>,
}

#[derive(Serialize)]
struct PageFacts<'a> {
    node: &'a str,
    source: &'static str,
    version: &'a str,
    taken_at: UtcInstant,
    interval_seconds: Option<u64>,
    /// Whether it says anything of the silence since the last poll.
    fresh: bool,
    instance_running: Option<bool>,
    agent_running: Option<bool>,
    agent_start_mode: Option<&'static str>,
    master: Option<&'a str>,
    encrypt_channel_option: Option<u32>,
    certificate: Option<CertificateLookFacts<'a>>,
}

#[derive(Serialize)]
struct CertificateLookFacts<'a> {
    reason: &'static str,
    name: &'a str,
    store: &'static str,
    sha256: &'a str,
}

impl<'a> PageFacts<'a> {
    fn new(known: &'a KnownPage, fresh: bool) -> PageFacts<'a> {
        let page = &known.page;
        PageFacts {
            node: &page.node,
            source: page.source.name(),
            version: &page.version,
            taken_at: UtcInstant(page.taken_at),
            interval_seconds: page.interval.map(|interval| interval.as_secs()),
            fresh,
            instance_running: page.instance_running,
            agent_running: page.agent_running,
            agent_start_mode: page.agent_start_mode.map(StartMode::name),
            master: page.master.as_deref(),
            encrypt_channel_option: page.encrypt_channel_option,
            certificate: page.certificate.as_ref().map(|look| CertificateLookFacts {
                reason: look.verdict.name(),
                name: &look.name,
                store: look.store.name(),
                sha256: &look.sha256,
            }),
        }
    }
}

#[derive(Serialize)]
struct TraceFacts<'a> {
    evidence: &'static str,
    text: &'a str,
    details: Option<&'a [String]>,
    suspects: Vec<SuspectFacts<'a>>,
}

#[derive(Serialize)]
struct SuspectFacts<'a> {
    title: &'a str,
    step: &'a str,
    speaks_for: &'a [&'static str],
    speaks_against: &'a [&'static str],
}

impl<'a> SuspectFacts<'a> {
    fn new(suspect: &'a Suspect) -> SuspectFacts<'a> {
        let Suspect { title, step, speaks_for, speaks_against, .. } = suspect;
        SuspectFacts { title, step, speaks_for, speaks_against }
    }
}

impl<'a> TraceFacts<'a> {
    fn new(trace: &'a Trace, details: bool) -> TraceFacts<'a> {
        let suspects = trace.suspects_shown(details);
        TraceFacts {
            evidence: trace.word.name(),
            text: &trace.text,
            details: details.then_some(trace.details.as_slice()),
            suspects: suspects.map(SuspectFacts::new).collect(),
        }
    }
}

/// What a person needs at night, in that order.
#[derive(Serialize)]
struct BriefingFacts {
    remarks: Vec<RemarkFacts>,
    batches: Vec<BatchFacts>,
}

#[derive(Serialize)]
struct RemarkFacts {
    topic: &'static str,
    text: String,
    unnamed: Vec<String>,
}

#[derive(Serialize)]
struct BatchFacts {
    name: &'static str,
    title: &'static str,
    text: String,
}

impl From<Briefing> for BriefingFacts {
    fn from(Briefing { situation, reach, batches, background }: Briefing) -> BriefingFacts {
        let reach = reach.map(|text| RemarkFacts { topic: "Reach of the evidence", text, unnamed: Vec::new() });
        let facts = |remarks: Vec<Remark>| {
            remarks.into_iter().map(|Remark { topic, text, unnamed }| RemarkFacts { topic, text, unnamed })
        };
        BriefingFacts {
            remarks: facts(situation).chain(reach).chain(facts(background)).collect(),
            batches: batches.map(|batch| BatchFacts { name: batch.name, title: batch.title, text: batch.text }).into(),
        }
    }
}

impl<'a> TargetFacts<'a> {
    fn new(
        fleet: &'a MasterFleet,
        target: &'a Target,
        alone: Option<AloneFacts<'a>>,
        details: bool,
    ) -> TargetFacts<'a> {
        let cause = target.diagnosis.cause;
        let evidence = target.diagnosis.evidence.iter();
        TargetFacts {
            name: &target.name,
            enlisted: target.enlisted.as_ref().map(EnlistedFacts::new),
            labels: target.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            maintenance: target.maintenance.as_deref(),
            diagnosis: DiagnosisFacts {
                cause: cause.name(),
                code: cause.code(),
                next: cause.next_step(),
                evidence: evidence
                    .map(|evidence| EvidenceFacts { cause: evidence.cause.map(Cause::name), text: &evidence.text })
                    .collect(),
            },
            master_evidence: target.trace.as_ref().map(|trace| TraceFacts::new(trace, details)),
            alone,
            pages: target
                .known_pages()
                .map(|known| PageFacts::new(known, target.objection(known, fleet.began).is_none()))
                .collect(),
            pages_refused: target.pages.as_ref().filter(|_| details).map(|pages| pages.refused.as_slice()),
            way_to_master: fleet
                .master
                .as_ref()
                .and_then(|clock| target.way_to_master(clock.now))
                .map(WayToMaster::name),
            ports: fleet.findings(&target.name).map(|finding| PortFacts::new(finding, details)).collect(),
        }
    }
}

#[derive(Serialize)]
struct EnlistedFacts<'a> {
    at: UtcInstant,
    location: &'a str,
    groups: &'a [String],
    last_poll: Option<UtcInstant>,
    polled: bool,
    poll_interval_seconds: u64,
    status: Vec<&'static str>,
    clock_skew_seconds: Option<f64>,
    utc_offset_seconds: i32,
    downloads: Option<DownloadFacts>,
}

impl<'a> EnlistedFacts<'a> {
    fn new(row: &'a Enlisted) -> EnlistedFacts<'a> {
        EnlistedFacts {
            at: UtcInstant(row.enlisted_at),
            location: row.location.as_deref().unwrap_or_default(),
            groups: &row.groups,
            last_poll: row.polled_at().map(UtcInstant),
            polled: row.polled,
            poll_interval_seconds: row.poll_interval.as_secs(),
            status: row.status.names(),
            clock_skew_seconds: row.clock_skew_seconds,
            utc_offset_seconds: row.utc_offset_seconds(),
            downloads: row.downloads.as_ref().map(|list| DownloadFacts {
                pending: list.waiting.pending_total(),
                pending_by_operation: list
                    .waiting
                    .pending
                    .into_iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(operation, count)| (operation.name(), count))
                    .collect(),
                oldest_pending: list.waiting.oldest_pending.map(UtcInstant),
                errors: list.waiting.errors.into_iter().map(|(class, count)| (class.name(), count)).collect(),
                downloaded: list.downloaded.as_ref().map(|row| row.count),
                last_download: list.downloaded.as_ref().and_then(|row| row.last).map(UtcInstant),
            }),
        }
    }
}

#[derive(Serialize)]
struct DownloadFacts {
    pending: u64,
    pending_by_operation: BTreeMap<&'static str, u64>,
    oldest_pending: Option<UtcInstant>,
    errors: BTreeMap<&'static str, u64>,
    downloaded: Option<u64>,
    last_download: Option<UtcInstant>,
}

#[derive(Serialize)]
struct DiagnosisFacts<'a> {
    cause: &'static str,
    code: u8,
    next: Option<&'static str>,
    evidence: Vec<EvidenceFacts<'a>>,
}

#[derive(Serialize)]
struct EvidenceFacts<'a> {
    cause: Option<&'static str>,
    text: &'a str,
}

#[derive(Serialize)]
struct PortFacts<'a> {
    check: &'static str,
    direction: &'static str,
    master: Option<&'a str>,
    state: &'static str,
    open: Option<bool>,
    required: bool,
    port: Option<u16>,
    protocol: &'static str,
    source: &'static str,
    protocol_ok: Option<bool>,
    connect_seconds: Option<f64>,
    handshake_seconds: Option<f64>,
    checked_at: UtcInstant,
    address: Option<std::net::IpAddr>,
    evidence: Option<&'a str>,
}

impl<'a> PortFacts<'a> {
    fn new(finding: &'a Finding, details: bool) -> PortFacts<'a> {
        PortFacts {
            check: finding.check.name(),
            direction: finding.direction.name(),
            master: finding.master.as_deref(),
            state: finding.state.name(),
            open: finding.state.open(),
            required: finding.required,
            port: finding.port,
            protocol: finding.transport,
            source: finding.source.name(),
            protocol_ok: finding.protocol_ok,
            connect_seconds: finding.connect.map(|length| length.as_secs_f64()),
            handshake_seconds: finding.handshake.map(|length| length.as_secs_f64()),
            checked_at: UtcInstant(finding.checked_at),
            address: finding.address.filter(|_| details),
            evidence: details.then_some(finding.evidence.as_str()),
        }
    }
}

#[derive(Serialize)]
struct OrphanFacts<'a> {
    target: &'a str,
    operation: &'static str,
    count: u64,
}

impl<'a> OrphanFacts<'a> {
    fn new(orphan: &'a Orphan) -> OrphanFacts<'a> {
        OrphanFacts { target: &orphan.target, operation: orphan.kind.name(), count: orphan.count }
    }
}
