//! Where scrapes ask for a reading. One task owns the reader and its connection; who asks waits on a deadline of its
//! own and may leave. A reading ends early only when no request waits for it any more.
//!
//! Behind a reading, once it is answered, the task looks who arrives at the master. A scrape that comes meanwhile ends the
//! look, which is tried again later.

use super::assemble;
use super::reader::Reader;
use super::reader_stats::ReaderStats;
use super::reading::Reading;
use super::target_detail::TargetDetail;
use super::{Interrupt, LOOK_ENDS_WITHIN};
use crate::config::Config;
use crate::model::Stage;
use crate::model::duration::span;
use crate::sqlserver::{Progress, ReadError};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::error;

/// A request joins a reading that began less than this long ago.
const JOIN: Duration = Duration::from_secs(1);
/// A caller whose own time is up sooner than this learns nothing of the master.
const HASTY: Duration = Duration::from_secs(1);
/// The page of a target waits this long for a master that rests.
const SHORT_REST: Duration = Duration::from_secs(2);
/// Requests that wait for the task to look; more wait in the channel's own queue.
const QUEUE: usize = 64;

/// A request for a reading.
#[derive(Debug)]
struct Waiter {
    answer: oneshot::Sender<Arc<Reading>>,
    /// When its caller gives up.
    until: Instant,
    /// Whether it wants what a look finds in the same reading.
    wants_look: bool,
}

impl Waiter {
    /// Whether its caller has so much time left that a look may go first.
    fn has_time(&self) -> bool {
        self.until.saturating_duration_since(Instant::now()) > LOOK_ENDS_WITHIN * 3
    }

    fn waits_for_look(&self) -> bool {
        self.wants_look && self.until.saturating_duration_since(Instant::now()) > LOOK_ENDS_WITHIN
    }

    /// Whether a look has to end for it. One that was ended several times may go on where there is time.
    fn presses(&self, look_insists: bool) -> bool {
        !(self.wants_look || look_insists && self.has_time())
    }
}

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
}

impl ReaderHandle {
    /// Starts the task that owns the connection. Nothing is opened before the first reading is asked for.
    pub fn start(config: Arc<Config>, reader_stats: Arc<ReaderStats>) -> ReaderHandle {
        let (requests, inbox) = mpsc::channel(QUEUE);
        let (questions, asked) = mpsc::channel(QUEUE);
        let progress = Progress::default();
        let reader = Reader::new(config.clone(), reader_stats, progress.clone());
        tokio::spawn(serve(reader, inbox, asked, config.clone()));
        ReaderHandle { requests, questions, config, progress }
    }

    /// A reading as [`ReaderHandle::read`] gives it, after a look at who arrives, which may be sooner than it would be by
    /// itself. Without the look where `wait` leaves no time for it or a scrape comes first.
    pub async fn read_with_look(&self, wait: Duration) -> Arc<Reading> {
        self.ask(wait, true).await
    }

    /// What only the page of one target shows, within `wait`. A reading that is asked for meanwhile goes first. A short rest
    /// of the master is waited for, so that who goes from one target to the next sees both.
    ///
    /// # Errors
    /// Why nothing was read.
    pub async fn target_detail(&self, server_id: i32, wait: Duration) -> Result<Arc<TargetDetail>, ReadError> {
        let until = Instant::now() + wait.min(SHORT_REST);
        let asked = async {
            loop {
                let answer = self.question(server_id).await;
                let rest = answer.as_ref().err().and_then(|fault| fault.next_attempt);
                match rest.map(|rest| Instant::now() + rest).filter(|next| *next < until) {
                    Some(next) => sleep_until(next).await,
                    None => return answer,
                }
            }
        };
        let too_late = |_| Err(ReadError::timed_out(Stage::Query, "asking about one target", wait));
        timeout(wait, asked).await.unwrap_or_else(too_late)
    }

    async fn question(&self, server_id: i32) -> Result<Arc<TargetDetail>, ReadError> {
        let (sender, answer) = oneshot::channel();
        let gone_first = || ReadError::new(Stage::Query, "a reading of the master went first");
        self.questions.send(Question { server_id, answer: sender }).await.map_err(|_| gone_first())?;
        answer.await.unwrap_or_else(|_| Err(gone_first()))
    }

    /// A reading that began less than a second ago, or a new one. Always answers within `wait`: what could not be read
    /// says why. What is known of arrivals is what earlier looks found.
    pub async fn read(&self, wait: Duration) -> Arc<Reading> {
        self.ask(wait, false).await
    }

