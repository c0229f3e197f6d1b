//! The command line: what was typed, and what it means.
//!
//! Flags are written as Prometheus' own exporters write theirs, with dots. There is none for a password: every user of
//! a host sees the command lines of all processes.

mod service;

pub use service::{service_run, serving};

use crate::config::{ConfigFile, Override, Sources};
use crate::doctor::RequestFormat;
use crate::exit::{FINE, Failure, USAGE};
use crate::exposition::ConstantLabel;
use crate::logging;
use crate::model::duration;
use crate::sqlserver::{Grantee, Principal};
use crate::windows_service::{self, Action, ServiceName, names};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use service::{TypedAction, serving_flags};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), "\n  revision: ", env!("MSX_REVISION"), "\n  compiler: ", env!("MSX_RUSTC"));

/// The flag whose value each instance of the service has named in its command line.
const CONFIG_FILE: &str = "config.file";

/// What is to be done, and with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    /// Level and format of the log.
    pub log: logging::Settings,
    /// The file of the configuration, or flags in its place.
    pub file: ConfigFile,
    /// Keys of the configuration that flags set.
    pub overrides: Vec<Override>,
    /// Options of the HTTP server.
    pub web: Web,
    /// The file that the output of the command replaces; standard output where none is named.
    pub output: Option<PathBuf>,
}

impl Invocation {
    /// The sources of the configuration, the environment of this process included.
    pub fn sources(&self) -> Sources {
        Sources::of_process(self.file.clone(), self.overrides.clone())
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve until stopped.
    Serve,
    /// One reading and one sweep, then exit.
    Once {
        /// Labels on each series.
        labels: Vec<ConstantLabel>,
        /// How often a page is written.
        interval: Option<Duration>,
    },
    /// Report all faults of the configuration.
    CheckConfig,
    /// Print every name that the program has.
    Catalogue,
    /// Print the rights that the login needs, as T-SQL.
    Grants(Grants),
    /// Say which ports are needed, in both directions, and what is known of them.
    Doctor(Doctor),
    /// Make, change, look at or take away a service of Windows.
    Service(Action),
    /// Be such a service: the service control manager has started this process.
    RunService(ServiceName),
}

/// How to draw up the firewall request.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Doctor {
    /// How the request is written
    #[arg(long = "format", value_enum, default_value = "text")]
    pub form: RequestFormat,
    /// A rule for each pair of source and destination instead of one for a group of hosts
    #[arg(long = "each")]
    pub each: bool,
    /// An earlier request in JSON, to be compared with what is known now
    #[arg(long = "verify", value_name = "FILE.json")]
    pub verify: Option<PathBuf>,
}

/// For whom the script of the rights is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Grants {
    /// What the exporter logs in as [default: as the configuration has it, else sql-login]
    #[arg(long = "login.kind", value_enum, value_name = "KIND")]
    pub kind: Option<Principal>,
    /// Its name, such as msx_exporter or CORP\account$ [default: as the configuration has it]
    #[arg(long = "login.name", value_name = "NAME")]
    pub name: Option<String>,
    /// The version's year, such as 2019: the complete script for it, and no server is asked
    #[arg(long = "server.version", value_name = "YEAR")]
    pub version: Option<u16>,
    /// Take the rights away instead
    #[arg(long = "revoke")]
    pub revoke: bool,
}

impl Grants {
    /// The grantee of the configuration, overridden by the flags.
    pub(crate) fn grantee(&self, configured: Grantee) -> Grantee {
        let principal = self.kind.unwrap_or(configured.principal);
        // The configured name belongs to a login of another kind, so it does not fit here.
        let usual =
            if principal == configured.principal { configured.login } else { principal.placeholder().to_owned() };
        Grantee { login: self.name.clone().unwrap_or(usual), principal, msdb: configured.msdb }
    }
}

/// How to serve. These are flags only, as with Prometheus' own exporters.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Web")]
pub struct Web {
    /// Address to listen on; may be repeated
    #[arg(long = "web.listen-address", global = true, value_name = "ADDRESS", default_value = ":9814")]
    pub listen_addresses: Vec<String>,
    /// File with TLS, client certificates and users, in the format of the exporter toolkit
    #[arg(id = "web_config_file", long = "web.config.file", global = true, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Networks in CIDR form whose clients always have a place; may be repeated, or have commas between them
    #[arg(long = "web.trusted-clients", global = true, value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_clients: Vec<String>,
    /// URL under which the exporter is reached from outside, for links
    #[arg(long = "web.external-url", global = true, value_name = "URL")]
    pub external_url: Option<String>,
    /// Prefix of all routes [default: the path of --web.external-url]
    #[arg(long = "web.route-prefix", global = true, value_name = "PATH")]
    pub route_prefix: Option<String>,
    /// Allow POST /-/reload
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,
    /// Allow /probe without authentication on an address that is not loopback
    #[arg(long = "web.enable-probe", global = true)]
    pub enable_probe: bool,
}

