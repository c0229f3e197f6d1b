//! Runs as a service: the service control manager starts, queries and stops this process.

use crate::exit::{Done, Failure};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_dispatcher;

/// The wait hint for the manager while the service starts or stops. Requests in flight are given up to half a minute.
const PATIENCE: Duration = Duration::from_secs(60);
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`: the process was not started by the manager.
const NOT_BY_THE_MANAGER: i32 = 1063;

/// Runs the service from its start to its stop, and returns its exit code.
pub type Serve = Box<dyn FnOnce(Service) -> u8 + Send>;

/// Hands the arguments of [`run`] to the thread that the manager starts, which gets none of them.
static STARTED: Mutex<Option<(String, Serve)>> = Mutex::new(None);

/// The service as the manager sees it.
pub struct Service {
    manager: ServiceStatusHandle,
    stopped: watch::Receiver<bool>,
}

impl Service {
    /// Reports the state "running".
    pub fn running(&self) {
        report(self.manager, ServiceState::Running, 0);
    }

    /// Waits for the manager's stop request, and reports the state "stop pending".
    pub async fn stop_requested(&self) {
        // The sender is never dropped: the registered control handler owns it.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
        report(self.manager, ServiceState::StopPending, 0);
    }
}

/// Connects to the service control manager as the service of this name, and serves until the manager stops it. Later
/// failures are in the exit code that is reported to the manager.
///
/// # Errors
/// Code 64 where this process was not started by the manager.
pub fn run(name: String, serve: Serve) -> Done {
    *STARTED.lock().unwrap_or_else(PoisonError::into_inner) = Some((name.clone(), serve));
    match service_dispatcher::start(&name, service_main) {
        Ok(()) => Ok(String::new()),
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(NOT_BY_THE_MANAGER) => {
            let complaint = "service run is for the service control manager; hint: msx_exporter serve serves here";
            Err(Failure::usage(complaint))
        }
        Err(error) => Err(Failure::running(in_words(&error))),
    }
}

/// The manager calls this in a thread of its own. Its arguments are those of `sc start`, which are ignored.
extern "system" fn service_main(_: u32, _: *mut *mut u16) {
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((name, serve)) = started else { return };
    let (stop, stopped) = watch::channel(false);
    let handler = move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            stop.send_replace(true);
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    // Without a handle nothing can be reported; the manager notices the end of the process.
    let Ok(manager) = service_control_handler::register(&name, handler) else { return };
    report(manager, ServiceState::StartPending, 0);
    let code = serve(Service { manager, stopped });
    report(manager, ServiceState::Stopped, u32::from(code));
}

/// Reports a state. A failure is ignored, because there is no other channel to report it on.
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

/// An error with its cause, which the crate's own message leaves out.
pub(super) fn in_words(error: &windows_service::Error) -> String {
    match error {
        windows_service::Error::Winapi(cause) => {
            let hint = if cause.raw_os_error() == Some(5) { "; hint: run it as an administrator" } else { "" };
            format!("{cause}{hint}")
        }
        other => other.to_string(),
    }
}
