//! Looks at an instance on this machine, for `service status`: no more is asked than an ordinary user may see. What
//! Windows refuses all the same is not known, with its reason.

use super::firewall::{self, Rule};
use super::status::{Ending, Part, State, Status};
use super::{ServiceName, Serving, command_line, folder, last_event, manager, rights, tools};
use crate::exit::Done;
use crate::files;
use crate::model::StartMode;
use std::fmt::Display;
use std::io;
use std::path::Path;
use windows_registry::LOCAL_MACHINE;
use windows_service::service::{Service, ServiceConfig, ServiceExitCode, ServiceStartType, ServiceState};

/// Where the firewall keeps the rules of this machine, each as a value of its own.
const RULES: &str = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
/// Where the manager keeps the services.
const SERVICES: &str = r"SYSTEM\CurrentControlSet\Services";

/// What the arguments of a service make of it, and the faults of its configuration.
pub type Judge<'a> = &'a dyn Fn(&[String]) -> Result<(Serving, Option<String>), String>;

/// `service status`.
///
/// # Errors
/// As [`Status::done`].
pub fn describe(name: &ServiceName, judge: Judge<'_>) -> Done {
    let (state, config) = match manager::look(name) {
        Ok(Some(service)) => (state(&service).map(Some), Some(manager::config(&service))),
        Ok(None) => (Ok(None), None),
        Err(fault) => (Err(fault), None),
    };
    let mut parts = Vec::new();
    let mut ports = Vec::new();
    if let Some(config) = config {
        let serving = config.as_ref().map_err(Clone::clone).and_then(|config| judged(config, judge));
        ports = serving.as_ref().map(|(serving, _)| serving.ports.clone()).unwrap_or_default();
        let of = |text: &dyn Fn(&ServiceConfig) -> String| config.as_ref().map(text).map_err(Clone::clone);
        parts.push(("account", of(&account)));
        parts.push(("start type", of(&|config| start_type(name, config.start_type))));
        parts.push(("command line", of(&|config| config.executable_path.display().to_string())));
        parts.push(("configuration", serving.as_ref().map_err(Clone::clone).and_then(configuration)));
        parts.push(("listen address", serving.map(|(serving, _)| serving.listen_addresses.join(", "))));
    }
    let rule = name.firewall_rule();
    let rules = rules(&rule);
    parts.push(("firewall rule", rules.clone().map(|rules| firewall::in_words(&rule, &rules, &ports))));
    parts.push(("network", rules.and_then(|rules| network(&rules))));
    parts.push(("event source", source(name)));
    parts.push(("last event", tools::last_event(name.as_str()).and_then(|xml| last_event::in_words(&xml))));
    parts.push(("folder", folder_rights(name)));
    Status { service: name.clone(), state, parts }.done()
}

fn state(service: &Service) -> Result<State, String> {
    let status = manager::status(service)?;
    Ok(match status.current_state {
        ServiceState::Running => State::Running(status.process_id),
        ServiceState::Stopped => State::Stopped(match status.exit_code {
            ServiceExitCode::Win32(code) => Ending::Windows(code),
            ServiceExitCode::ServiceSpecific(code) => Ending::Own(code),
        }),
        ServiceState::StartPending => State::Changing("starting"),
        ServiceState::StopPending => State::Changing("stopping"),
        ServiceState::ContinuePending | ServiceState::PausePending | ServiceState::Paused => State::Changing("paused"),
    })
}

fn account(config: &ServiceConfig) -> String {
    config.account_name.as_ref().map_or_else(|| "LocalSystem".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn start_type(name: &ServiceName, start: ServiceStartType) -> String {
    match start {
        ServiceStartType::AutoStart => {
            let key = LOCAL_MACHINE.open(format!(r"{SERVICES}\{name}"));
            let delayed = key.and_then(|key| key.get_u32("DelayedAutostart")).is_ok_and(|delayed| delayed != 0);
            format!("{}{}", StartMode::Automatic.name(), if delayed { ", delayed" } else { "" })
        }
        ServiceStartType::OnDemand => StartMode::Manual.name().to_owned(),
        ServiceStartType::Disabled => StartMode::Disabled.name().to_owned(),
        ServiceStartType::SystemStart | ServiceStartType::BootStart => "that of a driver".to_owned(),
    }
}

fn judged(config: &ServiceConfig, judge: Judge<'_>) -> Result<(Serving, Option<String>), String> {
    let line = config.executable_path.to_string_lossy();
    if !command_line::runs_exporter(&line) {
        return Err("the service runs another program".to_owned());
    }
    judge(command_line::split(&line).get(1..).unwrap_or_default())
}

fn configuration((serving, faults): &(Serving, Option<String>)) -> Part {
    let path = serving.configuration.display();
    match (files::read(&serving.configuration), faults) {
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Ok(format!("{path}, which is not there")),
        (Err(error), _) => Err(refused(&serving.configuration, &error)),
        (Ok(_), Some(faults)) => Ok(format!("{path} has faults:\n{faults}")),
        (Ok(_), None) => Ok(format!("{path}, valid")),
    }
}

/// Why Windows refused, and for a right what gives it.
fn refused(path: &Path, error: &io::Error) -> String {
    let hint = if error.kind() == io::ErrorKind::PermissionDenied { "; hint: run it as an administrator" } else { "" };
    format!("{}: {error}{hint}", path.display())
}

fn rules(name: &str) -> Result<Vec<Rule>, String> {
    let key = LOCAL_MACHINE.open(RULES).map_err(unread_rules)?;
    let values = key.values().map_err(unread_rules)?;
    let texts = values.filter_map(|(value, _)| key.get_string(value).ok());
    Ok(texts.filter_map(|text| Rule::named(name, &text)).collect())
}

fn unread_rules(error: impl Display) -> String {
    format!(r"HKLM\{RULES}: {error}")
}

fn network(rules: &[Rule]) -> Part {
    let words = tools::network_categories()?;
    Ok(firewall::networks_in_words(&firewall::networks(&words)?, rules))
}

fn source(name: &ServiceName) -> Part {
    match manager::source(name) {
        Some(file) if manager::is_ours(&file) && Path::new(&file).is_file() => {
            Ok(format!("{name}, with the texts of {file}"))
        }
        Some(file) => {
            Ok(format!("{name}, with the texts of {file:?}, which is not msx_exporter; hint: service configure"))
        }
        None => Ok(format!("there is none named {name}; hint: msx_exporter service configure")),
    }
}

fn folder_rights(name: &ServiceName) -> Part {
    let folder = super::folder();
    if folder.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(format!("{}, which is not there", folder.display()));
    }
    let remarks = rights::remarks(&folder::descriptor(&folder)?, &rights::service_sid(name));
    let first = if remarks.is_empty() { ", for administrators, SYSTEM and the services" } else { "" };
    Ok(std::iter::once(format!("{}{first}", folder.display())).chain(remarks).collect::<Vec<_>>().join("\n"))
}
