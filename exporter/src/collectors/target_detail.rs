//! What is read of one target alone, for who opens its page: its instructions one by one, and what its jobs said.

use super::assemble::incomplete;
use super::jobs::guid;
use super::result_cache::REST;
use crate::model::{Collector, Operation, Stage};
use crate::sqlserver::{
    BatchError, CLOCK, Cell, CellError, Clock, Column, Context, MasterClock, Needs, ReadError, ResultSet, Right,
    Session, Set, Statement, key, row,
};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// All statements together take no longer.
const CAP: Duration = Duration::from_secs(2);
/// Targets whose answers are kept.
const KEPT: usize = 16;

const WAITING: Statement = Statement::new("waiting", include_str!("waiting.sql")).within(CAP).at_most(50);
const FAILED: Statement = Statement::new("failed", include_str!("failed.sql")).within(CAP).at_most(20);
const MESSAGES: Statement = Statement::new("job_messages", include_str!("job_messages.sql")).within(CAP).at_most(200);

const INSTRUCTIONS_NEED: Needs =
    Needs { collector: Collector::Downloads, essential: &[Right::DownloadList, Right::Jobs], helpful: &[] };
const MESSAGES_NEED: Needs = Needs { collector: Collector::Jobs, essential: &[Right::JobServers], helpful: &[] };

/// What was read of one target. Each part is there, or why it is not.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetDetail {
    /// When it was read, by this machine's clock.
    pub read_at: Timestamp,
    /// What waits for it, the oldest first, and what it could not do, the newest first.
    pub instructions: Result<Instructions, ReadError>,
    /// What the last run of each job said.
    pub messages: Result<Vec<JobMessage>, ReadError>,
}

/// What was read of one target alone, or why it was not. `None` where it is not shown.
pub type DetailResult<'a> = Option<Result<&'a TargetDetail, &'a ReadError>>;

impl TargetDetail {
    /// Who opens a page again within this sees the same answer.
    pub(crate) const FRESH: Duration = Duration::from_secs(15);

    /// What the last run of a job said.
    pub(crate) fn message(&self, job_id: &str) -> Option<&str> {
        self.messages.as_ref().ok()?.iter().find(|message| *message.job_id == *job_id)?.message.as_deref()
    }
}

/// The download list of one target, row by row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instructions {
    /// What waits, the oldest first, up to 50.
    pub waiting: Vec<Instruction>,
    /// What failed, the newest first, up to 20.
    pub failed: Vec<Instruction>,
}

row! {
    /// A row of the download list.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Instruction {
        /// `instance_id`: instructions are taken in its order.
        pub id: String = ["instance_id"] => key,
        /// What is to be done.
        pub operation: Operation = "operation_code",
        /// The job's name. `None` for what concerns no job, or all of them.
        pub job: Option<String> = "job_name",
        /// When it was posted.
        pub posted: Timestamp = "date_posted",
        /// What the target wrote, where it failed.
        pub error: Option<String> = "error_message",
    }
}

row! {
    /// What the last run of a job on the target said.
    #[derive(Debug, Clone, PartialEq)]
    pub struct JobMessage {
        /// The job, in the form of [`super::JobRow::id`].
        pub job_id: Arc<str> = ["job_id"] => guid,
        /// `last_outcome_message`.
        pub message: Option<String> = "message",
    }
}

impl Column for Operation {
    fn read(cell: &Cell<'_>, _: &mut Context<'_>) -> Result<Operation, CellError> {
        Ok(match cell.integer::<u8>()? {
            1 => Operation::Insert,
            2 => Operation::Update,
            3 => Operation::Delete,
            4 => Operation::Start,
            5 => Operation::Stop,
            6 => Operation::ReEnlist,
            7 => Operation::Defect,
            8 => Operation::SyncTime,
            9 => Operation::SetPoll,
            _ => Operation::Other,
        })
    }
}

/// What is asked for, as far as the login may read it.
struct Sets {
    clock: ResultSet<MasterClock>,
    instructions: Result<[ResultSet<Instruction>; 2], ReadError>,
    messages: Result<ResultSet<JobMessage>, ReadError>,
}

impl Sets {
    fn new(session: &Session, server_id: i32, msdb: &str) -> Sets {
        let allowed = |needs| session.capabilities.refusal(needs, msdb).map_or(Ok(()), Err);
        Sets {
            clock: ResultSet::of(&CLOCK),
            instructions: allowed(&INSTRUCTIONS_NEED)
                .map(|()| [&WAITING, &FAILED].map(|statement| ResultSet::about(statement, server_id))),
            messages: allowed(&MESSAGES_NEED).map(|()| ResultSet::about(&MESSAGES, server_id)),
        }
    }

    fn all(&mut self) -> Vec<&mut dyn Set> {
        let mut sets: Vec<&mut dyn Set> = vec![&mut self.clock];
        sets.extend(self.instructions.iter_mut().flatten().map(|set| set as &mut dyn Set));
        sets.extend(self.messages.as_mut().ok().map(|set| set as &mut dyn Set));
        sets
    }
}

