//! The plan of an installation, a change or a removal: ordered steps, each of which can be undone.

use super::Flag;
use super::account::Account;
use super::names::ServiceName;
use std::fmt;
use std::path::PathBuf;

/// The requested settings of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The instance.
    pub service: ServiceName,
    /// The account; `None` keeps the present one, and means the virtual account at first.
    pub account: Option<String>,
    /// The file with the account's password.
    pub password_file: Option<PathBuf>,
    /// Whether a firewall rule opens the ports that it listens on.
    pub firewall: bool,
    /// The remote addresses of that rule; `None` means any.
    pub firewall_from: Option<String>,
    /// Whether the service is started at the end.
    pub start: bool,
    /// The master's address for a first configuration.
    pub master_address: Option<String>,
    /// The flags for serving.
    pub flags: Vec<Flag>,
}

/// One step of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The folder exists, is a real folder, and has a trusted owner.
    Folder,
    /// The service is registered, with its command line and its account.
    Create,
    /// An installed service gets another command line, and another account where one is given.
    Change,
    /// Delayed start, its own SID, restart after a failure, a description.
    Settings,
    /// The account may log on as a service.
    LogonRight(Account),
    /// The account is registered as one whose password the domain keeps.
    ManagedPassword,
    /// The source of the Event Log has its message file.
    EventSource,
    /// The folder has its rights.
    Rights,
    /// A first configuration exists.
    Configuration,
    /// A firewall rule opens the ports.
    Firewall,
    /// The service runs.
    Start,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Folder => "folder of the configuration",
            Step::Create => "service",
            Step::Change => "command line and account of the service",
            Step::Settings => "settings of the service",
            Step::LogonRight(_) => "right to log on as a service",
            Step::ManagedPassword => "managed password of the account",
            Step::EventSource => "source in the Event Log",
            Step::Rights => "rights of the folder",
            Step::Configuration => "first configuration",
            Step::Firewall => "rule of the firewall",
            Step::Start => "start of the service",
        })
    }
}

/// The steps of `service install` and, where the service exists already, of `service configure`.
///
/// # Errors
/// Why the requested settings contradict each other.
pub fn steps(wanted: &Wanted, installs: bool) -> Result<Vec<Step>, String> {
    let account = match &wanted.account {
        Some(text) => {
            let account = Account::parse(text, &wanted.service);
            Some(account.map_err(|fault| format!("--service.account {text}: {fault}"))?)
        }
        None => installs.then_some(Account::Virtual),
    };
    let needs_password = account.as_ref().is_some_and(Account::needs_password);
    if needs_password && wanted.password_file.is_none() {
        return Err("this account has a password; hint: --service.password-file=FILE, and delete the file afterwards"
            .to_owned());
    }
    if !needs_password && wanted.password_file.is_some() {
        return Err(
            "--service.password-file: only a user's account has a password, named with --service.account".to_owned()
        );
    }
    if let Some(from) = &wanted.firewall_from {
        if !wanted.firewall {
            return Err("--service.firewall-from needs --service.firewall".to_owned());
        }
        let plain = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/' | ',' | '-');
        let word = ["any", "localsubnet"].contains(&from.to_ascii_lowercase().as_str());
        if from.is_empty() || !(word || from.chars().all(plain)) {
            return Err(format!(
                "--service.firewall-from {from}: addresses, ranges or networks with commas between them"
            ));
        }
    }
    let mut steps = vec![Step::Folder, if installs { Step::Create } else { Step::Change }, Step::Settings];
    if let Some(account) = account {
        let managed = matches!(account, Account::Managed(_));
        if account.needs_logon_right() {
            steps.push(Step::LogonRight(account));
        }
        if managed {
            steps.push(Step::ManagedPassword);
        }
    }
    steps.extend([Step::EventSource, Step::Rights, Step::Configuration]);
    if wanted.firewall {
        steps.push(Step::Firewall);
    }
    if wanted.start {
        steps.push(Step::Start);
    }
    Ok(steps)
}

/// A machine on which steps are executed.
pub trait Machine {
    /// Executes one step, and remembers what undoing it needs.
    ///
    /// # Errors
    /// Why it failed. A failed step has reverted its own changes.
    fn take(&mut self, step: &Step) -> Result<(), String>;

    /// Reverts what a step changed; nothing where it changed nothing.
    ///
    /// # Errors
    /// What could not be reverted.
    fn undo(&mut self, step: &Step) -> Result<(), String>;
}

/// Executes all steps or none: where one fails, those before it are undone in reverse order.
///
/// # Errors
/// Which step failed and why, and what could not be undone.
pub fn carry_out(steps: &[Step], machine: &mut impl Machine) -> Result<(), String> {
    for (at, step) in steps.iter().enumerate() {
        let Err(fault) = machine.take(step) else { continue };
        let mut text = format!("{step}: {fault}");
        for step in steps.iter().take(at).rev() {
            if let Err(fault) = machine.undo(step) {
                text.push_str(&format!("\nnot undone: {step}: {fault}"));
            }
        }
        return Err(text);
    }
    Ok(())
}

