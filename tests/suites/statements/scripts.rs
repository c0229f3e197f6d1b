//! The scripts that give and take the rights: what they run, where, and for which tables.

use super::check::{plain, statements};
use super::documented;
use std::collections::{BTreeMap, BTreeSet};

/// What a script gives or takes, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Tables, with the columns where not all of them are given.
    pub(crate) tables: BTreeMap<String, BTreeSet<String>>,
    /// Server permissions.
    pub(crate) permissions: BTreeSet<String>,
    /// What may not stand in it.
    pub(crate) wrong: Vec<String>,
}

/// Reads a script of the given login.
pub(crate) fn script(text: &str, login: &str) -> Script {
    let mut script = Script::default();
    let statements = match statements(text) {
        Ok(statements) => statements,
        Err(wrong) => return Script { wrong: vec![wrong], ..script },
    };
    let mut database = "";
    for statement in statements {
        let line = plain(&statement);
        let bare = line.replace(&format!("[{login}]"), "<login>").replace(&format!("N'{login}'"), "<text>");
        let words: Vec<&str> = bare.split(' ').collect();
        // What follows a condition on the login or on the version is judged by itself.
        let words = match words.as_slice() {
            ["IF", "SUSER_ID" | "USER_ID", "(", "<text>", ")", "IS", "NULL", rest @ ..]
            | ["IF", "SUSER_ID" | "USER_ID", "(", "<text>", ")", "IS", "NOT", "NULL", rest @ ..] => rest,
            other => other,
        };
        let words = match words {
            ["IF" | "AND", "CAST", "(", "PARSENAME", condition @ ..] => {
                let end = condition.iter().position(|word| *word == "EXEC").unwrap_or(condition.len());
                &condition[end..]
            }
            ["ELSE", rest @ ..] => rest,
            other => other,
        };
        match (words, database) {
            (["USE", "master"], _) => database = "master",
            (["USE", "msdb"], _) => database = "msdb",
            (["CREATE", "LOGIN", "<login>", "WITH", "PASSWORD", "=", ..], "master")
            | (
                ["CREATE", "LOGIN", "<login>", "FROM", "WINDOWS", "WITH", "DEFAULT_DATABASE", "=", "master"],
                "master",
            )
            | (["CREATE", "USER", "<login>", "FOR", "LOGIN", "<login>"], "msdb")
            | (["DROP", "USER", "<login>"], "msdb")
            | (["DROP", "LOGIN", "<login>"], "master") => {}
            (["GRANT", "SELECT", "ON", "dbo", ".", table, columns @ .., "TO", "<login>"], "msdb")
            | (["REVOKE", "SELECT", "ON", "dbo", ".", table, columns @ .., "FROM", "<login>"], "msdb") => {
                script.select(table, columns);
            }
            (["GRANT", "VIEW", "DEFINITION", "TO", "<login>"], "msdb")
            | (["REVOKE", "VIEW", "DEFINITION", "FROM", "<login>"], "msdb") => {
                script.permissions.insert("VIEW DEFINITION".to_owned());
            }
            (["GRANT", "VIEW", "SERVER", permission @ .., "TO", "<login>"], "master")
            | (["REVOKE", "VIEW", "SERVER", permission @ .., "FROM", "<login>"], "master") => {
                script.permissions.insert(format!("VIEW SERVER {}", permission.join(" ")));
            }
            (["EXEC", "(", ..], "master") => {
                let inner = line.split("N'").last().and_then(|text| text.split('\'').next()).unwrap_or_default();
                let given = self::script(&format!("USE master; {inner}"), login);
                script.permissions.extend(given.permissions);
                script.wrong.extend(given.wrong);
            }
            _ => script.wrong.push(format!("in database {database:?}: {line}")),
        }
    }
    script
}

/// Reads the third block of such a script, which stands there as comments.
pub(crate) fn doctor_block(text: &str, login: &str) -> Script {
    let Some((_, block)) = text.split_once("-- USE msdb;") else {
        return Script { wrong: vec!["there is no third block".to_owned()], ..Script::default() };
    };
    let lines = block.lines().filter_map(|line| line.strip_prefix("-- ")).filter(|line| !line.ends_with(':'));
    script(&format!("USE msdb;\n{}", lines.collect::<Vec<&str>>().join("\n")), login)
}

impl Script {
    /// Each right as the lab takes it: `table`, `table(column)` or a permission.
    pub(crate) fn rights(&self) -> Vec<String> {
        let table = |(table, columns): (&String, &BTreeSet<String>)| match columns.iter().next() {
            Some(column) => format!("{table}({column})"),
            None => table.clone(),
        };
        self.tables.iter().map(table).chain(self.permissions.iter().cloned()).collect()
    }

    fn select(&mut self, table: &str, columns: &[&str]) {
        let Some(known) = documented::table("dbo", table, documented::FLOOR) else {
            return self.wrong.push(format!("the table {table} is not documented"));
        };
        let columns: BTreeSet<String> =
            columns.iter().filter(|word| !["(", ")", ","].contains(word)).map(|word| (*word).to_owned()).collect();
        for column in columns.iter().filter(|column| !known.has(column, documented::FLOOR)) {
            self.wrong.push(format!("the column {column} of {table} is not documented"));
        }
        self.tables.insert(table.to_owned(), columns);
    }
}
