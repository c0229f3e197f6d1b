//! The rows of each table and view, built from the fleet.

use super::fleet::{Instruction, Job};
use super::master::Master;
use super::schema::{TABLES, TableDef};
use crate::tsql::world::{Now, Row};
use crate::wire::{Login, Value};
use jiff::civil::DateTime;
use std::sync::Arc;

impl Master {
    pub(crate) fn rows_of(&self, def: &TableDef, database: &str, login: &Login, now: Now) -> Arc<Vec<Row>> {
        if def.name == "sysdownloadlist" {
            return self.download_rows();
        }
        let rows: Vec<Vec<Value>> = match def.name {
            "systargetservers" => self.target_rows(),
            "systargetservergroups" => {
                (1..).zip(&self.fleet.groups).map(|(id, (name, _))| vec![Value::Int(id), text(name)]).collect()
            }
            "systargetservergroupmembers" => (1..)
                .zip(&self.fleet.groups)
                .flat_map(|(id, (_, members))| members.iter().map(move |server| vec![Value::Int(id), int(*server)]))
                .collect(),
            "sysjobservers" => self.job_server_rows(),
            "sysjobs" => self.fleet.jobs.iter().map(job_row).collect(),
            "syscategories" => vec![
                vec![Value::Int(0), Value::Int(1), Value::Int(1), text("[Uncategorized (Local)]")],
                vec![Value::Int(1), Value::Int(1), Value::Int(1), text("Jobs from MSX")],
                vec![Value::Int(2), Value::Int(1), Value::Int(2), text("[Uncategorized (Multi-Server)]")],
            ],
            "sysoperators" => self.operator_rows(),
            "databases" => self.database_rows(),
            "objects" | "partitions" => self.object_rows(def.name, database, login, now),
            "database_principals" => self.principal_rows(login),
            "database_role_members" => self.member_rows(login),
            "availability_group_listeners" => self.group_listener_rows(),
            "availability_group_listener_ip_addresses" => self.group_address_rows(),
            "dm_os_cluster_nodes" => self.node_rows(),
            "dm_os_ring_buffers" => self.ring_rows(now),
            "dm_server_services" => self.service_rows(now),
            "dm_tcp_listener_states" => self.listener_rows(),
            "dm_exec_connections" => self.connection_rows(login, now),
            "dm_exec_sessions" => self.session_rows(login, now),
            "dm_exec_requests" => self.request_rows(login, now),
            "dm_os_sys_info" => self.system_rows(now),
            "dm_os_performance_counters" => self.counter_rows(),
            "dm_tran_locks" => self.lock_rows(login),
            "dm_exec_procedure_stats" => self.procedure_rows(now),
            _ => Vec::new(),
        };
        let width = def.columns.iter().filter(|c| c.since <= self.version).count();
        let cut = rows.into_iter().map(|mut row| {
            row.truncate(width);
            Row::from(row)
        });
        Arc::new(cut.collect())
    }

    fn target_rows(&self) -> Vec<Vec<Value>> {
        let rows = self.fleet.targets.values().map(|t| {
            vec![
                int(t.id),
                text(&t.name),
                t.location.as_deref().map_or(Value::Null, text),
                int(t.time_zone_adjustment),
                Value::DateTime(t.enlist_date),
                Value::DateTime(t.last_poll_date),
                // Nothing in msdb ever writes another value than the 1 of sp_enlist_tsx.
                Value::Int(1),
                Value::DateTime(t.local_time_at_last_poll),
                text("CORP\\svc_agent"),
                int(t.poll_interval),
            ]
        });
        rows.collect()
    }

    fn download_rows(&self) -> Arc<Vec<Row>> {
        let mut built = super::locked(&self.downloads);
        if let Some((_, rows)) = built.as_ref().filter(|(changed, _)| *changed == self.fleet.downloads_changed) {
            return rows.clone();
        }
        let source: Value = text(&self.server_name);
        let rows = self.fleet.instructions.iter().map(|(id, i)| Row::from(instruction_row(*id, i, &source)));
        let rows = Arc::new(rows.collect::<Vec<Row>>());
        *built = Some((self.fleet.downloads_changed, rows.clone()));
        rows
    }

    fn job_server_rows(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for job in &self.fleet.jobs {
            for (server, outcome) in &job.servers {
                let (date, time) = outcome.ran.map_or((0, 0), agent_date);
                let seconds = i64::from(outcome.seconds);
                let duration = if outcome.ran.is_some() {
                    seconds / 3600 * 10_000 + seconds / 60 % 60 * 100 + seconds % 60
                } else {
                    0
                };
                rows.push(vec![
                    Value::Guid(job.id),
                    int(*server),
                    Value::Int(outcome.outcome.into()),
                    outcome.said().map_or(Value::Null, |said| text(&said)),
                    Value::Int(date),
                    Value::Int(time),
                    Value::Int(duration),
                ]);
            }
        }
        rows
    }

    fn operator_rows(&self) -> Vec<Vec<Value>> {
        if !self.operator {
            return Vec::new();
        }
        let mut row = vec![Value::Int(1), text("MSXOperator"), Value::Int(1), text("dba@corp.example")];
        row.extend([0, 0].map(Value::Int));
        row.push(Value::Null);
        row.extend([0, 0, 90_000, 180_000, 90_000, 180_000, 90_000, 180_000, 0].map(Value::Int));
        row.push(Value::Null);
        row.extend([0, 0, 99].map(Value::Int));
        vec![row]
    }

