//! Tries the addresses of a name, within a limit on open sockets.

use crate::model::PortState;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Why no address gave a useful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeError {
    /// The state to show.
    pub state: PortState,
    /// The action and its result in words.
    pub evidence: String,
}

impl ProbeError {
    pub(crate) fn new(state: PortState, evidence: impl Into<String>) -> ProbeError {
        ProbeError { state, evidence: evidence.into() }
    }

    /// A conversation over an open connection failed.
    pub(crate) fn wrong_protocol(error: &io::Error) -> ProbeError {
        let evidence = match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "it closed the connection instead of an answer".to_owned()
            }
            _ => error.to_string(),
        };
        ProbeError::new(PortState::WrongProtocol, evidence)
    }

    /// The state of a port by an error of the operating system.
    pub(crate) fn from_io(error: &io::Error) -> ProbeError {
        use io::ErrorKind as Kind;
        let state = match error.kind() {
            // Windows reports the ICMP message "port unreachable" to a UDP socket as a reset.
            Kind::ConnectionRefused | Kind::ConnectionReset => PortState::Refused,
            Kind::TimedOut => PortState::Filtered,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => PortState::Unreachable,
            // A local firewall that forbids the packet says EPERM or EACCES.
            Kind::PermissionDenied => PortState::Unreachable,
            // The other errors are about this machine (no more file handles, no such address family) and say nothing
            // about the port.
            _ => PortState::Skipped,
        };
        ProbeError::new(state, error.to_string())
    }
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.evidence)
    }
}

impl std::error::Error for ProbeError {}

/// A limit on the sockets that are open at once. Clones share it.
#[derive(Debug, Clone)]
pub struct Sockets(Arc<Semaphore>);

impl Sockets {
    /// Allows so many sockets, but at least one.
    pub fn new(limit: usize) -> Sockets {
        Sockets(Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Waits for permission to open one socket, which lasts until the permit is dropped.
    pub(crate) async fn open(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so `None` does not occur; it would only mean one socket without a limit.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// The longest delay before the next address is tried while the one before has not answered.
const PAUSE: Duration = Duration::from_millis(250);

/// How many addresses are named in the evidence.
const NAMED: usize = 4;

/// Tries every address, each a moment after the one before or as soon as that one failed, and returns the first that
/// answers. `patience` is the time limit of one attempt; all have begun within half of it.
///
/// # Errors
/// The most significant failure: an address that refused, else one that is silent, else one without a route.
pub(crate) async fn race<T, F>(
    addresses: &[SocketAddr],
    patience: Duration,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, (Option<SocketAddr>, ProbeError)>
where
    F: Future<Output = Result<T, ProbeError>>,
{
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let pause = PAUSE.min(patience / 2 / count);
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    let mut misses = Vec::new();
    let mut start_next = true;
    loop {
        if start_next && let Some(address) = waiting.next() {
            let answer = attempt(address);
            running.push(async move { (address, answer.await) });
        }
        if running.is_empty() {
            return Err(summary(misses));
        }
        let next_start = Instant::now() + pause;
        start_next = tokio::select! {
            ended = running.next() => match ended {
                Some((_, Ok(found))) => return Ok(found),
                Some((address, Err(miss))) => { misses.push((address, miss)); true }
                None => true,
            },
            () = sleep_until(next_start), if waiting.len() > 0 => true,
        };
    }
}

/// The failure that stands for all addresses, and its address.
fn summary(misses: Vec<(SocketAddr, ProbeError)>) -> (Option<SocketAddr>, ProbeError) {
    let weight = |miss: &ProbeError| match miss.state {
        PortState::Unreachable => 1,
        PortState::Skipped => 0,
        PortState::Filtered | PortState::NoAnswer => 2,
        PortState::Refused => 3,
        _ => 4,
    };
    let Some(best) = misses.iter().max_by_key(|(_, miss)| weight(miss)) else {
        return (None, ProbeError::new(PortState::Unresolved, "the name has no address"));
    };
    let mut evidence: Vec<String> =
        misses.iter().take(NAMED).map(|(address, miss)| format!("{address}: {}", miss.evidence)).collect();
    if misses.len() > NAMED {
        evidence.push(format!("and {} more addresses", misses.len() - NAMED));
    }
    (Some(best.0), ProbeError::new(best.1.state, evidence.join("; ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn fifty() -> Vec<SocketAddr> {
        (1..=50).map(|last| SocketAddr::from(([127, 0, 1, last], 9))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_of_fifty_addresses_is_reached_though_the_others_are_silent() {
        let addresses = fifty();
        let last = addresses[49];
        let started = Instant::now();
        let found = race(&addresses, Duration::from_secs(3), |address| async move {
            if address == last {
                return Ok(address);
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            Err(ProbeError::new(PortState::Filtered, "silent"))
        })
        .await;
        assert_eq!(found.unwrap(), last);
        assert!(started.elapsed() <= Duration::from_millis(1600), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_failure_that_says_most_is_shown_and_the_text_stays_short() {
        let addresses = fifty();
        let refusing = addresses[30];
        let (address, miss) = race::<(), _>(&addresses, Duration::from_secs(3), |address| async move {
            Err(if address == refusing {
                ProbeError::new(PortState::Refused, "refused")
            } else {
                ProbeError::new(PortState::Filtered, "silent")
            })
        })
        .await
        .unwrap_err();
        assert_eq!((address, miss.state), (Some(refusing), PortState::Refused));
        assert!(miss.evidence.ends_with("and 46 more addresses"), "{}", miss.evidence);
    }

    #[tokio::test]
    async fn no_address_is_unresolved() {
        let (_, miss) = race::<(), _>(&[], Duration::from_secs(1), |_| async { Ok(()) }).await.unwrap_err();
        assert_eq!(miss.state, PortState::Unresolved);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_sockets_than_allowed() {
        let sockets = Sockets::new(3);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        race::<(), _>(&fifty(), Duration::from_secs(1), |_| async {
            let _permit = sockets.open().await;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Err(ProbeError::new(PortState::Filtered, "silent"))
        })
        .await
        .unwrap_err();
        assert_eq!(most.into_inner(), 3);
    }
}
