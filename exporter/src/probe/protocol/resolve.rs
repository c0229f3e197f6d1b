//! Resolves host names to addresses.

use super::attempt::ProbeError;
use crate::model::PortState;
use crate::model::duration::span;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Concurrent calls of the system's resolver. Each holds a thread for as long as the resolver takes, which an
/// unresponsive name server makes long and which cannot be cancelled.
const AT_ONCE: usize = 32;
/// The addresses of one name that are tried.
const ADDRESSES: usize = 64;

/// Asks the system's resolver, within a limit on the threads that wait for it. Clones share the limit.
#[derive(Debug, Clone)]
pub(crate) struct Resolver(Arc<Semaphore>);

impl Resolver {
    pub(crate) fn new() -> Resolver {
        Resolver(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// All addresses of a host, in the system's order of preference.
    ///
    /// # Errors
    /// [`PortState::Unresolved`] where the name has no address or the resolver did not answer in time; the evidence
    /// says which.
    pub(crate) async fn resolve(&self, host: &str, patience: Duration) -> Result<Vec<IpAddr>, ProbeError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let unresolved = |why: &str| ProbeError::new(PortState::Unresolved, format!("{host:?}: {why}"));
        let question = async {
            let permit = Arc::clone(&self.0).acquire_owned().await;
            let name = host.to_owned();
            spawn_blocking(move || {
                // Released when the resolver ends, not when the caller stops waiting for it.
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect::<Vec<_>>())
            })
            .await
        };
        let found = match timeout(patience, question).await {
            Ok(Ok(Ok(found))) => found,
            Ok(Ok(Err(error))) => return Err(unresolved(&error.to_string())),
            Ok(Err(_)) => return Err(unresolved("the resolver was stopped")),
            Err(_) => return Err(unresolved(&format!("the name service did not answer in {}", span(patience)))),
        };
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in found {
            if addresses.len() < ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() { Err(unresolved("the name has no address")) } else { Ok(addresses) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    async fn resolve(host: &str) -> Result<Vec<IpAddr>, ProbeError> {
        Resolver::new().resolve(host, Duration::from_secs(3)).await
    }

    #[tokio::test]
    async fn addresses_and_names_are_resolved() {
        assert_eq!(resolve("127.0.0.9").await.unwrap(), ["127.0.0.9".parse::<IpAddr>().unwrap()]);
        assert_eq!(resolve("::1").await.unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
        assert!(resolve("localhost").await.unwrap().iter().all(IpAddr::is_loopback));
    }

    #[tokio::test]
    async fn what_has_no_address_is_unresolved() {
        for name in ["no-such-host.invalid", "", "with space", &"x".repeat(300)] {
            assert_eq!(resolve(name).await.unwrap_err().state, PortState::Unresolved, "{name:?}");
        }
    }
}
