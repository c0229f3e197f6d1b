//! Possible reasons of a silence in order of likelihood: one table of suspects, with the facts for and against each.

use super::states;
use crate::model::MasterEvidence;
use MasterEvidence::{AgentConnected, BeforeLogin, Connected, NoTrace, Reached, Refused};

/// The number of suspects that are shown.
const MOST: usize = 5;

/// A possible reason, with one next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspect {
    /// Its name.
    pub title: &'static str,
    /// The next step.
    pub step: &'static str,
    /// Whether it is based on an error's state, which is shown only with details.
    pub is_detail: bool,
}

impl Suspect {
    /// The suspect of the newest refusal.
    pub(super) fn of_refusal(refusal: &'static states::Refusal) -> Suspect {
        Suspect { title: refusal.meaning, step: refusal.step, is_detail: true }
    }
}

/// A known fact about a silent target that makes a suspect more or less likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Shows(MasterEvidence),
    NeverPolled,
    Polled,
    /// The certificate that the master presents is signed with its own key.
    SelfSigned,
    /// The certificate has ended.
    CertificateEnded,
    /// The newest refusal is that of a Windows login.
    WindowsLoginRefused,
    /// A session of its Agent is blocked by another session.
    AgentBlocked,
}

struct Row {
    title: &'static str,
    step: &'static str,
    /// Its likelihood without any fact.
    weight: i8,
    /// The weight that each fact adds or takes.
    facts: &'static [(Fact, i8)],
}

/// A suspect with less weight is not shown.
const LEAST: i8 = 1;

const ROWS: &[Row] = &[
    Row {
        title: "SQL Server Agent does not run on the target",
        step: "Look at its service and its start type on the target, on the node that holds the instance.",
        weight: 4,
        facts: &[
            (Fact::Shows(NoTrace), 2),
            (Fact::Shows(Refused), -3),
            (Fact::Shows(BeforeLogin), -3),
            (Fact::Shows(AgentConnected), -9),
        ],
    },
    Row {
        title: "Nothing gets through: a firewall, a route, or the name and port under which the target knows its master",
        step: "On the target, compare MSXServerName with the master's name and port, and connect to that port.",
        weight: 3,
        facts: &[
            (Fact::NeverPolled, 1),
            (Fact::Shows(NoTrace), 2),
            (Fact::Shows(Refused), -9),
            (Fact::Shows(BeforeLogin), -9),
            (Fact::Shows(Reached), -9),
            (Fact::Shows(AgentConnected), -9),
            (Fact::Shows(Connected), -3),
        ],
    },
    Row {
        title: "The target does not trust the certificate of the master",
        step: "Compare MsxEncryptChannelOptions (2 where it is missing) with the certificate and the name in it.",
        weight: 2,
        facts: &[
            (Fact::Shows(BeforeLogin), 4),
            (Fact::Shows(Refused), -2),
            (Fact::Shows(AgentConnected), -9),
            (Fact::SelfSigned, 2),
            (Fact::CertificateEnded, 3),
        ],
    },
    Row {
        title: "The account of the target's Agent gets no ticket for a Windows login",
        step: "Look from the target for a domain controller, at its clock, and at the SPN of the master.",
        weight: 1,
        facts: &[
            (Fact::Shows(BeforeLogin), 3),
            (Fact::WindowsLoginRefused, 4),
            (Fact::Shows(AgentConnected), -9),
            (Fact::Shows(Refused), -1),
        ],
    },
    Row {
        title: "The login of the target's Agent is refused",
        step: "Read the refused logins in the master's ERRORLOG for the address of the target.",
        weight: 2,
        facts: &[(Fact::Shows(Refused), 5), (Fact::Shows(NoTrace), -3), (Fact::Shows(AgentConnected), -9)],
    },
    Row {
        title: "Its session is blocked on the master",
        step: "Look at the session that blocks it in sys.dm_exec_requests on the master.",
        weight: 0,
        facts: &[(Fact::AgentBlocked, 7)],
    },
    Row {
        title: "It polls under another name: it was renamed, or enlisted to another master",
        step: "Compare SELECT @@SERVERNAME on the target with its name here, and MSXServerName with this master.",
        weight: 1,
        facts: &[(Fact::Polled, 1), (Fact::Shows(AgentConnected), 3)],
    },
    Row {
        title: "It is newer than its master",
        step: "Compare SERVERPROPERTY('ProductVersion') on the target with the master's: the master has to be the newest.",
        weight: -1,
        facts: &[(Fact::NeverPolled, 1), (Fact::Shows(AgentConnected), 4)],
    },
    Row {
        title: "It logs in and may not poll",
        step: "Look whether its login, or a group that it is in, is in TargetServersRole of msdb on the master.",
        weight: 1,
        facts: &[(Fact::NeverPolled, 1), (Fact::Shows(AgentConnected), 2), (Fact::Shows(Refused), -3)],
    },
];

