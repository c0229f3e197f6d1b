//! What people are asked to run: the SQL of documents and runbooks, the tables of the fixture, and every name in a text.

use super::check::{plain, query, solid, statements};
use super::documented::{self, FLOOR};
use super::names;
use msx_lab::msdb::models::parse_type;
use sqlparser::ast::{ColumnOption, CreateTable, Statement, TableObject};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::BTreeSet;

/// Statements of a document that name nothing of a version.
const PLAIN: [&str; 4] = ["EXECUTE AS LOGIN = N'msx_exporter'", "USE msdb", "REVERT", "SET QUOTED_IDENTIFIER ON"];

/// Everything that is wrong with a batch that people run on any version from `version` on.
pub(crate) fn batch(text: &str, version: u16) -> Vec<String> {
    let statements = match statements(text) {
        Ok(statements) => statements,
        Err(wrong) => return vec![wrong],
    };
    let mut batch = Batch { version, variables: BTreeSet::new() };
    statements.iter().flat_map(|statement| batch.statement(statement)).collect()
}

struct Batch {
    version: u16,
    /// Declared so far, with their @.
    variables: BTreeSet<String>,
}

impl Batch {
    fn statement(&mut self, statement: &[Token]) -> Vec<String> {
        let words = solid(statement);
        let text = plain(statement);
        match words.first().map(|word| word.to_string().to_uppercase()).as_deref() {
            _ if PLAIN.contains(&text.as_str()) || text.starts_with("WAITFOR DELAY ") => Vec::new(),
            Some("DECLARE") => self.declare(statement),
            Some("EXEC") => self.call(&words).err().into_iter().collect(),
            Some("CREATE" | "ALTER" | "DROP") if text.contains(" EVENT SESSION ") => event_session(&words),
            Some("IF") => self.conditional(statement),
            // A DELETE names what a SELECT with the same FROM and WHERE would read.
            Some("DELETE") => self.select("1", statement.iter().skip_while(|token| !is(token, "FROM"))),
            _ => self.resolved(statement),
        }
    }

    /// `DECLARE @a type = …` or `DECLARE @a type, @b type`
    fn declare(&mut self, statement: &[Token]) -> Vec<String> {
        let value = statement.iter().position(|token| is(token, "="));
        let wrong = value.map(|at| self.select("", statement[at + 1..].iter()));
        let names = solid(statement).into_iter().map(ToString::to_string).filter(|word| word.starts_with('@'));
        self.variables.extend(names.take(if value.is_some() { 1 } else { usize::MAX }));
        wrong.unwrap_or_default()
    }

    /// `IF EXISTS (SELECT …) statement`
    fn conditional(&mut self, statement: &[Token]) -> Vec<String> {
        let mut depth = 0;
        let ends = |token: &Token| {
            depth += i32::from(is(token, "(")) - i32::from(is(token, ")"));
            depth == 0 && is(token, ")")
        };
        let ends = statement.iter().position(ends);
        let begins = statement.iter().position(|token| is(token, "("));
        let Some((begins, ends)) = begins.zip(ends) else { return vec!["IF without a condition".to_owned()] };
        let mut wrong = self.resolved(&statement[begins + 1..ends]);
        wrong.extend(self.statement(&statement[ends + 1..]));
        wrong
    }

    fn select<'a>(&self, first: &str, rest: impl Iterator<Item = &'a Token>) -> Vec<String> {
        let mut select = Tokenizer::new(&MsSqlDialect {}, &format!("SELECT {first} ")).tokenize().unwrap_or_default();
        select.extend(rest.cloned());
        self.resolved(&select)
    }

    fn resolved(&self, statement: &[Token]) -> Vec<String> {
        match query(statement) {
            Ok(query) => names::resolve_in(&query, self.version, &self.variables).wrong,
            Err(wrong) => vec![wrong],
        }
    }

    /// `EXEC msdb.dbo.procedure @a = …, @b = …`, or one of master's with values in their order.
    fn call(&self, words: &[&Token]) -> Result<(), String> {
        let name: String = words[1..].iter().take(5).map(|word| word.to_string()).collect();
        let named: Vec<String> = words.iter().map(|word| word.to_string()).filter(|w| w.starts_with('@')).collect();
        if let Some(procedure) = name.strip_prefix("msdb.dbo.") {
            return documented::procedure(procedure, named.iter().map(String::as_str), self.version);
        }
        let Some(procedure) = name.strip_prefix("master.dbo.").filter(|procedure| procedure.starts_with("xp_")) else {
            return Err(format!("{name} is not named in full"));
        };
        match named.iter().find(|variable| !self.variables.contains(*variable)) {
            Some(unknown) => Err(format!("{unknown} is not declared")),
            None => documented::procedure(procedure, [], self.version),
        }
    }
}

