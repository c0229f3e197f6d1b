//! Scalar expressions.

use super::Binder;
use crate::tsql::collation::Collation;
use crate::tsql::convert::{convert, decimal_text};
use crate::tsql::errors;
use crate::tsql::plan::{Arithmetic, Expr, Node, Pred, Subquery};
use crate::tsql::types::{self, Ty, decimal_shape};
use crate::wire::{ServerError, Type, Value};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Result<Expr, ServerError> {
        match expr {
            ast::Expr::Nested(inner) => self.expr(inner),
            ast::Expr::Value(value) => literal(&value.value),
            ast::Expr::Identifier(name)
                if name.quote_style.is_none() && (name.value.starts_with("@@") || is_niladic(&name.value)) =>
            {
                self.call_named(&name.value, &[])
            }
            ast::Expr::Identifier(name) => self.column(std::slice::from_ref(&name.value)),
            ast::Expr::CompoundIdentifier(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part.value.clone()).collect();
                self.column(&parts)
            }
            ast::Expr::Cast { kind, expr, data_type, format: None } => {
                let forgiving = match kind {
                    ast::CastKind::Cast => false,
                    ast::CastKind::TryCast => true,
                    _ => return Err(errors::syntax("::")),
                };
                self.conversion(expr, data_type, 0, forgiving)
            }
            ast::Expr::Convert {
                is_try, expr, data_type: Some(data_type), target_before_value: true, styles, ..
            } => {
                let style = match styles.as_slice() {
                    [] => 0,
                    [style] => match self.expr(style)?.node {
                        Node::Literal(Value::Int(style)) => style,
                        _ => return Err(errors::unsupported("a style of CONVERT that is no number")),
                    },
                    _ => return Err(errors::argument_count("convert", 3)),
                };
                self.conversion(expr, data_type, style, *is_try)
            }
            ast::Expr::Collate { expr, collation } => {
                let mut inner = self.expr(expr)?;
                if !inner.ty.is_text() {
                    return Err(ServerError::new(
                        447,
                        16,
                        format!("Expression type {} is invalid for COLLATE clause.", inner.ty.name()),
                    ));
                }
                inner.collation = Some(Collation::named(&collation.to_string(), self.world.collation())?);
                Ok(inner)
            }
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } => self.expr(expr),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
                let inner = self.expr(expr)?;
                match inner.node {
                    Node::Literal(Value::Int(number)) => integer_literal(&format!("-{number}")),
                    Node::Literal(Value::Decimal(digits)) => {
                        Ok(Expr { node: Node::Literal(Value::Decimal(-digits)), ..inner })
                    }
                    _ => arithmetic(Arithmetic::Subtract, Expr::literal(Value::Int(0), Ty::INT), inner),
                }
            }
            ast::Expr::BinaryOp { left, op, right } => {
                let operator = match op {
                    ast::BinaryOperator::Plus => Arithmetic::Add,
                    ast::BinaryOperator::Minus => Arithmetic::Subtract,
                    ast::BinaryOperator::Multiply => Arithmetic::Multiply,
                    ast::BinaryOperator::Divide => Arithmetic::Divide,
                    ast::BinaryOperator::Modulo => Arithmetic::Modulo,
                    ast::BinaryOperator::BitwiseAnd => Arithmetic::BitAnd,
                    ast::BinaryOperator::BitwiseOr => Arithmetic::BitOr,
                    ast::BinaryOperator::BitwiseXor => Arithmetic::BitXor,
                    other => return Err(errors::syntax(&other.to_string())),
                };
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                arithmetic(operator, left, right)
            }
            ast::Expr::Case { operand, conditions, else_result, .. } => {
                let mut arms = Vec::new();
                for arm in conditions {
                    let when = match operand {
                        Some(operand) => self.equality(operand, &arm.condition)?,
                        None => self.pred(&arm.condition)?,
                    };
                    arms.push((when, self.expr(&arm.result)?));
                }
                let otherwise = else_result.as_ref().map(|e| self.expr(e)).transpose()?;
                case(arms, otherwise)
            }
            ast::Expr::Subquery(query) => {
                let subquery = self.subquery(query)?;
                let [column] = subquery.query.columns.as_slice() else { return Err(errors::many_columns()) };
                let (ty, collation) = (column.ty, column.collation);
                Ok(Expr { node: Node::Scalar(Box::new(subquery)), ty, nullable: true, collation })
            }
            ast::Expr::Function(function) => self.call(function),
            ast::Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => {
                let argument = self.expr(expr)?;
                self.call_bound("TRIM", vec![argument])
            }
            ast::Expr::Substring { expr, substring_from: Some(from), substring_for: Some(length), .. } => {
                let arguments = vec![self.expr(expr)?, self.expr(from)?, self.expr(length)?];
                self.call_bound("SUBSTRING", arguments)
            }
            other => Err(errors::unsupported(&format!("the expression {other}"))),
        }
    }

    fn conversion(
        &mut self,
        expr: &ast::Expr,
        to: &ast::DataType,
        style: i64,
        forgiving: bool,
    ) -> Result<Expr, ServerError> {
        let inner = self.expr(expr)?;
        let ty = types::named(to)?;
        if !allowed(inner.ty, ty) {
            return Err(errors::explicit_conversion(inner.ty.name(), ty.name()));
        }
        let collation = inner.collation.filter(|_| ty.is_text());
        let nullable = inner.nullable || forgiving;
        Ok(Expr { node: Node::Cast { inner: Box::new(inner), style, forgiving }, ty, nullable, collation })
    }

    pub(super) fn subquery(&mut self, query: &ast::Query) -> Result<Subquery, ServerError> {
        let outer = std::mem::replace(&mut self.reached, usize::MAX);
        let (aggregates, saw) = (std::mem::take(&mut self.aggregates), self.saw_aggregate);
        let bound = self.query(query);
        (self.aggregates, self.saw_aggregate) = (aggregates, saw);
        let correlated = self.reached < self.scopes.len();
        self.reached = self.reached.min(outer);
        self.next_id += 1;
        Ok(Subquery { id: self.next_id, correlated, query: bound? })
    }
}

