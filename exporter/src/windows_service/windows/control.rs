//! Being the service: what the service control manager starts, asks and stops.

use crate::cli::{Command, Exit, FAILED, Invocation, USAGE};
use crate::commands::{self, Done, Failure};
use crate::windows_service::Action;
use crate::{events, logging};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tracing::error;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_dispatcher;

/// The manager waits so long for the next word while the service starts or stops. Requests in flight are given up to
/// half a minute.
const PATIENCE: Duration = Duration::from_secs(60);
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`: somebody else than the manager has started the process.
const NOT_BY_THE_MANAGER: i32 = 1063;

/// What was typed, on its way to the thread that the manager starts.
static TYPED: Mutex<Option<Result<Invocation, Exit>>> = Mutex::new(None);

/// Tells the service control manager that this process is a service, and is it until it is stopped. What goes wrong
/// after that the manager and the Event Log are told.
///
/// # Errors
/// With code 64 where it was not the manager who started this.
pub fn run(typed: Result<Invocation, Exit>) -> Done {
    let name = name(&typed);
    *TYPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(typed);
    match service_dispatcher::start(&name, service_main) {
        Ok(()) => Ok(String::new()),
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(NOT_BY_THE_MANAGER) => {
            let complaint = "service run is for the service control manager; hint: msx_exporter serve serves here";
            Err(Failure::usage(complaint))
        }
        Err(error) => Err(Failure::running(told(&error))),
    }
}

/// The manager starts this in a thread. Its arguments are those of `sc start`, of which none is known.
extern "system" fn service_main(_: u32, _: *mut *mut u16) {
    let typed = TYPED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(typed) = typed else { return };
    let name = name(&typed);
    let (stop, stopped) = watch::channel(false);
    let handler = move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            stop.send_replace(true);
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    // Without a handle nobody can be told anything, and the manager will notice that the process ends.
    let Ok(manager) = service_control_handler::register(&name, handler) else { return };
    report(manager, ServiceState::StartPending, 0);
    let code = match serve(typed, &name, manager, stopped) {
        Ok(()) => 0,
        Err(code) => u32::from(code),
    };
    report(manager, ServiceState::Stopped, code);
}

fn serve(
    typed: Result<Invocation, Exit>,
    name: &str,
    manager: ServiceStatusHandle,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), u8> {
    let log = typed.as_ref().map(|invocation| invocation.log).unwrap_or(logging::Settings::DEFAULT);
    logging::init(log, super::event_log(name)).map_err(|_| FAILED)?;
    let invocation = typed.map_err(|exit| {
        error!(event = events::FAULTY, "{}", exit.text.trim_end());
        USAGE
    })?;
    let wish = || {
        io::Result::Ok(async move {
            // The sender lives as long as the process: the manager has it.
            let _ = stopped.wait_for(|stopped| *stopped).await;
            report(manager, ServiceState::StopPending, 0);
            "service control manager"
        })
    };
    let done = commands::serve_until(&invocation, wish, || report(manager, ServiceState::Running, 0));
    done.map(|_| ()).map_err(|failure| {
        let complaint = failure.complaint.trim_end();
        if failure.code == USAGE {
            error!(event = events::FAULTY, "{complaint}");
        } else {
            error!(event = events::FAILED, "{complaint}");
        }
        failure.code
    })
}

/// A word to the manager. It cannot be told that it cannot be told.
fn report(manager: ServiceStatusHandle, state: ServiceState, code: u32) {
    let pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
    let _ = manager.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: if state == ServiceState::Running {
            ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN
        } else {
            ServiceControlAccept::empty()
        },
        exit_code: if code == 0 { ServiceExitCode::NO_ERROR } else { ServiceExitCode::ServiceSpecific(code) },
        checkpoint: u32::from(pending),
        wait_hint: if pending { PATIENCE } else { Duration::ZERO },
        process_id: None,
    });
}

fn name(typed: &Result<Invocation, Exit>) -> String {
    match typed.as_ref().map(|invocation| &invocation.command) {
        Ok(Command::Service(Action::Run(name))) => name.to_string(),
        _ => crate::windows_service::names::DEFAULT.to_owned(),
    }
}

/// An error of the manager with its cause: the crate says only which call failed.
pub(super) fn told(error: &windows_service::Error) -> String {
    match error {
        windows_service::Error::Winapi(cause) => {
            let hint = if cause.raw_os_error() == Some(5) { "; hint: run it as an administrator" } else { "" };
            format!("{cause}{hint}")
        }
        other => other.to_string(),
    }
}
