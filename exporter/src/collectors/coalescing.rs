//! Where scrapes ask for a reading. One task owns the reader and its connection; who asks waits on a deadline of its
//! own and may leave. A reading ends early only when no request waits for it any more.

use super::assemble;
use super::reader::Reader;
use super::reader_stats::ReaderStats;
use super::reading::Reading;
use super::target_detail::TargetDetail;
use crate::config::Config;
use crate::model::Stage;
use crate::model::duration::span;
use crate::sqlserver::{Progress, ReadError};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::error;

/// A request joins a reading that began less than this long ago.
const JOIN: Duration = Duration::from_secs(1);
/// A caller whose own time is up sooner than this learns nothing of the master.
const HASTY: Duration = Duration::from_secs(1);
/// Requests that wait for the task to look; more wait in the channel's own queue.
const QUEUE: usize = 64;

type Waiter = oneshot::Sender<Arc<Reading>>;

/// What is asked about one target, for its page.
#[derive(Debug)]
struct Question {
    server_id: i32,
    answer: oneshot::Sender<Result<Arc<TargetDetail>, ReadError>>,
}

/// Asks the master. Clones share one connection; it closes when the last one is dropped.
#[derive(Debug, Clone)]
pub struct ReaderHandle {
    requests: mpsc::Sender<Waiter>,
    questions: mpsc::Sender<Question>,
    config: Arc<Config>,
    progress: Progress,
    look_requested: Arc<AtomicBool>,
}

impl ReaderHandle {
    /// Starts the task that owns the connection. Nothing is opened before the first reading is asked for.
    pub fn start(config: Arc<Config>, reader_stats: Arc<ReaderStats>) -> ReaderHandle {
        let (requests, inbox) = mpsc::channel(QUEUE);
        let (questions, asked) = mpsc::channel(QUEUE);
        let progress = Progress::default();
        let look_requested = Arc::<AtomicBool>::default();
        let reader = Reader::new(config.clone(), reader_stats, progress.clone(), look_requested.clone());
        tokio::spawn(serve(reader, inbox, asked, config.clone()));
        ReaderHandle { requests, questions, config, progress, look_requested }
    }

    /// The next reading looks at who arrives, sooner than it would by itself.
    pub fn request_look(&self) {
        self.look_requested.store(true, Ordering::Relaxed);
    }

    /// What only the page of one target shows, within `wait`. A reading that is asked for meanwhile goes first.
    ///
    /// # Errors
    /// Why nothing was read.
    pub async fn target_detail(&self, server_id: i32, wait: Duration) -> Result<Arc<TargetDetail>, ReadError> {
        let (sender, answer) = oneshot::channel();
        let asked = async {
            self.questions.send(Question { server_id, answer: sender }).await.ok()?;
            answer.await.ok()
        };
        let gone_first = || ReadError::new(Stage::Query, "a reading of the master went first");
        match timeout(wait, asked).await {
            Ok(answer) => answer.ok_or_else(gone_first)?,
            Err(_) => Err(ReadError::timed_out(Stage::Query, "asking about one target", wait)),
        }
    }

    /// A reading that began less than a second ago, or a new one. Always answers within `wait`: what could not be read
    /// says why.
    pub async fn read(&self, wait: Duration) -> Arc<Reading> {
        let began = Timestamp::now();
        let (waiter, answer) = oneshot::channel();
        let asked = async {
            self.requests.send(waiter).await.ok()?;
            answer.await.ok()
        };
        let fault = match timeout(wait, asked).await {
            Ok(Some(reading)) => return reading,
            Ok(None) => ReadError::new(self.progress.stage(), "the reader is shutting down"),
            Err(_) if wait < HASTY => {
                let fault = ReadError {
                    timeout: true,
                    ..ReadError::new(self.progress.stage(), format!("the caller waited for {} alone", span(wait)))
                };
                let failure = assemble::failure(&self.config, began, &fault);
                return Arc::new(Reading { took: wait, given_up: true, ..failure });
            }
            Err(_) => ReadError::timed_out(self.progress.stage(), "waiting for a reading of the master", wait),
        };
        Arc::new(Reading { took: wait, ..assemble::failure(&self.config, began, &fault) })
    }
}

