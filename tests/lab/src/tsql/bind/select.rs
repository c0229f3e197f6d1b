//! SELECT, UNION, WITH, ORDER BY.

use super::expr::implicit;
use super::group::Grouping;
use super::scope::Scope;
use super::{Binder, TableUse};
use crate::tsql::errors;
use crate::tsql::plan::{Body, Expr, Group, OutputColumn, Query, Select, Source};
use crate::tsql::types::Ty;
use crate::wire::{ServerError, Value};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn query(&mut self, query: &ast::Query) -> Result<Query, ServerError> {
        let nothing = query.limit_clause.is_none()
            && query.fetch.is_none()
            && query.for_clause.is_none()
            && query.locks.is_empty()
            && query.pipe_operators.is_empty();
        if !nothing {
            return Err(errors::unsupported(&format!("a clause of {query}")));
        }
        let known = self.ctes.len();
        let bound = self.with(query.with.as_ref()).and_then(|()| self.body(&query.body, query.order_by.as_ref()));
        self.ctes.truncate(known);
        bound
    }

    fn with(&mut self, with: Option<&ast::With>) -> Result<(), ServerError> {
        for cte in with.iter().flat_map(|with| &with.cte_tables) {
            // A common table expression sees nothing of the query that it stands before.
            let scopes = std::mem::take(&mut self.scopes);
            let bound = self.query(&cte.query);
            self.scopes = scopes;
            let mut bound = bound?;
            for (column, name) in bound.columns.iter_mut().zip(&cte.alias.columns) {
                column.name.clone_from(&name.name.value);
            }
            if let Some(at) = bound.columns.iter().position(|c| c.name.is_empty()) {
                return Err(errors::unnamed_column(at + 1, &cte.alias.name.value));
            }
            self.ctes.push((cte.alias.name.value.clone(), bound));
        }
        Ok(())
    }

    fn body(&mut self, body: &ast::SetExpr, order: Option<&ast::OrderBy>) -> Result<Query, ServerError> {
        match body {
            ast::SetExpr::Select(select) => self.select(select, order),
            ast::SetExpr::Query(inner) if order.is_none() => self.query(inner),
            ast::SetExpr::Values(values) if order.is_none() => self.values(values),
            ast::SetExpr::SetOperation { left, op: ast::SetOperator::Union, set_quantifier, right } => {
                let all = match set_quantifier {
                    ast::SetQuantifier::All => true,
                    ast::SetQuantifier::None => false,
                    other => return Err(errors::syntax(&other.to_string())),
                };
                let (left, right) = (self.body(left, None)?, self.body(right, None)?);
                self.union(left, right, all, order)
            }
            other => Err(errors::unsupported(&format!("the query {other}"))),
        }
    }

    fn union(
        &mut self,
        left: Query,
        right: Query,
        all: bool,
        order: Option<&ast::OrderBy>,
    ) -> Result<Query, ServerError> {
        if left.columns.len() != right.columns.len() {
            return Err(errors::union_width());
        }
        let columns: Vec<OutputColumn> = left
            .columns
            .iter()
            .zip(&right.columns)
            .map(|(a, b)| OutputColumn {
                name: a.name.clone(),
                ty: a.ty.common(b.ty),
                nullable: a.nullable || b.nullable,
                collation: a.collation.or(b.collation),
            })
            .collect();
        let mut positions = Vec::new();
        for (expr, descending) in order_items(order)? {
            let position = match expr {
                ast::Expr::Identifier(name) => columns.iter().position(|c| c.name.eq_ignore_ascii_case(&name.value)),
                other => position(other).filter(|at| *at < columns.len()),
            };
            let position = position.ok_or_else(|| {
                ServerError::new(104, 16, "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.")
            })?;
            positions.push((position, descending));
        }
        Ok(Query { body: Body::Union { left: Box::new(left), right: Box::new(right), all }, columns, order: positions })
    }

    fn values(&mut self, values: &ast::Values) -> Result<Query, ServerError> {
        self.scopes.push(Scope::default());
        let rows: Result<Vec<Vec<Expr>>, _> =
            values.rows.iter().map(|row| row.content.iter().map(|e| self.expr(e)).collect()).collect();
        self.scopes.pop();
        let mut rows = rows?;
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return Err(ServerError::new(
                10709,
                16,
                "The number of columns for each row in a table value constructor must be the same.",
            ));
        }
        let mut columns = Vec::with_capacity(width);
        for at in 0..width {
            let ty = rows.iter().fold(Ty::Null, |ty, row| ty.common(row[at].ty));
            let nullable = rows.iter().any(|row| row[at].nullable);
            for row in &mut rows {
                row[at] = implicit(row[at].clone(), ty)?;
            }
            columns.push(OutputColumn { name: String::new(), ty, nullable, collation: None });
        }
        Ok(Query { body: Body::Values(rows), columns, order: Vec::new() })
    }

    fn select(&mut self, select: &ast::Select, order: Option<&ast::OrderBy>) -> Result<Query, ServerError> {
        let plain = select.into.is_none()
            && select.lateral_views.is_empty()
            && select.prewhere.is_none()
            && select.connect_by.is_empty()
            && select.cluster_by.is_empty()
            && select.distribute_by.is_empty()
            && select.sort_by.is_empty()
            && select.named_window.is_empty()
            && select.qualify.is_none()
            && select.value_table_mode.is_none()
            && select.exclude.is_none()
            && select.flavor == ast::SelectFlavor::Standard;
        if !plain {
            return Err(errors::unsupported(&format!("a clause of {select}")));
        }
        let context = (self.aggregates, self.saw_aggregate);
        (self.aggregates, self.saw_aggregate) = (false, false);
        self.scopes.push(Scope::default());
        let bound = self.inside(select, order);
        let scope = self.scopes.pop().unwrap_or_default();
        (self.aggregates, self.saw_aggregate) = context;
        let (plan, columns) = bound?;
        for (source, seen) in plan.sources.iter().zip(scope.sources) {
            if let Source::Table(shape) = source {
                self.tables.push(TableUse { shape: shape.clone(), columns: seen.used.into_iter().collect() });
            }
        }
        Ok(Query { body: Body::Select(Box::new(plan)), columns, order: Vec::new() })
    }

    fn inside(
        &mut self,
        select: &ast::Select,
        order: Option<&ast::OrderBy>,
    ) -> Result<(Select, Vec<OutputColumn>), ServerError> {
        let mut plan = Select::default();
        self.from(&select.from, &mut plan.sources, &mut plan.joins)?;
        plan.filter = select.selection.as_ref().map(|p| self.pred(p)).transpose()?;
        let keys = match &select.group_by {
            ast::GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => {
                keys.iter().map(|key| self.expr(key)).collect::<Result<Vec<Expr>, _>>()?
            }
            other => return Err(errors::unsupported(&other.to_string())),
        };
        self.aggregates = true;
        let (mut outputs, names) = self.projection(&select.projection)?;
        let having = select.having.as_ref().map(|p| self.pred(p)).transpose()?;
        let mut order = self.order(order, &outputs, &names)?;
        self.aggregates = false;
        plan.having = having;
        plan.top = select.top.as_ref().map(|top| self.top(top)).transpose()?;
        plan.distinct = match &select.distinct {
            None | Some(ast::Distinct::All) => false,
            Some(ast::Distinct::Distinct) => true,
            Some(other) => return Err(errors::syntax(&other.to_string())),
        };
        if plan.distinct && order.iter().any(|(key, _)| !outputs.contains(key)) {
            return Err(ServerError::new(
                145,
                15,
                "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.",
            ));
        }
        if !keys.is_empty() || self.saw_aggregate || plan.having.is_some() {
            let mut grouping = Grouping { keys, aggregates: Vec::new() };
            outputs = outputs.into_iter().map(|e| grouping.expr(e)).collect::<Result<_, _>>()?;
            plan.having = plan.having.map(|p| grouping.pred(p)).transpose()?;
            order = order.into_iter().map(|(e, d)| Ok((grouping.expr(e)?, d))).collect::<Result<_, ServerError>>()?;
            plan.group = Some(Group { keys: grouping.keys, aggregates: grouping.aggregates });
        }
        let columns = outputs
            .iter()
            .zip(names)
            .map(|(e, name)| OutputColumn { name, ty: e.ty, nullable: e.nullable, collation: e.collation })
            .collect();
        plan.outputs = outputs;
        plan.order = order;
        Ok((plan, columns))
    }

    fn projection(&mut self, items: &[ast::SelectItem]) -> Result<(Vec<Expr>, Vec<String>), ServerError> {
        let (mut outputs, mut names) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                ast::SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        ast::Expr::Identifier(name) if !name.value.starts_with("@@") => name.value.clone(),
                        ast::Expr::CompoundIdentifier(parts) => parts.last().map_or(String::new(), |p| p.value.clone()),
                        _ => String::new(),
                    };
                    outputs.push(self.expr(expr)?);
                    names.push(name);
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    outputs.push(self.expr(expr)?);
                    names.push(alias.value.clone());
                }
                ast::SelectItem::Wildcard(_) => self.star(None, &mut outputs, &mut names)?,
                ast::SelectItem::QualifiedWildcard(ast::SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    self.star(Some(&name.to_string()), &mut outputs, &mut names)?;
                }
                other => return Err(errors::syntax(&other.to_string())),
            }
        }
        Ok((outputs, names))
    }

    fn star(&mut self, of: Option<&str>, outputs: &mut Vec<Expr>, names: &mut Vec<String>) -> Result<(), ServerError> {
        let mut all = Vec::new();
        for source in self.scopes.iter().rev().take(1).flat_map(|scope| &scope.sources) {
            let owner = source.name.last().cloned().unwrap_or_default();
            if of.is_none_or(|of| of.eq_ignore_ascii_case(&owner)) {
                all.extend(source.columns.iter().map(|c| [owner.clone(), c.name.clone()]));
            }
        }
        if all.is_empty() {
            return Err(match of {
                Some(of) => errors::unbound(of),
                None => ServerError::new(263, 16, "Must specify table to select from."),
            });
        }
        for parts in all {
            outputs.push(self.column(&parts)?);
            names.push(parts[1].clone());
        }
        Ok(())
    }

    fn order(
        &mut self,
        order: Option<&ast::OrderBy>,
        outputs: &[Expr],
        names: &[String],
    ) -> Result<Vec<(Expr, bool)>, ServerError> {
        let mut keys = Vec::new();
        for (expr, descending) in order_items(order)? {
            let alias = match expr {
                ast::Expr::Identifier(name) => names.iter().position(|n| n.eq_ignore_ascii_case(&name.value)),
                other => position(other),
            };
            let key = match alias {
                Some(at) => outputs.get(at).cloned().ok_or_else(|| {
                    ServerError::new(108, 16, format!("The ORDER BY position number {} is out of range of the number of items in the select list.", at + 1))
                })?,
                None => self.expr(expr)?,
            };
            keys.push((key, descending));
        }
        Ok(keys)
    }

    fn top(&mut self, top: &ast::Top) -> Result<Expr, ServerError> {
        if top.with_ties || top.percent {
            return Err(errors::unsupported("TOP with PERCENT or WITH TIES"));
        }
        match &top.quantity {
            Some(ast::TopQuantity::Constant(number)) => {
                let number = i64::try_from(*number).map_err(|_| errors::syntax("TOP"))?;
                Ok(Expr::literal(Value::Int(number), Ty::BIGINT))
            }
            Some(ast::TopQuantity::Expr(expr)) => implicit(self.expr(expr)?, Ty::BIGINT),
            None => Err(errors::syntax("TOP")),
        }
    }
}

/// ORDER BY 2
fn position(expr: &ast::Expr) -> Option<usize> {
    match expr {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, false) => digits.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

fn order_items(order: Option<&ast::OrderBy>) -> Result<Vec<(&ast::Expr, bool)>, ServerError> {
    let Some(order) = order else { return Ok(Vec::new()) };
    let ast::OrderByKind::Expressions(items) = &order.kind else { return Err(errors::syntax("ALL")) };
    items
        .iter()
        .map(|item| {
            let descending = match &item.options.sort {
                None | Some(ast::OrderBySort::Asc) => false,
                Some(ast::OrderBySort::Desc) => true,
                Some(_) => return Err(errors::syntax("USING")),
            };
            if item.options.nulls_first.is_some() || item.with_fill.is_some() {
                return Err(errors::syntax("NULLS"));
            }
            Ok((&item.expr, descending))
        })
        .collect()
}
