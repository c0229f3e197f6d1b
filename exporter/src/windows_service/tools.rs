//! Tools of Windows, called by their full path, for what no crate does without unsafe code.

use super::policy;
use crate::files;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, thread};

/// The deadline for one tool. An export of the security policy takes seconds on a controller of a domain.
const LONGEST: Duration = Duration::from_secs(60);

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

/// Runs a tool on a thread of its own, and waits no longer than the deadline. One that hangs is left to itself: ended half
/// way it could leave a policy half changed.
fn output<A: AsRef<OsStr>>(tool: &str, arguments: &[A]) -> Result<Output, String> {
    let mut command = Command::new(system_folder().join(tool));
    command.args(arguments).stdin(Stdio::null());
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(command.output()));
    match result.recv_timeout(LONGEST) {
        Ok(output) => output.map_err(|error| format!("{tool}: {error}")),
        Err(_) => Err(format!("{tool} does not answer within {} s", LONGEST.as_secs())),
    }
}

/// The newest event of this source in the log "Application", as XML; an empty text where there is none.
pub(super) fn last_event(source: &str) -> Result<String, String> {
    let query = format!("/q:*[System[Provider[@Name='{source}']]]");
    call("wevtutil.exe", &["qe", "Application", &query, "/c:1", "/rd:true", "/f:xml"])
}

/// The kinds of the networks that this machine is connected to, as words of an enumeration, which no language changes.
pub(super) fn network_categories() -> Result<String, String> {
    let command = "Get-NetConnectionProfile | ForEach-Object { [string]$_.NetworkCategory }";
    call(r"WindowsPowerShell\v1.0\powershell.exe", &["-NoProfile", "-NonInteractive", "-Command", command])
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
