//! What the master shows of one silent target.

use super::attempts::{Attempt, End};
use super::origins::{Origins, Owner};
use super::states::refusal;
use super::suspects::{Fact, Suspect, suspects};
use super::{MOST_NAMED, MasterEvidence, Remembered};
use crate::collectors::AgentSession;
use crate::diagnosis::target::{Enlisted, elapsed};
use crate::model::figures::{count, span};
use crate::model::names::key;
use crate::model::{Certificate, ServerName};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Fewer attempts than this are no rhythm.
const LEAST_ATTEMPTS: usize = 3;
/// A run goes on while its newest attempt is younger than this, or than three intervals.
const RUN_GOES_ON: Duration = Duration::from_secs(600);
/// A session of an Agent speaks for this long, or for three intervals.
const SIGHTING_SPEAKS: Duration = Duration::from_secs(3_600);

/// What the master shows of a silent target.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The first kind of evidence that holds.
    pub word: MasterEvidence,
    /// The evidence in words, without addresses, logins and states.
    pub text: String,
    /// The same with them: only for pages that show details.
    pub details: Vec<String>,
    /// Why it may be silent, the likeliest first.
    pub suspects: Vec<Suspect>,
    /// Logins from its host alone that are refused at the rhythm of its polls.
    pub(crate) refused: Option<Run>,
    /// Connections from its host alone that end before their login at that rhythm.
    pub(crate) before_login: Option<Run>,
    /// Whether a session of its own Agent was seen since its last poll.
    pub(crate) agent_connected: bool,
}

/// Attempts at the rhythm of a target's polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// How many.
    pub attempts: u64,
    /// When the newest was recorded, by the master's clock.
    pub newest: Timestamp,
    /// How far apart they are in the mean.
    pub distance: Duration,
}

/// What holds for all targets.
pub(crate) struct Surroundings<'a> {
    pub(crate) memory: &'a Remembered<'a>,
    pub(crate) origins: &'a Origins<'a>,
    pub(crate) certificate: Option<&'a Certificate>,
    pub(crate) now: Timestamp,
}

/// One target before the master's memory.
struct Question<'a> {
    surroundings: &'a Surroundings<'a>,
    name: &'a str,
    target: &'a Enlisted,
    /// Attempts from its addresses, oldest first, before its last poll too.
    attempts: Vec<&'a Attempt>,
    others: Vec<Owner<'a>>,
    covered_since: Timestamp,
}

impl Trace {
    /// What is shown of a target. Only a silent one is asked about.
    pub(crate) fn of(name: &str, target: &Enlisted, surroundings: &Surroundings<'_>) -> Trace {
        let memory = surroundings.memory;
        let facts = common_facts(target, surroundings);
        let Some(covered_since) = memory.covered_since.filter(|_| memory.permitted) else {
            let text = if memory.permitted {
                "Who arrives at the master has not been read.".to_owned()
            } else {
                "Who arrives at the master is not known: the login lacks the right of the collector arrivals \
                 (msx_exporter grants prints it)."
                    .to_owned()
            };
            return Trace::unknown(text, Vec::new(), facts);
        };
        let mut attempts: Vec<&Attempt> =
            surroundings.origins.of(name).filter_map(|address| memory.attempts.get(&address)).flatten().collect();
        attempts.sort_by_key(|attempt| attempt.at);
        let others = surroundings.origins.others(name);
        Question { surroundings, name, target, attempts, others, covered_since }.answer(facts)
    }

    /// The suspects; those that stand on an error's state only with details.
    pub fn suspects_shown(&self, details: bool) -> impl Iterator<Item = &Suspect> {
        self.suspects.iter().filter(move |suspect| details || !suspect.is_detail)
    }

    fn unknown(text: String, details: Vec<String>, facts: Vec<Fact>) -> Trace {
        let suspects = suspects(facts.into_iter().chain([Fact::Shows(MasterEvidence::Unknown)]));
        Trace {
            word: MasterEvidence::Unknown,
            text,
            details,
            suspects,
            refused: None,
            before_login: None,
            agent_connected: false,
        }
    }
}

fn common_facts(target: &Enlisted, surroundings: &Surroundings<'_>) -> Vec<Fact> {
    let mut facts = vec![if target.polled { Fact::Polled } else { Fact::NeverPolled }];
    facts.extend(surroundings.certificate.filter(|seen| seen.self_signed).map(|_| Fact::SelfSigned));
    facts.extend(
        surroundings.certificate.filter(|seen| seen.not_after < surroundings.now).map(|_| Fact::CertificateEnded),
    );
    facts
}

impl<'a> Question<'a> {
    fn answer(&self, mut facts: Vec<Fact>) -> Trace {
        let now = self.surroundings.now;
        let since = self.target.last_poll.max(self.covered_since);
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
        let reach = elapsed(now, self.covered_since);
        let reaches = reach >= self.target.patience();
        let has_address = self.surroundings.origins.of(self.name).next().is_some();
        let word = match () {
            () if speaks => MasterEvidence::AgentConnected,
            () if refused > 0 => MasterEvidence::Refused,
            () if before_login > 0 => MasterEvidence::BeforeLogin,
            () if reached > 0 => MasterEvidence::Reached,
            () if connected || broken > 0 => MasterEvidence::Connected,
            () if reaches && has_address && self.others.is_empty() => MasterEvidence::NoTrace,
            () => MasterEvidence::Unknown,
        };
        facts.push(Fact::Shows(word));
        facts.extend(agent.filter(|agent| speaks && agent.blocked_by.is_some()).map(|_| Fact::AgentBlocked));
        let decides = window(End::Refused).next_back().and_then(|attempt| attempt.error);
        facts.extend(decides.filter(|(error, _)| [17_806, 18_452].contains(error)).map(|_| Fact::WindowsLoginRefused));
        let alone = self.others.is_empty() && reaches;
        let run =
            |end| self.run(end).filter(|run| alone && agent.is_none_or(|agent| agent.at <= run.1)).map(|run| run.0);
        let mut suspects = suspects(facts);
        suspects.splice(..0, decides.and_then(|(error, state)| refusal(error, state)).map(Suspect::of_refusal));
        Trace {
            text: self.text(word, counts, reach, reaches, has_address),
            details: self.details(decides, agent.filter(|_| speaks)),
            suspects,
            refused: run(End::Refused),
            before_login: run(End::BeforeLogin),
            agent_connected: word == MasterEvidence::AgentConnected && self.others.is_empty(),
            word,
        }
    }

