//! The request as it is made on a target, where the way that polling takes can really be tried.

use super::beside_master::{seen, written};
use super::request::{End, Readiness, Request, Seen};
use super::rules;
use crate::ports::{Check, EngineFacts, Finding, Verdict};
use jiff::Timestamp;
use std::net::IpAddr;

/// What a target sees of its master.
#[derive(Debug, Clone, PartialEq)]
pub struct FarSide {
    /// This target's name as enlisted.
    pub target: String,
    /// The master's name as this target knows it.
    pub master: String,
    /// The addresses of the master's host.
    pub addresses: Vec<IpAddr>,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// What the master's engine told, where it answered.
    pub facts: Option<EngineFacts>,
    /// What a client that verifies says of its certificate.
    pub verdict: Option<Verdict>,
}

/// Draws up the request of one target.
pub fn examine_far_side(far: &FarSide, now: Timestamp) -> Request {
    let host = |name: &str| name.split_once('\\').map_or(name, |(host, _)| host).to_owned();
    let target = End { name: host(&far.target), addresses: Vec::new() };
    let master = End { name: host(&far.master), addresses: far.addresses.clone() };
    let find = |check| far.findings.iter().find(|finding| finding.check == check);
    let seen_at = |check| find(check).map_or_else(|| Seen::unknown("not tried"), seen);
    let port = &rules::port_text(find(Check::Engine).and_then(|engine| engine.port));
    let frequency = "every 60 s (the default), and after each job".to_owned();
    let mut rows = vec![rules::polling(&target, &master, port, frequency, seen_at(Check::Engine))];
    if let Some(browser) = find(Check::Browser) {
        let mut row = rules::browser(&target, &master, &far.master, port, seen(browser));
        if !browser.required {
            row.need = super::request::Need::Nothing;
        }
        rows.push(row);
    }
    rows.push(rules::nothing_back(&master, vec![target.clone()]));
    Request {
        title: format!("Firewall request for target {} and its master {}", far.target, far.master),
        made: written(now),
        rows,
        readiness: readiness(far),
        next: Vec::new(),
        notes: vec!["tried from this target: what is open here is open for SQL Server Agent here".to_owned()],
    }
}

fn readiness(far: &FarSide) -> Vec<Readiness> {
    let Some(facts) = &far.facts else { return Vec::new() };
    let mut list = Vec::new();
    if let Some(version) = &facts.version {
        list.push(Readiness {
            subject: "engine of the master".to_owned(),
            fine: Some(facts.instance_matches != Some(false)),
            evidence: format!("SQL Server {version}"),
            remedy: match facts.instance_matches {
                Some(false) => "another instance answers on this port: correct the port".to_owned(),
                _ => String::new(),
            },
        });
    }
    let host = far.master.split_once('\\').map_or(far.master.as_str(), |(host, _)| host);
    if let Some(verdict) = far.verdict {
        let shown = facts.certificate.as_ref().map_or_else(
            || "no certificate".to_owned(),
            |certificate| format!("{} until {}", certificate.subject, written(certificate.not_after)),
        );
        let remedy = match verdict {
            Verdict::Ok => String::new(),
            Verdict::NoTls => {
                "give the master a certificate, or set MsxEncryptChannelOptions to 0 here, where policy allows it".to_owned()
            }
            Verdict::NameMismatch => format!(
                "the name that is checked is \"{host}\": enlist with the name in the certificate, or have one issued for \
                 this name"
            ),
            Verdict::Untrusted => {
                "put its authority into this machine's store, or set MsxEncryptChannelOptions to 1 here, which encrypts \
                 without verifying"
                    .to_owned()
            }
            Verdict::Expired => "renew the certificate on the master".to_owned(),
        };
        list.push(Readiness {
            subject: "certificate of the master, as MsxEncryptChannelOptions = 2 judges it".to_owned(),
            fine: Some(verdict == Verdict::Ok),
            evidence: format!("{}: {shown}", verdict.name()),
            remedy,
        });
        list.push(Readiness {
            subject: "encryption, as MsxEncryptChannelOptions = 1 needs it".to_owned(),
            fine: Some(verdict != Verdict::NoTls),
            evidence: facts
                .tls
                .as_ref()
                .map_or_else(|| "the master offers no TLS".to_owned(), |tls| tls.version.clone()),
            remedy: String::new(),
        });
    }
    list
}
