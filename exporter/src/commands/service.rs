//! `service`: installs, changes or removes an instance of the service of Windows, and runs as one.

use crate::cli::{Exit, Invocation};
use crate::exit::{Done, Failure};
use crate::windows_service::Action;

/// `service`: installs, changes or removes an instance of the service.
///
/// # Errors
/// Code 64 where the request makes no sense or the system is not Windows; code 1 where Windows refuses.
pub fn service(action: &Action) -> Done {
    if let Action::Run(_) = action {
        // On Windows `main` handles this command before it parses any other, so it never arrives here.
        return Err(Failure::usage("service run stands in front: msx_exporter service run [FLAGS]"));
    }
    system::service(action)
}

/// `service run`: entry point of the process that the service control manager starts.
///
/// # Errors
/// Code 64 where something else started it or the system is not Windows.
pub fn run_service(typed: Result<Invocation, Exit>) -> Done {
    system::run_service(typed)
}

#[cfg(windows)]
mod system {
    use super::{Action, Done, Exit, Invocation};
    use crate::cli::{self, Command};
    use crate::commands::serve_until;
    use crate::exit::{FAILED, USAGE};
    use crate::windows_service::{self, Service, Wanted, names};
    use crate::{events, logging};
    use std::io;
    use tracing::error;

    pub(super) fn service(action: &Action) -> Done {
        let understand = |wanted: &Wanted| {
            let wanted = wanted.clone();
            move |before: &[String]| cli::serving(&wanted, before)
        };
        match action {
            Action::Install(wanted) => windows_service::install(wanted, &understand(wanted)),
            Action::Configure { wanted, or_install } => {
                windows_service::configure(wanted, *or_install, &understand(wanted))
            }
            Action::Uninstall { service, purge } => windows_service::uninstall(service, *purge),
            Action::Run(_) => Ok(String::new()),
        }
    }

    pub(super) fn run_service(typed: Result<Invocation, Exit>) -> Done {
        let name = match typed.as_ref().map(|invocation| &invocation.command) {
            Ok(Command::Service(Action::Run(name))) => name.to_string(),
            _ => names::DEFAULT.to_owned(),
        };
        let source = name.clone();
        windows_service::run(name, Box::new(move |service| serve(typed, &source, &service)))
    }

    fn serve(typed: Result<Invocation, Exit>, source: &str, service: &Service) -> u8 {
        let log = typed.as_ref().map(|invocation| invocation.log).unwrap_or(logging::Settings::DEFAULT);
        if logging::init(log, windows_service::event_log(source)).is_err() {
            return FAILED;
        }
        let invocation = match typed {
            Ok(invocation) => invocation,
            Err(exit) => {
                error!(event = events::FAULTY, "{}", exit.text.trim_end());
                return USAGE;
            }
        };
        let stop = || {
            io::Result::Ok(async {
                service.stop_requested().await;
                "service control manager"
            })
        };
        let Err(failure) = serve_until(&invocation, stop, || service.running()) else { return 0 };
        let complaint = failure.complaint.trim_end();
        if failure.code == USAGE {
            error!(event = events::FAULTY, "{complaint}");
        } else {
            error!(event = events::FAILED, "{complaint}");
        }
        failure.code
    }
}

#[cfg(not(windows))]
mod system {
    use super::{Action, Done, Exit, Failure, Invocation};

    pub(super) fn service(_: &Action) -> Done {
        Err(windows_only())
    }

    pub(super) fn run_service(_: Result<Invocation, Exit>) -> Done {
        Err(windows_only())
    }

    fn windows_only() -> Failure {
        Failure::usage("service is for Windows only; hint: elsewhere systemd or a container runs msx_exporter serve")
    }
}
