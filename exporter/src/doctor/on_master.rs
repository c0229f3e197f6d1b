//! The request from the master's side.

use super::logins;
use super::request::{End, IN_USE, Readiness, Request, Row, Seen, Transport};
use super::rules;
use super::silence;
use crate::diagnosis::{Enlisted, MasterClock, MasterFleet, Trace};
use crate::model::{Check, Collector, PortState, ServerName, UtcInstant, names};
use crate::probe::{Finding, own_port};
use crate::sqlserver::{MasterAnswers, ReadError};
use crate::target_pages::KnownPage;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};
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
    /// The server of the share on which targets write their pages, where there is one.
    pub page_share: Option<String>,
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

/// Who reads the pages of targets.
const EXPORTER: &str = "exporter next to the master";

/// The placeholder for targets while none is known: the request is the same before the first one is enlisted.
const EACH_TARGET: &str = "each target";

/// Why nothing is known that the master alone knows.
const NOT_ASKED: &str = "not asked: the master cannot be read";

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
    let targets = targets(fleet);
    let mut rows = Vec::new();
    for target in &targets {
        rows.push(rules::polling(
            &target.calling(&target.end),
            &end,
            port,
            target.frequency(),
            target.polling(master, fleet),
        ));
    }
    for target in targets.iter().filter(|_| master.named()) {
        let seen = target.browser(master, fleet);
        rows.push(rules::browser(&target.calling(&target.end), target.local_name(), &end, &master.name, port, seen));
    }
    let hosts = hosts(&targets);
    rows.push(rules::nothing_back(&end, hosts.iter().map(|target| target.host.clone()).collect()));
    rows.extend(targets.iter().flat_map(|target| target.configured(&end)));
    rows.extend(master.page_share.iter().flat_map(|server| page_share(server, &hosts, fleet)));
    rows.push(rules::management(&desk, &end, "the master", port, Seen::unknown("ask from that machine")));
    rows.push(rules::wizard_rpc(&desk, &end, Seen::unknown("ask from that machine")));
    rows.push(rules::wizard_smb(&desk, &end, Seen::unknown("ask from that machine")));
    rows.extend(targets.iter().map(|target| target.management(&desk)));
    // The wizard asks the host, whatever instances are on it.
    rows.extend(hosts.iter().flat_map(|target| target.wizard(&desk)));
    // Required rows come first; the order within each need is kept.
    rows.sort_by_key(|row| row.need);
    Request {
        title: match fleet.master {
            Some(_) => format!("Firewall request for master {} and {} targets", master.name, fleet.targets.len()),
            None => format!("Firewall request for master {} and its targets", master.name),
        },
        made: UtcInstant(now),
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
    rules::on_target(&address, target.local_name())
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

/// The targets of the fleet, or the placeholder.
fn targets(fleet: &MasterFleet) -> Vec<Target<'_>> {
    let mut targets: Vec<Target<'_>> = fleet
        .targets
        .iter()
        .map(|target| Target {
            arrives_from: &target.arrives_from,
            trace: target.trace.as_ref(),
            page: target.pages.as_ref().and_then(|pages| pages.newest()).filter(|known| known.is_current(fleet.began)),
            ..Target::new(&target.name, target.enlisted.as_ref(), fleet.port_results.of(&target.name))
        })
        .collect();
    if targets.is_empty() {
        targets.push(Target::new(EACH_TARGET, None, &[]));
    }
    // Where a host has several instances, only their names tell their rows apart.
    let mut instances: HashMap<String, usize> = HashMap::new();
    targets.iter().for_each(|target| *instances.entry(names::key(&target.host.name).into_owned()).or_default() += 1);
    for target in &mut targets {
        if instances.get(names::key(&target.host.name).as_ref()).is_some_and(|count| *count > 1) {
            target.end.name = target.name.to_owned();
        }
    }
    targets
}

/// The rows of the share on which targets write their pages. A page that was read proves both ways.
fn page_share(server: &str, hosts: &[&Target<'_>], fleet: &MasterFleet) -> Vec<Row> {
    let share = End { name: server.to_owned(), addresses: Vec::new() };
    let exporter = End { name: EXPORTER.to_owned(), addresses: Vec::new() };
    let newest = hosts.iter().filter_map(|target| target.page).max_by_key(|known| known.page.taken_at);
    let reads = rules::page_share(&exporter, &share, "exporter", page_seen(newest, fleet));
    let writes = |target: &&Target<'_>| {
        rules::page_share(&target.calling(&target.host), &share, rules::TARGET, page_seen(target.page, fleet))
    };
    hosts.iter().map(writes).chain([reads]).collect()
}

