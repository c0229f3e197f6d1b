//! FROM: tables, derived tables, joins.

use super::Binder;
use super::scope::ScopeSource;
use crate::tsql::collation::Collation;
use crate::tsql::errors;
use crate::tsql::plan::{Comparison, Expr, Join, Node, OutputColumn, Pred, Query, Source};
use crate::tsql::types::Ty;
use crate::tsql::walk;
use crate::wire::ServerError;
use sqlparser::ast;

/// Hints that change nothing of what is read here.
const TABLE_HINTS: [&str; 6] = ["NOLOCK", "READUNCOMMITTED", "READCOMMITTED", "READPAST", "ROWLOCK", "PAGLOCK"];

impl Binder<'_> {
    /// Adds what stands in FROM to the innermost scope.
    pub(super) fn from(
        &mut self,
        from: &[ast::TableWithJoins],
        sources: &mut Vec<Source>,
        joins: &mut Vec<Join>,
    ) -> Result<(), ServerError> {
        for item in from {
            sources.push(self.source(&item.relation, false)?);
            if sources.len() > 1 {
                joins.push(Join { left: false, equal: Vec::new(), rest: None });
            }
            for join in &item.joins {
                let (left, apply, on) = match &join.join_operator {
                    ast::JoinOperator::Join(on) | ast::JoinOperator::Inner(on) => (false, false, Some(on)),
                    ast::JoinOperator::Left(on) | ast::JoinOperator::LeftOuter(on) => (true, false, Some(on)),
                    ast::JoinOperator::CrossJoin(ast::JoinConstraint::None) => (false, false, None),
                    ast::JoinOperator::CrossApply => (false, true, None),
                    ast::JoinOperator::OuterApply => (true, true, None),
                    _ => return Err(errors::unsupported(&format!("the join {join}"))),
                };
                sources.push(self.source(&join.relation, apply)?);
                if left {
                    self.may_be_missing();
                }
                let mut bound = Join { left, equal: Vec::new(), rest: None };
                match on {
                    None => {}
                    Some(ast::JoinConstraint::On(on)) => {
                        let new = sources.len() - 1;
                        for part in self.pred(on)?.conjuncts() {
                            place(part, new, &mut bound);
                        }
                    }
                    Some(_) => return Err(errors::syntax("JOIN")),
                }
                joins.push(bound);
            }
        }
        Ok(())
    }

    /// The columns of the newest source become nullable.
    fn may_be_missing(&mut self) {
        if let Some(source) = self.scopes.last_mut().and_then(|scope| scope.sources.last_mut()) {
            source.columns.iter_mut().for_each(|column| column.nullable = true);
        }
    }

    fn source(&mut self, factor: &ast::TableFactor, lateral: bool) -> Result<Source, ServerError> {
        match factor {
            ast::TableFactor::Table { name, alias, args: None, with_hints, version: None, index_hints, .. }
                if index_hints.is_empty() =>
            {
                hints(with_hints)?;
                self.table(name, alias.as_ref())
            }
            ast::TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                let hidden = !lateral;
                self.hide(hidden);
                let bound = self.query(subquery);
                self.hide(false);
                let query = renamed(bound?, alias)?;
                self.see(vec![alias.name.value.to_lowercase()], query.columns.clone())?;
                Ok(if lateral { Source::Lateral(Box::new(query)) } else { Source::Derived(Box::new(query)) })
            }
            other => Err(errors::unsupported(&format!("the source {other}"))),
        }
    }

    fn hide(&mut self, hidden: bool) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.hidden = hidden;
        }
    }

    fn table(&mut self, name: &ast::ObjectName, alias: Option<&ast::TableAlias>) -> Result<Source, ServerError> {
        let mut parts = Vec::new();
        for part in &name.0 {
            match part {
                ast::ObjectNamePart::Identifier(part) => parts.push(part.value.as_str()),
                ast::ObjectNamePart::Function(_) => return Err(errors::unsupported(&format!("the source {name}"))),
            }
        }
        let named = alias.map(|a| vec![a.name.value.to_lowercase()]);
        if let ([only], Some(cte)) =
            (parts.as_slice(), parts.first().and_then(|n| self.ctes.iter().rev().find(|c| c.0.eq_ignore_ascii_case(n))))
        {
            let query = cte.1.clone();
            let named = named.unwrap_or_else(|| vec![only.to_lowercase()]);
            self.see(named, query.columns.clone())?;
            return Ok(Source::Derived(Box::new(query)));
        }
        let (database, schema, table) = match parts.as_slice() {
            [table] => (None, None, *table),
            [schema, table] => (None, Some(*schema), *table),
            [database, schema, table] => (Some(*database), Some(*schema).filter(|s| !s.is_empty()), *table),
            _ => return Err(errors::unsupported(&format!("the four-part name {name}"))),
        };
        let shape =
            self.world.find(database, schema, table)?.ok_or_else(|| errors::unknown_object(&parts.join(".")))?;
        let columns = shape
            .columns
            .iter()
            .map(|c| OutputColumn { name: c.name.clone(), ty: Ty::Wire(c.ty), nullable: c.nullable, collation: None })
            .collect();
        let named = named.unwrap_or_else(|| {
            vec![shape.database.to_lowercase(), shape.schema.to_lowercase(), shape.name.to_lowercase()]
        });
        self.see(named, columns)?;
        Ok(Source::Table(shape))
    }

    /// Adds a source to the innermost scope.
    fn see(&mut self, name: Vec<String>, columns: Vec<OutputColumn>) -> Result<(), ServerError> {
        let Some(scope) = self.scopes.last_mut() else { return Ok(()) };
        if scope.sources.iter().any(|source| source.name == name) {
            let name = name.join(".");
            return Err(ServerError::new(
                1011,
                16,
                format!("The correlation name '{name}' is specified multiple times in a FROM clause."),
            ));
        }
        scope.sources.push(ScopeSource { name, columns, used: Default::default() });
        Ok(())
    }
}

