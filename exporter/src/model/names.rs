//! Names as SQL Server compares them.

use std::borrow::Cow;

/// A name without the trailing blanks that SQL Server ignores in a comparison.
pub(crate) fn bare(name: &str) -> &str {
    name.trim_end_matches(' ')
}

/// The form in which two names are the same target whatever the collation of the columns: upper case, one character
/// for one character as `UPPER` does it (so that ß stays ß), and no trailing blanks.
///
/// The procedures compare `UPPER(server_name)` with `target_server` as posted, so on a case-sensitive collation the
/// two tables may hold different spellings of one target.
pub(crate) fn key(name: &str) -> Cow<'_, str> {
    let name = bare(name);
    // Nearly every name, each several times in a reading: `sp_enlist_tsx` stores upper case.
    match name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase()) {
        true => Cow::Borrowed(name),
        false => name.chars().map(upper).collect(),
    }
}

/// Whether two names are the same target, without making either [`key`].
pub(crate) fn same(one: &str, other: &str) -> bool {
    bare(one).chars().map(upper).eq(bare(other).chars().map(upper))
}

/// A text with its letters beyond ASCII in upper case, for an expression whose other letters may mean something.
pub(crate) fn beyond_ascii_upper(text: &str) -> String {
    text.chars().map(|character| if character.is_ascii() { character } else { upper(character) }).collect()
}

fn upper(character: char) -> char {
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_or_trailing_blanks_are_one() {
        assert_eq!(key("sql01\\payroll"), "SQL01\\PAYROLL");
        assert_eq!(key("SQL01  "), "SQL01");
        assert_eq!(key("größe"), "GRÖßE");
        assert_eq!(key("сервер"), "СЕРВЕР");
        assert!(same("sql01\\payroll ", "SQL01\\PAYROLL") && !same("SQL01", "SQL011"));
    }

    #[test]
    fn names_that_sql_server_tells_apart_stay_apart() {
        assert_ne!(key(" SQL01"), key("SQL01"));
        assert_ne!(key("STRASSE"), key("STRAßE"));
        assert_ne!(key("SQL01\t"), key("SQL01"));
    }
}