/// Why nothing is done: help was asked for, or what was typed makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The exit code.
    pub code: u8,
    /// The text to print: on standard output where the code is 0, else on standard error.
    pub text: String,
}

/// Prometheus exporter for SQL Server Agent's multiserver administration (MSX/TSX)
#[derive(Parser)]
#[command(name = "msx_exporter", version = VERSION, disable_help_subcommand = true)]
struct Typed {
    #[command(subcommand)]
    command: Option<TypedCommand>,
    #[command(flatten)]
    serving: ServingFlags,
}

/// The flags that mean something to a program that serves; a service keeps them in its command line.
#[derive(Args)]
struct ServingFlags {
    /// Configuration file, YAML or TOML
    #[arg(long = CONFIG_FILE, global = true, value_name = "FILE")]
    config_file: Option<PathBuf>,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    web: Web,
}

#[derive(Args)]
#[command(next_help_heading = "Log, to standard error")]
struct Log {
    /// Least severity that is logged; with once, doctor, grants and service status warn unless given
    #[arg(long = "log.level", global = true, value_enum, default_value = "info")]
    level: logging::Level,
    /// How lines are written
    #[arg(long = "log.format", global = true, value_enum, default_value = "logfmt")]
    format: logging::Format,
}

#[derive(Subcommand)]
enum TypedCommand {
    /// Serve until stopped; what happens without a command
    Serve,
    /// Write one page of metrics and exit
    Once {
        #[command(flatten)]
        output: Output,
        /// Label on each series of the page, to tell the pages of one host apart; may be repeated
        #[arg(long = "output.label", value_name = "NAME=VALUE")]
        labels: Vec<ConstantLabel>,
        /// How often such a page is written, such as 10m: what reads it takes an older one for out of date
        #[arg(long = "output.interval", value_name = "DURATION", value_parser = interval)]
        interval: Option<Duration>,
        #[command(flatten)]
        place: Place,
    },
    /// Report every fault of the configuration, with file and line
    CheckConfig {
        #[command(flatten)]
        output: Output,
    },
    /// Print the names of metrics, causes, keys, commands and the like, as JSON, for programs
    #[command(hide = true)]
    Catalogue {
        #[command(flatten)]
        output: Output,
    },
    /// Print the rights that the login needs, as T-SQL
    Grants {
        #[command(flatten)]
        grants: Grants,
        #[command(flatten)]
        output: Output,
    },
    /// Print which ports to ask the firewall team for, in both directions, and what is known of them now
    Doctor {
        #[command(flatten)]
        doctor: Doctor,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        place: Place,
    },
    /// Install, change, look at, remove or be a service of Windows
    Service {
        #[command(subcommand)]
        action: TypedAction,
        /// Name of the instance: of its service, its configuration and its source in the Event Log
        #[arg(long = "service.name", global = true, value_name = "NAME", default_value = names::DEFAULT)]
        name: ServiceName,
    },
}

/// Where the document of a command goes.
#[derive(Args)]
struct Output {
    /// File that is replaced in one step [default: standard output]
    #[arg(long = "output.file", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Keys of the configuration for calls that should need no file.
#[derive(Args)]
struct Place {
    /// master or target; as the key `role`
    #[arg(long = "role", value_name = "ROLE")]
    role: Option<String>,
    /// Where the master is; as the key `master.address`
    #[arg(long = "master.address", value_name = "ADDRESS")]
    master_address: Option<String>,
    /// The name of this target as enlisted; as the key `local.name`
    #[arg(long = "local.name", value_name = "NAME")]
    local_name: Option<String>,
}

impl Place {
    fn overrides(self) -> Vec<Override> {
        let flags = [
            ("--role", "role", self.role),
            ("--master.address", "master.address", self.master_address),
            ("--local.name", "local.name", self.local_name),
        ];
        flags.into_iter().filter_map(|(flag, key, value)| Some(Override { flag, key, value: value? })).collect()
    }
}

fn interval(text: &str) -> Result<Duration, &'static str> {
    duration::read(text).filter(|length| !length.is_zero()).ok_or("a length of time has a unit, such as 10m or 1h")
}

/// The commands and their flags, for the catalogue.
pub(crate) fn definition() -> clap::Command {
    Typed::command()
}

