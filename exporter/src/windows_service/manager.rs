//! The service control manager, and the registry in which the Event Log has its sources.

use super::run::in_words;
use super::{ServiceName, command_line};
use std::ffi::OsString;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use windows_registry::LOCAL_MACHINE;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceConfig, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceSidType, ServiceStartType, ServiceState,
    ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

/// Where the sources of the log "Application" are.
const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";
/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const NO_SUCH_SERVICE: i32 = 1060;
/// `ERROR_INVALID_LEVEL`.
const INVALID_LEVEL: i32 = 124;
/// Delays of the restarts after a failure, in seconds. After three the service stays stopped until it is started by
/// hand or an hour passes without a failure, so a faulty configuration makes four events and not one each minute.
const RESTARTS: [u64; 3] = [5, 60, 300];
const QUIET_TIME: Duration = Duration::from_secs(3600);
/// Longer than the time that requests in flight are given to end.
const STOPS_WITHIN: Duration = Duration::from_secs(90);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

type ServiceError = windows_service::Error;

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, String> {
    ServiceManager::local_computer(None::<&str>, access).map_err(|error| in_words(&error))
}

fn open(name: &ServiceName, access: ServiceAccess) -> Result<Option<Service>, String> {
    match manager(ServiceManagerAccess::CONNECT)?.open_service(name.as_str(), access) {
        Ok(service) => Ok(Some(service)),
        Err(ServiceError::Winapi(error)) if error.raw_os_error() == Some(NO_SUCH_SERVICE) => Ok(None),
        Err(error) => Err(in_words(&error)),
    }
}

/// A service of this name, whatever it runs, to be looked at; `None` where there is none.
pub(super) fn look(name: &ServiceName) -> Result<Option<Service>, String> {
    open(name, ServiceAccess::QUERY_CONFIG | ServiceAccess::QUERY_STATUS)
}

/// The installed instance, to be changed; `None` where there is none. Refuses a service of this name that runs another
/// program.
pub(super) fn find(name: &ServiceName) -> Result<Option<Service>, String> {
    let access = ServiceAccess::QUERY_CONFIG
        | ServiceAccess::CHANGE_CONFIG
        | ServiceAccess::QUERY_STATUS
        | ServiceAccess::START
        | ServiceAccess::STOP
        | ServiceAccess::DELETE;
    let Some(service) = open(name, access)? else { return Ok(None) };
    if !command_line::runs_exporter(&line(&service)?) {
        return Err(format!("the service {name} is not one of msx_exporter"));
    }
    Ok(Some(service))
}

/// The command line that the manager keeps.
pub(super) fn line(service: &Service) -> Result<String, String> {
    Ok(config(service)?.executable_path.to_string_lossy().into_owned())
}

/// What the manager keeps of a service.
pub(super) fn config(service: &Service) -> Result<ServiceConfig, String> {
    service.query_config().map_err(|error| in_words(&error))
}

pub(super) fn status(service: &Service) -> Result<ServiceStatus, String> {
    service.query_status().map_err(|error| in_words(&error))
}

/// A program with its arguments, each quoted where necessary.
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<String>,
    /// The account and its password; `None` keeps the present account.
    pub(super) account: Option<(String, Option<String>)>,
}

impl Launch<'_> {
    fn info(&self, name: &ServiceName) -> ServiceInfo {
        let (account, password) = match &self.account {
            Some((account, password)) => (Some(account.into()), password.as_ref().map(OsString::from)),
            None => (None, None),
        };
        ServiceInfo {
            name: name.as_str().into(),
            display_name: name.display().into(),
            service_type: ServiceType::OWN_PROCESS,
            start_type: ServiceStartType::AutoStart,
            error_control: ServiceErrorControl::Normal,
            executable_path: self.program.to_path_buf(),
            launch_arguments: self.arguments.iter().map(OsString::from).collect(),
            dependencies: Vec::new(),
            account_name: account,
            account_password: password,
        }
    }
}

/// Registers the service.
pub(super) fn create(name: &ServiceName, launch: &Launch<'_>) -> Result<(), String> {
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let created = manager.create_service(&launch.info(name), ServiceAccess::QUERY_STATUS);
    created.map(|_| ()).map_err(|error| in_words(&error))
}

/// Changes the command line and, where one is given, the account.
pub(super) fn change(name: &ServiceName, launch: &Launch<'_>) -> Result<(), String> {
    there(name)?.change_config(&launch.info(name)).map_err(|error| in_words(&error))
}

