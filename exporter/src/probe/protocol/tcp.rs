//! TCP connections that are counted, timed and closed in order.

use super::attempt::{ProbeError, Sockets, race};
use crate::model::PortState;
use crate::model::duration::span;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

/// How long the peer is given to answer a FIN.
const FAREWELL: Duration = Duration::from_millis(300);
/// Bytes that are read and discarded after a FIN. A peer that sends more is cut off.
const FAREWELL_BYTES: usize = 64 * 1024;

/// What a conversation needs of a connection; kept minimal, so that a peer in memory provides it too.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// An open connection with the permit for its socket.
#[derive(Debug)]
pub(crate) struct Line<S = TcpStream> {
    /// The address that answered.
    pub(crate) address: SocketAddr,
    /// How long the connect took.
    pub(crate) took: Duration,
    stream: S,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Line {
    /// Connects to the first of these addresses that answers.
    ///
    /// # Errors
    /// [`PortState::Refused`], [`PortState::Filtered`] and so on, with the address to show.
    pub(crate) async fn open(
        addresses: &[SocketAddr],
        patience: Duration,
        sockets: &Sockets,
    ) -> Result<Line, (Option<SocketAddr>, ProbeError)> {
        race(addresses, patience, |address| Line::open_one(address, patience, sockets)).await
    }

    async fn open_one(address: SocketAddr, patience: Duration, sockets: &Sockets) -> Result<Line, ProbeError> {
        // The time starts once the socket may be opened: waiting for the permit is not the peer's delay.
        let permit = sockets.open().await;
        let started = Instant::now();
        match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => Ok(Line { address, took: started.elapsed(), stream, _permit: permit }),
            Ok(Err(error)) => Err(ProbeError::from_io(&error)),
            Err(_) => {
                Err(ProbeError::new(PortState::Filtered, format!("no answer to the connect in {}", span(patience))))
            }
        }
    }
}

impl<S: Stream> Line<S> {
    /// A stream that was opened elsewhere, or a peer in memory.
    pub(crate) fn over(stream: S) -> Line<S> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Line { address, took: Duration::ZERO, stream, _permit: None }
    }

    /// Sends all bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends what was held back.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await
    }

    /// Reads what is available, up to the length of `buffer`; 0 at the end of the stream.
    pub(crate) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer).await
    }

    /// Reads until `buffer` is full.
    pub(crate) async fn receive_all(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(buffer).await.map(|_| ())
    }

    /// Ends the connection with a FIN and discards, within limits, what still comes: closing a socket with unread bytes
    /// sends a RST, and SQL Server logs a connection that is reset before the login as an error of severity 20.
    pub(crate) async fn close(mut self) {
        let farewell = async {
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            let mut left = FAREWELL_BYTES;
            while left > 0 {
                match self.stream.read(&mut rest).await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            io::Result::Ok(())
        };
        // The socket is closed now even if the peer does not answer the FIN.
        let _ = timeout(FAREWELL, farewell).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use tokio::net::TcpListener;

    const PATIENCE: Duration = Duration::from_secs(3);

    async fn open(address: SocketAddr) -> Result<Line, (Option<SocketAddr>, ProbeError)> {
        Line::open(&[address], PATIENCE, &Sockets::new(1)).await
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (address, miss) = open(closed).await.unwrap_err();
        assert_eq!((address, miss.state), (Some(closed), PortState::Refused));
    }

    #[tokio::test]
    async fn a_full_accept_queue_is_filtered() {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        // Connections that fit into the queue succeed; the first one that does not is what the test needs.
        let mut held = Vec::new();
        let miss = loop {
            match Line::open(&[address], Duration::from_millis(300), &Sockets::new(100)).await {
                Ok(line) => held.push(line),
                Err((_, miss)) => break miss,
            }
            assert!(held.len() < 20, "the queue never fills");
        };
        assert_eq!(miss.state, PortState::Filtered);
    }

    #[tokio::test]
    async fn unread_bytes_do_not_turn_the_close_into_a_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = open(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(&[7; 5000]).await.unwrap();
        let closing = tokio::spawn(line.close());
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.unwrap();
        drop(peer);
        closing.await.unwrap();
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn an_endless_stream_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = open(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let flood = tokio::spawn(async move {
            let mut sent = 0_usize;
            while peer.write_all(&[7; 4096]).await.is_ok() {
                sent += 4096;
            }
            sent
        });
        timeout(PATIENCE, line.close()).await.unwrap();
        // The kernel's buffers have no limit here; a gigabyte would show a missing one.
        assert!(timeout(PATIENCE, flood).await.unwrap().unwrap() < 64 << 20);
    }
}
