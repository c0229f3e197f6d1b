//! What is known of a silent target and its master, as far as it speaks for a suspect or against it.

use super::attempts::Attempt;
use super::origins::Owner;
use super::trace::Surroundings;
use crate::collectors::{MasterState, ServerFacts, TargetRow};
use crate::diagnosis::enlisted::polled;
use crate::diagnosis::master_memory::Between;
use crate::diagnosis::pages::PageEvidence;
use crate::diagnosis::target::Enlisted;
use crate::model::{Certificate, MasterEvidence, ServerName};
use jiff::Timestamp;
use std::time::Duration;

/// From this on the log is called full, where it also says what it waits for.
const LOG_FULL_PERCENT: i64 = 95;
/// `log_reuse_wait_desc` of a log that can be used again.
const LOG_WAITS_FOR_NOTHING: &str = "NOTHING";
/// A part of a login is slow from this on, where it is also half of the time that the login took.
const SLOW: Duration = Duration::from_secs(1);
/// The major version whose Agent encrypts by default and speaks TDS 8.0: SQL Server 2025.
const ENCRYPTS_BY_DEFAULT: u32 = 17;
/// Versions that may lie between a target and its master.
const VERSIONS_APART: u32 = 2;
/// MsxEncryptChannelOptions of an Agent that checks the certificate of its master.
const CHECKS_CERTIFICATE: u32 = 2;
/// The server takes strict encryption alone.
const STRICT_ALONE: u32 = 17_819;

/// Something that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Shows(MasterEvidence),
    NeverPolled,
    /// Of one that never polled: its enlistment came from the target to the master, as a poll does.
    EnlistmentArrived,
    SelfSigned,
    /// SQL Server's own certificate, made at its last start, when the target fell silent.
    NewFallback,
    NewFallbackSinceEnlistment,
    /// Another one than before, since a start when the target fell silent.
    NewCertificate,
    NewCertificateSinceEnlistment,
    CertificateEnded,
    /// It is not for the name of the master by itself.
    OtherName,
    PolledUnderCertificate,
    EnlistedUnderCertificate,
    WindowsLoginRefused,
    StrictAlone,
    TlsBegan,
    /// Our own look met TLS of the kind that older Agents speak.
    OlderTlsServed,
    SlowTicket,
    SlowWorkers,
    SlowReads,
    AgentBlocked,
    ReadOnly,
    LogFull,
    TableBlocked,
    PolledWithoutRow,
    Renamed,
    Moved,
    NonePolledSinceMove,
    Restored,
    Newer,
    NotNewer,
    MuchOlder,
    VersionChanged,
    UpgradedToMandatory,
    AgentStopped,
    AgentRuns,
    AgentStartsManually,
    WayClosed,
    WayOpen,
    CertificateRefused,
    CertificateTrusted,
    /// Another instance of the same host.
    SiblingPolls,
    SiblingTrusts,
}

