//! What the exporter's own statements may hold.

use super::documented::FLOOR;
use super::names::{self, Names};
use msx_lab::msdb::schema::Needs;
use sqlparser::ast::{CastKind, Expr, Query, SelectItem, SetExpr};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::BTreeSet;

/// Settings of a session that change nothing but the session.
const SETTINGS: [&str; 7] = [
    "SET NOCOUNT ON",
    "SET XACT_ABORT OFF",
    "SET ANSI_WARNINGS OFF",
    "SET LOCK_TIMEOUT 500",
    "SET DEADLOCK_PRIORITY LOW",
    "SET TRANSACTION ISOLATION LEVEL SNAPSHOT",
    "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
];

/// The bracket of one reading, and what ends it after a failure.
const BRACKET: [&str; 3] =
    ["BEGIN TRANSACTION", "IF @@TRANCOUNT > 0 COMMIT TRANSACTION", "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"];

/// Everything that is wrong with a statement file of the exporter.
pub(crate) fn shipped(name: &str, text: &str) -> Vec<String> {
    let version = if name == "timezone" { 2022 } else { FLOOR };
    let statements = match statements(text) {
        Ok(statements) => statements,
        Err(wrong) => return vec![wrong],
    };
    if name == "session" {
        let is_setting = |statement: &&Vec<Token>| !SETTINGS.contains(&plain(statement).as_str());
        return statements.iter().filter(is_setting).map(|s| format!("no SET of the session: {}", plain(s))).collect();
    }
    let [statement] = statements.as_slice() else {
        return vec![format!("{} statements instead of one", statements.len())];
    };
    match query(statement) {
        Err(wrong) => vec![wrong],
        Ok(query) => {
            let mut wrong = form(name, &query);
            let names = names::resolve(&query, version);
            wrong.extend(rights(text, &names));
            wrong.extend(names.wrong);
            wrong
        }
    }
}

/// What a statement file of the exporter names.
pub(crate) fn resolved_names(text: &str) -> Names {
    let statements = statements(text).unwrap();
    names::resolve(&query(&statements[0]).unwrap(), u16::MAX)
}

/// Everything that is wrong with a batch as it went over the wire.
pub(crate) fn sent(text: &str, version: u16) -> Vec<String> {
    let statements = match statements(text) {
        Ok(statements) => statements,
        Err(wrong) => return vec![wrong],
    };
    let mut wrong = Vec::new();
    for statement in &statements {
        let plain = plain(statement);
        if SETTINGS.contains(&plain.as_str()) || BRACKET.contains(&plain.as_str()) {
            continue;
        }
        match query(statement) {
            Ok(query) => wrong.extend(names::resolve(&query, version).wrong),
            Err(problem) => wrong.push(problem),
        }
    }
    wrong
}

/// The statements of a text, comments left out.
pub(crate) fn statements(text: &str) -> Result<Vec<Vec<Token>>, String> {
    let tokens = Tokenizer::new(&MsSqlDialect {}, text).tokenize().map_err(|error| error.to_string())?;
    let parts = tokens.split(|token| *token == Token::SemiColon);
    Ok(parts.filter(|part| !solid(part).is_empty()).map(<[Token]>::to_vec).collect())
}

/// What is no white space and no comment.
pub(crate) fn solid(tokens: &[Token]) -> Vec<&Token> {
    tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect()
}

/// A statement in one line.
pub(crate) fn plain(tokens: &[Token]) -> String {
    solid(tokens).iter().map(|token| token.to_string()).collect::<Vec<String>>().join(" ")
}

pub(crate) fn query(statement: &[Token]) -> Result<Query, String> {
    let dialect = MsSqlDialect {};
    let first = solid(statement).first().map(|word| word.to_string().to_uppercase()).unwrap_or_default();
    if first != "SELECT" {
        return Err(format!("{first} is neither SELECT nor SET"));
    }
    let mut parser = Parser::new(&dialect).with_tokens(statement.to_vec());
    let query = parser.parse_query().map_err(|error| error.to_string())?;
    match parser.peek_token().token {
        Token::EOF => Ok(*query),
        more => Err(format!("{more} follows a complete SELECT")),
    }
}

/// Every column is converted to a stated type and has a name; the first one is the set's marker.
fn form(name: &str, query: &Query) -> Vec<String> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Vec::new() };
    let mut wrong = Vec::new();
    let marker = format!("CAST(NULL AS TINYINT) AS [set:{name}]");
    if !select.projection.first().is_some_and(|first| first.to_string().eq_ignore_ascii_case(&marker)) {
        wrong.push(format!("the first column is not {marker}"));
    }
    let mut seen = BTreeSet::new();
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { expr: Expr::Cast { kind: CastKind::Cast, data_type, .. }, alias } => {
                if !is_stated(&data_type.to_string().to_lowercase()) {
                    wrong.push(format!("{data_type} is no type of the list: {item}"));
                }
                if !seen.insert(alias.value.to_lowercase()) {
                    wrong.push(format!("two columns are called {alias}"));
                }
            }
            other => wrong.push(format!("no CAST with a name: {other}")),
        }
    }
    wrong
}

/// Types that the decoder knows. Without a length `nvarchar` would cut texts at 30 characters.
fn is_stated(data_type: &str) -> bool {
    let sized = |name: &str| {
        let length = data_type.strip_prefix(name).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
        length.is_some_and(|length| length.parse::<u16>().is_ok())
    };
    let plain = ["bit", "tinyint", "smallint", "int", "bigint", "datetime", "uniqueidentifier"];
    plain.contains(&data_type) || sized("nvarchar") || sized("datetime2")
}

/// The head says which rights the statement needs: those of the tables that it reads, and no others.
fn rights(text: &str, names: &Names) -> Vec<String> {
    let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("-- ")).collect();
    let head = head.join(" ");
    let Some((_, stated)) = head.split_once("Rights: ") else { return vec!["the head states no rights".to_owned()] };
    let stated = stated.split_once(". ").map_or(stated, |(first, _)| first).trim_end_matches('.');
    let mut needed: BTreeSet<&str> = names.tables.iter().filter(|t| t.needs == Needs::Select).map(|t| t.name).collect();
    needed.extend(&names.looked_up);
    let mut wrong = Vec::new();
    let words: Vec<&str> = stated.split([' ', ',', ';', '(', ')']).collect();
    for table in &needed {
        if !words.contains(table) {
            wrong.push(format!("reads {table}, and the head does not say so"));
        }
    }
    for word in words.iter().filter(|word| word.starts_with("sys")) {
        if !needed.contains(word) {
            wrong.push(format!("the head asks for {word}, which is not read"));
        }
    }
    for table in names.tables.iter().filter(|table| stated.contains(&format!("{}(", table.name))) {
        let read: Vec<&str> = names.columns[table.name].iter().map(String::as_str).collect();
        if !stated.contains(&format!("{}({})", table.name, read.join(", "))) {
            wrong.push(format!("reads {} of {}, and the head says something else", read.join(", "), table.name));
        }
    }
    let mut permission = false;
    for (needs, says) in [
        (Needs::Security, "VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER SECURITY STATE"),
        (Needs::Performance, "VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE"),
        (Needs::Definition, "VIEW DEFINITION on the database"),
    ] {
        let needed = names.tables.iter().any(|table| table.needs == needs);
        permission |= needed;
        if needed != stated.ends_with(says) {
            wrong.push(format!("the server permission stated is not the one needed: {stated}"));
        }
    }
    if (stated == "none") != (needed.is_empty() && !permission) {
        wrong.push(format!("the head says {stated:?}"));
    }
    wrong
}