    /// A run of attempts since the last poll at the rhythm of the polls, and when it began.
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
        // What was refused before the last poll too is another program; where that cannot be seen nothing is said.
        let seen_before = !polled || elapsed(first, self.covered_since) >= interval.saturating_mul(2);
        let near = |at: &Timestamp| elapsed(first, *at) <= interval.saturating_mul(2);
        let reaches_back = of_kind().filter(|at| *at <= last_poll).any(|at| near(&at));
        (in_rhythm && goes_on && follows && seen_before && !reaches_back)
            .then_some((Run { attempts: attempts as u64, newest, distance }, first))
    }

    /// The session of an Agent from one of its addresses, or that states its host, seen later than a poll would explain.
    fn agent(&self) -> Option<&'a AgentSession> {
        if self.others.iter().any(|other| !other.silent) {
            // The sessions of one that polls from there speak for neither.
            return None;
        }
        let Surroundings { memory, origins, now, .. } = *self.surroundings;
        let host = key(ServerName::of(self.name).host);
        let own = origins.of(self.name).filter_map(|address| memory.sightings.get(&address));
        let stated = memory.sightings.iter().filter(|(address, _)| !origins.is_owned(**address)).map(|(_, seen)| seen);
        let stated = stated.filter(|(_, agent)| {
            agent.and_then(|agent| agent.host.as_deref()).is_some_and(|stated| key(stated) == host)
        });
        let explained = SignedDuration::try_from(self.target.poll_interval).unwrap_or(SignedDuration::MAX);
        let after = self.target.last_poll.checked_add(explained).unwrap_or(Timestamp::MAX);
        let speaks = self.target.patience().max(SIGHTING_SPEAKS);
        own.chain(stated)
            .filter_map(|(_, agent)| *agent)
            .filter(|agent| agent.at > after && elapsed(now, agent.at) <= speaks)
            .max_by_key(|agent| agent.at)
    }

    /// Whether anything from one of its addresses was connected at the last look.
    fn connected_now(&self) -> bool {
        let Surroundings { memory, origins, now, .. } = *self.surroundings;
        origins.of(self.name).filter_map(|address| memory.sightings.get(&address)).any(|(at, _)| *at == now)
    }

    fn text(
        &self,
        word: MasterEvidence,
        counts: [usize; 4],
        reach: Duration,
        reaches: bool,
        has_address: bool,
    ) -> String {
        let [refused, before_login, reached, broken] = counts.map(|count| count as u64);
        let mut text = match word {
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
                span(reach)
            ),
            MasterEvidence::Unknown if !has_address => {
                "The master cannot be asked for it: no address of its host is known (port checks resolve its name; \
                 targets.addresses adds others)."
                    .to_owned()
            }
            MasterEvidence::Unknown if !reaches => format!(
                "The master remembers connections of the last {} alone, less than three poll intervals: refused logins \
                 and broken connections cannot show.",
                span(reach)
            ),
            MasterEvidence::Unknown => {
                "The master shows nothing from its host, which it shares with other targets.".to_owned()
            }
        };
        if !self.others.is_empty() && word.is_arrival() {
            let names: Vec<&str> = self.others.iter().map(|other| other.name).take(MOST_NAMED).collect();
            let more = if self.others.len() > MOST_NAMED { " and others" } else { "" };
            text.push_str(&format!(" It may be one of its neighbours on that address: {}{more}.", names.join(", ")));
        }
        text
    }

    fn details(&self, decides: Option<(u32, Option<u32>)>, agent: Option<&AgentSession>) -> Vec<String> {
        let mut details = Vec::new();
        let addresses = self.surroundings.origins.in_words(self.name);
        if !addresses.is_empty() {
            details.push(format!("Addresses looked for: {addresses}."));
        }
        if let Some((error, state)) = decides {
            let meaning = refusal(error, state).map_or("not in the table", |row| row.meaning);
            let state = state.map(|state| format!(" state {state}")).unwrap_or_default();
            details.push(format!("Newest refusal: error {error}{state}, {meaning}."));
        }
        if let Some(agent) = agent {
            let seen = span(elapsed(self.surroundings.now, agent.at));
            let login = agent.login.as_deref().unwrap_or("a login that is not known");
            let host = agent.host.as_deref().map(|host| format!(" from {host}")).unwrap_or_default();
            let blocked = agent.blocked_by.map(|session| format!(", blocked by session {session}")).unwrap_or_default();
            let wait = agent.wait.as_deref().map(|wait| format!(", waiting for {wait}")).unwrap_or_default();
            details.push(format!("Agent session of {login}{host}, seen {seen} ago{blocked}{wait}."));
        }
        details
    }
}
