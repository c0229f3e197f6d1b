//! YAML, as events with their marks, into nodes.
//!
//! The events are taken rather than a loaded document, because a loader turns `0123` into a number, forgets lines, and
//! follows aliases, which a few lines can multiply into gigabytes. Aliases, tags and second documents are refused.

use super::error::{ConfigError, ValueError, shown_key};
use super::node::{Content, DEEPEST, Entry, Node, Place};
use std::collections::HashMap;
use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

/// More bytes than a configuration of 10,000 targets with labels has.
const LARGEST: usize = 1 << 20;
/// Keys, values, lists and mappings of one text.
const MOST_NODES: usize = 100_000;
/// More faults than anybody reads.
const MOST_FAULTS: usize = 100;

/// Reads a text. `None` where it is broken: then the last fault says where.
pub(crate) fn parse(text: &str, place: Place<'_>, faults: &mut Vec<ConfigError>) -> Option<Node> {
    let faults_before = faults.len();
    let mut builder = Builder { place, faults, faults_before, nodes: 0, open: Vec::new(), root: None };
    if text.len() > LARGEST {
        builder.faults.push(ConfigError::new(Some(&place.at(1, 1)), "", "is larger than 1 MiB"));
        return None;
    }
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    loop {
        let (event, mark) = match parser.next_token() {
            Ok(token) => token,
            Err(error) => {
                builder.fault_at(error.marker(), scan_error(&error));
                return None;
            }
        };
        match event {
            Event::StreamEnd => {
                let nothing = || Node { origin: place.at(1, 1), content: Content::Null };
                return Some(builder.root.unwrap_or_else(nothing));
            }
            Event::DocumentStart => {
                documents += 1;
                if documents > 1 {
                    builder.fault_at(
                        &mark,
                        ValueError::new("a second document begins here").expected("remove the --- line"),
                    );
                    return builder.root;
                }
            }
            event => builder.take(event, &mark)?,
        }
    }
}

struct Builder<'a, 'f> {
    place: Place<'a>,
    faults: &'f mut Vec<ConfigError>,
    faults_before: usize,
    nodes: usize,
    open: Vec<Open>,
    root: Option<Node>,
}

/// A list or a map whose end has not been seen.
struct Open {
    origin: String,
    held: Held,
}

enum Held {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, usize>, key: Option<(String, String)> },
}

impl Builder<'_, '_> {
    /// `None` where reading on makes no sense.
    fn take(&mut self, event: Event, mark: &Marker) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.fault_at(mark, ValueError::new(format!("holds more than {MOST_NODES} keys and values")));
            return None;
        }
        if self.faults.len() - self.faults_before >= MOST_FAULTS {
            self.fault_at(mark, ValueError::new("there are more faults than are listed"));
            return None;
        }
        let origin = self.origin(mark);
        match event {
            Event::Scalar(text, style, _, tag) => {
                let forced_text = tag.as_ref().is_some_and(|tag| tag.suffix == "str");
                if tag.is_some() && !forced_text {
                    self.fault_at(mark, ValueError::new("a YAML tag").expected("write the value without it"));
                }
                let null = style == TScalarStyle::Plain
                    && !forced_text
                    && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
                // The mark of nothing is that of what follows, on another line perhaps.
                let origin = match self.open.last().map(|open| &open.held) {
                    Some(Held::Map { key: Some((_, key)), .. }) if null && text.is_empty() => key.clone(),
                    _ => origin,
                };
                self.place_scalar(origin, if null { Content::Null } else { Content::Text(text) });
            }
            Event::Alias(_) => {
                self.fault_at(mark, ValueError::new("a YAML alias").expected("write the value out in each place"));
                self.place_scalar(origin, Content::Null);
            }
            Event::SequenceStart(..) => self.begin(mark, Held::List(Vec::new()))?,
            Event::MappingStart(..) => {
                self.begin(mark, Held::Map { entries: Vec::new(), seen: HashMap::new(), key: None })?
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { origin, held } = self.open.pop()?;
                let content = match held {
                    Held::List(items) => Content::List(items),
                    Held::Map { entries, .. } => Content::Map(entries),
                };
                self.put(Node { origin, content });
            }
            _ => {}
        }
        Some(())
    }

    fn begin(&mut self, mark: &Marker, held: Held) -> Option<()> {
        if self.open.len() >= DEEPEST {
            self.fault_at(mark, ValueError::new(format!("nested more than {DEEPEST} levels deep")));
            return None;
        }
        if let Some(Open { held: Held::Map { key: None, .. }, .. }) = self.open.last() {
            self.fault_at(mark, ValueError::new("a list or a mapping stands where a key is expected"));
            return None;
        }
        let origin = self.origin(mark);
        self.open.push(Open { origin, held });
        Some(())
    }

    /// A scalar is a key wherever a map waits for one.
    fn place_scalar(&mut self, origin: String, content: Content) {
        if let Some(Open { held: Held::Map { key: key @ None, .. }, .. }) = self.open.last_mut() {
            let name = match content {
                Content::Text(text) => text,
                _ => String::new(),
            };
            *key = Some((name, origin));
        } else {
            self.put(Node { origin, content });
        }
    }

    fn put(&mut self, node: Node) {
        let path = self.path();
        match self.open.last_mut().map(|open| &mut open.held) {
            None => self.root = Some(node),
            Some(Held::List(items)) => items.push(node),
            Some(Held::Map { entries, seen, key }) => {
                let Some((name, origin)) = key.take() else { return };
                match seen.get(&name).and_then(|index| entries.get(*index)) {
                    Some(first) => {
                        let wrong = ValueError::new(format!("written twice, first at {}", first.origin));
                        self.faults.push(ConfigError::new(Some(&origin), &path, wrong.expected("keep one of them")));
                    }
                    None => {
                        seen.insert(name.clone(), entries.len());
                        entries.push(Entry { key: name, origin, value: node });
                    }
                }
            }
        }
    }

    /// The keys that lead here.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match &open.held {
                Held::List(items) => path.push_str(&format!("[{}]", items.len())),
                Held::Map { key: Some((key, _)), .. } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&shown_key(key));
                }
                Held::Map { key: None, .. } => {}
            }
        }
        path
    }

    fn origin(&self, mark: &Marker) -> String {
        self.place.at(mark.line(), mark.col() + 1)
    }

    fn fault_at(&mut self, mark: &Marker, wrong: ValueError) {
        let (origin, path) = (self.origin(mark), self.path());
        self.faults.push(ConfigError::new(Some(&origin), &path, wrong));
    }
}

/// The scanner's own words never quote more than one character of the text.
fn scan_error(error: &ScanError) -> ValueError {
    let info = error.info();
    let wrong = ValueError::new(format!("not YAML: {info}"));
    if info.contains("tab") {
        wrong.expected("a tab stands where only spaces may; indent with spaces")
    } else if info.contains("unexpected character") {
        wrong.expected("put the value into single quotes")
    } else if info.contains("unknown escape") {
        wrong.expected("a backslash is written as it is in 'single quotes', and twice in \"double quotes\"")
    } else if info.contains("simple key")
        || info.contains("did not find expected key")
        || info.contains("mapping values")
    {
        wrong.expected("look for a missing space after a colon, a wrong indentation or a quote without its end")
    } else {
        wrong
    }
}