async fn serve(
    mut reader: Reader,
    mut inbox: mpsc::Receiver<Waiter>,
    mut asked: mpsc::Receiver<Question>,
    config: Arc<Config>,
) {
    let mut waiting: Vec<Waiter> = Vec::new();
    let mut last: Option<(Instant, Arc<Reading>)> = None;
    loop {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                waiter = inbox.recv() => match waiter {
                    Some(waiter) => waiting.push(waiter),
                    None => return,
                },
                Some(question) = asked.recv() => {
                    waiting.extend(answer_question(&mut reader, &mut inbox, question).await);
                    continue;
                }
            }
        }
        let fresh = last.as_ref().filter(|(began, _)| began.elapsed() < JOIN);
        if let Some((_, reading)) = fresh {
            for waiter in waiting.drain(..) {
                let _ = waiter.send(reading.clone());
            }
            continue;
        }
        let began = Instant::now();
        let mut later = Vec::new();
        match read_while_wanted(&mut reader, &mut inbox, &mut waiting, &mut later, began).await {
            Finished::Read(reading) => {
                let reading: Arc<Reading> = Arc::from(reading);
                for waiter in waiting.drain(..) {
                    let _ = waiter.send(reading.clone());
                }
                last = Some((began, reading));
            }
            Finished::Unwanted => reader.clean_up().await,
            Finished::Panicked => {
                error!("reading the master panicked; the connection is dropped and the next reading starts afresh");
                reader.hang_up();
                let fault = ReadError::new(Stage::Decode, "an answer of the master broke the reader: please report it");
                let reading = Arc::new(assemble::failure(&config, Timestamp::now(), &fault));
                for waiter in waiting.drain(..) {
                    let _ = waiter.send(reading.clone());
                }
            }
        }
        waiting = later;
    }
}

/// Answers what is asked about one target, unless a request for a reading comes first: that is what comes back.
async fn answer_question(
    reader: &mut Reader,
    inbox: &mut mpsc::Receiver<Waiter>,
    question: Question,
) -> Option<Waiter> {
    let began = Instant::now();
    let mut asking = Box::pin(AssertUnwindSafe(reader.target_detail(question.server_id)).catch_unwind());
    let waiter = tokio::select! {
        biased;
        Some(waiter) = inbox.recv() => waiter,
        answered = &mut asking => {
            drop(asking);
            match answered {
                Ok(answer) => drop(question.answer.send(answer)),
                Err(_) => {
                    error!("reading one target panicked; the connection is dropped");
                    reader.hang_up();
                }
            }
            return None;
        }
    };
    drop(asking);
    reader.interrupt_detail(began.elapsed()).await;
    Some(waiter)
}

enum Finished {
    Read(Box<Reading>),
    /// No one waits any more.
    Unwanted,
    Panicked,
}

async fn read_while_wanted(
    reader: &mut Reader,
    inbox: &mut mpsc::Receiver<Waiter>,
    waiting: &mut Vec<Waiter>,
    later: &mut Vec<Waiter>,
    began: Instant,
) -> Finished {
    // The driver decodes bytes from a network. A panic there ends this reading, not the exporter.
    let mut reading = Box::pin(AssertUnwindSafe(reader.read()).catch_unwind());
    loop {
        tokio::select! {
            biased;
            result = &mut reading => {
                return result.map_or(Finished::Panicked, |reading| Finished::Read(Box::new(reading)));
            }
            Some(waiter) = inbox.recv() => {
                if began.elapsed() < JOIN { waiting.push(waiter) } else { later.push(waiter) }
            }
            () = all_gone(waiting) => return Finished::Unwanted,
        }
    }
}

/// Ends when every waiter has left.
async fn all_gone(waiting: &mut Vec<Waiter>) {
    poll_fn(|cx| {
        waiting.retain_mut(|waiter| waiter.poll_closed(cx).is_pending());
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