/// Understands a command line, the name of the program included.
///
/// # Errors
/// What to print and with which code to exit, where there is nothing to do.
pub fn parse(line: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Invocation, Exit> {
    let matches = matches(line)?;
    let typed = Typed::from_arg_matches(&matches).map_err(|error| exit(&error))?;
    let (mut overrides, mut file) = (Vec::new(), None);
    let command = match typed.command.unwrap_or(TypedCommand::Serve) {
        TypedCommand::Serve => Command::Serve,
        TypedCommand::Once { output, labels, interval, place } => {
            (overrides, file) = (place.overrides(), output.file);
            Command::Once { labels, interval }
        }
        TypedCommand::CheckConfig { output } => {
            file = output.file;
            Command::CheckConfig
        }
        TypedCommand::Catalogue { output } => {
            file = output.file;
            Command::Catalogue
        }
        TypedCommand::Grants { grants, output } => {
            file = output.file;
            Command::Grants(grants)
        }
        TypedCommand::Doctor { doctor, output, place } => {
            (overrides, file) = (place.overrides(), output.file);
            Command::Doctor(doctor)
        }
        TypedCommand::Service { action, name } => action.meant(name, serving_flags(&matches)),
    };
    // Each instance of the service has a file of its own.
    let usual = match &command {
        Command::RunService(name) => ConfigFile::Named(name.configuration(&windows_service::folder())),
        _ => ConfigFile::usual(),
    };
    let ServingFlags { config_file, log, web } = typed.serving;
    // These commands report their findings in their document; on a terminal or in a mail of cron only warnings belong
    // next to it.
    let documents = matches!(
        &command,
        Command::Once { .. } | Command::Grants(_) | Command::Doctor(_) | Command::Service(Action::Status(_))
    );
    let asked = matches.value_source("level") == Some(ValueSource::CommandLine);
    let level = if documents && !asked { logging::Level::Warn } else { log.level };
    Ok(Invocation {
        command,
        log: logging::Settings { level, format: log.format },
        file: config_file.map_or(usual, ConfigFile::Named),
        overrides,
        web,
        output: file,
    })
}

/// Understands arguments that stand behind the program.
///
/// # Errors
/// Code 64 with the reason why they make no sense.
pub fn parse_words(arguments: &[String]) -> Result<Invocation, Failure> {
    parse(program(arguments)).map_err(|exit| Failure::usage(exit.text.trim_end()))
}

fn program(arguments: &[String]) -> impl Iterator<Item = String> + '_ {
    std::iter::once("msx_exporter".to_owned()).chain(arguments.iter().cloned())
}

