//! What to know of a silent target, in the order in which it is needed at night. Pages, JSON and the doctor show the same.

use super::batches::{Batch, Values, batches};
use super::history::AROUND;
use super::target::{Enlisted, elapsed};
use super::{MasterClock, MasterFleet, Target};
use crate::model::figures::{ago, count, readable_instant, span};
use crate::model::{DEFAULT_PORT, ServerName};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Targets that are named in one sentence.
const MOST_NAMED: usize = 5;

/// What is known of a silent target besides its evidence and its suspects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Briefing {
    /// Since when, what else happened, who else, and what it costs.
    pub situation: Vec<Remark>,
    /// How far the evidence of the master reaches, and how old it is. `None` where there is none.
    pub reach: Option<String>,
    /// What to paste on the master and on the target.
    pub batches: [Batch; 3],
    /// Who enlisted it, and its row of the firewall request.
    pub background: Vec<Remark>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// A word or two.
    pub topic: &'static str,
    /// Complete sentences.
    pub text: String,
    /// The targets that the text counts and does not name.
    pub unnamed: Vec<String>,
}

/// A silent target among its fleet.
struct Silent<'a> {
    fleet: &'a MasterFleet,
    clock: &'a MasterClock,
    target: &'a Target,
    row: &'a Enlisted,
    details: bool,
}

impl Briefing {
    /// What is known of a target. `None` while it is not silent. Addresses, logins and who enlisted it stand in it only
    /// with `details`.
    pub(crate) fn of(fleet: &MasterFleet, target: &Target, details: bool) -> Option<Briefing> {
        let (clock, row) = (fleet.master.as_ref()?, target.enlisted.as_ref()?);
        row.is_stale(clock.now).then(|| Silent { fleet, clock, target, row, details }.briefing())
    }
}

