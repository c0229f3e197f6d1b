//! Who arrives at this master: the connectivity ring buffer, the sessions, and the clock of the computer behind them.
//!
//! Records are in the form that records of real servers have; what a real server records of each case is partly unverified,
//! which `FACTS.md` of the exporter says where it does.

use super::master::Master;
use super::network::Refused;
use crate::tsql::world::Now;
use crate::wire::{Login, Value};
use jiff::{SignedDuration, Timestamp};

/// Records that the ring buffer holds.
const CAPACITY: usize = 1_000;
/// The computer had been up for so long when the instance started.
const BOOTED_BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// The first number of a session that is not of whoever looks.
const FIRST_SESSION: i64 = 200;

/// What arrives from one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A login that the server refuses with this error and state. 17806 is followed by 18452.
    Refused(u32, u32),
    /// The same, and a part of the login took nearly all of ten seconds.
    Slow(u32, LoginPart),
    /// A connection that the client resets before its login, after it sent so many bytes.
    Reset(u32),
    /// A connection that the server closes before its login.
    Closed,
    /// The same two as newer versions spell them.
    NewSpelling(u32, u32),
    /// A connection of the server's own to that address, which is refused there.
    Outgoing(u32),
    /// A text that is no record.
    Garbage,
    /// A connection that the client ends in order: nothing is recorded.
    Orderly,
    /// A session of a SQL Server Agent that stays, with its login and the session that blocks it.
    Agent {
        /// The login.
        login: String,
        /// The host that it states.
        host: String,
        /// The session that blocks it; 0 for none.
        blocked_by: i64,
    },
    /// A session of another program that stays.
    Session,
}

/// What a login may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginPart {
    /// A worker thread.
    Worker,
    /// The client's bytes.
    Reads,
    /// A domain controller.
    Ticket,
}

impl LoginPart {
    fn element(self) -> &'static str {
        match self {
            LoginPart::Worker => "LoginTaskEnqueuedInMilliseconds",
            LoginPart::Reads => "NetworkReadsInMilliseconds",
            LoginPart::Ticket => "SspiProcessingInMilliseconds",
        }
    }
}

/// Something that arrives again and again.
#[derive(Debug, Clone)]
pub(crate) struct Arriving {
    pub(crate) host: String,
    pub(crate) since: Timestamp,
    pub(crate) every_seconds: i64,
    pub(crate) what: Arrival,
}

/// A record with the moment of its writing.
type Record = (Timestamp, String);

impl Master {
    /// The connectivity ring buffer with a record of another buffer before it: a killed session of shared memory and a
    /// connection that broke, both old, and what arrived since.
    pub(crate) fn ring_rows(&self, now: Now) -> Vec<Vec<Value>> {
        let early = self.started;
        let mut records = vec![(early, killed()), (early, error("10.9.9.9", 17_830, 105, "early"))];
        records.push((early, timers("10.9.9.9", 17_830, 105, "early", 116)));
        for (place, Refused { host, error, state, at }) in self.refused.iter().enumerate() {
            records.extend(refused(&escaped(host), *error, *state, *at, &format!("R{place}")));
        }
        for (place, arriving) in self.arriving.iter().enumerate() {
            records.extend(self.recorded(arriving, place, now.utc));
        }
        records.retain(|(at, _)| *at >= self.started && *at <= now.utc);
        records.sort_by_key(|(at, _)| *at);
        let cut = records.len().saturating_sub(CAPACITY);
        let created = Value::DateTime(self.fleet.local(now.utc));
        let row = |kind: &str, at: Timestamp, record: &str| {
            let bytes = Value::Bytes([0; 8].as_slice().into());
            vec![bytes, text(kind), Value::Int(self.ticks(at)), text(record), text(""), created.clone()]
        };
        let other = row("RING_BUFFER_SCHEDULER_MONITOR", self.started, "<Record/>");
        let connectivity = records.iter().skip(cut).map(|(at, record)| row("RING_BUFFER_CONNECTIVITY", *at, record));
        std::iter::once(other).chain(connectivity).collect()
    }

