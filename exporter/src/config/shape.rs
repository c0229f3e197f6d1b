//! Holds what was written against the table of keys: unknown keys and wrong shapes end here, before anything is layered.

use super::error::{ConfigError, Report, ValueError, shown_key};
use super::keys::{self, Field, KEYS, Key, Kind};
use super::node::{Content, Entry, Node, Place};
use super::suggest::near;
use super::yaml;
use ::config::{Map, Value, ValueKind};

/// One layer: known keys only, each of the right shape.
pub(super) type Layer = Map<String, Value>;

/// The origin of a value that was not written.
pub(super) const DEFAULT: &str = "default";

/// A complete file.
pub(super) fn file(root: Node, report: &mut Report) -> Layer {
    match root.content {
        Content::Map(entries) => section("", entries, report),
        Content::Null => Layer::new(),
        other => {
            let wrong = format!("{} where sections and keys are expected", other.kind());
            report.faults.push(ConfigError::new(Some(&root.origin), "", ValueError::new(wrong)));
            Layer::new()
        }
    }
}

/// One key from outside of a file, which overrides what a file says of it. Lists are written as YAML; a single value is
/// taken as it is.
pub(super) fn single(key: &Key, origin: &str, written: String, report: &mut Report) -> Option<Value> {
    let content = match key.kind {
        _ if written.is_empty() => Content::Null,
        kind if kind.is_list() => {
            let before = report.faults.len();
            let node = yaml::parse(&written, Place::Name(origin), &mut report.faults);
            for fault in report.faults.iter_mut().skip(before) {
                fault.path.insert_str(0, &key.path);
            }
            node?.content
        }
        _ => Content::Text(written),
    };
    report.overridden(&key.path);
    leaf(key, Node { origin: origin.to_owned(), content }, report)
}

/// What holds where nothing is written, or `null`.
pub(super) fn default(key: &Key, report: &mut Report) -> Option<Value> {
    match key.default {
        Some(text) => leaf(key, yaml::parse(text, Place::Name(DEFAULT), &mut report.faults)?, report),
        None => Some(Value::new(Some(&DEFAULT.to_owned()), ValueKind::Nil)),
    }
}

/// Puts a value at its path.
pub(super) fn put(layer: &mut Layer, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            layer.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let below =
                layer.entry(section.to_owned()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
            if let ValueKind::Table(table) = &mut below.kind {
                put(table, rest, value);
            }
        }
    }
}

fn section(path: &str, entries: Vec<Entry>, report: &mut Report) -> Layer {
    let mut layer = Layer::new();
    for Entry { key: name, origin, value } in entries {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let plain = !name.contains('.');
        if let Some(key) = keys::find(&below).filter(|_| plain) {
            if let Some(value) = leaf(key, value, report) {
                layer.insert(name, value);
            }
        } else if plain && keys::is_section(&below) {
            match value.content {
                Content::Map(entries) => {
                    layer.insert(name, Value::new(Some(&origin), ValueKind::Table(section(&below, entries, report))));
                }
                Content::Null => {}
                other => {
                    let wrong = ValueError::new(format!("{} where a section is expected", other.kind()));
                    report.value(&value.origin, &below, &below, wrong.expected(format!("keys below {below}:")));
                    layer.insert(name, Value::new(Some(&origin), ValueKind::Nil));
                }
            }
        } else {
            report.faults.push(unknown(path, &name, &origin));
        }
    }
    layer
}

fn leaf(key: &Key, node: Node, report: &mut Report) -> Option<Value> {
    let Node { origin, content } = node;
    let kind = match (key.kind, content) {
        // A password behind # is a comment: where it should have stood is worth knowing.
        (Kind::Secret, Content::Null) => ValueKind::Nil,
        (_, Content::Null) => return default(key, report),
        (Kind::Names, Content::List(items)) => {
            ValueKind::Array(items.into_iter().filter_map(|item| name(key, item, report)).collect())
        }
        (Kind::Items { fields, open }, Content::List(items)) => {
            let path = |index| format!("{}[{index}]", key.path);
            let items = items.into_iter().enumerate();
            ValueKind::Array(items.map(|(index, item)| mapping(&path(index), fields, open, item, report)).collect())
        }
        (kind, Content::Text(text)) if !kind.is_list() => ValueKind::String(text),
        (kind, other) => {
            let expected = kind.describe().replace('`', "");
            let wrong = ValueError::new(format!("is {}", other.kind())).expected(format!("this key takes {expected}"));
            report.value(&origin, &key.path, &key.path, wrong);
            ValueKind::Nil
        }
    };
    Some(Value::new(Some(&origin), kind))
}

fn name(key: &Key, item: Node, report: &mut Report) -> Option<Value> {
    match item.content {
        Content::Text(text) => Some(Value::new(Some(&item.origin), ValueKind::String(text))),
        other => {
            let wrong = format!("{} where a name is expected", other.kind());
            report.faults.push(ConfigError::new(Some(&item.origin), &key.path, wrong));
            None
        }
    }
}

fn mapping(path: &str, fields: &[Field], open: bool, item: Node, report: &mut Report) -> Value {
    let Content::Map(entries) = item.content else {
        let wrong = format!("{} where a mapping such as {{ match: ... }} is expected", item.content.kind());
        report.value(&item.origin, path, path, wrong);
        return Value::new(Some(&item.origin), ValueKind::Nil);
    };
    let mut table = Map::new();
    for Entry { key, origin, value } in entries {
        if !open && !fields.iter().any(|field| field.name == key) {
            let near = near(&key, fields.iter().map(|field| field.name));
            report.faults.push(unknown_key(path, &key, &origin, near.map(str::to_owned)));
            continue;
        }
        match value.content {
            Content::Text(text) => {
                table.insert(key, Value::new(Some(&value.origin), ValueKind::String(text)));
            }
            Content::Null => {}
            other => {
                let shown = format!("{path}.{}", shown_key(&key));
                let wrong = format!("{} where a single value is expected", other.kind());
                report.value(&value.origin, &format!("{path}.{key}"), &shown, wrong);
                table.insert(key, Value::new(Some(&value.origin), ValueKind::Nil));
            }
        }
    }
    Value::new(Some(&item.origin), ValueKind::Table(table))
}

/// Looks for the key that was meant: next to the unknown one first, then anywhere.
fn unknown(section: &str, name: &str, origin: &str) -> ConfigError {
    let inside = |path: &'static str| {
        let rest = if section.is_empty() { Some(path) } else { path.strip_prefix(section)?.strip_prefix('.') };
        rest?.split('.').next()
    };
    let near = near(name, KEYS.iter().filter_map(|key| inside(&key.path))).map(str::to_owned);
    let elsewhere = || KEYS.iter().find(|key| key.name().eq_ignore_ascii_case(name) || key.path == name);
    let nested = |key: &Key| key.path.replace('.', ": { ") + ": … " + &"}".repeat(key.path.matches('.').count());
    unknown_key(section, name, origin, near.or_else(|| elsewhere().map(nested)))
}

fn unknown_key(path: &str, name: &str, origin: &str, near: Option<String>) -> ConfigError {
    let name = shown_key(name);
    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
    let wrong = ValueError::new("unknown key");
    let wrong = match near {
        Some(near) => wrong.expected(format!("did you mean {near}?")),
        None => wrong,
    };
    ConfigError::new(Some(origin), &path, wrong)
}
