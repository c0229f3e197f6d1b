//! What `check-config` says of a configuration that is good.

use super::{Auth, Collectors, Config, ConfigErrors, Encrypt, PasswordSource, Role, Sources, Trust, load};
use crate::model::Check;
use crate::model::duration::span;
use std::fmt::Write;

/// Loads a configuration and says what would be done.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(sources: &Sources) -> Result<String, ConfigErrors> {
    load(sources).map(|config| summary(&config, sources))
}

fn summary(config: &Config, sources: &Sources) -> String {
    let mut text = String::new();
    let path = sources.file.path();
    let found = if (sources.read)(path).is_ok() { "" } else { " (not there: defaults, environment and flags only)" };
    let _ = writeln!(text, "configuration: good\nfile: {}{found}", path.display());
    let address = &config.master.address;
    let port = address.port.map(|port| format!(", port {port}")).unwrap_or_default();
    let instance =
        address.instance.as_ref().map(|name| format!(", instance {name} (its port is asked of SQL Browser)"));
    let place = format!("{}{port}{}", address.host, instance.unwrap_or_default());
    match config.role {
        Role::Master => {
            let _ = writeln!(text, "role: master\nmaster: {place}, database {}", config.master.msdb);
            let _ = writeln!(text, "login: {}", login(&config.master.auth));
            let _ = writeln!(text, "encryption: {}", encryption(config));
            let _ = writeln!(text, "collectors: {}", collectors(config.collectors));
        }
        Role::Target => {
            let name = config.local.name.as_deref().unwrap_or("found in the registry");
            let _ = writeln!(text, "role: target\nthis target: {name}\nits master: {place}");
            if let Some(local) = &config.local.address {
                let _ = writeln!(text, "local login: {}, {}", local.host, login(&config.local.auth));
            }
        }
    }
    let swept: Vec<_> =
        Check::ALL.iter().filter(|check| config.ports.checks.get(check).is_some_and(|it| it.sweep)).collect();
    let swept: Vec<_> = swept.into_iter().map(|check| check.name()).collect();
    let sweep = match (config.ports.enabled, swept.is_empty()) {
        (true, false) => format!("{} every {}", swept.join(", "), span(config.ports.interval)),
        _ => "none".to_owned(),
    };
    let _ = writeln!(text, "ports checked in the background: {sweep}");
    for remark in remarks(config) {
        let _ = writeln!(text, "remark: {remark}");
    }
    text
}

fn login(auth: &Auth) -> String {
    match auth {
        Auth::Sql { user, password: PasswordSource::File(_) } => format!("SQL login {user}, password from a file"),
        Auth::Sql { user, password: PasswordSource::Value(_) } => {
            format!("SQL login {user}, password from the configuration")
        }
        Auth::Windows => "the account of the service (NTLM)".to_owned(),
    }
}

fn encryption(config: &Config) -> String {
    let how = match config.master.encrypt {
        Encrypt::Strict => "strict (TDS 8.0)",
        Encrypt::Required => "required",
        Encrypt::LoginOnly => "login only",
        Encrypt::Off => return "off".to_owned(),
    };
    let trust = match config.master.trust_server_certificate {
        Trust::Auto => "certificate verified unless the master is on this host",
        Trust::Always => "any certificate accepted",
        Trust::Never => "certificate verified",
    };
    format!("{how}, {trust}")
}

fn collectors(on: Collectors) -> String {
    let all = [
        ("targets", on.targets),
        ("downloads", on.downloads),
        ("jobs", on.jobs),
        ("server", on.server),
        ("arrivals", on.arrivals),
    ];
    all.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn remarks(config: &Config) -> Vec<&'static str> {
    let mut remarks = Vec::new();
    let logs_in_by_windows = match config.role {
        Role::Master => matches!(config.master.auth, Auth::Windows),
        Role::Target => config.local.address.is_some() && matches!(config.local.auth, Auth::Windows),
    };
    if logs_in_by_windows {
        remarks.push(
            "auth: windows is NTLM, not Kerberos. Where NTLM is refused, or the server requires Extended Protection, \
             use a SQL login (auth: sql).",
        );
    }
    if config.role == Role::Master && config.master.encrypt == Encrypt::Off {
        remarks.push("encrypt: off sends the password of a SQL login in a form that anyone on the way can read.");
    }
    if config.role == Role::Master && config.master.trust_server_certificate == Trust::Always {
        remarks.push("trust_server_certificate: true accepts the certificate of anyone on the way to the master.");
    }
    if matches!(&config.master.auth, Auth::Sql { password: PasswordSource::Value(_), .. }) {
        remarks
            .push("the password stands in the configuration or the environment; password_file keeps it out of both.");
    }
    remarks
}