/// The text of a first configuration, enough to read a master with the account of the service.
pub fn first_configuration(master: Option<&str>) -> String {
    let master = master.unwrap_or("localhost").replace('\'', "''");
    format!(
        "# The first configuration of this instance. All keys with their defaults are in msx_exporter.example.yml;\n\
         # msx_exporter check-config reports what is wrong with a file.\n\
         role: master\n\
         master:\n  \
         address: '{master}'\n  \
         # The account of the service logs in. With auth: sql come user and password_file.\n  \
         auth: windows\n"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{ConfigFile, Sources, load};

    /// Fails at one step, and cannot undo another.
    #[derive(Default)]
    struct Fake {
        breaks: Option<Step>,
        sticks: Option<Step>,
        taken: Vec<String>,
    }

    impl Machine for Fake {
        fn take(&mut self, step: &Step) -> Result<(), String> {
            if self.breaks.as_ref() == Some(step) {
                return Err("access denied".to_owned());
            }
            self.taken.push(step.to_string());
            Ok(())
        }

        fn undo(&mut self, step: &Step) -> Result<(), String> {
            assert_eq!(self.taken.pop(), Some(step.to_string()), "in reverse order");
            if self.sticks.as_ref() == Some(step) { Err("in use".to_owned()) } else { Ok(()) }
        }
    }

    fn wanted(account: Option<&str>) -> Wanted {
        Wanted { account: account.map(str::to_owned), ..Wanted::default() }
    }

    #[test]
    fn an_installation_takes_all_steps_and_a_change_keeps_the_account() {
        use Step::*;
        let plain = [Folder, Create, Settings, EventSource, Rights, Configuration];
        assert_eq!(steps(&wanted(None), true).unwrap(), plain);
        assert_eq!(
            steps(&wanted(None), false).unwrap(),
            [Folder, Change, Settings, EventSource, Rights, Configuration]
        );
        let all = Wanted { firewall: true, start: true, ..wanted(Some(r"CORP\msx$")) };
        let account = Account::Managed(r"CORP\msx$".to_owned());
        assert_eq!(
            steps(&all, true).unwrap(),
            [
                Folder,
                Create,
                Settings,
                LogonRight(account),
                ManagedPassword,
                EventSource,
                Rights,
                Configuration,
                Firewall,
                Start
            ]
        );
    }

    #[test]
    fn what_does_not_fit_together_is_refused_before_anything_is_done() {
        let password = |account, file: bool| {
            let file = file.then(|| PathBuf::from("p"));
            steps(&Wanted { password_file: file, ..wanted(account) }, true)
        };
        assert!(password(Some(r"CORP\msx"), true).is_ok());
        assert!(password(Some(r"CORP\msx"), false).unwrap_err().contains("--service.password-file"));
        assert!(password(Some(r"CORP\msx$"), true).is_err());
        assert!(password(None, true).is_err());
        assert!(password(Some("LocalSystem"), false).is_err());
        for (from, fits) in
            [("10.0.0.0/8,192.0.2.1", true), ("LocalSubnet", true), ("any action=allow", false), ("", false)]
        {
            let wanted = Wanted { firewall: true, firewall_from: Some(from.to_owned()), ..Wanted::default() };
            assert_eq!(steps(&wanted, true).is_ok(), fits, "{from}");
        }
        let without = Wanted { firewall_from: Some("any".to_owned()), ..Wanted::default() };
        assert!(steps(&without, true).is_err());
    }

    #[test]
    fn wherever_it_breaks_nothing_is_left_half_done() {
        let all = Wanted { firewall: true, start: true, ..wanted(Some(r"CORP\msx$")) };
        let steps = steps(&all, true).unwrap();
        for broken in &steps {
            let mut machine = Fake { breaks: Some(broken.clone()), ..Fake::default() };
            let text = carry_out(&steps, &mut machine).unwrap_err();
            assert_eq!(text, format!("{broken}: access denied"));
            assert_eq!(machine.taken, [""; 0]);
        }
        let mut machine = Fake::default();
        assert_eq!(carry_out(&steps, &mut machine), Ok(()));
        assert_eq!(machine.taken.len(), steps.len());
        let mut machine = Fake { breaks: Some(Step::Start), sticks: Some(Step::Firewall), ..Fake::default() };
        let text = carry_out(&steps, &mut machine).unwrap_err();
        assert_eq!(text, "start of the service: access denied\nnot undone: rule of the firewall: in use");
        assert_eq!(machine.taken, [""; 0], "the rest is undone all the same");
    }

    #[test]
    fn the_first_configuration_is_sound() {
        for (address, host) in [(None, "localhost"), (Some(r"MSX01\MAIN"), "MSX01")] {
            let text = first_configuration(address);
            let mut sources = Sources::of_process(ConfigFile::Named("first.yml".into()), Vec::new());
            sources.environment.clear();
            sources.windows = true;
            sources.read = Box::new(move |_| Ok(text.clone().into_bytes()));
            assert_eq!(load(&sources).unwrap().master.address.host, host);
        }
    }
}
