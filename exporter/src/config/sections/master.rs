//! The master: where it is, how to log in, and how far its certificate is believed.

use super::super::error::ValueError;
use super::super::layers::Sources;
use super::super::parse::{self, choice};
use super::super::scope::Scope;
use super::super::{Auth, Encrypt, Master, PasswordSource, Role, Secret, Trust, address};
use std::path::{Path, PathBuf};
use x509_cert::Certificate;

pub(super) fn master(scope: &mut Scope<'_>, sources: &Sources, role: Option<Role>) -> Option<Master> {
    let address = scope.required("master.address", address::parse);
    if role == Some(Role::Target) && scope.is_missing("master.address") {
        let wrong = ValueError::new("is missing, and a target cannot guess where its master is");
        scope.fault("master.address", wrong.expected("set it, or give --master.address"));
    }
    let msdb = scope.required("master.msdb", parse::name);
    // On a target nobody logs in to the master: only its ports and its certificate are looked at.
    let auth = auth(scope, sources, "master", role == Some(Role::Master));
    let encrypt = encrypt(scope);
    let ca_file = scope.optional("master.ca_file", |written| certificates(written, sources));
    let host_name_in_certificate = scope.optional("master.host_name_in_certificate", address::host);
    let trust = scope.required(
        "master.trust_server_certificate",
        choice(&[("auto", Trust::Auto), ("true", Trust::Always), ("false", Trust::Never)]),
    );
    certificate_is_looked_at(scope, encrypt, trust);
    let timeout = scope.required("master.timeout", parse::duration);
    let timezone = scope.optional("master.timezone", parse::zone);
    let only_if_local = scope.required("master.only_if_local", parse::flag);
    Some(Master {
        address: address?,
        msdb: msdb?,
        auth: auth?,
        encrypt: encrypt?,
        ca_file: ca_file?,
        host_name_in_certificate: host_name_in_certificate?,
        trust: trust?,
        timeout: timeout?,
        timezone: timezone?,
        only_if_local: only_if_local?,
    })
}

fn encrypt(scope: &mut Scope<'_>) -> Option<Encrypt> {
    scope.required("master.encrypt", |written| match written.to_ascii_lowercase().as_str() {
        "off" | "false" | "no" => Ok(Encrypt::Off),
        "true" | "yes" | "on" => {
            Err(ValueError::new("does not say how").expected("required encrypts everything; strict is TDS 8.0"))
        }
        _ => choice(&[
            ("strict", Encrypt::Strict),
            ("required", Encrypt::Required),
            ("login_only", Encrypt::LoginOnly),
            ("off", Encrypt::Off),
        ])(written),
    })
}

/// Refuses to be told how to verify a certificate that nobody will verify.
fn certificate_is_looked_at(scope: &mut Scope<'_>, encrypt: Option<Encrypt>, trust: Option<Trust>) {
    if encrypt == Some(Encrypt::Strict) && trust == Some(Trust::Always) {
        let wrong = ValueError::new("encrypt: strict always verifies the certificate");
        scope.fault(
            "master.trust_server_certificate",
            wrong.expected("set it to false, and name ca_file where the certificate needs it"),
        );
    }
    let why = match (encrypt, trust) {
        (Some(Encrypt::Off), _) => "has no meaning with encrypt: off",
        (Some(Encrypt::Required | Encrypt::LoginOnly), Some(Trust::Always)) => {
            "has no meaning with trust_server_certificate: true"
        }
        _ => return,
    };
    for path in ["master.ca_file", "master.host_name_in_certificate"] {
        if scope.is_written(path) {
            scope.fault(path, why);
        }
    }
}

