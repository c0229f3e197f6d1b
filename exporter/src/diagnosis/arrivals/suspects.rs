//! Why a silent target may be silent, in the order of likelihood: one table of suspects, with what speaks for and against
//! each, and where it is known from.

use super::facts::Fact;
use super::states;
use crate::model::{Cause, MasterEvidence};
use MasterEvidence::{AgentConnected, BeforeLogin, Connected, NoTrace, Reached, Refused};

/// Suspects that are shown.
const MOST: usize = 5;

/// Something that may be the reason, with one thing to do about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspect {
    /// What it is.
    pub title: &'static str,
    /// What to look at.
    pub step: &'static str,
    /// What is known that speaks for it, in words without addresses, logins and states.
    pub speaks_for: Vec<&'static str>,
    /// What is known that speaks against it.
    pub speaks_against: Vec<&'static str>,
    /// The heading of FACTS.md under which the reasons stand.
    pub source: &'static str,
    /// Whether it stands on an error's state, which only pages with details show.
    pub is_detail: bool,
}

impl Suspect {
    /// What speaks for it and what against it, a sentence each where there is anything.
    pub(crate) fn known(&self) -> impl Iterator<Item = String> {
        let says = [("For it", &self.speaks_for), ("Against it", &self.speaks_against)];
        let says = says.into_iter().filter(|(_, words)| !words.is_empty());
        says.map(|(what, words)| format!("{what}: {}.", words.join("; ")))
    }

    /// What the newest refusal suspects.
    pub(super) fn of_refusal(refusal: &'static states::Refusal) -> Suspect {
        let (title, step) = (refusal.meaning, refusal.step);
        Suspect { title, step, source: ARRIVALS, is_detail: true, ..Suspect::default() }
    }

    fn of_cause(cause: Cause) -> Option<Suspect> {
        let (title, step) = (cause.facts().title, cause.facts().next_step);
        cause.explains_silence().then(|| Suspect { title, step, source: BEHAVIOUR, ..Suspect::default() })
    }

    /// Whether it is still possible next to this cause, and does not repeat it.
    fn outlasts(&self, cause: Cause) -> bool {
        let weight = |fact| {
            let row = ROWS.iter().find(|row| row.title == self.title);
            row.and_then(|row| row.facts.iter().find(|(known, _)| *known == fact)).map_or(0, |(_, weight)| *weight)
        };
        match cause {
            // No Agent runs there that could try to poll: what is left is what the master is itself.
            Cause::EngineDown | Cause::AgentStopped => self.source == STATE,
            // What speaks for the same suspect is the cause itself by now.
            Cause::WayClosed => weight(Fact::WayClosed) <= 0,
            Cause::CertificateRefused => weight(Fact::CertificateRefused) <= 0,
            Cause::LoginRefused => weight(Fact::Shows(Refused)) > CONTRADICTED,
            Cause::EndedBeforeLogin => weight(Fact::Shows(BeforeLogin)) > CONTRADICTED,
            Cause::ConnectedNotPolling => weight(Fact::Shows(AgentConnected)) > CONTRADICTED,
            _ => true,
        }
    }
}

/// Puts a proved cause first, unless it is what the master shows, of which the suspects are the reasons. Those that it contradicts
/// or that repeat it go.
pub(super) fn with_cause(mut suspects: Vec<Suspect>, cause: Cause) -> Vec<Suspect> {
    suspects.retain(|suspect| suspect.outlasts(cause));
    if !cause.is_arrival() {
        suspects.splice(..0, Suspect::of_cause(cause));
    }
    suspects
}

struct Row {
    title: &'static str,
    step: &'static str,
    source: &'static str,
    /// How likely it is where nothing is known.
    weight: i8,
    /// What each fact adds or takes.
    facts: &'static [(Fact, i8)],
}

/// Below this nothing speaks for a suspect any more.
const LEAST: i8 = 1;
/// What was seen once makes a suspect less likely by this; at the rhythm of the polls it contradicts it.
const CONTRADICTED: i8 = -2;

const ARRIVALS: &str = "Who arrives at the master";
const BEHAVIOUR: &str = "Behaviour";
const STATE: &str = "What keeps the master from taking polls";
const VERSIONS: &str = "Versions";

