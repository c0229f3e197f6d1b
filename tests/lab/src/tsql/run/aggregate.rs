//! GROUP BY.

use super::key::{Key, compare, key};
use super::{Env, Frame, Run};
use crate::tsql::collation::Collation;
use crate::tsql::convert::convert;
use crate::tsql::errors;
use crate::tsql::plan::{Aggregate, AggregateFunction, Expr, Group};
use crate::tsql::types::{Ty, decimal_shape};
use crate::tsql::world::Row;
use crate::wire::{ServerError, Type, Value};
use std::collections::{HashMap, HashSet};

impl Run<'_> {
    /// One frame for each group: its keys and then its aggregates. Without keys there is exactly one group.
    pub(super) fn grouped(
        &self,
        frames: &[Frame],
        group: &Group,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Frame>, ServerError> {
        let mut places: HashMap<Vec<Key>, usize> = HashMap::new();
        let mut groups: Vec<(Vec<Value>, Vec<Accumulator>)> = Vec::new();
        if group.keys.is_empty() {
            places.insert(Vec::new(), 0);
            groups.push((Vec::new(), accumulators(group)));
        }
        for frame in frames {
            let env = Env { frame, outer };
            let values = group.keys.iter().map(|k| self.eval(k, &env)).collect::<Result<Vec<Value>, _>>()?;
            let keys: Vec<Key> = values.iter().zip(&group.keys).map(|(v, k)| key(v, self.collation(k))).collect();
            let place = *places.entry(keys).or_insert_with(|| {
                groups.push((values, accumulators(group)));
                groups.len() - 1
            });
            for (accumulator, aggregate) in groups[place].1.iter_mut().zip(&group.aggregates) {
                match &aggregate.argument {
                    None => accumulator.rows += 1,
                    Some(argument) => {
                        let value = self.eval(argument, &env)?;
                        if value == Value::Null {
                            self.null_eliminated.set(true);
                        } else {
                            accumulator.take(value, aggregate, self.collation(argument))?;
                        }
                    }
                }
            }
        }
        let mut grouped = Vec::with_capacity(groups.len());
        for (mut values, accumulators) in groups {
            for (accumulator, aggregate) in accumulators.into_iter().zip(&group.aggregates) {
                values.push(accumulator.result(aggregate)?);
            }
            grouped.push(vec![Some(Row::from(values))]);
        }
        Ok(grouped)
    }

    pub(super) fn collation(&self, expr: &Expr) -> Collation {
        expr.collation.unwrap_or(self.world.collation())
    }
}

fn accumulators(group: &Group) -> Vec<Accumulator> {
    group.aggregates.iter().map(|_| Accumulator::default()).collect()
}

#[derive(Default)]
struct Accumulator {
    rows: i64,
    sum: i128,
    float: f64,
    extreme: Option<Value>,
    seen: HashSet<Key>,
}

impl Accumulator {
    fn take(&mut self, value: Value, aggregate: &Aggregate, collation: Collation) -> Result<(), ServerError> {
        if aggregate.distinct && !self.seen.insert(key(&value, collation)) {
            return Ok(());
        }
        self.rows += 1;
        let wanted = match aggregate.function {
            AggregateFunction::Count | AggregateFunction::CountBig => return Ok(()),
            AggregateFunction::Sum | AggregateFunction::Avg => {
                let added = match value {
                    Value::Int(number) => self.sum.checked_add(number.into()),
                    Value::Decimal(digits) => self.sum.checked_add(digits),
                    Value::Float(number) => {
                        self.float += number;
                        Some(0)
                    }
                    _ => None,
                };
                self.sum = added.ok_or_else(|| errors::overflow("numeric"))?;
                return Ok(());
            }
            AggregateFunction::Min => std::cmp::Ordering::Less,
            AggregateFunction::Max => std::cmp::Ordering::Greater,
        };
        let better = self.extreme.as_ref().is_none_or(|best| compare(&value, best, collation) == Some(wanted));
        if better {
            self.extreme = Some(value);
        }
        Ok(())
    }

    fn result(self, aggregate: &Aggregate) -> Result<Value, ServerError> {
        let of = aggregate.argument.as_ref().map_or(Ty::INT, |a| a.ty);
        let rows = i128::from(self.rows);
        let integer = |sum: i128| {
            let ty = if of == Ty::BIGINT { Ty::BIGINT } else { Ty::INT };
            convert(Value::Decimal(sum), Ty::Wire(Type::Decimal { precision: 38, scale: 0 }), ty, 0)
        };
        match aggregate.function {
            AggregateFunction::Count if self.rows > i64::from(i32::MAX) => Err(errors::overflow("int")),
            AggregateFunction::Count | AggregateFunction::CountBig => Ok(Value::Int(self.rows)),
            AggregateFunction::Min | AggregateFunction::Max => Ok(self.extreme.unwrap_or(Value::Null)),
            _ if self.rows == 0 => Ok(Value::Null),
            AggregateFunction::Sum if of.is_integer() => integer(self.sum),
            AggregateFunction::Avg if of.is_integer() => integer(self.sum / rows),
            AggregateFunction::Sum if matches!(of, Ty::Wire(Type::Decimal { .. })) => Ok(Value::Decimal(self.sum)),
            AggregateFunction::Avg if matches!(of, Ty::Wire(Type::Decimal { .. })) => {
                let (_, scale) = decimal_shape(of);
                let lift = 10_i128.pow(u32::from(scale.max(6) - scale));
                self.sum
                    .checked_mul(lift)
                    .map(|sum| Value::Decimal(sum / rows))
                    .ok_or_else(|| errors::overflow("numeric"))
            }
            AggregateFunction::Sum => Ok(Value::Float(self.float)),
            #[allow(clippy::cast_precision_loss)]
            AggregateFunction::Avg => Ok(Value::Float(self.float / self.rows as f64)),
        }
    }
}
