//! Functions whose answers depend on the server and the login.

use super::catalog::object_id;
use super::state::PROBE_PROCEDURE;
use super::view::View;
use crate::tsql::world::ServerFunction;
use crate::wire::Value;

impl View<'_> {
    pub(crate) fn property(&self, function: ServerFunction, arguments: &[Value]) -> Value {
        let argument = |at: usize| match arguments.get(at) {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        let first = argument(0);
        match function {
            ServerFunction::ServerProperty => first.map_or(Value::Null, |name| self.server_property(&name)),
            ServerFunction::ConnectionProperty => first.map_or(Value::Null, |name| self.connection_property(&name)),
            ServerFunction::ObjectId => first.and_then(|name| self.object_id(&name)).map_or(Value::Null, Value::Int),
            ServerFunction::IdentCurrent => {
                first.and_then(|name| self.identity(&name)).map_or(Value::Null, Value::Decimal)
            }
            ServerFunction::DbId => match first {
                Some(name) => self.database_id(&name).map_or(Value::Null, Value::Int),
                None => Value::Int(1),
            },
            ServerFunction::DbName => match arguments.first() {
                None | Some(Value::Int(1)) => text("master"),
                Some(Value::Int(2)) => text("tempdb"),
                Some(Value::Int(4)) => self.master.msdb.as_deref().map_or(Value::Null, text),
                _ => Value::Null,
            },
            ServerFunction::HasDbAccess => match first.and_then(|name| self.database_id(&name)) {
                None => Value::Null,
                Some(1 | 2) => Value::Int(1),
                Some(_) => Value::Int(self.enters_msdb().into()),
            },
            ServerFunction::HasPermsByName => self.has_permission(arguments, first, argument(2), argument(3)),
            ServerFunction::IsSrvRoleMember => match first.map(|role| role.to_lowercase()).as_deref() {
                Some("sysadmin" | "serveradmin" | "securityadmin") => Value::Int(self.rights.sysadmin.into()),
                Some("public") => Value::Int(1),
                _ => Value::Null,
            },
            ServerFunction::IsMember | ServerFunction::IsRoleMember => {
                match first.map(|role| role.to_lowercase()).as_deref() {
                    Some("db_owner") => Value::Int(self.rights.sysadmin.into()),
                    Some("public") => Value::Int(1),
                    _ => Value::Null,
                }
            }
            ServerFunction::SuserSname => text(&self.login.user),
            ServerFunction::SuserId => Value::Int(if self.login.user == "sa" { 1 } else { 267 }),
            ServerFunction::UserName => text(if self.rights.sysadmin { "dbo" } else { "guest" }),
            ServerFunction::CurrentTimezoneId => {
                text(windows_zone(self.master.clock.zone().iana_name().unwrap_or("UTC")))
            }
            ServerFunction::AppName => text(&self.login.application),
            ServerFunction::HostName => text(&self.login.host),
            ServerFunction::ServerName => {
                text(self.master.state.local_name.as_deref().unwrap_or(&self.master.server_name))
            }
            ServerFunction::Version => text(&format!(
                "Microsoft SQL Server {} - {} (X64) \n\tStandard Edition (64-bit), a stand-in for tests\n",
                self.master.version,
                self.master.product_version()
            )),
            ServerFunction::Spid => Value::Int(self.login.session.into()),
        }
    }

    fn server_property(&self, name: &str) -> Value {
        let server = &self.master.server_name;
        let (machine, instance) = server.split_once('\\').map_or((server.as_str(), None), |(m, i)| (m, Some(i)));
        match name.to_lowercase().as_str() {
            "servername" => text(server),
            "machinename" => text(machine),
            "computernamephysicalnetbios" => text(self.master.state.node.as_deref().unwrap_or(machine)),
            "instancename" => instance.map_or(Value::Null, text),
            "productversion" => text(self.master.product_version()),
            "productmajorversion" => text(self.master.product_version().split('.').next().unwrap_or_default()),
            "productlevel" => text("RTM"),
            "edition" => text("Standard Edition (64-bit)"),
            "engineedition" => Value::Int(2),
            "collation" => text("SQL_Latin1_General_CP1_CI_AS"),
            "issingleuser" => Value::Int(self.master.single_user.into()),
            "isclustered" | "ishadrenabled" | "isintegratedsecurityonly" => Value::Int(0),
            "processid" => Value::Int(4321),
            _ => Value::Null,
        }
    }

    fn connection_property(&self, name: &str) -> Value {
        match name.to_lowercase().as_str() {
            "auth_scheme" => text("SQL"),
            "net_transport" | "physical_net_transport" => text("TCP"),
            "protocol_type" => text("TSQL"),
            "local_net_address" => text(&self.master.state.address),
            "client_net_address" => text(&self.master.state.client),
            "local_tcp_port" => Value::Int(self.master.state.port.into()),
            _ => Value::Null,
        }
    }

    fn database_id(&self, name: &str) -> Option<i64> {
        match name.to_lowercase().as_str() {
            "master" => Some(1),
            "tempdb" => Some(2),
            "model" => Some(3),
            other => self
                .master
                .msdb
                .as_deref()
                .filter(|msdb| msdb.eq_ignore_ascii_case(other))
                .map(|msdb| if msdb == "msdb" { 4 } else { 5 }),
        }
    }

    /// NULL also for what the login may not see.
    fn object_id(&self, name: &str) -> Option<i64> {
        let parts = parts(name)?;
        if parts.2.eq_ignore_ascii_case(PROBE_PROCEDURE.0) {
            return self.rights.holds("VIEW DEFINITION", self.master.version).then_some(PROBE_PROCEDURE.1);
        }
        let (def, _) = self.table(parts.0.as_deref(), parts.1.as_deref(), &parts.2).ok()??;
        (def.schema() == "sys" || self.rights.sees(def.name)).then(|| object_id(def))
    }

    /// NULL for a table without an identity too.
    fn identity(&self, name: &str) -> Option<i128> {
        let parts = parts(name).filter(|_| self.object_id(name).is_some())?;
        parts.2.eq_ignore_ascii_case("sysdownloadlist").then(|| self.master.fleet.last_number().into())
    }

    fn has_permission(
        &self,
        arguments: &[Value],
        securable: Option<String>,
        permission: Option<String>,
        sub: Option<String>,
    ) -> Value {
        let Some(permission) = permission.map(|p| p.to_uppercase()) else { return Value::Null };
        let class = match arguments.get(1) {
            Some(Value::Text(class)) => Some(class.to_uppercase()),
            _ => None,
        };
        let answer = match (securable, class.as_deref()) {
            (None, None | Some("SERVER")) => self.server_permission(&permission),
            (Some(name), Some("OBJECT")) => self.object_permission(&name, &permission, arguments, sub),
            (Some(name), Some("DATABASE")) => self.database_id(&name).map(|_| match permission.as_str() {
                "CONNECT" => self.enters_msdb(),
                "VIEW DEFINITION" => self.rights.holds("VIEW DEFINITION", self.master.version),
                _ => self.rights.sysadmin,
            }),
            _ => None,
        };
        answer.map_or(Value::Null, |yes| Value::Int(yes.into()))
    }

    fn server_permission(&self, permission: &str) -> Option<bool> {
        let known = match permission {
            "VIEW SERVER STATE" | "VIEW ANY DATABASE" | "VIEW ANY DEFINITION" | "CONTROL SERVER" | "CONNECT SQL" => {
                2012
            }
            "VIEW SERVER PERFORMANCE STATE" | "VIEW SERVER SECURITY STATE" | "VIEW ANY SECURITY DEFINITION" => 2022,
            _ => return None,
        };
        let public = matches!(permission, "VIEW ANY DATABASE" | "CONNECT SQL");
        (known <= self.master.version).then(|| public || self.rights.holds(permission, self.master.version))
    }

    /// 0 for an object on which only columns are granted: only the COLUMN form sees those.
    fn object_permission(
        &self,
        name: &str,
        permission: &str,
        arguments: &[Value],
        sub: Option<String>,
    ) -> Option<bool> {
        let parts = parts(name)?;
        let (def, _) = self.table(parts.0.as_deref(), parts.1.as_deref(), &parts.2).ok()??;
        let column_form = matches!(arguments.get(4), Some(Value::Text(class)) if class.eq_ignore_ascii_case("COLUMN"));
        match (sub, column_form) {
            (Some(column), true) => {
                let column = def.column(&column).filter(|c| c.since <= self.master.version)?;
                Some(permission == "SELECT" && (def.schema() == "sys" || self.rights.column(def.name, column.name)))
            }
            (None, false) => Some(match permission {
                "SELECT" => def.schema() == "sys" || self.rights.object(def.name),
                _ => self.rights.sysadmin,
            }),
            _ => None,
        }
    }
}