/// How to log in, for the keys of one section. Where nobody logs in, only contradictions are faults.
pub(super) fn auth(scope: &mut Scope<'_>, sources: &Sources, section: &str, logs_in: bool) -> Option<Auth> {
    let path = |key: &str| format!("{section}.{key}");
    let (user_key, password_key, file_key) = (path("user"), path("password"), path("password_file"));
    let windows = scope.required(&path("auth"), choice(&[("sql", false), ("windows", true)]));
    let user = scope.optional(&user_key, parse::name);
    let password = scope.optional(&password_key, password);
    let file = scope.optional(&file_key, parse::path);
    let both = scope.is_written(&password_key) && scope.is_written(&file_key);
    if both {
        scope.fault(&password_key, ValueError::new(format!("contradicts {file_key}")).expected("keep one of them"));
    }
    let unreadable = match &file {
        Some(Some(file)) => password_in(file, sources).err(),
        _ => None,
    };
    if let Some(wrong) = unreadable {
        scope.fault(&file_key, wrong);
    }
    if windows? {
        windows_fits(scope, sources, section, logs_in);
        user?;
        return Some(Auth::Windows);
    }
    if !logs_in {
        return Some(Auth::Windows);
    }
    if scope.is_missing(&user_key) {
        scope.fault(&user_key, ValueError::new("is missing, and auth: sql needs it").expected(windows_hint(sources)));
    }
    if scope.is_missing(&password_key) && scope.is_missing(&file_key) {
        if scope.is_mentioned(&password_key) {
            let wrong = ValueError::new("holds nothing, and auth: sql needs it");
            let expected = "write the password in single quotes; what follows a blank and # is a comment";
            scope.fault(&password_key, wrong.expected(expected));
        } else {
            let wrong = ValueError::new("is missing, and auth: sql needs it");
            let variable =
                super::super::keys::find(&password_key).map(super::super::keys::Key::variable).unwrap_or_default();
            scope.fault(&file_key, wrong.expected(format!("name a file that holds the password, or set {variable}")));
        }
    }
    let source = match (password?, file?) {
        (Some(password), None) => PasswordSource::Value(password),
        (None, Some(file)) => PasswordSource::File(file),
        _ => return None,
    };
    Some(Auth::Sql { user: user??, password: source })
}

fn windows_fits(scope: &mut Scope<'_>, sources: &Sources, section: &str, logs_in: bool) {
    for key in ["user", "password", "password_file"] {
        let path = format!("{section}.{key}");
        if scope.is_written(&path) {
            let wrong = ValueError::new("contradicts auth: windows, which logs in as the account of the service");
            scope.fault(&path, wrong.expected("leave it out, or set auth: sql"));
        }
    }
    if logs_in && !sources.windows {
        let wrong = ValueError::new("auth: windows is NTLM with the account of the service, and works on Windows only");
        scope.fault(&format!("{section}.auth"), wrong.expected("set auth: sql with user and password_file"));
    }
}

fn windows_hint(sources: &Sources) -> &'static str {
    if sources.windows { "set it, or auth: windows" } else { "name the SQL login" }
}

/// A password may hold anything but what nobody can have meant.
fn password(written: &str) -> Result<Secret, ValueError> {
    if written.is_empty() {
        return Err(ValueError::new("is empty").expected("write the password in single quotes, or use password_file"));
    }
    if written.ends_with(['\n', '\r']) {
        return Err(
            ValueError::new("ends with a line break").expected("remove it, or use password_file, which allows one")
        );
    }
    Ok(Secret::new(written))
}

/// The messages do not name the file: some write the password itself here.
fn password_in(file: &Path, sources: &Sources) -> Result<(), ValueError> {
    const LIKE: &str = "the key holds the path of a file, and the account of the exporter must be able to read it";
    let bytes = (sources.read)(file)
        .map_err(|error| ValueError::new(format!("the file that it names cannot be read: {error}")).expected(LIKE))?;
    Secret::from_file(bytes).map(|_| ()).map_err(|wrong| ValueError::new(format!("the file that it names {wrong}")))
}

fn certificates(written: &str, sources: &Sources) -> Result<PathBuf, ValueError> {
    let path = parse::path(written)?;
    let bytes = (sources.read)(&path)
        .map_err(|error| ValueError::new(format!("the file that it names cannot be read: {error}")))?;
    match Certificate::load_pem_chain(&bytes) {
        Ok(found) if !found.is_empty() => Ok(path),
        _ => {
            Err(ValueError::new("the file that it names holds no certificate")
                .expected("PEM: -----BEGIN CERTIFICATE-----"))
        }
    }
}
