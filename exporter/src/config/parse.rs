//! Single values: from text to type. Each says what is wrong in words that may be shown.

use super::error::{ValueError, quoted};
use super::{Pattern, Secret};
use crate::model::ServerName;
use crate::process;
use jiff::Timestamp;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Longer waits are slips of the finger.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// More of anything is a slip of the finger too.
const MOST: usize = 100_000_000;

pub(super) fn text(written: &str) -> Result<String, ValueError> {
    if written.trim().is_empty() {
        return Err(ValueError::new("is empty"));
    }
    if written.chars().any(char::is_control) {
        return Err(ValueError::new("holds a line break or another control character"));
    }
    Ok(written.to_owned())
}

/// A name of SQL Server (`sysname`): at most 128 UTF-16 units.
pub(super) fn name(written: &str) -> Result<String, ValueError> {
    let name = text(written)?;
    if name.encode_utf16().count() > 128 {
        return Err(ValueError::new("is longer than 128 characters, the longest name in SQL Server"));
    }
    Ok(name)
}

/// The name of a target, in the form in which it is enlisted: as [`ServerName::enlisted`] makes it of what people type.
pub(super) fn target_name(written: &str) -> Result<String, ValueError> {
    name(written).map(|name| ServerName::enlisted(&name, process::computer()))
}

/// A password may hold anything but what cannot have been meant.
pub(super) fn password(written: &str) -> Result<Secret, ValueError> {
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

/// An IPv4 or IPv6 address, in the form in which addresses are compared.
/// The address of another computer.
pub(super) fn ip_address(written: &str) -> Result<IpAddr, ValueError> {
    let wrong =
        |what: &str| ValueError::new(format!("{} is {what}", quoted(written))).expected("such as 10.1.0.8 or fd00::8");
    let address = crate::model::canonical(written).ok_or_else(|| wrong("no IP address"))?;
    if address.is_loopback() {
        return Err(wrong("a loopback address: every computer has it"));
    }
    if address.is_unspecified() {
        return Err(wrong("no address of any computer"));
    }
    Ok(address)
}

pub(super) fn path(written: &str) -> Result<PathBuf, ValueError> {
    text(written).map(PathBuf::from)
}

pub(super) fn flag(written: &str) -> Result<bool, ValueError> {
    match written {
        "true" | "True" | "TRUE" | "yes" | "on" => Ok(true),
        "false" | "False" | "FALSE" | "no" | "off" => Ok(false),
        _ => Err(ValueError::new(format!("{} is neither true nor false", quoted(written)))),
    }
}

/// One of some words, whatever the case.
pub(super) fn choice<T: Copy>(words: &[(&str, T)], written: &str) -> Result<T, ValueError> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(written));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        ValueError::new(format!("{} is not known", quoted(written))).expected(format!("one of {}", all.join(", ")))
    })
}

pub(super) fn duration(written: &str) -> Result<Duration, ValueError> {
    const LIKE: &str = "a duration has a unit, such as 8s, 5m or 250ms";
    if !written.is_empty() && written.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(ValueError::new(format!("{} has no unit", quoted(written))).expected(LIKE));
    }
    let wrong = || ValueError::new(format!("{} is not a duration", quoted(written))).expected(LIKE);
    let duration = crate::model::duration::read(written).ok_or_else(wrong)?;
    if duration.is_zero() {
        return Err(ValueError::new("must be longer than 0"));
    }
    if duration > LONGEST {
        return Err(ValueError::new(format!("{} is longer than a year", quoted(written))));
    }
    Ok(duration)
}

pub(super) fn count(written: &str) -> Result<usize, ValueError> {
    let number = written.parse::<usize>().ok().filter(|number| *number <= MOST);
    match number {
        Some(0) => Err(ValueError::new("must be at least 1")),
        Some(number) => Ok(number),
        None => Err(ValueError::new(format!("{} is not an integer from 1 to {MOST}", quoted(written)))),
    }
}

