//! What was written, before anybody asks what it means: texts, lists and maps, each with its origin.

/// A text, a list or a map, and where it was written. There is no `Debug`: it may hold a secret.
pub(crate) struct Node {
    pub(crate) origin: String,
    pub(crate) content: Content,
}

/// What a [`Node`] holds. Numbers and booleans stay text, so that `0123` keeps its zero.
pub(crate) enum Content {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) origin: String,
    pub(crate) value: Node,
}

impl Content {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Content::Null => "nothing",
            Content::Text(_) => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }
}

/// Where a text came from, to say where in it something stood.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A file: lines and columns help.
    File(&'a str),
    /// A variable or a flag: its name is enough.
    Name(&'a str),
}

impl Place<'_> {
    /// Line and column count from 1.
    pub(crate) fn at(self, line: usize, column: usize) -> String {
        match self {
            Place::File(name) => format!("{name}:{line}:{column}"),
            Place::Name(name) => name.to_owned(),
        }
    }
}

/// Deeper than any key of ours; what nests deeper is refused before it can exhaust the stack.
pub(super) const DEEPEST: usize = 16;
