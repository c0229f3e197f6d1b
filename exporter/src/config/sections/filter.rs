//! Which names are shown: `targets` and `jobs`.

use crate::config::keys::{Key, Kind, Table};
use crate::config::parse;
use crate::config::scope::Scope;
use crate::config::section::{At, Context, Row};
use crate::model::names;

/// A regular expression that is anchored and ignores case.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: regex_lite::Regex,
    /// Whether letters beyond ASCII are capitals in it.
    folds: bool,
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, in the words of the regular expression engine.
    pub fn new(text: &str) -> Result<Pattern, String> {
        // By itself first: `a)|(b` is none, and would become one, not anchored, between the brackets added here.
        regex_lite::Regex::new(text).map_err(|error| error.to_string())?;
        let compiled = |text: &str| {
            let regex = regex_lite::RegexBuilder::new(&format!("^(?:{text})$")).case_insensitive(true).build();
            regex.map_err(|error| error.to_string())
        };
        // The engine knows the case of ASCII alone. A range such as [ß-ü] has no counterpart in capitals.
        let capitals = (!text.is_ascii()).then(|| compiled(&names::beyond_ascii_upper(text)).ok()).flatten();
        let folds = capitals.is_some();
        let regex = capitals.map_or_else(|| compiled(text), Ok)?;
        Ok(Pattern { text: text.to_owned(), regex, folds })
    }

    /// Whether a complete name fits, less the blanks at its end, as SQL Server compares names.
    pub fn matches(&self, name: &str) -> bool {
        let name = names::bare(name);
        // The defaults are asked of every target in every scrape; the engine would take most of an assessment's time.
        match self.text.as_str() {
            ".*" => true,
            "^$" => name.is_empty(),
            _ if self.folds && !name.is_ascii() => self.regex.is_match(&names::beyond_ascii_upper(name)),
            _ => self.regex.is_match(name),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What is shown.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Names that are shown.
    pub include: Pattern,
    /// Names that are left out of these.
    pub exclude: Pattern,
}

impl Filter {
    /// Whether a name is shown.
    pub fn allows(&self, name: &str) -> bool {
        self.include.matches(name) && !self.exclude.matches(name)
    }
}

/// The keys `include` and `exclude`, with their help texts.
pub(super) struct FilterRows {
    include: &'static str,
    exclude: &'static str,
    /// Whether they are a section by themselves, or two keys among others.
    section: bool,
}

/// Two keys among others of their section.
pub(super) fn filter(include: &'static str, exclude: &'static str) -> FilterRows {
    FilterRows { include, exclude, section: false }
}

/// A section of these two keys alone.
pub(super) fn own_filter(include: &'static str, exclude: &'static str) -> FilterRows {
    FilterRows { include, exclude, section: true }
}

impl FilterRows {
    fn path(&self, at: At<'_>) -> String {
        if self.section { at.path() } else { at.section.to_owned() }
    }
}

impl Row for FilterRows {
    type Value = Filter;

    fn list(&self, at: At<'_>, table: &mut Table) {
        let section = self.path(at);
        table.add(Key::new(format!("{section}.include"), Kind::Pattern, Some("'.*'"), self.include));
        table.add(Key::new(format!("{section}.exclude"), Kind::Pattern, Some("'^$'"), self.exclude));
        if self.section {
            table.sections.push((section, at.help));
        }
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, _: &Context<'_>) -> Option<Filter> {
        let section = self.path(at);
        let include = scope.required(&format!("{section}.include"), parse::pattern);
        let exclude = scope.required(&format!("{section}.exclude"), parse::pattern);
        Some(Filter { include: include?, exclude: exclude? })
    }
}