    fn recorded(&self, arriving: &Arriving, place: usize, now: Timestamp) -> Vec<Record> {
        let host = escaped(&arriving.host);
        let every = arriving.every_seconds.max(1);
        let first = arriving.since.max(self.started);
        let times = (0..).map_while(|count: i64| {
            let at = arriving.since.checked_add(SignedDuration::from_secs(count.checked_mul(every)?)).ok()?;
            (at <= now).then_some((count, at))
        });
        let mut records = Vec::new();
        for (count, at) in times.filter(|(_, at)| *at >= first) {
            let id = format!("{place:04}-{count:08}");
            match &arriving.what {
                Arrival::Refused(number, state) => records.extend(refused(&host, *number, *state, at, &id)),
                Arrival::Slow(number, part) => {
                    records.push((at, error(&host, *number, 11, &id)));
                    let (element, total) = (part.element(), "<TotalLoginTimeInMilliseconds>");
                    let slow = timers(&host, *number, 11, &id, 104)
                        .replace(&format!("{total}1<"), &format!("{total}10000<"))
                        .replace("</LoginTimers>", &format!("<{element}>9900</{element}></LoginTimers>"));
                    records.push((at, slow));
                }
                Arrival::Reset(bytes) => {
                    records.push((at, error(&host, 17_830, 11, &id)));
                    records.push((at, timers(&host, 17_830, 11, &id, *bytes)));
                }
                Arrival::Closed => records.push((at, closed(&host, &id))),
                Arrival::NewSpelling(number, state) => {
                    records.extend(
                        refused(&host, *number, *state, at, &id).into_iter().map(|(at, record)| (at, renamed(&record))),
                    );
                }
                Arrival::Outgoing(number) => {
                    let record = error(&host, *number, 1, &id);
                    records.push((
                        at,
                        record
                            .replace("</ConnectivityTraceRecord>", "<IsClient>1</IsClient></ConnectivityTraceRecord>"),
                    ));
                }
                Arrival::Garbage => records.push((at, format!("<Record><{}", "x".repeat(4_000)))),
                Arrival::Orderly | Arrival::Agent { .. } | Arrival::Session => {}
            }
        }
        records
    }

    /// Who else than the one who looks is connected, if that one may see it.
    fn others(&self, login: &Login) -> Vec<(i64, &Arriving)> {
        let sees = self.logins.get(&login.user).is_some_and(|rights| {
            let permission = if self.version >= 2022 { "VIEW SERVER PERFORMANCE STATE" } else { "VIEW SERVER STATE" };
            rights.holds(permission, self.version)
        });
        let stay = self.arriving.iter().filter(|one| matches!(one.what, Arrival::Agent { .. } | Arrival::Session));
        (FIRST_SESSION..).zip(stay.filter(|_| sees)).collect()
    }

    pub(crate) fn connection_rows(&self, login: &Login, now: Now) -> Vec<Vec<Value>> {
        let row = |session: i64, encrypted: bool, address: &str| {
            vec![
                Value::Int(session),
                Value::DateTime(self.fleet.local(now.utc)),
                text("TCP"),
                text("TSQL"),
                text(if encrypted { "TRUE" } else { "FALSE" }),
                text("SQL"),
                text(address),
                Value::Int(1433),
            ]
        };
        let mut rows = vec![row(login.session.into(), login.encrypted, &self.state.client)];
        rows.extend(self.others(login).into_iter().map(|(session, one)| row(session, true, &one.host)));
        rows
    }

    pub(crate) fn session_rows(&self, login: &Login, now: Now) -> Vec<Vec<Value>> {
        let since = Value::DateTime(self.fleet.local(now.utc));
        let row = |session: i64, host: &str, program: &str, user: &str| {
            let mut row = vec![Value::Int(session), since.clone(), text(host), text(program), text(user)];
            row.extend([text("sleeping"), Value::Int(1), text(user)]);
            row
        };
        let mut rows = vec![row(login.session.into(), "MONITOR", "msx_exporter", &login.user)];
        rows.extend(self.others(login).into_iter().map(|(session, one)| match &one.what {
            Arrival::Agent { login, host, .. } => row(session, host, "SQLAgent - Generic Refresher", login),
            _ => row(session, "BACKUP", "Backup", "CORP\\backup"),
        }));
        rows
    }

    pub(crate) fn request_rows(&self, login: &Login, now: Now) -> Vec<Vec<Value>> {
        let row = |session: i64, blocked_by: i64| {
            let wait = if blocked_by == 0 { Value::Null } else { text("LCK_M_X") };
            let since = Value::DateTime(self.fleet.local(now.utc));
            let (status, command) = (text(if blocked_by == 0 { "running" } else { "suspended" }), text("EXECUTE"));
            vec![Value::Int(session), since, status, command, Value::Int(blocked_by), wait, Value::Int(0)]
        };
        let mut rows = vec![row(login.session.into(), 0)];
        rows.extend(self.others(login).into_iter().filter_map(|(session, one)| match one.what {
            Arrival::Agent { blocked_by, .. } if blocked_by != 0 => Some(row(session, blocked_by)),
            _ => None,
        }));
        rows.extend(self.state.blocker.map(|blocker| row(blocker + 1, blocker)));
        rows
    }

