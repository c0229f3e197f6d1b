//! The stream below the packets: bare, inside TLS, or back to bare after an encrypted login.

use super::tls::Wrapped;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A connection's stream.
#[derive(Debug)]
pub(crate) enum Link {
    /// Clear text.
    Plain(TcpStream),
    /// TLS, whether it was shaken inside packets or before them.
    Tls(Box<TlsStream<Wrapped>>),
}

impl Link {
    /// Whether what is sent now is encrypted.
    pub(crate) fn encrypted(&self) -> bool {
        matches!(self, Link::Tls(_))
    }

    /// Leaves TLS without a word, as both sides do after a login-only encryption.
    pub(crate) fn into_tcp(self) -> TcpStream {
        match self {
            Link::Plain(tcp) => tcp,
            Link::Tls(tls) => tls.into_inner().0.into_tcp(),
        }
    }

    /// Ends with a FIN. Inside TLS there is no farewell either: a server that dies says none.
    pub(crate) async fn close(self) {
        // The client may be gone already, which is what was wanted.
        let _ = self.into_tcp().shutdown().await;
    }

    /// Ends with a RST.
    pub(crate) fn reset(self) {
        // Without the option the end is a FIN, which a test that wants a RST will notice.
        let _ = self.into_tcp().set_zero_linger();
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Link::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Link::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Link::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Link::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Link::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Link::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Link::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Link::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
