//! One connection from its first byte to its last.

use super::answer::{self, Answer};
use super::auth::{self, Verdict};
use super::client::Visitor;
use super::options::Options;
use super::phase::Phase;
use super::places::Places;
use super::refusals::Refusals;
use super::router::{Caller, Router};
use super::site::Site;
use super::timeout_stream::TimeoutStream;
use super::turns::Turns;
use super::web::{Loaded, Web};
use crate::model::{ProbeFailure, Refusal};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// The content type of a TLS handshake record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// State that all connections share.
pub(crate) struct Shared<S> {
    pub(crate) options: Arc<Options>,
    pub(crate) web: Arc<Web>,
    pub(crate) router: Router<S>,
    /// Limits the open connections.
    pub(crate) connections: Places,
    /// Orders the verification of passwords.
    pub(crate) turns: Arc<Turns>,
    /// Counts what was refused.
    pub(crate) refusals: Arc<Refusals>,
}

/// Serves a client until it leaves, stalls, or `stop` is cancelled and its request in flight is answered.
pub(crate) async fn serve<S: Site>(
    stream: TcpStream,
    visitor: Visitor,
    shared: Arc<Shared<S>>,
    stop: CancellationToken,
) {
    let address = visitor.address;
    // Responses are written at once; waiting for more data would only add latency.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(client = %address, %error, "cannot switch delays off");
    }
    // Behind a dual-stack socket 127.0.0.1 is ::ffff:127.0.0.1.
    let loopback = stream.local_addr().is_ok_and(|own| own.ip().to_canonical().is_loopback());
    let caller = Caller { visitor, loopback, proved: false };
    let (tls, verifies) = {
        let web = shared.web.current();
        (web.tls.clone(), web.verifies_clients)
    };
    let served = match tls {
        None => exchange(stream, caller, &shared, stop).await,
        Some(config) => {
            let within = shared.options.request_timeout;
            let handshake = timeout(within, shake_hands(stream, TlsAcceptor::from(config)));
            let shaken = tokio::select! {
                shaken = handshake => shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
                () = stop.cancelled() => return,
            };
            match shaken {
                Ok(Some(stream)) => {
                    let proved =
                        verifies && stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
                    exchange(stream, Caller { proved, ..caller }, &shared, stop).await
                }
                Ok(None) => Ok(()),
                Err(error) => {
                    debug!(client = %address, %error, "TLS handshake failed");
                    Ok(())
                }
            }
        }
    };
    if let Err(error) = served {
        debug!(client = %address, error = %chain(&error), "connection ended");
    }
}

/// Accepts TLS. `None` where the client spoke plain HTTP and got a response that says so.
async fn shake_hands(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
) -> io::Result<Option<tokio_rustls::server::TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && !first.contains(&HANDSHAKE) {
        let text = "Client sent an HTTP request to an HTTPS server.\n";
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing with unread bytes would reset the connection and lose the response. The deadline of the handshake
        // bounds this.
        let mut sink = [0; 1024];
        while stream.read(&mut sink).await? > 0 {}
        return Ok(None);
    }
    acceptor.accept(stream).await.map(Some)
}

async fn exchange<S: Site, T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    caller: Caller,
    shared: &Shared<S>,
    stop: CancellationToken,
) -> hyper::Result<()> {
    let pace = Arc::clone(&caller.visitor.phase);
    let stream = TokioIo::new(TimeoutStream::new(stream, Arc::clone(&pace), &shared.options));
    let service = service_fn(|request: Request<Incoming>| {
        let (pace, caller) = (Arc::clone(&pace), caller.clone());
        async move {
            let mut answer = respond(request, caller, shared, &pace).await;
            answer.body_mut().mark(pace.answering());
            Ok::<_, Infallible>(answer)
        }
    });
    let mut builder = http1::Builder::new();
    // The stream has the deadlines: hyper's own cannot tell an idle connection from a slow request.
    builder.header_read_timeout(None).max_buf_size(shared.options.head_bytes).max_headers(shared.options.headers);
    let mut connection = pin!(builder.serve_connection(stream, service));
    tokio::select! {
        done = connection.as_mut() => return done,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn respond<S: Site>(request: Request<Incoming>, caller: Caller, shared: &Shared<S>, pace: &Phase) -> Answer {
    let web = shared.web.current();
    let (head, body) = request.into_parts();
    let mut answer = if drained(body, shared.options.body_bytes).await {
        pace.asked(head.version >= Version::HTTP_11);
        let_in(&head, caller, &web, shared).await
    } else {
        let mut refusal = answer::text(StatusCode::PAYLOAD_TOO_LARGE, "the request has a body; nothing here takes one");
        refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        refusal
    };
    for (name, value) in &web.headers {
        answer.headers_mut().insert(name, value.clone());
    }
    answer
}

/// Reads and discards a request's body, so that the connection can see the client hang up while it waits. False where
/// the body is larger than the bound or broken.
async fn drained(body: Incoming, bound: usize) -> bool {
    let declared = body.size_hint().lower();
    declared <= bound as u64 && (body.is_end_stream() || Limited::new(body, bound).collect().await.is_ok())
}

/// Whether a request names its host as RFC 9112, section 3.2, demands: once, or not at all before HTTP/1.1. A proxy and
/// this server must never take a request for different hosts.
fn names_its_host(head: &Parts) -> bool {
    match head.headers.get_all(HOST).iter().count() {
        0 => head.version < Version::HTTP_11,
        count => count == 1,
    }
}

async fn let_in<S: Site>(head: &Parts, mut caller: Caller, web: &Loaded, shared: &Shared<S>) -> Answer {
    if !names_its_host(head) {
        return answer::text(StatusCode::BAD_REQUEST, "the request must have one Host header");
    }
    let refused = |why| shared.refusals.note(why, caller.visitor.address);
    let no_probe = |why| shared.router.kept_out(head, why);
    if web.rate.as_ref().is_some_and(|rate| !rate.allow()) {
        refused(Refusal::RateLimit);
        no_probe(ProbeFailure::Busy);
        return answer::text(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests; see rate_limit in the web configuration",
        );
    }
    if let Some(users) = &web.users {
        match auth::check(&head.headers, users, &caller.visitor, &shared.turns).await {
            Verdict::Known => caller.proved = true,
            Verdict::Unknown => {
                no_probe(ProbeFailure::Credentials);
                return answer::unauthorized();
            }
            Verdict::Wrong => {
                refused(Refusal::Password);
                no_probe(ProbeFailure::Credentials);
                return answer::unauthorized();
            }
            Verdict::Busy => {
                refused(Refusal::PasswordQueue);
                no_probe(ProbeFailure::Busy);
                return answer::busy("too many passwords to verify");
            }
        }
    }
    shared.router.answer(head, caller).await
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
