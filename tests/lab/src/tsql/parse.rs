//! From the text of a batch to its statements. Queries are sqlparser's; what surrounds them is read here.

use super::errors;
use crate::wire::ServerError;
use sqlparser::ast::{Expr, Query};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// One statement of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// `SELECT`, with `WITH` before it or not.
    Select(Box<Query>),
    /// `SET option value`, already checked.
    Set(Setting),
    /// `BEGIN TRANSACTION`.
    Begin,
    /// `COMMIT TRANSACTION`.
    Commit,
    /// `ROLLBACK TRANSACTION`.
    Rollback,
    /// `USE database`.
    Use(String),
    /// `IF predicate statements [ELSE statements]`.
    If(Box<Expr>, Vec<Statement>, Vec<Statement>),
    /// `BEGIN TRY … END TRY BEGIN CATCH … END CATCH`.
    Try(Vec<Statement>, Vec<Statement>),
}

/// A session setting that has an effect here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// `SET LOCK_TIMEOUT`, in milliseconds; -1 waits for ever.
    LockTimeout(i64),
    /// `SET NOCOUNT`.
    NoCount(bool),
    /// `SET XACT_ABORT`.
    XactAbort(bool),
    /// `SET ANSI_WARNINGS`.
    AnsiWarnings(bool),
    /// `SET TRANSACTION ISOLATION LEVEL`.
    Isolation(Isolation),
    /// Accepted, and without effect on what is read here.
    Nothing,
}

/// Isolation levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Isolation {
    ReadUncommitted,
    #[default]
    ReadCommitted,
    RepeatableRead,
    Snapshot,
    Serializable,
}

/// Options that are switched ON or OFF and change nothing here.
const SWITCHES: [&str; 11] = [
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_NULL_DFLT_ON",
    "ANSI_DEFAULTS",
    "ARITHABORT",
    "CONCAT_NULL_YIELDS_NULL",
    "CURSOR_CLOSE_ON_COMMIT",
    "IMPLICIT_TRANSACTIONS",
    "NUMERIC_ROUNDABORT",
    "QUOTED_IDENTIFIER",
    "ARITHIGNORE",
];

/// Reads a complete batch.
///
/// # Errors
/// 102 or the like: nothing of the batch runs.
pub fn batch(sql: &str) -> Result<Vec<Statement>, ServerError> {
    let dialect = MsSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|e| errors::syntax(&e.message))?;
    let tokens = without_query_hints(tokens)?;
    let options = ParserOptions { require_semicolon_stmt_delimiter: false, ..ParserOptions::default() };
    let parser = Parser::new(&dialect).with_options(options).with_tokens_with_locations(tokens);
    let mut reader = Reader { parser };
    reader.statements(&[])
}

