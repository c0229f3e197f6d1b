//! Decides what the master shows of one silent target; `words` puts it into words.

use super::attempts::{Attempt, End};
use super::facts::{self, Fact, Versions};
use super::origins::{Origins, Owner};
use super::states::refusal;
use super::suspects::{Suspect, suspects, with_cause};
use super::words::Findings;
use super::{MasterEvidence, Remembered, words};
use crate::collectors::{AgentSession, ServerFacts, TargetRow};
use crate::diagnosis::master_memory::MasterMemory;
use crate::diagnosis::pages::PageEvidence;
use crate::diagnosis::target::{Enlisted, elapsed};
use crate::model::names::key;
use crate::model::{Cause, ServerName, silence};
use crate::target_pages::PageResults;
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;
use std::time::Duration;

/// Fewer attempts are not a rhythm.
const LEAST_ATTEMPTS: usize = 3;
/// A run continues while its newest attempt is younger than this, or than three intervals.
const RUN_GOES_ON: Duration = Duration::from_secs(600);
/// A session of an Agent counts as evidence for this long, or for three intervals. A poll is so short that looks at each
/// reading catch one in hours, so one that was caught must outlast the looks that miss the next.
const SIGHTING_SPEAKS: Duration = Duration::from_secs(3_600);

/// What the master shows of a silent target.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The first kind of evidence that holds.
    pub word: MasterEvidence,
    /// The evidence in words, without addresses, logins and states.
    pub text: String,
    /// The rest of the evidence, shown only with details.
    pub details: Vec<String>,
    /// Why it may be silent, the likeliest first.
    pub suspects: Vec<Suspect>,
    /// From where it arrives, as far as that is known: only for pages that show details.
    pub addresses: Vec<IpAddr>,
    /// Since when the master's memory of refused and broken connections is complete, and when it was last looked at.
    pub reach: Option<(Timestamp, Timestamp)>,
    /// The newest refusal: its error and state.
    pub(crate) decides: Option<(u32, Option<u32>)>,
    /// Logins from its host alone that are refused at the rhythm of its polls.
    pub(crate) refused: Option<Run>,
    /// Connections from its host alone that end before their login at that rhythm.
    pub(crate) before_login: Option<Run>,
    /// When a session of its own Agent was last seen, where that is later than its last poll explains.
    pub(crate) agent_seen: Option<Timestamp>,
    /// What keeps the master from writing any poll, for every page.
    pub(crate) hindered_by: Vec<&'static str>,
    /// When such a session was last seen.
    pub(crate) agent_at: Option<Timestamp>,
    /// When anything of its host alone last arrived.
    pub(crate) arrived_at: Option<Timestamp>,
}

/// Attempts at the rhythm of a target's polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Their number.
    pub attempts: u64,
    /// When the newest was recorded, by the master's clock.
    pub newest: Timestamp,
    /// The mean time between two.
    pub distance: Duration,
}

/// Facts that are the same for all targets.
pub(crate) struct Surroundings<'a> {
    pub(crate) memory: &'a Remembered<'a>,
    pub(crate) origins: &'a Origins<'a>,
    pub(crate) server: Option<&'a ServerFacts>,
    pub(crate) master_memory: &'a MasterMemory,
    /// Whether our own look met TLS as Agents before SQL Server 2025 speak it.
    pub(crate) serves_older_tls: bool,
    /// When the instance started.
    pub(crate) started: Timestamp,
    /// The target that polled last of all.
    pub(crate) newest_poll: Option<&'a TargetRow>,
    /// What the targets wrote about themselves, and this computer's clock, by which that is known.
    pub(crate) pages: &'a PageResults,
    pub(crate) began: Timestamp,
    pub(crate) now: Timestamp,
}

/// The facts about one target.
struct Question<'a> {
    surroundings: &'a Surroundings<'a>,
    name: &'a str,
    target: &'a Enlisted,
    /// Attempts from its addresses, oldest first, including those before its last poll.
    attempts: Vec<&'a Attempt>,
    others: Vec<Owner<'a>>,
    covered: (Timestamp, Timestamp),
}

impl Trace {
    /// The trace of a target; `None` for one that is not silent.
    pub(crate) fn of(
        name: &str,
        target: &Enlisted,
        versions: Versions<'_>,
        pages: &PageEvidence<'_>,
        surroundings: &Surroundings<'_>,
    ) -> Trace {
        let memory = surroundings.memory;
        let mut facts = facts::of_target(target, versions, pages, surroundings);
        let others = surroundings.origins.others(name);
        facts.extend(facts::of_siblings(name, &others, surroundings));
        let Some(covered) = memory.covered.filter(|_| memory.permitted) else {
            let text = words::unread(memory.permitted, memory.interruptions);
            return Trace::unknown(text, facts, surroundings);
        };
        let mut attempts: Vec<&Attempt> =
            surroundings.origins.of(name).filter_map(|address| memory.attempts.get(&address)).flatten().collect();
        attempts.retain(|attempt| !(attempt.may_be_a_look() && pages.looked_at(target.by_its_clock(attempt.at))));
        attempts.sort_by_key(|attempt| attempt.at);
        Question { surroundings, name, target, attempts, others, covered }.answer(facts)
    }