/// `[msdb].dbo.[t]` in its parts: database, schema, name.
fn parts(name: &str) -> Option<(Option<String>, Option<String>, String)> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = name;
    loop {
        let (part, tail) = match rest.strip_prefix('[') {
            Some(quoted) => {
                // A closing bracket inside the name is doubled.
                let lone = |(at, _): &(usize, &str)| {
                    quoted[..*at].chars().rev().take_while(|c| *c == ']').count() % 2 == 0
                        && !quoted[at + 1..].starts_with(']')
                };
                let (end, _) = quoted.match_indices(']').find(lone)?;
                (quoted[..end].replace("]]", "]"), &quoted[end + 1..])
            }
            None => {
                let (part, tail) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                (part.to_owned(), tail)
            }
        };
        parts.push(part);
        match tail.strip_prefix('.') {
            Some(tail) => rest = tail,
            None => break,
        }
    }
    let name = parts.pop()?;
    let schema = parts.pop().filter(|s| !s.is_empty());
    Some((parts.pop(), schema, name))
}

/// The Windows name of a zone (Unicode CLDR, windowsZones). Others keep their own name.
fn windows_zone(iana: &str) -> &str {
    match iana {
        "UTC" | "Etc/UTC" => "UTC",
        "Europe/Berlin" | "Europe/Vienna" | "Europe/Zurich" | "Europe/Amsterdam" | "Europe/Rome" => {
            "W. Europe Standard Time"
        }
        "Europe/London" => "GMT Standard Time",
        "Europe/Paris" | "Europe/Madrid" | "Europe/Brussels" => "Romance Standard Time",
        "Europe/Moscow" => "Russian Standard Time",
        "America/New_York" => "Eastern Standard Time",
        "America/Chicago" => "Central Standard Time",
        "America/Los_Angeles" => "Pacific Standard Time",
        "America/St_Johns" => "Newfoundland Standard Time",
        "Asia/Kolkata" | "Asia/Calcutta" => "India Standard Time",
        "Asia/Kathmandu" => "Nepal Standard Time",
        "Asia/Tokyo" => "Tokyo Standard Time",
        "Australia/Adelaide" => "Cen. Australia Standard Time",
        "Australia/Lord_Howe" => "Lord Howe Standard Time",
        "Australia/Sydney" => "AUS Eastern Standard Time",
        other => other,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let of = |name| parts(name).map(|(d, s, n)| (d.unwrap_or_default(), s.unwrap_or_default(), n));
        let owned = |d: &str, s: &str, n: &str| Some((d.to_owned(), s.to_owned(), n.to_owned()));
        assert_eq!(of("msdb.dbo.sysjobs"), owned("msdb", "dbo", "sysjobs"));
        assert_eq!(of("[o'dd]]db].dbo.[sysjobs]"), owned("o'dd]db", "dbo", "sysjobs"));
        assert_eq!(of("msdb..sysjobs"), owned("msdb", "", "sysjobs"));
        assert_eq!(of("[broken"), None);
    }
}
