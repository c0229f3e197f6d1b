//! `HOST\INSTANCE`: how SQL Server names an instance.

use super::{canonical, names};
use std::borrow::Cow;
use std::fmt;

/// What the default instance is called inside SQL Server; outside it has no name.
pub const DEFAULT_INSTANCE: &str = "MSSQLSERVER";

/// A server's name taken apart. This is the one place that knows how, and that compares what a person typed with what
/// servers call themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerName<'a> {
    /// The host, or the network name of a failover cluster.
    pub host: &'a str,
    /// The bare name of the instance; `None` for the default instance, also where it is written as MSSQLSERVER.
    pub instance: Option<&'a str>,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl<'a> ServerName<'a> {
    /// Takes `HOST` or `HOST\INSTANCE` apart, with or without `tcp:` in front, a port behind (`HOST,PORT`, `HOST:PORT`),
    /// brackets around an IPv6 address, or a dot at the end of the host.
    pub fn of(name: &'a str) -> ServerName<'a> {
        let name = names::bare(name);
        let name = match name.split_at_checked(4) {
            Some((protocol, rest)) if protocol.eq_ignore_ascii_case("tcp:") && !rest.starts_with(':') => rest,
            _ => name,
        };
        let (name, port) = without_port(name);
        let (host, instance) = name.split_once('\\').map_or((name, None), |(host, instance)| (host, Some(instance)));
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_suffix('.').filter(|host| !host.is_empty()).unwrap_or(host);
        ServerName { port, ..ServerName::new(host, instance) }
    }

    /// A host and an instance on it.
    pub fn new(host: &'a str, instance: Option<&'a str>) -> ServerName<'a> {
        let instance = instance.filter(|name| !name.eq_ignore_ascii_case(DEFAULT_INSTANCE));
        ServerName { host, instance, port: None }
    }

    /// A name that a person typed, in the form in which targets are enlisted. `computer` is what `.`, `(local)` and
    /// `localhost` mean.
    pub fn enlisted(typed: &str, computer: &str) -> String {
        let name = ServerName::of(typed);
        ServerName::new(name.host_on(computer), name.instance).to_string()
    }

    /// The names that a person may mean, the likeliest first: as it was typed, and in the form in which targets are enlisted.
    pub fn meant(typed: &str) -> [Cow<'_, str>; 2] {
        [typed.into(), ServerName::enlisted(typed, "").into()]
    }

    fn is_this_computer(self) -> bool {
        [".", "(local)", "localhost"].iter().any(|own| own.eq_ignore_ascii_case(self.host))
    }

    /// Whether both mean the default instance, or a named instance of one name; on whichever host.
    pub fn same_instance(self, other: ServerName<'_>) -> bool {
        match (self.instance, other.instance) {
            (Some(one), Some(other)) => names::same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// Whether both hosts are one: they differ in case or domain only. `computer` is what `.`, `(local)` and
    /// `localhost` mean.
    pub fn same_host(self, other: ServerName<'_>, computer: &str) -> bool {
        let (one, other) = (self.host_on(computer), other.host_on(computer));
        let is_long = |host: &str| host.contains('.');
        let comparable = is_long(one) != is_long(other) && [one, other].iter().all(|host| canonical(host).is_none());
        names::same(one, other) || (comparable && names::same(first_label(one), first_label(other)))
    }

    fn host_on<'b>(self, computer: &'b str) -> &'b str
    where
        'a: 'b,
    {
        if self.is_this_computer() && !computer.is_empty() { computer } else { self.host }
    }
}

fn first_label(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

/// A name and the port behind it. An IPv6 address without brackets has colons of its own.
fn without_port(name: &str) -> (&str, Option<u16>) {
    let colon = || name.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let split = name.split_once(',').or_else(colon);
    match split.and_then(|(host, port)| Some((host, port.trim().parse::<u16>().ok()?))) {
        Some((host, port)) => (host.trim_end(), Some(port)),
        None => (name, None),
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
    fn what_a_person_types_is_the_name_under_which_a_target_is_enlisted() {
        for (typed, enlisted) in [
            ("sql01 ", "sql01"),
            ("tcp:sql01", "sql01"),
            ("TCP:sql01, 14330", "sql01"),
            ("sql01,1433", "sql01"),
            ("sql01:1433", "sql01"),
            (r"sql01\PAYROLL,1433", r"sql01\PAYROLL"),
            ("sql01.", "sql01"),
            (r"sql01.corp.example.\HR", r"sql01.corp.example\HR"),
            (r"sql01\MsSqlServer ", "sql01"),
            (".", "SQL07"),
            (r".\HR", r"SQL07\HR"),
            ("(LOCAL)", "SQL07"),
            (r"localhost\MSSQLSERVER", "SQL07"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:1433", "2001:db8::7"),
            ("tcp::1", "tcp::1"),
            ("größe", "größe"),
            // Not what an address looks like: taken as written.
            ("sql01,x", "sql01,x"),
            ("sql01:99999", "sql01:99999"),
            ("SQL<03>", "SQL<03>"),
            (" sql01", " sql01"),
            ("", ""),
        ] {
            assert_eq!(ServerName::enlisted(typed, "SQL07"), enlisted, "{typed}");
        }
        assert_eq!(ServerName::enlisted(r".\HR", ""), r".\HR");
    }

    #[test]
    fn a_host_has_its_short_name_its_long_one_and_those_on_itself() {
        for (one, other, same) in [
            ("msx01", "MSX01", true),
            ("msx01.corp.example.", "tcp:MSX01,14330", true),
            ("GRÜN01", "grün01.corp.example", true),
            ("localhost", "sql07", true),
            (".", "SQL07.corp.example", true),
            ("localhost", "msx01", false),
            ("msx01.corp.example", "msx01.other.example", false),
            ("10", "10.1.2.3", false),
        ] {
            assert_eq!(ServerName::of(one).same_host(ServerName::of(other), "SQL07"), same, "{one} {other}");
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
