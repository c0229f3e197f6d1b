//! Runs bound statements.

mod aggregate;
mod eval;
mod from;
mod key;
mod select;
mod subquery;

use super::plan::Pred;
use super::world::{Row, World};
use crate::wire::{ServerError, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use subquery::Kept;

/// One row of a query's sources; `None` where an outer join found no partner.
pub(crate) type Frame = Vec<Option<Row>>;

/// What a statement may ask its session.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    /// `@@ERROR`.
    pub error: u32,
    /// `@@TRANCOUNT`.
    pub transactions: u32,
    /// `@@ROWCOUNT`.
    pub rows: i64,
    /// The error that a CATCH block handles.
    pub caught: Option<ServerError>,
}

/// One run of one statement.
pub(crate) struct Run<'w> {
    world: &'w dyn World,
    facts: &'w Facts,
    kept: RefCell<HashMap<usize, Rc<Kept>>>,
    /// Whether an aggregate left a NULL out.
    pub null_eliminated: Cell<bool>,
}

/// Where an expression finds its columns.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    frame: &'a [Option<Row>],
    outer: Option<&'a Env<'a>>,
}

impl<'w> Run<'w> {
    /// A run in this world.
    pub(crate) fn new(world: &'w dyn World, facts: &'w Facts) -> Run<'w> {
        Run { world, facts, kept: RefCell::default(), null_eliminated: Cell::new(false) }
    }

    /// The rows of a query that stands alone.
    ///
    /// # Errors
    /// Errors of values: conversions, overflows, divisions by zero.
    pub(crate) fn rows(&self, query: &super::plan::Query) -> Result<Vec<Vec<Value>>, ServerError> {
        self.query(query, None)
    }

    /// Whether the condition of an IF holds.
    ///
    /// # Errors
    /// As [`Run::rows`].
    pub(crate) fn holds(&self, pred: &Pred) -> Result<bool, ServerError> {
        Ok(self.pred(pred, &Env { frame: &[], outer: None })? == Some(true))
    }
}
