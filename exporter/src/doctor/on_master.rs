//! The request from the master's side.

use super::logins;
use super::request::{End, Readiness, Request, Row, Seen, Transport};
use super::rules;
use super::silence;
use crate::diagnosis::{Enlisted, MasterClock, MasterFleet, Trace};
use crate::model::{Check, PortState, ServerName};
use crate::probe::Finding;
use crate::sqlserver::{MasterAnswers, ReadError};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

/// The master as an end of connections.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterEnd {
    /// The name by which targets know it, `HOST` or `HOST\INSTANCE`.
    pub name: String,
    /// The addresses of its host.
    pub addresses: Vec<IpAddr>,
    /// The TCP ports on which its engine listens, the preferred one first. Empty where they are not known.
    pub ports: Vec<u16>,
    /// The source of these ports.
    pub port_source: String,
}

impl MasterEnd {
    fn host(&self) -> &str {
        ServerName::of(&self.name).host
    }

    fn named(&self) -> bool {
        ServerName::of(&self.name).instance.is_some()
    }
}

/// The subject of the certificate that SQL Server makes at its start where none is configured.
const FALLBACK: &str = "SSL_Self_Signed_Fallback";

/// The third machine of the request, which no source names.
const DESK: &str = "machine with SSMS";

/// The placeholder for targets while none is known: the request is the same before the first one is enlisted.
const EACH_TARGET: &str = "each target";

/// Makes the request from an assessed fleet, whose port results hold a sweep of all checks.
pub fn examine(
    fleet: &MasterFleet,
    master: &MasterEnd,
    answers: &Result<MasterAnswers, ReadError>,
    now: Timestamp,
) -> Request {
    let end = End { name: master.host().to_owned(), addresses: master.addresses.clone() };
    let desk = End { name: DESK.to_owned(), addresses: Vec::new() };
    let port = &rules::port_text(master.ports.first().copied());
    let mut targets: Vec<Target<'_>> = fleet
        .targets
        .iter()
        .map(|target| Target {
            trace: target.trace.as_ref(),
            ..Target::new(&target.name, target.enlisted.as_ref(), fleet.port_results.of(&target.name))
        })
        .collect();
    if targets.is_empty() {
        targets.push(Target::new(EACH_TARGET, None, &[]));
    }
    let mut rows = Vec::new();
    for target in &targets {
        rows.push(rules::polling(&target.end, &end, port, target.frequency(), target.polling(fleet.master.as_ref())));
    }
    for target in targets.iter().filter(|_| master.named()) {
        rows.push(rules::browser(&target.end, &end, &master.name, port, target.browser(fleet.master.as_ref())));
    }
    rows.push(rules::nothing_back(&end, hosts(&targets)));
    rows.extend(targets.iter().flat_map(|target| target.configured(&end)));
    rows.push(rules::management(&desk, &end, port, Seen::unknown("ask from that machine")));
    rows.push(rules::wizard_rpc(&desk, &end, Seen::unknown("ask from that machine")));
    rows.push(rules::wizard_smb(&desk, &end, Seen::unknown("ask from that machine")));
    for target in &targets {
        rows.extend(target.rows_of_the_desk(&desk));
    }
    // Required rows come first; the order within each need is kept.
    rows.sort_by_key(|row| row.need);
    Request {
        title: format!("Firewall request for master {} and {} targets", master.name, fleet.targets.len()),
        made: written(now),
        rows,
        readiness: readiness(fleet, master, answers, now),
        paste: silence::paste(fleet),
        next: targets.first().map(|target| elsewhere(master, port, target)).into_iter().collect(),
        notes: notes(master),
    }
}

/// The one command that tests the other direction.
fn elsewhere(master: &MasterEnd, port: &str, target: &Target<'_>) -> String {
    let plain = master.named() || port == "1433";
    let address = if plain { master.name.clone() } else { format!("{}:{port}", master.name) };
    let name = if target.name == EACH_TARGET { "NAME" } else { target.name };
    format!(
        "on each target, with its own name: msx_exporter doctor --role=target --master.address={address} --local.name={name}"
    )
}

fn notes(master: &MasterEnd) -> Vec<String> {
    let mut notes = vec![
        format!("the master's port comes from {}", master.port_source),
        "where a target is a failover cluster instance, all of its nodes are sources, and its network name is the \
         destination"
            .to_owned(),
        "ports towards targets were tried from here, not from the machine with SSMS".to_owned(),
    ];
    if let [first, rest @ ..] = master.ports.as_slice()
        && !rest.is_empty()
    {
        let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
        notes.push(format!("the master listens on TCP {} too; targets call {first}", rest.join(", ")));
    }
    if !master.named() && master.ports.first().is_some_and(|port| *port != 1433) {
        notes.push(
            "a default instance that does not listen on 1433 is found only through an alias on each target, or a \
             MSXServerName with the port"
                .to_owned(),
        );
    }
    notes
}

