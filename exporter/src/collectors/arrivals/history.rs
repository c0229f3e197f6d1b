//! What earlier looks at the ring buffer and at the sessions found, kept within bounds.
//!
//! The ring buffer holds about 1,000 records: on a busy master minutes of them. Looks that overlap join to one history
//! without a gap, so that a run of attempts can be seen that is longer than the ring buffer.

use super::record::RecordKind;
use super::{AgentSession, Arrival, ArrivalRow, ConnectedRow, Sighting};
use crate::model::canonical;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Records that are kept over all looks.
const MOST_RECORDS: usize = 4_000;
/// With as many rows the ring buffer may have lost older ones; its size is documented as 1,000.
const MAY_HAVE_WRAPPED: usize = 900;
/// Addresses that are kept.
const MOST_ADDRESSES: usize = 4_000;
/// Agents of one address that are kept.
const MOST_AGENTS: usize = 256;
/// How long a sighting is kept. The diagnosis asks for less.
const SIGHTING_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Two readings of the start of one instance differ by less.
const SAME_START: SignedDuration = SignedDuration::from_mins(1);

/// When a record was written, counted from the start of the instance, and what tells it from others of that moment.
type Key<'a> = (i64, Option<&'a str>, Option<IpAddr>, RecordKind, Option<u32>);

#[derive(Debug, Default)]
pub(super) struct History {
    started: Option<Timestamp>,
    covered_since: Option<Timestamp>,
    covered_until: Option<Timestamp>,
    /// In the order of their keys. Like the sightings shared with the readings, and copied only to change.
    records: Arc<Vec<Arrival>>,
    sightings: Arc<BTreeMap<IpAddr, Sighting>>,
    connected_at: Option<Timestamp>,
}

impl History {
    pub(super) fn covered(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.covered_since, self.covered_until)
    }

    /// Oldest first.
    pub(super) fn records(&self) -> Arc<Vec<Arrival>> {
        self.records.clone()
    }

    pub(super) fn connected_at(&self) -> Option<Timestamp> {
        self.connected_at
    }

    pub(super) fn sightings(&self) -> Arc<BTreeMap<IpAddr, Sighting>> {
        self.sightings.clone()
    }

    /// Adds what one look at the ring buffer found, by a master that started then.
    pub(super) fn add_records(&mut self, rows: Vec<ArrivalRow>, now: Timestamp, started: Timestamp) {
        if self.started.is_none_or(|before| started.duration_since(before).abs() > SAME_START) {
            // The ring buffer went with the process.
            self.records = Arc::default();
            (self.started, self.covered_since) = (Some(started), None);
        }
        let reach = match rows.len() {
            MAY_HAVE_WRAPPED.. => {
                let oldest = rows.iter().map(|row| row.age_ms).max().unwrap_or(0);
                before(now, oldest).max(started)
            }
            _ => started,
        };
        let joins = self.covered_until.is_some_and(|until| reach <= until);
        if !joins || self.covered_since.is_none() {
            Arc::make_mut(&mut self.records).retain(|record| record.at >= reach);
            self.covered_since = Some(reach);
        }
        self.covered_since = self.covered_since.map(|since| since.min(reach));
        self.covered_until = Some(now);
        let records = Arc::make_mut(&mut self.records);
        records.extend(rows.into_iter().filter_map(|row| arrival(row, now)));
        // What was known comes first among equals and stays: the order of the sort is stable.
        records.sort_by(|one, other| key(one).cmp(&key(other)));
        records.dedup_by(|later, earlier| key(later) == key(earlier));
        let excess = records.len().saturating_sub(MOST_RECORDS);
        if let Some(cut) = records.drain(..excess).next_back() {
            self.covered_since = Some(cut.at);
        }
    }

    /// Adds what one look at the sessions found.
    pub(super) fn add_connected(&mut self, rows: Vec<ConnectedRow>, now: Timestamp) {
        self.connected_at = Some(now);
        let sightings = Arc::make_mut(&mut self.sightings);
        let is_kept = |at| now.duration_since(at) <= SIGHTING_KEPT;
        sightings.retain(|_, sighting| {
            sighting.agents.retain(|agent| is_kept(agent.at));
            is_kept(sighting.at)
        });
        for row in rows {
            let Some(from) = row.address.as_deref().and_then(canonical) else { continue };
            let sighting = sightings.entry(from).or_insert(Sighting { at: now, agents: Vec::new() });
            sighting.at = now;
            if row.agents.is_some_and(|agents| agents > 0) {
                sighting.agents.retain(|agent| (&agent.login, &agent.host) != (&row.login, &row.host));
                let excess = (sighting.agents.len() + 1).saturating_sub(MOST_AGENTS);
                sighting.agents.drain(..excess);
                sighting.agents.push(AgentSession {
                    at: now,
                    login: row.login,
                    host: row.host,
                    blocked_by: row.blocked_by.filter(|session| *session != 0),
                    wait: row.wait,
                });
            }
        }
        let excess = sightings.len().saturating_sub(MOST_ADDRESSES);
        if excess > 0 {
            // Those with an Agent stay longest, then what was seen last.
            let mut least: Vec<_> =
                sightings.iter().map(|(from, seen)| (!seen.agents.is_empty(), seen.at, *from)).collect();
            least.sort_unstable();
            for (.., from) in least.into_iter().take(excess) {
                sightings.remove(&from);
            }
        }
    }
}

