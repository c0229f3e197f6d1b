//! Comparing text: case by the collation, trailing blanks never.

use super::errors;
use crate::wire::ServerError;
use std::borrow::Cow;
use std::cmp::Ordering;

/// How two texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Collation {
    /// `…_CI_…`: `sql01` equals `SQL01`.
    #[default]
    CaseInsensitive,
    /// `…_CS_…`.
    CaseSensitive,
    /// `…_BIN` and `…_BIN2`: code point by code point.
    Binary,
}

impl Collation {
    /// The collation of this name; `default` stands for `DATABASE_DEFAULT` and `CATALOG_DEFAULT`.
    ///
    /// # Errors
    /// 448 for a name that SQL Server does not have.
    pub fn named(name: &str, default: Collation) -> Result<Collation, ServerError> {
        let upper = name.to_ascii_uppercase();
        if upper == "DATABASE_DEFAULT" || upper == "CATALOG_DEFAULT" {
            return Ok(default);
        }
        let tail = ["LATIN1_GENERAL_100_", "LATIN1_GENERAL_", "SQL_LATIN1_GENERAL_CP1_", "SQL_LATIN1_GENERAL_CP850_"]
            .iter()
            .find_map(|family| upper.strip_prefix(family));
        let tail = tail.map(|tail| tail.strip_suffix("_UTF8").unwrap_or(tail));
        match tail {
            Some("BIN" | "BIN2") => Ok(Collation::Binary),
            Some(tail) if accents(tail.strip_prefix("CI_")) => Ok(Collation::CaseInsensitive),
            Some(tail) if accents(tail.strip_prefix("CS_")) => Ok(Collation::CaseSensitive),
            _ => Err(errors::unknown_collation(name)),
        }
    }

    /// A form of the text in which equal texts are equal bytes.
    pub fn key(self, text: &str) -> Cow<'_, str> {
        let text = text.trim_end_matches(' ');
        match self {
            Collation::CaseInsensitive if text.chars().any(|c| !c.is_ascii() || c.is_ascii_lowercase()) => {
                Cow::Owned(text.to_uppercase())
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Order of two texts.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            // In a case-sensitive dictionary order case is looked at last, lower before upper.
            Collation::CaseSensitive => Collation::CaseInsensitive
                .key(a)
                .cmp(&Collation::CaseInsensitive.key(b))
                .then_with(|| b.trim_end_matches(' ').cmp(a.trim_end_matches(' '))),
            _ => self.key(a).cmp(&self.key(b)),
        }
    }
}

fn accents(tail: Option<&str>) -> bool {
    let Some(tail) = tail else { return false };
    let mut parts = tail.split('_');
    matches!(parts.next(), Some("AS" | "AI")) && parts.all(|part| matches!(part, "KS" | "WS" | "SC"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_decide() {
        let named = |name| Collation::named(name, Collation::CaseSensitive);
        assert_eq!(named("Latin1_General_BIN2").unwrap(), Collation::Binary);
        assert_eq!(named("Latin1_General_100_CI_AS_KS_WS_SC").unwrap(), Collation::CaseInsensitive);
        assert_eq!(named("SQL_Latin1_General_CP1_CS_AS").unwrap(), Collation::CaseSensitive);
        assert_eq!(named("database_default").unwrap(), Collation::CaseSensitive);
        assert_eq!(named("Latin1_General_CX_AS").unwrap_err().number, 448);
    }

    #[test]
    fn trailing_blanks_never_count() {
        assert_eq!(Collation::CaseInsensitive.compare("sql01  ", "SQL01"), Ordering::Equal);
        assert_eq!(Collation::Binary.compare("a ", "a"), Ordering::Equal);
        assert_ne!(Collation::CaseSensitive.compare("a", "A"), Ordering::Equal);
        assert_eq!(Collation::CaseInsensitive.compare("straße", "STRASSE"), Ordering::Equal);
    }
}
