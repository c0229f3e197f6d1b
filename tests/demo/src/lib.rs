//! The command line of `cargo demo`, which two programs read: the one that builds, and the one that it then starts.

use std::net::{SocketAddr, TcpListener};

/// What `cargo demo --help` prints.
pub const USAGE: &str = "\
usage: cargo demo [--listen ADDRESS]

Starts the exporter on a stand-in master with 24 targets in all states, and prints where to look at it. It needs no
SQL Server. It runs until Ctrl-C and then removes all that it wrote, which is one folder below the system's own for
temporary files.

  --listen ADDRESS   where the exporter listens, as IP:PORT [default: 127.0.0.1:9814]
  -h, --help         print this";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Print [`USAGE`].
    Help,
    /// Run, with the exporter at this address.
    Run(SocketAddr),
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// A sentence that names the argument at fault.
pub fn arguments(words: impl IntoIterator<Item = String>) -> Result<Arguments, String> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 9814));
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        match name {
            "-h" | "--help" => return Ok(Arguments::Help),
            "--listen" => {
                let value =
                    value.or_else(|| words.next()).ok_or("--listen needs an address, such as 127.0.0.1:9815")?;
                listen = value.parse().map_err(|_| {
                    format!("--listen {value:?} is not an IP address with a port, such as 127.0.0.1:9815")
                })?;
            }
            _ => return Err(format!("{word:?} is not an argument of cargo demo; cargo demo --help lists them")),
        }
    }
    Ok(Arguments::Run(listen))
}

/// Sees that the exporter will be able to listen.
///
/// # Errors
/// A sentence that says what to do.
pub fn check_free(listen: SocketAddr) -> Result<(), String> {
    let Err(error) = TcpListener::bind(listen) else { return Ok(()) };
    let next = SocketAddr::new(listen.ip(), listen.port().checked_add(1).unwrap_or(9814));
    Err(match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{listen} is in use, perhaps by another demo: end that program, or take another port with \
             cargo demo --listen {next}"
        ),
        _ => format!("the exporter cannot listen on {listen}: {error}; name another address with --listen"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(words: &[&str]) -> Result<Arguments, String> {
        arguments(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn arguments_are_read_or_refused() {
        let run = |address: &str| Ok(Arguments::Run(address.parse().unwrap()));
        assert_eq!(read(&[]), run("127.0.0.1:9814"));
        assert_eq!(read(&["--listen", "127.0.0.1:0"]), run("127.0.0.1:0"));
        assert_eq!(read(&["--listen=[::1]:9815"]), run("[::1]:9815"));
        assert_eq!(read(&["--listen=127.0.0.1:1", "-h"]), Ok(Arguments::Help));
        for wrong in [&["--lisen=127.0.0.1:1"][..], &["now"], &["--listen"], &["--listen", "9815"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_port_in_use_is_said_with_the_way_out() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let said = check_free(address).unwrap_err();
        assert!(said.starts_with(&format!("{address} is in use")) && said.contains("--listen 127.0.0.1:"), "{said}");
        drop(held);
        assert_eq!(check_free("127.0.0.1:0".parse().unwrap()), Ok(()));
    }
}
