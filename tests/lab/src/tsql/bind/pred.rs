//! Predicates. Transact-SQL has no boolean values: a comparison is no value and a column is no predicate.

use super::Binder;
use super::expr::implicit;
use crate::tsql::collation::Collation;
use crate::tsql::errors;
use crate::tsql::plan::{Comparison, Expr, Pred};
use crate::tsql::types::Ty;
use crate::wire::{ServerError, Type};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn pred(&mut self, expr: &ast::Expr) -> Result<Pred, ServerError> {
        match expr {
            ast::Expr::Nested(inner) => self.pred(inner),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => Ok(not(self.pred(expr)?, true)),
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::And, right } => {
                Ok(self.pred(left)?.and(self.pred(right)?))
            }
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Or, right } => {
                Ok(Pred::Or(Box::new(self.pred(left)?), Box::new(self.pred(right)?)))
            }
            ast::Expr::BinaryOp { left, op, right } => {
                let comparison = match op {
                    ast::BinaryOperator::Eq => Comparison::Equal,
                    ast::BinaryOperator::NotEq => Comparison::NotEqual,
                    ast::BinaryOperator::Lt => Comparison::Less,
                    ast::BinaryOperator::LtEq => Comparison::LessOrEqual,
                    ast::BinaryOperator::Gt => Comparison::Greater,
                    ast::BinaryOperator::GtEq => Comparison::GreaterOrEqual,
                    _ => return Err(not_boolean(expr)),
                };
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                self.compare(comparison, left, right)
            }
            ast::Expr::IsNull(inner) => Ok(Pred::IsNull(self.expr(inner)?)),
            ast::Expr::IsNotNull(inner) => Ok(not(Pred::IsNull(self.expr(inner)?), true)),
            ast::Expr::Between { expr, negated, low, high } => {
                let (value, low, high) = (self.expr(expr)?, self.expr(low)?, self.expr(high)?);
                let above = self.compare(Comparison::GreaterOrEqual, value.clone(), low)?;
                let below = self.compare(Comparison::LessOrEqual, value, high)?;
                Ok(not(above.and(below), *negated))
            }
            ast::Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let (text, pattern) = (self.expr(expr)?, self.expr(pattern)?);
                let escape = match escape_char.as_deref() {
                    None => None,
                    Some(ast::Expr::Value(value)) => {
                        value.value.clone().into_string().and_then(|text| text.chars().next())
                    }
                    Some(other) => return Err(errors::unsupported(&format!("ESCAPE {other}"))),
                };
                let collation = self.agreed(&text, &pattern)?;
                let text_type =
                    |e: Expr| if e.ty.is_text() { Ok(e) } else { implicit(e, Ty::Wire(Type::VarChar(Some(8000)))) };
                let (text, pattern) = (text_type(text)?, text_type(pattern)?);
                Ok(not(Pred::Like { text, pattern, escape, collation }, *negated))
            }
            ast::Expr::InList { expr, list, negated } => {
                let value = self.expr(expr)?;
                let mut list = list.iter().map(|e| self.expr(e)).collect::<Result<Vec<Expr>, _>>()?;
                let ty = list.iter().fold(value.ty, |ty, e| ty.common(e.ty));
                let collation = value.collation.unwrap_or(self.world.collation());
                for e in &mut list {
                    *e = implicit(e.clone(), ty)?;
                }
                Ok(not(Pred::In(implicit(value, ty)?, list, collation), *negated))
            }
            ast::Expr::InSubquery { expr, subquery, negated } => {
                let value = self.expr(expr)?;
                let subquery = self.subquery(subquery)?;
                let [column] = subquery.query.columns.as_slice() else { return Err(errors::many_columns()) };
                let collation = value.collation.or(column.collation).unwrap_or(self.world.collation());
                if value.ty.common(column.ty).rank() != column.ty.rank() {
                    return Err(errors::unsupported("IN (SELECT …) where the column must be converted; CAST it there"));
                }
                let ty = column.ty;
                Ok(not(Pred::InQuery(implicit(value, ty)?, Box::new(subquery), collation), *negated))
            }
            ast::Expr::Exists { subquery, negated } => {
                Ok(not(Pred::Exists(Box::new(self.subquery(subquery)?)), *negated))
            }
            other => Err(not_boolean(other)),
        }
    }

    pub(super) fn equality(&mut self, left: &ast::Expr, right: &ast::Expr) -> Result<Pred, ServerError> {
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        self.compare(Comparison::Equal, left, right)
    }

    pub(super) fn compare(&self, comparison: Comparison, left: Expr, right: Expr) -> Result<Pred, ServerError> {
        let collation = self.agreed(&left, &right)?;
        let ty = left.ty.common(right.ty);
        let (left, right) = (implicit(left, ty)?, implicit(right, ty)?);
        Ok(Pred::Compare(comparison, left, right, collation))
    }

    fn agreed(&self, left: &Expr, right: &Expr) -> Result<Collation, ServerError> {
        match (left.collation, right.collation) {
            (Some(a), Some(b)) if a != b => Err(errors::collation_conflict()),
            (a, b) => Ok(a.or(b).unwrap_or(self.world.collation())),
        }
    }
}

fn not(pred: Pred, negated: bool) -> Pred {
    if negated { Pred::Not(Box::new(pred)) } else { pred }
}

/// 4145
fn not_boolean(expr: &ast::Expr) -> ServerError {
    ServerError::new(
        4145,
        15,
        format!(
            "An expression of non-boolean type specified in a context where a condition is expected, near '{expr}'."
        ),
    )
}
