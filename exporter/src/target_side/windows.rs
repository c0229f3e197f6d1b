//! The registry and the service manager of Windows.

use super::registry::Registry;
use super::services::ServiceManager;
use crate::model::StartMode;
use windows_registry::{Key, LOCAL_MACHINE};
use windows_service::service::{Service, ServiceAccess, ServiceStartType, ServiceState};
use windows_service::service_manager::{ServiceManager as Manager, ServiceManagerAccess};

/// `HKEY_LOCAL_MACHINE`.
pub(super) struct LocalMachine;

fn open(key: &str) -> Option<Key> {
    LOCAL_MACHINE.open(key).ok()
}

impl Registry for LocalMachine {
    fn text(&self, key: &str, name: &str) -> Option<String> {
        open(key)?.get_string(name).ok()
    }

    fn number(&self, key: &str, name: &str) -> Option<u32> {
        open(key)?.get_u32(name).ok()
    }

    fn texts(&self, key: &str) -> Vec<(String, String)> {
        let Some(key) = open(key) else { return Vec::new() };
        let Ok(values) = key.values() else { return Vec::new() };
        values.filter_map(|(name, _)| key.get_string(&name).ok().map(|text| (name, text))).collect()
    }
}

/// The service manager of this computer.
pub(super) struct LocalServices;

fn service(name: &str, access: ServiceAccess) -> Option<Service> {
    let manager = Manager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).ok()?;
    manager.open_service(name, access).ok()
}

impl ServiceManager for LocalServices {
    fn is_running(&self, name: &str) -> Option<bool> {
        let status = service(name, ServiceAccess::QUERY_STATUS)?.query_status().ok()?;
        Some(status.current_state == ServiceState::Running)
    }

    fn start_mode(&self, name: &str) -> Option<StartMode> {
        match service(name, ServiceAccess::QUERY_CONFIG)?.query_config().ok()?.start_type {
            ServiceStartType::AutoStart => Some(StartMode::Automatic),
            ServiceStartType::OnDemand => Some(StartMode::Manual),
            ServiceStartType::Disabled => Some(StartMode::Disabled),
            _ => None,
        }
    }
}
