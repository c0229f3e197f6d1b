//! A statement with every name resolved and every type known.

use super::collation::Collation;
use super::functions::{Builtin, DatePart};
use super::types::Ty;
use super::world::Shape;
use crate::wire::Value;
use std::sync::Arc;

/// A scalar expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it does.
    pub node: Node,
    /// Its type.
    pub ty: Ty,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The collation that a COLLATE clause gave it.
    pub collation: Option<Collation>,
}

/// What a scalar expression does.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A constant.
    Literal(Value),
    /// A column of a source: `depth` 0 is this query, 1 the one around it.
    Column {
        /// Queries outwards.
        depth: usize,
        /// Which source of that query.
        source: usize,
        /// Which of its columns.
        column: usize,
        /// As written, for messages.
        name: Arc<str>,
    },
    /// Converts to the type of the expression.
    Cast {
        /// What is converted.
        inner: Box<Expr>,
        /// The style of CONVERT.
        style: i64,
        /// TRY_CAST and TRY_CONVERT answer NULL instead of an error.
        forgiving: bool,
    },
    /// A function of plain arguments.
    Call(Builtin, Vec<Expr>),
    /// A function whose first argument names a part of a date.
    Dated(Builtin, DatePart, Vec<Expr>),
    /// Arithmetic on two values of the type of the expression.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// The first arm whose predicate holds.
    Case(Vec<(Pred, Expr)>, Option<Box<Expr>>),
    /// The first argument that is not NULL.
    Coalesce(Vec<Expr>),
    /// An aggregate; replaced by a column of the grouped rows before anything runs.
    Aggregate(Box<Aggregate>),
    /// A query that answers one value.
    Scalar(Box<Subquery>),
}

/// Arithmetic operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

/// Something that is true, false or unknown.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Pred {
    Compare(Comparison, Expr, Expr, Collation),
    IsNull(Expr),
    Like { text: Expr, pattern: Expr, escape: Option<char>, collation: Collation },
    In(Expr, Vec<Expr>, Collation),
    InQuery(Expr, Box<Subquery>, Collation),
    Exists(Box<Subquery>),
    And(Box<Pred>, Box<Pred>),
    Or(Box<Pred>, Box<Pred>),
    Not(Box<Pred>),
}

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An aggregate call.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which one.
    pub function: AggregateFunction,
    /// What is aggregated; `None` is `*`.
    pub argument: Option<Expr>,
    /// COUNT(DISTINCT x) and the like.
    pub distinct: bool,
}

/// Aggregate functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AggregateFunction {
    Count,
    CountBig,
    Sum,
    Min,
    Max,
    Avg,
}

/// A query inside an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// Key of what is kept of it while the statement runs.
    pub id: usize,
    /// Whether it looks at the query around it.
    pub correlated: bool,
    /// The query.
    pub query: Query,
}

/// A query with its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// One or more selects, put together by UNION ALL or UNION.
    pub body: Body,
    /// Names and types of its columns.
    pub columns: Vec<OutputColumn>,
    /// ORDER BY of a union, by the position of a column.
    pub order: Vec<(usize, bool)>,
}

/// What a query is made of.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Body {
    Select(Box<Select>),
    Union { left: Box<Query>, right: Box<Query>, all: bool },
    Values(Vec<Vec<Expr>>),
}

/// A column that a query answers.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct OutputColumn {
    pub name: String,
    pub ty: Ty,
    pub nullable: bool,
    pub collation: Option<Collation>,
}

/// One SELECT.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Select {
    /// Tables and derived tables, in the order of the text.
    pub sources: Vec<Source>,
    /// How each source after the first joins those before it.
    pub joins: Vec<Join>,
    /// WHERE.
    pub filter: Option<Pred>,
    /// GROUP BY and aggregates: what follows it sees one source, the keys and then the aggregates.
    pub group: Option<Group>,
    /// HAVING.
    pub having: Option<Pred>,
    /// The select list.
    pub outputs: Vec<Expr>,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY; `true` is descending.
    pub order: Vec<(Expr, bool)>,
    /// TOP.
    pub top: Option<Expr>,
}

/// Grouping.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The keys.
    pub keys: Vec<Expr>,
    /// The aggregates.
    pub aggregates: Vec<Aggregate>,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Source {
    Table(Arc<Shape>),
    Derived(Box<Query>),
    /// APPLY: run again for each row of the sources before it.
    Lateral(Box<Query>),
}

/// How a source joins.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Whether rows without a partner stay.
    pub left: bool,
    /// Equalities: an expression over the sources before, one over the new source, and their collation.
    pub equal: Vec<(Expr, Expr, Collation)>,
    /// What else must hold.
    pub rest: Option<Pred>,
}

impl Expr {
    /// A constant.
    pub fn literal(value: Value, ty: Ty) -> Expr {
        let nullable = value == Value::Null;
        Expr { node: Node::Literal(value), ty, nullable, collation: None }
    }

    /// The same value as another type; nothing happens where it has that type already.
    pub fn cast(self, ty: Ty) -> Expr {
        if self.ty == ty {
            return self;
        }
        let (nullable, collation) = (self.nullable, self.collation);
        Expr { node: Node::Cast { inner: Box::new(self), style: 0, forgiving: false }, ty, nullable, collation }
    }
}

impl Pred {
    /// Both.
    pub fn and(self, other: Pred) -> Pred {
        Pred::And(Box::new(self), Box::new(other))
    }

    /// The parts of a chain of ANDs.
    pub fn conjuncts(self) -> Vec<Pred> {
        match self {
            Pred::And(a, b) => {
                let mut parts = a.conjuncts();
                parts.extend(b.conjuncts());
                parts
            }
            other => vec![other],
        }
    }
}
