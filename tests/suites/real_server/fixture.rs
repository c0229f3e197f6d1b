//! `tests/sql/fixture.sql` as the stand-in master holds it: the same file fills both.

use jiff::civil::DateTime;
use msx_lab::msdb::schema;
use msx_lab::msdb::{Instruction, Job, Lab, Operation, Outcome, Scenario};
use msx_lab::wire::Type;
use sqlparser::ast::{ColumnOption, CreateTable, Expr, SetExpr, Statement, UnaryOperator, Value};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../sql/fixture.sql");
/// The rows' dates are in one winter; the lab's clock shows the last of them.
const NOW: &str = "2026-01-15T11:00:00Z";
const OPERATIONS: [Operation; 9] = [
    Operation::Insert,
    Operation::Update,
    Operation::Delete,
    Operation::Start,
    Operation::Stop,
    Operation::ReEnlist,
    Operation::Defect,
    Operation::SyncTime,
    Operation::SetPoll,
];

/// One row, by the names of its columns. `None` is NULL.
type Row = BTreeMap<String, Option<String>>;

fn statements(first_word: &str) -> Vec<Statement> {
    let parts = TEXT.split(';').map(|part| match part.find(first_word) {
        Some(at) if part[..at].lines().all(|line| !line.contains("CREATE") && !line.contains("INSERT")) => &part[at..],
        _ => "",
    });
    let parse =
        |part: &str| Parser::parse_sql(&MsSqlDialect {}, part).unwrap_or_else(|error| panic!("{error}: {part}"));
    parts.filter(|part| !part.is_empty()).flat_map(parse).collect()
}

/// Compares the tables that the file creates with those that the lab has.
pub(crate) fn tables_are_documented() -> Result<(), String> {
    let mut count = 0;
    for statement in statements("CREATE TABLE") {
        let Statement::CreateTable(CreateTable { name, columns, .. }) = statement else {
            return Err(format!("no table: {statement}"));
        };
        let name = name.to_string();
        let known = name.strip_prefix("dbo.").and_then(|name| schema::table("dbo", name));
        let known = known.ok_or_else(|| format!("{name} is not documented"))?.columns_in(u16::MAX);
        let created: Vec<String> = columns
            .iter()
            .map(|column| {
                let not_null = column.options.iter().any(|option| option.option == ColumnOption::NotNull);
                format!("{} {} {}", column.name, column.data_type.to_string().to_lowercase(), !not_null)
            })
            .collect();
        let known: Vec<String> = known.iter().map(|c| format!("{} {} {}", c.name, sql(c.ty), c.nullable)).collect();
        if created != known {
            return Err(format!("{name}: {created:?} instead of {known:?}"));
        }
        count += 1;
    }
    if count == 7 { Ok(()) } else { Err(format!("{count} tables")) }
}

fn sql(ty: Type) -> String {
    match ty {
        Type::Int => "int".to_owned(),
        Type::TinyInt => "tinyint".to_owned(),
        Type::DateTime => "datetime".to_owned(),
        Type::UniqueIdentifier => "uniqueidentifier".to_owned(),
        Type::NVarChar(Some(length)) => format!("nvarchar({length})"),
        Type::VarBinary(Some(length)) => format!("varbinary({length})"),
        other => format!("{other:?}"),
    }
}

fn rows(table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for statement in statements(&format!("INSERT INTO dbo.{table} ")) {
        let Statement::Insert(insert) = statement else { panic!("{statement}") };
        let source = insert.source.unwrap();
        let SetExpr::Values(values) = source.body.as_ref() else { panic!("{source}") };
        for row in &values.rows {
            assert_eq!(row.len(), insert.columns.len(), "{table}: {row:?}");
            let cells = insert.columns.iter().map(ToString::to_string).zip(row.iter().map(cell));
            rows.push(cells.collect());
        }
    }
    assert!(!rows.is_empty(), "no rows of {table}");
    rows
}