    /// The same once the verdict is known.
    pub(crate) fn under(self, cause: Cause) -> Trace {
        Trace { suspects: with_cause(self.suspects, cause), ..self }
    }

    /// The suspects; those that are based on an error's state only with details.
    pub fn suspects_shown(&self, details: bool) -> impl Iterator<Item = &Suspect> {
        self.suspects.iter().filter(move |suspect| details || !suspect.is_detail)
    }

    fn unknown(text: String, mut facts: Vec<Fact>, surroundings: &Surroundings<'_>) -> Trace {
        facts.push(Fact::Shows(MasterEvidence::Unknown));
        let details = words::of_master(surroundings.memory.state);
        let hindered_by = facts::hindrances(&facts);
        Trace { text, details, hindered_by, suspects: suspects(&facts), ..Trace::nothing() }
    }

    /// A trace of which nothing is known.
    pub(super) fn nothing() -> Trace {
        Trace {
            word: MasterEvidence::Unknown,
            text: String::new(),
            details: Vec::new(),
            suspects: Vec::new(),
            addresses: Vec::new(),
            reach: None,
            decides: None,
            refused: None,
            before_login: None,
            agent_seen: None,
            hindered_by: Vec::new(),
            agent_at: None,
            arrived_at: None,
        }
    }
}