const ROWS: &[Row] = &[
    Row {
        title: "msdb of the master is read-only, so no poll can be written",
        step: "Look at sys.databases on the master: is_read_only of msdb, and who set it.",
        source: STATE,
        weight: 0,
        facts: &[(Fact::ReadOnly, 10)],
    },
    Row {
        title: "The log of msdb is full on the master, so no poll can be written",
        step: "Look at log_reuse_wait_desc of msdb in sys.databases, and at the disk of its log.",
        source: STATE,
        weight: 0,
        facts: &[(Fact::LogFull, 9)],
    },
    Row {
        title: "A session on the master holds up all polls",
        step: "Look at the locks on msdb.dbo.systargetservers in sys.dm_tran_locks, and at the session that holds one.",
        source: STATE,
        weight: 0,
        facts: &[(Fact::TableBlocked, 9)],
    },
    Row {
        title: "The master takes strict encryption alone, which no Agent before SQL Server 2025 speaks",
        step: "Look at Force Strict Encryption in the network configuration of the master.",
        source: ARRIVALS,
        weight: 0,
        facts: &[(Fact::StrictAlone, 9), (Fact::OlderTlsServed, -3)],
    },
    Row {
        title: "The master has another computer, address, port or version since its last start",
        step: "Compare MSXServerName on the target, its aliases and its firewall with the master as it is now.",
        source: STATE,
        weight: 0,
        facts: &[
            (Fact::Moved, 5),
            (Fact::NonePolledSinceMove, 3),
            (Fact::Shows(Refused), -3),
            (Fact::Shows(AgentConnected), -9),
        ],
    },
    Row {
        title: "msdb of the master was restored to an earlier time",
        step: "Look at msdb.dbo.restorehistory on the master: what was enlisted after that backup has no row.",
        source: STATE,
        weight: 0,
        facts: &[(Fact::Restored, 6)],
    },
    Row {
        title: "SQL Server Agent does not run on the target",
        step: "Look at its service and its start type on the target, on the node that holds the instance.",
        source: BEHAVIOUR,
        weight: 4,
        facts: &[
            (Fact::AgentStopped, 6),
            (Fact::AgentRuns, -9),
            (Fact::AgentStartsManually, 2),
            (Fact::Shows(NoTrace), 2),
            (Fact::Shows(Refused), -3),
            (Fact::Shows(BeforeLogin), -3),
            (Fact::Shows(AgentConnected), -9),
        ],
    },
    Row {
        title: "Nothing gets through: a firewall, a route, or the name and port under which the target knows its master",
        step: "On the target, compare MSXServerName with the master's name and port, and connect to that port.",
        source: "Ports and protocols",
        weight: 3,
        facts: &[
            (Fact::WayClosed, 6),
            (Fact::WayOpen, -9),
            (Fact::SiblingPolls, -9),
            (Fact::EnlistmentArrived, -1),
            (Fact::Moved, 1),
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
        step: "Compare MsxEncryptChannelOptions (2 where it is missing) with the certificate and the store of the target.",
        source: BEHAVIOUR,
        weight: 2,
        facts: &[
            (Fact::CertificateRefused, 7),
            (Fact::CertificateTrusted, -9),
            (Fact::Shows(BeforeLogin), 4),
            (Fact::Shows(Refused), -2),
            (Fact::Shows(AgentConnected), -9),
            (Fact::SelfSigned, 2),
            (Fact::NewFallback, 3),
            (Fact::NewFallbackSinceEnlistment, 3),
            (Fact::NewCertificate, 5),
            (Fact::NewCertificateSinceEnlistment, 5),
            (Fact::CertificateEnded, 3),
            (Fact::PolledUnderCertificate, -4),
            (Fact::EnlistedUnderCertificate, -1),
            (Fact::SiblingTrusts, -6),
        ],
    },
    Row {
        title: "It encrypts by default since its upgrade, and does not trust the certificate of the master",
        step: "Compare MsxEncryptChannelOptions on the target with the certificate of the master.",
        source: VERSIONS,
        weight: -3,
        facts: &[
            (Fact::UpgradedToMandatory, 6),
            (Fact::SelfSigned, 3),
            (Fact::Shows(Refused), -4),
            (Fact::Shows(AgentConnected), -9),
        ],
    },
    Row {
        title: "The certificate of the master is not for the name under which the target knows it",
        step: "Compare the host in MSXServerName on the target, as it is written, with the names in the certificate.",
        source: BEHAVIOUR,
        weight: -1,
        facts: &[
            (Fact::OtherName, 2),
            (Fact::NewCertificate, 3),
            (Fact::NewCertificateSinceEnlistment, 3),
            (Fact::Shows(BeforeLogin), 2),
            (Fact::Shows(Refused), -3),
            (Fact::Shows(AgentConnected), -9),
            (Fact::PolledUnderCertificate, -4),
            (Fact::EnlistedUnderCertificate, -1),
        ],
    },
    Row {
        title: "The two ends have no version or cipher of TLS in common",
        step: "Compare the versions of TLS that Windows allows on both: an Agent before SQL Server 2025 has none above 1.2.",
        source: ARRIVALS,
        weight: 0,
        facts: &[
            (Fact::Shows(BeforeLogin), 2),
            (Fact::TlsBegan, -3),
            (Fact::OlderTlsServed, -1),
            (Fact::Shows(Refused), -9),
            (Fact::Shows(AgentConnected), -9),
        ],
    },
    Row {
        title: "The account of the target's Agent gets no ticket for a Windows login",
        step: "Look from the target for a domain controller, at its clock, and at the SPN of the master.",
        source: ARRIVALS,
        weight: 1,
        facts: &[
            (Fact::Shows(BeforeLogin), 3),
            (Fact::WindowsLoginRefused, 4),
            (Fact::SlowTicket, 5),
            (Fact::Shows(AgentConnected), -9),
            (Fact::Shows(Refused), -1),
        ],
    },
    Row {
        title: "The login of the target's Agent is refused",
        step: "Read the refused logins in the master's ERRORLOG for the address of the target.",
        source: ARRIVALS,
        weight: 2,
        facts: &[(Fact::Shows(Refused), 5), (Fact::Shows(NoTrace), -3), (Fact::Shows(AgentConnected), -9)],
    },
    Row {
        title: "The master has no worker thread free for logins",
        step: "Look at sys.dm_os_schedulers on the master: work_queue_count above 0, and what its sessions wait for.",
        source: ARRIVALS,
        weight: 0,
        facts: &[(Fact::SlowWorkers, 8), (Fact::Shows(AgentConnected), -9)],
    },
    Row {
        title: "Packets are lost on the way, or a device in between inspects TLS",
        step: "Compare the MTU of both ends and of tunnels between them, and look for a firewall that inspects TLS.",
        source: ARRIVALS,
        weight: 0,
        facts: &[
            (Fact::SlowReads, 7),
            (Fact::Shows(BeforeLogin), 1),
            (Fact::Shows(Refused), -4),
            (Fact::Shows(AgentConnected), -9),
        ],
    },
    Row {
        title: "Its session is blocked on the master",
        step: "Look at the session that blocks it in sys.dm_exec_requests on the master.",
        source: ARRIVALS,
        weight: 0,
        facts: &[(Fact::AgentBlocked, 7)],
    },
    Row {
        title: "It polls under another name: it was renamed, or enlisted to another master",
        step: "Compare SELECT @@SERVERNAME on the target with its name here, and MSXServerName with this master.",
        source: BEHAVIOUR,
        weight: 1,
        facts: &[(Fact::Shows(AgentConnected), 4), (Fact::PolledWithoutRow, 6)],
    },
    Row {
        title: "The master was renamed: @@SERVERNAME is not what SERVERPROPERTY('ServerName') says",
        step: "Compare both with MSXServerName on the target, and with sys.servers on the master.",
        source: STATE,
        weight: 0,
        facts: &[(Fact::Renamed, 3), (Fact::Shows(Refused), -2), (Fact::Shows(AgentConnected), -2)],
    },
    Row {
        title: "It is newer than its master",
        step: "Compare SERVERPROPERTY('ProductVersion') on the target with the master's: the master has to be the newest.",
        source: VERSIONS,
        weight: -1,
        facts: &[
            (Fact::NeverPolled, 1),
            (Fact::Shows(AgentConnected), 4),
            (Fact::Newer, 4),
            (Fact::VersionChanged, 4),
            (Fact::NotNewer, -9),
        ],
    },
    Row {
        title: "It is over two versions older than its master",
        step: "Microsoft supports two versions between them: compare both, and look what changed last.",
        source: VERSIONS,
        weight: -1,
        facts: &[(Fact::MuchOlder, 3), (Fact::Moved, 2), (Fact::Shows(AgentConnected), 1)],
    },
    Row {
        title: "It logs in and may not poll",
        step: "Look whether its login, or a group that it is in, is in TargetServersRole of msdb on the master.",
        source: "Rights",
        weight: 1,
        facts: &[(Fact::Shows(AgentConnected), 2), (Fact::Shows(Refused), -3)],
    },
    Row {
        title: "Its own msdb cannot be written, or its Agent hangs: nothing of that can be seen from here",
        step: "Look on the target at the state and the log of its msdb, and at the log of its Agent by time.",
        source: BEHAVIOUR,
        weight: 1,
        facts: &[
            (Fact::Shows(NoTrace), 1),
            (Fact::Shows(Refused), -3),
            (Fact::Shows(BeforeLogin), -3),
            (Fact::Shows(AgentConnected), -1),
        ],
    },
];

impl Row {
    fn weighed(&'static self, facts: &[Fact]) -> i8 {
        let known = self.facts.iter().filter(|(fact, _)| facts.contains(fact));
        known.fold(self.weight, |sum, (_, weight)| sum.saturating_add(*weight))
    }

    fn suspect(&self, facts: &[Fact]) -> Suspect {
        let known = |speaks: fn(i8) -> bool| {
            let known = self.facts.iter().filter(|(fact, weight)| facts.contains(fact) && speaks(*weight));
            known.map(|(fact, _)| fact.words()).collect()
        };
        let (speaks_for, speaks_against) = (known(|weight| weight > 0), known(|weight| weight < 0));
        let Row { title, step, source, .. } = *self;
        Suspect { title, step, speaks_for, speaks_against, source, is_detail: false }
    }
}

/// The suspects for what is known, the likeliest first; those of equal weight in the order of the table.
pub(super) fn suspects(facts: &[Fact]) -> Vec<Suspect> {
    let mut weighed: Vec<(i8, &Row)> = ROWS.iter().map(|row| (row.weighed(facts), row)).collect();
    weighed.retain(|(weight, _)| *weight >= LEAST);
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    weighed.into_iter().take(MOST).map(|(_, row)| row.suspect(facts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(facts: &[Fact]) -> Vec<&'static str> {
        suspects(facts).into_iter().map(|suspect| suspect.title).collect()
    }

    #[test]
    fn what_is_known_puts_the_likeliest_first() {
        use Fact::*;
        let unknown = Shows(MasterEvidence::Unknown);
        for (facts, begins) in [
            (&[Shows(NoTrace)][..], "SQL Server Agent does not run"),
            (&[NeverPolled, Shows(NoTrace)], "SQL Server Agent does not run"),
            (&[NeverPolled, unknown], "SQL Server Agent does not run"),
            (&[NeverPolled, unknown, EnlistedUnderCertificate, SelfSigned], "SQL Server Agent does not run"),
            // What changed since it was enlisted comes first.
            (&[NeverPolled, unknown, NewFallback, SelfSigned], "The target does not trust"),
            // Another certificate may be of an authority that this target does not know, though others poll.
            (&[Shows(NoTrace), NewCertificate], "The target does not trust"),
            (&[Shows(NoTrace), NewCertificate, SiblingPolls, SiblingTrusts], "SQL Server Agent does not run"),
            (&[NeverPolled, Shows(NoTrace), Moved, NonePolledSinceMove], "The master has another"),
            (&[Shows(NoTrace), CertificateEnded, SelfSigned], "The target does not trust"),
            // Its own polls clear the certificate; those of others never do.
            (&[Shows(NoTrace), SelfSigned, PolledUnderCertificate], "SQL Server Agent does not run"),
            (&[Shows(Refused)], "The login of the target's Agent is refused"),
            (&[Shows(BeforeLogin)], "The target does not trust"),
            (&[Shows(BeforeLogin), PolledUnderCertificate], "The account of the target's Agent"),
            (&[Shows(BeforeLogin), WindowsLoginRefused], "The account of the target's Agent"),
            (&[Shows(BeforeLogin), SlowTicket], "The account of the target's Agent"),
            (&[Shows(BeforeLogin), SlowWorkers], "The master has no worker thread"),
            (&[Shows(BeforeLogin), SlowReads], "Packets are lost"),
            (&[Shows(BeforeLogin), StrictAlone], "The master takes strict encryption alone"),
            (&[Shows(NoTrace), Newer, VersionChanged], "It is newer than its master"),
            (&[unknown, UpgradedToMandatory, VersionChanged, SelfSigned, NotNewer], "It encrypts by default"),
            (&[Shows(NoTrace), ReadOnly, LogFull, TableBlocked], "msdb of the master is read-only"),
            (&[Shows(NoTrace), LogFull], "The log of msdb is full"),
            (&[Shows(NoTrace), TableBlocked], "A session on the master holds up all"),
            (&[unknown, Restored], "msdb of the master was restored"),
            (&[Shows(NoTrace), PolledWithoutRow], "It polls under another name"),
            (&[Shows(AgentConnected)], "It polls under another name"),
            (&[Shows(AgentConnected), Newer, VersionChanged], "It is newer than its master"),
            (&[Shows(AgentConnected), AgentBlocked], "Its session is blocked"),
        ] {
            let found = titles(facts);
            assert!(found.first().is_some_and(|first| first.starts_with(begins)), "{facts:?}: {found:?}");
        }
    }

    #[test]
    fn a_proved_cause_stands_first_and_what_it_contradicts_or_repeats_goes() {
        use Fact::{AgentStopped, CertificateRefused, ReadOnly, Shows, WayClosed, WindowsLoginRefused};
        let (agent, way) = ("SQL Server Agent does not run", "Nothing gets through");
        let (trust, login) = ("The target does not trust", "The login of the target's Agent is refused");
        let read_only = "msdb of the master is read-only";
        for (cause, facts, gone, left) in [
            (Cause::EngineDown, &[Shows(NoTrace), ReadOnly][..], &[agent, way, trust][..], &[read_only][..]),
            (Cause::AgentStopped, &[Shows(NoTrace), AgentStopped, ReadOnly], &[agent, way], &[read_only]),
            (Cause::WayClosed, &[Shows(NoTrace), WayClosed], &[way], &[agent]),
            (Cause::CertificateRefused, &[Shows(NoTrace), CertificateRefused], &[trust], &[]),
            (
                Cause::LoginRefused,
                &[Shows(Refused), WindowsLoginRefused],
                &[agent],
                &[login, "The account of the target's Agent"],
            ),
            (Cause::EndedBeforeLogin, &[Shows(BeforeLogin)], &[agent], &[trust]),
            (Cause::ConnectedNotPolling, &[Shows(AgentConnected)], &[], &["It is newer than its master"]),
            (Cause::Unreachable, &[Shows(NoTrace)], &[], &[agent, way]),
            (Cause::Unresolved, &[Shows(NoTrace)], &[], &[agent]),
            (Cause::DefectPending, &[Shows(NoTrace)], &[], &[agent]),
        ] {
            let found = with_cause(suspects(facts), cause);
            let is_first = (found[0].title, found[0].step) == (cause.facts().title, cause.facts().next_step);
            let is_shown = matches!(facts[0], Shows(Refused | BeforeLogin | AgentConnected));
            assert_eq!(is_first, !is_shown, "{found:?}");
            let has = |begins: &&&str| found.iter().any(|suspect| suspect.title.starts_with(**begins));
            assert_eq!((gone.iter().find(has), left.iter().filter(has).count()), (None, left.len()), "{found:?}");
        }
        for cause in [Cause::NeverPolled, Cause::StoppedPolling, Cause::MasterSide, Cause::Settling] {
            assert_eq!(with_cause(suspects(&[Shows(NoTrace)]), cause), suspects(&[Shows(NoTrace)]), "{cause:?}");
        }
    }

    #[test]
    fn what_its_page_says_counts_for_and_against() {
        use Fact::*;
        for (fact, begins, first) in [
            (AgentStopped, "SQL Server Agent does not run", true),
            (AgentStartsManually, "SQL Server Agent does not run", true),
            (WayClosed, "Nothing gets through", true),
            (CertificateRefused, "The target does not trust", true),
            (AgentRuns, "SQL Server Agent does not run", false),
            (WayOpen, "Nothing gets through", false),
            (CertificateTrusted, "The target does not trust", false),
        ] {
            let found = titles(&[Shows(NoTrace), fact]);
            let is_first = found.first().is_some_and(|title| title.starts_with(begins));
            assert_eq!(is_first, first, "{fact:?}: {found:?}");
            assert!(first || found.iter().all(|title| !title.starts_with(begins)), "{fact:?}: {found:?}");
        }
    }

    #[test]
    fn a_connected_agent_has_the_suspects_of_its_cause_in_their_order() {
        use Fact::{AgentBlocked, NeverPolled, Shows};
        for known in [&[Shows(AgentConnected), AgentBlocked][..], &[NeverPolled, Shows(AgentConnected), AgentBlocked]] {
            let titles = titles(known);
            let begins =
                ["Its session is blocked", "It polls under another name", "It is newer", "It logs in and may not"];
            assert_eq!(titles.len(), begins.len(), "{titles:?}");
            assert!(titles.iter().zip(begins).all(|(title, begins)| title.starts_with(begins)), "{titles:?}");
        }
    }

    #[test]
    fn another_name_is_no_likelier_than_a_stopped_agent_where_nothing_speaks_for_it() {
        for word in [Refused, BeforeLogin, Reached, Connected, NoTrace, MasterEvidence::Unknown] {
            let mut all: Vec<&Row> = ROWS.iter().collect();
            all.sort_by_key(|row| std::cmp::Reverse(row.weighed(&[Fact::Shows(word)])));
            let place = |begins: &str| all.iter().position(|row| row.title.starts_with(begins));
            assert!(place("SQL Server Agent does not run") < place("It polls under another name"), "{word:?}");
        }
    }

    #[test]
    fn what_the_master_saw_clears_the_way() {
        for word in [Refused, BeforeLogin, Reached, AgentConnected] {
            let found = titles(&[Fact::NeverPolled, Fact::Shows(word)]);
            assert!(found.iter().all(|title| !title.starts_with("Nothing gets through")), "{word:?}");
            assert!(!found.is_empty() && found.len() <= MOST);
        }
    }

    #[test]
    fn an_instance_next_to_it_that_polls_clears_the_way_and_with_option_2_the_certificate() {
        let begin = |facts: &[Fact], begins: &str| titles(facts).iter().any(|title| title.starts_with(begins));
        let (shows, way, trust) = (Fact::Shows(NoTrace), "Nothing gets through", "The target does not trust");
        assert!(begin(&[shows, Fact::SelfSigned], way) && begin(&[shows, Fact::SelfSigned], trust));
        let polls = [shows, Fact::SelfSigned, Fact::SiblingPolls];
        assert!(!begin(&polls, way) && begin(&polls, trust));
        assert!(!begin(&[shows, Fact::SelfSigned, Fact::SiblingPolls, Fact::SiblingTrusts], trust));
    }

    #[test]
    fn what_cannot_be_seen_from_here_is_said_where_nothing_was_seen() {
        let found = titles(&[Fact::Shows(NoTrace)]);
        assert!(found.iter().any(|title| title.contains("nothing of that can be seen from here")), "{found:?}");
    }

    #[test]
    fn each_suspect_says_what_speaks_for_it_and_against() {
        let found = suspects(&[Fact::Shows(BeforeLogin), Fact::SelfSigned, Fact::PolledUnderCertificate]);
        let trust = found.iter().find(|suspect| suspect.title.starts_with("The target does not trust"));
        let (says, against) =
            trust.map(|suspect| (suspect.speaks_for.clone(), suspect.speaks_against.clone())).unwrap_or_default();
        assert_eq!(says, ["ends before login", "the certificate of the master is self-signed"]);
        assert_eq!(against, ["it polled under the certificate that the master presents now"]);
        let found = suspects(&[Fact::Shows(NoTrace), Fact::NeverPolled, Fact::EnlistmentArrived]);
        let way = found.iter().find(|suspect| suspect.title.starts_with("Nothing gets through"));
        let against = way.map(|suspect| suspect.speaks_against.clone()).unwrap_or_default();
        assert_eq!(against, ["its enlistment took the same way to the master"]);
    }

    #[test]
    fn each_row_stands_once_has_one_step_and_its_source_is_a_heading_of_the_facts() {
        let facts = include_str!("../../../../FACTS.md");
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(ROWS.iter().position(|other| other.title == row.title), Some(at), "{}", row.title);
            assert!(row.step.ends_with('.') && !row.title.ends_with('.'), "{}", row.title);
            assert!(facts.lines().any(|line| line.strip_prefix("## ") == Some(row.source)), "{}", row.source);
            let reachable = row.facts.iter().filter(|(_, weight)| *weight > 0).map(|(_, weight)| *weight).sum::<i8>();
            assert!(row.weight + reachable >= LEAST, "{} can never be shown", row.title);
        }
    }
}
