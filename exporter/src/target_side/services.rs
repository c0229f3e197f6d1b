//! What the service manager of this computer says of an instance and its SQL Server Agent.

use crate::model::{ServerName, StartMode};

/// Read access to the service manager.
pub trait ServiceManager: Send + Sync {
    /// Whether a service runs; `None` where it does not exist, or may not be asked.
    fn is_running(&self, service: &str) -> Option<bool>;
    /// How a service starts; `None` likewise.
    fn start_mode(&self, service: &str) -> Option<StartMode>;
}

/// The services of one target. What may not be asked is not known; it is never taken for stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Services {
    /// Whether its instance runs on this computer: on a passive node of a cluster it does not.
    pub instance_running: Option<bool>,
    /// Whether its SQL Server Agent runs here.
    pub agent_running: Option<bool>,
    /// How that starts.
    pub agent_start_mode: Option<StartMode>,
}

impl Services {
    /// Those of a target, by its name.
    pub(super) fn of(target: &str, manager: &dyn ServiceManager) -> Services {
        let (engine, agent) = match ServerName::of(target).instance {
            None => ("MSSQLSERVER".to_owned(), "SQLSERVERAGENT".to_owned()),
            Some(instance) => (format!("MSSQL${instance}"), format!("SQLAgent${instance}")),
        };
        Services {
            instance_running: manager.is_running(&engine),
            agent_running: manager.is_running(&agent),
            agent_start_mode: manager.start_mode(&agent),
        }
    }
}

/// The service manager of this computer; one that answers nothing where the system has none.
pub fn manager_of_this_machine() -> Box<dyn ServiceManager> {
    #[cfg(windows)]
    return Box::new(super::windows::LocalServices);
    #[cfg(not(windows))]
    Box::new(Nothing)
}

/// A system without a service manager of this kind.
#[cfg(any(test, not(windows)))]
pub(super) struct Nothing;

#[cfg(any(test, not(windows)))]
impl ServiceManager for Nothing {
    fn is_running(&self, _: &str) -> Option<bool> {
        None
    }

    fn start_mode(&self, _: &str) -> Option<StartMode> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each service whether it runs; only the Agent of PAYROLL may be asked how it starts.
    struct Fake;

    impl ServiceManager for Fake {
        fn is_running(&self, service: &str) -> Option<bool> {
            let services = [("MSSQL$PAYROLL", true), ("SQLAgent$PAYROLL", false), ("MSSQLSERVER", false)];
            services.into_iter().find(|(name, _)| *name == service).map(|(_, runs)| runs)
        }

        fn start_mode(&self, service: &str) -> Option<StartMode> {
            (service == "SQLAgent$PAYROLL").then_some(StartMode::Manual)
        }
    }

    #[test]
    fn a_service_that_may_not_be_asked_is_not_taken_for_stopped() {
        let of = |target| {
            let Services { instance_running, agent_running, agent_start_mode } = Services::of(target, &Fake);
            (instance_running, agent_running, agent_start_mode)
        };
        assert_eq!(of(r"SQL01\PAYROLL"), (Some(true), Some(false), Some(StartMode::Manual)));
        assert_eq!(of("SQL01"), (Some(false), None, None));
        assert_eq!(Services::of("SQL01", &Nothing), Services::default());
    }
}
