//! One session: its settings, its transaction, and how a batch of statements ends.

use super::bind::{self, Bound, TableUse};
use super::errors::{self, Ends};
use super::parse::{self, Isolation, Setting, Statement};
use super::run::{Facts, Run};
use super::types::Ty;
use super::world::{Mishap, World};
use crate::wire::{Column, Reply, ServerError, Type, Value};
use sqlparser::ast;
use std::sync::Arc;
use std::time::Duration;

/// What lives from one batch of a session to the next.
#[derive(Debug, Clone)]
pub struct Session {
    isolation: Isolation,
    /// Milliseconds; -1 waits for ever.
    lock_timeout: i64,
    no_count: bool,
    xact_abort: bool,
    ansi_warnings: bool,
    facts: Facts,
}

impl Default for Session {
    fn default() -> Session {
        Session {
            isolation: Isolation::default(),
            lock_timeout: -1,
            no_count: false,
            xact_abort: false,
            ansi_warnings: true,
            facts: Facts::default(),
        }
    }
}

/// Whether the next statement runs.
#[derive(Debug, PartialEq, Eq)]
enum Flow {
    Next,
    /// The batch ends here.
    End,
    /// The TRY block that this statement stands in ends here; the error is in `caught`.
    Caught,
}

impl Session {
    /// Runs one batch.
    pub fn batch(&mut self, world: &dyn World, sql: &str) -> Vec<Reply> {
        let mut out = Vec::new();
        let compiled = parse::batch(sql).and_then(|statements| compile(world, &statements).map(|()| statements));
        match compiled {
            Ok(statements) => {
                self.all(world, &statements, false, &mut out);
            }
            Err(error) => {
                self.facts.error = error.number;
                out.push(Reply::Error(error));
            }
        }
        out
    }

