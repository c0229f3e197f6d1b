//! `HOST\INSTANCE`: how SQL Server names an instance.

use super::names;
use std::fmt;

/// What the default instance is called inside SQL Server; outside it has no name.
pub const DEFAULT_INSTANCE: &str = "MSSQLSERVER";

/// A server's name taken apart. This is the one place that knows how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerName<'a> {
    /// The host, or the network name of a failover cluster.
    pub host: &'a str,
    /// The bare name of the instance; `None` for the default instance, also where it is written as MSSQLSERVER.
    pub instance: Option<&'a str>,
}

impl<'a> ServerName<'a> {
    /// Takes `HOST` or `HOST\INSTANCE` apart.
    pub fn of(name: &'a str) -> ServerName<'a> {
        match name.split_once('\\') {
            Some((host, instance)) => ServerName::new(host, Some(instance)),
            None => ServerName { host: name, instance: None },
        }
    }

    /// A host and an instance on it.
    pub fn new(host: &'a str, instance: Option<&'a str>) -> ServerName<'a> {
        ServerName { host, instance: instance.filter(|name| !name.eq_ignore_ascii_case(DEFAULT_INSTANCE)) }
    }

    /// Whether both mean the default instance, or a named instance of one name; on whichever host.
    pub fn same_instance(self, other: ServerName<'_>) -> bool {
        match (self.instance, other.instance) {
            (Some(one), Some(other)) => names::same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl fmt::Display for ServerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance {
            Some(instance) => write!(f, "{}\\{instance}", self.host),
            None => f.write_str(self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_instance_has_no_name() {
        for (written, host, instance, shown) in [
            ("SQL01", "SQL01", None, "SQL01"),
            (r"SQL01\PAYROLL", "SQL01", Some("PAYROLL"), r"SQL01\PAYROLL"),
            (r"SQL01\mssqlserver", "SQL01", None, "SQL01"),
        ] {
            let name = ServerName::of(written);
            assert_eq!((name.host, name.instance, name.to_string().as_str()), (host, instance, shown), "{written}");
        }
    }

    #[test]
    fn instances_are_compared_as_sql_server_compares_names() {
        for (one, other, same) in [
            (r"SQL01\PAYROLL", r"ALIAS\payroll", true),
            ("SQL01", r"SQL02\MSSQLSERVER", true),
            ("SQL01", r"SQL01\PAYROLL", false),
            (r"SQL01\HR", r"SQL01\PAYROLL", false),
        ] {
            assert_eq!(ServerName::of(one).same_instance(ServerName::of(other)), same, "{one} {other}");
        }
    }
}