    fn database_rows(&self) -> Vec<Vec<Value>> {
        let level = match self.version {
            ..=2012 => 110,
            2013..=2014 => 120,
            2015..=2016 => 130,
            2017..=2018 => 140,
            2019..=2021 => 150,
            2022..=2024 => 160,
            _ => 170,
        };
        let started = self.fleet.local(self.started);
        let old: DateTime = DateTime::constant(2003, 4, 8, 9, 13, 36, 390_000_000);
        let mut all = vec![("master", 1, old, 1), ("tempdb", 2, started, 0), ("model", 3, old, 0)];
        if let Some(msdb) = &self.msdb {
            all.push((msdb, if msdb == "msdb" { 4 } else { 5 }, old, i64::from(self.snapshot)));
        }
        let rows = all.into_iter().map(|(name, id, created, snapshot)| {
            let on = if snapshot == 1 { "ON" } else { "OFF" };
            vec![
                text(name),
                Value::Int(id),
                Value::DateTime(created),
                Value::Int(level),
                text("SQL_Latin1_General_CP1_CI_AS"),
                Value::Int((id >= 4 && self.state.read_only).into()),
                Value::Int(0),
                text("ONLINE"),
                Value::Int(snapshot),
                text(on),
                Value::Int(0),
                text(if id >= 4 { &self.state.log_waits_for } else { "NOTHING" }),
            ]
        });
        rows.collect()
    }

    /// `sys.objects` and `sys.partitions` of msdb: only what the login may see at all.
    fn object_rows(&self, view: &str, database: &str, login: &Login, now: Now) -> Vec<Vec<Value>> {
        let Some(rights) = self
            .logins
            .get(&login.user)
            .filter(|_| self.msdb.as_deref().is_some_and(|m| m.eq_ignore_ascii_case(database)))
        else {
            return Vec::new();
        };
        let visible =
            TABLES.iter().filter(|t| t.schema() == "dbo" && !self.missing.contains(t.name) && rights.sees(t.name));
        let rows = visible.map(|t| {
            let id = object_id(t);
            if view == "objects" {
                let created = DateTime::constant(2003, 4, 8, 9, 13, 36, 0);
                return vec![
                    text(t.name),
                    Value::Int(id),
                    Value::Int(1),
                    text("U "),
                    text("USER_TABLE"),
                    Value::DateTime(created),
                ];
            }
            let count = self.rows_of(t, database, login, now).len();
            let hobt = 72_057_594_037_000_000 + id;
            vec![
                Value::Int(hobt),
                Value::Int(id),
                Value::Int(1),
                Value::Int(1),
                Value::Int(hobt),
                Value::Int(i64::try_from(count).unwrap_or(0)),
            ]
        });
        rows.collect()
    }

    fn service_rows(&self, now: Now) -> Vec<Vec<Value>> {
        let binn = r"C:\Program Files\Microsoft SQL Server\MSSQL.MSSQLSERVER\MSSQL\Binn";
        let service = |name: &str, file: &str, running: bool| {
            let (status, desc) = if running { (4, "Running") } else { (1, "Stopped") };
            let since = Value::DateTimeOffset(self.fleet.local(self.started), now.offset);
            let (process, since) = if running { (Value::Int(4321), since) } else { (Value::Null, Value::Null) };
            vec![
                text(name),
                Value::Int(2),
                text("Automatic"),
                Value::Int(status),
                text(desc),
                process,
                since,
                text("CORP\\svc_agent"),
                text(&format!("\"{binn}\\{file}")),
                text("N"),
                Value::Null,
                text("N"),
            ]
        };
        vec![
            service("SQL Server (MSSQLSERVER)", "sqlservr.exe\" -sMSSQLSERVER", true),
            service("SQL Server-Agent (MSSQLSERVER)", "SQLAGENT.EXE\" -i MSSQLSERVER", self.agent_running),
        ]
    }
}

/// A number for `OBJECT_ID`, stable for the life of this table's place in the list.
pub(crate) fn object_id(def: &TableDef) -> i64 {
    let place = TABLES.iter().position(|t| t.name == def.name).unwrap_or(0);
    1_266_103_550 + i64::try_from(place).unwrap_or(0) * 16_000_057
}

fn instruction_row(id: i32, i: &Instruction, source: &Value) -> Vec<Value> {
    let server = matches!(i.operation as u8, 6..);
    vec![
        int(id),
        source.clone(),
        Value::Int((i.operation as u8).into()),
        Value::Int(if server { 2 } else { 1 }),
        Value::Guid(i.object_id),
        text(&i.target_server),
        i.error_message.as_deref().map_or(Value::Null, text),
        Value::DateTime(i.date_posted),
        i.date_downloaded.map_or(Value::Null, Value::DateTime),
        Value::Int(i.status.into()),
        i.deleted_object_name.as_deref().map_or(Value::Null, text),
    ]
}

fn job_row(job: &Job) -> Vec<Value> {
    let mut row = vec![
        Value::Guid(job.id),
        Value::Int(0),
        text(&job.name),
        Value::Int(job.enabled.into()),
        Value::Null,
        Value::Int(1),
    ];
    row.extend([Value::Int(2), Value::Bytes([1].as_slice().into())]);
    row.extend([0; 8].map(Value::Int));
    row.extend([Value::DateTime(job.created), Value::DateTime(job.created), Value::Int(1)]);
    row
}

/// YYYYMMDD and HHMMSS.
fn agent_date(at: DateTime) -> (i64, i64) {
    (
        i64::from(at.year()) * 10_000 + i64::from(at.month()) * 100 + i64::from(at.day()),
        i64::from(at.hour()) * 10_000 + i64::from(at.minute()) * 100 + i64::from(at.second()),
    )
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn int(number: i32) -> Value {
    Value::Int(number.into())
}
