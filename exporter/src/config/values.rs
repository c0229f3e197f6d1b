//! What the configuration means, validated.

use super::Secret;
use crate::model::{Address, Check, Collector};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// Beside a master, or on a target.
    pub role: Role,
    /// The master.
    pub master: Master,
    /// The target on which this runs; only with [`Role::Target`].
    pub local: Local,
    /// What is read.
    pub collectors: Collectors,
    /// Which targets are shown, and what is added to them.
    pub targets: Targets,
    /// Which jobs are shown.
    pub jobs: Filter,
    /// Names that must be enlisted.
    pub expected_targets: Vec<String>,
    /// Windows of time during which no alert fires.
    pub maintenance: Vec<Maintenance>,
    /// Port checks.
    pub ports: Ports,
    /// Whether pages show texts of errors, addresses and traces without authentication.
    pub explain_details: bool,
    /// Bounds.
    pub limits: Limits,
}

/// Where the exporter runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Beside the master.
    Master,
    /// On a target.
    Target,
}

/// The master and the way to it.
#[derive(Debug, Clone)]
pub struct Master {
    /// Where it is.
    pub address: Address,
    /// The database to read; the session itself stays in `master`.
    pub msdb: String,
    /// How to log in.
    pub auth: Auth,
    /// How much is encrypted.
    pub encrypt: Encrypt,
    /// Certificates that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The name to look for in the certificate where it differs from the host.
    pub host_name_in_certificate: Option<String>,
    /// Whether the certificate is verified.
    pub trust: Trust,
    /// For a whole reading, connecting included.
    pub timeout: Duration,
    /// IANA or Windows name of the master's time zone, where the server cannot tell.
    pub timezone: Option<String>,
    /// On a failover cluster: stay passive on the node that does not hold the instance.
    pub only_if_local: bool,
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A SQL login.
    Sql {
        /// Its name.
        user: String,
        /// Where its password is.
        password: PasswordSource,
    },
    /// The account under which the exporter runs; Windows only, NTLM in today's driver.
    Windows,
}

/// Where a password is. A file is read at each login, so that it can be rotated.
#[derive(Debug, Clone)]
pub enum PasswordSource {
    /// In a file, less one trailing line break.
    File(PathBuf),
    /// In the environment or the configuration itself.
    Value(Secret),
}

impl PasswordSource {
    /// The password as it is now. Reads the file, where there is one, and blocks meanwhile.
    ///
    /// # Errors
    /// Why the file gives no password. The error names neither the file nor what it holds.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            PasswordSource::Value(secret) => Ok(secret.clone()),
            PasswordSource::File(path) => Secret::from_file(crate::files::read(path)?)
                .map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, format!("the password file {wrong}"))),
        }
    }
}

/// How much of the session with the master is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encrypt {
    /// TDS 8.0: TLS before the first byte of TDS.
    Strict,
    /// TDS 7.4 with everything encrypted.
    Required,
    /// TDS 7.4 with the login encrypted.
    LoginOnly,
    /// Nothing, unless the server insists.
    Off,
}

/// Whether the master's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Accept any on this host's own addresses and verify elsewhere.
    Auto,
    /// Accept any.
    Always,
    /// Verify.
    Never,
}

/// The target on which this runs.
#[derive(Debug, Clone)]
pub struct Local {
    /// Its name as enlisted.
    pub name: Option<String>,
    /// Its own instance, for a local login.
    pub address: Option<Address>,
    /// How to log in there.
    pub auth: Auth,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collectors {
    /// Collector `targets`.
    pub targets: bool,
    /// Collector `downloads`.
    pub downloads: bool,
    /// Collector `jobs`.
    pub jobs: bool,
    /// Collector `server`.
    pub server: bool,
    /// Collector `arrivals`.
    pub arrivals: bool,
}

impl Collectors {
    /// Whether one is switched on.
    pub fn has(self, collector: Collector) -> bool {
        match collector {
            Collector::Targets => self.targets,
            Collector::Downloads => self.downloads,
            Collector::Server => self.server,
            Collector::Jobs => self.jobs,
            Collector::Arrivals => self.arrivals,
        }
    }
}

/// A regular expression that is anchored and ignores case.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: regex_lite::Regex,
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, in the words of the regular expression engine.
    pub fn new(text: &str) -> Result<Pattern, String> {
        // By itself first: `a)|(b` is none, and would become one, not anchored, between the brackets added here.
        regex_lite::Regex::new(text).map_err(|error| error.to_string())?;
        let regex = regex_lite::RegexBuilder::new(&format!("^(?:{text})$"))
            .case_insensitive(true)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Pattern { text: text.to_owned(), regex })
    }

    /// Whether a whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        // The defaults are asked of every target in every scrape; the engine would take most of an assessment's time.
        match self.text.as_str() {
            ".*" => true,
            "^$" => name.is_empty(),
            _ => self.regex.is_match(name),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What is shown.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Names that are shown.
    pub include: Pattern,
    /// Names that are left out of these.
    pub exclude: Pattern,
}

impl Filter {
    /// Whether a name is shown.
    pub fn allows(&self, name: &str) -> bool {
        self.include.matches(name) && !self.exclude.matches(name)
    }
}

/// Which targets are shown, and what is added to them.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Which.
    pub filter: Filter,
    /// Labels for `msx_target_info`. Every label name of any rule stands on every target, empty where no rule matches.
    pub labels: Vec<LabelRule>,
    /// Addresses from which targets arrive besides those of their names.
    pub addresses: Vec<SourceAddress>,
}

/// An address from which the targets whose name fits arrive at the master.
#[derive(Debug, Clone)]
pub struct SourceAddress {
    /// Which targets.
    pub matches: Pattern,
    /// The address, in the form in which addresses are compared.
    pub address: IpAddr,
}

/// Labels for the targets whose name fits; the first rule that sets a label wins.
#[derive(Debug, Clone)]
pub struct LabelRule {
    /// Which targets.
    pub matches: Pattern,
    /// Label names and values.
    pub labels: BTreeMap<String, String>,
}

/// A window during which nobody is woken.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// Which targets.
    pub matches: Pattern,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// Port checks.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Whether the sweep runs.
    pub enabled: bool,
    /// How often each target is checked.
    pub interval: Duration,
    /// For one check.
    pub timeout: Duration,
    /// Sockets that are open at once.
    pub concurrency: usize,
    /// One entry for each check.
    pub checks: BTreeMap<Check, CheckSettings>,
    /// What differs for some targets; the first match wins.
    pub overrides: Vec<PortOverride>,
}

/// How one check is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckSettings {
    /// In the background; else only on request.
    pub sweep: bool,
    /// How deep it looks.
    pub depth: Depth,
    /// Whether the port must be open.
    pub required: bool,
}

/// How deep a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// A TCP connection that is closed in an orderly way.
    Connect,
    /// The first messages of the protocol, without a login.
    Protocol,
}

/// What differs for some targets.
#[derive(Debug, Clone)]
pub struct PortOverride {
    /// Which.
    pub matches: Pattern,
    /// The host to ask instead of the one in the target's name.
    pub host: Option<String>,
    /// The engine's port.
    pub engine_port: Option<u16>,
    /// Whether the engine's port must be open.
    pub required: Option<bool>,
}

/// Bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Targets that are shown.
    pub targets: usize,
    /// Pairs of job and target that are shown.
    pub job_pairs: usize,
    /// Series on a page.
    pub series: usize,
    /// Scrapes at once.
    pub scrapes_in_flight: usize,
    /// Scrapes at once from one address.
    pub scrapes_in_flight_per_client: usize,
}
