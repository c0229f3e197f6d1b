//! A section of the configuration is a struct whose fields are the rows of its keys: name, type, default and help stand
//! in one place, and everything else (variables, validation, reference, example, catalogue) follows from them.

use super::ConfigError;
use super::error::ValueError;
use super::keys::{Field, Key, Kind, Table};
use super::layers::Sources;
use super::parse;
use super::scope::Scope;
use super::sections::Role;
use crate::model::names;
use std::collections::HashMap;
use std::marker::PhantomData;

/// What the reading of a key may need besides its value.
pub(super) struct Context<'a> {
    pub(super) sources: &'a Sources,
    /// `None` where the key `role` has a fault.
    pub(super) role: Option<Role>,
}

/// A struct whose fields are keys.
pub(super) trait Section: Sized {
    /// What the section is for.
    const HELP: &'static str;

    /// Adds its keys, and the sections below it, to the table.
    fn list(path: &str, table: &mut Table);

    /// Reads all keys, so that all faults are reported. `None` only where there was one.
    fn read(path: &str, scope: &mut Scope<'_>, context: &Context<'_>) -> Option<Self>;
}

/// Declares a section: `field: Type = row;`. The name of a field is that of its key, its documentation is the help text
/// of the reference. After the struct, `check function(field, …);` names functions that find contradictions; they get
/// each field as an `Option`, which is `None` where the field has a fault.
macro_rules! section {
    (
        $(#[doc = $help:literal])+
        $(#[derive($($derived:ident),+)])?
        pub struct $section:ident {
            $($(#[doc = $meaning:literal])+ $field:ident: $type:ty = $row:expr;)+
        }
        $(check $check:path { $($seen:ident),* })*
    ) => {
        $(#[doc = $help])+
        #[derive(Debug, Clone)]
        $(#[derive($($derived),+)])?
        pub struct $section {
            $($(#[doc = $meaning])+ pub $field: $type,)+
        }

        impl $crate::config::section::Section for $section {
            const HELP: &'static str = concat!($($help),+).trim_ascii();

            fn list(path: &str, table: &mut $crate::config::keys::Table) {
                use $crate::config::section::{At, Row};
                $($row.list(At { section: path, name: stringify!($field), help: concat!($($meaning),+).trim_ascii() }, table);)+
            }

            fn read(
                path: &str,
                scope: &mut $crate::config::scope::Scope<'_>,
                context: &$crate::config::section::Context<'_>,
            ) -> Option<Self> {
                use $crate::config::section::{At, Row};
                $(let $field: Option<$type> =
                    $row.read(At { section: path, name: stringify!($field), help: "" }, scope, context);)+
                $($check(scope, context $(, $seen.as_ref())*);)*
                Some($section { $($field: $field?),+ })
            }
        }
    };
}

/// Declares an enum whose values are the words that may be written for a key, and `KIND`, which reads them.
macro_rules! choice {
    (
        $(#[doc = $help:literal])+
        $visibility:vis enum $choice:ident {
            $($(#[doc = $meaning:literal])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[doc = $help])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $choice {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl $choice {
            pub(in crate::config) const KIND: $crate::config::section::Reader<$choice> = $crate::config::section::Reader {
                kind: $crate::config::keys::Kind::Choice(&[$($word),+]),
                parse: |written| $crate::config::parse::choice(&[$(($word, $choice::$variant)),+], written),
            };
        }
    };
}

pub(super) use {choice, section};

/// One row of a section.
pub(super) trait Row {
    type Value;

    /// Adds its keys to the table.
    fn list(&self, at: At<'_>, table: &mut Table);

    /// Reads its value. `None` only where a fault was reported.
    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, context: &Context<'_>) -> Option<Self::Value>;
}

/// Where a row stands, and what it is for.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) section: &'a str,
    pub(super) name: &'a str,
    pub(super) help: &'static str,
}

impl At<'_> {
    pub(super) fn path(self) -> String {
        match self.section {
            "" => self.name.to_owned(),
            section => format!("{section}.{}", self.name),
        }
    }
}

/// How a single value is written and read.
pub(super) struct Reader<T> {
    pub(super) kind: Kind,
    pub(super) parse: fn(&str) -> Result<T, ValueError>,
}

impl<T> Reader<T> {
    /// A key with a default, as it would be written in YAML.
    pub(super) fn or(self, default: &'static str) -> Defaulted<T> {
        Defaulted { reader: self, default }
    }

    /// A key that may be left out, and then means nothing.
    pub(super) fn optional(self) -> Optional<T> {
        Optional { reader: self }
    }
}

/// A key with a default.
pub(super) struct Defaulted<T> {
    reader: Reader<T>,
    default: &'static str,
}

impl<T> Row for Defaulted<T> {
    type Value = T;

    fn list(&self, at: At<'_>, table: &mut Table) {
        table.add(Key::new(at.path(), self.reader.kind, Some(self.default), at.help));
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, _: &Context<'_>) -> Option<T> {
        scope.required(&at.path(), self.reader.parse)
    }
}

/// A key that may be left out.
pub(super) struct Optional<T> {
    reader: Reader<T>,
}

impl<T> Row for Optional<T> {
    type Value = Option<T>;

    fn list(&self, at: At<'_>, table: &mut Table) {
        table.add(Key::new(at.path(), self.reader.kind, None, at.help));
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, _: &Context<'_>) -> Option<Option<T>> {
        scope.optional(&at.path(), self.reader.parse)
    }
}

/// A section below this one.
pub(super) struct Below<S>(PhantomData<S>);

/// A section below this one.
pub(super) fn below<S: Section>() -> Below<S> {
    Below(PhantomData)
}

impl<S: Section> Row for Below<S> {
    type Value = S;

    fn list(&self, at: At<'_>, table: &mut Table) {
        table.sections.push((at.path(), S::HELP));
        S::list(&at.path(), table);
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, context: &Context<'_>) -> Option<S> {
        S::read(&at.path(), scope, context)
    }
}

/// A list of mappings, empty by default.
pub(super) struct Items<T> {
    /// The fields of each mapping.
    pub(super) fields: &'static [Field],
    /// Whether it may have other fields, which hold texts.
    pub(super) open: bool,
    /// Reads one mapping.
    pub(super) item: fn(&mut Scope<'_>) -> Option<T>,
}

impl<T> Row for Items<T> {
    type Value = Vec<T>;

    fn list(&self, at: At<'_>, table: &mut Table) {
        let kind = Kind::Items { fields: self.fields, open: self.open };
        table.add(Key::new(at.path(), kind, Some("[]"), at.help));
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, _: &Context<'_>) -> Option<Vec<T>> {
        scope.items(&at.path(), self.item)
    }
}

/// A list of names of targets, empty by default.
pub(super) struct Names;

impl Row for Names {
    type Value = Vec<String>;

    fn list(&self, at: At<'_>, table: &mut Table) {
        table.add(Key::new(at.path(), Kind::Names, Some("[]"), at.help));
    }

    /// SQL Server stores the names of targets in upper case, so names that differ in case only are one name.
    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, _: &Context<'_>) -> Option<Vec<String>> {
        let mut seen = HashMap::new();
        let mut listed = Vec::new();
        for (name, origin) in scope.names(&at.path(), parse::target_name) {
            match seen.insert(names::key(&name).into_owned(), origin.clone()) {
                None => listed.push(name),
                Some(first) => {
                    let first = first.map(|first| format!(", first at {first}")).unwrap_or_default();
                    let wrong = format!("{} stands there twice{first}", super::error::quoted(&name));
                    scope.report.faults.push(ConfigError::new(origin.as_deref(), &at.path(), wrong));
                }
            }
        }
        Some(listed)
    }
}
