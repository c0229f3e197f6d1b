//! What a column name can mean at one place of a statement.

use super::Binder;
use crate::tsql::errors;
use crate::tsql::plan::{Expr, Node, OutputColumn};
use crate::wire::ServerError;
use std::collections::BTreeSet;

/// The sources of one query.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) sources: Vec<ScopeSource>,
    /// A derived table is bound while its own query's sources may not be seen.
    pub(super) hidden: bool,
}

/// One source.
#[derive(Debug)]
pub(super) struct ScopeSource {
    /// Alias, or the parts of the table's name, in lower case.
    pub(super) name: Vec<String>,
    pub(super) columns: Vec<OutputColumn>,
    pub(super) used: BTreeSet<usize>,
}

impl ScopeSource {
    /// Whether these qualifiers, in lower case, name it: `t`, `dbo.t` or `msdb.dbo.t`.
    fn is(&self, qualifiers: &[String]) -> bool {
        self.name.len() >= qualifiers.len() && self.name[self.name.len() - qualifiers.len()..] == *qualifiers
    }
}

impl Binder<'_> {
    /// The column that these parts of a name mean.
    pub(super) fn column(&mut self, parts: &[String]) -> Result<Expr, ServerError> {
        let Some((name, qualifiers)) = parts.split_last() else { return Err(errors::syntax("")) };
        let qualifiers: Vec<String> = qualifiers.iter().map(|q| q.to_lowercase()).collect();
        let innermost = self.scopes.len().saturating_sub(1);
        for (at, scope) in self.scopes.iter_mut().enumerate().rev().filter(|(_, scope)| !scope.hidden) {
            let mut found = None;
            let mut named = false;
            for (source, known) in scope.sources.iter().enumerate().filter(|(_, s)| s.is(&qualifiers)) {
                named = true;
                for (column, _) in known.columns.iter().enumerate().filter(|(_, c)| c.name.eq_ignore_ascii_case(name)) {
                    if found.replace((source, column)).is_some() {
                        return Err(errors::ambiguous_column(name));
                    }
                }
            }
            if let Some((source, column)) = found {
                let known = &mut scope.sources[source];
                known.used.insert(column);
                let output = &known.columns[column];
                self.reached = self.reached.min(at);
                let owner = known.name.last().map_or("", String::as_str);
                return Ok(Expr {
                    node: Node::Column {
                        depth: innermost - at,
                        source,
                        column,
                        name: format!("{owner}.{}", output.name).into(),
                    },
                    ty: output.ty,
                    nullable: output.nullable,
                    collation: output.collation,
                });
            }
            if named && !qualifiers.is_empty() {
                return Err(errors::unknown_column(name));
            }
        }
        if qualifiers.is_empty() { Err(errors::unknown_column(name)) } else { Err(errors::unbound(&parts.join("."))) }
    }
}