fn cell(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Null => None,
            Value::NationalStringLiteral(text) | Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.clone()),
            Value::HexStringLiteral(hex) => Some(hex.clone()),
            other => panic!("{other}"),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => cell(expr).map(|number| format!("-{number}")),
        other => panic!("{other}"),
    }
}

fn text(row: &Row, column: &str) -> String {
    row[column].clone().unwrap_or_else(|| panic!("{column} of {row:?}"))
}

fn int(row: &Row, column: &str) -> i32 {
    text(row, column).parse().unwrap()
}

fn time(row: &Row, column: &str) -> DateTime {
    text(row, column).parse().unwrap()
}

fn guid(row: &Row, column: &str) -> [u8; 16] {
    let digits: String = text(row, column).chars().filter(|letter| *letter != '-').collect();
    std::array::from_fn(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap())
}

/// A stand-in master that holds the rows of the file and does not live.
pub(crate) fn lab(year: u16, msdb: &str) -> Lab {
    let lab = Lab::scenario(Scenario::NoTargets).version(year).zone("Europe/Berlin").at(NOW).msdb(Some(msdb));
    lab.with(|fleet, now| {
        for row in rows("systargetservers") {
            let name = text(&row, "server_name");
            let target = fleet.enlist(&name, now).unwrap();
            assert_eq!((target.id, &target.name), (int(&row, "server_id"), &name));
            target.alive = false;
            target.location.clone_from(&row["location"]);
            target.time_zone_adjustment = int(&row, "time_zone_adjustment");
            target.enlist_date = time(&row, "enlist_date");
            target.last_poll_date = time(&row, "last_poll_date");
            target.local_time_at_last_poll = time(&row, "local_time_at_last_poll");
            target.poll_interval = int(&row, "poll_interval");
        }
        for row in rows("systargetservergroups") {
            let id = int(&row, "servergroup_id");
            let members = rows("systargetservergroupmembers");
            let members = members.iter().filter(|member| int(member, "servergroup_id") == id);
            fleet.groups.push((text(&row, "name"), members.map(|member| int(member, "server_id")).collect()));
        }
        for row in rows("sysdownloadlist") {
            let instruction = Instruction {
                operation: OPERATIONS[usize::try_from(int(&row, "operation_code") - 1).unwrap()],
                object_id: guid(&row, "object_id"),
                target_server: text(&row, "target_server"),
                error_message: row["error_message"].clone(),
                date_posted: time(&row, "date_posted"),
                date_downloaded: row["date_downloaded"].as_ref().map(|at| at.parse().unwrap()),
                status: int(&row, "status").try_into().unwrap(),
                deleted_object_name: row["deleted_object_name"].clone(),
            };
            fleet.instructions.insert(int(&row, "instance_id"), instruction);
        }
        fleet.downloads_changed += 1;
        for row in rows("sysjobs") {
            let id = guid(&row, "job_id");
            let servers = rows("sysjobservers");
            let servers = servers.iter().filter(|server| guid(server, "job_id") == id);
            fleet.jobs.push(Job {
                id,
                name: text(&row, "name"),
                enabled: int(&row, "enabled") != 0,
                every: None,
                servers: servers.map(|server| (int(server, "server_id"), outcome(server))).collect(),
                created: time(&row, "date_created"),
            });
        }
    });
    lab
}

fn outcome(row: &Row) -> Outcome {
    let [date, time, took] = ["last_run_date", "last_run_time", "last_run_duration"].map(|column| int(row, column));
    let part = |number: i32, at: i32| i8::try_from(number / at % 100).unwrap();
    let ran = (date != 0).then(|| {
        let year = i16::try_from(date / 10_000).unwrap();
        DateTime::new(year, part(date, 100), part(date, 1), part(time, 10_000), part(time, 100), part(time, 1), 0)
            .unwrap()
    });
    Outcome {
        outcome: int(row, "last_run_outcome").try_into().unwrap(),
        ran,
        seconds: u32::try_from(took / 10_000 * 3_600 + took / 100 % 100 * 60 + took % 100).unwrap(),
        message: row["last_outcome_message"].clone(),
        ..Outcome::default()
    }
}
