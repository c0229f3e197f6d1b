//! A master whose answers are written down: a sound one for each statement, and what a test puts in its place.

use msx_lab::wire::{Backend, Column, Login, Reply, ServerError, Type, Value};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Names, types and values of one row.
pub(crate) type Cells = Vec<(&'static str, Type, Value)>;

/// The result sets of one batch, in the order in which the exporter asks for them.
pub(crate) const SETS: [&str; 10] = [
    "clock",
    "targets",
    "groups",
    "downloads",
    "download_rows",
    "downloaded",
    "agent",
    "operator",
    "jobs",
    "job_targets",
];

/// Those of the batch that follows while a target is silent.
pub(crate) const ARRIVALS: [&str; 5] = ["connected", "arrivals", "master_state", "blockers", "last_probe"];

pub(crate) const SYSNAME: Type = Type::NVarChar(Some(128));
pub(crate) const JOB: [u8; 16] =
    [0x6F, 0x96, 0x19, 0xFF, 0x8B, 0x86, 0x40, 0x11, 0xB4, 0x2D, 0, 0xC0, 0x4F, 0xC9, 0x64, 0xFF];

/// The script. What is set for a name strikes each time until it is taken back.
#[derive(Debug, Default)]
pub(crate) struct Script {
    changed: Mutex<BTreeMap<String, Vec<Reply>>>,
}

impl Script {
    /// Answers these replies in the place of the rows of a set; `closing:NAME` stands for its closing row, `first` for
    /// what comes before everything and `last` for what comes behind.
    pub(crate) fn set(&self, name: &str, replies: Vec<Reply>) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), replies);
    }

    /// Changes one column of the sound row of a set.
    pub(crate) fn cell(&self, set: &str, column: &str, ty: Type, value: Value) {
        let mut cells = sound(set);
        let cell = cells.iter_mut().find(|(name, ..)| *name == column).unwrap_or_else(|| panic!("no column {column}"));
        (cell.1, cell.2) = (ty, value);
        self.set(set, rows(set, &cells));
    }

    /// Everything is sound again.
    pub(crate) fn mend(&self) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn part(&self, name: &str, sound: impl FnOnce() -> Vec<Reply>) -> Vec<Reply> {
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.get(name).cloned().unwrap_or_else(sound)
    }
}

impl Backend for Script {
    fn login(&self, _: &Login, _: &str) -> Result<(), ServerError> {
        Ok(())
    }

    fn batch(&self, _: &Login, sql: &str) -> Vec<Reply> {
        let asked = |name: &&str| sql.contains(&format!("[set:{name}]"));
        let once = ["capabilities", "isolation", "timezone"].into_iter().find(asked);
        if let Some(name) = once {
            return completed(name, sql, self.part(name, || rows(name, &sound(name))));
        }
        let mut sets: Vec<(usize, &str)> = SETS
            .into_iter()
            .chain(ARRIVALS)
            .filter_map(|name| Some((sql.find(&format!("[set:{name}]"))?, name)))
            .collect();
        sets.sort_unstable();
        let mut replies = self.part("first", Vec::new);
        for (_, name) in sets {
            replies.extend(completed(name, sql, self.part(name, || rows(name, &sound(name)))));
            replies.extend(self.part(&format!("closing:{name}"), || closing(name, 0)));
            if replies.last() == Some(&aborted()) {
                replies.pop();
                return replies;
            }
        }
        replies.extend(self.part("last", Vec::new));
        replies
    }
}

/// Put at the end of a set's replies: nothing of the batch follows.
pub(crate) fn aborted() -> Reply {
    Reply::Garbage(Vec::new())
}

/// The description of a set.
pub(crate) fn columns(set: &str, cells: &Cells) -> Reply {
    let marker = Column { name: format!("set:{set}"), ty: Type::TinyInt, nullable: false };
    let others = cells.iter().map(|(name, ty, _)| Column { name: (*name).to_owned(), ty: *ty, nullable: true });
    Reply::Columns(std::iter::once(marker).chain(others).collect())
}

/// One of its rows.
pub(crate) fn row(cells: &Cells) -> Reply {
    Reply::Row(std::iter::once(Value::Int(0)).chain(cells.iter().map(|(.., value)| value.clone())).collect())
}

/// A set with one row.
pub(crate) fn rows(set: &str, cells: &Cells) -> Vec<Reply> {
    vec![columns(set, cells), row(cells), Reply::Done { rows: Some(1) }]
}

