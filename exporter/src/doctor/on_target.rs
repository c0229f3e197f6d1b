//! The request from a target, where the connection that polling needs can really be tested.

use super::gather::ports;
use super::logins;
use super::on_master::{seen, written};
use super::request::{End, Readiness, Request, Seen};
use super::rules;
use crate::model::{Check, DEFAULT_PORT, EnginePort, ServerName, UtcInstant};
use crate::probe::Finding;
use crate::probe::protocol::{EngineFacts, Verdict};
use crate::sqlserver::{ReadError, TargetAnswers};
use crate::target_side::{Forecast, LocalTarget, MasterView, Presented, Services};
use jiff::Timestamp;
use std::net::IpAddr;

/// What a target sees of its master.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetEnd {
    /// The target, with its master by the configuration and by its registry.
    pub local_target: LocalTarget,
    /// The addresses of the master's host.
    pub addresses: Vec<IpAddr>,
    /// The findings of the checks.
    pub findings: Vec<Finding>,
    /// The properties that the master's engine sent, where it answered.
    pub facts: Option<EngineFacts>,
    /// Its certificate with the verdict of a client that verifies; `None` where it was not seen.
    pub presented: Option<Presented>,
    /// The nodes of its failover cluster; empty where it is not on one.
    pub nodes: Vec<End>,
    /// The answers of its own instance, where the configuration has a login for it.
    pub answers: Option<Result<TargetAnswers, ReadError>>,
}

impl TargetEnd {
    /// The same facts as the exporter on a target shows them.
    fn view(&self) -> MasterView {
        MasterView {
            local_target: self.local_target.clone(),
            presented: self.presented.clone(),
            services: Services::default(),
        }
    }
}

/// Makes the request of one target.
pub fn examine_on_target(end: &TargetEnd, now: Timestamp) -> Request {
    let host = |name: &str| ServerName::of(name).host.to_owned();
    // Another instance of this host may be a target too.
    let target = End { name: end.local_target.target.clone(), addresses: Vec::new() };
    let master = End { name: host(&end.local_target.master), addresses: end.addresses.clone() };
    let find = |check| end.findings.iter().find(|finding| finding.check == check);
    let seen_at = |check| find(check).map_or_else(|| Seen::unknown("not tried"), seen);
    // Known of a default instance whether its name resolves or not.
    let known = match end.local_target.address.engine_port() {
        EnginePort::Configured(port) => Some(port),
        EnginePort::Default => Some(DEFAULT_PORT),
        EnginePort::Announced(_) => None,
    };
    let port = &rules::port_text(find(Check::Engine).and_then(|engine| engine.port).or(known));
    let frequency = "every 60 s (the default), and after each job".to_owned();
    let mut rows = vec![rules::polling(&target, &master, port, frequency, seen_at(Check::Engine))];
    if let Some(browser) = find(Check::Browser) {
        let mut row = rules::browser(&target, &target.name, &master, &end.local_target.master, port, seen(browser));
        if !browser.required {
            row.need = super::request::Need::Nothing;
        }
        rows.push(row);
    }
    let mut notes = vec!["tried from this target: what is open here is open for SQL Server Agent here".to_owned()];
    if !end.nodes.is_empty() {
        // Others connect to the network name; a connection from here has the address of the node that makes it.
        rows.iter_mut().for_each(|row| row.source.clone_from(&end.nodes));
        notes.push("a failover cluster instance: tried from this node alone, so run it on each of them".to_owned());
    }
    rows.push(rules::nothing_back(&master, vec![target.clone()]));
    Request {
        title: format!(
            "Firewall request for target {} and its master {}",
            end.local_target.target, end.local_target.master
        ),
        made: UtcInstant(now),
        rows,
        readiness: readiness(end),
        paste: Vec::new(),
        next: Vec::new(),
        notes,
    }
}

fn readiness(end: &TargetEnd) -> Vec<Readiness> {
    let mut list = registry(end);
    match &end.answers {
        None => {}
        Some(Err(fault)) => list.push(logins::unread("instance on this target", fault)),
        Some(Ok(answers)) => list.extend(here(answers, end.facts.as_ref())),
    }
    if let Some(facts) = &end.facts {
        list.extend(at_the_master(end, facts));
    }
    list
}

/// Whether the master in SQL Server Agent's registry is the one that was seen; empty where there is no registry.
fn registry(end: &TargetEnd) -> Vec<Readiness> {
    let subject = "registry of SQL Server Agent on this target";
    let item = |fine, evidence, remedy: &str| Readiness::new(subject, Some(fine), evidence, remedy);
    let LocalTarget { enlisted_to, encrypt_channel_option, .. } = &end.local_target;
    let remarks = end.view().remarks();
    if let ([], Some(master), Some(option)) = (remarks.as_slice(), enlisted_to, encrypt_channel_option) {
        return vec![item(true, format!("MSXServerName is {master}, MsxEncryptChannelOptions {option}"), "")];
    }
    let remedy = "correct master.address, or what stands in the registry, and start SQL Server Agent again";
    remarks.into_iter().map(|remark| item(false, remark, remedy)).collect()
}

