//! TOML, with its spans, into nodes.

use super::error::{ConfigError, ValueError};
use super::node::{Content, DEEPEST, Entry, Node, Place};
use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

/// Reads a text. `None` where it is broken: then the last fault says where.
pub(super) fn parse(text: &str, place: Place<'_>, faults: &mut Vec<ConfigError>) -> Option<Node> {
    let lines = Lines { text, place };
    match DeTable::parse(text) {
        Ok(table) => lines.table(table.get_ref(), lines.at(0), 0, faults),
        Err(error) => {
            // Only the message: the error's own Display shows the line, and a password may stand in it.
            let origin = lines.at(error.span().map_or(0, |span| span.start));
            let message = error.message().split(['`', '"', '\'']).next().unwrap_or_default().trim();
            let message = message.strip_suffix(", expected").unwrap_or(message);
            faults.push(ConfigError::new(Some(&origin), "", ValueError::new(format!("not TOML: {message}"))));
            None
        }
    }
}

struct Lines<'a> {
    text: &'a str,
    place: Place<'a>,
}

impl Lines<'_> {
    fn at(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        self.place.at(before.matches('\n').count() + 1, column)
    }

    fn table(&self, table: &DeTable<'_>, origin: String, depth: usize, faults: &mut Vec<ConfigError>) -> Option<Node> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let value = self.value(value, depth + 1, faults)?;
            entries.push(Entry { key: key.get_ref().to_string(), origin: self.at(key.span().start), value });
        }
        Some(Node { origin, content: Content::Map(entries) })
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, depth: usize, faults: &mut Vec<ConfigError>) -> Option<Node> {
        let origin = self.at(value.span().start);
        if depth > DEEPEST {
            faults.push(ConfigError::new(
                Some(&origin),
                "",
                ValueError::new(format!("nested more than {DEEPEST} levels deep")),
            ));
            return None;
        }
        let content = match value.get_ref() {
            DeValue::String(text) => Content::Text(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Content::Text(number.as_str().to_owned()),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                Content::Text(number.map(|number| number.to_string()).unwrap_or_default())
            }
            DeValue::Float(number) => Content::Text(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Content::Text(flag.to_string()),
            DeValue::Datetime(time) => Content::Text(time.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item, depth + 1, faults));
                Content::List(items.collect::<Option<_>>()?)
            }
            DeValue::Table(table) => return self.table(table, origin, depth, faults),
        };
        Some(Node { origin, content })
    }
}
