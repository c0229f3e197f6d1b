//! The state of a connection, shared by its stream, its requests and its responses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Waiting for a request or reading one; includes the handshake before the first.
    Asking,
    /// The request is complete and its response has not begun. The exporter's own deadlines apply.
    Working,
    /// The response is being sent.
    Answering,
}

/// The activity of a connection, since when, and whether it must end.
#[derive(Debug)]
pub(crate) struct Phase {
    state: Mutex<State>,
    ended: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
struct State {
    activity: Activity,
    since: Instant,
    /// Complete requests so far. A response can be over before the stream is polled again, so the activity alone does
    /// not show the stream that it waits for another request.
    requests: u64,
    /// Whether the client accepts interim responses.
    interim: bool,
}

impl Default for Phase {
    fn default() -> Phase {
        let state = State { activity: Activity::Asking, since: Instant::now(), requests: 0, interim: false };
        Phase { state: Mutex::new(state), ended: CancellationToken::new() }
    }
}

impl Phase {
    /// A complete request has arrived. `interim` says whether its client accepts interim responses, as every client of
    /// HTTP/1.1 must (RFC 9110, section 15.2).
    pub(crate) fn asked(&self, interim: bool) {
        let mut state = self.lock();
        *state = State { activity: Activity::Working, since: Instant::now(), requests: state.requests + 1, interim };
    }

    /// The response begins; it ends when the returned guard is dropped with its last byte.
    pub(crate) fn answering(self: &Arc<Phase>) -> Answering {
        self.enter(Activity::Answering);
        Answering(Arc::clone(self))
    }

    pub(crate) fn activity(&self) -> Activity {
        self.lock().activity
    }

    /// The activity and since when.
    pub(crate) fn since(&self) -> (Activity, Instant) {
        let state = self.lock();
        (state.activity, state.since)
    }

    /// Complete requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Whether the client of the last request accepts interim responses.
    pub(crate) fn takes_interim(&self) -> bool {
        self.lock().interim
    }

    /// Ends the connection, because another client needs its place.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    /// Waits until the connection must end.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    fn enter(&self, activity: Activity) {
        let mut state = self.lock();
        *state = State { activity, since: Instant::now(), ..*state };
    }

    // Each statement leaves the state consistent, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard that lives as long as a response is being sent.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Phase>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.enter(Activity::Asking);
    }
}
