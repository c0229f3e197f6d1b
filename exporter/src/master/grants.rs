//! The smallest T-SQL script that gives the login its rights.
//!
//! Three blocks: core is what the exporter lives on, server adds facts about the master, doctor is for its one report.
//! Never TargetServersRole, which could delete instructions and spoof a poll; never sysadmin.

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
/// SQL Server 2022, which split VIEW SERVER STATE.
const SPLIT_STATE: u32 = 16;

/// For whom and for what the script is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantee {
    /// The login's name, such as `msx_exporter` or `CORP\gmsa-msx$`.
    pub login: String,
    /// Whether it is a Windows account or group.
    pub windows: bool,
    /// The database that holds the multiserver tables.
    pub msdb: String,
}

impl Grantee {
    /// As the configuration has it; with `auth: windows` the account's name is left to be filled in.
    pub fn from_config(config: &Config) -> Grantee {
        let (login, windows) = match &config.master.auth {
            Auth::Sql { user, .. } => (user.clone(), false),
            Auth::Windows => ("DOMAIN\\account".to_owned(), true),
        };
        Grantee { login, windows, msdb: config.master.msdb.clone() }
    }
}

impl Default for Grantee {
    fn default() -> Grantee {
        Grantee { login: "msx_exporter".to_owned(), windows: false, msdb: "msdb".to_owned() }
    }
}

/// The script. `capabilities` is what a connection told: the version, and what is there already and is left out.
pub(super) fn script(grantee: &Grantee, capabilities: Option<&Capabilities>) -> String {
    let major = capabilities.map(Capabilities::major_version);
    let needed = |right: &Right| capabilities.is_none_or(|known| known.missing().any(|missing| missing == *right));
    let mut script = Script { grantee, major, text: String::new(), database: None };
    script.head(capabilities);
    let core: Vec<Right> = CORE.into_iter().filter(needed).collect();
    let server: Vec<Right> = SERVER.into_iter().filter(needed).collect();
    if core.is_empty() && server.is_empty() {
        script.line("-- Nothing is missing for what the exporter exposes.");
    }
    if !core.is_empty() {
        script.line("-- Block 1, core: the tables that the collectors targets, downloads and jobs read.");
        script.principal();
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
    script.doctor();
    script.text
}

/// Takes everything away again.
pub fn revocation(grantee: &Grantee) -> String {
    let login = quoted_name(&grantee.login);
    let literal = quoted_text(&grantee.login);
    let msdb = bracketed(&grantee.msdb);
    format!(
        "-- Takes away what the exporter's login was given.\n\
         USE {msdb};\n\
         IF USER_ID({literal}) IS NOT NULL DROP USER {login};\n\
         USE master;\n\
         IF SUSER_ID({literal}) IS NOT NULL DROP LOGIN {login};\n"
    )
}

struct Script<'a> {
    grantee: &'a Grantee,
    major: Option<u32>,
    text: String,
    /// The database in which what follows runs.
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
            None => self.line("-- For SQL Server 2012 to 2025."),
        }
        self.line("");
    }

    fn principal(&mut self) {
        let login = quoted_name(&self.grantee.login);
        let literal = quoted_text(&self.grantee.login);
        self.enter("master");
        self.line(&format!("IF SUSER_ID({literal}) IS NULL"));
        if self.grantee.windows {
            self.line(&format!("    CREATE LOGIN {login} FROM WINDOWS WITH DEFAULT_DATABASE = master;"));
        } else {
            self.line(&format!(
                "    CREATE LOGIN {login} WITH PASSWORD = N'<a long random password>', DEFAULT_DATABASE = master, CHECK_EXPIRATION = OFF;"
            ));
        }
        self.enter(&self.grantee.msdb);
        self.line(&format!("IF USER_ID({literal}) IS NULL CREATE USER {login} FOR LOGIN {login};"));
    }

    fn grant(&mut self, right: Right) {
        let login = quoted_name(&self.grantee.login);
        if right != Right::ServerState {
            self.enter(&self.grantee.msdb);
            let statement = right.grant(self.major.unwrap_or(SPLIT_STATE), &self.grantee.msdb);
            let statement = statement.split("; ").last().unwrap_or_default().replace("<user>", &login);
            self.line(&format!("{statement};"));
            return;
        }
        self.enter("master");
        for line in self.server_permission(server_state) {
            self.line(&line);
        }
    }

    /// A permission that was split off in SQL Server 2022, for the version in question or for all of them.
    fn server_permission(&self, permission: fn(u32) -> &'static str) -> Vec<String> {
        let login = quoted_name(&self.grantee.login);
        let Some(major) = self.major else {
            // One script for all versions: the older ones do not know the newer permission's name.
            let version = "CAST(PARSENAME(CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), 4) AS int)";
            let inner = |major| quoted_text(&format!("GRANT {} TO {login}", permission(major)));
            return vec![
                format!("IF {version} >= {SPLIT_STATE}"),
                format!("    EXEC ({});", inner(SPLIT_STATE)),
                "ELSE".to_owned(),
                format!("    EXEC ({});", inner(SPLIT_STATE - 1)),
            ];
        };
        vec![format!("GRANT {} TO {login};", permission(major))]
    }

    /// As comments: the exporter itself needs none of it.
    fn doctor(&mut self) {
        let login = quoted_name(&self.grantee.login);
        self.line("-- Block 3, doctor: only for the command `doctor`; take the dashes away where that is wanted. The ports on");
        self.line("-- which the master listens need block 2. Who is in TargetServersRole:");
        self.line(&format!("-- USE {};", bracketed(&self.grantee.msdb)));
        self.line(&format!("-- GRANT VIEW DEFINITION TO {login};"));
        self.line("-- Which logins were refused:");
        self.line("-- USE master;");
        for line in self.server_permission(performance_state) {
            self.line(&format!("-- {line}"));
        }
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
        insta::assert_snapshot!(script(&Grantee::default(), None));
    }

    #[test]
    fn with_a_connection_only_what_is_missing_is_printed() {
        let known =
            Capabilities::with_everything("16.0.4135.4").without(Right::DownloadList).without(Right::ServerState);
        let grantee = Grantee { login: "CORP\\gmsa-msx$".to_owned(), windows: true, ..Grantee::default() };
        insta::assert_snapshot!(script(&grantee, Some(&known)));
    }

    #[test]
    fn no_script_gives_a_role_or_lets_the_login_write() {
        let text = script(&Grantee::default(), None);
        for word in [
            "sp_addrolemember",
            "ALTER ROLE",
            "TargetServersRole TO",
            "sysadmin TO",
            "UPDATE",
            "DELETE",
            "INSERT",
            "EXECUTE ON",
        ] {
            assert!(!text.contains(word), "{word}");
        }
    }

    #[test]
    fn names_cannot_leave_their_brackets() {
        let grantee = Grantee { login: "a]; DROP TABLE x;--'".to_owned(), ..Grantee::default() };
        assert!(script(&grantee, None).contains("CREATE LOGIN [a]]; DROP TABLE x;--'] WITH"));
        assert!(script(&grantee, None).contains("SUSER_ID(N'a]; DROP TABLE x;--''')"));
    }

    #[test]
    fn the_revocation_takes_back_user_and_login() {
        insta::assert_snapshot!(revocation(&Grantee::default()));
    }
}