/// The hosts of the targets, each once: several instances may share one.
fn hosts(targets: &[Target<'_>]) -> Vec<End> {
    let mut seen = HashSet::new();
    let ends = targets.iter().map(|target| &target.end);
    ends.filter(|end| seen.insert((&end.name, &end.addresses))).cloned().collect()
}

struct Target<'a> {
    name: &'a str,
    end: End,
    enlisted: Option<&'a Enlisted>,
    findings: BTreeMap<Check, &'a Finding>,
    /// What the master shows of it while it is silent.
    trace: Option<&'a Trace>,
}

impl<'a> Target<'a> {
    fn new(name: &'a str, enlisted: Option<&'a Enlisted>, findings: &'a [Finding]) -> Target<'a> {
        let host = ServerName::of(name).host.to_owned();
        let mut addresses: Vec<IpAddr> = findings.iter().filter_map(|finding| finding.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let findings = findings.iter().map(|finding| (finding.check, finding)).collect();
        Target { name, end: End { name: host, addresses }, enlisted, findings, trace: None }
    }

    fn frequency(&self) -> String {
        match self.enlisted {
            Some(enlisted) => format!("every {} s, and after each job", enlisted.poll_interval.as_secs()),
            None => "every 60 s (the default), and after each job".to_owned(),
        }
    }

    /// The time of its last poll, and whether that is within three intervals, by the master's clock.
    fn poll(&self, clock: Option<&MasterClock>) -> Option<(Timestamp, SignedDuration, bool)> {
        let (enlisted, clock) = (self.enlisted.filter(|enlisted| enlisted.polled)?, clock?);
        Some((enlisted.last_poll, clock.now.duration_since(enlisted.last_poll), !enlisted.is_stale(clock.now)))
    }

    /// A poll proves this way, and so does anything else from its host that reached the engine; silence has many reasons.
    fn polling(&self, clock: Option<&MasterClock>) -> Seen {
        if let Some(trace) = self.trace.filter(|trace| trace.word.is_arrival()) {
            return Seen {
                open: Some(true),
                state: "open".to_owned(),
                at: trace.reach.map(|(_, looked_at)| written(looked_at)),
                evidence: format!("it does not poll, and its host reaches the port: {}", trace.word.word().title),
            };
        }
        match self.poll(clock) {
            Some((at, age, true)) => Seen {
                open: Some(true),
                state: "open".to_owned(),
                at: Some(written(at)),
                evidence: format!("it polled {} s ago", age.as_secs()),
            },
            Some((at, _, false)) => {
                Seen::unknown(format!("it last polled {}; the port is one of many reasons", written(at)))
            }
            None if self.enlisted.is_none() => {
                Seen::unknown("it is not known to be enlisted; this way can be tested on the target alone")
            }
            None => Seen::unknown("it has never polled; this way can be tested on the target alone"),
        }
    }

    fn browser(&self, clock: Option<&MasterClock>) -> Seen {
        Seen::unknown(match self.poll(clock) {
            Some((_, _, true)) => "it polls: SQL Browser answers it, or an alias stands there",
            _ => "this way can be tested on the target alone",
        })
    }

    /// The rows for ports that the configuration requires from here to the target.
    fn configured(&self, master: &End) -> Vec<Row> {
        let required = self.findings.values().filter(|finding| finding.required);
        required
            .map(|finding| {
                let transport = if finding.transport == "udp" { Transport::Udp } else { Transport::Tcp };
                let port = rules::port_text(finding.port);
                rules::configured(master, &self.end, transport, port, finding.check.name(), seen(finding))
            })
            .collect()
    }

    fn rows_of_the_desk(&self, desk: &End) -> Vec<Row> {
        let seen_at =
            |check| self.findings.get(&check).map_or_else(|| Seen::unknown("not tried"), |finding| seen(finding));
        let port = rules::port_text(self.findings.get(&Check::Engine).and_then(|finding| finding.port));
        vec![
            rules::management(desk, &self.end, &port, seen_at(Check::Engine)),
            rules::wizard_rpc(desk, &self.end, self.rpc()),
            rules::wizard_smb(desk, &self.end, seen_at(Check::Smb)),
        ]
    }

    /// The mapper and the port that it names are one row: open only if both are.
    fn rpc(&self) -> Seen {
        let (mapper, scm) = (self.findings.get(&Check::RpcMapper), self.findings.get(&Check::RpcScm));
        match (mapper, scm) {
            (Some(mapper), Some(scm)) if mapper.state == PortState::Open && scm.state != PortState::Skipped => {
                seen(scm)
            }
            (Some(mapper), _) if mapper.state.open() == Some(true) => {
                let evidence = format!("135 is open, and the dynamic port is not known: {}", mapper.evidence);
                Seen {
                    open: None,
                    state: mapper.state.name().to_owned(),
                    at: Some(written(mapper.checked_at)),
                    evidence,
                }
            }
            (Some(mapper), _) => seen(mapper),
            (None, _) => Seen::unknown("not tried"),
        }
    }
}

/// The state of a finding, with the machine that made it.
pub(crate) fn seen(finding: &Finding) -> Seen {
    Seen {
        open: finding.state.open(),
        state: finding.state.name().to_owned(),
        at: Some(written(finding.checked_at)),
        evidence: finding.evidence.clone(),
    }
}

fn readiness(
    fleet: &MasterFleet,
    master: &MasterEnd,
    answers: &Result<MasterAnswers, ReadError>,
    now: Timestamp,
) -> Vec<Readiness> {
    let enlisted = fleet.targets.iter().filter(|target| target.enlisted.is_some()).count();
    let mut list = vec![match &fleet.master {
        Some(_) if enlisted > 0 => Readiness::new("master", Some(true), format!("{enlisted} targets are enlisted"), ""),
        Some(_) => Readiness::new(
            "master",
            Some(false),
            "no target is enlisted here".to_owned(),
            "enlist a target: on it, run msdb.dbo.sp_msx_enlist",
        ),
        None => match fleet.reports.iter().find_map(|report| report.fault.as_ref()) {
            Some(fault) => logins::unread("master", fault),
            None => Readiness::new("master", None, "it was not read".to_owned(), ""),
        },
    }];
    let server = fleet.server.as_ref();
    list.push(match server.and_then(|server| server.agent_running) {
        Some(true) => Readiness::new("SQL Server Agent on the master", Some(true), "it runs".to_owned(), ""),
        Some(false) => {
            Readiness::new("SQL Server Agent on the master", Some(false), "it does not run".to_owned(), "start it")
        }
        None => Readiness::new(
            "SQL Server Agent on the master",
            None,
            "the login may not see it".to_owned(),
            "msx_exporter grants, block server",
        ),
    });
    list.push(match server.and_then(|server| server.operator_present) {
        Some(true) => Readiness::new("operator MSXOperator", Some(true), "it is there".to_owned(), ""),
        Some(false) => Readiness::new(
            "operator MSXOperator",
            Some(false),
            "it is missing: enlisting fails with error 14363".to_owned(),
            "EXEC msdb.dbo.sp_add_operator @name = N'MSXOperator'",
        ),
        None => Readiness::new(
            "operator MSXOperator",
            None,
            "the login may not see it".to_owned(),
            "msx_exporter grants, block server",
        ),
    });
    match answers {
        Ok(answers) => {
            if let Err(fault) = &answers.listeners {
                list.push(logins::unread("ports on which the master listens", fault));
            }
            list.push(logins::members(&answers.members));
        }
        Err(fault) if fleet.master.is_some() => {
            list.push(logins::unread("ports of the master and members of TargetServersRole", fault));
        }
        Err(_) => {}
    }
    list.extend(silence::of(fleet, answers.as_ref().ok().map(|answers| answers.arrivals_grant.as_str())));
    list.push(match server.and_then(|server| server.certificate.as_ref()) {
        Some(certificate) if certificate.self_signed => Readiness::new(
            "certificate of the master",
            Some(false),
            format!(
                "{} {}, until {}; a target's default setting (MsxEncryptChannelOptions = 2) refuses it",
                certificate.subject,
                if certificate.subject.contains(FALLBACK) { "is SQL Server's own fallback" } else { "signed itself" },
                written(certificate.not_after)
            ),
            "give the instance a certificate that targets trust, for the name by which they know it",
        ),
        Some(certificate) => Readiness::new(
            "certificate of the master",
            Some(certificate.not_after > now),
            format!(
                "{}, issued by {}, until {}",
                certificate.subject,
                certificate.issuer,
                written(certificate.not_after)
            ),
            "",
        ),
        None => Readiness::new(
            "certificate of the master",
            None,
            "none was seen: the master offers no TLS, or was not read".to_owned(),
            "",
        ),
    });
    if master.named() {
        let evidence = format!("targets know the master as {}", master.name);
        list.push(Readiness::new(
            "SQL Browser on the master",
            None,
            evidence,
            "it must run, and the instance must not be hidden",
        ));
    }
    list
}

pub(crate) fn written(instant: Timestamp) -> String {
    instant.round(jiff::Unit::Second).unwrap_or(instant).to_string()
}
