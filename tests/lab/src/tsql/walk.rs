//! Looks at every part of an expression.

use super::plan::{Expr, Node, Pred};

/// Whether the test holds for the expression and every expression inside it. A subquery inside a predicate fails it.
pub(crate) fn every(expr: &Expr, test: &mut impl FnMut(&Node) -> bool) -> bool {
    test(&expr.node)
        && match &expr.node {
            Node::Literal(_) | Node::Column { .. } | Node::Scalar(_) => true,
            Node::Cast { inner, .. } => every(inner, test),
            Node::Call(_, list) | Node::Dated(_, _, list) | Node::Coalesce(list) => list.iter().all(|e| every(e, test)),
            Node::Arithmetic(_, a, b) => every(a, test) && every(b, test),
            Node::Case(arms, otherwise) => {
                arms.iter().all(|(when, then)| every_in(when, test) && every(then, test))
                    && otherwise.as_ref().is_none_or(|e| every(e, test))
            }
            Node::Aggregate(aggregate) => aggregate.argument.as_ref().is_none_or(|e| every(e, test)),
        }
}

/// The same for a predicate.
pub(crate) fn every_in(pred: &Pred, test: &mut impl FnMut(&Node) -> bool) -> bool {
    match pred {
        Pred::Compare(_, a, b, _) => every(a, test) && every(b, test),
        Pred::IsNull(a) => every(a, test),
        Pred::Like { text, pattern, .. } => every(text, test) && every(pattern, test),
        Pred::In(a, list, _) => every(a, test) && list.iter().all(|e| every(e, test)),
        Pred::And(a, b) | Pred::Or(a, b) => every_in(a, test) && every_in(b, test),
        Pred::Not(a) => every_in(a, test),
        Pred::InQuery(..) | Pred::Exists(_) => false,
    }
}
