//! The table of keys, gathered from the rows of all sections. Shapes, names of variables, "did you mean", the reference
//! and the example all come from it.

use super::section::Section;
use super::sections::Config;
use Kind::*;
use std::sync::LazyLock;

/// All keys, in the order of the reference.
pub(crate) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| Table::gather().keys);

/// What each section is for, in the order of the table.
pub(crate) static SECTIONS: LazyLock<Vec<(String, &str)>> = LazyLock::new(|| Table::gather().sections);

/// Keys and sections in the making.
#[derive(Default)]
pub(super) struct Table {
    pub(super) keys: Vec<Key>,
    pub(super) sections: Vec<(String, &'static str)>,
}

impl Table {
    fn gather() -> Table {
        let mut table = Table::default();
        Config::list("", &mut table);
        table
    }

    pub(super) fn add(&mut self, key: Key) {
        self.keys.push(key);
    }
}

/// One key of the configuration.
pub(crate) struct Key {
    /// Sections and name, with dots.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// As it would be written in YAML; `None` where the key may be left out and then means nothing.
    pub(crate) default: Option<&'static str>,
    /// The first version that knows the key.
    pub(crate) since: &'static str,
    pub(crate) help: &'static str,
    /// What the example file shows where the default is not an example.
    pub(crate) example: Option<&'static str>,
}

/// What may be written for a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    File,
    Address,
    Host,
    Flag,
    Choice(&'static [&'static str]),
    Duration,
    Count,
    Port,
    Zone,
    Instant,
    Pattern,
    /// A list of names.
    Names,
    /// A list of mappings with these fields, and, where open, with others that hold texts.
    Items {
        fields: &'static [Field],
        open: bool,
    },
}

/// One field of a mapping in a list.
#[derive(PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether a mapping without it is a fault.
    pub(crate) required: bool,
    pub(crate) help: &'static str,
}

impl Kind {
    /// What to write, in words.
    pub(super) fn describe(self) -> String {
        match self {
            Text => "text".to_owned(),
            Secret => "text, never shown".to_owned(),
            File => "the path of a file".to_owned(),
            Address => r"an address: `host`, `host:port` or `host\instance`".to_owned(),
            Host => "the name or address of a host".to_owned(),
            Flag => "`true` or `false`".to_owned(),
            Choice(words) => {
                "one of ".to_owned() + &words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
            Duration => "a duration, such as `8s`, `5m` or `250ms`".to_owned(),
            Count => "an integer from 1".to_owned(),
            Port => "a port from 1 to 65535".to_owned(),
            Zone => "a time zone, by its IANA or Windows name".to_owned(),
            Instant => "an instant, such as `2026-12-01T22:00:00Z`".to_owned(),
            Pattern => "a regular expression, anchored, ignoring case".to_owned(),
            Names => "a list of names".to_owned(),
            Items { fields, open } => {
                let mut names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                if open {
                    names.push("others".to_owned());
                }
                format!("a list of mappings with {}", names.join(", "))
            }
        }
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self, Names | Items { .. })
    }
}

impl Key {
    pub(super) fn new(path: String, kind: Kind, default: Option<&'static str>, help: &'static str) -> Key {
        Key { path, kind, default, since: "0.1.0", help, example: None }
    }

    /// The variable that sets this key.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.to_ascii_uppercase().replace('.', "__"))
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The path without its last part.
    pub(super) fn section(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }
}

/// How the names of our variables begin. With two underscores: in a cluster that has a service `msx-exporter`, Kubernetes
/// sets `MSX_EXPORTER_SERVICE_HOST` and the like, and those are not ours.
pub(super) const PREFIX: &str = "MSX_EXPORTER__";

/// The key with this path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether keys stand below this path.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}
