//! `service`: what was typed for an instance, and what stands in the command line that it has.

use super::{CONFIG_FILE, Command, ServingFlags, Typed, matches, parse_words, program};
use crate::exit::Failure;
use crate::http::ListenAddress;
use crate::windows_service::{Action, Flag, ServiceName, Serving, Wanted};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum TypedAction {
    /// Be the service; only the service control manager starts this
    Run,
    /// Make the service, its source in the Event Log and its folder; flags for serving are kept in its command line
    Install(TypedService),
    /// Change what is given and repair the rest
    Configure {
        #[command(flatten)]
        typed: TypedService,
        /// Install the service where there is none
        #[arg(long = "service.or-install")]
        or_install: bool,
    },
    /// Say what is known of the service: state, account, configuration, firewall, Event Log, folder. It ends with 0 where it
    /// runs, 2 where it does not, 3 where that is not known, 4 where there is none
    Status,
    /// Take away the service, its source in the Event Log and its rule of the firewall
    Uninstall {
        /// Delete its configuration too
        #[arg(long)]
        purge: bool,
    },
}

#[derive(Args)]
pub(super) struct TypedService {
    /// virtual, DOMAIN\name$ (group managed) or DOMAIN\name [default: virtual]
    #[arg(long = "service.account", value_name = "ACCOUNT")]
    account: Option<String>,
    /// File with the password of the account
    #[arg(long = "service.password-file", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Let others in with a rule of the firewall for the ports that are listened on
    #[arg(long = "service.firewall")]
    firewall: bool,
    /// Whom the rule lets in: addresses or networks with commas between them [default: any]
    #[arg(long = "service.firewall-from", value_name = "ADDRESSES")]
    firewall_from: Option<String>,
    /// Start the service at the end
    #[arg(long = "service.start")]
    start: bool,
    /// Where the master is, for the first configuration; a configuration that is there is not changed
    #[arg(long = "master.address", value_name = "ADDRESS")]
    master_address: Option<String>,
}

impl TypedAction {
    pub(super) fn meant(self, service: ServiceName, flags: Vec<Flag>) -> Command {
        let wanted = |typed_service: TypedService, service| Wanted {
            service,
            // The installer passes an empty text for a property that was not set.
            account: typed_service.account.filter(|text| !text.is_empty()),
            password_file: typed_service.password_file,
            firewall: typed_service.firewall,
            firewall_from: typed_service.firewall_from,
            start: typed_service.start,
            master_address: typed_service.master_address.filter(|text| !text.is_empty()),
            flags: flags.clone(),
        };
        Command::Service(match self {
            TypedAction::Run => return Command::RunService(service),
            TypedAction::Install(typed) => Action::Install(wanted(typed, service)),
            TypedAction::Configure { typed, or_install } => {
                Action::Configure { wanted: wanted(typed, service), or_install }
            }
            TypedAction::Status => Action::Status(service),
            TypedAction::Uninstall { purge } => Action::Uninstall { service, purge },
        })
    }
}

/// The instance that a command line runs as a service. Faults of its other flags do not hide it: the service control
/// manager waits for an answer, and the Event Log of that instance gets them.
pub fn service_run(line: &[OsString]) -> Option<ServiceName> {
    // Every other start is spared a second reading of its line.
    if !line.iter().any(|word| word == "service") {
        return None;
    }
    let matches = Typed::command().ignore_errors(true).try_get_matches_from(line).ok()?;
    let service = matches.subcommand_matches("service")?;
    service.subcommand_matches("run")?;
    Some(service.try_get_one::<ServiceName>("name").ok().flatten().cloned().unwrap_or_default())
}