pub(super) fn port(written: &str) -> Result<u16, ValueError> {
    let port = written.parse::<u16>().ok().filter(|port| *port > 0);
    port.ok_or_else(|| ValueError::new(format!("{} is not a port from 1 to 65535", quoted(written))))
}

/// The name of a time zone, as it was written.
pub(super) fn zone(written: &str) -> Result<String, ValueError> {
    if super::zone_by_name(written).is_some() {
        return Ok(written.to_owned());
    }
    let wrong = ValueError::new(format!("{} is not a known time zone", quoted(written)));
    Err(wrong.expected("an IANA name such as Europe/Berlin or a Windows name such as W. Europe Standard Time"))
}

pub(super) fn instant(written: &str) -> Result<Timestamp, ValueError> {
    written.parse().map_err(|_| {
        ValueError::new(format!("{} is not an instant", quoted(written)))
            .expected("date and time with Z or an offset, such as 2026-12-01T22:00:00Z or 2026-12-01T22:00:00+01:00")
    })
}

pub(super) fn pattern(written: &str) -> Result<Pattern, ValueError> {
    Pattern::new(written).map_err(|error| ValueError::new(format!("not a regular expression: {error}")))
}

/// The name of a label that `msx_target_info` may carry.
pub(super) fn label(name: &str) -> Result<(), ValueError> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(ValueError::new("is not the name of a label").expected("letters, digits and _, no digit in front"));
    }
    if name.starts_with("__") {
        return Err(ValueError::new("names that begin with __ belong to Prometheus"));
    }
    match name {
        "job" | "instance" => Err(ValueError::new("this label belongs to Prometheus")),
        "target" | "location" => Err(ValueError::new("msx_target_info has this label already")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations() {
        for (written, millis) in [("8s", 8_000), ("5m", 300_000), ("250ms", 250), ("1h30m", 5_400_000)] {
            assert_eq!(duration(written).unwrap(), Duration::from_millis(millis), "{written}");
        }
        for written in ["", "8", "0s", "-3s", "s", "8x", "99999999h", "1e400s"] {
            assert!(duration(written).is_err(), "{written}");
        }
    }

    #[test]
    fn labels_leave_what_others_own() {
        for good in ["route", "_x", "Team2"] {
            assert_eq!(label(good), Ok(()), "{good}");
        }
        for bad in ["", "2x", "a-b", "__meta", "job", "instance", "target", "location", "ö"] {
            assert!(label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_that_of_another_computer() {
        for good in ["10.1.0.8", "FD00::8", "fe80::1%4"] {
            assert!(ip_address(good).is_ok(), "{good}");
        }
        for bad in ["", "SQL03", "10.1.0.8:1433", "0.0.0.0", "::", "::ffff:0.0.0.0", "127.0.0.5", "::1"] {
            assert!(ip_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_by_both_names() {
        for good in ["Europe/Berlin", "W. Europe Standard Time", "UTC"] {
            assert_eq!(zone(good).unwrap(), good);
        }
        assert!(zone("Middle/Earth").is_err());
    }

    #[test]
    fn complete_names_are_matched_whatever_stands_in_the_pattern() {
        let either = pattern("a|b").unwrap();
        for (written, name, fits) in [
            ("überwachung.*", "ÜBERWACHUNG nachts", true),
            ("ÜBERWACHUNG", "Überwachung  ", true),
            (r"\d+[а-я]\w?", "12Жa", true),
            ("[^ü]", "Ü", false),
            ("[ß-ü]", "ü", true),
            ("straße", "STRASSE", false),
            (r"\u{fc}", "ü", true),
            ("sql.*", "SQLÜ", true),
        ] {
            assert_eq!(pattern(written).unwrap().matches(name), fits, "{written} {name}");
        }
        assert!(either.matches("B") && !either.matches("ab"));
        assert!(pattern("a)|(b").is_err());
        assert!(pattern("(").is_err());
    }
}
