//! Responses and their bodies.

use super::inflater::Inflater;
use super::limiter::Permit;
use super::phase::Answering;
use super::views::Drawn;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A complete response.
pub(crate) type Answer = Response<Page>;

/// Bytes given to the connection at once. Small, so that a page is handed on only as fast as it is read, and its permit
/// is held until then.
const FRAME: usize = 64 * 1024;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
/// Pages take style sheet, script and icon from this server, and nothing inline or from others; never in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// For a file whose address names its contents.
const FOR_EVER: &str = "max-age=31536000, immutable";

/// A body of known length, with everything that must live as long as it is being sent.
#[derive(Debug, Default)]
pub(crate) struct Page {
    rest: Rest,
    /// Whether the task has yielded to the others of its thread since the last piece that was inflated.
    others_served: bool,
    pass: Option<Permit>,
    answering: Option<Answering>,
}

/// The part that is still to be sent.
#[derive(Debug)]
enum Rest {
    AsItIs(Bytes),
    Inflated(Box<Inflater>),
}

impl Default for Rest {
    fn default() -> Rest {
        Rest::AsItIs(Bytes::new())
    }
}

impl Rest {
    fn length(&self) -> u64 {
        match self {
            Rest::AsItIs(bytes) => bytes.len() as u64,
            Rest::Inflated(inflater) => inflater.left(),
        }
    }

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self {
            Rest::AsItIs(bytes) if bytes.is_empty() => None,
            Rest::AsItIs(bytes) => Some(Ok(bytes.split_to(bytes.len().min(FRAME)))),
            Rest::Inflated(inflater) => inflater.next(),
        }
    }
}

impl Page {
    /// Holds a permit of the limiter until the client has taken the page.
    pub(crate) fn hold(&mut self, pass: Permit) {
        self.pass = Some(pass);
    }

    /// Marks the connection as answering for as long as the body lives.
    pub(crate) fn mark(&mut self, answering: Answering) {
        self.answering = Some(answering);
    }
}

impl Body for Page {
    type Data = Bytes;
    /// A body that cannot be sent to its end breaks the connection: a truncated one must not pass for a complete one.
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if matches!(self.rest, Rest::Inflated(_)) {
            self.others_served = !self.others_served;
            if !self.others_served {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(self.rest.next().map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.length())
    }
}

fn build(status: StatusCode, content_type: &'static str, rest: Rest) -> Answer {
    let mut answer = Response::new(Page { rest, ..Page::default() });
    *answer.status_mut() = status;
    let length = answer.body().rest.length();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if content_type.starts_with("text/html") {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    answer
}

/// One line of plain text.
pub(crate) fn text(status: StatusCode, line: impl Into<String>) -> Answer {
    let mut line = line.into();
    line.push('\n');
    build(status, TEXT, Rest::AsItIs(line.into()))
}

/// A rendered page as the client takes it: compressed, or inflated while it is sent.
pub(crate) fn page(drawn: Drawn, gzip: bool) -> Answer {
    let rest = match gzip {
        true => Rest::AsItIs(drawn.body.bytes),
        false => Rest::Inflated(Box::new(Inflater::new(drawn.body))),
    };
    let mut answer = build(drawn.status, drawn.content_type, rest);
    if gzip {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if drawn.status == StatusCode::SERVICE_UNAVAILABLE {
        answer = with(answer, RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let attachment = drawn.attachment.map(|name| HeaderValue::try_from(format!("attachment; filename=\"{name}\"")));
    if let Some(Ok(attachment)) = attachment {
        answer = with(answer, CONTENT_DISPOSITION, attachment);
    }
    if let Some(tag) = drawn.tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        answer = with(answer, ETAG, tag);
    }
    with(answer, VARY, HeaderValue::from_static(drawn.vary))
}

/// 304 for what the client has already; its headers stay (RFC 9110, section 15.4.5).
pub(crate) fn not_modified(drawn: Drawn) -> Answer {
    let mut answer = page(drawn, true);
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING] {
        answer.headers_mut().remove(name);
    }
    headers_alone(answer)
}

/// A file whose address named its contents never has to be asked for again.
pub(crate) fn kept(answer: Answer) -> Answer {
    with(answer, CACHE_CONTROL, HeaderValue::from_static(FOR_EVER))
}

/// A text that is not shared with other clients.
pub(crate) fn plain(text: String, content_type: &'static str, vary: &'static str) -> Answer {
    with(build(StatusCode::OK, content_type, Rest::AsItIs(text.into())), VARY, HeaderValue::from_static(vary))
}

/// 503 with `Retry-After: 1`.
pub(crate) fn busy(why: impl Into<String>) -> Answer {
    with(text(StatusCode::SERVICE_UNAVAILABLE, why), RETRY_AFTER, HeaderValue::from_static("1"))
}

/// 405 with the methods that the path has.
pub(crate) fn wrong_method(allow: &'static str) -> Answer {
    let answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed; hint: use {allow}"));
    with(answer, ALLOW, HeaderValue::from_static(allow))
}

/// 401 for basic authentication (RFC 7617).
pub(crate) fn unauthorized() -> Answer {
    let answer = text(StatusCode::UNAUTHORIZED, "unauthorized");
    with(answer, WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"msx_exporter\", charset=\"UTF-8\""))
}

/// 302 to a path that needs no escaping.
pub(crate) fn moved(path: &str) -> Answer {
    match HeaderValue::from_str(path) {
        Ok(location) => with(text(StatusCode::FOUND, format!("see {path}")), LOCATION, location),
        Err(_) => text(StatusCode::NOT_FOUND, "not found"),
    }
}

/// The response without its body, for `HEAD`; every header stays (RFC 9110, section 9.3.2).
pub(crate) fn headers_alone(mut answer: Answer) -> Answer {
    *answer.body_mut() = Page::default();
    answer
}

fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}
