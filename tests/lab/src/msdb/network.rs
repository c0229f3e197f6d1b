//! Who may log in to this master, who tried, and where it listens.

use super::master::Master;
use crate::tsql::world::Now;
use crate::wire::{Login, Value};

/// The role of targets' logins, and its number among the principals.
const TARGETS: (&str, i64) = ("TargetServersRole", 5);
const FIRST_MEMBER: i64 = 20;

/// A socket on which the engine listens.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) address: String,
    pub(crate) port: u16,
    /// Whether it is the listener of an availability group.
    pub(crate) group: bool,
}

/// A login that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) host: String,
    pub(crate) error: u32,
    pub(crate) state: u32,
}

impl Master {
    fn sees_definitions(&self, login: &Login) -> bool {
        self.logins.get(&login.user).is_some_and(|rights| rights.holds("VIEW DEFINITION", self.version))
    }

    pub(crate) fn principal_rows(&self, login: &Login) -> Vec<Vec<Value>> {
        let row = |name: &str, id, kind: &str, desc: &str| {
            vec![text(name), Value::Int(id), text(kind), text(desc), Value::Int(0)]
        };
        let mut rows = vec![
            row("public", 0, "R", "DATABASE_ROLE"),
            row("dbo", 1, "S", "SQL_USER"),
            row("guest", 2, "S", "SQL_USER"),
            row(TARGETS.0, TARGETS.1, "R", "DATABASE_ROLE"),
            row(&login.user, 6, "S", "SQL_USER"),
        ];
        if self.sees_definitions(login) {
            let members = (FIRST_MEMBER..).zip(&self.members);
            rows.extend(
                members.map(|(id, (name, desc))| row(name, id, if desc.ends_with("GROUP") { "G" } else { "U" }, desc)),
            );
        }
        rows
    }

    pub(crate) fn member_rows(&self, login: &Login) -> Vec<Vec<Value>> {
        if !self.sees_definitions(login) {
            return Vec::new();
        }
        (FIRST_MEMBER..).zip(&self.members).map(|(id, _)| vec![Value::Int(TARGETS.1), Value::Int(id)]).collect()
    }

    pub(crate) fn listener_rows(&self) -> Vec<Vec<Value>> {
        let since = self.fleet.local(self.started);
        let row = |(id, listening): (i64, &Listening)| {
            vec![
                Value::Int(id),
                text(&listening.address),
                Value::Int((!listening.address.contains(':')).into()),
                Value::Int(listening.port.into()),
                Value::Int(0),
                text("TSQL"),
                Value::Int(1),
                text("ONLINE"),
                Value::DateTime(since),
            ]
        };
        (1..).zip(&self.listeners).map(row).collect()
    }

    pub(crate) fn group_listener_rows(&self) -> Vec<Vec<Value>> {
        let row = |(id, listening): (u8, &Listening)| {
            let number = text(&format!("00000000-0000-0000-0000-0000000000{id:02}"));
            let port = Value::Int(listening.port.into());
            vec![Value::Guid([id; 16]), number, text("AG1"), port, Value::Int(1), Value::Null]
        };
        (1..).zip(self.listeners.iter().filter(|listening| listening.group)).map(row).collect()
    }

    pub(crate) fn group_address_rows(&self) -> Vec<Vec<Value>> {
        let row = |(id, listening): (u8, &Listening)| {
            let number = text(&format!("00000000-0000-0000-0000-0000000000{id:02}"));
            let mut row = vec![number, text(&listening.address), Value::Null, Value::Int(0)];
            row.extend([Value::Null, Value::Null, Value::Null, Value::Int(1), text("ONLINE")]);
            row
        };
        (1..).zip(self.listeners.iter().filter(|listening| listening.group)).map(row).collect()
    }

    pub(crate) fn node_rows(&self) -> Vec<Vec<Value>> {
        let row =
            |(at, name): (usize, &String)| vec![text(name), Value::Int(0), text("up"), Value::Int((at == 0).into())];
        self.nodes.iter().enumerate().map(row).collect()
    }

    /// The connectivity ring buffer, in the form that records of real servers have: a refused login leaves an Error record
    /// and one with the times of the login, which repeats the error. With a killed session, a connection that broke
    /// before its login, and a record of another buffer in it.
    pub(crate) fn ring_rows(&self, now: Now) -> Vec<Vec<Value>> {
        // Its seconds have no leading zero: 11/3/2016 20:21:8.222.
        let at = self.fleet.local(now.utc).strftime("%-m/%-d/%Y %-H:%-M:%-S.0").to_string();
        let record = |kind: &str, source: &str, error: &str, host: &str, more: &str| {
            format!(
                "<Record id=\"1\" type=\"RING_BUFFER_CONNECTIVITY\" time=\"71125202\"><ConnectivityTraceRecord>\
                 <RecordType>{kind}</RecordType>{source}<Spid>0</Spid>\
                 <SniConnectionId>22BF6970-70C0-4D4D-B347-7FB6EDB9CB36</SniConnectionId>{error}\
                 <RemoteHost>{host}</RemoteHost><RemotePort>60618</RemotePort><LocalHost>10.0.0.1</LocalHost>\
                 <LocalPort>1433</LocalPort><RecordTime>{at}</RecordTime>{more}</ConnectivityTraceRecord>\
                 <Stack><frame id=\"0\">0X00000000021B6CF3</frame></Stack></Record>"
            )
        };
        let buffers = "<TdsBuffersInformation><TdsInputBufferError>0</TdsInputBufferError><TdsOutputBufferError>0\
                       </TdsOutputBufferError><TdsInputBufferBytes>116</TdsInputBufferBytes></TdsBuffersInformation>";
        let login = |host: &str, error: u32, state: u32| {
            let tds = "<RecordSource>Tds</RecordSource>";
            let first = format!(
                "<SniProvider>7</SniProvider><OSError>0</OSError><SniConsumerError>{error}</SniConsumerError>\
                 <State>{state}</State>"
            );
            let timed = format!(
                "<SniConsumerError>{error}</SniConsumerError><SniProvider>7</SniProvider><State>{state}</State>"
            );
            let timers = format!(
                "{buffers}<LoginTimers><TotalLoginTimeInMilliseconds>1</TotalLoginTimeInMilliseconds></LoginTimers>"
            );
            [record("Error", tds, &first, host, ""), record("LoginTimers", "", &timed, host, &timers)]
        };
        let killed = record(
            "ConnectionClose",
            "<RecordSource>Tds</RecordSource>",
            "<SniProvider>4</SniProvider>",
            "&lt;local machine&gt;",
            &format!("{buffers}<TdsDisconnectFlags><SessionIsKilled>1</SessionIsKilled></TdsDisconnectFlags>"),
        );
        let mut records = vec![killed];
        records.extend(login("10.9.9.9", 17830, 105));
        for Refused { host, error, state } in &self.refused {
            let host = host.replace('<', "&lt;").replace('>', "&gt;");
            records.extend(login(&host, *error, *state));
        }
        let other = ("RING_BUFFER_SCHEDULER_MONITOR", "<Record/>".to_owned());
        let connectivity = records.into_iter().map(|record| ("RING_BUFFER_CONNECTIVITY", record));
        let records = std::iter::once(other).chain(connectivity);
        let since = Value::DateTime(self.fleet.local(now.utc));
        let row = |(time, (kind, record)): (i64, (&str, String))| {
            let bytes = Value::Bytes([0; 8].as_slice().into());
            vec![bytes, text(kind), Value::Int(time), text(&record), text(""), since.clone()]
        };
        (71_125_202..).zip(records).map(row).collect()
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
