//! Resolves every name of a query against what is documented.

use super::documented::{self, Table};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, OrderBy, Query, Select, SelectItem,
    SetExpr, TableFactor, Value, Visit, Visitor,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What a query names, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Columns read, by table.
    pub(crate) columns: BTreeMap<&'static str, BTreeSet<String>>,
    /// Tables read, with what that takes.
    pub(crate) tables: Vec<Table>,
    /// Tables whose metadata is looked at by name.
    pub(crate) looked_up: BTreeSet<&'static str>,
    /// What cannot be resolved.
    pub(crate) wrong: Vec<String>,
    version: u16,
    /// Variables that the batch declared, with their @.
    variables: BTreeSet<String>,
    scopes: Vec<Scope>,
    /// Queries in FROM, by address: they do not see the sources next to them.
    derived: BTreeSet<usize>,
    /// Arguments that are no expressions, such as the part of a date.
    words: BTreeSet<usize>,
    /// ORDER BY clauses around the expression: only there does an output's alias stand for it.
    ordering: usize,
}

#[derive(Debug, Default)]
struct Scope {
    sources: Vec<(String, Source)>,
    aliases: Vec<String>,
    closed: bool,
}

#[derive(Debug)]
enum Source {
    Table(Table),
    /// A query with the names of its columns.
    Derived(Vec<String>),
}

/// Resolves a query for a version.
pub(crate) fn resolve(query: &Query, version: u16) -> Names {
    resolve_in(query, version, &BTreeSet::new())
}

/// Resolves a query in a batch that declared these variables.
pub(crate) fn resolve_in(query: &Query, version: u16, variables: &BTreeSet<String>) -> Names {
    let mut names = Names { version, variables: variables.clone(), ..Names::default() };
    let _ = query.visit(&mut names);
    names
}

fn address<T>(of: &T) -> usize {
    std::ptr::from_ref(of).addr()
}

