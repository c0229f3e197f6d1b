//! The keys of the configuration.

use crate::config::{Field, KEYS, Key, KeyKind, SECTIONS};
use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub(super) struct SectionFacts {
    pub(super) path: &'static str,
    pub(super) help: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct KeyFacts {
    /// The sections and the name of the key, joined by dots.
    pub(super) path: &'static str,
    #[serde(flatten)]
    pub(super) kind: KindFacts,
    /// The default as written in YAML; `null` where the key has none.
    pub(super) default: Option<&'static str>,
    /// The environment variable that sets it.
    pub(super) variable: String,
    /// The first version that knows it.
    pub(super) since: &'static str,
    pub(super) help: &'static str,
}

/// The values that a key accepts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct KindFacts {
    pub(super) kind: &'static str,
    /// The words of a choice.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) values: &'static [&'static str],
    /// The fields of each mapping in a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<FieldFacts>,
    /// Whether such a mapping accepts other fields, which hold texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct FieldFacts {
    pub(super) name: &'static str,
    #[serde(flatten)]
    pub(super) kind: KindFacts,
    pub(super) required: bool,
    pub(super) help: &'static str,
}

/// All keys in the order of the reference.
pub(super) fn facts() -> Vec<KeyFacts> {
    let facts = |key: &'static Key| KeyFacts {
        path: &key.path,
        kind: kind(key.kind),
        default: key.default,
        variable: key.variable(),
        since: key.since,
        help: key.help,
    };
    KEYS.iter().map(facts).collect()
}

/// What each section is for.
pub(super) fn sections() -> Vec<SectionFacts> {
    SECTIONS.iter().map(|(path, help)| SectionFacts { path, help }).collect()
}

fn kind(kind: KeyKind) -> KindFacts {
    let (values, fields, open) = match kind {
        KeyKind::Choice(values) => (values, Vec::new(), None),
        KeyKind::Items { fields, open } => (&[][..], fields.iter().map(field).collect(), Some(open)),
        _ => (&[][..], Vec::new(), None),
    };
    KindFacts { kind: name(kind), values, fields, open }
}

fn field(field: &Field) -> FieldFacts {
    FieldFacts { name: field.name, kind: kind(field.kind), required: field.required, help: field.help }
}

fn name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Text => "text",
        KeyKind::Secret => "secret",
        KeyKind::File => "file",
        KeyKind::Address => "address",
        KeyKind::Host => "host",
        KeyKind::Flag => "flag",
        KeyKind::Choice(_) => "choice",
        KeyKind::Duration => "duration",
        KeyKind::Count => "count",
        KeyKind::Port => "port",
        KeyKind::Zone => "zone",
        KeyKind::Instant => "instant",
        KeyKind::Pattern => "pattern",
        KeyKind::Names => "names",
        KeyKind::Items { .. } => "items",
    }
}
