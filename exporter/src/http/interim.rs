//! Whether a client that has ended its sending side still waits for its answer. TCP does not show it until something is
//! written, so something is written that means nothing.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until};

/// What is written. One that waits discards it (RFC 9110, section 15.2.1: a client may get it unasked), one that has gone
/// resets the connection.
pub(super) const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// From the first of these to the second, which meets the reset; each pause after that is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Looks whether a client still takes something.
#[derive(Debug)]
pub(super) struct Interim {
    /// What is not yet written.
    left: &'static [u8],
    next: Pin<Box<Sleep>>,
    pause: Duration,
}

impl Interim {
    /// The first look is due at once.
    pub(super) fn new() -> Interim {
        Interim { left: INTERIM, next: Box::pin(sleep_until(Instant::now() + FIRST_PAUSE)), pause: FIRST_PAUSE }
    }

    /// Looks as often as it is due. Ends with an error once the client has gone, and never else.
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

    /// Writes what is left of the last look: nothing may come in between.
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
