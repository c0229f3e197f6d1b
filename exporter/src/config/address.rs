//! Where an instance of SQL Server is, as people write it.

use super::error::ValueError;
use crate::model::{Address, DEFAULT_INSTANCE};
use std::net::Ipv6Addr;

const LIKE: &str = r"host, host:port, host,port, host\instance or [::1]:1433";

/// Reads an address. No message quotes it, because people paste connection strings with a password in them.
pub(super) fn parse(written: &str) -> Result<Address, ValueError> {
    let wrong = |what: &str| ValueError::new(what).expected(LIKE);
    let written = written.trim();
    if written.contains("://") || written.contains(['@', ';', '=']) {
        return Err(wrong("is a connection string or a URL, not an address"));
    }
    let written = match written.split_once(':') {
        Some((protocol, rest)) if protocol.eq_ignore_ascii_case("tcp") && !rest.starts_with(':') => rest.trim_start(),
        Some((protocol, _)) if ["np", "lpc", "admin"].iter().any(|other| protocol.eq_ignore_ascii_case(other)) => {
            return Err(wrong("names a protocol that is not TCP"));
        }
        _ => written,
    };
    let (server, instance) = match written.split_once('\\') {
        Some((server, instance)) => (server.trim_end(), Some(instance)),
        None => (written, None),
    };
    let (instance, behind) = match instance.and_then(|instance| instance.split_once([':', ','])) {
        Some((instance, port)) => (Some(instance.trim_end()), Some(port.trim())),
        None => (instance, None),
    };
    let (host, before) = host_and_port(server).ok_or_else(|| wrong("is not an address"))?;
    let port = before.or(behind);
    let port = match port {
        Some(port) => Some(super::parse::port(port)?),
        None => None,
    };
    let instance = match instance {
        Some(name) if name.eq_ignore_ascii_case(DEFAULT_INSTANCE) => None,
        Some(name) if is_instance(name) => Some(name.to_owned()),
        Some(_) => return Err(wrong("the part after the backslash is not the name of an instance")),
        None => None,
    };
    if port.is_some() && instance.is_some() || before.is_some() && behind.is_some() {
        return Err(both());
    }
    Ok(Address { host: self::host(host).map_err(|_| wrong("is not an address"))?, port, instance })
}

/// Reads the name or the address of a host. `.` and `(local)` are this host.
pub(super) fn host(written: &str) -> Result<String, ValueError> {
    if written == "." || written.eq_ignore_ascii_case("(local)") {
        return Ok("localhost".to_owned());
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = !written.is_empty()
        && written.len() <= 255
        && written.chars().all(allowed)
        && !written.starts_with(['-', '.'])
        && !written.contains("..");
    if name || written.parse::<Ipv6Addr>().is_ok() {
        return Ok(written.to_owned());
    }
    Err(ValueError::new("is not the name or the address of a host")
        .expected("a name without a port, such as sql01.corp.example"))
}

fn both() -> ValueError {
    ValueError::new("has both a port and an instance, and a port already names one instance")
        .expected("keep the port where it is fixed, else the instance")
}

fn host_and_port(server: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = server.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix([':', ','])?),
        };
        return Some((host, port));
    }
    if server.parse::<Ipv6Addr>().is_ok() {
        return Some((server, None));
    }
    match server.split_once([':', ',']) {
        Some((host, port)) => Some((host.trim_end(), Some(port.trim()))),
        None => Some((server, None)),
    }
}

/// The rules for names of instances: at most 16 characters, a letter or an underscore in front.
fn is_instance(name: &str) -> bool {
    name.chars().count() <= 16
        && name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_ways_people_write_an_address() {
        for (written, host, port, instance) in [
            ("sql01", "sql01", None, None),
            ("sql01.corp.example:14330", "sql01.corp.example", Some(14330), None),
            ("sql01,14330", "sql01", Some(14330), None),
            ("tcp:sql01, 14330", "sql01", Some(14330), None),
            (r"SQL01\PAYROLL", "SQL01", None, Some("PAYROLL")),
            (r".\SQLEXPRESS", "localhost", None, Some("SQLEXPRESS")),
            (r"sql01\MSSQLSERVER", "sql01", None, None),
            ("(local)", "localhost", None, None),
            (r"(LOCAL)\HR", "localhost", None, Some("HR")),
            (r"sql01\MSSQLSERVER,1433", "sql01", Some(1433), None),
            ("tcp: sql01 , 1433", "sql01", Some(1433), None),
            (r"sql01 \HR", "sql01", None, Some("HR")),
            ("127.0.0.1:1433", "127.0.0.1", Some(1433), None),
            ("::1", "::1", None, None),
            ("[::1]:1433", "::1", Some(1433), None),
            ("[fe80::1],1433", "fe80::1", Some(1433), None),
        ] {
            let expected = Address { host: host.into(), port, instance: instance.map(str::to_owned) };
            assert_eq!(parse(written).unwrap(), expected, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_an_address() {
        for written in [
            "",
            " ",
            "sql01:",
            "sql01:0",
            "sql01:65536",
            "sql01:x",
            r"sql01\",
            r"\PAYROLL",
            r"sql01\PAYROLL,1433",
            r"sql01:1433\PAYROLL",
            r"sql01:1433\MSSQLSERVER,1433",
            "[::1",
            "[sql01]:1433",
            "sqlserver://sa:pw@sql01",
            "Server=sql01;Password=pw",
            "np:sql01",
            "sql 01",
            "a..b",
            "sql01\n",
        ] {
            let result = parse(written);
            if written == "sql01\n" {
                assert!(result.is_ok(), "white space around an address does no harm");
            } else {
                assert!(!format!("{:?}", result.unwrap_err()).contains("pw"), "{written}");
            }
        }
    }
}
