//! What SQL Server Agent keeps in the registry of a target about its master.
//!
//! The keys are those of Microsoft's "Set encryption options on target servers" and of `sp_msx_enlist`, which writes
//! MSXServerName below the instance's SQLServerAgent.

use crate::model::{ServerName, names};

/// The key below which the instances of SQL Server have theirs.
const ROOT: &str = r"SOFTWARE\Microsoft\Microsoft SQL Server";
const COMPUTER: &str = r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName";
/// The aliases of the SQL Server client, by their names.
const ALIASES: &str = r"SOFTWARE\Microsoft\MSSQLServer\Client\ConnectTo";
/// The behaviour of Agent where MsxEncryptChannelOptions is not set: encrypt and verify.
const DEFAULT_OPTION: u32 = 2;

/// Read access to `HKEY_LOCAL_MACHINE`. What is missing or cannot be read is `None`.
pub trait Registry: Send + Sync {
    /// A string value.
    fn text(&self, key: &str, name: &str) -> Option<String>;
    /// A 32-bit number.
    fn number(&self, key: &str, name: &str) -> Option<u32>;
    /// Names and texts of all string values of a key.
    fn texts(&self, key: &str) -> Vec<(String, String)>;
}

/// The multiserver settings of one instance of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enlistment {
    /// The name under which it is enlisted, in upper case as the master stores it.
    pub target: String,
    /// Its master as written at the enlistment; `None` where it is not a target.
    pub master: Option<String>,
    /// Where an alias of the SQL Server client leads that has the name of the master: `HOST`, `HOST,PORT` or
    /// `HOST\INSTANCE`.
    pub alias: Option<String>,
    /// `MsxEncryptChannelOptions`: 0, 1 or 2. 2 where nothing is set.
    pub encrypt_channel_option: u32,
}

/// Every instance of this machine. On a failover cluster an instance is named after the network name.
pub fn enlistments(registry: &dyn Registry) -> Vec<Enlistment> {
    let computer = registry.text(COMPUTER, "ComputerName");
    let instances = registry.texts(&format!(r"{ROOT}\Instance Names\SQL")).into_iter();
    let found = instances.filter_map(|(instance, id)| {
        let host = registry.text(&format!(r"{ROOT}\{id}\Cluster"), "ClusterName").or_else(|| computer.clone())?;
        let agent = format!(r"{ROOT}\{id}\SQLServerAgent");
        let name = ServerName::new(&host, Some(&instance)).to_string();
        let master = registry.text(&agent, "MSXServerName").filter(|master| !master.trim().is_empty());
        Some(Enlistment {
            target: names::key(&name).into_owned(),
            alias: master.as_deref().and_then(|master| alias(registry, master)),
            master,
            encrypt_channel_option: registry.number(&agent, "MsxEncryptChannelOptions").unwrap_or(DEFAULT_OPTION),
        })
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by(|one, other| one.target.cmp(&other.target));
    found
}

/// The destination of an alias, behind the library that it is for, such as `DBMSSOCN,msx01,1433`.
fn alias(registry: &dyn Registry, master: &str) -> Option<String> {
    let text = registry.text(ALIASES, master)?;
    text.split_once(',').map(|(_, destination)| destination.to_owned())
}

/// The registry of this machine; an empty one where the system has none.
pub fn of_this_machine() -> Box<dyn Registry> {
    #[cfg(windows)]
    return Box::new(super::windows::LocalMachine);
    #[cfg(not(windows))]
    Box::new(Nothing)
}

/// A system without a registry.
#[cfg(not(windows))]
struct Nothing;

#[cfg(not(windows))]
impl Registry for Nothing {
    fn text(&self, _: &str, _: &str) -> Option<String> {
        None
    }

    fn number(&self, _: &str, _: &str) -> Option<u32> {
        None
    }

    fn texts(&self, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::collections::BTreeMap;

    /// A registry in memory.
    #[derive(Default)]
    pub(in crate::target_side) struct Fake(BTreeMap<(String, String), Result<u32, String>>);

    impl Fake {
        pub(in crate::target_side) fn text(mut self, key: &str, name: &str, value: &str) -> Fake {
            self.0.insert((key.to_owned(), name.to_owned()), Err(value.to_owned()));
            self
        }

        pub(in crate::target_side) fn number(mut self, key: &str, name: &str, value: u32) -> Fake {
            self.0.insert((key.to_owned(), name.to_owned()), Ok(value));
            self
        }

        /// Two instances, of which only PAYROLL is a target.
        pub(in crate::target_side) fn machine() -> Fake {
            Fake::default()
                .text(COMPUTER, "ComputerName", "Sql01")
                .text(&format!(r"{ROOT}\Instance Names\SQL"), "MSSQLSERVER", "MSSQL16.MSSQLSERVER")
                .text(&format!(r"{ROOT}\Instance Names\SQL"), "Payroll", "MSSQL15.PAYROLL")
                .text(&format!(r"{ROOT}\MSSQL16.MSSQLSERVER\SQLServerAgent"), "MSXServerName", "")
                .text(&format!(r"{ROOT}\MSSQL15.PAYROLL\SQLServerAgent"), "MSXServerName", "Msx01")
                .number(&format!(r"{ROOT}\MSSQL15.PAYROLL\SQLServerAgent"), "MsxEncryptChannelOptions", 1)
        }
    }

    impl Registry for Fake {
        fn text(&self, key: &str, name: &str) -> Option<String> {
            self.0.get(&(key.to_owned(), name.to_owned()))?.clone().err()
        }

        fn number(&self, key: &str, name: &str) -> Option<u32> {
            self.0.get(&(key.to_owned(), name.to_owned()))?.clone().ok()
        }

        fn texts(&self, key: &str) -> Vec<(String, String)> {
            let here = self.0.iter().filter(|((other, _), _)| other == key);
            here.filter_map(|((_, name), value)| Some((name.clone(), value.clone().err()?))).collect()
        }
    }

    fn enlistment(target: &str, master: Option<&str>, encrypt_channel_option: u32) -> Enlistment {
        let master = master.map(str::to_owned);
        Enlistment { target: target.to_owned(), master, alias: None, encrypt_channel_option }
    }

    #[test]
    fn every_instance_is_found_with_its_master_as_written() {
        assert_eq!(
            enlistments(&Fake::machine()),
            [enlistment("SQL01", None, 2), enlistment(r"SQL01\PAYROLL", Some("Msx01"), 1)]
        );
    }

    #[test]
    fn an_alias_of_the_client_has_another_destination() {
        let aliased = Fake::machine().text(ALIASES, "Msx01", "DBMSSOCN,msx01.corp.example,14330");
        assert_eq!(enlistments(&aliased)[1].alias.as_deref(), Some("msx01.corp.example,14330"));
    }

    #[test]
    fn an_instance_of_a_failover_cluster_has_the_name_of_its_cluster() {
        let clustered = Fake::machine().text(&format!(r"{ROOT}\MSSQL15.PAYROLL\Cluster"), "ClusterName", "sqlfci");
        assert_eq!(enlistments(&clustered)[1].target, r"SQLFCI\PAYROLL");
    }

    #[test]
    fn a_machine_without_sql_server_has_none() {
        assert_eq!(enlistments(&Fake::default()), []);
        #[cfg(not(windows))]
        assert_eq!(enlistments(of_this_machine().as_ref()), []);
    }
}
