//! EXISTS, IN (SELECT …) and scalar subqueries.

use super::key::{Key, key};
use super::{Env, Run};
use crate::tsql::collation::Collation;
use crate::tsql::errors;
use crate::tsql::plan::{Body, Comparison, Expr, Node, Pred, Query, Select, Source, Subquery};
use crate::tsql::walk;
use crate::wire::{ServerError, Value};
use std::collections::HashSet;
use std::rc::Rc;

/// What is kept of a subquery while its statement runs.
pub(super) enum Kept {
    /// The rows of one that looks at nothing around it.
    Rows(Vec<Vec<Value>>, HashSet<Key>),
    /// An EXISTS that meets the query around it in equalities only: the keys that exist.
    SemiJoin { outer: Vec<(Expr, Collation)>, keys: HashSet<Vec<Key>> },
    /// Nothing: it runs again for each row.
    Nothing,
}

impl Run<'_> {
    pub(super) fn scalar(&self, subquery: &Subquery, env: &Env<'_>) -> Result<Value, ServerError> {
        let one = |rows: &[Vec<Value>]| match rows {
            [] => Ok(Value::Null),
            [row] => Ok(row.first().cloned().unwrap_or(Value::Null)),
            _ => Err(errors::many_rows()),
        };
        if subquery.correlated {
            return one(&self.query(&subquery.query, Some(env))?);
        }
        match &*self.uncorrelated(subquery, self.world.collation())? {
            Kept::Rows(rows, _) => one(rows),
            _ => Ok(Value::Null),
        }
    }

    pub(super) fn contains(
        &self,
        subquery: &Subquery,
        value: &Value,
        collation: Collation,
        env: &Env<'_>,
    ) -> Result<Option<bool>, ServerError> {
        if subquery.correlated {
            let rows = self.query(&subquery.query, Some(env))?;
            return self.any(rows.into_iter().filter_map(|row| row.into_iter().next()).map(Ok), value, collation);
        }
        Ok(match &*self.uncorrelated(subquery, collation)? {
            Kept::Rows(rows, _) if rows.is_empty() => Some(false),
            Kept::Rows(..) if *value == Value::Null => None,
            Kept::Rows(_, keys) if keys.contains(&key(value, collation)) => Some(true),
            Kept::Rows(_, keys) if keys.contains(&Key::Null) => None,
            _ => Some(false),
        })
    }

    pub(super) fn exists(&self, subquery: &Subquery, env: &Env<'_>) -> Result<bool, ServerError> {
        if !subquery.correlated {
            let kept = self.uncorrelated(subquery, self.world.collation())?;
            return Ok(matches!(&*kept, Kept::Rows(rows, _) if !rows.is_empty()));
        }
        let known = self.kept.borrow().get(&subquery.id).cloned();
        let kept = match known {
            Some(kept) => kept,
            None => {
                let kept = Rc::new(self.semi_join(&subquery.query, env)?);
                self.kept.borrow_mut().insert(subquery.id, kept.clone());
                kept
            }
        };
        match &*kept {
            Kept::SemiJoin { outer, keys } => {
                // The outer sides were written one query further in: an empty frame stands for that query.
                let inside = Env { frame: &[], outer: Some(env) };
                let wanted = outer.iter().map(|(e, collation)| Ok(key(&self.eval(e, &inside)?, *collation)));
                let wanted: Vec<Key> = wanted.collect::<Result<_, ServerError>>()?;
                Ok(keys.contains(&wanted))
            }
            _ => Ok(!self.query(&subquery.query, Some(env))?.is_empty()),
        }
    }

    fn uncorrelated(&self, subquery: &Subquery, collation: Collation) -> Result<Rc<Kept>, ServerError> {
        if let Some(kept) = self.kept.borrow().get(&subquery.id) {
            return Ok(kept.clone());
        }
        let rows = self.query(&subquery.query, None)?;
        let keys = rows.iter().filter_map(|row| row.first()).map(|value| key(value, collation)).collect();
        let kept = Rc::new(Kept::Rows(rows, keys));
        self.kept.borrow_mut().insert(subquery.id, kept.clone());
        Ok(kept)
    }

    /// Turns `EXISTS (SELECT … WHERE inner = outer AND …)` into a set of keys, where that is the same.
    fn semi_join(&self, query: &Query, env: &Env<'_>) -> Result<Kept, ServerError> {
        let Body::Select(select) = &query.body else { return Ok(Kept::Nothing) };
        let plain = select.group.is_none()
            && select.having.is_none()
            && select.top.is_none()
            && select.sources.iter().all(|source| matches!(source, Source::Table(_)))
            && select.joins.iter().all(|join| {
                join.equal.iter().all(|(a, b, _)| inner(a) && inner(b)) && join.rest.as_ref().is_none_or(inner_pred)
            });
        let Some(filter) = select.filter.clone().filter(|_| plain) else { return Ok(Kept::Nothing) };
        let (mut equal, mut rest): (Vec<(Expr, Expr, Collation)>, Option<Pred>) = (Vec::new(), None);
        for part in filter.conjuncts() {
            match part {
                Pred::Compare(Comparison::Equal, a, b, collation) if inner(&a) && outer(&b) => {
                    equal.push((a, b, collation))
                }
                Pred::Compare(Comparison::Equal, a, b, collation) if inner(&b) && outer(&a) => {
                    equal.push((b, a, collation))
                }
                part if inner_pred(&part) => rest = Some(rest.map_or(part.clone(), |rest| rest.and(part))),
                _ => return Ok(Kept::Nothing),
            }
        }
        let scan = Select { filter: None, ..(**select).clone() };
        let mut frames = self.from(&scan, Some(env))?;
        if let Some(rest) = &rest {
            frames = self.kept_frames(frames, rest, Some(env))?;
        }
        let mut keys = HashSet::new();
        for frame in &frames {
            let env = Env { frame, outer: Some(env) };
            let key = equal.iter().map(|(e, _, collation)| Ok(key(&self.eval(e, &env)?, *collation)));
            let key: Vec<Key> = key.collect::<Result<_, ServerError>>()?;
            if !key.contains(&Key::Null) {
                keys.insert(key);
            }
        }
        Ok(Kept::SemiJoin { outer: equal.into_iter().map(|(_, e, collation)| (e, collation)).collect(), keys })
    }
}

/// Looks only at the subquery's own sources.
fn inner(expr: &Expr) -> bool {
    walk::every(expr, &mut own)
}

fn inner_pred(pred: &Pred) -> bool {
    walk::every_in(pred, &mut own)
}

fn own(node: &Node) -> bool {
    !matches!(node, Node::Column { depth: 1.., .. } | Node::Scalar(_))
}

/// Looks only at the queries around the subquery.
fn outer(expr: &Expr) -> bool {
    walk::every(expr, &mut |node| !matches!(node, Node::Column { depth: 0, .. } | Node::Scalar(_)))
}
