//! Watches the bytes that a connection sends, so that a failure can name its stage.
//!
//! The driver runs PRELOGIN, TLS and login as one future, and its errors do not say how far it came. The first byte of
//! each write does: a TDS packet type ([MS-TDS] 2.2.3.1.1) or a TLS record type (RFC 8446 5.1).

use crate::model::Stage;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const TDS_SQL_BATCH: u8 = 0x01;
const TDS_LOGIN7: u8 = 0x10;
const TLS_APPLICATION_DATA: u8 = 0x17;

/// How far an attempt has come. Shared between the attempt and its waiters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    stage: AtomicU8,
    encrypted: AtomicBool,
}

impl Progress {
    pub(crate) fn enter(&self, stage: Stage) {
        self.0.stage.store(stage as u8, Ordering::Relaxed);
    }

    pub(crate) fn stage(&self) -> Stage {
        let at = usize::from(self.0.stage.load(Ordering::Relaxed));
        Stage::ALL.get(at).copied().unwrap_or(Stage::Query)
    }

    /// Whether the last batch went out inside TLS.
    pub(crate) fn encrypted(&self) -> bool {
        self.0.encrypted.load(Ordering::Relaxed)
    }

    fn saw(&self, first: u8) {
        match (self.stage(), first) {
            (Stage::Tls, TDS_LOGIN7 | TLS_APPLICATION_DATA) => self.enter(Stage::Login),
            (_, TDS_SQL_BATCH) => self.0.encrypted.store(false, Ordering::Relaxed),
            (_, TLS_APPLICATION_DATA) => self.0.encrypted.store(true, Ordering::Relaxed),
            _ => {}
        }
    }
}

/// A stream that records in a [`Progress`] which kind of bytes is sent.
#[derive(Debug)]
pub(crate) struct StageTracker<S> {
    inner: S,
    progress: Progress,
}

impl<S> StageTracker<S> {
    pub(crate) fn new(inner: S, progress: Progress) -> StageTracker<S> {
        StageTracker { inner, progress }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StageTracker<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StageTracker<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(first) = bytes.first() {
            self.progress.saw(*first);
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(writes: &[u8]) -> Progress {
        let progress = Progress::default();
        progress.enter(Stage::Tls);
        for first in writes {
            progress.saw(*first);
        }
        progress
    }

    #[test]
    fn prelogin_and_handshake_are_the_tls_stage() {
        assert_eq!(after(&[0x12, 0x12, 0x16]).stage(), Stage::Tls);
    }

    #[test]
    fn a_login_in_the_clear_or_inside_tls_is_the_login_stage() {
        assert_eq!(after(&[0x12, TDS_LOGIN7]).stage(), Stage::Login);
        assert_eq!(after(&[0x16, TLS_APPLICATION_DATA]).stage(), Stage::Login);
    }

    #[test]
    fn encryption_is_that_of_the_batches_not_of_the_login() {
        assert!(!after(&[0x12, TLS_APPLICATION_DATA, TDS_SQL_BATCH]).encrypted());
        assert!(after(&[0x12, TLS_APPLICATION_DATA, TLS_APPLICATION_DATA]).encrypted());
    }
}
