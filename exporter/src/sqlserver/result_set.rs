//! A statement and its result set.

use super::cells::{CellError, Cells};
use super::rows::{Context, Decoder, FromRow};
use std::borrow::Cow;
use std::time::Duration;

/// A statement of a batch. Its first column is named `set:` and its name, so that no set is identified by its position; its value
/// is NULL, which takes a bit of a row.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The name.
    pub(crate) name: &'static str,
    /// The source text; see [`super::statements::prepare`].
    pub(crate) text: &'static str,
    /// Its time limit, where it may not use all the time of the reading.
    pub(crate) cap: Option<Duration>,
    /// The number of rows that are kept; further rows are read and dropped.
    pub(crate) most: usize,
}

impl Statement {
    /// A statement that may use all the time of the reading.
    pub(crate) const fn new(name: &'static str, text: &'static str) -> Statement {
        Statement { name, text, cap: None, most: usize::MAX }
    }

    /// With a time limit of its own.
    pub(crate) const fn within(self, cap: Duration) -> Statement {
        Statement { cap: Some(cap), ..self }
    }

    /// With a limit on the rows that are kept.
    pub(crate) const fn at_most(self, most: usize) -> Statement {
        Statement { most, ..self }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    /// `@@ERROR` right behind it; 0 when its rows are complete.
    pub(crate) error: u32,
    /// From the end of the statement before to its own end.
    pub(crate) took: Duration,
}

/// The outcome of a set. It outlives the attempt, so that a deadline loses nothing that was complete before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SetOutcome {
    /// `None` when the set did not reach its end.
    pub(crate) closing: Option<Closing>,
    /// Why its rows could not be decoded. The stream is intact, so the other sets are read nevertheless.
    pub(crate) error: Option<CellError>,
}

/// A result set that decodes its own rows.
pub(crate) trait Set: Send {
    /// The statement that it answers.
    fn statement(&self) -> &'static Statement;

    /// The source text; see [`super::statements::prepare`].
    fn text(&self) -> Cow<'static, str>;

    fn outcome(&self) -> &SetOutcome;

    /// Receives its closing row.
    fn close(&mut self, closing: Closing);

    /// Receives the names of its columns.
    fn open(&mut self, columns: &[String], context: &mut Context<'_>);

    /// Receives a row.
    fn take(&mut self, row: Cells<'_>, context: &mut Context<'_>);
}

/// The rows of one statement, decoded as they come.
pub(crate) struct ResultSet<R> {
    /// All rows, or those before an error.
    pub(crate) rows: Vec<R>,
    statement: &'static Statement,
    /// The `server_id` of the one target that it is about.
    about: Option<i32>,
    decoder: Option<Decoder<R>>,
    outcome: SetOutcome,
}

impl<R> ResultSet<R> {
    /// An empty set for the answer of a statement.
    pub(crate) fn of(statement: &'static Statement) -> ResultSet<R> {
        ResultSet { rows: Vec::new(), statement, about: None, decoder: None, outcome: SetOutcome::default() }
    }

    /// An empty set for the answer of a statement about one target, whose text has -1 in the place of its `server_id`.
    pub(crate) fn about(statement: &'static Statement, server_id: i32) -> ResultSet<R> {
        ResultSet { about: Some(server_id), ..ResultSet::of(statement) }
    }

    /// The duration of its statement; zero when it did not end.
    pub(crate) fn took(&self) -> Duration {
        self.outcome.closing.map(|closing| closing.took).unwrap_or_default()
    }
}

impl<R: FromRow> ResultSet<R> {
    fn spoil(&mut self, error: CellError, context: &mut Context<'_>) {
        R::spoiled(&error, context);
        self.decoder = None;
        self.outcome.error = Some(error);
    }
}

impl<R: FromRow + Send> Set for ResultSet<R> {
    fn statement(&self) -> &'static Statement {
        self.statement
    }

    fn text(&self) -> Cow<'static, str> {
        match self.about {
            Some(server_id) => {
                self.statement.text.replace("server_id = -1", &format!("server_id = {server_id}")).into()
            }
            None => self.statement.text.into(),
        }
    }

    fn outcome(&self) -> &SetOutcome {
        &self.outcome
    }

    fn close(&mut self, closing: Closing) {
        self.outcome.closing = Some(closing);
    }

    fn open(&mut self, columns: &[String], context: &mut Context<'_>) {
        context.enter(self.statement.name);
        match R::decoder(columns) {
            Ok(decoder) => self.decoder = Some(decoder),
            Err(error) => self.spoil(error, context),
        }
    }

    fn take(&mut self, row: Cells<'_>, context: &mut Context<'_>) {
        match self.decoder.as_ref().map(|decode| decode(row, context)) {
            Some(Ok(row)) if self.rows.len() < self.statement.most => self.rows.push(row),
            Some(Ok(_)) => {}
            Some(Err(error)) => self.spoil(error, context),
            // An earlier row could not be decoded.
            None => {}
        }
    }
}