/// Applies the settings that are the same for every instance.
pub(super) fn settle(name: &ServiceName) -> Result<(), String> {
    let service = there(name)?;
    let restart =
        |seconds| ServiceAction { action_type: ServiceActionType::Restart, delay: Duration::from_secs(seconds) };
    let rest = ServiceAction { action_type: ServiceActionType::None, delay: Duration::ZERO };
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(QUIET_TIME),
        reboot_msg: None,
        command: None,
        actions: Some(RESTARTS.into_iter().map(restart).chain([rest]).collect()),
    };
    let settle = || {
        service.set_description(
            "Serves what SQL Server Agent's multiserver administration (MSX/TSX) is up to, for Prometheus.",
        )?;
        where_known(service.set_config_service_sid_info(ServiceSidType::Unrestricted))?;
        where_known(service.update_failure_actions(actions))?;
        // Restart also where the service itself reported the failure, as when an address was not available yet.
        where_known(service.set_failure_actions_on_non_crash_failures(true))?;
        where_known(service.set_delayed_auto_start(true))
    };
    settle().map_err(|error: ServiceError| in_words(&error))
}

/// Ignores that a manager lacks a setting. Wine lacks some; every Windows has them.
fn where_known(done: Result<(), ServiceError>) -> Result<(), ServiceError> {
    match done {
        Err(ServiceError::Winapi(error)) if error.raw_os_error() == Some(INVALID_LEVEL) => Ok(()),
        done => done,
    }
}

/// Starts the service unless it runs, and waits until it does.
pub(super) fn start(name: &ServiceName) -> Result<(), String> {
    let service = there(name)?;
    if state(&service)? == ServiceState::Stopped {
        service.start::<&str>(&[]).map_err(|error| in_words(&error))?;
    }
    match wait(&service, |state| !matches!(state, ServiceState::StartPending | ServiceState::StopPending))? {
        ServiceState::Running => Ok(()),
        _ => Err(format!("it has ended at once ({:?}); the Event Log says why", status(&service)?.exit_code)),
    }
}

/// Stops the service if it runs, and waits until it has stopped.
pub(super) fn stop(name: &ServiceName) -> Result<(), String> {
    let service = there(name)?;
    if state(&service)? != ServiceState::Stopped {
        service.stop().map_err(|error| in_words(&error))?;
    }
    wait(&service, |state| state == ServiceState::Stopped).map(|_| ())
}

pub(super) fn runs(name: &ServiceName) -> Result<bool, String> {
    Ok(state(&there(name)?)? == ServiceState::Running)
}

pub(super) fn delete(name: &ServiceName) -> Result<(), String> {
    there(name)?.delete().map_err(|error| in_words(&error))
}

fn there(name: &ServiceName) -> Result<Service, String> {
    find(name)?.ok_or_else(|| format!("there is no service {name}"))
}

fn state(service: &Service) -> Result<ServiceState, String> {
    Ok(status(service)?.current_state)
}

/// Polls the state until a deadline: safe code has no notification of a change.
fn wait(service: &Service, reached: impl Fn(ServiceState) -> bool) -> Result<ServiceState, String> {
    let deadline = Instant::now() + STOPS_WITHIN;
    loop {
        let state = state(service)?;
        if reached(state) {
            return Ok(state);
        }
        if Instant::now() > deadline {
            return Err(format!("the service is still {state:?} after {} s", STOPS_WITHIN.as_secs()));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// The message file of an event source; `None` where there is no such source.
pub(super) fn source(name: &ServiceName) -> Option<String> {
    let key = LOCAL_MACHINE.open(format!(r"{SOURCES}\{name}")).ok()?;
    Some(key.get_string("EventMessageFile").unwrap_or_default())
}

/// Whether the message file of a source is an exporter's.
pub(super) fn is_ours(file: &str) -> bool {
    file.to_ascii_lowercase().ends_with(r"\msx_exporter.exe")
}

/// Registers a source in the log "Application".
pub(super) fn set_source(name: &ServiceName, file: &str) -> Result<(), String> {
    let make = || {
        let key = LOCAL_MACHINE.create(format!(r"{SOURCES}\{name}"))?;
        key.set_string("EventMessageFile", file)?;
        // The types error, warning and information.
        key.set_u32("TypesSupported", 7)
    };
    make().map_err(|error| error.to_string())
}

pub(super) fn remove_source(name: &ServiceName) -> Result<(), String> {
    let remove = || LOCAL_MACHINE.create(SOURCES)?.remove_tree(name.as_str());
    remove().map_err(|error| error.to_string())
}
