//! Installing, changing and removing an instance on this machine.

use super::account::Account;
use super::manager::{self, Launch};
use super::plan::{self, Machine, Step, Wanted};
use super::{ServiceName, Serving, command_line, rights};
use super::{folder, tools};
use crate::config::PasswordSource;
use crate::exit::{Done, Failure};
use std::fs;
use std::path::{Path, PathBuf};

/// Merges the arguments that a service was started with, none at first, and the flags that were typed, and returns what it
/// is started with from now on.
pub type Understand<'a> = &'a dyn Fn(&[String]) -> Result<Serving, Failure>;

/// `service install`.
///
/// # Errors
/// Code 64 where the request makes no sense; code 1 where Windows refuses: then every step is undone.
pub fn install(wanted: &Wanted, understand: Understand<'_>) -> Done {
    let steps = plan::steps(wanted, true).map_err(Failure::usage)?;
    if manager::find(&wanted.service).map_err(Failure::running)?.is_some() {
        let hint = "hint: msx_exporter service configure changes it";
        return Err(Failure::running(format!("there is a service {} already; {hint}", wanted.service)));
    }
    let mut host = Host::new(wanted, understand(&[])?)?;
    plan::carry_out(&steps, &mut host).map_err(Failure::running)?;
    Ok(host.summary("installed"))
}

/// `service configure`; where the service is missing and `or_install` is set, `service install`.
///
/// # Errors
/// Code 64 where the request makes no sense; code 1 where there is no such service or Windows refuses.
pub fn configure(wanted: &Wanted, or_install: bool, understand: Understand<'_>) -> Done {
    let steps = plan::steps(wanted, false).map_err(Failure::usage)?;
    let Some(service) = manager::find(&wanted.service).map_err(Failure::running)? else {
        if or_install {
            return install(wanted, understand);
        }
        return Err(Failure::running(format!("there is no service {}", wanted.service)));
    };
    let before = manager::line(&service).map_err(Failure::running)?;
    drop(service);
    let mut host = Host::new(wanted, understand(command_line::split(&before).get(1..).unwrap_or_default())?)?;
    host.line_before = Some(before);
    plan::carry_out(&steps, &mut host).map_err(Failure::running)?;
    Ok(host.summary("configured"))
}

/// `service uninstall`: removes what `install` made, and goes on where one part cannot be removed.
///
/// # Errors
/// Code 1 where there is no such service or something could not be removed.
pub fn uninstall(service: &ServiceName, purge: bool) -> Done {
    let mut faults = Vec::new();
    match manager::find(service) {
        Ok(Some(_)) => {
            let gone = manager::stop(service).and_then(|()| manager::delete(service));
            gone.map_err(|fault| Failure::running(format!("service: {fault}")))?;
        }
        Ok(None) => faults.push(format!("there is no service {service}")),
        Err(fault) => return Err(Failure::running(fault)),
    }
    let mut tell = |what: &str, done: Result<(), String>| {
        if let Err(fault) = done {
            faults.push(format!("{what}: {fault}"));
        }
    };
    if manager::source(service).is_some_and(|file| manager::is_ours(&file)) {
        tell("source in the Event Log", manager::remove_source(service));
    }
    tell("rule of the firewall", tools::forbid(&service.firewall_rule()));
    let folder = super::folder();
    if folder.exists() {
        if purge {
            let file = service.configuration(&folder);
            if file.exists() {
                tell("configuration", fs::remove_file(&file).map_err(|error| error.to_string()));
            }
            // Removes the folder only if it is empty, because other instances keep their configurations there.
            let _ = fs::remove_dir(&folder);
        }
        if folder.exists() {
            let sid = rights::service_sid(service);
            let before = folder::descriptor(&folder);
            let changed = before.map(|before| rights::folder(&before, None, Some(&sid)));
            tell("rights of the folder", changed.and_then(|sddl| folder::set(&folder, &sddl)));
        }
    }
    if faults.is_empty() { Ok(format!("{service} is removed\n")) } else { Err(Failure::running(faults.join("\n"))) }
}

/// This machine, and what the steps so far have changed on it.
struct Host<'a> {
    wanted: &'a Wanted,
    program: PathBuf,
    serving: Serving,
    folder: PathBuf,
    /// The command line before this change, for undoing it.
    line_before: Option<String>,
    made_folder: bool,
    rights_before: Option<String>,
    source_before: Option<String>,
    logon_right_given: Option<String>,
    wrote_configuration: bool,
    made_rule: bool,
    started: bool,
}

