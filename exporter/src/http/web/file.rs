//! Reads the web configuration and the files that it names.

use super::rate::Rate;
use super::section::{Section, flag};
use super::stamps::{self, Stamped};
use super::users::Users;
use super::{Loaded, tls};
use crate::config::{ConfigError, ConfigErrors, Place, ValueError, parse_yaml, text};
use crate::files;
use hyper::header::{HeaderName, HeaderValue};
use std::path::Path;
use std::sync::Arc;

/// The headers that the toolkit lets a file set, with the allowed values; an empty list allows any.
const HEADERS: &[(&str, &[&str])] = &[
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// Loads a web configuration. Always returns every file that was read for it, with its stamp from before it was read.
pub(super) fn load(path: &Path) -> (Vec<Stamped>, Result<Loaded, ConfigErrors>) {
    let mut faults = Vec::new();
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut named = Files { directory, read: vec![stamps::of(path)], warnings: Vec::new() };
    let loaded = root(path, &mut faults).map(|root| understand(root, &mut named, &mut faults));
    // The files changed while they were read, so the parts may not belong together.
    if let Some((file, _)) = stamps::changed(&named.read)
        && faults.is_empty()
    {
        let wrong = ValueError::new("changed while it was read").expected("load it again when it is complete");
        faults.push(ConfigError::new(Some(&file.display().to_string()), "", wrong));
    }
    let loaded = match loaded {
        Some(loaded) if faults.is_empty() => Ok(loaded),
        _ => Err(ConfigErrors::in_order(faults)),
    };
    (named.read, loaded)
}

fn root(path: &Path, faults: &mut Vec<ConfigError>) -> Option<Section> {
    let name = path.display().to_string();
    let bytes = files::read(path)
        .map_err(|error| faults.push(ConfigError::new(Some(&name), "", format!("cannot be read: {error}"))))
        .ok()?;
    section(bytes, &name, faults)
}

fn section(bytes: Vec<u8>, name: &str, faults: &mut Vec<ConfigError>) -> Option<Section> {
    let text = text(bytes, name, faults)?;
    let before = faults.len();
    let root = parse_yaml(&text, Place::File(name), faults)?;
    // A document with a YAML fault is not interpreted any further.
    (faults.len() == before).then(|| Section::new("", root, faults))
}

/// Reads any bytes as a web configuration, for fuzzing.
///
/// # Panics
/// Where a fault is not fit to be shown: a line that a terminal would obey.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::http) fn read_any(bytes: &[u8]) {
    let mut faults = Vec::new();
    let mut named = Files { directory: Path::new(""), read: Vec::new(), warnings: Vec::new() };
    if let Some(root) = section(bytes.to_vec(), "web.yml", &mut faults) {
        understand(root, &mut named, &mut faults);
    }
    let reported = ConfigErrors::in_order(faults).to_string();
    assert!(!reported.chars().any(|character| character.is_control() && character != '\n'), "{reported:?}");
}

fn understand(mut root: Section, named: &mut Files<'_>, faults: &mut Vec<ConfigError>) -> Loaded {
    let mut loaded = Loaded::default();
    if let Some(section) = root.section("tls_server_config", faults)
        && let Some(tls) = tls::understand(section, named, faults)
    {
        loaded.tls = Some(tls.config);
        loaded.verifies_clients = tls.verifies_clients;
        loaded.demands.tls = Some(tls.demands);
    }
    if let Some(mut section) = root.section("http_server_config", faults) {
        if section.parsed("http2", flag, faults) == Some(true) {
            named.warn(section.fault("http2", "HTTP/2 is not served; clients speak HTTP/1.1"));
        }
        if let Some(section) = section.section("headers", faults) {
            loaded.headers = headers(section, faults);
        }
        section.finish(faults);
    }
    if let Some(section) = root.section("basic_auth_users", faults) {
        loaded.users = Users::understand(section, faults).map(Arc::new);
        loaded.demands.users = loaded.users.is_some();
    }
    if let Some(section) = root.section("rate_limit", faults) {
        loaded.rate = Rate::understand(section, faults);
    }
    root.finish(faults);
    loaded.warnings = std::mem::take(&mut named.warnings);
    loaded
}

fn headers(mut section: Section, faults: &mut Vec<ConfigError>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in section.filled_texts(faults) {
        let mut fault = |wrong: String| faults.push(section.fault_at(&value.origin, &name, wrong));
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            fault("this header cannot be set".to_owned());
            continue;
        };
        if value.text.is_empty() {
            continue;
        }
        if !allowed.is_empty() && !allowed.contains(&value.text.as_str()) {
            fault(format!("must be {}", allowed.join(" or ")));
            continue;
        }
        match (HeaderName::try_from(&name), HeaderValue::try_from(&value.text)) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => fault("has characters that no header may have".to_owned()),
        }
    }
    headers
}

/// Reads files relative to the configuration and records their stamps.
pub(super) struct Files<'a> {
    directory: &'a Path,
    read: Vec<Stamped>,
    warnings: Vec<ConfigError>,
}

/// A PEM text and the key that it came from.
pub(super) struct Pem {
    pub(super) key: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Files<'_> {
    /// Notes what is taken and not met.
    pub(super) fn warn(&mut self, warning: ConfigError) {
        self.warnings.push(warning);
    }

    /// Takes a PEM text from the key `inline`, or from the file that the key `named` names. Faults do not show the
    /// name, because some users put the private key itself there.
    pub(super) fn pem(
        &mut self,
        section: &mut Section,
        inline: &'static str,
        named: &'static str,
        faults: &mut Vec<ConfigError>,
    ) -> Option<Pem> {
        let text = section.text(inline, faults);
        let file = section.text(named, faults);
        match (text, file) {
            (Some(text), None) => Some(Pem { key: inline, bytes: text.into_bytes() }),
            (_, Some(file)) if file.chars().any(char::is_control) => {
                let wrong = ValueError::new("holds a line break or another control character");
                let expected = format!("write the path of a file here; the text itself goes under {inline}");
                faults.push(section.fault(named, wrong.expected(expected)));
                None
            }
            (inlined, Some(file)) => {
                if inlined.is_some() {
                    self.warn(section.fault(inline, format!("is not used, for {named} is there too")));
                }
                let path = self.directory.join(file);
                self.read.push(stamps::of(&path));
                let read = files::read(&path).map_err(|error| {
                    let wrong = ValueError::new(format!("the file that it names cannot be read: {error}"));
                    let expected = "a path that is not absolute is taken from the folder of the web configuration";
                    faults.push(section.fault(named, wrong.expected(expected)));
                });
                read.ok().map(|bytes| Pem { key: named, bytes: files::unmarked(bytes) })
            }
            (None, None) => None,
        }
    }
}