fn hints(hints: &[ast::Expr]) -> Result<(), ServerError> {
    let names = hints.iter().map(|hint| hint.to_string().to_uppercase());
    match names.into_iter().find(|name| !TABLE_HINTS.contains(&name.as_str())) {
        Some(name) => Err(errors::unsupported(&format!("the table hint {name}"))),
        None => Ok(()),
    }
}

/// Gives the columns the names behind the alias, and insists that each has one.
fn renamed(mut query: Query, alias: &ast::TableAlias) -> Result<Query, ServerError> {
    let source = &alias.name.value;
    if !alias.columns.is_empty() {
        if alias.columns.len() != query.columns.len() {
            return Err(ServerError::new(
                8159,
                16,
                format!("'{source}' has more or fewer columns than were specified in the column list."),
            ));
        }
        for (column, named) in query.columns.iter_mut().zip(&alias.columns) {
            column.name.clone_from(&named.name.value);
        }
    }
    match query.columns.iter().position(|c| c.name.is_empty()) {
        Some(at) => Err(errors::unnamed_column(at + 1, source)),
        None => Ok(query),
    }
}

/// Sorts a part of ON into the equalities that a hash join can use, or the rest.
fn place(part: Pred, new: usize, join: &mut Join) {
    if let Pred::Compare(Comparison::Equal, left, right, collation) = &part {
        let equality = |old: &Expr, fresh: &Expr, collation: Collation| {
            (side(old, |source| source < new) && side(fresh, |source| source == new))
                .then(|| (old.clone(), fresh.clone(), collation))
        };
        if let Some(found) = equality(left, right, *collation).or_else(|| equality(right, left, *collation)) {
            join.equal.push(found);
            return;
        }
    }
    join.rest = Some(match join.rest.take() {
        Some(rest) => rest.and(part),
        None => part,
    });
}

/// Whether every column of this query in it is of such a source, and there is one.
fn side(expr: &Expr, wanted: impl Fn(usize) -> bool) -> bool {
    let mut any = false;
    let all = walk::every(expr, &mut |node| match node {
        Node::Column { depth: 0, source, .. } => {
            any = true;
            wanted(*source)
        }
        Node::Scalar(_) => false,
        _ => true,
    });
    all && any
}
