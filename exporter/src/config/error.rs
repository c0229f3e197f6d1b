//! What is wrong with a configuration, in words that never hold a secret.

use super::layers::{ConfigFile, Sources};
use std::{fmt, io};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it was written: `file:line:column`, the name of a variable or a flag. `None` where nothing was written.
    pub origin: Option<String>,
    /// The key, such as `master.timeout`; empty for a fault of a whole file.
    pub path: String,
    /// What is wrong.
    pub wrong: String,
    /// What would be right, or what to do next.
    pub expected: Option<String>,
}

impl Fault {
    pub(crate) fn new(origin: Option<&str>, path: &str, wrong: impl Into<ValueError>) -> Fault {
        let wrong = wrong.into();
        Fault { origin: origin.map(str::to_owned), path: path.to_owned(), wrong: wrong.what, expected: wrong.expected }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{}: ", on_one_line(origin))?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", on_one_line(&self.path))?;
        }
        f.write_str(&on_one_line(&self.wrong))?;
        match &self.expected {
            Some(expected) => write!(f, "; hint: {}", on_one_line(expected)),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, one fault a line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// In the order of the file, then the rest. Where the usual file was looked for in vain, that comes first.
    pub(super) fn told(faults: Vec<Fault>, sources: &Sources) -> Faults {
        let Faults(mut faults) = Faults::in_order(faults);
        let path = sources.file.path();
        let missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        if matches!(sources.file, ConfigFile::Usual(_)) && (sources.read)(path).is_err_and(missing) {
            let wrong = ValueError::new("is not there").expected("name another file with --config.file");
            faults.insert(0, Fault::new(Some(&path.display().to_string()), "", wrong));
        }
        if faults.is_empty() {
            faults.push(Fault::new(None, "", "a value is missing and no fault names it; please report this"));
        }
        Faults(faults)
    }

    /// In the order of the file, then those that have no line.
    pub(crate) fn in_order(mut faults: Vec<Fault>) -> Faults {
        faults.sort_by_key(|fault| fault.origin.as_deref().and_then(line_and_column).unwrap_or((usize::MAX, 0)));
        Faults(faults)
    }

    /// Where they are, one a line: file, line, column and key, and nothing of what was written there.
    pub(crate) fn places(&self) -> String {
        let place = |fault: &Fault| match (fault.origin.as_deref(), fault.path.as_str()) {
            (Some(origin), "") => on_one_line(origin),
            (Some(origin), path) => format!("{}: {}", on_one_line(origin), on_one_line(path)),
            (None, path) => on_one_line(path),
        };
        self.0.iter().map(place).collect::<Vec<_>>().join("\n")
    }

    /// All of them, in the order in which they are shown.
    pub fn all(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// What a parser says of a text, before it is known where the text stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValueError {
    what: String,
    expected: Option<String>,
}

impl ValueError {
    pub(crate) fn new(what: impl Into<String>) -> ValueError {
        ValueError { what: what.into(), expected: None }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> ValueError {
        self.expected = Some(expected.into());
        self
    }
}

impl<T: Into<String>> From<T> for ValueError {
    fn from(what: T) -> ValueError {
        ValueError::new(what)
    }
}

/// A value as part of a message: quoted, escaped and cut, so that it can neither forge a line nor fill a screen.
pub(crate) fn quoted(value: &str) -> String {
    const SHOWN: usize = 60;
    let cut: String = value.chars().take(SHOWN).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// A key as part of a message. What does not look like the name of a key is not shown: `password:secret`, without a
/// space after the colon, is one key for YAML, and so is a line of a private key that slipped into the place of a key.
pub(crate) fn shown_key(key: &str) -> String {
    masked(key, is_plain_name(key))
}

/// The name of a variable as part of a message: what was put into the place of a name is not shown.
pub(super) fn shown_variable(name: &str) -> String {
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    masked(name, name.len() <= 96 && has_few_digits(name) && name.split('_').all(is_word))
}

fn masked(name: &str, plain: bool) -> String {
    if plain { name } else { "<not a plain name>" }.to_owned()
}

fn has_few_digits(name: &str) -> bool {
    name.chars().filter(char::is_ascii_digit).count() <= 2
}

/// Words of small letters, or with a capital in front as in the names of headers, and hardly any digit.
fn is_plain_name(key: &str) -> bool {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_word = |word: &str| {
        let abbreviation = word.len() <= 3 && word.chars().all(|c| c.is_ascii_uppercase());
        let rest = word.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(word);
        !word.is_empty() && (abbreviation || rest.chars().all(small))
    };
    key.len() <= 48 && has_few_digits(key) && key.trim_start_matches('_').split(['_', '-', '.']).all(is_word)
}

/// The end of `file:line:column`.
fn line_and_column(origin: &str) -> Option<(usize, usize)> {
    let mut parts = origin.rsplitn(3, ':');
    let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((line, column))
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_look_like_the_name_of_a_key_is_not_shown() {
        let header = "X-XSS-Protection";
        for key in ["master", "client_ca_file", "http2", header, "Content-Security-Policy", "_meta", "rules.yml"] {
            assert_eq!(shown_key(key), key);
        }
        let line = "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDX";
        for key in [line, &line[..40], "PlainSecret99", "password:hunter2", "a1b2c3d4", "", "two words", "$2b$12$abc"] {
            assert_eq!(shown_key(key), "<not a plain name>");
        }
    }
}
