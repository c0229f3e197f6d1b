//! A backend that shows every type and every kind of answer. The lab's own tests and the foreign clients of
//! `tests/clients` look at the same exhibits.

#![allow(clippy::panic)]

use jiff::civil::{DateTime, date, datetime};
use msx_lab::wire::{Backend, Column, Login, Reply, ServerError, Type, Value};
use std::time::Duration;

pub(crate) const USER: &str = "sa";
/// Letters outside of ASCII and a quote, because a password is sent veiled and in UTF-16.
pub(crate) const PASSWORD: &str = "Gehei§m'1";

/// What is shown.
#[derive(Debug)]
pub(crate) struct Exhibit;

impl Backend for Exhibit {
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError> {
        if login.user == USER && password == PASSWORD {
            return Ok(());
        }
        Err(ServerError::new(18_456, 14, format!("Login failed for user '{}'.", login.user)))
    }

    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply> {
        let sql = sql.trim();
        match sql.split_once(' ').unwrap_or((sql, "")) {
            ("types", "") => types(),
            ("sets", "") => sets(),
            ("denied", "") => denied(),
            ("rows", count) => rows(count.parse().unwrap_or(0)),
            ("nulls", "") => one("n", Type::Int, Value::Null),
            ("session", "") => session(login),
            ("echo", text) => one("echo", Type::NVarChar(None), Value::Text(text.into())),
            ("wait", "") => [rows(3), vec![Reply::Wait(Duration::from_secs(300))], rows(3)].concat(),
            ("drip", "") => {
                let drip = Reply::Drip { bytes: 1, pause: Duration::from_millis(100) };
                [vec![drip], rows(5000)].concat()
            }
            ("cut", bytes) => [vec![Reply::CutAfter(bytes.parse().unwrap_or(0))], rows(100)].concat(),
            ("close", "") => vec![Reply::Close],
            ("reset", "") => vec![Reply::Reset],
            ("garbage", "") => vec![Reply::Garbage(vec![0x42; 40])],
            ("fatal", "") => vec![Reply::Error(ServerError::new(596, 21, "The session is in the kill state."))],
            ("misfit", "") => one("n", Type::TinyInt, Value::Int(256)),
            ("panic", "") => std::panic::panic_any("as asked"),
            // What clients send of their own accord after the login.
            ("set" | "SET" | "use" | "IF" | "BEGIN" | "begin" | "COMMIT" | "ROLLBACK", _) => {
                vec![Reply::Done { rows: None }]
            }
            (first, _) => {
                let text = format!("Incorrect syntax near '{first}'.");
                vec![Reply::Error(ServerError::new(102, 15, text)), Reply::Done { rows: None }]
            }
        }
    }
}

fn column(name: &str, ty: Type, nullable: bool) -> Column {
    Column { name: name.to_owned(), ty, nullable }
}

fn one(name: &str, ty: Type, value: Value) -> Vec<Reply> {
    vec![Reply::Columns([column(name, ty, true)].into()), Reply::Row(vec![value]), Reply::Done { rows: Some(1) }]
}

/// `count` rows of a number and a name, about 60 bytes each.
fn rows(count: i64) -> Vec<Reply> {
    let columns =
        Reply::Columns([column("n", Type::Int, false), column("name", Type::NVarChar(Some(64)), true)].into());
    let row = |n| Reply::Row(vec![Value::Int(n), Value::Text(format!("TARGET-{n:06}\\PAYROLL").into())]);
    let done = Reply::Done { rows: u64::try_from(count).ok() };
    std::iter::once(columns).chain((0..count).map(row)).chain([done]).collect()
}

/// Three sets, the second of them empty, with a message between.
fn sets() -> Vec<Reply> {
    let info = ServerError::new(0, 0, "between the sets");
    let empty = vec![Reply::Columns([column("b", Type::Int, false)].into()), Reply::Done { rows: Some(0) }];
    let first = one("a", Type::Int, Value::Int(1));
    let third = one("c", Type::VarChar(Some(9)), Value::Text("three".into()));
    [first, vec![Reply::Info(info)], empty, third].concat()
}

/// A set that an error ends after one of its rows, and one after it.
fn denied() -> Vec<Reply> {
    let error = ServerError {
        number: 229,
        state: 5,
        class: 14,
        message: "The SELECT permission was denied on the object 'systargetservers', database 'msdb', schema 'dbo'."
            .into(),
    };
    let mut set = one("a", Type::Int, Value::Int(1));
    set.insert(2, Reply::Error(error));
    [set, one("b", Type::Int, Value::Int(2))].concat()
}

fn session(login: &Login) -> Vec<Reply> {
    let told = format!("{}|{}|{}|{}", login.user, login.database, login.application, login.encrypted);
    one("session", Type::NVarChar(Some(400)), Value::Text(told.into()))
}

