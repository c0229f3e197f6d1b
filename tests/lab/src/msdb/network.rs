//! Who may log in to this master, who tried, and where it listens.

use super::master::Master;
use crate::wire::{Login, Value};
use jiff::Timestamp;

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
    pub(crate) at: Timestamp,
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
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