/// The suspects for these facts, the likeliest first; those of equal weight in the order of the table.
pub(super) fn suspects(facts: impl IntoIterator<Item = Fact>) -> Vec<Suspect> {
    let facts: Vec<Fact> = facts.into_iter().collect();
    let weight = |row: &Row| {
        let known = row.facts.iter().filter(|(fact, _)| facts.contains(fact));
        known.fold(row.weight, |sum, (_, weight)| sum.saturating_add(*weight))
    };
    let mut weighed: Vec<(i8, &Row)> = ROWS.iter().map(|row| (weight(row), row)).collect();
    weighed.retain(|(weight, _)| *weight >= LEAST);
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let shown = weighed.into_iter().take(MOST);
    shown.map(|(_, row)| Suspect { title: row.title, step: row.step, is_detail: false }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(facts: &[Fact]) -> &'static str {
        suspects(facts.iter().copied()).first().map_or("none", |suspect| suspect.title)
    }

    #[test]
    fn what_the_master_shows_puts_the_likeliest_first() {
        use Fact::{AgentBlocked, CertificateEnded, NeverPolled, Polled, SelfSigned, Shows, WindowsLoginRefused};
        for (facts, begins) in [
            (&[Polled, Shows(NoTrace)][..], "SQL Server Agent does not run"),
            (&[NeverPolled, Shows(NoTrace)], "SQL Server Agent does not run"),
            (&[NeverPolled, Shows(MasterEvidence::Unknown)], "SQL Server Agent does not run"),
            (&[Polled, Shows(NoTrace), CertificateEnded, SelfSigned], "The target does not trust"),
            (&[Polled, Shows(Refused)], "The login of the target's Agent is refused"),
            (&[Polled, Shows(BeforeLogin)], "The target does not trust"),
            (&[Polled, Shows(BeforeLogin), WindowsLoginRefused], "The account of the target's Agent"),
            (&[Polled, Shows(AgentConnected)], "It polls under another name"),
            (&[Polled, Shows(AgentConnected), AgentBlocked], "Its session is blocked"),
        ] {
            assert!(first(facts).starts_with(begins), "{facts:?}: {}", first(facts));
        }
    }

    #[test]
    fn a_connected_agent_has_the_suspects_of_its_cause_in_their_order() {
        use Fact::{AgentBlocked, NeverPolled, Polled, Shows};
        for polled in [Polled, NeverPolled] {
            let found = suspects([polled, Shows(AgentConnected), AgentBlocked]);
            let titles: Vec<&str> = found.iter().map(|suspect| suspect.title).collect();
            let begins =
                ["Its session is blocked", "It polls under another name", "It is newer", "It logs in and may not"];
            assert_eq!(titles.len(), begins.len(), "{titles:?}");
            assert!(titles.iter().zip(begins).all(|(title, begins)| title.starts_with(begins)), "{titles:?}");
        }
    }

    #[test]
    fn what_the_master_saw_clears_the_way() {
        for word in [Refused, BeforeLogin, Reached, AgentConnected] {
            let found = suspects([Fact::NeverPolled, Fact::Shows(word)]);
            assert!(found.iter().all(|suspect| !suspect.title.starts_with("Nothing gets through")), "{word:?}");
            assert!(!found.is_empty() && found.len() <= MOST);
        }
    }
}