    async fn ask(&self, wait: Duration, wants_look: bool) -> Arc<Reading> {
        let began = Timestamp::now();
        let (sender, answer) = oneshot::channel();
        let waiter = Waiter { answer: sender, until: Instant::now() + wait, wants_look };
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

/// The last reading, and when it began.
type Last = (Instant, Arc<Reading>);

async fn serve(
    mut reader: Reader,
    mut inbox: mpsc::Receiver<Waiter>,
    mut asked: mpsc::Receiver<Question>,
    config: Arc<Config>,
) {
    let mut waiting: Vec<Waiter> = Vec::new();
    let mut last: Option<Last> = None;
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
        let mut later = Vec::new();
        let fresh = last.take().filter(is_fresh);
        let is_new = fresh.is_none();
        let (began, mut reading) = match fresh {
            Some(fresh) => fresh,
            None => {
                let began = Instant::now();
                match read_while_wanted(&mut reader, &mut inbox, &mut waiting, &mut later, began).await {
                    Finished::Read(reading) => (began, Arc::from(reading)),
                    Finished::Unwanted => {
                        reader.clean_up().await;
                        waiting = later;
                        continue;
                    }
                    Finished::Panicked => {
                        error!(
                            "reading the master panicked; the connection is dropped and the next reading starts afresh"
                        );
                        reader.hang_up();
                        let fault =
                            ReadError::new(Stage::Decode, "an answer of the master broke the reader: please report it");
                        answer(&mut waiting, &Arc::new(assemble::failure(&config, Timestamp::now(), &fault)));
                        waiting = later;
                        continue;
                    }
                }
            }
        };
        let mut in_a_hurry = waiting.extract_if(.., |waiter| !waiter.waits_for_look()).collect();
        answer(&mut in_a_hurry, &reading);
        if is_new || !waiting.is_empty() {
            reading = look(&mut reader, &mut inbox, &mut waiting, &mut later, (began, reading)).await;
        }
        answer(&mut waiting, &reading);
        last = Some((began, reading));
        waiting = later;
    }
}

fn is_fresh((began, _): &Last) -> bool {
    began.elapsed() < JOIN
}

fn answer(waiting: &mut Vec<Waiter>, reading: &Arc<Reading>) {
    for waiter in waiting.drain(..) {
        let _ = waiter.answer.send(reading.clone());
    }
}

/// Looks who arrives, while no scrape needs a new reading. Answers the reading with what is known then.
async fn look(
    reader: &mut Reader,
    inbox: &mut mpsc::Receiver<Waiter>,
    waiting: &mut Vec<Waiter>,
    later: &mut Vec<Waiter>,
    last: Last,
) -> Arc<Reading> {
    let insists = reader.look_insists();
    if later.iter().any(|waiter| waiter.presses(insists)) {
        reader.postpone_look();
        return last.1;
    }
    let (interrupt, interrupted) = Interrupt::new();
    let wished = !waiting.is_empty();
    let looked = {
        let mut look = Box::pin(AssertUnwindSafe(reader.look(&last.1, wished, interrupted)).catch_unwind());
        loop {
            tokio::select! {
                biased;
                looked = &mut look => break looked,
                Some(waiter) = inbox.recv() => match waiter {
                    waiter if is_fresh(&last) && waiter.waits_for_look() => waiting.push(waiter),
                    waiter if is_fresh(&last) => answer(&mut vec![waiter], &last.1),
                    waiter => {
                        if waiter.presses(insists) {
                            interrupt.send();
                        }
                        later.push(waiter);
                    }
                },
            }
        }
    };
    match looked {
        Ok(Some(arrivals)) => Arc::new(Reading { arrivals: Some(arrivals), ..Reading::clone(&last.1) }),
        Ok(None) => last.1,
        Err(_) => {
            error!("looking who arrives at the master panicked; the connection is dropped");
            reader.hang_up();
            last.1
        }
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
        waiting.retain_mut(|waiter| waiter.answer.poll_closed(cx).is_pending());
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a page is told where the master first rests for so long, and how often it asked.
    async fn told(rest: Duration, wait: Duration) -> (Option<Duration>, usize) {
        let (requests, _inbox) = mpsc::channel(1);
        let (questions, mut asked) = mpsc::channel::<Question>(1);
        let config = Arc::new(crate::config::defaults());
        let handle = ReaderHandle { requests, questions, config, progress: Progress::default() };
        let rests = ReadError { next_attempt: Some(rest), ..ReadError::new(Stage::Query, "it rests") };
        let master = tokio::spawn(async move {
            let mut times = 0;
            while let Some(question) = asked.recv().await {
                times += 1;
                let answer = if times == 1 { rests.clone() } else { ReadError::new(Stage::Query, "it was asked") };
                question.answer.send(Err(answer)).unwrap();
            }
            times
        });
        let fault = handle.target_detail(1, wait).await.unwrap_err();
        drop(handle);
        (fault.next_attempt, master.await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_rest_is_waited_for_and_a_long_one_is_told() {
        let seconds = Duration::from_secs;
        assert_eq!(told(seconds(1), seconds(30)).await, (None, 2));
        assert_eq!(told(seconds(2), seconds(30)).await, (Some(seconds(2)), 1));
        assert_eq!(told(seconds(1), seconds(1)).await, (Some(seconds(1)), 1), "the client leaves sooner");
    }
}