impl Names {
    fn sources(&mut self, select: &Select) -> Vec<(String, Source)> {
        let mut found = Vec::new();
        for from in &select.from {
            for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
                match factor {
                    TableFactor::Table { name, alias, args, with_hints, .. } if with_hints.is_empty() => {
                        let alias = alias.as_ref();
                        let called = alias.map(|alias| alias.name.value.clone());
                        if let Some(columns) = columns_beyond(name) {
                            found.push((called.unwrap_or_default(), Source::Derived(columns)));
                        } else if args.is_some() {
                            // `alias.column.nodes(…) AS name (column)` takes XML apart.
                            let columns =
                                alias.map(|alias| alias.columns.iter().map(|c| c.name.value.clone()).collect());
                            self.wrong.extend(unknown_method(name, &found));
                            found.push((called.unwrap_or_default(), Source::Derived(columns.unwrap_or_default())));
                        } else if let Some(table) = self.table(name) {
                            found.push((called.unwrap_or(table.name.to_owned()), Source::Table(table)));
                        }
                    }
                    TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                        self.derived.insert(address(subquery.as_ref()));
                        found.push((alias.name.value.clone(), Source::Derived(outputs(&subquery.body))));
                    }
                    other => self.wrong.push(format!("{other} is no plain table")),
                }
            }
        }
        found
    }

    fn table(&mut self, name: &ObjectName) -> Option<Table> {
        let parts: Vec<&str> = name.0.iter().filter_map(|part| Some(part.as_ident()?.value.as_str())).collect();
        let found = match parts.as_slice() {
            ["msdb", schema, table] => documented::table(schema, table, self.version),
            ["sys", table] => documented::table("sys", table, self.version),
            _ => None,
        };
        match found {
            Some(table) => {
                self.columns.entry(table.name).or_default();
                self.tables.push(table);
            }
            None => self.wrong.push(format!("the table {name} is not documented")),
        }
        found
    }

    fn column(&mut self, qualifier: Option<&str>, column: &str) {
        let mut read = None;
        for scope in self.scopes.iter().rev() {
            let wanted = |alias: &str| qualifier.is_none_or(|qualifier| alias.eq_ignore_ascii_case(qualifier));
            let has = |source: &Source| match source {
                Source::Table(table) => table.has(column, self.version),
                Source::Derived(columns) => columns.iter().any(|name| name.eq_ignore_ascii_case(column)),
            };
            let found: Vec<&Source> = scope
                .sources
                .iter()
                .filter(|(alias, source)| wanted(alias) && has(source))
                .map(|(_, source)| source)
                .collect();
            if found.len() > 1 {
                self.wrong.push(format!("the column {column} is ambiguous"));
                return;
            }
            if let Some(source) = found.first() {
                read = Some(if let Source::Table(table) = source { Some(table.name) } else { None });
                break;
            }
            if qualifier.is_none()
                && self.ordering > 0
                && scope.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(column))
            {
                return;
            }
            if scope.closed {
                break;
            }
        }
        match read {
            Some(Some(table)) => drop(self.columns.entry(table).or_default().insert(column.to_lowercase())),
            Some(None) => {}
            None => {
                let qualifier = qualifier.map(|qualifier| format!("{qualifier}.")).unwrap_or_default();
                self.wrong.push(format!("the column {qualifier}{column} is not documented in {}", self.version));
            }
        }
    }

    fn call(&mut self, function: &Function) {
        let name = function.name.to_string().to_uppercase();
        if let [qualifier, column, "VALUE"] = name.split('.').collect::<Vec<&str>>().as_slice() {
            // The method of an XML column.
            return self.column(Some(qualifier), column);
        }
        let arguments: Vec<&FunctionArgExpr> = match &function.args {
            FunctionArguments::List(list) => list.args.iter().map(argument).collect(),
            _ => Vec::new(),
        };
        if let Err(wrong) = documented::call(&name, arguments.len(), self.version) {
            self.wrong.push(wrong);
        }
        if matches!(name.as_str(), "DATEPART" | "DATEDIFF" | "DATEADD")
            && let Some(FunctionArgExpr::Expr(part)) = arguments.first()
        {
            self.words.insert(address(part));
        }
        let text = |at: usize| arguments.get(at).and_then(|argument| literal(argument));
        match name.as_str() {
            "OBJECT_ID" | "IDENT_CURRENT" => {
                if let Some(table) = self.named(text(0)) {
                    self.looked_up.insert(table.name);
                }
            }
            "HAS_PERMS_BY_NAME" if text(1).is_some_and(|class| class == "OBJECT") => {
                let table = self.named(text(0));
                if let (Some(table), Some(column)) = (table, text(3))
                    && (text(4) != Some("COLUMN") || !table.has(column, self.version))
                {
                    self.wrong.push(format!("the column {column} of {} is not documented", table.name));
                }
            }
            _ => {}
        }
    }

    /// The table that a text such as `msdb.dbo.sysjobs` names.
    fn named(&mut self, text: Option<&str>) -> Option<Table> {
        let parts: Vec<&str> = text.unwrap_or_default().split('.').collect();
        let found = match parts.as_slice() {
            ["msdb", "dbo", procedure] if documented::procedure(procedure, [], self.version).is_ok() => return None,
            ["msdb", schema, table] => documented::table(schema, table, self.version),
            _ => None,
        };
        if found.is_none() {
            self.wrong.push(format!("the object {text:?} is not documented"));
        }
        found
    }
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let plain = query.with.is_none()
            && query.locks.is_empty()
            && query.for_clause.is_none()
            && query.limit_clause.is_none()
            && query.pipe_operators.is_empty();
        if !plain {
            self.wrong.push(format!("more than a plain SELECT: {query}"));
        }
        let closed = self.derived.contains(&address(query));
        let mut scope = Scope { closed, aliases: aliases(&query.body), ..Scope::default() };
        if let SetExpr::Select(select) = query.body.as_ref() {
            if select.into.is_some() {
                self.wrong.push("SELECT … INTO writes".to_owned());
            }
            scope.sources = self.sources(select);
        } else {
            self.wrong.push(format!("more than one SELECT: {query}"));
        }
        self.scopes.push(scope);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_order_by(&mut self, _: &OrderBy) -> ControlFlow<()> {
        self.ordering += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_order_by(&mut self, _: &OrderBy) -> ControlFlow<()> {
        self.ordering -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            _ if self.words.contains(&address(expr)) => {}
            Expr::Identifier(name) if self.variables.contains(&name.value) => {}
            Expr::Identifier(name) if name.value.starts_with('@') => {
                if let Err(wrong) = documented::call(&name.value, 0, self.version) {
                    self.wrong.push(wrong);
                }
            }
            Expr::Identifier(name) => self.column(None, &name.value),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, name] => self.column(Some(&qualifier.value), &name.value),
                _ => self.wrong.push(format!("{expr} has too many parts")),
            },
            Expr::Function(function) => self.call(function),
            Expr::Trim { .. } => self.wrong.extend(documented::call("TRIM", 1, self.version).err()),
            Expr::Substring { .. } => self.wrong.extend(documented::call("SUBSTRING", 3, self.version).err()),
            Expr::Value(_)
            | Expr::Cast { .. }
            | Expr::Case { .. }
            | Expr::Nested(_)
            | Expr::Collate { .. }
            | Expr::UnaryOp { .. }
            | Expr::BinaryOp { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Like { .. }
            | Expr::InList { .. }
            | Expr::Subquery(_)
            | Expr::Exists { .. } => {}
            other => self.wrong.push(format!("the syntax is not on the list: {other}")),
        }
        ControlFlow::Continue(())
    }
}

/// The columns of a view or of a function in FROM, which the models lack.
fn columns_beyond(name: &ObjectName) -> Option<Vec<String>> {
    let columns = documented::beyond_the_models(name.to_string().strip_prefix("sys.")?)?;
    Some(columns.iter().map(|column| (*column).to_owned()).collect())
}

/// Why `alias.column.nodes` is none of these sources' columns, if it is none.
fn unknown_method(name: &ObjectName, sources: &[(String, Source)]) -> Option<String> {
    let text = name.to_string();
    let parts: Vec<&str> = text.split('.').collect();
    let known = |alias: &str, column: &str| {
        sources.iter().any(|(called, source)| {
            let has = |columns: &[String]| columns.iter().any(|name| name == column);
            called == alias && matches!(source, Source::Derived(columns) if has(columns))
        })
    };
    match parts.as_slice() {
        [alias, column, "nodes"] if known(alias, column) => None,
        _ => Some(format!("the function {text} is not documented")),
    }
}

fn argument(argument: &FunctionArg) -> &FunctionArgExpr {
    match argument {
        FunctionArg::Unnamed(arg) | FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } => arg,
    }
}

fn literal(argument: &FunctionArgExpr) -> Option<&str> {
    let FunctionArgExpr::Expr(Expr::Value(value)) = argument else { return None };
    match &value.value {
        Value::NationalStringLiteral(text) | Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

fn aliases(body: &SetExpr) -> Vec<String> {
    let SetExpr::Select(select) = body else { return Vec::new() };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    };
    select.projection.iter().filter_map(name).collect()
}

/// The names of the columns that a query answers with.
fn outputs(body: &SetExpr) -> Vec<String> {
    let SetExpr::Select(select) = body else { return Vec::new() };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(|part| part.value.clone()),
        _ => None,
    };
    select.projection.iter().filter_map(name).collect()
}
