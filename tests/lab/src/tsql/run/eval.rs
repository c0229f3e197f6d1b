//! Expressions and predicates over one row.

use super::key::compare;
use super::{Env, Run};
use crate::tsql::collation::Collation;
use crate::tsql::convert::convert;
use crate::tsql::errors;
use crate::tsql::functions::{Builtin, text, time};
use crate::tsql::like;
use crate::tsql::plan::{Arithmetic, Comparison, Expr, Node, Pred};
use crate::tsql::types::{Ty, decimal_shape};
use crate::wire::{ServerError, Type, Value};
use std::cmp::Ordering;

impl Run<'_> {
    pub(super) fn eval(&self, expr: &Expr, env: &Env<'_>) -> Result<Value, ServerError> {
        match &expr.node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Column { depth, source, column, .. } => Ok(lookup(env, *depth, *source, *column)),
            Node::Cast { inner, style, forgiving } => {
                let value = self.eval(inner, env)?;
                if matches!(value, Value::Int(_))
                    && inner.ty.is_integer()
                    && expr.ty.is_integer()
                    && inner.ty.rank() <= expr.ty.rank()
                {
                    return Ok(value);
                }
                match convert(value, inner.ty, expr.ty, *style) {
                    Err(_) if *forgiving => Ok(Value::Null),
                    other => other,
                }
            }
            Node::Call(builtin, arguments) => self.call(*builtin, arguments, env),
            Node::Dated(builtin, part, arguments) => {
                let values = self.list(arguments, env)?;
                match (builtin, values.as_slice()) {
                    (Builtin::DateDiff | Builtin::DateDiffBig, [from, to]) => {
                        time::difference(*builtin, *part, from, to)
                    }
                    (Builtin::DatePart, [of]) => time::part(*part, of),
                    (Builtin::DateAdd, [Value::Int(number), to]) => match expr.ty {
                        Ty::Wire(ty) => time::add(*part, *number, to, ty),
                        _ => Ok(Value::Null),
                    },
                    _ => Ok(Value::Null),
                }
            }
            Node::Arithmetic(operator, left, right) => {
                let shapes = (decimal_shape(left.ty), decimal_shape(right.ty));
                arithmetic(*operator, &self.eval(left, env)?, &self.eval(right, env)?, expr.ty, shapes)
            }
            Node::Case(arms, otherwise) => {
                for (when, then) in arms {
                    if self.pred(when, env)? == Some(true) {
                        return self.eval(then, env);
                    }
                }
                otherwise.as_ref().map_or(Ok(Value::Null), |e| self.eval(e, env))
            }
            Node::Coalesce(arguments) => {
                for argument in arguments {
                    let value = self.eval(argument, env)?;
                    if value != Value::Null {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Node::Scalar(subquery) => self.scalar(subquery, env),
            Node::Aggregate(_) => Err(errors::aggregate_here()),
        }
    }

    fn list(&self, list: &[Expr], env: &Env<'_>) -> Result<Vec<Value>, ServerError> {
        list.iter().map(|e| self.eval(e, env)).collect()
    }

    fn call(&self, builtin: Builtin, arguments: &[Expr], env: &Env<'_>) -> Result<Value, ServerError> {
        let values = self.list(arguments, env)?;
        let caught = |value: fn(&ServerError) -> Value| self.facts.caught.as_ref().map_or(Value::Null, value);
        match builtin {
            Builtin::IsNull => Ok(values.into_iter().find(|v| *v != Value::Null).unwrap_or(Value::Null)),
            Builtin::Abs => Ok(match values.first() {
                Some(Value::Int(number)) => Value::Int(number.abs()),
                Some(Value::Float(number)) => Value::Float(number.abs()),
                Some(Value::Decimal(number)) => Value::Decimal(number.abs()),
                _ => Value::Null,
            }),
            Builtin::GetDate
            | Builtin::GetUtcDate
            | Builtin::SysDateTime
            | Builtin::SysUtcDateTime
            | Builtin::SysDateTimeOffset => Ok(time::clock(builtin, self.world.now())),
            Builtin::SwitchOffset | Builtin::ToDateTimeOffset => match values.as_slice() {
                [of, offset] => time::offset(builtin, of, offset),
                _ => Ok(Value::Null),
            },
            Builtin::AtError => Ok(Value::Int(self.facts.error.into())),
            Builtin::AtTranCount => Ok(Value::Int(self.facts.transactions.into())),
            Builtin::AtRowCount => Ok(Value::Int(self.facts.rows)),
            Builtin::ErrorNumber => Ok(caught(|e| Value::Int(e.number.into()))),
            Builtin::ErrorSeverity => Ok(caught(|e| Value::Int(e.class.into()))),
            Builtin::ErrorState => Ok(caught(|e| Value::Int(e.state.into()))),
            Builtin::ErrorMessage => Ok(caught(|e| Value::Text(e.message.as_str().into()))),
            Builtin::Server(function) => self.world.call(function, &values),
            other => {
                let first = arguments.first();
                let collation = first.and_then(|a| a.collation).unwrap_or(self.world.collation());
                text::call(other, &values, first.map_or(Ty::Null, |a| a.ty), collation)
            }
        }
    }

    /// `None` is unknown.
    pub(super) fn pred(&self, pred: &Pred, env: &Env<'_>) -> Result<Option<bool>, ServerError> {
        Ok(match pred {
            Pred::Compare(comparison, left, right, collation) => {
                let ordering = compare(&self.eval(left, env)?, &self.eval(right, env)?, *collation);
                ordering.map(|ordering| holds(*comparison, ordering))
            }
            Pred::IsNull(inner) => Some(self.eval(inner, env)? == Value::Null),
            Pred::Like { text, pattern, escape, collation } => {
                match (self.eval(text, env)?, self.eval(pattern, env)?) {
                    (Value::Text(text), Value::Text(pattern)) => {
                        Some(like::matches(&text, &pattern, *escape, *collation))
                    }
                    _ => None,
                }
            }
            Pred::In(value, list, collation) => {
                let value = self.eval(value, env)?;
                self.any(list.iter().map(|e| self.eval(e, env)), &value, *collation)?
            }
            Pred::InQuery(value, subquery, collation) => {
                let value = self.eval(value, env)?;
                self.contains(subquery, &value, *collation, env)?
            }
            Pred::Exists(subquery) => Some(self.exists(subquery, env)?),
            Pred::And(a, b) => match self.pred(a, env)? {
                Some(false) => Some(false),
                Some(true) => self.pred(b, env)?,
                None => self.pred(b, env)?.filter(|b| !b),
            },
            Pred::Or(a, b) => match self.pred(a, env)? {
                Some(true) => Some(true),
                Some(false) => self.pred(b, env)?,
                None => self.pred(b, env)?.filter(|b| *b),
            },
            Pred::Not(inner) => self.pred(inner, env)?.map(|known| !known),
        })
    }

    pub(super) fn any(
        &self,
        list: impl Iterator<Item = Result<Value, ServerError>>,
        value: &Value,
        collation: Collation,
    ) -> Result<Option<bool>, ServerError> {
        let mut unknown = false;
        for other in list {
            match compare(value, &other?, collation) {
                Some(Ordering::Equal) => return Ok(Some(true)),
                Some(_) => {}
                None => unknown = true,
            }
        }
        Ok(if unknown { None } else { Some(false) })
    }
}

fn lookup(env: &Env<'_>, depth: usize, source: usize, column: usize) -> Value {
    let mut at = Some(env);
    for _ in 0..depth {
        at = at.and_then(|env| env.outer);
    }
    let row = at.and_then(|env| env.frame.get(source)).and_then(Option::as_ref);
    row.and_then(|row| row.get(column)).cloned().unwrap_or(Value::Null)
}

fn holds(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

fn arithmetic(
    operator: Arithmetic,
    left: &Value,
    right: &Value,
    ty: Ty,
    shapes: ((u8, u8), (u8, u8)),
) -> Result<Value, ServerError> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}").into())),
        (Value::Int(a), Value::Int(b)) => {
            let (a, b) = (i128::from(*a), i128::from(*b));
            let result = integer(operator, a, b)?;
            let from = Ty::Wire(Type::Decimal { precision: 38, scale: 0 });
            convert(Value::Decimal(result), from, ty, 0)
        }
        (Value::Float(a), Value::Float(b)) => Ok(Value::Float(match operator {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide if *b == 0.0 => return Err(errors::division_by_zero()),
            Arithmetic::Divide => a / b,
            _ => return Err(errors::invalid_operand("float", "modulo")),
        })),
        (Value::Decimal(a), Value::Decimal(b)) => decimal(operator, *a, *b, ty, shapes),
        _ => Err(errors::invalid_operand(ty.name(), "arithmetic")),
    }
}

