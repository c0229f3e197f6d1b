//! The evidence of a silent target in words.

use super::facts::log_is_full;
use super::origins::Owner;
use super::states::refusal;
use super::{LOOK_IS_LATE, MOST_NAMED, MasterEvidence};
use crate::collectors::{AgentSession, Interruptions, MasterState};
use crate::diagnosis::target::elapsed;
use crate::model::figures::{count, span};
use jiff::Timestamp;
use std::time::Duration;

/// The findings about a silent target, and the evidence that they amount to.
pub(super) struct Findings<'a> {
    pub(super) word: MasterEvidence,
    /// Attempts since its last poll: refused, ended before login, without a byte, broken later.
    pub(super) counts: [usize; 4],
    /// How far the master's records reach back.
    pub(super) reach: Duration,
    /// Whether that is far enough.
    pub(super) reaches: bool,
    /// How far back attempts count: no further than its last poll.
    pub(super) window: Duration,
    /// The error and state of the newest refusal.
    pub(super) decides: Option<(u32, Option<u32>)>,
    /// The session of an Agent that counts as evidence.
    pub(super) agent: Option<&'a AgentSession>,
    /// Its addresses with the source of each; empty where none is known.
    pub(super) addresses: &'a str,
    /// Other targets that share an address.
    pub(super) others: &'a [Owner<'a>],
    /// How long ago the records were last read.
    pub(super) looked: Duration,
    pub(super) interruptions: Option<Interruptions>,
    pub(super) now: Timestamp,
}

/// The text where no records were read.
pub(super) fn unread(permitted: bool, interruptions: Option<Interruptions>) -> String {
    if permitted {
        format!("Who arrives at the master has not been read.{}", interrupted(interruptions))
    } else {
        "Who arrives at the master is not known: the login lacks the right of the collector arrivals (msx_exporter grants \
         prints it)."
            .to_owned()
    }
}

/// Why no look reached its end, and when the next may begin; with the blank before it.
fn interrupted(interruptions: Option<Interruptions>) -> String {
    let Some(Interruptions { looks, next_attempt }) = interruptions else { return String::new() };
    let next =
        if next_attempt.is_zero() { "is due".to_owned() } else { format!("may begin in {}", span(next_attempt)) };
    format!(" {} ended early in a row because a scrape came; the next {next}.", count(looks.into(), "look"))
}

/// The master's own state with its figures: only for pages that show details.
pub(super) fn of_master(state: Option<&MasterState>) -> Vec<String> {
    let Some(state) = state else { return Vec::new() };
    let blocker = state.blocker.map(|blocker| {
        let waiting = count(u64::try_from(blocker.waiting).unwrap_or_default(), "request");
        format!(
            "Session {} on the master holds a lock on the table of targets and holds up {waiting}.",
            blocker.session
        )
    });
    let log = state.log_used_percent.zip(state.log_waits_for.as_ref()).filter(|_| log_is_full(state));
    let log =
        log.map(|(percent, waits)| format!("The log of msdb is {percent} % full at its size and waits for {waits}."));
    blocker.into_iter().chain(log).collect()
}

impl Findings<'_> {
    /// The evidence, without addresses, logins and states.
    pub(super) fn text(&self) -> String {
        let mut text = self.of_the_word();
        if !self.others.is_empty() && self.word.is_arrival() {
            let names: Vec<&str> = self.others.iter().map(|other| other.name).take(MOST_NAMED).collect();
            let more = if self.others.len() > MOST_NAMED { " and others" } else { "" };
            text.push_str(&format!(" It may be one of its neighbours on that address: {}{more}.", names.join(", ")));
        }
        if self.looked > LOOK_IS_LATE {
            text.push_str(&format!(" The last look that succeeded was {} ago.", span(self.looked)));
            text.push_str(&interrupted(self.interruptions));
        }
        text
    }

    fn of_the_word(&self) -> String {
        let [refused, before_login, reached, broken] = self.counts.map(|count| count as u64);
        let reach = span(self.reach);
        match self.word {
            MasterEvidence::AgentConnected => {
                "A SQL Server Agent from its host is logged in to the master, or was lately, and does not poll: network, \
                 TLS and login are fine."
                    .to_owned()
            }
            MasterEvidence::Refused => format!(
                "The master refused {} from its host since its last poll or its enlistment{}. Whether it was its Agent, \
                 the master's ERRORLOG says.",
                count(refused, "login"),
                if before_login > 0 { format!(", and {} ended before login", count(before_login, "connection")) } else { String::new() }
            ),
            MasterEvidence::BeforeLogin => format!(
                "{} from its host ended before login since its last poll or its enlistment, as a client would end them \
                 that does not trust the master's certificate, or gets no ticket for its Windows login.",
                count(before_login, "connection")
            ),
            MasterEvidence::Reached => format!(
                "Its host reaches the master's port: {} came from there, and what was sent, if anything, is not recorded.",
                count(reached, "connection")
            ),
            MasterEvidence::Connected if broken > 0 => format!(
                "Logins from its host succeeded and {} broke later: no firewall lies between that host and the port.",
                count(broken, "connection")
            ),
            MasterEvidence::Connected => {
                "Another program on its host is logged in to the master over TCP: no firewall lies between that host and \
                 the port."
                    .to_owned()
            }
            MasterEvidence::NoTrace => format!(
                "No login from its host was refused and none broke off in the last {}. Either nothing arrives, or a client \
                 ends in order before its login, or logins succeed and do not poll: the master cannot tell these apart.",
                span(self.window)
            ),
            MasterEvidence::Unknown if self.addresses.is_empty() => {
                "The master cannot be asked for it: no address of its host is known, loopback left aside (port \
                 checks resolve its name; targets.addresses adds others)."
                    .to_owned()
            }
            MasterEvidence::Unknown if !self.reaches => format!(
                "The master remembers connections of the last {reach} alone, less than three poll intervals: refused logins \
                 and broken connections cannot show."
            ),
            MasterEvidence::Unknown => {
                "The master shows nothing from its host, which it shares with other targets.".to_owned()
            }
        }
    }

    /// The rest of the evidence, shown only with details.
    pub(super) fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if !self.addresses.is_empty() {
            details.push(format!("Addresses looked for: {}.", self.addresses));
        }
        if let Some((error, state)) = self.decides {
            let meaning = refusal(error, state).map_or("Not in the table", |row| row.meaning);
            let state = state.map(|state| format!(" state {state}")).unwrap_or_default();
            details.push(format!("Newest refusal: error {error}{state}: {meaning}."));
        }
        if let Some(agent) = self.agent {
            let seen = span(elapsed(self.now, agent.at));
            let login = agent.login.as_deref().unwrap_or("a login that is not known");
            let host = agent.host.as_deref().map(|host| format!(" from {host}")).unwrap_or_default();
            let blocked = agent.blocked_by.map(|session| format!(", blocked by session {session}")).unwrap_or_default();
            let wait = agent.wait.as_deref().map(|wait| format!(", waiting for {wait}")).unwrap_or_default();
            details.push(format!("Agent session of {login}{host}, seen {seen} ago{blocked}{wait}."));
        }
        details
    }
}
