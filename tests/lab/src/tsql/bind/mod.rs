//! Resolves names and types: what a real server does when it compiles a statement.

mod calls;
mod expr;
mod from;
mod group;
mod pred;
mod scope;
mod select;

use super::plan::{Pred, Query};
use super::world::{Shape, World};
use crate::wire::ServerError;
use scope::Scope;
use sqlparser::ast;
use std::sync::Arc;

/// Binds a query that stands alone.
///
/// # Errors
/// The compile error: 207, 208, 195 and their like.
pub(crate) fn query(world: &dyn World, query: &ast::Query) -> Result<Bound, ServerError> {
    let mut binder = Binder::new(world);
    let query = binder.query(query)?;
    Ok(Bound { query, tables: binder.tables })
}

/// Binds the condition of an IF.
///
/// # Errors
/// As [`query`].
pub(crate) fn condition(world: &dyn World, condition: &ast::Expr) -> Result<(Pred, Vec<TableUse>), ServerError> {
    let mut binder = Binder::new(world);
    binder.scopes.push(Scope::default());
    let pred = binder.pred(condition)?;
    Ok((pred, binder.tables))
}

/// A query and every table that it reads, those of its subqueries too.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The query.
    pub query: Query,
    /// Its tables, in the order in which they were met.
    pub tables: Vec<TableUse>,
}

/// A table and the columns of it that a statement names anywhere.
#[derive(Debug)]
pub(crate) struct TableUse {
    /// The table.
    pub shape: Arc<Shape>,
    /// Positions of the columns.
    pub columns: Vec<usize>,
}

struct Binder<'w> {
    world: &'w dyn World,
    /// The queries around what is being bound, the innermost last.
    scopes: Vec<Scope>,
    /// Common table expressions in sight.
    ctes: Vec<(String, Query)>,
    /// Every table met so far.
    tables: Vec<TableUse>,
    /// Number for the next subquery.
    next_id: usize,
    /// The outermost scope that was looked at since this was last reset.
    reached: usize,
    /// Whether an aggregate may stand here.
    aggregates: bool,
    /// Whether one stood there.
    saw_aggregate: bool,
}

impl<'w> Binder<'w> {
    fn new(world: &'w dyn World) -> Binder<'w> {
        Binder {
            world,
            scopes: Vec::new(),
            ctes: Vec::new(),
            tables: Vec::new(),
            next_id: 0,
            reached: usize::MAX,
            aggregates: false,
            saw_aggregate: false,
        }
    }
}