impl Fact {
    /// What it says, on any page: without addresses, logins, states and sessions.
    pub(super) fn words(self) -> &'static str {
        match self {
            Fact::Shows(word) => word.word().title,
            Fact::NeverPolled => "never polled",
            Fact::EnlistmentArrived => "its enlistment took the same way to the master",
            Fact::SelfSigned => "the certificate of the master is self-signed",
            Fact::NewFallback => "the master made another certificate of its own after the last poll",
            Fact::NewFallbackSinceEnlistment => "the master made another certificate of its own after the enlistment",
            Fact::NewCertificateSinceEnlistment => "the master presents another certificate since the enlistment",
            Fact::NewCertificate => "the master presents another certificate since the last poll",
            Fact::CertificateEnded => "the certificate of the master has ended",
            Fact::OtherName => "the certificate of the master is not for its short name",
            Fact::PolledUnderCertificate => "it polled under the certificate that the master presents now",
            Fact::EnlistedUnderCertificate => "it was enlisted under the certificate that the master presents now",
            Fact::WindowsLoginRefused => "the newest refusal is one of a Windows login",
            Fact::StrictAlone => "the master ended a connection because it takes strict encryption alone",
            Fact::TlsBegan => "a handshake of TLS took time",
            Fact::OlderTlsServed => "the master serves TLS below 1.3",
            Fact::SlowTicket => "the Windows login took most of the time",
            Fact::SlowWorkers => "waiting for a worker thread took most of the time",
            Fact::SlowReads => "waiting for the client's bytes took most of the time",
            Fact::AgentBlocked => "a session of its Agent waits for another session",
            Fact::ReadOnly => "msdb of the master is read-only",
            Fact::LogFull => "the log of msdb is full at its size",
            Fact::TableBlocked => "a session holds a lock on the table of targets, and others wait for it",
            Fact::PolledWithoutRow => "someone polls this master without a row",
            Fact::Renamed => "@@SERVERNAME of the master is another name than its own",
            Fact::Moved => "the master is not where or what it was before its last start",
            Fact::NonePolledSinceMove => "no target polled since then",
            Fact::Restored => "last polls or the numbers of instructions went back, as after a restore of msdb",
            Fact::Newer => "it is newer than its master",
            Fact::NotNewer => "it is not newer than its master",
            Fact::MuchOlder => "it is over two versions older than its master",
            Fact::VersionChanged => "its version is another since it polled",
            Fact::UpgradedToMandatory => "it was upgraded to SQL Server 2025 or later since it polled",
            Fact::AgentStopped => "by its page its Agent does not run",
            Fact::AgentRuns => "by its page its Agent runs",
            Fact::AgentStartsManually => "by its last page the service of its Agent starts manually",
            Fact::WayClosed => "by its page the port of the master is closed",
            Fact::WayOpen => "by its page the port of the master is open",
            Fact::CertificateRefused => "by its page it refuses the certificate of the master",
            Fact::CertificateTrusted => "by its page it trusts the certificate of the master",
            Fact::SiblingPolls => "another instance on its host polls",
            Fact::SiblingTrusts => {
                "another instance on its host polls and by its page checks the certificate of the master"
            }
        }
    }
}

/// The versions that a target's engine reported: now, and while it last polled.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Versions<'a> {
    pub(crate) now: Option<&'a str>,
    pub(crate) at_last_poll: Option<&'a str>,
}

/// What holds for every silent target of this master.
pub(super) fn of_master(surroundings: &Surroundings<'_>) -> Vec<Fact> {
    let mut facts = of_state_and_name(surroundings);
    facts.extend(surroundings.newest_poll.into_iter().flat_map(|newest| since(newest, surroundings)));
    facts
}

/// What holds now, whatever the time of the silence.
fn of_state_and_name(surroundings: &Surroundings<'_>) -> Vec<Fact> {
    let state = surroundings.memory.state.into_iter().flat_map(of_state);
    state.chain(surroundings.server.filter(|server| is_renamed(server)).map(|_| Fact::Renamed)).collect()
}