/// A row of ordinary values, one of the ends of each range, one of NULLs; each type in its fixed and its nullable form.
fn types() -> Vec<Reply> {
    let (mut columns, mut first, mut second, mut third) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, ty, ordinary, extreme) in all_types() {
        columns.extend([column(name, ty, false), column(&format!("{name}_null"), ty, true)]);
        first.extend([ordinary.clone(), ordinary.clone()]);
        second.extend([extreme.clone(), extreme]);
        third.extend([ordinary, Value::Null]);
    }
    let mut replies = vec![Reply::Columns(columns.into())];
    replies.extend([first, second, third].map(Reply::Row));
    replies.push(Reply::Done { rows: Some(3) });
    replies
}

fn all_types() -> Vec<(&'static str, Type, Value, Value)> {
    let text = |text: &str| Value::Text(text.into());
    let bytes = |bytes: Vec<u8>| Value::Bytes(bytes.into());
    let first_day: DateTime = date(1, 1, 1).at(0, 0, 0, 0);
    let last = |nanosecond| Value::DateTime(datetime(9999, 12, 31, 23, 59, 59, nanosecond));
    let guid = |guid: u128| Value::Guid(guid.to_be_bytes());
    vec![
        ("bit", Type::Bit, Value::Int(1), Value::Int(0)),
        ("tinyint", Type::TinyInt, Value::Int(200), Value::Int(255)),
        ("smallint", Type::SmallInt, Value::Int(-300), Value::Int(-32_768)),
        ("int", Type::Int, Value::Int(-70_000), Value::Int(-2_147_483_648)),
        ("bigint", Type::BigInt, Value::Int(5_000_000_000), Value::Int(i64::MIN)),
        ("float", Type::Float, Value::Float(1.5), Value::Float(-2.5e-300)),
        ("decimal_5_2", Type::Decimal { precision: 5, scale: 2 }, Value::Decimal(12_345), Value::Decimal(-99_999)),
        ("decimal_19_4", Type::Decimal { precision: 19, scale: 4 }, Value::Decimal(10_000), Value::Decimal(-5)),
        (
            "decimal_28_0",
            Type::Decimal { precision: 28, scale: 0 },
            Value::Decimal(7),
            Value::Decimal(10_i128.pow(28) - 1),
        ),
        (
            "decimal_38_10",
            Type::Decimal { precision: 38, scale: 10 },
            Value::Decimal(0),
            Value::Decimal(-12_345_678_901_234_567_890_123_456_789_012_345_678),
        ),
        (
            "datetime",
            Type::DateTime,
            // Stored as .997, the nearest three-hundredth of a second.
            Value::DateTime(datetime(2026, 11, 22, 12, 34, 56, 995_000_000)),
            Value::DateTime(datetime(1753, 1, 1, 0, 0, 0, 0)),
        ),
        ("datetime2_0", Type::DateTime2(0), Value::DateTime(datetime(2026, 3, 29, 2, 30, 0, 0)), last(0)),
        (
            "datetime2_3",
            Type::DateTime2(3),
            Value::DateTime(datetime(2026, 3, 29, 2, 30, 0, 123_000_000)),
            last(999_000_000),
        ),
        ("datetime2_7", Type::DateTime2(7), Value::DateTime(first_day), last(999_999_900)),
        (
            "datetimeoffset_0",
            Type::DateTimeOffset(0),
            Value::DateTimeOffset(datetime(2026, 1, 1, 0, 15, 0, 0), 330),
            Value::DateTimeOffset(datetime(2026, 12, 31, 23, 15, 0, 0), -570),
        ),
        (
            "datetimeoffset_7",
            Type::DateTimeOffset(7),
            Value::DateTimeOffset(datetime(2026, 11, 22, 12, 0, 0, 123_456_700), 0),
            Value::DateTimeOffset(datetime(2026, 11, 22, 12, 0, 0, 0), 840),
        ),
        ("nvarchar_50", Type::NVarChar(Some(50)), text("Grüße, 世界 🌍"), text("")),
        ("nvarchar_max", Type::NVarChar(None), text("short"), text(&"ä漢".repeat(10_000))),
        ("varchar_50", Type::VarChar(Some(50)), text("Zürich €5"), text("")),
        ("varchar_max", Type::VarChar(None), text("short"), text(&"xyz".repeat(5000))),
        ("varbinary_16", Type::VarBinary(Some(16)), bytes(vec![0, 255, 16]), bytes(vec![])),
        ("varbinary_max", Type::VarBinary(None), bytes(vec![1]), bytes((0..=255).cycle().take(9000).collect())),
        ("uniqueidentifier", Type::UniqueIdentifier, guid(0x0E98_4725_C51C_4BF4_9960_E1C8_0E27_ABA0), guid(u128::MAX)),
    ]
}
