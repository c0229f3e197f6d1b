//! A statement, and the result set that it answers with.

use super::cells::{CellError, Cells};
use super::rows::{Context, Decoder, FromRow};
use std::time::Duration;

/// A statement of a batch. Its first column is named `set:` and its name, so that no set is known by its position.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The name.
    pub(crate) name: &'static str,
    /// As it is written; see [`super::statements::prepare`].
    pub(crate) text: &'static str,
    /// How long it may take, where it may not take all the time of the reading.
    pub(crate) cap: Option<Duration>,
    /// How many rows are kept. The others are read and dropped.
    pub(crate) most: usize,
}

impl Statement {
    /// A statement that may take all the time there is.
    pub(crate) const fn new(name: &'static str, text: &'static str) -> Statement {
        Statement { name, text, cap: None, most: usize::MAX }
    }

    /// The same with a time of its own.
    pub(crate) const fn within(self, cap: Duration) -> Statement {
        Statement { cap: Some(cap), ..self }
    }

    /// The same with a bound on the rows that are kept.
    pub(crate) const fn at_most(self, most: usize) -> Statement {
        Statement { most, ..self }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    /// `@@ERROR` right behind it; 0 when its rows are complete.
    pub(crate) error: u32,
    /// From the end of the one before to its own.
    pub(crate) took: Duration,
}

/// What is known of a set's end. It outlives the attempt, so that a deadline loses nothing that was complete before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SetOutcome {
    /// `None` when it did not come to its end.
    pub(crate) closing: Option<Closing>,
    /// Why its rows could not be read. The stream is sound, so those of the other sets are read all the same.
    pub(crate) error: Option<CellError>,
}

/// A result set that takes in its own rows, whatever they are.
pub(crate) trait Set: Send {
    /// What it answers.
    fn statement(&self) -> &'static Statement;

    /// How it ended.
    fn outcome(&self) -> &SetOutcome;

    /// Takes in its closing row.
    fn close(&mut self, closing: Closing);

    /// Takes in the names of its columns.
    fn open(&mut self, columns: &[String], context: &mut Context<'_>);

    /// Takes in a row.
    fn take(&mut self, row: Cells<'_>, context: &mut Context<'_>);
}

/// The rows of one statement, read as they come; nothing is kept twice.
pub(crate) struct ResultSet<R> {
    /// What was read before an error came, or all of them.
    pub(crate) rows: Vec<R>,
    statement: &'static Statement,
    decoder: Option<Decoder<R>>,
    outcome: SetOutcome,
}

impl<R> ResultSet<R> {
    /// An empty one for the answer of a statement.
    pub(crate) fn of(statement: &'static Statement) -> ResultSet<R> {
        ResultSet { rows: Vec::new(), statement, decoder: None, outcome: SetOutcome::default() }
    }

    /// How long its statement took; nothing when it did not end.
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
            // An earlier row could not be read.
            None => {}
        }
    }
}
