//! What is wrong with a configuration, in words that never hold a secret.

use super::keys::KEYS;
use super::layers::{ConfigFile, Sources};
use std::collections::HashSet;
use std::{fmt, io};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it was written: `file:line:column`, the name of a variable or a flag. `None` where nothing was written.
    pub origin: Option<String>,
    /// The key, such as `master.timeout`; empty for a fault of the file itself.
    pub path: String,
    /// What is wrong.
    pub wrong: String,
    /// What would be right, or what to do next.
    pub expected: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(origin: Option<&str>, path: &str, wrong: impl Into<ValueError>) -> ConfigError {
        let wrong = wrong.into();
        ConfigError {
            origin: origin.map(str::to_owned),
            path: path.to_owned(),
            wrong: wrong.what,
            expected: wrong.expected,
        }
    }
}

impl fmt::Display for ConfigError {
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
pub struct ConfigErrors(pub(crate) Vec<ConfigError>);

impl ConfigErrors {
    /// In the order of the file, then in that of the reference. Where the usual file was looked for in vain, that comes
    /// first.
    pub(super) fn of(mut faults: Vec<ConfigError>, sources: &Sources) -> ConfigErrors {
        faults.sort_by_key(|fault| KEYS.iter().position(|key| key.path == fault.path));
        let ConfigErrors(mut faults) = ConfigErrors::in_order(faults);
        let path = sources.file.path();
        let missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        if matches!(sources.file, ConfigFile::Usual(_)) && (sources.read)(path).is_err_and(missing) {
            let wrong = ValueError::new("is not there").expected("write it, or name another file with --config.file");
            faults.insert(0, ConfigError::new(Some(&path.display().to_string()), "", wrong));
        }
        if faults.is_empty() {
            faults.push(ConfigError::new(None, "", "a value is missing and no fault names it; please report this"));
        }
        ConfigErrors(faults)
    }

    /// In the order of the file, then those that have no line.
    pub(crate) fn in_order(mut faults: Vec<ConfigError>) -> ConfigErrors {
        faults.sort_by_key(|fault| fault.origin.as_deref().and_then(line_and_column).unwrap_or((usize::MAX, 0)));
        ConfigErrors(faults)
    }

    /// Where they are, one a line: file, line, column and key, and nothing of what was written there.
    pub(crate) fn places(&self) -> String {
        let place = |fault: &ConfigError| match (fault.origin.as_deref(), fault.path.as_str()) {
            (Some(origin), "") => on_one_line(origin),
            (Some(origin), path) => format!("{}: {}", on_one_line(origin), on_one_line(path)),
            (None, path) => on_one_line(path),
        };
        self.0.iter().map(place).collect::<Vec<_>>().join("\n")
    }

    /// All of them, in the order in which they are shown.
    pub fn all(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
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

impl std::error::Error for ConfigErrors {}

impl std::error::Error for ConfigError {}

/// The faults of a configuration that is being read, and the paths of the values that they concern: such a value counts
/// as written, and nothing more is said of it. There is no `Debug`: keys may hold a secret.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Vec<ConfigError>,
    values: HashSet<String>,
}

impl Report {
    /// Reports the value at a path. `shown` is the path as messages show it.
    pub(super) fn value(&mut self, origin: &str, path: &str, shown: &str, wrong: impl Into<ValueError>) {
        self.faults.push(ConfigError::new(Some(origin), shown, wrong));
        self.values.insert(path.to_owned());
    }

    /// Whether the value at a path, or the section above it, was reported.
    pub(super) fn has(&self, path: &str) -> bool {
        let above = path.match_indices('.').map(|(at, _)| path.split_at(at).0);
        above.chain([path]).any(|path| self.values.contains(path))
    }

    /// A later source gives this value, whatever was wrong with the earlier one.
    pub(super) fn overridden(&mut self, path: &str) {
        self.values.retain(|other| {
            other.strip_prefix(path).is_none_or(|rest| !matches!(rest.chars().next(), None | Some('[')))
        });
    }
}

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
