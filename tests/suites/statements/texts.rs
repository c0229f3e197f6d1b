//! What documents ask people to run: the SQL of documents and runbooks, the tables of the fixture, and every name in a
//! text.

use super::check::{plain, query, solid, statements};
use super::documented::{self, FLOOR};
use super::names;
use msx_lab::msdb::models::parse_type;
use sqlparser::ast::{ColumnOption, CreateTable, Statement, TableObject};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Statements of a document that name nothing of a version.
const PLAIN: [&str; 3] = ["EXECUTE AS LOGIN = N'msx_exporter'", "USE msdb", "REVERT"];

/// Everything that is wrong with a batch that a document asks people to run on any version from `version` on.
pub(crate) fn batch(text: &str, version: u16) -> Vec<String> {
    let statements = match statements(text) {
        Ok(statements) => statements,
        Err(wrong) => return vec![wrong],
    };
    statements.iter().flat_map(|statement| one(statement, version)).collect()
}

fn one(statement: &[Token], version: u16) -> Vec<String> {
    let words = solid(statement);
    match words.first().map(|word| word.to_string().to_uppercase()).as_deref() {
        _ if PLAIN.contains(&plain(statement).as_str()) => Vec::new(),
        Some("EXEC") => call(&words, version).err().into_iter().collect(),
        // A DELETE names what a SELECT with the same FROM and WHERE would read.
        Some("DELETE") => {
            let mut select = Tokenizer::new(&MsSqlDialect {}, "SELECT 1 ").tokenize().unwrap_or_default();
            select.extend(statement.iter().skip_while(|token| token.to_string().to_uppercase() != "FROM").cloned());
            resolved(&select, version)
        }
        _ => resolved(statement, version),
    }
}

fn resolved(statement: &[Token], version: u16) -> Vec<String> {
    match query(statement) {
        Ok(query) => names::resolve(&query, version).wrong,
        Err(wrong) => vec![wrong],
    }
}

/// `EXEC msdb.dbo.procedure @a = …, @b = …`
fn call(words: &[&Token], version: u16) -> Result<(), String> {
    let name: String = words[1..].iter().take(5).map(|word| word.to_string()).collect();
    let procedure = name.strip_prefix("msdb.dbo.").ok_or_else(|| format!("{name} is not named in full"))?;
    let parameters: Vec<String> = words.iter().map(|word| word.to_string()).filter(|w| w.starts_with('@')).collect();
    documented::procedure(procedure, parameters.iter().map(String::as_str), version)
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
        ["msdb", "dbo", name] | [name] if name.starts_with("sp_") || name.starts_with("xp_") => {
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
