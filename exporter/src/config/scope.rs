//! Asks for values by key and type, and goes on after a fault, so that all of them are reported at once.

use super::error::{ConfigError, Report, ValueError, shown_key};
use super::shape::{DEFAULT, Layer};
use ::config::{Map, Value, ValueKind};

/// A table of values, and the faults that are found in it.
///
/// An outer `None` means that a fault was reported, here or when the value was written down.
pub(super) struct Scope<'a> {
    table: &'a Layer,
    prefix: String,
    origin: Option<String>,
    pub(super) report: &'a mut Report,
}

impl<'a> Scope<'a> {
    /// Everything.
    pub(super) fn root(table: &'a Layer, report: &'a mut Report) -> Scope<'a> {
        Scope { table, prefix: String::new(), origin: None, report }
    }

    /// A value that has a default or must be there.
    pub(super) fn required<T>(&mut self, path: &str, parse: impl Fn(&str) -> Result<T, ValueError>) -> Option<T> {
        match self.optional(path, parse)? {
            Some(value) => Some(value),
            None => {
                self.fault(path, "is missing");
                None
            }
        }
    }

    /// A value that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        path: &str,
        parse: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<Option<T>> {
        if self.is_reported(path) {
            return None;
        }
        match self.value(path).map(|value| &value.kind) {
            Some(ValueKind::String(text)) => match parse(text) {
                Ok(value) => Some(Some(value)),
                Err(wrong) => {
                    self.fault(path, wrong);
                    None
                }
            },
            _ => Some(None),
        }
    }

    /// A value, without a word where it is missing or has a fault.
    pub(super) fn peek<T>(&self, path: &str, parse: impl Fn(&str) -> Result<T, ValueError>) -> Option<T> {
        match self.value(path).map(|value| &value.kind) {
            Some(ValueKind::String(text)) => parse(text).ok(),
            _ => None,
        }
    }

    /// The good ones of the names in a list, with where each was written.
    pub(super) fn names<T>(
        &mut self,
        path: &str,
        parse: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Vec<(T, Option<String>)> {
        let mut names = Vec::new();
        for item in self.array(path) {
            let ValueKind::String(text) = &item.kind else { continue };
            match parse(text) {
                Ok(name) => names.push((name, item.origin().map(str::to_owned))),
                Err(wrong) => self.report.faults.push(ConfigError::new(item.origin(), &self.full(path), wrong)),
            }
        }
        names
    }

    /// Mappings in a list, each read by a function.
    pub(super) fn items<T>(&mut self, path: &str, mut read: impl FnMut(&mut Scope<'_>) -> Option<T>) -> Option<Vec<T>> {
        let prefix = self.full(path);
        let mut all = Vec::new();
        for (index, item) in self.array(path).iter().enumerate() {
            let ValueKind::Table(table) = &item.kind else { continue };
            let origin = item.origin().map(str::to_owned);
            all.push(read(&mut Scope { table, prefix: format!("{prefix}[{index}]"), origin, report: self.report }));
        }
        all.into_iter().collect()
    }

    /// The names of what stands here, sorted.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut fields: Vec<_> = self.table.keys().cloned().collect();
        fields.sort();
        fields
    }

    /// Whether a value of the right shape was written.
    pub(super) fn is_written(&self, path: &str) -> bool {
        !self.is_missing(path) && !self.is_reported(path)
    }

    /// Whether nothing was written.
    pub(super) fn is_missing(&self, path: &str) -> bool {
        let nothing = |value: &Value| value.kind == ValueKind::Nil || value.origin() == Some(DEFAULT);
        !self.is_reported(path) && self.value(path).is_none_or(nothing)
    }

    /// Whether the key was written, with a value or with nothing behind it.
    pub(super) fn is_mentioned(&self, path: &str) -> bool {
        self.value(path).is_some_and(|value| value.origin().is_some_and(|origin| origin != DEFAULT))
    }

    /// Whether any of these lists holds something.
    pub(super) fn has_items(&self, path: &str) -> bool {
        !self.array(path).is_empty()
    }

    /// Reports a fault of one key, or, with an empty path, of all that stands here.
    pub(super) fn fault(&mut self, path: &str, wrong: impl Into<ValueError>) {
        let origin =
            self.value(path).and_then(Value::origin).or(self.origin.as_deref()).filter(|origin| *origin != DEFAULT);
        self.report.faults.push(ConfigError::new(origin, &self.full(path), wrong));
    }

    fn is_reported(&self, path: &str) -> bool {
        match self.prefix.as_str() {
            "" => self.report.has(path),
            prefix => self.report.has(&format!("{prefix}.{path}")),
        }
    }

    /// The path of a message.
    fn full(&self, path: &str) -> String {
        match (self.prefix.as_str(), path) {
            ("", path) => path.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, path) => format!("{prefix}.{}", shown_key(path)),
        }
    }

    fn value(&self, path: &str) -> Option<&'a Value> {
        find(self.table, path)
    }

    fn array(&self, path: &str) -> &'a [Value] {
        match self.value(path).map(|value| &value.kind) {
            Some(ValueKind::Array(items)) => items,
            _ => &[],
        }
    }
}

fn find<'a>(table: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let Some((section, rest)) = path.split_once('.') else { return table.get(path) };
    let below = table.get(section)?;
    match &below.kind {
        ValueKind::Table(table) => find(table, rest),
        _ => Some(below),
    }
}
