//! After GROUP BY only keys and aggregates are left.

use crate::tsql::errors;
use crate::tsql::plan::{Aggregate, Expr, Node, Pred};
use crate::wire::ServerError;

/// Rewrites expressions over the rows into expressions over the groups: one source, the keys and then the aggregates.
pub(super) struct Grouping {
    pub(super) keys: Vec<Expr>,
    pub(super) aggregates: Vec<Aggregate>,
}

impl Grouping {
    pub(super) fn expr(&mut self, expr: Expr) -> Result<Expr, ServerError> {
        if let Some(at) = self.keys.iter().position(|key| *key == expr) {
            return Ok(grouped(at, &expr));
        }
        let Expr { node, ty, nullable, collation } = expr;
        let node = match node {
            Node::Aggregate(aggregate) => {
                let known = self.aggregates.iter().position(|a| *a == *aggregate);
                let at = known.unwrap_or(self.aggregates.len());
                if known.is_none() {
                    self.aggregates.push(*aggregate);
                }
                Node::Column { depth: 0, source: 0, column: self.keys.len() + at, name: "".into() }
            }
            Node::Column { depth: 0, name, .. } => return Err(errors::not_grouped(&name)),
            Node::Scalar(subquery) if subquery.correlated => {
                return Err(errors::unsupported("a correlated subquery next to GROUP BY"));
            }
            node @ (Node::Literal(_) | Node::Column { .. } | Node::Scalar(_)) => node,
            Node::Cast { inner, style, forgiving } => {
                Node::Cast { inner: Box::new(self.expr(*inner)?), style, forgiving }
            }
            Node::Call(builtin, arguments) => Node::Call(builtin, self.all(arguments)?),
            Node::Dated(builtin, part, arguments) => Node::Dated(builtin, part, self.all(arguments)?),
            Node::Coalesce(arguments) => Node::Coalesce(self.all(arguments)?),
            Node::Arithmetic(operator, a, b) => {
                Node::Arithmetic(operator, Box::new(self.expr(*a)?), Box::new(self.expr(*b)?))
            }
            Node::Case(arms, otherwise) => {
                let arms = arms.into_iter().map(|(when, then)| Ok((self.pred(when)?, self.expr(then)?)));
                let arms = arms.collect::<Result<_, ServerError>>()?;
                Node::Case(arms, otherwise.map(|e| self.expr(*e)).transpose()?.map(Box::new))
            }
        };
        Ok(Expr { node, ty, nullable, collation })
    }

    pub(super) fn pred(&mut self, pred: Pred) -> Result<Pred, ServerError> {
        Ok(match pred {
            Pred::Compare(comparison, a, b, collation) => {
                Pred::Compare(comparison, self.expr(a)?, self.expr(b)?, collation)
            }
            Pred::IsNull(a) => Pred::IsNull(self.expr(a)?),
            Pred::Like { text, pattern, escape, collation } => {
                Pred::Like { text: self.expr(text)?, pattern: self.expr(pattern)?, escape, collation }
            }
            Pred::In(a, list, collation) => Pred::In(self.expr(a)?, self.all(list)?, collation),
            Pred::And(a, b) => self.pred(*a)?.and(self.pred(*b)?),
            Pred::Or(a, b) => Pred::Or(Box::new(self.pred(*a)?), Box::new(self.pred(*b)?)),
            Pred::Not(a) => Pred::Not(Box::new(self.pred(*a)?)),
            Pred::InQuery(a, subquery, collation) if !subquery.correlated => {
                Pred::InQuery(self.expr(a)?, subquery, collation)
            }
            Pred::Exists(subquery) if !subquery.correlated => Pred::Exists(subquery),
            Pred::InQuery(..) | Pred::Exists(_) => {
                return Err(errors::unsupported("a correlated subquery next to GROUP BY"));
            }
        })
    }

    fn all(&mut self, list: Vec<Expr>) -> Result<Vec<Expr>, ServerError> {
        list.into_iter().map(|e| self.expr(e)).collect()
    }
}

fn grouped(column: usize, key: &Expr) -> Expr {
    let node = Node::Column { depth: 0, source: 0, column, name: "".into() };
    Expr { node, ty: key.ty, nullable: key.nullable, collation: key.collation }
}
