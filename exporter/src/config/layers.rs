//! Where a configuration comes from, and how one source overrides another.

use super::error::{ConfigError, Report, ValueError, shown_variable};
use super::keys::{self, KEYS, PREFIX};
use super::node::Place;
use super::shape::{self, Layer};
use super::suggest::nearest;
use super::{toml, yaml};
use crate::files;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFile {
    /// Named by the user: it must be there.
    Named(PathBuf),
    /// At its usual place: it may be missing where the environment and the flags say enough.
    Usual(PathBuf),
}

impl ConfigFile {
    /// The usual place on this operating system.
    pub fn usual() -> ConfigFile {
        if cfg!(windows) {
            let data = std::env::var_os("ProgramData").unwrap_or_else(|| OsString::from(r"C:\ProgramData"));
            ConfigFile::Usual(Path::new(&data).join("msx_exporter").join("msx_exporter.yml"))
        } else {
            ConfigFile::Usual(PathBuf::from("/etc/msx_exporter/msx_exporter.yml"))
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            ConfigFile::Named(path) | ConfigFile::Usual(path) => path,
        }
    }
}

/// A key that is set by a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag as typed, for messages.
    pub flag: &'static str,
    /// The key that it sets.
    pub key: &'static str,
    /// Its value. Flags are visible to every user of the host, so no flag sets a secret.
    pub value: String,
}

/// Reads a complete file.
pub type ReadFile = dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync;

/// Everything that a configuration is made from. What it needs of the process is handed in, so that it can be tested.
pub struct Sources {
    /// The file.
    pub file: ConfigFile,
    /// All variables of the environment; those of others are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// What flags set.
    pub overrides: Vec<Override>,
    /// How files are read: the configuration, passwords, certificates.
    pub read: Box<ReadFile>,
    /// Whether this is Windows, where a login with the service's own account is possible.
    pub windows: bool,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).field("overrides", &self.overrides).finish_non_exhaustive()
    }
}

impl Sources {
    /// The sources of this process.
    pub fn of_process(file: ConfigFile, overrides: Vec<Override>) -> Sources {
        let environment = std::env::vars_os().collect();
        Sources { file, environment, overrides, read: Box::new(files::read), windows: cfg!(windows) }
    }
}

/// Reads all sources and lays them over each other: defaults, file, environment, flags.
///
/// `None` where the file cannot be read or is broken: what it would have said is not known, so nothing can be missing.
pub(super) fn merge(sources: &Sources, report: &mut Report) -> Option<Layer> {
    let file = file(sources, report);
    let (defaults, environment, flags) = (defaults(report), environment(sources, report), flags(sources, report));
    let layers = [defaults, file?, environment, flags];
    let builder =
        layers.into_iter().fold(::config::Config::builder(), |builder, layer| builder.add_source(Shaped(layer)));
    match builder.build().and_then(|merged| ::config::Source::collect(&merged)) {
        Ok(merged) => Some(merged),
        Err(_) => {
            // Not its text: it quotes values.
            report.faults.push(ConfigError::new(None, "", "the layers of the configuration do not fit together"));
            None
        }
    }
}

/// A layer as a source of the `config` crate. The keys of its top level are names from our table, so that crate's path
/// expressions (`a.b[0]`) never see what a user wrote.
#[derive(Clone)]
struct Shaped(Layer);

impl fmt::Debug for Shaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shaped")
    }
}

impl ::config::Source for Shaped {
    fn clone_into_box(&self) -> Box<dyn ::config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Layer, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn defaults(report: &mut Report) -> Layer {
    let mut layer = Layer::new();
    for key in KEYS.iter() {
        if let Some(value) = shape::default(key, report) {
            shape::put(&mut layer, &key.path, value);
        }
    }
    layer
}

fn file(sources: &Sources, report: &mut Report) -> Option<Layer> {
    let path = sources.file.path();
    let name = path.display().to_string();
    let bytes = match (sources.read)(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && matches!(sources.file, ConfigFile::Usual(_)) => {
            return Some(Layer::new());
        }
        Err(error) => {
            report.faults.push(ConfigError::new(Some(&name), "", format!("cannot be read: {error}")));
            return None;
        }
    };
    let text = text(bytes, &name, &mut report.faults)?;
    let toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let parse = if toml { toml::parse } else { yaml::parse };
    parse(&text, Place::File(&name), &mut report.faults).map(|root| shape::file(root, report))
}

/// The text of a file; `None` with a fault where its encoding is not known.
pub(crate) fn text(bytes: Vec<u8>, name: &str, faults: &mut Vec<ConfigError>) -> Option<String> {
    let wrong =
        |wrong| faults.push(ConfigError::new(Some(name), "", ValueError::new(wrong).expected("save it as UTF-8")));
    files::text(bytes).map_err(wrong).ok()
}

fn environment(sources: &Sources, report: &mut Report) -> Layer {
    let mut layer = Layer::new();
    for (name, value) in &sources.environment {
        let name = name.to_string_lossy();
        // On Windows names that differ in case only are one name.
        let name = if sources.windows { name.to_ascii_uppercase() } else { name.into_owned() };
        if !name.starts_with(PREFIX) {
            continue;
        }
        let Some(key) = KEYS.iter().find(|key| key.variable() == name) else {
            let variables: Vec<_> = KEYS.iter().map(|key| key.variable().to_ascii_lowercase()).collect();
            let near = nearest(&name, variables.iter().map(String::as_str));
            let wrong = ValueError::new("unknown variable");
            let wrong = match near {
                Some(near) => wrong.expected(format!("did you mean {}?", near.to_ascii_uppercase())),
                None => wrong.expected(format!("names that begin with {PREFIX} are checked, so that none is misspelt")),
            };
            report.faults.push(ConfigError::new(Some(&shown_variable(&name)), "", wrong));
            continue;
        };
        match value.to_str() {
            Some(value) => {
                if let Some(value) = shape::single(key, &name, value.to_owned(), report) {
                    shape::put(&mut layer, &key.path, value);
                }
            }
            None => report.faults.push(ConfigError::new(Some(&name), &key.path, "is not UTF-8")),
        }
    }
    layer
}

fn flags(sources: &Sources, report: &mut Report) -> Layer {
    let mut layer = Layer::new();
    for Override { flag, key, value } in &sources.overrides {
        let Some(key) = keys::find(key) else { continue };
        if let Some(value) = shape::single(key, flag, value.clone(), report) {
            shape::put(&mut layer, &key.path, value);
        }
    }
    layer
}