fn page_seen(page: Option<&KnownPage>, fleet: &MasterFleet) -> Seen {
    let Some(KnownPage { page, .. }) = page else { return Seen::unknown("no page that still counts was read") };
    let evidence = format!("a page was read that was {}", page.taken(fleet.began));
    Seen::new(Some(true), PortState::Open.name(), Some(UtcInstant(page.taken_at)), evidence)
}

/// One target of each host.
fn hosts<'t, 'a>(targets: &'t [Target<'a>]) -> Vec<&'t Target<'a>> {
    let mut seen = HashSet::new();
    targets.iter().filter(|target| seen.insert((names::key(&target.host.name), &target.host.addresses))).collect()
}

struct Target<'a> {
    name: &'a str,
    /// Its host.
    host: End,
    /// What stands for it in a row that leads to it.
    end: End,
    /// From where it calls, where the configuration has other addresses than those of its name.
    arrives_from: &'a [IpAddr],
    enlisted: Option<&'a Enlisted>,
    findings: BTreeMap<Check, &'a Finding>,
    /// What the master shows of it while it is silent.
    trace: Option<&'a Trace>,
    /// What it wrote about itself, while that counts.
    page: Option<&'a KnownPage>,
}

impl<'a> Target<'a> {
    fn new(name: &'a str, enlisted: Option<&'a Enlisted>, findings: &'a [Finding]) -> Target<'a> {
        let host = ServerName::of(name).host.to_owned();
        // A loopback address means this machine alone, whatever the checks call there.
        let found = findings.iter().filter_map(|finding| finding.address);
        let mut addresses: Vec<IpAddr> = found.filter(|address| !address.is_loopback()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let findings = findings.iter().map(|finding| (finding.check, finding)).collect();
        let host = End { name: host, addresses };
        Target { name, end: host.clone(), host, arrives_from: &[], enlisted, findings, trace: None, page: None }
    }

    /// What stands for one of its ends in a row in which it calls.
    fn calling(&self, end: &End) -> End {
        let addresses = if self.arrives_from.is_empty() { &end.addresses } else { self.arrives_from };
        End { name: end.name.clone(), addresses: addresses.to_vec() }
    }

    /// The name that it gives itself in a command.
    fn local_name(&self) -> &'a str {
        if self.name == EACH_TARGET { "NAME" } else { self.name }
    }

    /// The port that a check asks. That of a protocol and of a default instance is known whether its name resolves or not.
    fn port(&self, finding: Option<&&Finding>, check: Check) -> String {
        let is_default = self.name != EACH_TARGET && ServerName::of(self.name).instance.is_none();
        let known = own_port(check).filter(|_| check != Check::Engine || is_default);
        rules::port_text(finding.and_then(|finding| finding.port).or(known))
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
    fn polling(&self, master: &MasterEnd, fleet: &MasterFleet) -> Seen {
        let clock = fleet.master.as_ref();
        if let Some(trace) = self.trace.filter(|trace| trace.word.is_arrival()) {
            let evidence = format!("it does not poll, and its host reaches the port: {}", trace.word.word().title);
            let looked_at = trace.reach.map(|(_, looked_at)| UtcInstant(looked_at));
            return Seen::new(Some(true), PortState::Open.name(), looked_at, evidence);
        }
        let polled = self.poll(clock);
        if let Some(seen) = self.by_page(master, fleet, Check::Engine).filter(|_| !matches!(polled, Some((.., true)))) {
            return seen;
        }
        match polled {
            Some((at, age, true)) => {
                let evidence = format!("it polled {} s ago", age.as_secs());
                Seen::new(Some(true), PortState::Open.name(), Some(UtcInstant(at)), evidence)
            }
            Some((at, _, false)) => {
                Seen::unknown(format!("it last polled {}; the port is one of many reasons", written(at)))
            }
            None if clock.is_none() => {
                Seen::unknown(format!("{NOT_ASKED}; this way can be tested on the target alone"))
            }
            None if self.enlisted.is_none() => {
                Seen::unknown("it is not known to be enlisted; this way can be tested on the target alone")
            }
            None => Seen::unknown("it has never polled; this way can be tested on the target alone"),
        }
    }

    /// The state of a port of this master as the page of the target shows it.
    fn by_page(&self, master: &MasterEnd, fleet: &MasterFleet, check: Check) -> Option<Seen> {
        let page = &self.page?.page;
        let own = ServerName::of(&master.name);
        let is_this =
            |name: ServerName<'_>| name.same_host(own, "") && (name.port.is_some() || name.same_instance(own));
        let is_port = |finding: &&Finding| {
            finding.check == check && finding.master.as_deref().is_some_and(|name| is_this(ServerName::of(name)))
        };
        let finding = page.ports.iter().find(is_port)?;
        Some(Seen { evidence: format!("by its page, {}", page.taken(fleet.began)), ..seen(finding) })
    }

    fn browser(&self, master: &MasterEnd, fleet: &MasterFleet) -> Seen {
        if let Some(seen) = self.by_page(master, fleet, Check::Browser) {
            return seen;
        }
        match self.poll(fleet.master.as_ref()) {
            Some((_, _, true)) => Seen {
                state: IN_USE.to_owned(),
                ..Seen::unknown("it polls: SQL Browser answers it, or an alias stands there")
            },
            _ => Seen::unknown("this way can be tested on the target alone"),
        }
    }

    /// The rows for ports that the configuration requires from here to the target.
    fn configured(&self, master: &End) -> Vec<Row> {
        let required = self.findings.values().filter(|finding| finding.required);
        required
            .map(|finding| {
                let transport = if finding.transport == "udp" { Transport::Udp } else { Transport::Tcp };
                let port = self.port(Some(finding), finding.check);
                rules::configured(master, &self.end, transport, port, finding.check.name(), seen(finding))
            })
            .collect()
    }

    fn seen_at(&self, check: Check) -> Seen {
        self.findings.get(&check).map_or_else(|| Seen::unknown("not tried"), |finding| seen(finding))
    }

    fn management(&self, desk: &End) -> Row {
        let port = self.port(self.findings.get(&Check::Engine), Check::Engine);
        rules::management(desk, &self.end, "a target", &port, self.seen_at(Check::Engine))
    }

    fn wizard(&self, desk: &End) -> [Row; 2] {
        [rules::wizard_rpc(desk, &self.host, self.rpc()), rules::wizard_smb(desk, &self.host, self.seen_at(Check::Smb))]
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
                Seen::new(None, mapper.state.name(), Some(UtcInstant(mapper.checked_at)), evidence)
            }
            (Some(mapper), _) => seen(mapper),
            (None, _) => Seen::unknown("not tried"),
        }
    }
}

