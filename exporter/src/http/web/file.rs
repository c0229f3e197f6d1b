//! Reads the file and everything that it names.

use super::rate::Rate;
use super::section::{Section, flag};
use super::stamps::{self, Stamped};
use super::users::Users;
use super::{Loaded, tls};
use crate::config::{ConfigError, ConfigErrors, Place, ValueError, parse_yaml, utf8};
use crate::files;
use hyper::header::{HeaderName, HeaderValue};
use std::path::Path;
use std::sync::Arc;

/// Headers that the toolkit lets one set, with the values that it allows where it does not allow any.
const HEADERS: &[(&str, &[&str])] = &[
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// Loads a web configuration. In any case every file that was read for it comes back, with what it was like before that.
pub(super) fn load(path: &Path) -> (Vec<Stamped>, Result<Loaded, ConfigErrors>) {
    let mut faults = Vec::new();
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut named = Files { directory, read: vec![stamps::of(path)], warnings: Vec::new() };
    let loaded = root(path, &mut faults).map(|root| understand(root, &mut named, &mut faults));
    // One part of the old and one of the new is neither.
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
    let text = utf8(&bytes, &name, faults)?;
    let before = faults.len();
    let root = parse_yaml(text, Place::File(&name), faults)?;
    // A document with a fault of YAML is not what was meant.
    (faults.len() == before).then(|| Section::new("", root, faults))
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

/// Reads files relative to the configuration and remembers which.
pub(super) struct Files<'a> {
    directory: &'a Path,
    read: Vec<Stamped>,
    warnings: Vec<ConfigError>,
}

/// What stands under one of two keys, with the key under which it stands.
pub(super) struct Pem {
    pub(super) key: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Files<'_> {
    /// Notes what is taken and not met.
    pub(super) fn warn(&mut self, warning: ConfigError) {
        self.warnings.push(warning);
    }

    /// Takes a PEM text that stands in the file under `inline`, or in a file that `named` names. ConfigErrors do not show that
    /// name: some write the key itself there.
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
                read.ok().map(|bytes| Pem { key: named, bytes })
            }
            (None, None) => None,
        }
    }
}
