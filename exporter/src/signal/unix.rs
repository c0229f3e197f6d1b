//! Signals of unix.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The request to end the process: SIGTERM (service managers, containers) or SIGINT (Ctrl-C).
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Listens from now on, so that no signal is lost between the start and [`Stop::requested`]. Needs a runtime.
    ///
    /// # Errors
    /// The system's, when it takes no more handlers.
    pub fn listen() -> io::Result<Stop> {
        Ok(Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for it; answers which signal it was. A second call waits for a second one.
    pub async fn requested(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.terminate.recv() => "SIGTERM",
            Some(()) = self.interrupt.recv() => "SIGINT",
            // Both streams have ended, which tokio never does while the process lives.
            else => std::future::pending().await,
        }
    }
}

/// The request to load the configuration again: SIGHUP.
#[derive(Debug)]
pub struct Reloads(Signal);

impl Reloads {
    /// Listens from now on. Without it SIGHUP ends the process. Needs a runtime.
    ///
    /// # Errors
    /// The system's, when it takes no more handlers.
    pub fn listen() -> io::Result<Reloads> {
        signal(SignalKind::hangup()).map(Reloads)
    }

    /// Waits for the next one. Several that arrive in quick succession count as one.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::process::Command;
    use std::time::Duration;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(20);

    fn send(signal: &str) {
        let status = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", std::process::id())).status();
        assert!(status.unwrap().success());
    }

    #[tokio::test]
    async fn each_signal_is_heard() {
        let mut stop = Stop::listen().unwrap();
        let mut reloads = Reloads::listen().unwrap();
        // Sent before anything waits: none may be lost.
        send("HUP");
        timeout(SOON, reloads.next()).await.unwrap();
        send("HUP");
        timeout(SOON, reloads.next()).await.unwrap();
        send("TERM");
        assert_eq!(timeout(SOON, stop.requested()).await.unwrap(), "SIGTERM");
        send("INT");
        assert_eq!(timeout(SOON, stop.requested()).await.unwrap(), "SIGINT");
    }
}
