//! Function calls.

use super::Binder;
use super::expr::{case, implicit};
use crate::tsql::errors;
use crate::tsql::functions::{self, Builtin, DatePart};
use crate::tsql::plan::{Aggregate, AggregateFunction, Comparison, Expr, Node};
use crate::tsql::types::{Ty, decimal_shape};
use crate::wire::{ServerError, Type, Value};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn call(&mut self, function: &ast::Function) -> Result<Expr, ServerError> {
        let name = function.name.to_string();
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && matches!(function.parameters, ast::FunctionArguments::None);
        let list = match &function.args {
            ast::FunctionArguments::None => return self.call_named(&name, &[]),
            ast::FunctionArguments::List(list) if plain && list.clauses.is_empty() => list,
            _ => return Err(errors::unsupported(&format!("this form of {name}"))),
        };
        if let Some(aggregate) = aggregate_function(&name) {
            return self.aggregate(aggregate, list);
        }
        if list.duplicate_treatment.is_some() {
            return Err(errors::syntax("DISTINCT"));
        }
        let mut arguments = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            match argument {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => arguments.push(expr),
                other => return Err(errors::syntax(&other.to_string())),
            }
        }
        self.call_named(&name, &arguments)
    }

    pub(super) fn call_named(&mut self, name: &str, arguments: &[&ast::Expr]) -> Result<Expr, ServerError> {
        let known = functions::function(name).filter(|f| f.since <= self.world.version());
        let known = known.ok_or_else(|| errors::unknown_function(name))?;
        if arguments.len() < known.fewest || arguments.len() > known.most {
            return Err(errors::argument_count(name, known.fewest));
        }
        match known.builtin {
            Some(builtin @ (Builtin::DateDiff | Builtin::DateDiffBig | Builtin::DateAdd | Builtin::DatePart)) => {
                let part = match arguments[0] {
                    ast::Expr::Identifier(part) => part.value.clone(),
                    other => other.to_string(),
                };
                let part = DatePart::named(&part).ok_or_else(|| errors::unknown_datepart(&part, name))?;
                let bound = arguments[1..].iter().map(|a| self.expr(a)).collect::<Result<Vec<Expr>, _>>()?;
                finish(builtin, Some(part), bound)
            }
            None if name.eq_ignore_ascii_case("IIF") => {
                let when = self.pred(arguments[0])?;
                let (yes, no) = (self.expr(arguments[1])?, self.expr(arguments[2])?);
                case(vec![(when, yes)], Some(no))
            }
            _ => {
                let bound = arguments.iter().map(|a| self.expr(a)).collect::<Result<Vec<Expr>, _>>()?;
                self.call_bound(name, bound)
            }
        }
    }

    pub(super) fn call_bound(&mut self, name: &str, arguments: Vec<Expr>) -> Result<Expr, ServerError> {
        let known = functions::function(name).filter(|f| f.since <= self.world.version());
        let known = known.ok_or_else(|| errors::unknown_function(name))?;
        match known.builtin {
            Some(builtin) => finish(builtin, None, arguments),
            None if known.name == "COALESCE" => {
                let ty = arguments.iter().fold(Ty::Null, |ty, a| ty.common(a.ty));
                let nullable = arguments.iter().all(|a| a.nullable);
                let collation = arguments.iter().find_map(|a| a.collation);
                let arguments = arguments.into_iter().map(|a| implicit(a, ty)).collect::<Result<_, _>>()?;
                Ok(Expr { node: Node::Coalesce(arguments), ty, nullable, collation })
            }
            None if known.name == "NULLIF" => {
                let [left, right] = <[Expr; 2]>::try_from(arguments).map_err(|_| errors::argument_count(name, 2))?;
                let when = self.compare(Comparison::Equal, left.clone(), right)?;
                let null = Expr::literal(Value::Null, left.ty);
                case(vec![(when, null)], Some(left))
            }
            None => Err(errors::unsupported(&format!("{name} here"))),
        }
    }

    fn aggregate(
        &mut self,
        function: AggregateFunction,
        list: &ast::FunctionArgumentList,
    ) -> Result<Expr, ServerError> {
        if !self.aggregates {
            return Err(errors::aggregate_here());
        }
        let distinct = list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct);
        let counts = matches!(function, AggregateFunction::Count | AggregateFunction::CountBig);
        self.aggregates = false;
        let argument = match list.args.as_slice() {
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)] if counts && !distinct => Ok(None),
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr))] => self.expr(expr).map(Some),
            _ => Err(errors::syntax("(")),
        };
        self.aggregates = true;
        self.saw_aggregate = true;
        let argument = argument?;
        let of = argument.as_ref().map_or(Ty::INT, |a| a.ty);
        let collation = argument.as_ref().and_then(|a| a.collation);
        let ty = match function {
            AggregateFunction::Count => Ty::INT,
            AggregateFunction::CountBig => Ty::BIGINT,
            AggregateFunction::Min | AggregateFunction::Max if of == Ty::Wire(Type::Bit) => {
                return Err(errors::invalid_operand(
                    "bit",
                    if function == AggregateFunction::Min { "min" } else { "max" },
                ));
            }
            AggregateFunction::Min | AggregateFunction::Max => of,
            AggregateFunction::Sum | AggregateFunction::Avg => match of {
                Ty::Wire(Type::TinyInt | Type::SmallInt | Type::Int) => Ty::INT,
                Ty::Wire(Type::BigInt | Type::Float) => of,
                Ty::Wire(Type::Decimal { .. }) => {
                    let (_, scale) = decimal_shape(of);
                    let scale = if function == AggregateFunction::Avg { scale.max(6) } else { scale };
                    Ty::Wire(Type::Decimal { precision: 38, scale })
                }
                _ => {
                    return Err(errors::invalid_operand(
                        of.name(),
                        if function == AggregateFunction::Sum { "sum" } else { "avg" },
                    ));
                }
            },
        };
        let nullable = !counts;
        Ok(Expr {
            node: Node::Aggregate(Box::new(Aggregate { function, argument, distinct })),
            ty,
            nullable,
            collation,
        })
    }
}

fn aggregate_function(name: &str) -> Option<AggregateFunction> {
    Some(match name.to_ascii_uppercase().as_str() {
        "COUNT" => AggregateFunction::Count,
        "COUNT_BIG" => AggregateFunction::CountBig,
        "SUM" => AggregateFunction::Sum,
        "MIN" => AggregateFunction::Min,
        "MAX" => AggregateFunction::Max,
        "AVG" => AggregateFunction::Avg,
        _ => return None,
    })
}

fn finish(builtin: Builtin, part: Option<DatePart>, arguments: Vec<Expr>) -> Result<Expr, ServerError> {
    let signature = functions::signature(builtin, &arguments);
    let collation = arguments.iter().find_map(|a| a.collation).filter(|_| signature.ty.is_text());
    let mut types = signature.arguments.into_iter();
    let mut cast = Vec::with_capacity(arguments.len());
    for argument in arguments {
        cast.push(match types.next() {
            Some(ty) if ty != Ty::Null => implicit(argument, ty)?,
            _ => argument,
        });
    }
    let node = match part {
        Some(part) => Node::Dated(builtin, part, cast),
        None => Node::Call(builtin, cast),
    };
    Ok(Expr { node, ty: signature.ty, nullable: signature.nullable, collation })
}