    fn all(&mut self, world: &dyn World, statements: &[Statement], guarded: bool, out: &mut Vec<Reply>) -> Flow {
        for statement in statements {
            let flow = self.statement(world, statement, guarded, out);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn statement(&mut self, world: &dyn World, statement: &Statement, guarded: bool, out: &mut Vec<Reply>) -> Flow {
        match statement {
            Statement::Select(query) => return self.select(world, query, guarded, out),
            Statement::If(condition, yes, no) => {
                let holds = bind::condition(world, condition).map_err(|e| vec![e]).and_then(|(pred, tables)| {
                    self.admit(world, &tables)?;
                    Run::new(world, &self.facts).holds(&pred).map_err(|e| vec![e])
                });
                return match holds {
                    Ok(true) => self.all(world, yes, guarded, out),
                    Ok(false) => self.all(world, no, guarded, out),
                    Err(errors) => self.fail(errors, guarded, out),
                };
            }
            Statement::Try(body, handler) => {
                let flow = self.all(world, body, true, out);
                if flow != Flow::Caught {
                    return flow;
                }
                let flow = self.all(world, handler, guarded, out);
                self.facts.caught = None;
                return flow;
            }
            Statement::Use(_) => {
                let error = errors::unsupported("USE; name the database in full");
                return self.fail(vec![error], guarded, out);
            }
            Statement::Set(setting) => self.set(*setting),
            Statement::Begin => self.facts.transactions += 1,
            Statement::Commit if self.facts.transactions == 0 => {
                return self.fail(vec![errors::commit_without_begin()], guarded, out);
            }
            Statement::Commit => self.facts.transactions -= 1,
            Statement::Rollback if self.facts.transactions == 0 => {
                return self.fail(vec![errors::rollback_without_begin()], guarded, out);
            }
            Statement::Rollback => self.facts.transactions = 0,
        }
        self.facts.error = 0;
        if !self.no_count {
            out.push(Reply::Done { rows: None });
        }
        Flow::Next
    }

    fn set(&mut self, setting: Setting) {
        match setting {
            Setting::LockTimeout(milliseconds) => self.lock_timeout = milliseconds,
            Setting::NoCount(on) => self.no_count = on,
            Setting::XactAbort(on) => self.xact_abort = on,
            Setting::AnsiWarnings(on) => self.ansi_warnings = on,
            Setting::Isolation(level) => self.isolation = level,
            Setting::Nothing => {}
        }
    }

    fn select(&mut self, world: &dyn World, query: &ast::Query, guarded: bool, out: &mut Vec<Reply>) -> Flow {
        let bound = bind::query(world, query).and_then(|bound| describe(&bound).map(|columns| (bound, columns)));
        let (bound, columns) = match bound {
            Ok(bound) => bound,
            Err(error) => return self.fail(vec![error], guarded, out),
        };
        if let Err(errors) = self.admit(world, &bound.tables) {
            return self.fail(errors, guarded, out);
        }
        let mut inside = Vec::new();
        for mishap in bound.tables.iter().flat_map(|table| world.mishaps(&table.shape, self.isolation)) {
            match mishap {
                Mishap::Lock(held) => match u64::try_from(self.lock_timeout).map(Duration::from_millis) {
                    Ok(patience) if patience < held => {
                        out.push(Reply::Wait(patience));
                        return self.fail(vec![errors::lock_timeout()], guarded, out);
                    }
                    _ => out.push(Reply::Wait(held)),
                },
                Mishap::Error { after, error, abort } => inside.push((after, Event::Error(error, abort))),
                Mishap::Replies { after, replies } => inside.push((after, Event::Replies(replies))),
            }
        }
        inside.sort_by_key(|(after, _)| *after);
        // Before the set is described, so that a table of no rows can still wait.
        let first =
            inside.iter().take_while(|(after, event)| *after == 0 && matches!(event, Event::Replies(_))).count();
        for (_, event) in inside.drain(..first) {
            if let Event::Replies(replies) = event {
                out.extend(replies);
            }
        }
        let run = Run::new(world, &self.facts);
        let result = run.rows(&bound.query);
        let null_eliminated = run.null_eliminated.get();
        out.push(Reply::Columns(columns));
        let rows = match result {
            Ok(rows) => rows,
            Err(error) => return self.fail(vec![error], guarded, out),
        };
        let count = rows.len();
        let mut events = inside.into_iter().peekable();
        for (at, row) in rows.into_iter().map(Some).chain([None]).enumerate() {
            while let Some((_, event)) = events.next_if(|(after, _)| *after <= at || row.is_none()) {
                match event {
                    Event::Replies(replies) => out.extend(replies),
                    Event::Error(error, abort) => {
                        let flow = self.fail(vec![error], guarded, out);
                        return if abort && flow == Flow::Next { self.end_batch() } else { flow };
                    }
                }
            }
            out.extend(row.map(Reply::Row));
        }
        self.facts.rows = i64::try_from(count).unwrap_or(i64::MAX);
        self.facts.error = 0;
        if null_eliminated && self.ansi_warnings {
            let warning = "Warning: Null value is eliminated by an aggregate or other SET operation.";
            out.push(Reply::Info(ServerError::new(8153, 10, warning)));
            self.facts.error = 8153;
        }
        let rows = if self.no_count { None } else { u64::try_from(count).ok() };
        out.push(Reply::Done { rows });
        Flow::Next
    }

    /// Whether the tables may be read by this login, at this isolation level.
    fn admit(&self, world: &dyn World, tables: &[TableUse]) -> Result<(), Vec<ServerError>> {
        for table in tables {
            world.may_select(&table.shape, &table.columns)?;
            if self.isolation == Isolation::Snapshot && !world.snapshot_allowed(&table.shape.database) {
                return Err(vec![errors::snapshot_not_allowed(&table.shape.database)]);
            }
        }
        Ok(())
    }

    /// Reports errors, and says what they end.
    fn fail(&mut self, errors: Vec<ServerError>, guarded: bool, out: &mut Vec<Reply>) -> Flow {
        let mut ends = Ends::Statement;
        for error in errors {
            self.facts.error = error.number;
            let this = errors::ends(&error);
            if this == Ends::Connection {
                out.push(Reply::Error(error));
                out.push(Reply::Close);
                return self.end_batch();
            }
            // A TRY block does not catch what fails to compile next to it.
            if guarded && (this == Ends::Statement || error.number == 1205) {
                self.facts.caught = Some(error);
                return Flow::Caught;
            }
            if this == Ends::Batch {
                ends = Ends::Batch;
            }
            out.push(Reply::Error(error));
        }
        if ends == Ends::Batch || self.xact_abort {
            return self.end_batch();
        }
        out.push(Reply::Done { rows: None });
        Flow::Next
    }

    /// Rolls back and runs nothing more. A real server keeps the transaction after some of these errors; a session that
    /// asks @@TRANCOUNT is right in both cases.
    fn end_batch(&mut self) -> Flow {
        self.facts.transactions = 0;
        Flow::End
    }
}

enum Event {
    Error(ServerError, bool),
    Replies(Vec<Reply>),
}

/// Compiles every statement of a batch before the first one runs. An object that is missing now may be there when its
/// statement's turn comes, so only that is put off (deferred name resolution).
fn compile(world: &dyn World, statements: &[Statement]) -> Result<(), ServerError> {
    let deferred = |error: &ServerError| matches!(error.number, 208 | 911 | 916);
    for statement in statements {
        let bound = match statement {
            Statement::Select(query) => bind::query(world, query).and_then(|bound| describe(&bound)).map(|_| ()),
            Statement::If(condition, yes, no) => {
                compile(world, yes)?;
                compile(world, no)?;
                bind::condition(world, condition).map(|_| ())
            }
            Statement::Try(body, handler) => compile(world, body).and_then(|()| compile(world, handler)),
            _ => Ok(()),
        };
        bound.or_else(|error| if deferred(&error) { Ok(()) } else { Err(error) })?;
    }
    Ok(())
}

/// The description of a result set.
fn describe(bound: &Bound) -> Result<Arc<[Column]>, ServerError> {
    let columns = bound.query.columns.iter().map(|column| {
        let ty = match column.ty {
            Ty::Wire(ty) => ty,
            Ty::Null => Type::Int,
            Ty::Variant => {
                return Err(errors::unsupported(&format!(
                    "sql_variant in a result set; CAST the column '{}'",
                    column.name
                )));
            }
        };
        Ok(Column { name: column.name.clone(), ty, nullable: column.nullable })
    });
    columns.collect()
}

/// The rows of a result set, for those who look at replies.
pub fn rows(replies: &[Reply]) -> Vec<Vec<Value>> {
    let rows = replies.iter().filter_map(|reply| match reply {
        Reply::Row(row) => Some(row.clone()),
        _ => None,
    });
    rows.collect()
}
