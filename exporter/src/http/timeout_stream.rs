//! Deadlines of a connection, one for each phase, so that a client that stalls or sends too slowly is cut and one that
//! merely waits for its next scrape is not.

use super::interim::Interim;
use super::options::Options;
use super::phase::{Activity, Phase};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A stream with these deadlines.
#[derive(Debug)]
pub(crate) struct TimeoutStream<T> {
    stream: T,
    pace: Arc<Phase>,
    request_timeout: Duration,
    idle_timeout: Duration,
    answer_timeout: Duration,
    /// Complete requests when reading began to wait.
    requests: u64,
    /// Whether the first byte of the next request has arrived.
    begun: bool,
    asked_by: Pin<Box<Sleep>>,
    taken_by: Option<Pin<Box<Sleep>>>,
    /// Whether the client has closed its sending side.
    ended: bool,
    /// Probes whether a client that has closed its sending side still waits.
    interim: Option<Interim>,
}

impl<T> TimeoutStream<T> {
    /// The first request must arrive within the request's time-out.
    pub(crate) fn new(stream: T, pace: Arc<Phase>, options: &Options) -> TimeoutStream<T> {
        TimeoutStream {
            stream,
            pace,
            request_timeout: options.request_timeout,
            idle_timeout: options.idle_timeout,
            answer_timeout: options.answer_timeout,
            requests: 0,
            begun: true,
            asked_by: Box::pin(sleep_until(Instant::now() + options.request_timeout)),
            taken_by: None,
            ended: false,
            interim: None,
        }
    }

    fn ask_within(&mut self, within: Duration) {
        self.asked_by.as_mut().reset(Instant::now() + within);
    }

    /// The client has closed its sending side. The end is passed on at the second poll, so that a request that came
    /// together with it can be answered in between.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Applies the deadline of a response to the result of a write or a flush. The time runs from the first byte of the
    /// response until a flush leaves nothing to send.
    fn judge<R>(&mut self, cx: &mut Context<'_>, flush: bool, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        let more = self.pace.activity() == Activity::Answering;
        if result.is_pending() || more {
            let within = self.answer_timeout;
            let taken_by = self.taken_by.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + within)));
            if taken_by.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(late("the client did not take the answer in time")));
            }
        } else if flush {
            self.taken_by = None;
        }
        result
    }
}

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<T: AsyncWrite + Unpin> TimeoutStream<T> {
    /// Finds out whether a client that has closed its sending side still waits for its response, and ends with an error
    /// where it does not. A client of HTTP/1.0 may not get an interim response; it is waited for until its response is
    /// there.
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The rest of an earlier response goes first, and writing it shows the same.
        if !self.pace.takes_interim() || self.taken_by.is_some() {
            return Poll::Pending;
        }
        let interim = self.interim.get_or_insert_with(Interim::new);
        interim.poll(Pin::new(&mut self.stream), cx).map(|gone| gone.map(|never| match never {}))
    }

    /// Writes after the rest of the last interim response.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let interim = match &mut self.interim {
            Some(interim) => interim.finish(Pin::new(&mut self.stream), cx),
            None => Poll::Ready(Ok(())),
        };
        let result = match interim {
            Poll::Ready(Ok(())) => write(Pin::new(&mut self.stream), cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.judge(cx, false, result)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for TimeoutStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.pace.activity() != Activity::Asking {
            // Reads only to notice that the client hangs up. A client that has closed its sending side looks the same.
            if !this.ended {
                let before = buf.filled().len();
                let result = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
                if result.is_err() || buf.filled().len() > before {
                    return Poll::Ready(result);
                }
                this.ended = true;
            }
            // A response that has begun is finished; writing it meets the reset of a client that has gone.
            return match this.pace.activity() {
                Activity::Working => this.look(cx),
                Activity::Asking | Activity::Answering => Poll::Pending,
            };
        }
        let requests = this.pace.requests();
        if this.requests != requests {
            this.requests = requests;
            this.begun = false;
            this.ask_within(this.idle_timeout);
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buf);
        if !this.begun && buf.filled().len() > before {
            this.begun = true;
            this.ask_within(this.request_timeout);
        }
        if this.asked_by.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(late("the client did not send its request in time")));
        }
        if matches!(result, Poll::Ready(Ok(()))) && buf.filled().len() == before {
            ready!(this.end(cx));
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, true, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, true, result)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::answer::{self, Answer};
    use super::super::interim::INTERIM;
    use super::*;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, StatusCode, Version, body::Incoming};
    use hyper_util::rt::TokioIo;
    use std::convert::Infallible;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// The bytes that a client gets that sends a request and its end together, where the response comes at once or
    /// never. It leaves as soon as anything but a final response has come.
    async fn answered(request: &'static str, at_once: bool) -> String {
        let pace = Arc::new(Phase::default());
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let stream = TimeoutStream::new(server, Arc::clone(&pace), &Options::default());
        let service = service_fn(|request: Request<Incoming>| {
            let pace = Arc::clone(&pace);
            async move {
                pace.asked(request.version() == Version::HTTP_11);
                if !at_once {
                    std::future::pending::<()>().await;
                }
                let mut answer: Answer = answer::text(StatusCode::OK, "healthy");
                answer.body_mut().mark(pace.answering());
                Ok::<_, Infallible>(answer)
            }
        });
        let mut builder = http1::Builder::new();
        let connection = builder.header_read_timeout(None).serve_connection(TokioIo::new(stream), service);
        let read = async move {
            let mut text = String::new();
            if at_once {
                client.read_to_string(&mut text).await.unwrap();
            } else {
                let mut interim = [0; INTERIM.len()];
                client.read_exact(&mut interim).await.unwrap();
                text = String::from_utf8(interim.to_vec()).unwrap();
            }
            text
        };
        // An error shows that the client has gone, which is fine here.
        let (_, text) =
            tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(connection, read) }).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_request_that_comes_with_its_end_is_answered() {
        for version in ["1.0", "1.1"] {
            let request = format!("GET / HTTP/{version}\r\nHost: x\r\n\r\n").leak();
            let text = answered(request, true).await;
            assert!(text.contains(" 200 OK\r\n") && text.ends_with("\r\n\r\nhealthy\n"), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_gone_is_noticed_by_what_it_does_not_take() {
        let text = answered("GET / HTTP/1.1\r\nHost: x\r\n\r\n", false).await;
        assert_eq!(text.as_bytes(), INTERIM);
    }
}
