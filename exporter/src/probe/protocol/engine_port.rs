//! The one function that resolves the TCP port of an instance.

use super::attempt::ProbeError;
use super::browser;
use crate::model::{BROWSER_PORT, DEFAULT_PORT, EnginePort, PortSource};
use std::net::{IpAddr, SocketAddr};
use tokio::time::Instant;

/// The port on these hosts, and the source of its number.
///
/// # Errors
/// Why SQL Browser does not announce the port of a named instance, as in `browser::instance_port`.
pub async fn engine_port(
    hosts: &[IpAddr],
    decided_by: EnginePort<'_>,
    deadline: Instant,
) -> Result<(u16, PortSource), ProbeError> {
    match decided_by {
        EnginePort::Configured(port) => Ok((port, PortSource::Config)),
        EnginePort::Default => Ok((DEFAULT_PORT, PortSource::Default)),
        EnginePort::Announced(instance) => {
            let browsers: Vec<SocketAddr> = hosts.iter().map(|host| SocketAddr::new(*host, BROWSER_PORT)).collect();
            browser::instance_port(&browsers, instance, deadline).await.map(|port| (port, PortSource::Browser))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[tokio::test]
    async fn only_a_named_instance_needs_an_answer() {
        let here = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let now = Instant::now();
        assert_eq!(engine_port(&here, EnginePort::Configured(14330), now).await, Ok((14330, PortSource::Config)));
        assert_eq!(engine_port(&here, EnginePort::Default, now).await, Ok((1433, PortSource::Default)));
        assert!(engine_port(&here, EnginePort::Announced("HR"), now).await.is_err(), "there was no time to ask");
    }
}