fn integer(operator: Arithmetic, a: i128, b: i128) -> Result<i128, ServerError> {
    let result = match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide | Arithmetic::Modulo if b == 0 => return Err(errors::division_by_zero()),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Modulo => a.checked_rem(b),
        Arithmetic::BitAnd => Some(a & b),
        Arithmetic::BitOr => Some(a | b),
        Arithmetic::BitXor => Some(a ^ b),
    };
    result.ok_or_else(|| errors::overflow("numeric"))
}

fn decimal(operator: Arithmetic, a: i128, b: i128, ty: Ty, shapes: ((u8, u8), (u8, u8))) -> Result<Value, ServerError> {
    let ((_, s1), (_, s2)) = shapes;
    let (_, scale) = decimal_shape(ty);
    let power = |n: u8| 10_i128.checked_pow(n.into()).ok_or_else(|| errors::overflow("numeric"));
    let times = |a: i128, b: i128| a.checked_mul(b).ok_or_else(|| errors::overflow("numeric"));
    let wide = |digits: i128, scale: u8| {
        convert(Value::Decimal(digits), Ty::Wire(Type::Decimal { precision: 38, scale }), ty, 0)
    };
    match operator {
        Arithmetic::Multiply => wide(times(a, b)?, s1 + s2),
        Arithmetic::Divide => {
            if b == 0 {
                return Err(errors::division_by_zero());
            }
            // a/10^s1 / (b/10^s2) with `scale` digits behind the point.
            let lift = i16::from(scale) + i16::from(s2) - i16::from(s1);
            let lifted = times(a, power(u8::try_from(lift.max(0)).unwrap_or(0))?)?;
            wide(lifted / b, scale)
        }
        _ => {
            let common = s1.max(s2);
            let (a, b) = (times(a, power(common - s1)?)?, times(b, power(common - s2)?)?);
            wide(integer(operator, a, b)?, common)
        }
    }
}