/// What an instance of the service is started with: the flags of its arguments until now, less those that `wanted` gives
/// again, and these.
///
/// # Errors
/// Why these flags make no sense together.
pub fn serving(wanted: &Wanted, before: &[String]) -> Result<Serving, Failure> {
    let kept = if before.is_empty() { Vec::new() } else { kept_flags(before)? };
    let given = |flag: &Flag| wanted.flags.iter().any(|other| other.name == flag.name);
    let mut flags: Vec<Flag> =
        kept.into_iter().filter(|flag| !given(flag)).chain(wanted.flags.iter().cloned()).collect();
    let own = ["service".to_owned(), "run".to_owned(), format!("--service.name={}", wanted.service)];
    let invocation = parse_words(&[&own[..], &words(&flags)].concat())?;
    // The path is always named, because the account of the service may have another environment than its installer.
    let value = Some(invocation.file.path().display().to_string());
    flags.retain(|flag| flag.name != CONFIG_FILE);
    flags.insert(0, Flag { name: CONFIG_FILE.to_owned(), value });
    let port = |address: &String| match address.parse::<ListenAddress>() {
        Ok(address) => Ok(address.port),
        Err(fault) => Err(Failure::usage(format!("--web.listen-address {address}: {fault}"))),
    };
    Ok(Serving {
        arguments: [&own[..], &words(&flags)].concat(),
        configuration: invocation.file.path().to_owned(),
        listen_addresses: invocation.web.listen_addresses.clone(),
        ports: invocation.web.listen_addresses.iter().map(port).collect::<Result<_, _>>()?,
        web_configuration: invocation.web.config_file,
    })
}

/// The flags for serving in the arguments of a service.
fn kept_flags(arguments: &[String]) -> Result<Vec<Flag>, Failure> {
    let in_context = |text: &str| Failure::usage(format!("the command line of the service: {text}"));
    let before = parse_words(arguments).map_err(|failure| in_context(&failure.complaint))?;
    if !matches!(before.command, Command::RunService(_)) {
        return Err(in_context("it does not run msx_exporter as a service; hint: service uninstall, then install"));
    }
    matches(program(arguments)).map(|matches| serving_flags(&matches)).map_err(|exit| in_context(exit.text.trim_end()))
}

fn words(flags: &[Flag]) -> Vec<String> {
    flags.iter().map(Flag::to_string).collect()
}