fn is(token: &Token, word: &str) -> bool {
    token.to_string().eq_ignore_ascii_case(word)
}

/// What a session of Extended Events names with a package: events, actions, predicates and targets.
fn event_session(words: &[&Token]) -> Vec<String> {
    let text: Vec<String> = words.iter().map(ToString::to_string).collect();
    let dotted = text.windows(3).filter(|three| three[1] == ".").map(|three| three.concat());
    dotted.filter(|name| !documented::event(name)).map(|name| format!("Extended Events have no {name}")).collect()
}

/// Everything that is wrong with a script that makes the documented tables and fills them.
pub(crate) fn fixture(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for batch in text.split("\nGO\n") {
        match Parser::parse_sql(&MsSqlDialect {}, batch) {
            Ok(statements) => wrong.extend(statements.iter().flat_map(fills)),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    wrong
}

fn fills(statement: &Statement) -> Vec<String> {
    match statement {
        Statement::If(condition) => condition.if_block.statements().iter().flat_map(fills).collect(),
        Statement::CreateTable(table) => differs(table).into_iter().collect(),
        Statement::Insert(insert) => {
            let TableObject::TableName(name) = &insert.table else { return vec![insert.to_string()] };
            let Some(table) = known(&name.to_string()) else { return vec![format!("no table {name}")] };
            let unknown = insert.columns.iter().map(ToString::to_string).filter(|column| !table.has(column, FLOOR));
            unknown.map(|column| format!("the column {column} of {name} is not documented")).collect()
        }
        _ => Vec::new(),
    }
}

fn known(name: &str) -> Option<documented::Table> {
    documented::table("dbo", name.strip_prefix("dbo.")?, FLOOR)
}

/// How a table of the script differs from that of the oldest version.
fn differs(table: &CreateTable) -> Option<String> {
    let Some(model) = known(&table.name.to_string()) else { return Some(format!("no table {}", table.name)) };
    let made = table.columns.iter().map(|column| {
        let not_null = column.options.iter().any(|option| option.option == ColumnOption::NotNull);
        (column.name.value.clone(), parse_type(&column.data_type.to_string().to_lowercase()), !not_null)
    });
    let made: Vec<_> = made.collect();
    let wanted: Vec<_> = model.columns(FLOOR).map(|c| (c.name.to_owned(), c.ty, c.nullable)).collect();
    (made != wanted).then(|| format!("{} is {made:?} and not {wanted:?}", table.name))
}

/// Every name of msdb or of the engine in a text that the models do not have: procedures, objects named with their schema,
/// columns named with their table, and parameters next to a procedure.
pub(crate) fn unknown(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut before: Vec<&str> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line
            .split(|c: char| !(c.is_ascii_alphanumeric() || "_.@".contains(c)))
            .map(|word| word.trim_end_matches('.'))
            .collect();
        wrong.extend(words.iter().filter_map(|word| unknown_name(word)));
        let here: Vec<&str> = words.iter().copied().filter(|word| bare(word).starts_with("sp_")).map(bare).collect();
        // A row of a table is a sentence of its own.
        let above: &[&str] = if line.starts_with('|') { &[] } else { &before };
        let near: Vec<&str> = here.iter().chain(above).copied().collect();
        let parameters = words.iter().filter(|w| w.starts_with('@') && !w.starts_with("@@") && !near.is_empty());
        let belongs = |name: &str| near.iter().any(|near| documented::procedure(near, [name], FLOOR).is_ok());
        wrong.extend(parameters.filter(|name| !belongs(name)).map(|name| format!("{name} of {}", near.join(", "))));
        before = here;
    }
    wrong
}

fn bare(word: &str) -> &str {
    word.strip_prefix("msdb.dbo.").unwrap_or(word)
}

fn unknown_name(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.split('.').collect();
    let fine = match parts.as_slice() {
        ["msdb" | "master", "dbo", name] | [name] if name.starts_with("sp_") || name.starts_with("xp_") => {
            documented::procedure(name, [], FLOOR).is_ok()
        }
        ["msdb", schema @ ("dbo" | "sys"), table] => documented::table(schema, table, FLOOR).is_some(),
        ["sys", view] => documented::engine_has(view),
        ["sys", view, column] => documented::table("sys", view, FLOOR).is_some_and(|view| view.has(column, FLOOR)),
        [table, column] => documented::table("dbo", table, FLOOR).is_none_or(|table| table.has(column, FLOOR)),
        _ => true,
    };
    (!fine).then(|| format!("{word} is not documented"))
}