/// Functions that are written without parentheses.
fn is_niladic(name: &str) -> bool {
    name.eq_ignore_ascii_case("CURRENT_TIMESTAMP")
}

pub(super) fn case(arms: Vec<(Pred, Expr)>, otherwise: Option<Expr>) -> Result<Expr, ServerError> {
    let results = || arms.iter().map(|(_, result)| result).chain(otherwise.as_ref());
    let ty = results().fold(Ty::Null, |ty, result| ty.common(result.ty));
    if ty == Ty::Null {
        return Err(ServerError::new(
            8133,
            16,
            "At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.",
        ));
    }
    let nullable = otherwise.is_none() || results().any(|result| result.nullable);
    let collation = results().find_map(|result| result.collation);
    let mut cast = Vec::with_capacity(arms.len());
    for (when, then) in arms {
        cast.push((when, implicit(then, ty)?));
    }
    let otherwise = otherwise.map(|e| implicit(e, ty)).transpose()?.map(Box::new);
    Ok(Expr { node: Node::Case(cast, otherwise), ty, nullable, collation })
}

/// Converts without being asked, where SQL Server does so. Constants are converted here and now.
pub(super) fn implicit(expr: Expr, ty: Ty) -> Result<Expr, ServerError> {
    if expr.ty == ty {
        return Ok(expr);
    }
    if !allowed(expr.ty, ty) || (expr.ty.is_date() && ty.is_number()) || expr.ty == Ty::Variant || ty == Ty::Variant {
        return Err(errors::type_clash(expr.ty.name(), ty.name()));
    }
    if let Node::Literal(value) = &expr.node
        && let Ok(value) = convert(value.clone(), expr.ty, ty, 0)
    {
        return Ok(Expr { node: Node::Literal(value), ty, ..expr });
    }
    Ok(expr.cast(ty))
}

/// Whether CAST knows the way at all (Transact-SQL reference, the conversion chart of "CAST and CONVERT").
fn allowed(from: Ty, to: Ty) -> bool {
    let binary = |ty| matches!(ty, Ty::Wire(Type::VarBinary(_)));
    let guid = |ty| matches!(ty, Ty::Wire(Type::UniqueIdentifier));
    let datetime = |ty| ty == Ty::Wire(Type::DateTime);
    let float = |ty| ty == Ty::Wire(Type::Float);
    match (from, to) {
        (Ty::Null | Ty::Variant, _) | (_, Ty::Variant | Ty::Null) => true,
        _ if guid(from) => guid(to) || to.is_text() || binary(to),
        _ if guid(to) => from.is_text() || binary(from),
        _ if from.is_date() && to.is_number() => datetime(from),
        _ if from.is_number() && to.is_date() => datetime(to),
        _ if binary(from) && float(to) => false,
        _ if binary(from) && to.is_date() || from.is_date() && binary(to) => false,
        _ => true,
    }
}

