//! Logins and what each of them may do.

use std::collections::{BTreeMap, BTreeSet};

/// One SQL login.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rights {
    pub(crate) password: String,
    /// Member of sysadmin: may do everything.
    pub(crate) sysadmin: bool,
    /// Whether it may enter msdb (a user of its own, or guest).
    pub(crate) msdb: bool,
    /// Tables of msdb with SELECT on the object.
    pub(crate) objects: BTreeSet<String>,
    /// Columns with SELECT, by table.
    pub(crate) columns: BTreeMap<String, BTreeSet<String>>,
    /// Server permissions, such as VIEW SERVER STATE.
    pub(crate) server: BTreeSet<String>,
    /// Whether the login is disabled.
    pub(crate) disabled: bool,
}

impl Rights {
    /// A login without any right but to enter msdb.
    pub(crate) fn none(password: &str) -> Rights {
        Rights { password: password.to_owned(), msdb: true, ..Rights::default() }
    }

    /// Gives a right: a table, `table(column)`, or a server permission.
    pub(crate) fn grant(&mut self, right: &str) {
        match Right::of(right) {
            Right::Server(name) => drop(self.server.insert(name)),
            Right::Object(table) => drop(self.objects.insert(table)),
            Right::Column(table, column) => drop(self.columns.entry(table).or_default().insert(column)),
        }
    }

    /// Takes it away; a table takes its columns with it.
    pub(crate) fn revoke(&mut self, right: &str) {
        match Right::of(right) {
            Right::Server(name) => drop(self.server.remove(&name)),
            Right::Object(table) => {
                self.objects.remove(&table);
                self.columns.remove(&table);
            }
            Right::Column(table, column) => {
                if let Some(columns) = self.columns.get_mut(&table) {
                    columns.remove(&column);
                }
            }
        }
    }

    /// Whether it may SELECT this column.
    pub(crate) fn column(&self, table: &str, column: &str) -> bool {
        self.object(table) || self.columns.get(table).is_some_and(|columns| columns.contains(&column.to_lowercase()))
    }

    /// Whether it may SELECT from every column of the table.
    pub(crate) fn object(&self, table: &str) -> bool {
        self.sysadmin || self.objects.contains(table)
    }

    /// Whether it may see that the table exists.
    pub(crate) fn sees(&self, table: &str) -> bool {
        self.object(table) || self.columns.get(table).is_some_and(|columns| !columns.is_empty())
    }

    /// Whether it holds a server permission. VIEW SERVER STATE covers both halves that 2022 made of it.
    pub(crate) fn holds(&self, permission: &str, version: u16) -> bool {
        let covered = version >= 2022
            && matches!(permission, "VIEW SERVER PERFORMANCE STATE" | "VIEW SERVER SECURITY STATE")
            && self.server.contains("VIEW SERVER STATE");
        self.sysadmin || self.server.contains(permission) || covered
    }
}

enum Right {
    Server(String),
    Object(String),
    Column(String, String),
}

impl Right {
    fn of(text: &str) -> Right {
        let lower = text.to_lowercase();
        if lower.starts_with("view ") || lower.starts_with("control ") || lower.starts_with("connect ") {
            return Right::Server(text.to_uppercase());
        }
        match lower.split_once('(') {
            Some((table, column)) => {
                Right::Column(table.trim().to_owned(), column.trim_end_matches(')').trim().to_owned())
            }
            None => Right::Object(lower),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_come_and_go_one_by_one() {
        let mut rights = Rights::none("x");
        rights.grant("sysoperators(name)");
        assert!(rights.column("sysoperators", "NAME") && !rights.object("sysoperators") && rights.sees("sysoperators"));
        rights.grant("sysjobs");
        rights.revoke("sysjobs");
        assert!(!rights.sees("sysjobs"));
        rights.grant("View Server State");
        assert!(rights.holds("VIEW SERVER SECURITY STATE", 2022));
        assert!(!rights.holds("VIEW SERVER SECURITY STATE", 2019));
    }
}