/// What became of the master while a target fell silent: after its last poll, or its enlistment where it never polled,
/// and before it was missed. What came later did not silence it.
fn since(row: &TargetRow, surroundings: &Surroundings<'_>) -> Vec<Fact> {
    let memory = surroundings.master_memory;
    let certificate = surroundings.server.and_then(|server| server.certificate.as_ref());
    let polled = polled(row);
    let silences = |between: Between, fine: Timestamp| between.can_silence(fine, row.missed_after(fine));
    let at_its_end = |between: Between| silences(between, row.last_poll);
    let ended = certificate.map(|seen| seen.not_after).filter(|at| *at < surroundings.now);
    let ended = ended.filter(|at| at_its_end(Between { after: *at, by: if polled { *at } else { surroundings.now } }));
    let own = certificate.filter(|seen| seen.is_fallback() && at_its_end(memory.started(surroundings.started)));
    let other = certificate.filter(|seen| !seen.is_fallback() && memory.certificate_changed().is_some_and(at_its_end));
    let moved = memory.moved().filter(|moved| at_its_end(moved.between));
    let newest = surroundings.newest_poll.map(|newest| newest.last_poll);
    let restored = memory.restored().filter(|restore| silences(restore.between, restore.last_poll(row)));
    let of_certificate = |by_poll, by_enlistment| if polled { by_poll } else { by_enlistment };
    [
        ended.map(|_| Fact::CertificateEnded),
        own.map(|_| of_certificate(Fact::NewFallback, Fact::NewFallbackSinceEnlistment)),
        other.map(|_| of_certificate(Fact::NewCertificate, Fact::NewCertificateSinceEnlistment)),
        moved.map(|_| Fact::Moved),
        moved.filter(|moved| newest.is_none_or(|newest| newest < moved.between.by)).map(|_| Fact::NonePolledSinceMove),
        restored.map(|_| Fact::Restored),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What its own pages say.
pub(super) fn of_pages(pages: &PageEvidence<'_>) -> Vec<Fact> {
    let agent = pages.agent().map(|(_, runs)| if runs { Fact::AgentRuns } else { Fact::AgentStopped });
    let way = pages.way().map(|(.., open)| if open { Fact::WayOpen } else { Fact::WayClosed });
    let certificate = pages
        .certificate()
        .map(|(.., refused)| if refused { Fact::CertificateRefused } else { Fact::CertificateTrusted });
    let manually = pages.starts_manually().then_some(Fact::AgentStartsManually);
    [agent, way, certificate, manually].into_iter().flatten().collect()
}

/// What keeps polls from being written; only where nothing does, one without a row is a stranger's.
fn of_state(state: &MasterState) -> Vec<Fact> {
    let hindered = [
        (state.is_read_only, Fact::ReadOnly),
        (state.blocker.is_some(), Fact::TableBlocked),
        (log_is_full(state), Fact::LogFull),
    ];
    let mut facts: Vec<Fact> = hindered.into_iter().filter_map(|(holds, fact)| holds.then_some(fact)).collect();
    let stranger = state.polled_without_a_row.is_some() && facts.is_empty();
    facts.extend(stranger.then_some(Fact::PolledWithoutRow));
    facts
}

/// What of this keeps the master from writing any poll, in words.
pub(super) fn hindrances(facts: &[Fact]) -> Vec<&'static str> {
    let hinders = |fact: &&Fact| matches!(fact, Fact::ReadOnly | Fact::TableBlocked | Fact::LogFull);
    facts.iter().filter(hinders).map(|fact| fact.words()).collect()
}

/// Whether nothing can be written for want of log.
pub(super) fn log_is_full(state: &MasterState) -> bool {
    let waits = state.log_waits_for.as_deref().is_some_and(|reason| reason != LOG_WAITS_FOR_NOTHING);
    waits && state.log_used_percent.is_some_and(|percent| percent >= LOG_FULL_PERCENT)
}

fn is_renamed(server: &ServerFacts) -> bool {
    server.place.local_name.as_ref().is_some_and(|name| !crate::model::names::same(name, &server.name))
}

/// What holds for one target besides, whatever arrived.
pub(super) fn of_target(
    target: &Enlisted,
    versions: Versions<'_>,
    pages: &PageEvidence<'_>,
    surroundings: &Surroundings<'_>,
) -> Vec<Fact> {
    let mut facts = of_state_and_name(surroundings);
    facts.extend(since(target, surroundings));
    facts.extend(of_pages(pages));
    if !target.polled {
        facts.extend([Fact::NeverPolled, Fact::EnlistmentArrived]);
    }
    if let Some(server) = surroundings.server {
        facts.extend(server.certificate.iter().flat_map(|seen| of_certificate(target, seen, server, surroundings)));
        facts.extend(of_versions(versions, &server.version));
    }
    facts
}

/// What instances next to it show that poll: the way is the same, and the store of their computer is.
pub(super) fn of_siblings(name: &str, others: &[Owner<'_>], surroundings: &Surroundings<'_>) -> Vec<Fact> {
    let host = ServerName::of(name);
    let polling = || others.iter().filter(|other| !other.silent && ServerName::of(other.name).same_host(host, ""));
    let checks = |other: &Owner<'_>| {
        let pages = surroundings.pages.of(other.name).into_iter().flat_map(|pages| &pages.pages);
        pages.filter(|known| known.is_current(surroundings.began)).any(|known| {
            known.page.instance_running == Some(true) && known.page.encrypt_channel_option == Some(CHECKS_CERTIFICATE)
        })
    };
    [polling().next().map(|_| Fact::SiblingPolls), polling().any(checks).then_some(Fact::SiblingTrusts)]
        .into_iter()
        .flatten()
        .collect()
}

/// SQL Server takes another certificate only when it starts, so one poll since then cleared the one that it presents.
fn of_certificate(
    target: &Enlisted,
    seen: &Certificate,
    server: &ServerFacts,
    surroundings: &Surroundings<'_>,
) -> Vec<Fact> {
    let since_start = target.last_poll > surroundings.started;
    let ended_since = seen.not_after < surroundings.now;
    let cleared = if target.polled { Fact::PolledUnderCertificate } else { Fact::EnlistedUnderCertificate };
    let host = ServerName::of(&server.name).host;
    [
        seen.self_signed.then_some(Fact::SelfSigned),
        (!seen.is_fallback() && !host.is_empty() && !seen.has_name(host)).then_some(Fact::OtherName),
        (since_start && !ended_since).then_some(cleared),
        surroundings.serves_older_tls.then_some(Fact::OlderTlsServed),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_versions(versions: Versions<'_>, master: &str) -> Vec<Fact> {
    let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let Some((now, master)) = versions.now.and_then(major).zip(major(master)) else { return Vec::new() };
    let mut facts = vec![if now > master { Fact::Newer } else { Fact::NotNewer }];
    facts.extend((now.saturating_add(VERSIONS_APART) < master).then_some(Fact::MuchOlder));
    if let Some(before) = versions.at_last_poll.filter(|before| versions.now != Some(*before)) {
        facts.push(Fact::VersionChanged);
        let crossed = now >= ENCRYPTS_BY_DEFAULT && major(before).is_some_and(|before| before < ENCRYPTS_BY_DEFAULT);
        facts.extend(crossed.then_some(Fact::UpgradedToMandatory));
    }
    facts
}

/// What the newest attempts say by their errors and times.
pub(super) fn of_attempts<'a>(attempts: impl DoubleEndedIterator<Item = &'a Attempt> + Clone) -> Vec<Fact> {
    let mut facts = Vec::new();
    let newest = attempts.clone().next_back().and_then(|attempt| attempt.error);
    facts.extend(newest.filter(|(error, _)| *error == STRICT_ALONE).map(|_| Fact::StrictAlone));
    let Some(timers) = attempts.rev().find_map(|attempt| attempt.timers) else { return facts };
    facts.extend(timers.ssl.filter(|ssl| !ssl.is_zero()).map(|_| Fact::TlsBegan));
    let slow = |part: Option<Duration>| {
        part.is_some_and(|part| part >= SLOW && timers.total.is_none_or(|all| part * 2 >= all))
    };
    facts.extend(slow(timers.sspi).then_some(Fact::SlowTicket));
    facts.extend(slow(timers.enqueued).then_some(Fact::SlowWorkers));
    facts.extend(slow(timers.reads).then_some(Fact::SlowReads));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_first_number() {
        use Fact::{MuchOlder, Newer, NotNewer, UpgradedToMandatory, VersionChanged};
        for (now, before, expected) in [
            ("16.0.1000", Some("16.0.1000"), &[NotNewer][..]),
            ("16.0.1000", None, &[NotNewer]),
            ("16.0.4000", Some("16.0.1000"), &[NotNewer, VersionChanged]),
            ("17.0.1000", Some("16.0.1000"), &[Newer, VersionChanged, UpgradedToMandatory]),
            ("14.0.1", Some("14.0.1"), &[NotNewer]),
            ("13.0.1", None, &[NotNewer, MuchOlder]),
            ("garbage", None, &[]),
        ] {
            let versions = Versions { now: Some(now), at_last_poll: before };
            assert_eq!(of_versions(versions, "16.0.4135.4"), expected, "{now} {before:?}");
        }
        assert!(of_versions(Versions::default(), "16.0.4135.4").is_empty());
    }

    #[test]
    fn a_poll_without_a_row_is_a_strangers_only_where_polls_can_be_written() {
        let polled_without_a_row = Some(Timestamp::UNIX_EPOCH);
        let written = MasterState { polled_without_a_row, ..MasterState::default() };
        assert_eq!(of_state(&written), [Fact::PolledWithoutRow]);
        assert_eq!(of_state(&MasterState { is_read_only: true, ..written }), [Fact::ReadOnly]);
    }

    #[test]
    fn a_log_is_full_when_it_also_waits_for_something() {
        let full = |percent, waits: &str| {
            let log_waits_for = Some(waits.to_owned());
            log_is_full(&MasterState { log_used_percent: percent, log_waits_for, ..MasterState::default() })
        };
        assert!(full(Some(95), "ACTIVE_TRANSACTION"));
        assert!(!full(Some(94), "ACTIVE_TRANSACTION") && !full(Some(99), "NOTHING") && !full(None, "LOG_BACKUP"));
    }
}