impl<'a> Host<'a> {
    fn new(wanted: &'a Wanted, serving: Serving) -> Result<Host<'a>, Failure> {
        let program = std::env::current_exe().map_err(Failure::running)?;
        // A service starts in a folder of the system, so its paths must be absolute.
        let files = [Some(serving.configuration.as_path()), serving.web_configuration.as_deref()];
        if let Some(file) = files.into_iter().flatten().find(|file| !file.is_absolute()) {
            return Err(Failure::usage(format!("{}: a service needs the complete path of its files", file.display())));
        }
        Ok(Host {
            wanted,
            program,
            serving,
            folder: super::folder(),
            line_before: None,
            made_folder: false,
            rights_before: None,
            source_before: None,
            logon_right_given: None,
            wrote_configuration: false,
            made_rule: false,
            started: false,
        })
    }

    fn name(&self) -> &ServiceName {
        &self.wanted.service
    }

    fn configuration(&self) -> &Path {
        &self.serving.configuration
    }

    fn summary(&self, done: &str) -> String {
        format!(
            "{} is {done}\ncommand line: {}\nconfiguration: {}\n",
            self.name(),
            command_line::join(&self.program.to_string_lossy(), &self.serving.arguments),
            self.configuration().display()
        )
    }

    fn launch(&self, installs: bool) -> Result<Launch<'_>, String> {
        let account = match &self.wanted.account {
            Some(text) => Some(Account::parse(text, self.name())?),
            None => installs.then_some(Account::Virtual),
        };
        let password = match &self.wanted.password_file {
            Some(file) => {
                let secret = PasswordSource::File(file.clone()).read();
                Some(secret.map_err(|error| format!("{}: {error}", file.display()))?.reveal().to_owned())
            }
            None => None,
        };
        let account = account.map(|account| (account.name(self.name()), password));
        Ok(Launch { program: &self.program, arguments: self.serving.arguments.clone(), account })
    }

    fn make_folder(&mut self) -> Result<(), String> {
        if self.folder.symlink_metadata().is_err() {
            fs::create_dir(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
            self.made_folder = true;
        } else if !self.folder.is_dir() {
            return Err(format!("{} is not a folder", self.folder.display()));
        }
        folder::check_owner(&self.folder)?;
        let file = self.wanted.service.configuration(&self.folder);
        if file.symlink_metadata().is_ok() { folder::check_owner(&file) } else { Ok(()) }
    }

    fn remove_folder(&self) -> Result<(), String> {
        fs::remove_dir(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    fn set_source(&mut self) -> Result<(), String> {
        self.source_before = manager::source(self.name());
        if let Some(file) = self.source_before.as_deref().filter(|file| !manager::is_ours(file)) {
            return Err(format!("the source {} is not one of msx_exporter: its texts are in {file}", self.name()));
        }
        manager::set_source(self.name(), &self.program.to_string_lossy())
    }

    fn write_configuration(&mut self) -> Result<(), String> {
        let file = self.configuration();
        if file.exists() {
            return Ok(());
        }
        let text = plan::first_configuration(self.wanted.master_address.as_deref());
        fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        self.wrote_configuration = true;
        Ok(())
    }
}

impl Machine for Host<'_> {
    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Folder => {
                let made = self.make_folder();
                if made.is_err() && self.made_folder {
                    let _ = self.remove_folder();
                }
                made
            }
            Step::Create => manager::create(self.name(), &self.launch(true)?),
            Step::Change => manager::change(self.name(), &self.launch(false)?),
            Step::Settings => manager::settle(self.name()),
            Step::LogonRight(account) => {
                let sid = folder::sid_of(&account.name(self.name()))?;
                if tools::logon_right(&sid, true, &self.folder)? {
                    self.logon_right_given = Some(sid);
                }
                Ok(())
            }
            Step::ManagedPassword => tools::managed_account(self.name().as_str()),
            Step::EventSource => self.set_source(),
            Step::Rights => {
                let before = folder::descriptor(&self.folder)?;
                let sid = rights::service_sid(self.name());
                folder::set(&self.folder, &rights::folder(&before, Some(&sid), None))?;
                self.rights_before = Some(before);
                Ok(())
            }
            Step::Configuration => self.write_configuration(),
            Step::Firewall => {
                let rule = self.name().firewall_rule();
                let there = tools::is_allowed(&rule)?;
                let from = self.wanted.firewall_from.as_deref().unwrap_or("any");
                tools::allow(&rule, &self.program, self.name().as_str(), &self.serving.ports, from)?;
                self.made_rule = !there;
                Ok(())
            }
            Step::Start => {
                self.started = !manager::runs(self.name())?;
                manager::start(self.name()).inspect_err(|_| {
                    let _ = manager::stop(self.name());
                })
            }
        }
    }

    fn undo(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Folder if self.made_folder => self.remove_folder(),
            Step::Create => manager::delete(self.name()),
            Step::Change => {
                let Some(before) = &self.line_before else { return Ok(()) };
                let words = command_line::split(before);
                let Some((program, arguments)) = words.split_first() else { return Ok(()) };
                let launch = Launch { program: Path::new(program), arguments: arguments.to_vec(), account: None };
                manager::change(self.name(), &launch)
            }
            Step::LogonRight(_) => match self.logon_right_given.take() {
                Some(sid) => tools::logon_right(&sid, false, &self.folder).map(|_| ()),
                None => Ok(()),
            },
            Step::EventSource => match self.source_before.take() {
                Some(file) => manager::set_source(self.name(), &file),
                None => manager::remove_source(self.name()),
            },
            Step::Rights => match self.rights_before.take() {
                Some(before) => folder::set(&self.folder, &before),
                None => Ok(()),
            },
            Step::Configuration if self.wrote_configuration => {
                fs::remove_file(self.configuration()).map_err(|error| error.to_string())
            }
            Step::Firewall if self.made_rule => tools::forbid(&self.name().firewall_rule()),
            Step::Start if self.started => manager::stop(self.name()),
            _ => Ok(()),
        }
    }
}