/// Asks about one target. The second answer is why the batch did not reach its end.
async fn ask(session: &mut Session, server_id: i32, msdb: &str) -> (TargetDetail, Option<BatchError>) {
    let mut sets = Sets::new(session, server_id, msdb);
    let read_at = Timestamp::now();
    let start = Instant::now();
    let mut clock = Clock::default();
    clock.set_zone(session.zone.as_ref().map(|(zone, _)| zone.clone()));
    let mut context = Context::new(&mut clock);
    let asked = timeout_at(start + CAP, session.ask(msdb, &mut sets.all(), &mut context, None)).await;
    let end = asked.unwrap_or(Err(BatchError::Deadline)).err();
    let broken = end.as_ref().map(|end| in_words(end, start.elapsed()));
    let fault = |set: &dyn Set| incomplete(set.statement().name, set.outcome(), end.as_ref(), broken.as_ref());
    let instructions =
        sets.instructions.and_then(|[waiting, failed]| match fault(&waiting).or_else(|| fault(&failed)) {
            None => Ok(Instructions { waiting: waiting.rows, failed: failed.rows }),
            Some(fault) => Err(fault),
        });
    let messages = sets.messages.and_then(|messages| fault(&messages).map_or(Ok(messages.rows), Err));
    (TargetDetail { read_at, instructions, messages }, end)
}

fn in_words(end: &BatchError, after: Duration) -> ReadError {
    match end {
        BatchError::Deadline => ReadError {
            timeout: true,
            ..ReadError::new(Stage::Query, "the time for it was up while the master was asked about one target")
        },
        other => other.read_error(after),
    }
}

/// The answers of the last targets that were asked about, and when the master may be asked again: it gives no more than a
/// hundredth of its time to pages.
#[derive(Debug, Default)]
pub(super) struct DetailReader {
    answers: VecDeque<(i32, Instant, Arc<TargetDetail>)>,
    next: Option<Instant>,
}

impl DetailReader {
    /// The answer that needs no question: a fresh one, or any while the master rests. `None`: it is to be asked.
    pub(super) fn known(&self, server_id: i32) -> Option<Result<Arc<TargetDetail>, ReadError>> {
        let kept = self.answers.iter().find(|(known, ..)| *known == server_id);
        let rest = self.next.map(|next| next.saturating_duration_since(Instant::now())).unwrap_or_default();
        match kept {
            Some((_, asked, answer)) if asked.elapsed() < TargetDetail::FRESH || !rest.is_zero() => {
                Some(Ok(answer.clone()))
            }
            _ if rest.is_zero() => None,
            _ => Some(Err(ReadError {
                next_attempt: Some(rest),
                ..ReadError::new(Stage::Query, "the master was asked about another target just now, and rests")
            })),
        }
    }

    /// Notes a question that was given up for a reading after so long.
    pub(super) fn interrupted(&mut self, after: Duration) {
        self.next = Some(Instant::now() + after * REST);
    }

    fn keep(&mut self, server_id: i32, took: Duration, answer: Arc<TargetDetail>) {
        let now = Instant::now();
        self.next = Some(now + took * REST);
        self.answers.retain(|(known, ..)| *known != server_id);
        self.answers.truncate(KEPT - 1);
        self.answers.push_front((server_id, now, answer));
    }

    /// Asks about a target. The second answer is why the batch did not reach its end.
    pub(super) async fn ask(
        &mut self,
        session: &mut Session,
        server_id: i32,
        msdb: &str,
    ) -> (Arc<TargetDetail>, Option<BatchError>) {
        let start = Instant::now();
        let (answer, end) = ask(session, server_id, msdb).await;
        let answer = Arc::new(answer);
        self.keep(server_id, start.elapsed(), answer.clone());
        (answer, end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer() -> Arc<TargetDetail> {
        let instructions = Ok(Instructions::default());
        Arc::new(TargetDetail { read_at: Timestamp::UNIX_EPOCH, instructions, messages: Ok(Vec::new()) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_is_opened_again_asks_no_sooner_than_after_fifteen_seconds() {
        let mut reader = DetailReader::default();
        assert!(reader.known(1).is_none());
        reader.keep(1, Duration::from_millis(5), answer());
        tokio::time::advance(Duration::from_millis(14_999)).await;
        assert!(reader.known(1).unwrap().is_ok());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(reader.known(1).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn many_pages_take_no_more_than_a_hundredth_of_the_masters_time() {
        let mut reader = DetailReader::default();
        reader.keep(1, Duration::from_millis(300), answer());
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(reader.known(1).unwrap().is_ok(), "an older answer is better than none");
        assert_eq!(reader.known(2).unwrap().unwrap_err().next_attempt, Some(Duration::from_millis(1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(reader.known(1).is_none() && reader.known(2).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_of_a_few_targets_are_kept() {
        let mut reader = DetailReader::default();
        for server_id in 0..20 {
            reader.keep(server_id, Duration::ZERO, answer());
        }
        assert_eq!(reader.answers.len(), KEPT);
        assert!(reader.known(3).is_none() && reader.known(4).is_some());
    }
}
