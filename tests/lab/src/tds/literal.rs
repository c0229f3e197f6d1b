//! Puts the parameters of `sp_executesql` into its statement as literals, so that a backend sees plain T-SQL.

/// A parameter: its name with the `@`, and what stands for it in T-SQL.
pub(crate) type Parameter = (String, String);

/// A character string as a literal.
pub(crate) fn quoted(text: &str, national: bool) -> String {
    format!("{}'{}'", if national { "N" } else { "" }, text.replace('\'', "''"))
}

/// A number as a literal; a negative one in brackets, because `1-@p` must not become a comment.
pub(crate) fn number(text: String) -> String {
    if text.starts_with('-') { format!("({text})") } else { text }
}

/// The names that a list of declarations such as `@a int, @b decimal(9,2)` declares, in its order.
pub(crate) fn declared(declarations: &str) -> Vec<String> {
    pieces(declarations)
        .filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.to_owned()),
            Piece::Other(_) => None,
        })
        .collect()
}

/// The statement with every parameter replaced. What stands in strings, quoted names and comments stays.
pub(crate) fn substitute(sql: &str, parameters: &[Parameter]) -> String {
    pieces(sql)
        .map(|piece| match piece {
            Piece::Other(text) => text,
            Piece::Name(name) => {
                parameters.iter().find(|(known, _)| same_name(known, name)).map_or(name, |(_, literal)| literal)
            }
        })
        .collect()
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

enum Piece<'a> {
    /// A variable, with its `@`.
    Name(&'a str),
    /// Anything else.
    Other(&'a str),
}

/// Cuts T-SQL into variables and the rest.
fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (length, is_name) = match first {
            '\'' | '"' => (closed_by(rest, first), false),
            '[' => (closed_by(rest, ']'), false),
            '-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (comment(rest), false),
            '@' => (identifier(rest), !rest.starts_with("@@")),
            _ if part_of_name(first) => (identifier(rest), false),
            _ => (first.len_utf8(), false),
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(if is_name { Piece::Name(piece) } else { Piece::Other(piece) })
    })
}

fn part_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '@' | '_' | '#' | '$')
}

fn identifier(text: &str) -> usize {
    text.find(|character| !part_of_name(character)).unwrap_or(text.len())
}

/// Length of a string or a quoted name. A doubled end stands for itself and does not end it.
fn closed_by(text: &str, end: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == end && characters.next_if(|(_, next)| *next == end).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// Length of a comment; in T-SQL they nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        match rest {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_the_statement_are_replaced() {
        let parameters = [("@P1".to_owned(), "(-5)".to_owned()), ("@p10".to_owned(), "N'it''s'".to_owned())];
        for (sql, expected) in [
            ("select 1-@P1, @P10", "select 1-(-5), N'it''s'"),
            ("select '@P1', [@P1], \"@P1\"", "select '@P1', [@P1], \"@P1\""),
            ("select 'a''@P1', [b]]@P1]", "select 'a''@P1', [b]]@P1]"),
            ("-- @P1\nselect @p1 /* /* @P1 */ @P1 */", "-- @P1\nselect (-5) /* /* @P1 */ @P1 */"),
            ("select @@P1, @P, x@P1", "select @@P1, @P, x@P1"),
            ("select 'ß@P1", "select 'ß@P1"),
            ("/* @P1", "/* @P1"),
        ] {
            assert_eq!(substitute(sql, &parameters), expected);
        }
    }

    #[test]
    fn declarations_give_their_names_in_order() {
        assert_eq!(declared("@b nvarchar(4000), @a decimal(9, 2)"), ["@b", "@a"]);
    }

    #[test]
    fn literals_cannot_break_out() {
        assert_eq!(quoted("a'; drop table b --", true), "N'a''; drop table b --'");
        assert_eq!(number("-1".into()), "(-1)");
    }
}
