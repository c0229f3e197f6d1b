//! Reads a mapping key by key. Keys that were never read are reported as unknown. No fault shows a value.

use crate::config::{ConfigError, Content, Entry, Node, ValueError, shown_key};

/// A mapping at a path of the file.
pub(super) struct Section {
    path: String,
    origin: String,
    left: Vec<Entry>,
    /// The place of each value in the file, kept after the value was taken.
    places: Vec<(String, String)>,
}

/// A text and its place in the file. Has no `Debug`, because it may be a secret.
pub(super) struct Written {
    pub(super) origin: String,
    pub(super) text: String,
}

impl Section {
    /// Splits a mapping into its keys. An empty node is a mapping without keys.
    pub(super) fn new(path: &str, node: Node, faults: &mut Vec<ConfigError>) -> Section {
        let Node { origin, content } = node;
        let left = match content {
            Content::Map(entries) => entries,
            Content::Null => Vec::new(),
            other => {
                let wrong = ValueError::new(format!("is {}", other.kind()));
                faults.push(ConfigError::new(
                    Some(&origin),
                    path,
                    wrong.expected("write a mapping of keys to values here"),
                ));
                Vec::new()
            }
        };
        let places = left.iter().map(|entry| (entry.key.clone(), entry.value.origin.clone())).collect();
        Section { path: path.to_owned(), origin, left, places }
    }

    /// A fault of one key, at its place, or at that of the section where the key is missing. An empty key stands for
    /// the section.
    pub(super) fn fault(&self, key: &str, wrong: impl Into<ValueError>) -> ConfigError {
        let place = self.places.iter().find(|(name, _)| name == key).map_or(&self.origin, |(_, origin)| origin);
        self.fault_at(place, key, wrong)
    }

    /// A fault below this section at a given place.
    pub(super) fn fault_at(&self, origin: &str, key: &str, wrong: impl Into<ValueError>) -> ConfigError {
        ConfigError::new(Some(origin), &self.path(key), wrong)
    }

    /// The mapping of a key.
    pub(super) fn section(&mut self, key: &str, faults: &mut Vec<ConfigError>) -> Option<Section> {
        let path = self.path(key);
        self.take(key).map(|node| Section::new(&path, node, faults))
    }

    /// The text of a key; an empty text counts as missing, as in the toolkit.
    pub(super) fn text(&mut self, key: &str, faults: &mut Vec<ConfigError>) -> Option<String> {
        match self.take(key)?.content {
            Content::Text(text) => Some(text).filter(|text| !text.is_empty()),
            other => {
                faults.push(self.fault(key, format!("is {} where a single value is expected", other.kind())));
                None
            }
        }
    }

    /// The text of a key, parsed. The fault does not show the text.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, ValueError>,
        faults: &mut Vec<ConfigError>,
    ) -> Option<T> {
        let text = self.text(key, faults)?;
        parse(&text).map_err(|wrong| faults.push(self.fault(key, wrong))).ok()
    }

    /// The texts of a key.
    pub(super) fn list(&mut self, key: &str, faults: &mut Vec<ConfigError>) -> Vec<Written> {
        let items = match self.take(key).map(|node| node.content) {
            None => return Vec::new(),
            Some(Content::List(items)) => items,
            Some(other) => {
                faults.push(self.fault(key, format!("is {} where a list is expected", other.kind())));
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for Node { origin, content } in items {
            match content {
                Content::Text(text) => texts.push(Written { origin, text }),
                other => {
                    let wrong = format!("holds {} where a single value is expected", other.kind());
                    faults.push(self.fault_at(&origin, key, wrong));
                }
            }
        }
        texts
    }

    /// Whether a list without items stands under a key.
    pub(super) fn holds_an_empty_list(&self, key: &str) -> bool {
        let empty = |entry: &Entry| matches!(&entry.value.content, Content::List(items) if items.is_empty());
        self.left.iter().any(|entry| entry.key == key && empty(entry))
    }

    /// Every key that is left and holds something, each with its text.
    pub(super) fn filled_texts(&mut self, faults: &mut Vec<ConfigError>) -> Vec<(String, Written)> {
        self.left.retain(|entry| !matches!(entry.value.content, Content::Null));
        self.texts(faults)
    }

    /// Every key that is left, each with its text.
    pub(super) fn texts(&mut self, faults: &mut Vec<ConfigError>) -> Vec<(String, Written)> {
        let mut pairs = Vec::new();
        for Entry { key, value: Node { origin, content }, .. } in std::mem::take(&mut self.left) {
            match content {
                Content::Text(text) => pairs.push((key, Written { origin, text })),
                other => {
                    let wrong = format!("is {} where a single value is expected", other.kind());
                    faults.push(self.fault_at(&origin, &key, wrong));
                }
            }
        }
        pairs
    }

    /// Reports the keys that were not read as unknown.
    pub(super) fn finish(&mut self, faults: &mut Vec<ConfigError>) {
        for Entry { key, origin, .. } in std::mem::take(&mut self.left) {
            faults.push(self.fault_at(&origin, &key, "unknown key"));
        }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let at = self.left.iter().position(|entry| entry.key == key)?;
        Some(self.left.remove(at).value).filter(|node| !matches!(node.content, Content::Null))
    }

    fn path(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            (path, "") => path.to_owned(),
            ("", key) => shown_key(key),
            (path, key) => format!("{path}.{}", shown_key(key)),
        }
    }
}

/// A boolean as YAML 1.1 writes it.
pub(super) fn flag(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On" | "ON" => Ok(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "n" | "N" | "off" | "Off" | "OFF" => Ok(false),
        _ => Err(ValueError::new("is neither true nor false")),
    }
}
