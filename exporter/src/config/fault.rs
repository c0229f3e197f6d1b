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
/// space after the colon, is one key for YAML.
pub(crate) fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match key {
        _ if !key.is_empty() && key.len() <= 64 && key.chars().all(plain) => key.to_owned(),
        _ => "<not a plain name>".to_owned(),
    }
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
