//! Where an instance of SQL Server is, and on which port it is asked.

use super::ServerName;
use std::fmt;
use std::net::IpAddr;

/// The TCP port of a default instance that is not configured otherwise.
pub const DEFAULT_PORT: u16 = 1433;
/// The UDP port of SQL Browser.
pub const BROWSER_PORT: u16 = 1434;

/// Where an instance is. It has a port or an instance name or neither, never both: a port already names one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address.
    pub host: String,
    /// The TCP port, where it is fixed.
    pub port: Option<u16>,
    /// The instance, whose port SQL Browser knows; `None` for the default instance.
    pub instance: Option<String>,
}

impl Address {
    /// The name without a port, as SQL Server writes it: `HOST` or `HOST\INSTANCE`.
    pub fn server_name(&self) -> ServerName<'_> {
        ServerName::new(&self.host, self.instance.as_deref())
    }

    /// Whether a name means this instance, as far as names can show. `computer` is what `.`, `(local)` and `localhost`
    /// mean.
    pub(crate) fn is_called(&self, name: &str, computer: &str) -> bool {
        let (own, name) = (self.server_name(), ServerName::of(name));
        let same_port = |port| port == self.port.unwrap_or(DEFAULT_PORT);
        let same_instance = match (own.instance, name.instance) {
            // A port stands for an instance.
            (None, Some(_)) => self.port.is_some(),
            (Some(_), None) => name.port.is_some(),
            (None, None) => name.port.is_none_or(same_port),
            (Some(_), Some(_)) => own.same_instance(name),
        };
        own.same_host(name, computer) && same_instance
    }

    /// What decides on its port.
    pub fn engine_port(&self) -> EnginePort<'_> {
        EnginePort::of(self.port, self.instance.as_deref())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.server_name().fmt(f),
        }
    }
}

/// What decides on which TCP port an instance is asked. A named instance without a configured port has no default: 1433
/// would belong to another instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnginePort<'a> {
    /// The configuration.
    Configured(u16),
    /// It is a default instance: [`DEFAULT_PORT`].
    Default,
    /// What SQL Browser says of this instance.
    Announced(&'a str),
}

impl<'a> EnginePort<'a> {
    /// A configured port comes before everything else.
    pub fn of(configured: Option<u16>, instance: Option<&'a str>) -> EnginePort<'a> {
        match (configured, instance) {
            (Some(port), _) => EnginePort::Configured(port),
            (None, None) => EnginePort::Default,
            (None, Some(instance)) => EnginePort::Announced(instance),
        }
    }
}

/// The address in a text as SQL Server and resolvers write it, in one form: an IPv4 address that is mapped into IPv6 is
/// IPv4, and the zone of a link-local address is left out. `None` for a word such as `<local machine>`.
pub(crate) fn canonical(text: &str) -> Option<IpAddr> {
    let bare = text.trim().split('%').next().unwrap_or_default();
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_form() {
        let four: IpAddr = std::net::Ipv4Addr::new(10, 1, 0, 8).into();
        for text in ["10.1.0.8", " 10.1.0.8 ", "::ffff:10.1.0.8", "::FFFF:0A01:0008"] {
            assert_eq!(canonical(text), Some(four), "{text}");
        }
        assert_eq!(canonical("FE80::1%12"), canonical("fe80:0:0:0:0:0:0:1"));
        assert!(canonical("fe80::1%12").is_some());
        for text in ["", "<local machine>", "<named pipe>", "10.1.0", "10.1.0.8:1433", "SQL03"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn a_named_instance_has_no_default_port() {
        for (port, instance, decides, shown) in [
            (None, None, EnginePort::Default, "sql01"),
            (Some(14330), None, EnginePort::Configured(14330), "sql01:14330"),
            (None, Some("HR"), EnginePort::Announced("HR"), r"sql01\HR"),
            (Some(14330), Some("HR"), EnginePort::Configured(14330), "sql01:14330"),
        ] {
            let address = Address { host: "sql01".to_owned(), port, instance: instance.map(str::to_owned) };
            assert_eq!((address.engine_port(), address.to_string().as_str()), (decides, shown));
        }
    }
}
