//! Tools of Windows, called by their full path, for what no crate does without unsafe code.

use super::policy;
use crate::files;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// The folder of the tools. The search path is never used: it may contain folders that other users can write to.
fn system_folder() -> PathBuf {
    let root = env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    Path::new(&root).join("System32")
}

/// Runs a tool and returns its output.
///
/// # Errors
/// That it could not be started, or its exit code and output.
fn call<A: AsRef<OsStr>>(tool: &str, arguments: &[A]) -> Result<String, String> {
    let output = output(tool, arguments)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let words = format!("{} {}", text.trim(), String::from_utf8_lossy(&output.stderr).trim());
    Err(format!("{tool} ended with {}: {}", output.status, words.trim()))
}

fn output<A: AsRef<OsStr>>(tool: &str, arguments: &[A]) -> Result<Output, String> {
    let output = Command::new(system_folder().join(tool)).args(arguments).output();
    output.map_err(|error| format!("{tool}: {error}"))
}

/// Adds an inbound firewall rule for these TCP ports of this program, on domain and private networks.
pub(super) fn allow(rule: &str, program: &Path, service: &str, ports: &[u16], from: &str) -> Result<(), String> {
    forbid(rule)?;
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let arguments = [
        "advfirewall".to_owned(),
        "firewall".to_owned(),
        "add".to_owned(),
        "rule".to_owned(),
        format!("name={rule}"),
        "dir=in".to_owned(),
        "action=allow".to_owned(),
        "protocol=TCP".to_owned(),
        format!("localport={ports}"),
        format!("remoteip={from}"),
        format!("program={}", program.display()),
        format!("service={service}"),
        "profile=domain,private".to_owned(),
    ];
    call("netsh.exe", &arguments).map(|_| ())
}

/// Whether there is a rule of this name.
pub(super) fn is_allowed(rule: &str) -> Result<bool, String> {
    let name = format!("name={rule}");
    let shown = output("netsh.exe", &["advfirewall", "firewall", "show", "rule", &name])?;
    Ok(shown.status.success())
}

/// Deletes a firewall rule, where there is one.
pub(super) fn forbid(rule: &str) -> Result<(), String> {
    if !is_allowed(rule)? {
        return Ok(());
    }
    call("netsh.exe", &["advfirewall", "firewall", "delete", "rule", &format!("name={rule}")]).map(|_| ())
}

/// Tells the service control manager that the domain keeps the password of the service's account.
pub(super) fn managed_account(service: &str) -> Result<(), String> {
    call("sc.exe", &["managedaccount", service, "true"]).map(|_| ())
}

/// Grants or revokes a SID's right to log on as a service; returns whether that was a change. Only administrators may
/// be able to write to `folder`, because the system imports the file that lies there for a moment.
pub(super) fn logon_right(sid: &str, has: bool, folder: &Path) -> Result<bool, String> {
    let file = |ending: &str| folder.join(format!("policy.{}.{ending}", std::process::id()));
    let (exported, wanted, base) = (file("inf"), file("new.inf"), file("sdb"));
    let done = change_logon_right(sid, has, &exported, &wanted, &base);
    for file in [exported, wanted, base, file("jfm")] {
        let _ = fs::remove_file(file);
    }
    done
}

fn change_logon_right(sid: &str, has: bool, exported: &Path, wanted: &Path, base: &Path) -> Result<bool, String> {
    let areas: [&OsStr; 3] = ["/areas".as_ref(), "USER_RIGHTS".as_ref(), "/quiet".as_ref()];
    let mut export: Vec<&OsStr> = vec!["/export".as_ref(), "/cfg".as_ref(), exported.as_ref()];
    export.extend(areas);
    call("secedit.exe", &export)?;
    let text = files::read(exported).map_err(|error| format!("{}: {error}", exported.display()))?;
    let text = policy::decoded(text);
    if policy::has_logon_right(&text, sid) == has {
        return Ok(false);
    }
    let changed = policy::encoded(&policy::with_logon_right(&text, sid, has));
    fs::write(wanted, changed).map_err(|error| format!("{}: {error}", wanted.display()))?;
    let mut configure: Vec<&OsStr> =
        vec!["/configure".as_ref(), "/db".as_ref(), base.as_ref(), "/cfg".as_ref(), wanted.as_ref()];
    configure.extend(areas);
    call("secedit.exe", &configure)?;
    Ok(true)
}
