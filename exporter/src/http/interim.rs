//! Finds out whether a client that has closed its sending side still waits for its response. TCP shows that only when
//! something is written, so an interim response without meaning is written.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until};

/// The interim response. A waiting client discards it (RFC 9110, section 15.2.1: a client may get it unasked), a client
/// that has gone resets the connection.
pub(super) const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// The pause before the second write, which meets the reset caused by the first; each later pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Probes whether the client still accepts data.
#[derive(Debug)]
pub(super) struct Interim {
    /// The bytes of the interim response that are not yet written.
    left: &'static [u8],
    next: Pin<Box<Sleep>>,
    pause: Duration,
}

impl Interim {
    /// The first probe is due at once.
    pub(super) fn new() -> Interim {
        Interim { left: INTERIM, next: Box::pin(sleep_until(Instant::now() + FIRST_PAUSE)), pause: FIRST_PAUSE }
    }

    /// Writes an interim response whenever one is due. Ends only with the error that shows that the client has gone.
    pub(super) fn poll<T: AsyncWrite>(
        &mut self,
        mut stream: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Infallible>> {
        loop {
            ready!(self.finish(stream.as_mut(), cx))?;
            ready!(stream.as_mut().poll_flush(cx))?;
            ready!(self.next.as_mut().poll(cx));
            self.pause *= 2;
            self.next.as_mut().reset(Instant::now() + self.pause);
            self.left = INTERIM;
        }
    }

    /// Writes the rest of a partly written interim response, which nothing may interrupt.
    pub(super) fn finish<T: AsyncWrite>(
        &mut self,
        mut stream: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.left.is_empty() {
            match ready!(stream.as_mut().poll_write(cx, self.left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.left = self.left.get(written..).unwrap_or_default(),
            }
        }
        Poll::Ready(Ok(()))
    }
}