/// Takes `OPTION (…)` out, which sqlparser does not know, after a look at the hints in it.
fn without_query_hints(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, ServerError> {
    let solid =
        |from: usize| tokens[from..].iter().position(|t| !matches!(t.token, Token::Whitespace(_))).map(|n| from + n);
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let opening = solid(at + 1).filter(|next| tokens[*next].token == Token::LParen);
        if let (true, Some(open)) = (is_word(&tokens[at].token, "OPTION"), opening) {
            let Some(length) = tokens[open..].iter().position(|t| t.token == Token::RParen) else {
                return Err(errors::syntax("OPTION"));
            };
            let text: String = tokens[open + 1..open + length].iter().map(|t| t.token.to_string()).collect();
            text.split(',').try_for_each(query_hint)?;
            at = open + length + 1;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    Ok(kept)
}

fn query_hint(hint: &str) -> Result<(), ServerError> {
    let words: Vec<String> = hint.split_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let known = match words.as_slice() {
        ["RECOMPILE"] | ["FORCE", "ORDER"] | ["KEEP", "PLAN"] | ["KEEPFIXED", "PLAN"] => true,
        ["HASH" | "MERGE" | "LOOP", "JOIN"] | ["HASH" | "ORDER", "GROUP"] => true,
        ["MAXDOP" | "FAST" | "MAXRECURSION" | "QUERYTRACEON", number] => number.parse::<u32>().is_ok(),
        _ => false,
    };
    if known { Ok(()) } else { Err(errors::syntax(hint.trim())) }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

struct Reader<'a> {
    parser: Parser<'a>,
}

impl Reader<'_> {
    /// Statements up to the end of the batch, or up to these words, which are left standing.
    fn statements(&mut self, until: &[&str]) -> Result<Vec<Statement>, ServerError> {
        let mut statements = Vec::new();
        loop {
            while self.parser.consume_token(&Token::SemiColon) {}
            let next = self.parser.peek_token().token;
            if next == Token::EOF || until.iter().any(|word| is_word(&next, word)) {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    fn statement(&mut self) -> Result<Statement, ServerError> {
        let next = self.parser.peek_token().token;
        if matches!(&next, Token::Word(w) if matches!(w.keyword, Keyword::SELECT | Keyword::WITH))
            || next == Token::LParen
        {
            return Ok(Statement::Select(self.parser.parse_query().map_err(parse_error)?));
        }
        let Token::Word(word) = &next else { return Err(errors::syntax(&next.to_string())) };
        let verb = word.value.to_ascii_uppercase();
        self.parser.next_token();
        match verb.as_str() {
            "SET" => self.set().map(Statement::Set),
            "USE" => self.word().map(Statement::Use),
            "IF" => self.conditional(),
            "BEGIN" => {
                if self.accept("TRY") {
                    return self.try_catch();
                }
                self.transaction_word(true)?;
                self.accept("SNAPSHOT");
                Ok(Statement::Begin)
            }
            "COMMIT" => self.transaction_word(false).map(|()| Statement::Commit),
            "ROLLBACK" => self.transaction_word(false).map(|()| Statement::Rollback),
            _ => Err(errors::unsupported(&format!("the statement {verb}"))),
        }
    }

    fn conditional(&mut self) -> Result<Statement, ServerError> {
        let condition = self.parser.parse_expr().map_err(parse_error)?;
        let yes = self.block()?;
        let semicolon = self.parser.consume_token(&Token::SemiColon);
        let no = if self.accept("ELSE") {
            self.block()?
        } else {
            if semicolon {
                self.parser.prev_token();
            }
            Vec::new()
        };
        Ok(Statement::If(Box::new(condition), yes, no))
    }

    fn block(&mut self) -> Result<Vec<Statement>, ServerError> {
        let begins = is_word(&self.parser.peek_token().token, "BEGIN");
        let second = self.parser.peek_nth_token(1).token;
        if begins && !["TRAN", "TRANSACTION", "TRY"].iter().any(|word| is_word(&second, word)) {
            self.parser.next_token();
            let statements = self.statements(&["END"])?;
            self.expect("END")?;
            return Ok(statements);
        }
        Ok(vec![self.statement()?])
    }

    fn try_catch(&mut self) -> Result<Statement, ServerError> {
        let body = self.statements(&["END"])?;
        self.expect("END")?;
        self.expect("TRY")?;
        while self.parser.consume_token(&Token::SemiColon) {}
        self.expect("BEGIN")?;
        self.expect("CATCH")?;
        let handler = self.statements(&["END"])?;
        self.expect("END")?;
        self.expect("CATCH")?;
        Ok(Statement::Try(body, handler))
    }

    fn transaction_word(&mut self, required: bool) -> Result<(), ServerError> {
        let named =
            ["TRANSACTION", "TRAN", "WORK"].iter().any(|word| (!required || *word != "WORK") && self.accept(word));
        if named || !required {
            return Ok(());
        }
        Err(errors::syntax(&self.parser.peek_token().token.to_string()))
    }

    fn set(&mut self) -> Result<Setting, ServerError> {
        let option = self.word()?.to_ascii_uppercase();
        match option.as_str() {
            "LOCK_TIMEOUT" => self.number().map(Setting::LockTimeout),
            "NOCOUNT" => self.switch().map(Setting::NoCount),
            "ANSI_WARNINGS" => self.switch().map(Setting::AnsiWarnings),
            "XACT_ABORT" => self.switch().map(Setting::XactAbort),
            "TRANSACTION" => self.isolation().map(Setting::Isolation),
            "DEADLOCK_PRIORITY" => match self.parser.peek_token().token {
                Token::Word(_) => match self.word()?.to_ascii_uppercase().as_str() {
                    "LOW" | "NORMAL" | "HIGH" => Ok(Setting::Nothing),
                    other => Err(errors::syntax(other)),
                },
                _ => match self.number()? {
                    -10..=10 => Ok(Setting::Nothing),
                    other => Err(errors::syntax(&other.to_string())),
                },
            },
            "TEXTSIZE" | "ROWCOUNT" | "DATEFIRST" | "QUERY_GOVERNOR_COST_LIMIT" => {
                match (option.as_str(), self.number()?) {
                    ("ROWCOUNT", number) if number != 0 => Err(errors::unsupported("SET ROWCOUNT other than 0")),
                    _ => Ok(Setting::Nothing),
                }
            }
            "LANGUAGE" | "DATEFORMAT" => match self.word()?.to_ascii_lowercase().as_str() {
                "us_english" | "english" | "mdy" => Ok(Setting::Nothing),
                other => Err(errors::unsupported(&format!("SET {option} {other}"))),
            },
            switch if SWITCHES.contains(&switch) => self.switch().map(|_| Setting::Nothing),
            other => Err(errors::unsupported(&format!("SET {other}"))),
        }
    }

    fn isolation(&mut self) -> Result<Isolation, ServerError> {
        self.expect("ISOLATION")?;
        self.expect("LEVEL")?;
        match self.word()?.to_ascii_uppercase().as_str() {
            "SNAPSHOT" => Ok(Isolation::Snapshot),
            "SERIALIZABLE" => Ok(Isolation::Serializable),
            "REPEATABLE" => self.expect("READ").map(|()| Isolation::RepeatableRead),
            "READ" => match self.word()?.to_ascii_uppercase().as_str() {
                "COMMITTED" => Ok(Isolation::ReadCommitted),
                "UNCOMMITTED" => Ok(Isolation::ReadUncommitted),
                other => Err(errors::syntax(other)),
            },
            other => Err(errors::syntax(other)),
        }
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = is_word(&self.parser.peek_token().token, word);
        if found {
            self.parser.next_token();
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), ServerError> {
        if self.accept(word) { Ok(()) } else { Err(errors::syntax(&self.parser.peek_token().token.to_string())) }
    }

    fn word(&mut self) -> Result<String, ServerError> {
        match self.parser.next_token().token {
            Token::Word(word) => Ok(word.value),
            other => Err(errors::syntax(&other.to_string())),
        }
    }

    fn switch(&mut self) -> Result<bool, ServerError> {
        match self.word()?.to_ascii_uppercase().as_str() {
            "ON" => Ok(true),
            "OFF" => Ok(false),
            other => Err(errors::syntax(other)),
        }
    }

    fn number(&mut self) -> Result<i64, ServerError> {
        let negative = self.parser.consume_token(&Token::Minus);
        match self.parser.next_token().token {
            Token::Number(digits, _) => match digits.parse::<i64>() {
                Ok(number) => Ok(if negative { -number } else { number }),
                Err(_) => Err(errors::syntax(&digits)),
            },
            other => Err(errors::syntax(&other.to_string())),
        }
    }
}

fn parse_error(error: ParserError) -> ServerError {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let found = message
                .split("found: ")
                .nth(1)
                .map_or(message.as_str(), |tail| tail.split(" at Line").next().unwrap_or(tail));
            errors::syntax(found)
        }
        ParserError::RecursionLimitExceeded => ServerError::new(
            191,
            15,
            "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries.",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_batch_needs_no_semicolons() {
        let statements = batch(
            "SET NOCOUNT ON SET TRANSACTION ISOLATION LEVEL SNAPSHOT\nSET LOCK_TIMEOUT 500; BEGIN TRANSACTION
             SELECT 1 AS a SELECT 2 OPTION (MAXDOP 1, RECOMPILE);
             IF @@TRANCOUNT > 0 COMMIT TRANSACTION;",
        )
        .unwrap();
        assert_eq!(statements.len(), 7);
        assert_eq!(statements[1], Statement::Set(Setting::Isolation(Isolation::Snapshot)));
        assert_eq!(statements[2], Statement::Set(Setting::LockTimeout(500)));
        assert!(matches!(&statements[6], Statement::If(_, yes, no) if yes == &[Statement::Commit] && no.is_empty()));
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for sql in [
            "SELEC 1",
            "SET NOCOUNT MAYBE",
            "SET FOO ON",
            "SELECT 1 OPTION (MAXDOPE 1)",
            "DROP TABLE x",
            "INSERT INTO t VALUES (1)",
            "SELECT (1",
            "EXEC sp_who",
            "BEGIN",
            "SET TRANSACTION ISOLATION LEVEL SNAPSHOTS",
            "GO",
        ] {
            let error = batch(sql).unwrap_err();
            assert_eq!((error.number, error.class), (102, 15), "{sql}: {error}");
        }
    }
}
