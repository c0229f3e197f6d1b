//! `service`: installs, changes, describes or removes an instance of the service of Windows, and runs as one.

use crate::cli::{Exit, Invocation};
use crate::exit::{Done, Failure};
use crate::windows_service::{Action, ServiceName};

/// `service`: installs, changes, describes or removes an instance of the service.
///
/// # Errors
/// Code 64 where the request makes no sense or the system is not Windows; code 1 where Windows refuses; for a status the
/// code that says how it is.
pub fn service(action: &Action) -> Done {
    system::service(action)
}

/// `service run`: entry point of the process that the service control manager starts.
///
/// # Errors
/// Code 64 where something else started it or the system is not Windows.
pub fn run_service(name: &ServiceName, typed: Result<Invocation, Exit>) -> Done {
    system::run_service(name, typed)
}

#[cfg(windows)]
mod system {
    use super::{Action, Done, Exit, Failure, Invocation, ServiceName};
    use crate::cli;
    use crate::commands::{check_config, serve_until};
    use crate::exit::{FAILED, USAGE};
    use crate::windows_service::{self, Service, Serving, Wanted};
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
            Action::Status(name) => windows_service::describe(name, &|arguments: &[String]| judge(name, arguments)),
            Action::Uninstall { service, purge } => windows_service::uninstall(service, *purge),
        }
    }

    /// What the arguments of a service make of it, and the faults of its configuration and of its flags.
    fn judge(name: &ServiceName, arguments: &[String]) -> Result<(Serving, Option<String>), String> {
        let kept = Wanted { service: name.clone(), ..Wanted::default() };
        let in_words = |failure: Failure| failure.complaint;
        let serving = cli::serving(&kept, arguments).map_err(in_words)?;
        let invocation = cli::parse_words(&serving.arguments).map_err(in_words)?;
        Ok((serving, check_config(&invocation).err().map(in_words)))
    }

    pub(super) fn run_service(name: &ServiceName, typed: Result<Invocation, Exit>) -> Done {
        let source = name.to_string();
        windows_service::run(name.to_string(), Box::new(move |service| serve(typed, &source, &service)))
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
    use super::{Action, Done, Exit, Failure, Invocation, ServiceName};

    pub(super) fn service(_: &Action) -> Done {
        Err(windows_only())
    }

    pub(super) fn run_service(_: &ServiceName, _: Result<Invocation, Exit>) -> Done {
        Err(windows_only())
    }

    fn windows_only() -> Failure {
        Failure::usage("service is for Windows only; hint: elsewhere systemd or a container runs msx_exporter serve")
    }
}