    pub(crate) fn system_rows(&self, now: Now) -> Vec<Vec<Value>> {
        let (ticks, started) = (self.ticks(now.utc), self.ticks(self.started));
        vec![vec![
            Value::Int(ticks.saturating_mul(2_600_000)),
            Value::Int(ticks),
            Value::Int(started),
            Value::DateTime(self.fleet.local(self.started)),
        ]]
    }

    /// Milliseconds since the computer started.
    fn ticks(&self, at: Timestamp) -> i64 {
        let booted = self.started.checked_sub(BOOTED_BEFORE).unwrap_or(self.started);
        i64::try_from(at.duration_since(booted).as_millis()).unwrap_or(0)
    }
}

fn escaped(host: &str) -> String {
    host.replace('<', "&lt;").replace('>', "&gt;")
}

/// A refused login leaves an Error record and one with the times of the login, which repeats the error.
fn refused(host: &str, number: u32, state: u32, at: Timestamp, id: &str) -> Vec<Record> {
    let mut records = vec![(at, error(host, number, state, id))];
    if number == 17_806 {
        records.push((at, error(host, 18_452, 1, id)));
    }
    records.push((at, timers(host, number, state, id, 250)));
    records
}

fn record(kind: &str, id: &str, source: &str, more: &str, host: &str, tail: &str) -> String {
    format!(
        "<Record id=\"1\" type=\"RING_BUFFER_CONNECTIVITY\" time=\"71125202\"><ConnectivityTraceRecord>\
         <RecordType>{kind}</RecordType>{source}<Spid>0</Spid><SniConnectionId>{id}</SniConnectionId>{more}\
         <RemoteHost>{host}</RemoteHost><RemotePort>60618</RemotePort><LocalHost>10.0.0.1</LocalHost>\
         <LocalPort>1433</LocalPort><RecordTime>11/3/2016 20:21:8.222</RecordTime>{tail}</ConnectivityTraceRecord>\
         <Stack><frame id=\"0\">0X00000000021B6CF3</frame></Stack></Record>"
    )
}

const TDS: &str = "<RecordSource>Tds</RecordSource>";

fn error(host: &str, number: u32, state: u32, id: &str) -> String {
    let more = format!(
        "<SniProvider>7</SniProvider><OSError>0</OSError><SniConsumerError>{number}</SniConsumerError><State>{state}</State>"
    );
    record("Error", id, TDS, &more, host, "")
}

fn buffers(bytes: u32) -> String {
    format!(
        "<TdsBuffersInformation><TdsInputBufferError>0</TdsInputBufferError><TdsOutputBufferError>0\
         </TdsOutputBufferError><TdsInputBufferBytes>{bytes}</TdsInputBufferBytes></TdsBuffersInformation>"
    )
}

fn timers(host: &str, number: u32, state: u32, id: &str, bytes: u32) -> String {
    let more =
        format!("<SniConsumerError>{number}</SniConsumerError><SniProvider>7</SniProvider><State>{state}</State>");
    let tail = format!(
        "{}<LoginTimers><TotalLoginTimeInMilliseconds>1</TotalLoginTimeInMilliseconds></LoginTimers>",
        buffers(bytes)
    );
    record("LoginTimers", id, "", &more, host, &tail)
}

fn killed() -> String {
    let tail = format!("{}<TdsDisconnectFlags><SessionIsKilled>1</SessionIsKilled></TdsDisconnectFlags>", buffers(116));
    record("ConnectionClose", "killed", TDS, "<SniProvider>4</SniProvider>", "&lt;local machine&gt;", &tail)
}

fn closed(host: &str, id: &str) -> String {
    let tail = format!(
        "{}<TdsDisconnectFlags><ErrorFoundBeforeLogin>1</ErrorFoundBeforeLogin><SessionIsKilled>1</SessionIsKilled>\
         </TdsDisconnectFlags>",
        buffers(52)
    );
    record("ConnectionClose", id, TDS, "<SniProvider>7</SniProvider>", host, &tail)
}

/// The elements as newer versions spell them.
fn renamed(record: &str) -> String {
    [
        ("SniConnectionId>", "SniConnId>"),
        ("TdsBuffersInformation>", "TdsBufInfo>"),
        ("TdsInputBufferError>", "InputBufError>"),
        ("TdsOutputBufferError>", "OutputBufError>"),
        ("TdsInputBufferBytes>", "InputBufBytes>"),
        ("<LoginTimers><TotalLoginTimeInMilliseconds>", "<LoginTimersInMilliseconds><TotalTime>"),
        ("</TotalLoginTimeInMilliseconds></LoginTimers>", "</TotalTime></LoginTimersInMilliseconds>"),
    ]
    .iter()
    .fold(record.to_owned(), |record, (old, new)| record.replace(old, new))
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
