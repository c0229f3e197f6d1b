//! `LIKE`: `%`, `_`, `[a-z]`, `[^a-z]` and ESCAPE.

use super::collation::Collation;

/// Whether the text matches the pattern. Trailing blanks of the pattern count, those of the text do not.
pub(crate) fn matches(text: &str, pattern: &str, escape: Option<char>, collation: Collation) -> bool {
    let fold = |text: &str| -> Vec<char> {
        match collation {
            Collation::CaseInsensitive => text.to_uppercase().chars().collect(),
            _ => text.chars().collect(),
        }
    };
    let escape = escape.map(|c| match collation {
        Collation::CaseInsensitive => c.to_uppercase().next().unwrap_or(c),
        _ => c,
    });
    let tokens = compile(&fold(pattern), escape);
    let text = fold(text);
    let trimmed = text.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1);
    walk(&text, &tokens) || (trimmed < text.len() && walk(&text[..trimmed], &tokens))
}

enum Token {
    Any,
    One,
    Is(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

fn compile(pattern: &[char], escape: Option<char>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = pattern.get(at) {
        at += 1;
        let token = if Some(c) == escape {
            let literal = pattern.get(at).copied();
            at += 1;
            literal.map_or(Token::Is(c), Token::Is)
        } else if c == '%' {
            Token::Any
        } else if c == '_' {
            Token::One
        } else if c == '[' {
            let Some(length) = pattern[at..].iter().position(|c| *c == ']') else {
                return vec![Token::Set { negated: false, ranges: Vec::new() }];
            };
            let inside = &pattern[at..at + length];
            at += length + 1;
            set(inside)
        } else {
            Token::Is(c)
        };
        tokens.push(token);
    }
    tokens
}

fn set(inside: &[char]) -> Token {
    let (negated, inside) = match inside.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, inside),
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&from) = inside.get(at) {
        match (inside.get(at + 1), inside.get(at + 2)) {
            (Some('-'), Some(&to)) => {
                ranges.push((from, to));
                at += 3;
            }
            _ => {
                ranges.push((from, from));
                at += 1;
            }
        }
    }
    Token::Set { negated, ranges }
}

/// Matches greedily, and goes back only to the last `%`: linear for practical patterns, quadratic at worst.
fn walk(text: &[char], tokens: &[Token]) -> bool {
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let step = match tokens.get(p) {
            Some(Token::Any) => {
                back = Some((t, p));
                p += 1;
                continue;
            }
            Some(token) => text.get(t).is_some_and(|c| one(token, *c)),
            None if t == text.len() => return true,
            None => false,
        };
        if step {
            t += 1;
            p += 1;
        } else if let Some((from, star)) = back.filter(|(from, _)| *from < text.len()) {
            back = Some((from + 1, star));
            t = from + 1;
            p = star + 1;
        } else {
            return false;
        }
    }
}

fn one(token: &Token, c: char) -> bool {
    match token {
        Token::Any | Token::One => true,
        Token::Is(wanted) => *wanted == c,
        Token::Set { negated, ranges } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let ci = |text, pattern| matches(text, pattern, None, Collation::CaseInsensitive);
        assert!(ci("C:\\MSSQL\\Binn\\sqlagent.exe\" -i X", "%SQLAGENT%"));
        assert!(ci("abc", "a_c") && !ci("abbc", "a_c"));
        assert!(ci("50%", "50[%]") && !ci("501", "50[%]"));
        assert!(ci("b1", "[a-c][0-9]") && !ci("d1", "[a-c]_") && ci("d1", "[^a-c]_"));
        assert!(ci("proxy matching is disabled", "%proxy%disabled%") && !ci("proxy", "%proxy%disabled%"));
        assert!(!matches("ABC", "abc", None, Collation::Binary));
        assert!(matches("5%", "5!%", Some('!'), Collation::Binary));
        assert!(ci("abc  ", "abc") && !ci("abc", "abc "));
        assert!(ci("", "%") && !ci("x", ""));
    }
}