/// The state of a finding, with the machine that made it.
pub(crate) fn seen(finding: &Finding) -> Seen {
    let Finding { state, checked_at, evidence, .. } = finding;
    Seen::new(state.open(), state.name(), Some(UtcInstant(*checked_at)), evidence)
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
    let (agent, operator) = ("SQL Server Agent on the master", "operator MSXOperator");
    list.push(match server.and_then(|server| server.agent_running) {
        Some(true) => Readiness::new(agent, Some(true), "it runs".to_owned(), ""),
        Some(false) => Readiness::new(agent, Some(false), "it does not run".to_owned(), "start it"),
        None => unseen(fleet, agent),
    });
    list.push(match server.and_then(|server| server.operator_present) {
        Some(true) => Readiness::new(operator, Some(true), "it is there".to_owned(), ""),
        Some(false) => Readiness::new(
            operator,
            Some(false),
            "it is missing: enlisting fails with error 14363".to_owned(),
            "EXEC msdb.dbo.sp_add_operator @name = N'MSXOperator'",
        ),
        None => unseen(fleet, operator),
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
        None if server.is_some() => Readiness::new("certificate of the master", None, "none was seen".to_owned(), ""),
        None => unseen(fleet, "certificate of the master"),
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

/// Why something about the server is not known.
fn unseen(fleet: &MasterFleet, subject: &str) -> Readiness {
    let report = fleet.reports.iter().find(|report| report.collector == Collector::Server);
    match report.and_then(|report| report.fault.as_ref()) {
        _ if fleet.master.is_none() => Readiness::new(subject, None, NOT_ASKED.to_owned(), ""),
        Some(fault) => logins::unread(subject, fault),
        None if fleet.server.is_some() => {
            let evidence = "the login may not see it".to_owned();
            Readiness::new(subject, None, evidence, "msx_exporter grants, block server")
        }
        None => Readiness::new(subject, None, "not asked: collectors.server is off".to_owned(), ""),
    }
}

pub(crate) fn written(instant: Timestamp) -> String {
    instant.round(jiff::Unit::Second).unwrap_or(instant).to_string()
}
