//! Reads a mapping key by key. What nobody asked for in the end is a fault.

use std::fmt::Display;
use std::str::FromStr;
use yaml_rust2::Yaml;

/// A mapping at a path of the file.
pub(super) struct Fields<'a> {
    path: String,
    left: Vec<(String, &'a Yaml)>,
}

impl<'a> Fields<'a> {
    /// Takes a mapping apart. Nothing at all is a mapping without keys.
    pub(super) fn new(path: &str, value: &'a Yaml, faults: &mut Vec<String>) -> Fields<'a> {
        let mut left = Vec::new();
        match value {
            Yaml::Hash(pairs) => {
                for (key, value) in pairs {
                    match scalar(key) {
                        Some(key) => left.push((key, value)),
                        None => faults.push(format!("{path}: a key is not a plain text")),
                    }
                }
            }
            Yaml::Null => {}
            _ => faults.push(format!("{}: must be a mapping of keys to values", named(path))),
        }
        Fields { path: path.to_owned(), left }
    }

    /// The path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key; `None` where it is missing or null.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a Yaml> {
        let at = self.left.iter().position(|(name, _)| name == key)?;
        Some(self.left.swap_remove(at).1).filter(|value| !matches!(value, Yaml::Null))
    }

    /// The mapping of a key.
    pub(super) fn section(&mut self, key: &str, faults: &mut Vec<String>) -> Option<Fields<'a>> {
        let path = self.path(key);
        self.take(key).map(|value| Fields::new(&path, value, faults))
    }

    /// The text of a key; empty counts as missing, as in the toolkit.
    pub(super) fn text(&mut self, key: &str, faults: &mut Vec<String>) -> Option<String> {
        let value = self.take(key)?;
        let text = scalar(value);
        if text.is_none() {
            faults.push(format!("{}: must be a text", self.path(key)));
        }
        text.filter(|text| !text.is_empty())
    }

    /// The value of a key in a type of its own. The value is named in the fault: not for secrets.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str, faults: &mut Vec<String>) -> Option<T> {
        let text = self.text(key, faults)?;
        text.parse().map_err(|error| faults.push(format!("{}: {text:?}: {error}", self.path(key)))).ok()
    }

    /// The texts of a key.
    pub(super) fn list(&mut self, key: &str, faults: &mut Vec<String>) -> Vec<String> {
        let texts = match self.take(key) {
            None => Some(Vec::new()),
            Some(Yaml::Array(items)) => items.iter().map(scalar).collect(),
            Some(_) => None,
        };
        texts.unwrap_or_else(|| {
            faults.push(format!("{}: must be a list of texts", self.path(key)));
            Vec::new()
        })
    }

    /// Every key that is left, with its text or a fault that does not show it. Only strings count: a name or a hash
    /// that YAML reads as a number or a truth value is no longer what was written.
    pub(super) fn strings(mut self, faults: &mut Vec<String>) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (key, value) in std::mem::take(&mut self.left) {
            match value {
                Yaml::String(text) => pairs.push((key, text.clone())),
                _ => faults.push(format!("{}: must be a text; write it in quotes", self.path(&key))),
            }
        }
        pairs
    }

    /// Whatever is left is unknown.
    pub(super) fn finish(self, faults: &mut Vec<String>) {
        faults.extend(self.left.iter().map(|(key, _)| format!("{}: unknown key", self.path(key))));
    }
}

fn named(path: &str) -> &str {
    if path.is_empty() { "the file" } else { path }
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}
