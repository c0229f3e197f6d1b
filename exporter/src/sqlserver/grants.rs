//! The smallest T-SQL script that gives the login its rights.
//!
//! Four blocks: core is what the exporter needs, server adds facts about the master, arrivals lets it search for the
//! reason of a silence, doctor is for its report alone.
//!
//! Never TargetServersRole, which could delete instructions and spoof a poll; never sysadmin.

mod files;
mod revocation;

pub use files::{GrantFile, grant_files};
pub use revocation::revocation;

use super::rights::{Capabilities, Right, bracketed, performance_state, server_state};
use crate::config::{Auth, Config};

const CORE: [Right; 6] = [
    Right::TargetServers,
    Right::TargetServerGroups,
    Right::TargetServerGroupMembers,
    Right::DownloadList,
    Right::Jobs,
    Right::JobServers,
];
const SERVER: [Right; 2] = [Right::OperatorName, Right::ServerState];
const ARRIVALS: [Right; 1] = [Right::PerformanceState];
/// SQL Server 2022, which split VIEW SERVER STATE.
const SPLIT_STATE: u32 = 16;
/// A T-SQL condition: the server is that version or newer.
const SINCE_SPLIT: &str = "CAST(PARSENAME(CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), 4) AS int) >= 16";

/// The kind of login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Principal {
    /// A login with a password of its own
    SqlLogin,
    /// A Windows account, such as a group managed service account
    WindowsAccount,
    /// A Windows group that the exporter's account is in
    WindowsGroup,
}

impl Principal {
    /// The name in a script until the user replaces it.
    pub fn placeholder(self) -> &'static str {
        match self {
            Principal::SqlLogin => "msx_exporter",
            Principal::WindowsAccount => "DOMAIN\\account",
            Principal::WindowsGroup => "DOMAIN\\group",
        }
    }
}

/// The versions of SQL Server that share the names of the server permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 2012, 2014, 2016, 2017 and 2019: VIEW SERVER STATE.
    To2019,
    /// 2022 and 2025, which split it.
    From2022,
}

impl Release {
    /// The release of a year such as 2019; `None` for a year without a version since 2012.
    pub fn of_year(year: u16) -> Option<Release> {
        match year {
            2012 | 2014 | 2016 | 2017 | 2019 => Some(Release::To2019),
            2022 | 2025 => Some(Release::From2022),
            _ => None,
        }
    }

    fn of_major(major: u32) -> Release {
        if major >= SPLIT_STATE { Release::From2022 } else { Release::To2019 }
    }

    /// A major version of the release.
    fn major(self) -> u32 {
        match self {
            Release::To2019 => SPLIT_STATE - 1,
            Release::From2022 => SPLIT_STATE,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Release::To2019 => "2012, 2014, 2016, 2017 and 2019",
            Release::From2022 => "2022 and 2025",
        }
    }
}

/// The login, and the database of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantee {
    /// The login's name, such as `msx_exporter` or `CORP\gmsa-msx$`.
    pub login: String,
    /// The kind of the login.
    pub principal: Principal,
    /// The database that holds the multiserver tables.
    pub msdb: String,
}

impl Grantee {
    /// A grantee with a placeholder as its name.
    pub fn unnamed(principal: Principal) -> Grantee {
        Grantee { login: principal.placeholder().to_owned(), principal, msdb: "msdb".to_owned() }
    }

    /// The login of the configuration; with `auth: windows` the account's name is a placeholder.
    pub fn from_config(config: &Config) -> Grantee {
        let grantee = match &config.master.auth {
            Auth::Sql { user, .. } => Grantee { login: user.clone(), ..Grantee::default() },
            Auth::Windows => Grantee::unnamed(Principal::WindowsAccount),
        };
        Grantee { msdb: config.master.msdb.clone(), ..grantee }
    }
}

impl Default for Grantee {
    fn default() -> Grantee {
        Grantee::unnamed(Principal::SqlLogin)
    }
}

/// The complete script, for one release or for every version.
pub fn complete(grantee: &Grantee, release: Option<Release>) -> String {
    script(grantee, release, None)
}