fn key(record: &Arrival) -> Key<'_> {
    (record.up_ms, record.connection.as_deref(), record.from, record.kind, record.error)
}

/// What a row says of a connection that came to the master.
fn arrival(row: ArrivalRow, now: Timestamp) -> Option<Arrival> {
    let record = row.record.filter(|record| !record.is_client)?;
    Some(Arrival {
        at: before(now, row.age_ms),
        up_ms: row.up_ms.saturating_sub(row.age_ms),
        connection: record.connection,
        from: record.from,
        kind: record.kind,
        error: record.error,
        state: record.state,
        before_login: record.before_login,
        sent: record.sent,
        timers: record.timers,
    })
}

fn before(now: Timestamp, age_ms: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_millis(age_ms.max(0))).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::record::Record;
    use super::*;
    use crate::fixtures::{NOW, ago};

    /// A refused login so many seconds ago, seen at an instant by a master that started an hour before [`NOW`].
    fn row(seen: Timestamp, seconds: i64, connection: &str) -> ArrivalRow {
        let up_ms = i64::try_from(seen.duration_since(ago(3_600)).as_millis()).unwrap();
        let text = format!(
            "<Record><RecordType>Error</RecordType><SniConnectionId>{connection}</SniConnectionId>\
             <SniConsumerError>18456</SniConsumerError></Record>"
        );
        ArrivalRow { age_ms: seconds * 1_000, up_ms, record: Record::parse(&text) }
    }

    fn many(seen: Timestamp, newest: i64, count: i64) -> Vec<ArrivalRow> {
        (0..count).map(|at| row(seen, newest + at, &format!("{newest}-{at}-{seen}"))).collect()
    }

    #[test]
    fn a_record_that_is_seen_twice_counts_once() {
        let mut history = History::default();
        history.add_records(vec![row(NOW, 30, "A"), row(NOW, 90, "B")], NOW, ago(3_600));
        let later = NOW + SignedDuration::from_secs(60);
        history.add_records(vec![row(later, 90, "A"), row(later, 150, "B"), row(later, 5, "C")], later, ago(3_600));
        let records = history.records();
        let found: Vec<_> = records.iter().filter_map(|record| record.connection.as_deref()).collect();
        assert_eq!(found, ["B", "A", "C"]);
        assert_eq!(history.covered(), (Some(ago(3_600)), Some(later)));
    }

    #[test]
    fn records_of_one_moment_from_two_addresses_are_two() {
        let nameless = |host: &str| {
            let text = format!("<Record><RecordType>Error</RecordType><RemoteHost>{host}</RemoteHost></Record>");
            ArrivalRow { record: Record::parse(&text), ..row(NOW, 30, "") }
        };
        let mut history = History::default();
        history.add_records(["10.1.0.8", "10.1.0.9", "10.1.0.8"].map(nameless).into(), NOW, ago(3_600));
        assert_eq!(history.records().len(), 2);
    }

    #[test]
    fn a_full_ring_buffer_reaches_to_its_oldest_record_and_looks_that_overlap_join() {
        let mut history = History::default();
        history.add_records(many(NOW, 0, 900), NOW, ago(3_600));
        assert_eq!(history.covered().0, Some(ago(899)));
        let later = NOW + SignedDuration::from_secs(300);
        history.add_records(many(later, 0, 900), later, ago(3_600));
        assert_eq!(history.covered().0, Some(ago(899)), "no gap between them");
        let late = NOW + SignedDuration::from_secs(10_000);
        history.add_records(many(late, 0, 900), late, ago(3_600));
        assert_eq!(history.covered().0, Some(late - SignedDuration::from_secs(899)), "what lies before a gap is gone");
        assert_eq!(history.records().len(), 900);
    }

    #[test]
    fn a_restart_forgets_and_an_empty_buffer_reaches_back_to_it() {
        let mut history = History::default();
        history.add_records(vec![row(NOW, 30, "A")], NOW, ago(3_600));
        history.add_records(Vec::new(), NOW, ago(10));
        assert_eq!((history.records().len(), history.covered().0), (0, Some(ago(10))));
    }

    #[test]
    fn records_are_bounded_and_what_is_cut_off_is_said() {
        let mut history = History::default();
        for look in 0..6 {
            let seen = NOW + SignedDuration::from_secs(look * 800);
            history.add_records(many(seen, 0, 1_000), seen, ago(3_600));
        }
        let records = history.records();
        assert_eq!(records.len(), MOST_RECORDS);
        assert!(history.covered().0.unwrap() <= records[0].at);
        assert!(history.covered().0.unwrap() > ago(0));
    }

    #[test]
    fn of_too_many_addresses_those_with_an_agent_and_the_newest_are_kept() {
        let seen = |net: u8, host: usize, agents| ConnectedRow {
            address: Some(format!("10.{net}.{}.{}", host / 250, host % 250)),
            agents: Some(agents),
            login: None,
            host: None,
            blocked_by: None,
            wait: None,
        };
        let mut history = History::default();
        let old = (0..MOST_ADDRESSES).map(|host| seen(1, host, i64::from(host == 7)));
        history.add_connected(old.collect(), ago(60));
        history.add_connected((0..100).map(|host| seen(2, host, 0)).collect(), NOW);
        let kept = history.sightings();
        assert_eq!(kept.len(), MOST_ADDRESSES);
        assert!(kept.values().any(|sighting| !sighting.agents.is_empty()), "the Agent stays");
        assert_eq!(kept.values().filter(|sighting| sighting.at == NOW).count(), 100);
    }

    #[test]
    fn a_thousand_agents_that_state_one_address_are_bounded_and_the_newest_stay() {
        let row = |number: usize| ConnectedRow {
            address: Some("10.1.0.8".to_owned()),
            agents: Some(1),
            login: Some(format!("CORP\\{number}")),
            host: None,
            blocked_by: None,
            wait: None,
        };
        let mut history = History::default();
        history.add_connected((0..1_000).map(row).collect(), NOW);
        let kept = history.sightings();
        let agents: Vec<_> =
            kept.values().flat_map(|seen| &seen.agents).filter_map(|agent| agent.login.clone()).collect();
        assert_eq!((agents.len(), agents.last().map(String::as_str)), (MOST_AGENTS, Some("CORP\\999")));
    }

    #[test]
    fn the_last_agent_of_an_address_is_kept_while_others_come_and_go() {
        let seen = |address: &str, agents| ConnectedRow {
            address: Some(address.to_owned()),
            agents: Some(agents),
            login: (agents > 0).then(|| "CORP\\agent".to_owned()),
            host: None,
            blocked_by: None,
            wait: None,
        };
        let mut history = History::default();
        history.add_connected(vec![seen("10.1.0.8", 1), seen("<local machine>", 1)], ago(60));
        history.add_connected(vec![seen("::ffff:10.1.0.8", 0)], NOW);
        let all = history.sightings();
        assert_eq!(all.len(), 1);
        let seen = &all[&canonical("10.1.0.8").unwrap()];
        assert_eq!((seen.at, seen.agents[0].at), (NOW, ago(60)));
        history.add_connected(Vec::new(), NOW + SignedDuration::from_hours(25));
        assert!(history.sightings().is_empty());
    }
}