/// The row that closes a set.
pub(crate) fn closing(set: &str, error: i64) -> Vec<Reply> {
    let column = |name: &str, ty| Column { name: name.to_owned(), ty, nullable: true };
    vec![
        Reply::Columns([column("closing", Type::NVarChar(Some(32))), column("error", Type::Int)].into()),
        Reply::Row(vec![text(set), Value::Int(error)]),
        Reply::Done { rows: Some(1) },
    ]
}

/// A text.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A wall time, such as `2026-11-22T12:00:00`.
pub(crate) fn wall(text: &str) -> Value {
    Value::DateTime(text.parse().unwrap())
}

/// The replies of a set, with some value in each column that the statement asks for and [`sound`] does not know.
fn completed(set: &str, sql: &str, replies: Vec<Reply>) -> Vec<Reply> {
    let (more, marker) = (unlisted(set, sql), format!("set:{set}"));
    let mut inside = false;
    let complete = |reply| match reply {
        Reply::Columns(columns) => {
            inside = columns.first().is_some_and(|first| first.name == marker);
            let more = more.iter().filter(|_| inside);
            let more = more.map(|(name, ty, _)| Column { name: (*name).to_owned(), ty: *ty, nullable: true });
            Reply::Columns(columns.iter().cloned().chain(more).collect())
        }
        Reply::Row(values) if inside => {
            Reply::Row(values.into_iter().chain(more.iter().map(|(.., value)| value.clone())).collect())
        }
        other => other,
    };
    replies.into_iter().map(complete).collect()
}

/// The columns that the statement of a set asks for and [`sound`] does not know, each with a value of its type.
fn unlisted(set: &str, sql: &str) -> Cells {
    let listed = sound(set);
    let mut cells = Cells::new();
    let statement = sql.split(&format!("[set:{set}],")).nth(1).unwrap_or_default();
    for line in statement.lines().map(str::trim).take_while(|line| !line.starts_with("FROM ")) {
        let Some((cast, name)) = line.trim_end_matches([',', ';']).rsplit_once(" AS ") else { continue };
        if listed.iter().any(|(known, ..)| *known == name) {
            continue;
        }
        let ty = cast.rsplit_once(" AS ").map_or("", |(_, ty)| ty.trim_end_matches(')'));
        let (ty, value) = match ty {
            "tinyint" | "int" | "bigint" => (Type::BigInt, Value::Int(0)),
            "datetime" => (Type::DateTime, wall("2026-11-22T12:00:00")),
            "uniqueidentifier" => (Type::UniqueIdentifier, Value::Guid(JOB)),
            ty if ty.starts_with("nvarchar(") => (SYSNAME, text("")),
            other => panic!("{set}.{name} is of an unknown type: {other}"),
        };
        cells.push((String::leak(name.to_owned()), ty, value));
    }
    cells
}

