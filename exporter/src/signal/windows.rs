//! Console events of Windows. The service control manager does not send these to a service: its own control handler
//! ends the process then.

use std::io;
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

/// The request to end the process: Ctrl-C, Ctrl-Break, a closed console window or the system's shutdown.
#[derive(Debug)]
pub struct Stop {
    interrupt: CtrlC,
    stop: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Stop {
    /// Listens from now on, so that no event is lost between the start and [`Stop::requested`]. Needs a runtime.
    ///
    /// # Errors
    /// The system's, when it takes no more handlers.
    pub fn listen() -> io::Result<Stop> {
        Ok(Stop { interrupt: ctrl_c()?, stop: ctrl_break()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    /// Waits for it; answers which event it was. A second call waits for a second one.
    pub async fn requested(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.interrupt.recv() => "Ctrl-C",
            Some(()) = self.stop.recv() => "Ctrl-Break",
            Some(()) = self.close.recv() => "console closed",
            Some(()) = self.shutdown.recv() => "system shutdown",
            // All streams have ended, which tokio never does while the process lives.
            else => std::future::pending().await,
        }
    }
}

/// The request to load the configuration again. Windows has no signal for it: `POST /-/reload` and a restart of the
/// service remain.
#[derive(Debug)]
pub struct Reloads(());

impl Reloads {
    /// Nothing to listen for.
    ///
    /// # Errors
    /// None.
    pub fn listen() -> io::Result<Reloads> {
        Ok(Reloads(()))
    }

    /// Never ends.
    pub async fn next(&mut self) {
        std::future::pending().await
    }
}
