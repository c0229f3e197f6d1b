//! How to log in: four keys of `master`, and the same four of `local`.

use crate::config::error::ValueError;
use crate::config::keys::{Key, Kind, Table};
use crate::config::layers::Sources;
use crate::config::readers::SECRET;
use crate::config::scope::Scope;
use crate::config::section::{At, Context, Row, choice};
use crate::config::{Secret, parse};
use std::io;
use std::path::{Path, PathBuf};

/// How to log in.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A SQL login.
    Sql {
        /// Its name.
        user: String,
        /// Where its password is.
        password: PasswordSource,
    },
    /// The account under which the exporter runs; Windows only, NTLM in today's driver.
    Windows,
}

/// Where a password is. A file is read at each login, so that it can be rotated.
#[derive(Debug, Clone)]
pub enum PasswordSource {
    /// In a file, less one trailing line break.
    File(PathBuf),
    /// In the environment or the configuration itself.
    Value(Secret),
}

impl PasswordSource {
    /// The password as it is now. Reads the file, where there is one, and blocks meanwhile.
    ///
    /// # Errors
    /// Why the file gives no password. The error names neither the file nor what it holds.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            PasswordSource::Value(secret) => Ok(secret.clone()),
            PasswordSource::File(path) => Secret::from_file(crate::files::read(path)?)
                .map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, format!("the password file {wrong}"))),
        }
    }
}

choice! {
    /// The words of the key `auth`.
    enum LoginKind {
        /// A SQL login.
        Sql = "sql",
        /// The account of the exporter.
        Windows = "windows",
    }
}

/// The four keys: defaults or examples with help texts, and whether anything logs in.
pub(super) struct LoginRows {
    /// Default and help.
    pub(super) auth: (&'static str, &'static str),
    /// Example and help.
    pub(super) user: (Option<&'static str>, &'static str),
    pub(super) password: &'static str,
    /// Example and help.
    pub(super) password_file: (Option<&'static str>, &'static str),
    /// Where nothing logs in, only contradictions are faults.
    pub(super) logs_in: fn(&Scope<'_>, &Context<'_>) -> bool,
}

impl Row for LoginRows {
    type Value = Auth;

    fn list(&self, at: At<'_>, table: &mut Table) {
        let path = |key: &str| format!("{}.{key}", at.section);
        table.add(Key::new(path("auth"), LoginKind::KIND.kind, Some(self.auth.0), self.auth.1));
        table.add(Key { example: self.user.0, ..Key::new(path("user"), Kind::Text, None, self.user.1) });
        table.add(Key::new(path("password"), Kind::Secret, None, self.password));
        let file = Key::new(path("password_file"), Kind::File, None, self.password_file.1);
        table.add(Key { example: self.password_file.0, ..file });
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, context: &Context<'_>) -> Option<Auth> {
        let logs_in = (self.logs_in)(scope, context);
        auth(scope, context.sources, at.section, logs_in)
    }
}

/// How to log in, for the keys of one section. Where nothing logs in, only contradictions are faults.
fn auth(scope: &mut Scope<'_>, sources: &Sources, section: &str, logs_in: bool) -> Option<Auth> {
    let path = |key: &str| format!("{section}.{key}");
    let (user_key, password_key, file_key) = (path("user"), path("password"), path("password_file"));
    let kind = scope.required(&path("auth"), LoginKind::KIND.parse);
    let user = scope.optional(&user_key, parse::name);
    let password = scope.optional(&password_key, SECRET.parse);
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
    if kind? == LoginKind::Windows {
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
            let variable = crate::config::keys::find(&password_key).map(Key::variable).unwrap_or_default();
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

/// The messages do not name the file: some write the password itself here.
fn password_in(file: &Path, sources: &Sources) -> Result<(), ValueError> {
    const LIKE: &str = "the key holds the path of a file, and the account of the exporter must be able to read it";
    let bytes = (sources.read)(file)
        .map_err(|error| ValueError::new(format!("the file that it names cannot be read: {error}")).expected(LIKE))?;
    Secret::from_file(bytes).map(|_| ()).map_err(|wrong| ValueError::new(format!("the file that it names {wrong}")))
}
