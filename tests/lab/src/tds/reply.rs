//! Plays a backend's replies as one answer, with its waits, drips and cuts.

use super::packet::{MessageWriter, Stopped};
use super::tokens::{self, Done, FIRST_FATAL_CLASS, command, done};
use crate::wire::{Column, Reply, ServerError, Value};
use bytes::BufMut;
use std::sync::Arc;
use tokio::io::AsyncWrite;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Complete; the connection goes on.
    Complete,
    /// The connection is to end with a FIN.
    Close,
    /// The connection is to end with a RST.
    Reset,
}

/// What the answer is told in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// The server's name, which stands in errors.
    pub(crate) server: &'a str,
    /// Whether the client knows NBCROW.
    pub(crate) null_bitmap: bool,
    /// Whether a procedure is answered (DONEINPROC, RETURNSTATUS, DONEPROC) or a batch (DONE).
    pub(crate) procedure: bool,
}

/// The statement that is being answered.
#[derive(Debug, Default)]
struct Statement {
    columns: Option<Arc<[Column]>>,
    rows: u64,
    failed: bool,
}

/// Writes the answer that the replies describe. Can be dropped between two tokens: all tokens written are complete.
///
/// # Errors
/// See [`Stopped`].
pub(crate) async fn play<W: AsyncWrite + Unpin>(
    writer: &mut MessageWriter<W>,
    replies: Vec<Reply>,
    manner: Manner<'_>,
) -> Result<End, Stopped> {
    let mut statement = Statement::default();
    let mut failure = 0;
    let mut replies = replies.into_iter().peekable();
    while let Some(reply) = replies.next() {
        match reply {
            Reply::Columns(columns) => {
                if statement.columns.is_some() {
                    statement.end(writer, None, manner, false);
                }
                tokens::put_columns(&columns, writer.body());
                statement.columns = Some(columns);
            }
            Reply::Row(values) => {
                if let Err(misfit) = statement.row(writer, &values, manner) {
                    let mistake = ServerError::new(50_000, 16, format!("The backend is wrong: {misfit}."));
                    tokens::put_error(&mistake, manner.server, writer.body());
                    statement.failed = true;
                    failure = mistake.number;
                    break;
                }
            }
            Reply::Done { rows } if replies.peek().is_none() => {
                statement.columns = None;
                return last(writer, statement, rows, manner, failure).await;
            }
            Reply::Done { rows } => statement.end(writer, rows, manner, false),
            Reply::Error(error) => {
                tokens::put_error(&error, manner.server, writer.body());
                statement.failed = true;
                failure = error.number;
                if error.class >= FIRST_FATAL_CLASS {
                    let status = done::ERROR | done::SERVER_ERROR;
                    tokens::put_done(Done::Batch, status, command::NONE, 0, writer.body());
                    writer.end().await?;
                    return Ok(End::Close);
                }
            }
            Reply::Info(info) => tokens::put_info(&info, manner.server, writer.body()),
            Reply::Wait(time) => {
                writer.flush().await?;
                tokio::time::sleep(time).await;
            }
            Reply::Drip { bytes, pause } => {
                writer.flush().await?;
                writer.set_pace(Some((bytes, pause)));
            }
            Reply::CutAfter(bytes) => {
                writer.flush().await?;
                writer.set_budget(bytes);
            }
            Reply::Close => {
                writer.flush().await?;
                return Ok(End::Close);
            }
            Reply::Reset => {
                writer.flush().await?;
                return Ok(End::Reset);
            }
            Reply::Garbage(bytes) => writer.body().put_slice(&bytes),
        }
        writer.drain().await?;
    }
    last(writer, statement, None, manner, failure).await
}

impl Statement {
    fn row<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut MessageWriter<W>,
        values: &[Value],
        manner: Manner<'_>,
    ) -> Result<(), String> {
        let columns = self.columns.as_deref().ok_or("a row without columns")?;
        tokens::put_row(columns, values, manner.null_bitmap, writer.body())?;
        self.rows += 1;
        Ok(())
    }

    /// Ends the statement. A count that was not told is that of the rows sent.
    fn end<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut MessageWriter<W>,
        rows: Option<u64>,
        manner: Manner<'_>,
        is_last: bool,
    ) {
        let command = if self.columns.is_some() || self.rows > 0 { command::SELECT } else { command::NONE };
        let count = rows.or(self.columns.is_some().then_some(self.rows));
        let which = if manner.procedure { Done::InProcedure } else { Done::Batch };
        let more = if is_last && !manner.procedure { 0 } else { done::MORE };
        let status = more | if self.failed { done::ERROR } else { 0 } | if count.is_some() { done::COUNT } else { 0 };
        tokens::put_done(which, status, command, count.unwrap_or(0), writer.body());
        *self = Statement::default();
    }
}

/// Ends the last statement and the message. A procedure that failed returns the number of its last error.
async fn last<W: AsyncWrite + Unpin>(
    writer: &mut MessageWriter<W>,
    mut statement: Statement,
    rows: Option<u64>,
    manner: Manner<'_>,
    failure: u32,
) -> Result<End, Stopped> {
    let failed = statement.failed;
    statement.end(writer, rows, manner, true);
    if manner.procedure {
        tokens::put_return_status(failure as i32, writer.body());
        let status = if failed { done::ERROR } else { 0 };
        tokens::put_done(Done::Procedure, status, command::NONE, 0, writer.body());
    }
    writer.end().await?;
    writer.set_pace(None);
    Ok(if writer.is_limited() { End::Close } else { End::Complete })
}
