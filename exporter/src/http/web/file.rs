//! Reads the file and everything that it names.

use super::fields::Fields;
use super::rate::Rate;
use super::users::Users;
use super::{Loaded, WebConfigError, tls};
use hyper::header::{HeaderName, HeaderValue};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use yaml_rust2::{Yaml, YamlLoader};

/// Headers that the toolkit lets one set, with the values that it allows where it does not allow any.
const HEADERS: &[(&str, &[&str])] = &[
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// Loads a web configuration.
pub(super) fn load(path: &Path) -> Result<Loaded, WebConfigError> {
    let mut faults = Vec::new();
    let loaded = fs::read_to_string(path)
        .map_err(|error| faults.push(format!("cannot be read: {error}")))
        .ok()
        .and_then(|text| parse(&text, &mut faults))
        .map(|document| understand(path, &document, &mut faults));
    match loaded {
        Some(loaded) if faults.is_empty() => Ok(loaded),
        _ => Err(WebConfigError { path: path.to_owned(), faults }),
    }
}

fn parse(text: &str, faults: &mut Vec<String>) -> Option<Yaml> {
    match YamlLoader::load_from_str(text) {
        Ok(mut documents) if documents.len() <= 1 => Some(documents.pop().unwrap_or(Yaml::Null)),
        Ok(_) => {
            faults.push("holds more than one document".to_owned());
            None
        }
        Err(error) => {
            // The scanner's own words can quote a duplicated key, and a key may be a user. Its place is enough.
            let at = error.marker();
            faults.push(format!("is not YAML, or has a key twice: line {}, column {}", at.line(), at.col() + 1));
            None
        }
    }
}

fn understand(path: &Path, document: &Yaml, faults: &mut Vec<String>) -> Loaded {
    let mut root = Fields::new("", document, faults);
    let mut files = Files { directory: path.parent().unwrap_or(Path::new("")), read: vec![path.to_owned()] };
    let mut loaded = Loaded::default();
    if let Some(section) = root.section("tls_server_config", faults)
        && let Some(tls) = tls::understand(section, &mut files, faults)
    {
        loaded.tls = Some(tls.config);
        loaded.verifies_clients = tls.verifies_clients;
    }
    if let Some(mut section) = root.section("http_server_config", faults) {
        // HTTP/2 is on by default in the toolkit. Here it is not spoken at all, whatever a client may have agreed to:
        // asking for it would be a wish that is not met.
        if section.parsed::<bool>("http2", faults) == Some(true) {
            faults.push("http_server_config.http2: HTTP/2 is not served; write false or leave it out".to_owned());
        }
        if let Some(section) = section.section("headers", faults) {
            loaded.headers = headers(section, faults);
        }
        section.finish(faults);
    }
    if let Some(section) = root.section("basic_auth_users", faults) {
        loaded.users = Users::understand(section.strings(faults), faults).map(Arc::new);
    }
    if let Some(section) = root.section("rate_limit", faults) {
        loaded.rate = Rate::understand(section, faults);
    }
    root.finish(faults);
    loaded.files = files.read;
    loaded
}

fn headers(section: Fields<'_>, faults: &mut Vec<String>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in section.strings(faults) {
        let path = format!("http_server_config.headers.{name}");
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            faults.push(format!("{path}: this header cannot be set"));
            continue;
        };
        if value.is_empty() {
            continue;
        }
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            faults.push(format!("{path}: must be {}", allowed.join(" or ")));
            continue;
        }
        match (HeaderName::try_from(&name), HeaderValue::try_from(&value)) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => faults.push(format!("{path}: has characters that no header may have")),
        }
    }
    headers
}

/// Reads files relative to the configuration and remembers which.
pub(super) struct Files<'a> {
    directory: &'a Path,
    read: Vec<PathBuf>,
}

impl Files<'_> {
    /// Takes a PEM text that stands in the file under `inline`, or in a file that `named` names.
    pub(super) fn pem(
        &mut self,
        section: &mut Fields<'_>,
        inline: &str,
        named: &str,
        faults: &mut Vec<String>,
    ) -> Option<Vec<u8>> {
        let text = section.text(inline, faults);
        let file = section.text(named, faults);
        match (text, file) {
            (Some(_), Some(_)) => {
                faults.push(format!("{}: give either it or {named}", section.path(inline)));
                None
            }
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(file)) => {
                let path = self.directory.join(file);
                let read = fs::read(&path).map_err(|error| {
                    faults.push(format!("{}: {}: {error}", section.path(named), path.display()));
                });
                self.read.push(path);
                read.ok()
            }
            (None, None) => None,
        }
    }
}
