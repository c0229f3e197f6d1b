//! How this master stands besides its targets: where it is, what it calls itself, and whether its msdb can be written.

use super::catalog::object_id;
use super::master::Master;
use super::schema;
use crate::tsql::world::Now;
use crate::wire::{Login, Value};
use jiff::SignedDuration;

/// The number of the procedure that every poll runs.
pub(crate) const PROBE_PROCEDURE: (&str, i64) = ("sp_sqlagent_probe_msx", 1_205_579_333);

/// What may be wrong with a master.
#[derive(Debug, Clone)]
pub struct State {
    /// Whether msdb is read-only.
    pub read_only: bool,
    /// `log_reuse_wait_desc` of msdb.
    pub log_waits_for: String,
    /// The counter "Percent Log Used" of msdb.
    pub log_used_percent: i64,
    /// A session that holds a lock on the table of targets, for which one request waits.
    pub blocker: Option<i64>,
    /// Somebody without a row polls so many seconds apart.
    pub unlisted_every: Option<i64>,
    /// `@@SERVERNAME`, where it is not what SERVERPROPERTY says.
    pub local_name: Option<String>,
    /// The computer that it runs on; that of its name where it says nothing else.
    pub node: Option<String>,
    /// Its end of a session.
    pub address: String,
    /// The other end, of whoever looks.
    pub client: String,
    /// The port of that end.
    pub port: u16,
}

impl Default for State {
    fn default() -> State {
        State {
            read_only: false,
            log_waits_for: "NOTHING".to_owned(),
            log_used_percent: 12,
            blocker: None,
            unlisted_every: None,
            local_name: None,
            node: None,
            address: "127.0.0.1".to_owned(),
            client: "127.0.0.1".to_owned(),
            port: 1433,
        }
    }
}

impl Master {
    /// Percentages of the logs; a name is padded to 128 characters there.
    pub(crate) fn counter_rows(&self) -> Vec<Vec<Value>> {
        let row = |counter: &str, instance: &str, value: i64| {
            let padded = |name: &str| text(&format!("{name:<128}"));
            vec![
                padded("SQLServer:Databases"),
                padded(counter),
                padded(instance),
                Value::Int(value),
                Value::Int(65_792),
            ]
        };
        let msdb = self.msdb.as_deref().map(|msdb| row("Percent Log Used", msdb, self.state.log_used_percent));
        let others = [row("Percent Log Used", "_Total", 3), row("Log Truncations", "msdb", 7)];
        others.into_iter().chain(msdb).collect()
    }

    pub(crate) fn lock_rows(&self, login: &Login) -> Vec<Vec<Value>> {
        let row = |session: i64, mode: &str, status: &str| {
            let table = schema::table("dbo", "systargetservers").map_or(0, object_id);
            let mut row = vec![text("OBJECT"), Value::Int(4), Value::Int(table)];
            row.extend([text(mode), text("LOCK"), text(status), Value::Int(session)]);
            row
        };
        let mut rows = vec![row(login.session.into(), "IS", "GRANT")];
        if let Some(session) = self.state.blocker {
            // From 16 processors on, such a lock is held in each partition.
            rows.extend([row(session, "X", "GRANT"), row(session, "X", "GRANT"), row(session + 1, "IX", "WAIT")]);
        }
        rows
    }

    /// The procedure that polls run, while somebody polls.
    pub(crate) fn procedure_rows(&self, now: Now) -> Vec<Vec<Value>> {
        let polled =
            self.fleet.targets.values().filter(|t| t.last_poll_date != t.enlist_date).map(|t| t.last_poll_date);
        let every = self.state.unlisted_every.filter(|every| *every > 0);
        let unlisted = every.and_then(|every| {
            let past = SignedDuration::from_secs(now.utc.as_second().rem_euclid(every));
            now.utc.checked_sub(past).ok().map(|at| self.fleet.local(at))
        });
        let row = |last| {
            let started = Value::DateTime(self.fleet.local(self.started));
            let mut row = vec![Value::Int(4), Value::Int(PROBE_PROCEDURE.1), text("P "), text("SQL_STORED_PROCEDURE")];
            row.extend([started, Value::DateTime(last), Value::Int(4_711)]);
            row
        };
        polled.chain(unlisted).max().map(row).into_iter().collect()
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
