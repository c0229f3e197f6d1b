//! SELECT and UNION.

use super::key::{Key, key, order};
use super::{Env, Frame, Run};
use crate::tsql::convert::convert;
use crate::tsql::plan::{Body, Query, Select};
use crate::wire::{ServerError, Value};
use std::cmp::Ordering;
use std::collections::HashSet;

impl Run<'_> {
    pub(super) fn query(&self, query: &Query, outer: Option<&Env<'_>>) -> Result<Vec<Vec<Value>>, ServerError> {
        let mut rows = match &query.body {
            Body::Select(select) => self.select(select, outer)?,
            Body::Values(rows) => {
                let env = Env { frame: &[], outer };
                let rows = rows.iter().map(|row| row.iter().map(|e| self.eval(e, &env)).collect());
                rows.collect::<Result<Vec<Vec<Value>>, ServerError>>()?
            }
            Body::Union { left, right, all } => {
                let mut rows = Vec::new();
                for side in [left, right] {
                    for mut row in self.query(side, outer)? {
                        for ((value, from), to) in row.iter_mut().zip(&side.columns).zip(&query.columns) {
                            if from.ty != to.ty {
                                *value = convert(value.clone(), from.ty, to.ty, 0)?;
                            }
                        }
                        rows.push(row);
                    }
                }
                if !all {
                    self.distinct(&mut rows, query);
                }
                rows
            }
        };
        if !query.order.is_empty() {
            rows.sort_by(|a, b| {
                query.order.iter().fold(Ordering::Equal, |so_far, (at, descending)| {
                    let collation = query.columns[*at].collation.unwrap_or(self.world.collation());
                    let next = order(&a[*at], &b[*at], collation);
                    so_far.then(if *descending { next.reverse() } else { next })
                })
            });
        }
        Ok(rows)
    }

    fn distinct(&self, rows: &mut Vec<Vec<Value>>, query: &Query) {
        let mut seen: HashSet<Vec<Key>> = HashSet::new();
        rows.retain(|row| {
            let keys =
                row.iter().zip(&query.columns).map(|(v, c)| key(v, c.collation.unwrap_or(self.world.collation())));
            seen.insert(keys.collect())
        });
    }

    fn select(&self, select: &Select, outer: Option<&Env<'_>>) -> Result<Vec<Vec<Value>>, ServerError> {
        let mut frames = self.from(select, outer)?;
        if let Some(filter) = &select.filter {
            frames = self.kept_frames(frames, filter, outer)?;
        }
        if let Some(group) = &select.group {
            frames = self.grouped(&frames, group, outer)?;
        }
        if let Some(having) = &select.having {
            frames = self.kept_frames(frames, having, outer)?;
        }
        let top = match &select.top {
            None => None,
            Some(top) => match self.eval(top, &Env { frame: &[], outer })? {
                Value::Int(number) => Some(usize::try_from(number).map_err(|_| {
                    ServerError::new(1060, 15, "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.")
                })?),
                _ => None,
            },
        };
        if let (Some(top), true, false) = (top, select.order.is_empty(), select.distinct) {
            frames.truncate(top);
        }
        let mut rows = Vec::with_capacity(frames.len());
        for frame in &frames {
            let env = Env { frame, outer };
            let keys = select.order.iter().map(|(e, _)| self.eval(e, &env)).collect::<Result<Vec<Value>, _>>()?;
            let row = select.outputs.iter().map(|e| self.eval(e, &env)).collect::<Result<Vec<Value>, _>>()?;
            rows.push((keys, row));
        }
        if select.distinct {
            let mut seen: HashSet<Vec<Key>> = HashSet::new();
            rows.retain(|(_, row)| {
                seen.insert(row.iter().zip(&select.outputs).map(|(v, e)| key(v, self.collation(e))).collect())
            });
        }
        rows.sort_by(|(a, _), (b, _)| {
            let keys = a.iter().zip(b).zip(&select.order);
            keys.fold(Ordering::Equal, |so_far, ((a, b), (expr, descending))| {
                let next = order(a, b, self.collation(expr));
                so_far.then(if *descending { next.reverse() } else { next })
            })
        });
        rows.truncate(top.unwrap_or(usize::MAX));
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    pub(super) fn kept_frames(
        &self,
        frames: Vec<Frame>,
        pred: &crate::tsql::plan::Pred,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Frame>, ServerError> {
        let mut kept = Vec::with_capacity(frames.len());
        for frame in frames {
            if self.pred(pred, &Env { frame: &frame, outer })? == Some(true) {
                kept.push(frame);
            }
        }
        Ok(kept)
    }
}
