//! The values of `--web.listen-address`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `:port`, `host:port`, `a.b.c.d:port` or `[v6]:port`. Port 0 lets the system choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// Every address of this machine, IPv4 and IPv6.
    Any,
    /// One address.
    Ip(IpAddr),
    /// A name, resolved when it is bound.
    Name(String),
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<ListenAddress, String> {
        let fault = |what: &str| {
            format!("listen address {text:?}: {what}; hint: write it as :9814, 127.0.0.1:9814 or [::1]:9814")
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| fault("it has no port"))?;
        let port = port.parse().map_err(|_| fault("its port is not a number from 0 to 65535"))?;
        let host = if host.is_empty() {
            Host::Any
        } else if let Some(inner) = host.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(|| fault("a bracket is missing"))?;
            Host::Ip(IpAddr::V6(inner.parse().map_err(|_| fault("it is not an IPv6 address"))?))
        } else if host.contains(':') {
            return Err(fault("an IPv6 address stands in brackets"));
        } else if let Ok(ip) = host.parse() {
            Host::Ip(ip)
        } else if host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
            Host::Name(host.to_owned())
        } else {
            return Err(fault("it is not a host name"));
        };
        Ok(ListenAddress { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => write!(f, ":{}", self.port),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Host::Ip(ip) => write!(f, "{ip}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        for text in [":9814", "127.0.0.1:0", "[::1]:9814", "[::]:1", "msx01.corp.example:65535"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, what) in [
            ("9814", "no port"),
            ("localhost", "no port"),
            (":65536", "not a number"),
            (":", "not a number"),
            ("::1:9814", "in brackets"),
            ("[::1:9814", "bracket"),
            ("[127.0.0.1]:9814", "not an IPv6"),
            ("http://x:9814", "in brackets"),
            ("a b:9814", "not a host name"),
        ] {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