/// Only what is missing on a server to which the grantee made a connection.
pub(crate) fn missing(grantee: &Grantee, known: &Capabilities) -> String {
    script(grantee, Some(Release::of_major(known.major_version())), Some(known))
}

fn script(grantee: &Grantee, release: Option<Release>, capabilities: Option<&Capabilities>) -> String {
    let needed = |right: &Right| capabilities.is_none_or(|known| known.missing().any(|missing| missing == *right));
    let mut script = Script { grantee, release, text: String::new(), database: None };
    script.head(capabilities);
    let core: Vec<Right> = CORE.into_iter().filter(needed).collect();
    let server: Vec<Right> = SERVER.into_iter().filter(needed).collect();
    let arrivals: Vec<Right> = ARRIVALS.into_iter().filter(needed).collect();
    if core.is_empty() && server.is_empty() && arrivals.is_empty() {
        script.line("-- Nothing is missing for what the exporter exposes.");
    }
    if !core.is_empty() {
        script.line("-- Block 1, core: the tables that the collectors targets, downloads and jobs read.");
        script.principal(capabilities.is_some());
        for right in core {
            script.grant(right);
        }
        script.line("");
    }
    if !server.is_empty() {
        script.line("-- Block 2, server: whether the master's Agent runs, and whether MSXOperator exists.");
        for right in server {
            script.grant(right);
        }
        script.line("");
    }
    if !arrivals.is_empty() {
        script.line("-- Block 3, arrivals: why a target is silent, from what the master remembers of who arrives.");
        for right in arrivals {
            script.grant(right);
        }
        script.line("");
    }
    script.doctor();
    script.text
}

struct Script<'a> {
    grantee: &'a Grantee,
    release: Option<Release>,
    text: String,
    /// The database in which the following lines run.
    database: Option<String>,
}

