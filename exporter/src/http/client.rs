//! The client that a limit counts for, and the clients that have places of their own.

use super::phase::Phase;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The prefix length of an IPv6 network: who has one address of it has all of them (RFC 4291, section 2.5.4).
const NETWORK_BITS: u32 = 64;

/// The unit of every limit: an IPv4 address, or all addresses of an IPv6 network of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// The client at an address. An IPv4 address that a dual-stack socket shows as `::ffff:a.b.c.d` is the same client
    /// as that address.
    pub(crate) fn at(address: IpAddr) -> Client {
        Client(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        })
    }
}

/// Networks whose clients have places of their own, next to programs of this machine. Follows `--web.trusted-clients`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedClients(Vec<IpNet>);

impl Default for TrustedClients {
    /// The addresses from which a program of this machine connects unless it binds another one.
    fn default() -> TrustedClients {
        TrustedClients(vec![IpAddr::V4(Ipv4Addr::LOCALHOST).into(), IpAddr::V6(Ipv6Addr::LOCALHOST).into()])
    }
}

impl TrustedClients {
    /// Programs of this machine, and networks in CIDR form (RFC 4632); an address alone is a network of one.
    ///
    /// # Errors
    /// Which text is no network, and what one looks like.
    pub fn with<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<TrustedClients, String> {
        let mut trusted = TrustedClients::default();
        for text in networks {
            let network = text.parse::<IpNet>().ok().or_else(|| Some(text.parse::<IpAddr>().ok()?.into()));
            // No client appears under an IPv4-mapped address, so such a network would match nothing.
            let mapped = |network: &IpNet| matches!(network.network(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
            trusted.0.push(network.filter(|network| !mapped(network)).ok_or_else(|| {
                format!(
                    "--web.trusted-clients {text:?}: it is not a network; hint: write it as 192.0.2.0/24, 192.0.2.7 or \
                     2001:db8::/64"
                )
            })?);
        }
        Ok(trusted)
    }

    fn have(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The peer of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// Its address.
    pub(crate) address: IpAddr,
    /// The client that its places are counted for.
    pub(crate) client: Client,
    /// Whether it has places of its own.
    pub(crate) trusted: bool,
    /// The state of its connection.
    pub(crate) phase: Arc<Phase>,
}

impl Visitor {
    /// The peer of a connection that has just been accepted.
    pub(crate) fn new(address: IpAddr, trusted: &TrustedClients) -> Visitor {
        let address = address.to_canonical();
        let client = Client::at(address);
        Visitor { address, client, trusted: trusted.have(address), phase: Arc::default() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(text: &str) -> Client {
        Client::at(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_64_bits_is_one_client_and_so_is_an_ipv4_address() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("192.0.2.1"), client("::ffff:192.0.2.1"));
        assert_ne!(client("::ffff:192.0.2.1"), client("::ffff:192.0.2.2"));
    }

    #[test]
    fn programs_of_this_machine_are_trusted_and_whom_the_flag_names() {
        let trusted = TrustedClients::with(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]).unwrap();
        let is = |text: &str| Visitor::new(text.parse().unwrap(), &trusted).trusted;
        for yes in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.255", "198.51.100.7", "2001:db8:1::1"] {
            assert!(is(yes), "{yes}");
        }
        for no in ["127.0.0.2", "192.0.3.0", "198.51.100.8", "2001:db9::1"] {
            assert!(!is(no), "{no}");
        }
        assert!(!Visitor::new("192.0.2.1".parse().unwrap(), &TrustedClients::default()).trusted);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "192.0.2.0/33", "192.0.2", "a.example", "2001:db8::/129", "::ffff:192.0.2.0/120", "10.0.0.1/"]
        {
            let error = TrustedClients::with([text]).unwrap_err();
            assert!(error.contains("--web.trusted-clients") && error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
