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

    /// The list that deploy/windows/probe.ps1 is held against, too: what is written, then host, port and instance.
    type Listed = Vec<(String, Option<(String, Option<u16>, Option<String>)>)>;

    #[test]
    fn an_address_means_what_the_list_says_and_no_message_shows_a_password() {
        let list = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/scripts/addresses.json"));
        for (written, means) in serde_json::from_str::<Listed>(list).unwrap() {
            let found = parse(&written);
            let expected = means.map(|(host, port, instance)| Address { host, port, instance });
            assert_eq!(found.as_ref().ok(), expected.as_ref(), "{written}");
            assert!(!format!("{:?}", found.err()).contains("pw"), "{written}");
        }
    }
}