fn matches(line: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<ArgMatches, Exit> {
    Typed::command().try_get_matches_from(line).map_err(|error| exit(&error))
}

fn exit(error: &clap::Error) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    Exit { code: if asked { FINE } else { USAGE }, text: error.render().to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::config::load;
    use crate::logging::{Format, Level};

    pub(super) fn typed(line: &str) -> Result<Invocation, Exit> {
        parse(format!("msx_exporter {line}").split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_means_serve_with_the_defaults() {
        let invocation = typed("").unwrap();
        assert_eq!(invocation, typed("serve").unwrap());
        assert_eq!(invocation.command, Command::Serve);
        assert_eq!(invocation.file, ConfigFile::usual());
        assert_eq!(invocation.web.listen_addresses, [":9814"]);
        assert_eq!((invocation.log.level, invocation.log.format), (Level::Info, Format::Logfmt));
    }

    #[test]
    fn flags_stand_before_or_after_the_command_with_an_equals_sign_or_without() {
        let flags = "--config.file=/x.yml --web.listen-address 127.0.0.1:1 --web.listen-address=[::1]:2 --log.format json \
                     --log.level=debug --web.config.file=w.yml --web.external-url=http://x/msx --web.route-prefix=/ \
                     --web.enable-lifecycle --web.enable-probe --web.trusted-clients=192.0.2.0/24,2001:db8::/64 \
                     --web.trusted-clients 198.51.100.7";
        let invocation = typed(flags).unwrap();
        assert_eq!(invocation, typed(&format!("serve {flags}")).unwrap());
        assert_eq!(invocation, typed(&format!("{flags} serve")).unwrap());
        assert_eq!(invocation.file, ConfigFile::Named("/x.yml".into()));
        assert_eq!(invocation.web.listen_addresses, ["127.0.0.1:1", "[::1]:2"]);
        assert_eq!(invocation.web.config_file, Some("w.yml".into()));
        assert_eq!(invocation.web.external_url.as_deref(), Some("http://x/msx"));
        assert_eq!(invocation.web.route_prefix.as_deref(), Some("/"));
        assert_eq!(invocation.web.trusted_clients, ["192.0.2.0/24", "2001:db8::/64", "198.51.100.7"]);
        assert!(invocation.web.enable_lifecycle && invocation.web.enable_probe);
        assert_eq!((invocation.log.level, invocation.log.format), (Level::Debug, Format::Json));
    }

    #[test]
    fn once_can_do_without_a_file() {
        let once =
            typed(r"once --role=target --master.address MSX01\MAIN --local.name=SQL01 --output.file=x.prom").unwrap();
        assert_eq!(
            (&once.command, &once.output),
            (&Command::Once { labels: Vec::new(), interval: None }, &Some("x.prom".into()))
        );
        let mut sources = once.sources();
        sources.environment.clear();
        let config = load(&sources).unwrap();
        assert_eq!(config.local.name.as_deref(), Some("SQL01"));
        assert_eq!(typed("once --role=slave").unwrap().overrides.len(), 1);
    }

    #[test]
    fn once_puts_labels_on_its_page_and_documents_come_without_news() {
        let once = typed("once --output.label=msx=msx01 --output.label site=A").unwrap();
        let labels = ["msx=msx01", "site=A"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(once.command, Command::Once { labels, interval: None });
        for line in ["once --output.label=msx", "once --output.label=target=x", "once --output.label=instance=x"] {
            assert_eq!(typed(line).unwrap_err().code, USAGE, "{line}");
        }
        for (line, level) in [
            ("once", Level::Warn),
            ("doctor", Level::Warn),
            ("grants", Level::Warn),
            ("serve", Level::Info),
            ("once --log.level=info", Level::Info),
            ("--log.level=debug grants", Level::Debug),
        ] {
            assert_eq!(typed(line).unwrap().log.level, level, "{line}");
        }
        for command in ["once", "grants", "doctor", "check-config", "catalogue"] {
            assert_eq!(typed(&format!("{command} --output.file=x")).unwrap().output, Some("x".into()), "{command}");
        }
    }

    #[test]
    fn the_doctor_can_do_without_a_file_and_writes_for_people_by_default() {
        let line = "doctor --role=target --master.address=MSX01 --local.name=SQL01";
        let plain = Doctor { form: RequestFormat::Text, each: false, verify: None };
        let invocation = typed(line).unwrap();
        assert_eq!((invocation.command, invocation.overrides.len()), (Command::Doctor(plain), 3));
        let all = Doctor { form: RequestFormat::Markdown, each: true, verify: Some("x.json".into()) };
        let invocation = typed("doctor --format=markdown --each --verify x.json").unwrap();
        assert_eq!(invocation.command, Command::Doctor(all));
        assert_eq!(typed("doctor --format=xml").unwrap_err().code, USAGE);
    }

    #[test]
    fn grants_are_for_whom_the_flags_say() {
        let Command::Grants(flags) = typed("grants --login.kind=windows-group --server.version=2019").unwrap().command
        else {
            unreachable!()
        };
        assert_eq!((flags.version, flags.revoke), (Some(2019), false));
        let grantee = flags.grantee(Grantee::default());
        assert_eq!((grantee.principal, grantee.login.as_str()), (Principal::WindowsGroup, "DOMAIN\\group"));
        let named = Grants { name: Some("CORP\\msx$".to_owned()), kind: Some(Principal::WindowsAccount), ..flags };
        assert_eq!(named.grantee(Grantee::default()).login, "CORP\\msx$");
        assert_eq!(Grants::default().grantee(Grantee::default()), Grantee::default());
        assert_eq!(typed("grants --login.kind=robot").unwrap_err().code, USAGE);
    }

    #[test]
    fn bad_usage_is_64_and_help_is_fine() {
        for line in ["--nonsense", "nonsense", "--log.level=loud", "--config.file", "--role=target", "serve serve"] {
            let exit = typed(line).unwrap_err();
            assert_eq!(exit.code, USAGE, "{line}");
            assert!(exit.text.starts_with("error: "), "{}", exit.text);
        }
        let help = typed("--help").unwrap_err();
        assert_eq!(help.code, FINE);
        for word in ["check-config", "doctor", "grants", "once", "--web.listen-address <ADDRESS>", ":9814"] {
            assert!(help.text.contains(word), "{word}: {}", help.text);
        }
        let version = typed("--version").unwrap_err();
        assert_eq!(version.code, FINE);
        assert!(version.text.starts_with("msx_exporter 0."), "{}", version.text);
        assert!(version.text.contains("revision: ") && version.text.contains("compiler: rustc 1."), "{}", version.text);
    }

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }
}
