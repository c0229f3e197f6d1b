//! The registry of Windows.

use super::registry::Registry;
use windows_registry::{Key, LOCAL_MACHINE};

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