impl Script<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn enter(&mut self, database: &str) {
        if self.database.as_deref() != Some(database) {
            self.line(&format!("USE {};", bracketed(database)));
            self.database = Some(database.to_owned());
        }
    }

    fn head(&mut self, capabilities: Option<&Capabilities>) {
        self.line("-- Rights of msx_exporter on the master. Run as a member of sysadmin, on the master.");
        self.line("-- Nothing here lets the login change anything.");
        match capabilities {
            Some(known) => {
                let (name, version) = (known.server_name.clone(), known.product_version.clone());
                self.line(&format!("-- For {name}, version {version}: only what is missing there now."));
            }
            None => {
                let versions = self.release.map_or("2012 to 2025", Release::in_words);
                self.line(&format!("-- For SQL Server {versions}."));
            }
        }
        self.line("");
    }

    /// Creates the login and its user in msdb. A login that made the connection exists.
    fn principal(&mut self, connected: bool) {
        let login = quoted_name(&self.grantee.login);
        let literal = quoted_text(&self.grantee.login);
        if !connected {
            self.login(&login, &literal);
        }
        self.enter(&self.grantee.msdb);
        self.line(&format!("IF USER_ID({literal}) IS NULL CREATE USER {login} FOR LOGIN {login};"));
    }

    fn login(&mut self, login: &str, literal: &str) {
        self.enter("master");
        if self.grantee.principal == Principal::SqlLogin {
            self.line(
                "-- Put a password in the place of <...>, quotes and all: until then the server refuses the script.",
            );
        } else if self.grantee.login == self.grantee.principal.placeholder() {
            self.line(&format!("-- Put the real name in the place of {} throughout.", self.grantee.login));
        }
        self.line(&format!("IF SUSER_ID({literal}) IS NULL"));
        let how = match self.grantee.principal {
            Principal::SqlLogin => {
                "WITH PASSWORD = <N'a long random password'>, DEFAULT_DATABASE = master, CHECK_EXPIRATION = OFF"
            }
            Principal::WindowsAccount | Principal::WindowsGroup => "FROM WINDOWS WITH DEFAULT_DATABASE = master",
        };
        self.line(&format!("    CREATE LOGIN {login} {how};"));
    }

    fn grant(&mut self, right: Right) {
        let login = quoted_name(&self.grantee.login);
        let permission: fn(u32) -> &'static str = match right {
            Right::ServerState => server_state,
            Right::PerformanceState => performance_state,
            _ => return self.grant_on_table(right, &login),
        };
        self.enter("master");
        for line in self.server_permission(permission) {
            self.line(&line);
        }
    }

    fn grant_on_table(&mut self, right: Right, login: &str) {
        self.enter(&self.grantee.msdb);
        let statement = right.grant(SPLIT_STATE, &self.grantee.msdb);
        let statement = statement.split("; ").last().unwrap_or_default().replace("<user>", login);
        self.line(&format!("{statement};"));
    }

    /// A permission that was split off in SQL Server 2022, for the present version or for all of them.
    fn server_permission(&self, permission: fn(u32) -> &'static str) -> Vec<String> {
        let login = quoted_name(&self.grantee.login);
        let Some(release) = self.release else {
            // One script for all versions: the older ones do not know the newer permission's name.
            let inner = |major| quoted_text(&format!("GRANT {} TO {login}", permission(major)));
            return vec![
                format!("IF {SINCE_SPLIT}"),
                format!("    EXEC ({});", inner(SPLIT_STATE)),
                "ELSE".to_owned(),
                format!("    EXEC ({});", inner(SPLIT_STATE - 1)),
            ];
        };
        vec![format!("GRANT {} TO {login};", permission(release.major()))]
    }

    /// The doctor's grants, as comments: the exporter itself needs none of them to read the master.
    fn doctor(&mut self) {
        let login = quoted_name(&self.grantee.login);
        self.line("-- Block 4, doctor: only for the command `doctor`; take the dashes away where that is wanted. The ports on");
        self.line("-- which the master listens need block 2, reasons of silence block 3. Who is in TargetServersRole, and with");
        self.line("-- block 3 whether someone polls without a row:");
        self.line(&format!("-- USE {};", bracketed(&self.grantee.msdb)));
        self.line(&format!("-- GRANT VIEW DEFINITION TO {login};"));
    }
}

fn quoted_name(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

fn quoted_text(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_connection_the_script_fits_every_version() {
        insta::assert_snapshot!(complete(&Grantee::default(), None));
    }

    #[test]
    fn with_a_connection_only_what_is_missing_is_printed() {
        let known =
            Capabilities::with_everything("16.0.4135.4").without(Right::DownloadList).without(Right::ServerState);
        insta::assert_snapshot!(missing(&Grantee::default(), &known));
    }

    #[test]
    fn no_script_gives_a_role_or_lets_the_login_write() {
        for principal in [Principal::SqlLogin, Principal::WindowsAccount, Principal::WindowsGroup] {
            for release in [None, Some(Release::To2019), Some(Release::From2022)] {
                let text = complete(&Grantee::unnamed(principal), release);
                for word in ["ALTER ", "Role TO", "rolemember", "sysadmin TO", "UPDATE", "DELETE", "INSERT", "EXECUTE"]
                {
                    assert!(!text.contains(word), "{word}");
                }
            }
        }
    }

    #[test]
    fn every_version_has_its_release_and_other_years_have_none() {
        for (year, release) in [(2012, Release::To2019), (2019, Release::To2019), (2022, Release::From2022)] {
            assert_eq!(Release::of_year(year), Some(release));
            assert!(release.in_words().contains(&year.to_string()));
        }
        assert_eq!((Release::of_year(2008), Release::of_year(2013)), (None, None));
    }

    #[test]
    fn names_cannot_leave_their_brackets() {
        let grantee = Grantee { login: "a]; DROP TABLE x;--'".to_owned(), ..Grantee::default() };
        assert!(complete(&grantee, None).contains("CREATE LOGIN [a]]; DROP TABLE x;--'] WITH"));
        assert!(complete(&grantee, None).contains("SUSER_ID(N'a]; DROP TABLE x;--''')"));
    }
}