/// The sound row of a set. The master's clock shows 12:00:00 in a zone one hour east of UTC.
pub(crate) fn sound(set: &str) -> Cells {
    let int = |name, value| (name, Type::Int, Value::Int(value));
    let name = |column, value: &str| (column, SYSNAME, text(value));
    let local = |name, at: &str| (name, Type::DateTime, wall(at));
    let exact = |name, at: &str| (name, Type::DateTime2(3), wall(at));
    match set {
        "capabilities" => {
            let mut cells = vec![
                name("server_name", "MSX01"),
                name("product_version", "16.0.4215.2"),
                name("edition", "Developer Edition (64-bit)"),
                name("auth_scheme", "SQL"),
                name("local_name", "MSX01"),
                name("node", "MSX01"),
                name("local_address", "10.0.0.1"),
                int("local_port", 1433),
                int("msdb_id", 4),
                int("msdb_access", 1),
            ];
            cells.extend(
                [
                    "may_systargetservers",
                    "may_systargetservergroups",
                    "may_systargetservergroupmembers",
                    "may_sysdownloadlist",
                    "may_sysjobs",
                    "may_sysjobservers",
                    "may_sysoperators_name",
                    "may_server_state",
                    "may_server_security_state",
                    "may_server_performance_state",
                ]
                .map(|right| int(right, 1)),
            );
            cells
        }
        "isolation" => vec![("snapshot_isolation_state", Type::TinyInt, Value::Int(1))],
        "timezone" => vec![name("timezone_id", "W. Europe Standard Time")],
        "clock" => vec![
            exact("utc_now", "2026-11-22T11:00:00"),
            exact("local_now", "2026-11-22T12:00:00"),
            int("utc_offset_minutes", 60),
            local("started", "2026-11-01T06:00:00"),
        ],
        "targets" => vec![
            int("server_id", 7),
            name("server_name", "SQL01"),
            ("location", Type::NVarChar(Some(200)), text("Room 1")),
            int("time_zone_adjustment", 60),
            local("enlist_date", "2026-10-01T09:00:00"),
            local("last_poll_date", "2026-11-22T11:59:30"),
            int("status", 1),
            local("local_time_at_last_poll", "2026-11-22T11:59:30"),
            int("poll_interval", 60),
        ],
        "groups" => vec![int("server_id", 7), name("group_name", "PRODUCTION")],
        "downloads" => {
            let mut cells = vec![name("target_server", "SQL01")];
            cells.extend(
                [
                    "pending_insert",
                    "pending_update",
                    "pending_delete",
                    "pending_start",
                    "pending_stop",
                    "pending_re_enlist",
                    "pending_defect",
                    "pending_sync_time",
                    "pending_set_poll",
                    "pending_other",
                ]
                .into_iter()
                .zip([3, 0, 0, 1, 0, 0, 0, 0, 0, 0])
                .map(|(name, count)| int(name, count)),
            );
            cells.push(local("oldest_pending", "2026-11-22T11:58:00"));
            cells.push(int("defect_waiting", 0));
            cells.push(int("other_waiting", 4));
            cells.extend(
                [
                    "errors_proxy_disabled",
                    "errors_proxy_missing",
                    "errors_permission",
                    "errors_object_exists",
                    "errors_subsystem",
                    "errors_version",
                    "errors_other",
                ]
                .map(|name| int(name, 0)),
            );
            cells
        }
        "download_rows" => vec![
            ("table_rows", Type::BigInt, Value::Int(1_234)),
            ("last_number", Type::BigInt, Value::Int(5_678)),
            local("oldest_posted", "2026-11-20T09:00:00"),
        ],
        "downloaded" => vec![
            name("target_server", "SQL01"),
            ("downloaded", Type::BigInt, Value::Int(1_230)),
            local("last_download", "2026-11-22T11:00:00"),
        ],
        "agent" => vec![int("status", 4)],
        "operator" => vec![name("operator_name", "MSXOperator")],
        "jobs" => vec![
            ("job_id", Type::UniqueIdentifier, Value::Guid(JOB)),
            name("job_name", "Nightly backup"),
            ("enabled", Type::TinyInt, Value::Int(1)),
        ],
        "job_targets" => vec![
            ("job_id", Type::UniqueIdentifier, Value::Guid(JOB)),
            int("server_id", 7),
            ("last_run_outcome", Type::TinyInt, Value::Int(1)),
            int("last_run_date", 20_261_122),
            int("last_run_time", 13_000),
            int("last_run_duration", 130),
        ],
        "connected" => vec![
            ("address", Type::NVarChar(Some(48)), text("10.1.0.8")),
            int("agents", 1),
            name("agent_login", "CORP\\sql01"),
            name("agent_host", "SQL01"),
            int("blocked_by", 71),
            ("wait_type", Type::NVarChar(Some(60)), text("LCK_M_X")),
        ],
        "arrivals" => vec![
            ("age_ms", Type::BigInt, Value::Int(30_000)),
            ("up_ms", Type::BigInt, Value::Int(3_600_000)),
            (
                "record",
                Type::NVarChar(Some(3_072)),
                text(
                    "<Record><ConnectivityTraceRecord><RecordType>Error</RecordType><RemoteHost>10.1.0.8</RemoteHost>\
                     <SniConsumerError>18456</SniConsumerError><State>8</State></ConnectivityTraceRecord></Record>",
                ),
            ),
        ],
        "master_state" => vec![
            int("is_read_only", 0),
            ("log_waits_for", Type::NVarChar(Some(60)), text("NOTHING")),
            ("log_used_percent", Type::BigInt, Value::Int(12)),
        ],
        "blockers" => vec![int("session_id", 71), int("waiting", 3)],
        "last_probe" => vec![int("age_seconds", 30)],
        other => panic!("no set {other}"),
    }
}

#[test]
fn a_column_that_is_not_listed_is_answered_by_its_type_in_every_reply_of_its_set() {
    let sql = "SELECT CAST(NULL AS tinyint) AS [set:groups],\n       CAST(g.more AS int) AS more\nFROM dbo.g AS g;";
    let one = sound("groups")[..1].to_vec();
    let replies = completed("groups", sql, [rows("groups", &one), closing("groups", 0)].concat());
    let Reply::Columns(columns) = &replies[0] else { panic!("{replies:?}") };
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["set:groups", "server_id", "more"]);
    assert_eq!(replies[1], Reply::Row(vec![Value::Int(0), Value::Int(7), Value::Int(0)]));
    assert_eq!(replies[3..], closing("groups", 0));
}
