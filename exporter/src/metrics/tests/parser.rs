//! A small reader of both formats, written from their specifications and knowing nothing of the writer. Strict: what
//! it does not expect it refuses.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// Kind by the name in the TYPE line.
    pub(crate) kinds: BTreeMap<String, String>,
    /// Value by name and labels.
    pub(crate) samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

impl Parsed {
    /// Values of one metric.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a BTreeMap<String, String>, f64)> {
        self.samples.iter().filter(move |((other, _), _)| other == name).map(|((_, labels), value)| (labels, *value))
    }

    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }
}

pub(crate) fn parse(page: &str, openmetrics: bool) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let body = match (openmetrics, page.strip_suffix("# EOF\n")) {
        (true, Some(body)) => body,
        (true, None) => return Err("no EOF".to_owned()),
        (false, _) => page,
    };
    if !body.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut helped = BTreeSet::new();
    let mut current: Option<(String, String)> = None;
    for line in body.trim_end_matches('\n').split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').ok_or("a HELP without text")?;
            if text.contains('\\') || !helped.insert(name.to_owned()) {
                return Err(format!("HELP of {name}: twice or not plain"));
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("a TYPE without kind")?;
            if !helped.contains(name) || parsed.kinds.insert(name.to_owned(), kind.to_owned()).is_some() {
                return Err(format!("TYPE of {name}: twice or without HELP"));
            }
            current = Some((name.to_owned(), kind.to_owned()));
        } else if line.starts_with('#') {
            return Err(format!("unexpected comment {line:?}"));
        } else {
            let (name, labels, value) = sample(line).map_err(|error| format!("{line:?}: {error}"))?;
            let (family, kind) = current.as_ref().ok_or("a sample before any TYPE")?;
            let expected = match (kind.as_str(), openmetrics) {
                ("counter", true) => format!("{family}_total"),
                _ => family.clone(),
            };
            if name != expected {
                return Err(format!("{name} in the family {family}"));
            }
            if parsed.samples.insert((name, labels), value).is_some() {
                return Err(format!("twice: {line:?}"));
            }
        }
    }
    Ok(parsed)
}

fn sample(line: &str) -> Result<(String, BTreeMap<String, String>, f64), String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err("a bad name".to_owned());
    }
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("a label without value")?;
            let (value, after) = quoted(after)?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if label.is_empty() || !label.bytes().all(plain) || label.as_bytes()[0].is_ascii_digit() {
                return Err(format!("a bad label {label:?}"));
            }
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("the label {label} twice"));
            }
            if let Some(more) = after.strip_prefix(',') {
                rest = more;
            } else {
                rest = after.strip_prefix('}').ok_or("no end of labels")?;
                break;
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    Ok((name.to_owned(), labels, value.parse().map_err(|_| "no number".to_owned())?))
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[index + 1..])),
            '\\' => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, '\\')) => '\\',
                Some((_, '"')) => '"',
                other => return Err(format!("a bad escape {other:?}")),
            }),
            plain => value.push(plain),
        }
    }
    Err("no closing quote".to_owned())
}