/// The flags for serving that were typed, one for each value.
pub(super) fn serving_flags(matches: &ArgMatches) -> Vec<Flag> {
    let definition = ServingFlags::augment_args(clap::Command::new("serving"));
    let mut flags = Vec::new();
    for flag in definition.get_arguments() {
        let id = flag.get_id().as_str();
        let (Some(name), Some(ValueSource::CommandLine)) = (flag.get_long(), matches.value_source(id)) else {
            continue;
        };
        if flag.get_action().takes_values() {
            let values = matches.get_raw(id).into_iter().flatten();
            let values = values.map(|value| Some(value.to_string_lossy().into_owned()));
            flags.extend(values.map(|value| Flag { name: name.to_owned(), value }));
        } else {
            flags.push(Flag { name: name.to_owned(), value: None });
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::cli::tests::typed;
    use crate::config::ConfigFile;
    use crate::exit::USAGE;
    use crate::windows_service::names;

    #[test]
    fn a_service_has_a_name_a_file_of_its_own_and_keeps_the_flags_for_serving() {
        let run = typed("service run --service.name=payroll --web.listen-address=:9815").unwrap();
        assert_eq!(run.command, Command::RunService("payroll".parse().unwrap()));
        assert!(matches!(&run.file, ConfigFile::Named(path) if path.ends_with("payroll.yml")), "{:?}", run.file);
        let run = typed("service run --config.file=other.yml").unwrap();
        assert_eq!(run.file, ConfigFile::Named("other.yml".into()));
        let line = concat!(
            r"--log.level debug service install --service.account=CORP\msx$ --service.firewall ",
            "--web.enable-probe --service.start --master.address=MSX01"
        );
        let Command::Service(Action::Install(wanted)) = typed(line).unwrap().command else {
            panic!("not an installation");
        };
        assert_eq!(words(&wanted.flags), ["--log.level=debug", "--web.enable-probe"]);
        assert_eq!(wanted.account.as_deref(), Some(r"CORP\msx$"));
        assert!(wanted.firewall && wanted.start && wanted.service == ServiceName::default());
        let Command::Service(Action::Configure { wanted, or_install: false }) =
            typed("service configure --service.account=").unwrap().command
        else {
            panic!("not a change");
        };
        assert_eq!((wanted.account, wanted.start), (None, false));
        let status = typed("service status --service.name=x").unwrap().command;
        assert_eq!(status, Command::Service(Action::Status("x".parse().unwrap())));
        let purge = typed("service --service.name=x uninstall --purge").unwrap().command;
        assert_eq!(purge, Command::Service(Action::Uninstall { service: "x".parse().unwrap(), purge: true }));
        for line in ["service", "service run --purge", "service install --service.name=a/b", "service uninstall --web"]
        {
            assert_eq!(typed(line).unwrap_err().code, USAGE, "{line}");
        }
    }

    #[test]
    fn only_flags_for_serving_stay_in_the_command_line_of_a_service() {
        let line = concat!(
            r"--log.level debug service install --service.name=x --service.account CORP\msx$ ",
            "--web.listen-address=:1 --web.enable-probe --service.firewall --web.listen-address :2 ",
            "--master.address MSX01"
        );
        let Command::Service(Action::Install(wanted)) = typed(line).unwrap().command else {
            panic!("not an installation");
        };
        assert_eq!(
            words(&wanted.flags),
            ["--log.level=debug", "--web.listen-address=:1", "--web.listen-address=:2", "--web.enable-probe"]
        );
    }

    /// What `service configure LINE` makes of the arguments that a service has.
    fn configured(line: &str, before: &str) -> Result<Serving, Failure> {
        let Command::Service(Action::Configure { wanted, .. }) =
            typed(&format!("service configure {line}")).unwrap().command
        else {
            panic!("not a change");
        };
        serving(&wanted, &before.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_given_again_replaces_what_was() {
        let before = "--log.level debug service run --service.name=x --web.listen-address=:1 --web.listen-address :2";
        let changed = configured("--service.name=x --web.listen-address=:3 --web.enable-probe", before).unwrap();
        assert_eq!(changed.arguments[..3], ["service", "run", "--service.name=x"]);
        assert_eq!(changed.arguments[4..], ["--log.level=debug", "--web.listen-address=:3", "--web.enable-probe"]);
        assert_eq!(changed.ports, [3]);
        let same = configured("--service.name=x", before).unwrap();
        assert_eq!(same.ports, [1, 2]);
        assert_eq!(same.arguments[3], format!("--config.file={}", same.configuration.display()));
        assert!(same.configuration.ends_with("x.yml"), "{same:?}");
        let named = configured("--config.file /own.yml", "service run --config.file=/other.yml").unwrap();
        assert_eq!(named.arguments[3..], ["--config.file=/own.yml"]);
    }

    #[test]
    fn a_service_with_flags_that_make_no_sense_is_refused() {
        for (line, before, complaint) in [
            ("--web.listen-address=x", "", "--web.listen-address x"),
            ("", "service run --web.nonsense=1", "the command line of the service: error: unexpected argument"),
            ("", "serve", "the command line of the service: it does not run"),
        ] {
            let failure = configured(line, before).unwrap_err();
            assert_eq!(failure.code, USAGE);
            assert!(failure.complaint.starts_with(complaint), "{}", failure.complaint);
        }
    }

    #[test]
    fn a_service_is_known_whatever_is_wrong_with_its_flags() {
        for (line, name) in [
            ("service run", Some(names::DEFAULT)),
            ("--log.level debug service --service.name x run --web.enable-probe", Some("x")),
            ("service run --service.name=x --web.nonsense=1", Some("x")),
            ("service run --service.name=a/b", Some(names::DEFAULT)),
            ("service run --help", None),
            ("service install", None),
            ("serve --config.file service run", None),
            ("", None),
        ] {
            let line: Vec<OsString> = format!("msx_exporter {line}").split_whitespace().map(OsString::from).collect();
            assert_eq!(service_run(&line).as_ref().map(ServiceName::as_str), name, "{line:?}");
        }
    }
}