/// The answers of this target's own instance.
fn here(answers: &TargetAnswers, master: Option<&EngineFacts>) -> Vec<Readiness> {
    let item = Readiness::new;
    let subject = "SQL Server Agent on this target";
    let agent = match &answers.agent {
        Err(fault) => logins::unread(subject, fault),
        Ok(None) => item(subject, Some(false), "there is none".to_owned(), "Express editions have none"),
        Ok(Some(agent)) => {
            let runs = if agent.running { "it runs" } else { "it does not run" };
            item(
                subject,
                Some(agent.running),
                format!("{runs}, as {}", agent.account),
                "this account must be in TargetServersRole on the master, through a group or by itself, unless \
                 msdb.dbo.sp_msx_get_account shows a credential here",
            )
        }
    };
    let subject = "ports of this target's engine, for SSMS";
    let listening = match &answers.listeners {
        Err(fault) => logins::unread(subject, fault),
        Ok(listeners) => {
            let list: Vec<String> = ports(listeners).iter().map(ToString::to_string).collect();
            let none = "listen on TCP for others, so that SSMS works from here alone";
            match list.as_slice() {
                [] => item(subject, None, format!("it does not {none}"), ""),
                list => item(subject, Some(true), format!("TCP {}", list.join(", ")), ""),
            }
        }
    };
    let subject = "version of this target against its master's";
    let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let theirs = master.and_then(|facts| facts.version.as_deref());
    let version = match (major(&answers.version), theirs.and_then(major)) {
        (Some(here), Some(there)) => {
            let fine = there >= here;
            let remedy = if fine { "" } else { "the master must be at least as new as its targets (error 14541)" };
            item(subject, Some(fine), format!("{} here, {} there", answers.version, theirs.unwrap_or_default()), remedy)
        }
        _ => item(subject, None, format!("{} here; the master's is not known", answers.version), ""),
    };
    let nodes = answers.nodes.as_ref().err().map(|fault| logins::unread("nodes of a failover cluster", fault));
    [agent, listening, version].into_iter().chain(nodes).collect()
}

fn at_the_master(end: &TargetEnd, facts: &EngineFacts) -> Vec<Readiness> {
    let mut list = Vec::new();
    if let Some(version) = &facts.version {
        let other = facts.instance_matches == Some(false);
        let remedy = if other { "another instance answers on this port: correct the port" } else { "" };
        list.push(Readiness::new("engine of the master", Some(!other), format!("SQL Server {version}"), remedy));
    }
    list.extend(encryption(end));
    list
}

/// The outcome of each setting of MsxEncryptChannelOptions, the one in force first.
fn encryption(end: &TargetEnd) -> Vec<Readiness> {
    let (view, here) = (end.view(), end.local_target.encrypt_channel_option);
    let (Some(presented), Some(mut forecasts)) = (&end.presented, view.forecasts()) else { return Vec::new() };
    forecasts.sort_by_key(|forecast| (Some(forecast.setting) != here, std::cmp::Reverse(forecast.setting)));
    let shown = presented.certificate.as_ref().map_or_else(
        || "no certificate".to_owned(),
        |certificate| format!("{} until {}", certificate.subject, written(certificate.not_after)),
    );
    let item = |forecast: Forecast| {
        let set = match (here, forecast.setting) {
            (Some(here), setting) if here == setting => " (set here)",
            (None, 2) => " (the default)",
            _ => "",
        };
        // A setting that is not in force needs no action.
        let wanted = forecast.connects == Some(false) && forecast.setting == here.unwrap_or(2);
        let subject = format!("connection with MsxEncryptChannelOptions = {}{set}", forecast.setting);
        let evidence = match forecast.setting {
            2 => format!("{}; {}: {shown}", forecast.words, presented.verdict.name()),
            _ => forecast.words,
        };
        let remedy = if wanted { remedy(presented.verdict, end.local_target.checked_name()) } else { String::new() };
        Readiness::new(&subject, forecast.connects, evidence, &remedy)
    };
    forecasts.into_iter().map(item).collect()
}

/// What lets a connection that verifies the certificate, or needs one at all, succeed.
fn remedy(verdict: Verdict, name: &str) -> String {
    match verdict {
        Verdict::Ok => String::new(),
        Verdict::NoTls => {
            "give the master a certificate, or set MsxEncryptChannelOptions to 0 here, where policy allows it"
                .to_owned()
        }
        Verdict::NameMismatch => format!(
            "the name that is checked is \"{name}\": enlist with the name in the certificate, or have one issued for this \
             name"
        ),
        Verdict::Untrusted => {
            "put its authority into this machine's store, or set MsxEncryptChannelOptions to 1 here, which encrypts \
             without verifying"
                .to_owned()
        }
        Verdict::Expired => "renew the certificate on the master".to_owned(),
    }
}