fn literal(value: &ast::Value) -> Result<Expr, ServerError> {
    let length = |text: &str| Some(u16::try_from(text.encode_utf16().count()).unwrap_or(4000).clamp(1, 8000));
    match value {
        ast::Value::Null => Ok(Expr::literal(Value::Null, Ty::Null)),
        ast::Value::SingleQuotedString(text) => {
            Ok(Expr::literal(Value::Text(text.as_str().into()), Ty::Wire(Type::VarChar(length(text)))))
        }
        ast::Value::NationalStringLiteral(text) => {
            Ok(Expr::literal(Value::Text(text.as_str().into()), Ty::Wire(Type::NVarChar(length(text)))))
        }
        ast::Value::Number(digits, false) if digits.bytes().all(|b| b.is_ascii_digit()) => integer_literal(digits),
        ast::Value::Number(digits, false) => match decimal_text(digits) {
            Some((number, scale)) => {
                let precision = u8::try_from(digits.len() - 1).unwrap_or(38).clamp(scale.max(1), 38);
                Ok(Expr::literal(Value::Decimal(number), Ty::Wire(Type::Decimal { precision, scale })))
            }
            None => {
                let number = digits.parse().map_err(|_| errors::syntax(digits))?;
                Ok(Expr::literal(Value::Float(number), Ty::Wire(Type::Float)))
            }
        },
        ast::Value::HexStringLiteral(hex) => {
            let even = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex.clone() };
            let bytes: Option<Vec<u8>> =
                (0..even.len() / 2).map(|at| u8::from_str_radix(even.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
            let bytes = bytes.ok_or_else(|| errors::syntax(hex))?;
            let length = u16::try_from(bytes.len()).unwrap_or(8000).max(1);
            Ok(Expr::literal(Value::Bytes(bytes.into()), Ty::Wire(Type::VarBinary(Some(length)))))
        }
        other => Err(errors::syntax(&other.to_string())),
    }
}

fn integer_literal(digits: &str) -> Result<Expr, ServerError> {
    if let Ok(number) = digits.parse::<i32>() {
        return Ok(Expr::literal(Value::Int(number.into()), Ty::INT));
    }
    // An integer that is no int is a numeric, not a bigint (Transact-SQL reference, "Constants").
    let precision = u8::try_from(digits.trim_start_matches('-').len()).unwrap_or(u8::MAX);
    match digits.parse() {
        Ok(number) if precision <= 38 => {
            Ok(Expr::literal(Value::Decimal(number), Ty::Wire(Type::Decimal { precision, scale: 0 })))
        }
        _ => Err(ServerError::new(
            1007,
            15,
            format!("The number '{digits}' is out of the range for numeric representation (maximum precision 38)."),
        )),
    }
}

fn arithmetic(operator: Arithmetic, left: Expr, right: Expr) -> Result<Expr, ServerError> {
    let name = match operator {
        Arithmetic::Add => "add",
        Arithmetic::Subtract => "subtract",
        Arithmetic::Multiply => "multiply",
        Arithmetic::Divide => "divide",
        Arithmetic::Modulo => "modulo",
        Arithmetic::BitAnd => "'&'",
        Arithmetic::BitOr => "'|'",
        Arithmetic::BitXor => "'^'",
    };
    let common = left.ty.common(right.ty);
    let bits = matches!(operator, Arithmetic::BitAnd | Arithmetic::BitOr | Arithmetic::BitXor);
    let ty = match (common, operator) {
        (ty, Arithmetic::Add) if ty.is_text() => concatenated(left.ty, right.ty),
        (ty, _) if bits && !ty.is_integer() => return Err(errors::invalid_operand(ty.name(), name)),
        (Ty::Wire(Type::DateTime), Arithmetic::Add | Arithmetic::Subtract) => {
            return Err(errors::unsupported("arithmetic on datetime; use DATEADD and DATEDIFF"));
        }
        (Ty::Wire(Type::Decimal { .. }), _) => {
            decimal_result(operator, decimal_shape(left.ty), decimal_shape(right.ty))
        }
        (ty, _) if ty.is_number() => ty,
        (ty, _) => return Err(errors::invalid_operand(ty.name(), name)),
    };
    let collation = left.collation.or(right.collation);
    // The operands of decimal arithmetic keep their own scale; everything else meets in the type of the result.
    let (left, right) = match ty {
        Ty::Wire(Type::Decimal { .. }) => {
            let decimal = |e: Expr| {
                let (precision, scale) = decimal_shape(e.ty);
                implicit(e, Ty::Wire(Type::Decimal { precision, scale }))
            };
            (decimal(left)?, decimal(right)?)
        }
        _ => (implicit(left, ty)?, implicit(right, ty)?),
    };
    let nullable = left.nullable || right.nullable;
    Ok(Expr { node: Node::Arithmetic(operator, Box::new(left), Box::new(right)), ty, nullable, collation })
}

fn concatenated(left: Ty, right: Ty) -> Ty {
    let length = |ty| match ty {
        Ty::Wire(Type::VarChar(length) | Type::NVarChar(length)) => length,
        _ => Some(1),
    };
    let sum = length(left).zip(length(right)).map(|(a, b)| a.saturating_add(b));
    match left.common(right) {
        Ty::Wire(Type::NVarChar(_)) => Ty::Wire(Type::NVarChar(sum.map(|n| n.min(4000)))),
        _ => Ty::Wire(Type::VarChar(sum.map(|n| n.min(8000)))),
    }
}

/// Transact-SQL reference, "Precision, scale, and length".
fn decimal_result(operator: Arithmetic, (p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> Ty {
    let (precision, scale) = match operator {
        Arithmetic::Multiply => (p1 + p2 + 1, s1 + s2),
        Arithmetic::Divide => {
            let scale = 6.max(s1 + p2 + 1);
            (p1 - s1 + s2 + scale, scale)
        }
        Arithmetic::Modulo => ((p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2)),
        _ => (s1.max(s2) + (p1 - s1).max(p2 - s2) + 1, s1.max(s2)),
    };
    let (precision, scale) =
        if precision > 38 { (38, scale.saturating_sub(precision - 38).max(scale.min(6))) } else { (precision, scale) };
    Ty::Wire(Type::Decimal { precision, scale })
}
