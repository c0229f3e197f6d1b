//! What a connection is at, shared by its stream, its requests and its answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Waiting for a request or reading one, the handshake before the first included.
    Asking,
    /// The request is whole, the answer is not there yet. The exporter's own deadlines hold.
    Working,
    /// The answer is being sent.
    Answering,
}

/// What a connection is at, since when, and whether it is to end.
#[derive(Debug)]
pub(crate) struct Phase {
    state: Mutex<State>,
    ended: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
struct State {
    activity: Activity,
    since: Instant,
    /// Requests that were whole. An answer can be over before the stream is read again, so the activity alone does not
    /// show the stream that it waits for another request.
    requests: u64,
    /// Whether the client understands answers before the final one.
    interim: bool,
}

impl Default for Phase {
    fn default() -> Phase {
        let state = State { activity: Activity::Asking, since: Instant::now(), requests: 0, interim: false };
        Phase { state: Mutex::new(state), ended: CancellationToken::new() }
    }
}

impl Phase {
    /// The request is whole. `interim` says whether its client understands answers before the final one, as every client
    /// of HTTP/1.1 has to (RFC 9110, section 15.2).
    pub(crate) fn asked(&self, interim: bool) {
        let mut state = self.lock();
        *state = State { activity: Activity::Working, since: Instant::now(), requests: state.requests + 1, interim };
    }

    /// The answer begins; it ends when the returned mark is dropped with its last byte.
    pub(crate) fn answering(self: &Arc<Phase>) -> Answering {
        self.enter(Activity::Answering);
        Answering(Arc::clone(self))
    }

    /// What the connection is at.
    pub(crate) fn activity(&self) -> Activity {
        self.lock().activity
    }

    /// What the connection is at, and since when.
    pub(crate) fn since(&self) -> (Activity, Instant) {
        let state = self.lock();
        (state.activity, state.since)
    }

    /// How many requests were whole so far.
    pub(crate) fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Whether the client of the last request understands answers before the final one.
    pub(crate) fn takes_interim(&self) -> bool {
        self.lock().interim
    }

    /// Ends the connection: another one needs its place.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    /// Waits until the connection is to end.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    fn enter(&self, activity: Activity) {
        let mut state = self.lock();
        *state = State { activity, since: Instant::now(), ..*state };
    }

    // The state is complete after every statement, so a poisoned lock hides nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lives as long as there is more of an answer to come.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Phase>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.enter(Activity::Asking);
    }
}