impl Silent<'_> {
    fn briefing(&self) -> Briefing {
        let remark = |topic, text| Remark { topic, text, unnamed: Vec::new() };
        let situation = vec![
            remark("Silent since", self.since()),
            self.around("At that time"),
            self.others("Alone or together"),
            remark("Impact", self.impact()),
        ];
        let enlisted_by = self.row.enlisted_by.clone().filter(|by| self.details && !by.is_empty());
        let mut background: Vec<Remark> = enlisted_by.map(|by| remark("Enlisted by", by)).into_iter().collect();
        background.push(remark("Firewall", self.way()));
        let values = Values {
            target: &self.target.name,
            master: self.fleet.server.as_ref().map(|server| server.name.as_str()),
            addresses: self.addresses(),
            silent: elapsed(self.clock.now, self.row.last_poll),
            poll_interval: self.row.poll_interval,
        };
        Briefing { situation, reach: self.reach(), batches: batches(values), background }
    }

    fn since(&self) -> String {
        let at = self.row.last_poll;
        let when = format!("{}, at {}", ago(self.clock.now, at), readable_instant(at));
        if self.row.polled {
            format!("Its last poll was {when}. It polls every {}.", span(self.row.poll_interval))
        } else {
            format!(
                "It was enlisted {when}, and has not polled once. It would poll every {}.",
                span(self.row.poll_interval)
            )
        }
    }

    /// Whether an instant lies close to the last poll, or to the one that did not come.
    fn is_around(&self, at: Timestamp) -> bool {
        let from = self.row.last_poll.saturating_sub(AROUND);
        let to = self.row.last_poll.saturating_add(self.row.poll_interval).and_then(|due| due.saturating_add(AROUND));
        from.is_ok_and(|from| from <= at) && to.is_ok_and(|to| at <= to)
    }

    fn around(&self, topic: &'static str) -> Remark {
        let (mut changes, mut unnamed) = (Vec::new(), Vec::new());
        if self.is_around(self.clock.started) {
            changes.push(format!("the master started at {}", readable_instant(self.clock.started)));
        }
        let fell =
            self.rows().filter(|(_, row)| row.is_stale(self.clock.now) && row.polled && self.is_around(row.last_poll));
        let fell = named(fell.map(|(name, _)| name), &mut unnamed);
        changes.extend(fell.map(|names| format!("the last poll of {names}")));
        let came = self.rows().filter(|(_, row)| self.is_around(row.enlisted_at));
        let came = named(came.map(|(name, _)| name), &mut unnamed);
        changes.extend(came.map(|names| format!("the enlistment of {names}")));
        let unwatched = self.watched_since().filter(|since| *since > self.row.last_poll);
        let unwatched = unwatched
            .map(readable_instant)
            .map(|since| format!("this exporter first read the master at {since} by the master's clock, after that."));
        let changes = changes.join("; ");
        let text = match (changes.is_empty(), unwatched) {
            (true, None) => "Nothing else that is seen from here changed within 5 minutes of it.".to_owned(),
            (true, Some(unwatched)) => format!("Not known: {unwatched}"),
            (false, None) => format!("Within 5 minutes of it: {changes}."),
            (false, Some(unwatched)) => {
                format!("Within 5 minutes of it: {changes}. What else changed is not known: {unwatched}")
            }
        };
        Remark { topic, text, unnamed }
    }

    /// When the first reading began, by the master's clock: what changed before is not known.
    fn watched_since(&self) -> Option<Timestamp> {
        let ahead = self.fleet.began.duration_since(self.clock.now);
        self.fleet.history.since()?.checked_sub(ahead).ok()
    }

    fn others(&self, topic: &'static str) -> Remark {
        let mut unnamed = Vec::new();
        let (silent, polling): (Vec<_>, Vec<_>) = self.rows().partition(|(_, row)| row.is_stale(self.clock.now));
        let polling = format!("{} of {} others poll", polling.len(), polling.len() + silent.len());
        let text = match named(silent.iter().map(|(name, _)| *name), &mut unnamed) {
            None if self.rows().next().is_none() => "It is the only target.".to_owned(),
            None => format!("Alone: {polling}."),
            Some(names) => {
                format!("Silent as well: {names}; {polling}.{}{}", self.silent_groups(), self.silent_subnets())
            }
        };
        Remark { topic, text, unnamed }
    }

    /// The groups of this target in which all are silent, where there is more than this one.
    fn silent_groups(&self) -> String {
        let is_silent = |group: &&String| {
            let members: Vec<&Enlisted> =
                self.rows().map(|(_, row)| row).filter(|row| row.groups.contains(*group)).collect();
            !members.is_empty() && members.iter().all(|row| row.is_stale(self.clock.now))
        };
        let groups: Vec<&str> = self.row.groups.iter().filter(is_silent).map(String::as_str).collect();
        sentence(" Groups in which all are silent: ", &groups)
    }

    /// The subnets of this target in which all are silent, where there is more than this one.
    fn silent_subnets(&self) -> String {
        let known = &self.fleet.port_results.addresses;
        let of = |name: &str| known.get(name).into_iter().flatten().map(subnet).collect::<BTreeSet<String>>();
        let own = if self.details { of(&self.target.name) } else { BTreeSet::new() };
        let is_silent = |subnet: &&String| {
            let mut members = self.rows().filter(|(name, _)| of(name).contains(*subnet)).peekable();
            members.peek().is_some() && members.all(|(_, row)| row.is_stale(self.clock.now))
        };
        let subnets: Vec<&str> = own.iter().filter(is_silent).map(String::as_str).collect();
        sentence(" Subnets in which all are silent: ", &subnets)
    }

    fn impact(&self) -> String {
        let jobs = if self.row.polled {
            "Jobs that it downloaded go on if its Agent runs, changes of them do not arrive, and their outcomes here are as of \
             its last poll."
        } else {
            "It has none of its jobs yet."
        };
        let waits = match &self.row.downloads {
            None => "The download list was not read.".to_owned(),
            Some(list) => match (list.waiting.pending_total(), list.waiting.oldest_pending) {
                (0, _) => "No instruction waits for it.".to_owned(),
                (waiting, Some(oldest)) => {
                    format!(
                        "{} not downloaded, the oldest posted {}.",
                        count(waiting, "instruction"),
                        ago(self.clock.now, oldest)
                    )
                }
                (waiting, None) => format!("{} not downloaded.", count(waiting, "instruction")),
            },
        };
        format!("{jobs} {waits}")
    }

    fn reach(&self) -> Option<String> {
        let (since, looked_at) = self.target.trace.as_ref()?.reach?;
        Some(format!(
            "The master remembers refused and broken connections of the last {}; that memory was read {}.",
            span(elapsed(looked_at, since)),
            ago(self.clock.now, looked_at)
        ))
    }

    fn way(&self) -> String {
        let server = self.fleet.server.as_ref();
        let master = server.map_or("the master", |server| server.name.as_str());
        let is_default = server.is_some() && ServerName::of(master).instance.is_none();
        let port = server.and_then(|server| server.place.port).or(is_default.then_some(i64::from(DEFAULT_PORT)));
        let port = port.map(|port| format!(" {port}")).unwrap_or_default();
        let from: Vec<String> = self.addresses().iter().map(ToString::to_string).collect();
        let from = if from.is_empty() { String::new() } else { format!(" ({})", from.join(", ")) };
        let named = ServerName::of(master).instance.map(|_| ", and UDP 1434 unless an alias on it has the port");
        format!(
            "It needs TCP{port} from {}{from} to the engine of {master}{}, opened by the target. Polling needs nothing the other way. \
             msx_exporter doctor writes the request.",
            ServerName::of(&self.target.name).host,
            named.unwrap_or_default()
        )
    }

    /// Where this may be shown.
    fn addresses(&self) -> &[IpAddr] {
        self.target.trace.as_ref().filter(|_| self.details).map_or(&[], |trace| trace.addresses.as_slice())
    }

    /// The other enlisted targets.
    fn rows(&self) -> impl Iterator<Item = (&str, &Enlisted)> {
        let others = self.fleet.targets.iter().filter(|other| other.name != self.target.name);
        others.filter_map(|other| Some((other.name.as_str(), other.enlisted.as_ref()?)))
    }
}