/// What is known of the master that concerns all its silent targets, in words for any page.
pub(crate) fn of_master(surroundings: &Surroundings<'_>) -> Vec<&'static str> {
    facts::of_master(surroundings).into_iter().map(Fact::words).collect()
}

impl<'a> Question<'a> {
    fn answer(&self, mut facts: Vec<Fact>) -> Trace {
        let now = self.surroundings.now;
        let (covered_since, covered_until) = self.covered;
        // A last poll that lies ahead says nothing of when it was.
        let last_poll = Some(self.target.last_poll).filter(|at| !silence::is_ahead(now, *at));
        let since = last_poll.unwrap_or(covered_since).max(covered_since);
        let window = |end: End| self.attempts.iter().filter(move |attempt| attempt.end == end && attempt.at > since);
        let counts = [End::Refused, End::BeforeLogin, End::Reached, End::Broken].map(|end| window(end).count());
        let [refused, before_login, reached, broken] = counts;
        let first = [End::Refused, End::BeforeLogin]
            .into_iter()
            .filter_map(|end| window(end).next())
            .map(|first| first.at)
            .max();
        let agent = self.agent();
        let speaks = agent.is_some_and(|agent| first.is_none_or(|first| agent.at > first));
        let connected = self.connected_now();
        let reach = elapsed(now, covered_since);
        let reaches = reach >= self.target.patience();
        let addresses = self.surroundings.origins.in_words(self.name);
        let word = match () {
            () if speaks => MasterEvidence::AgentConnected,
            () if refused > 0 => MasterEvidence::Refused,
            () if before_login > 0 => MasterEvidence::BeforeLogin,
            () if reached > 0 => MasterEvidence::Reached,
            () if connected || broken > 0 => MasterEvidence::Connected,
            () if reaches && !addresses.is_empty() && self.others.is_empty() => MasterEvidence::NoTrace,
            () => MasterEvidence::Unknown,
        };
        facts.push(Fact::Shows(word));
        facts.extend(agent.filter(|agent| speaks && agent.blocked_by.is_some()).map(|_| Fact::AgentBlocked));
        let decides = window(End::Refused).next_back().and_then(|attempt| attempt.error);
        facts.extend(decides.filter(|(error, _)| [17_806, 18_452].contains(error)).map(|_| Fact::WindowsLoginRefused));
        facts.extend(facts::of_attempts(
            self.attempts.iter().copied().filter(|attempt| attempt.at > since && attempt.end <= End::Reached),
        ));
        let alone = self.others.is_empty() && reaches;
        let run =
            |end| self.run(end).filter(|run| alone && agent.is_none_or(|agent| agent.at <= run.1)).map(|run| run.0);
        let mut suspects = suspects(&facts);
        suspects.splice(..0, decides.and_then(|(error, state)| refusal(error, state)).map(Suspect::of_refusal));
        let findings = Findings {
            word,
            counts,
            reach,
            reaches,
            window: elapsed(now, since),
            decides,
            agent: agent.filter(|_| speaks),
            addresses: &addresses,
            others: &self.others,
            looked: elapsed(now, covered_until),
            interruptions: self.surroundings.memory.interruptions,
            now,
        };
        let mut details = findings.details();
        details.extend(words::of_master(self.surroundings.memory.state));
        Trace {
            text: findings.text(),
            details,
            suspects,
            addresses: self.surroundings.origins.of(self.name).collect(),
            reach: Some(self.covered),
            decides,
            refused: run(End::Refused),
            before_login: run(End::BeforeLogin),
            agent_seen: agent.filter(|_| speaks && self.others.is_empty()).map(|agent| agent.at),
            hindered_by: facts::hindrances(&facts),
            agent_at: agent.filter(|_| self.others.is_empty()).map(|agent| agent.at),
            arrived_at: self.arrived(agent).filter(|_| self.others.is_empty()),
            word,
        }
    }

    /// The run of attempts since the last poll at the rhythm of the polls, and when it began.
    fn run(&self, end: End) -> Option<(Run, Timestamp)> {
        let Enlisted { polled, poll_interval: interval, ref row, .. } = *self.target;
        let last_poll = row.last_poll;
        let of_kind = || self.attempts.iter().filter(|attempt| attempt.end == end).map(|attempt| attempt.at);
        let since: Vec<Timestamp> = of_kind().filter(|at| *at > last_poll).collect();
        let (first, newest) = (*since.first()?, *since.last()?);
        let attempts = since.len();
        if attempts < LEAST_ATTEMPTS {
            return None;
        }
        let gaps = u32::try_from(attempts - 1).ok()?;
        let distance = elapsed(newest, first) / gaps;
        let in_rhythm = distance >= interval / 2 && distance <= interval.saturating_mul(2);
        let goes_on = elapsed(self.surroundings.now, newest) <= self.target.patience().max(RUN_GOES_ON);
        let follows = !polled || elapsed(first, last_poll) <= interval.saturating_mul(2);
        // Attempts that were refused before the last poll or the enlistment too belong to another program, though it may
        // have paused for a restart of the host; where that cannot be seen, nothing is concluded.
        let covers_enlistment = polled || self.covered.0 <= last_poll;
        let begins = if polled { last_poll } else { first };
        let seen_before = covers_enlistment && elapsed(begins, self.covered.0) >= interval.saturating_mul(2);
        let near = |at: &Timestamp| elapsed(begins, *at) <= interval.saturating_mul(2);
        let reaches_back = of_kind().filter(|at| *at <= last_poll).any(|at| near(&at));
        (in_rhythm && goes_on && follows && seen_before && !reaches_back)
            .then_some((Run { attempts: attempts as u64, newest, distance }, first))
    }

    /// The session of an Agent from one of its addresses, or with its host name, seen later than its last poll
    /// explains.
    fn agent(&self) -> Option<&'a AgentSession> {
        if self.others.iter().any(|other| !other.silent) {
            // The sessions of a target that polls from there prove nothing.
            return None;
        }
        let Surroundings { memory, origins, now, .. } = *self.surroundings;
        let host = key(ServerName::of(self.name).host);
        let own = origins.of(self.name).filter_map(|address| memory.sightings.get(&address));
        let own = own.flat_map(|sighting| &sighting.agents);
        let stated = memory.stated.get(host.as_ref()).into_iter().flatten();
        let stated = stated
            .filter(|(address, _)| !origins.is_owned(*address) && !origins.is_master(&host))
            .map(|(_, agent)| *agent);
        let explained = SignedDuration::try_from(self.target.poll_interval).unwrap_or(SignedDuration::MAX);
        let after = self.target.last_poll.checked_add(explained).unwrap_or(Timestamp::MAX);
        let speaks = self.target.patience().max(SIGHTING_SPEAKS);
        own.chain(stated)
            .filter(|agent| agent.at > after && elapsed(now, agent.at) <= speaks)
            .max_by_key(|agent| agent.at)
    }

    /// When anything last came from one of its addresses, whatever became of it.
    fn arrived(&self, agent: Option<&AgentSession>) -> Option<Timestamp> {
        let Surroundings { memory, origins, .. } = *self.surroundings;
        let own = origins.of(self.name).filter_map(|address| memory.sightings.get(&address)).map(|seen| seen.at);
        let attempts = self.attempts.iter().map(|attempt| attempt.at);
        own.chain(attempts).chain(agent.map(|agent| agent.at)).max()
    }

    /// Whether any session from one of its addresses was connected when the sessions were last read.
    fn connected_now(&self) -> bool {
        let Surroundings { memory, origins, .. } = *self.surroundings;
        let own = origins.of(self.name).filter_map(|address| memory.sightings.get(&address));
        own.map(|seen| Some(seen.at)).any(|at| at == memory.connected_at)
    }
}