/// The network that most sites give to one place: 24 bits of an IPv4 address, 64 of an IPv6 address.
fn subnet(address: &IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("{}/24", Ipv4Addr::from_bits(address.to_bits() & !0xff)),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// A sentence that names all; empty for none.
fn sentence(head: &str, names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("{head}{}.", names.join(", ")) }
}

/// A few names, and how many there are besides, which are added to the unnamed. `None` of none.
fn named<'a>(names: impl Iterator<Item = &'a str>, unnamed: &mut Vec<String>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let (few, others) = names.split_at(names.len().min(MOST_NAMED));
    unnamed.extend(others.iter().map(|name| (*name).to_owned()));
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    (!few.is_empty()).then(|| few.join(", ") + &more)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::diagnosis::history::History;
    use crate::fixtures::{NOW, ago as before, full, target};

    fn briefing(fleet: &MasterFleet, details: bool) -> Briefing {
        let target = fleet.targets.iter().find(|target| target.name == "SQL02").unwrap();
        Briefing::of(fleet, target, details).unwrap()
    }

    fn remark(briefing: &Briefing, topic: &str) -> String {
        let mut all = briefing.situation.iter().chain(&briefing.background);
        all.find(|remark| remark.topic == topic).map(|remark| remark.text.clone()).unwrap_or_default()
    }

    #[test]
    fn a_target_that_polls_needs_none() {
        let fleet = full();
        let with: Vec<&str> = fleet
            .targets
            .iter()
            .filter(|target| Briefing::of(&fleet, target, true).is_some())
            .map(|target| target.name.as_str())
            .collect();
        assert_eq!(with, ["SQL02", "SQL<03>"]);
    }

    #[test]
    fn what_happened_around_the_last_poll_is_named() {
        let mut fleet = full();
        assert_eq!(
            remark(&briefing(&fleet, false), "At that time"),
            "Nothing else that is seen from here changed within 5 minutes of it."
        );
        // Its last poll was 7,200 s ago and the next was due a minute later: what counts lies from 7,500 to 6,840 s ago.
        for (seconds, counts) in [(7_501, false), (7_500, true), (6_840, true), (6_839, false)] {
            if let Some(clock) = &mut fleet.master {
                clock.started = before(seconds);
            }
            let said = remark(&briefing(&fleet, false), "At that time");
            assert_eq!(
                said.starts_with("Within 5 minutes of it: the master started at 2025-11-24"),
                counts,
                "{seconds}: {said}"
            );
        }
        for (name, seconds) in [("A", 7_100), ("B", 7_000)] {
            let mut other = target(name);
            other.enlisted.as_mut().unwrap().row_mut().last_poll = before(seconds);
            fleet.targets.push(other);
        }
        assert_eq!(remark(&briefing(&fleet, false), "At that time"), "Within 5 minutes of it: the last poll of A, B.");
        assert_eq!(
            remark(&briefing(&fleet, false), "Alone or together"),
            "Silent as well: SQL<03>, A, B; 2 of 5 others poll."
        );
    }

    #[test]
    fn of_a_time_before_the_first_reading_nothing_is_claimed() {
        // The first reading began so long ago by this computer's clock, which is 100 s ahead of the master's.
        for (seconds, watched) in [(7_200 - 100, true), (7_199 - 100, false)] {
            let mut fleet = full();
            fleet.began = before(-100);
            History::begin(&mut fleet.history, before(seconds));
            let said = remark(&briefing(&fleet, false), "At that time");
            assert_eq!(said.starts_with("Nothing else that is seen"), watched, "{said}");
            assert!(
                watched || said.starts_with("Not known: this exporter first read the master at 2025-11-24"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_subnet_in_which_all_are_silent_is_named_with_details() {
        let said = |polls_there: bool, details| {
            let mut fleet = full();
            let at = |last: u8| vec![IpAddr::from([10, 1, 2, last])];
            let known =
                [("SQL02", at(3)), ("SQL<03>", at(4)), ("SQL04", at(5))].into_iter().take(2 + usize::from(polls_there));
            let mut port_results = crate::probe::PortResults::clone(&fleet.port_results);
            port_results.addresses = known.map(|(name, addresses)| (name.to_owned(), addresses)).collect();
            fleet.port_results = port_results.into();
            remark(&briefing(&fleet, details), "Alone or together").contains("all are silent: 10.1.2.0/24.")
        };
        assert!(said(false, true) && !said(false, false) && !said(true, true));
        assert_eq!(subnet(&"fd00:1:2:3:4::5".parse().unwrap()), "fd00:1:2:3::/64");
    }

    #[test]
    fn addresses_and_who_enlisted_it_stand_in_it_with_details_alone() {
        let fleet = full();
        let (shut, open) = (briefing(&fleet, false), briefing(&fleet, true));
        let hidden = |briefing: &Briefing| {
            format!("{briefing:?}").contains("10.1.2.3") || format!("{briefing:?}").contains("anna")
        };
        assert!(!hidden(&shut));
        assert_eq!(remark(&open, "Enlisted by"), "CORP\\anna");
        assert!(open.batches[0].text.contains("N'CLIENT: 10.1.2.3]'"), "{}", open.batches[0].text);
        let firewall = |name: &str, port| {
            let mut fleet = full();
            fleet.server.iter_mut().for_each(|server| {
                server.name = name.to_owned();
                server.place.port = port;
            });
            remark(&briefing(&fleet, true), "Firewall")
        };
        for (name, port, said) in [("MSX01", None, " 1433"), ("MSX01", Some(14_330), " 14330"), (r"MSX01\HQ", None, "")]
        {
            let begins = format!("It needs TCP{said} from SQL02 (10.1.2.3) to the engine of {name}, ");
            assert!(firewall(name, port).starts_with(&begins), "{}", firewall(name, port));
        }
        assert_eq!(
            open.reach.unwrap(),
            "The master remembers refused and broken connections of the last 2 h 29 min; that memory was read 22 s ago."
        );
        assert_eq!(fleet.master.map(|clock| clock.now), Some(NOW));
    }

    #[test]
    fn of_many_names_a_few_are_named() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        for (count, said, others) in [
            (0, None, &[][..]),
            (1, Some("a"), &[]),
            (5, Some("a, b, c, d, e"), &[]),
            (7, Some("a, b, c, d, e and 2 more"), &["f", "g"]),
        ] {
            let mut unnamed = Vec::new();
            assert_eq!(named(names[..count].iter().copied(), &mut unnamed).as_deref(), said);
            assert_eq!(unnamed, others);
        }
    }
}
