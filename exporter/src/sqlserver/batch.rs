//! One round trip that answers a complete reading.
//!
//! The driver skips error tokens and raises only the first one, at the end of the stream, so a result set that an error
//! cut short looks complete. Each set therefore names itself in its first column, and its rows count only once its
//! closing row has come and reports that the statement ended without error.

use super::cells::{Cell, CellError, Cells, Positions};
use super::error::ReadError;
use super::faults;
use super::result_set::{Closing, Set};
use super::rows::Context;
use super::statements;
use crate::model::Stage;
use futures_util::TryStreamExt;
use std::time::Duration;
use tiberius::error::Error as DriverError;
use tiberius::{Client, QueryItem, Row};
use tokio::time::{Instant, timeout, timeout_at};

const CLOSING: &str = "closing";
const CLOSING_COLUMNS: [&str; 2] = [CLOSING, "error"];

/// The text of a batch: one transaction, so that every statement sees the same moment, and a closing row behind each
/// statement.
pub(super) fn text(sets: &[&mut dyn Set], msdb: &str) -> String {
    let mut text = String::from("BEGIN TRANSACTION;\n");
    for set in sets {
        text.push_str(&statements::prepare(&set.text(), msdb));
        text.push_str(&format!(
            "\nSELECT CAST(N'{}' AS nvarchar(32)) AS {CLOSING}, CAST(@@ERROR AS int) AS error;\n",
            set.statement().name
        ));
    }
    text.push_str("IF @@TRANCOUNT > 0 COMMIT TRANSACTION;\n");
    text
}

/// Why a batch did not reach its end.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// Reported by the driver: an error token, or a failed connection.
    Driver(DriverError),
    /// A value or a set of columns that the statement does not ask for.
    Cell(CellError),
    /// An idle connection did not answer at all.
    Silent(Duration),
    /// A statement exceeded its time limit.
    OverCap(&'static str, Duration),
    /// The deadline of the reading has passed.
    Deadline,
    /// Something more urgent came.
    Interrupted,
}

impl From<DriverError> for BatchError {
    fn from(error: DriverError) -> BatchError {
        BatchError::Driver(error)
    }
}

impl From<CellError> for BatchError {
    fn from(error: CellError) -> BatchError {
        BatchError::Cell(error)
    }
}

/// The state of the connection after a batch that did not reach its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Ready for the next batch.
    Usable,
    /// The server still executes the batch.
    Busy,
    /// Broken.
    Lost,
}

impl BatchError {
    /// The state in which this error leaves the connection.
    pub(crate) fn left(&self) -> Left {
        match self {
            BatchError::Driver(error) if faults::leaves_connection_usable(error) => Left::Usable,
            BatchError::Driver(_) | BatchError::Silent(_) => Left::Lost,
            BatchError::Cell(_) | BatchError::OverCap(..) | BatchError::Deadline | BatchError::Interrupted => {
                Left::Busy
            }
        }
    }

    /// The number and the text of the server's error that the driver kept.
    pub(crate) fn raised(&self) -> Option<(u32, &str)> {
        match self {
            BatchError::Driver(DriverError::Server(token)) => Some((token.code(), token.message())),
            _ => None,
        }
    }

    /// The error in words for the user. `after` is how long the batch had run.
    pub(crate) fn read_error(&self, after: Duration) -> ReadError {
        match self {
            BatchError::Driver(error) => faults::on_reading(error),
            BatchError::Cell(error) => ReadError::from(error.clone()),
            BatchError::Silent(patience) => ReadError::timed_out(Stage::Query, "an idle connection", *patience),
            BatchError::OverCap(name, cap) => ReadError::timed_out(Stage::Query, &format!("statement {name}"), *cap),
            BatchError::Deadline => ReadError::timed_out(Stage::Query, "reading the master", after),
            BatchError::Interrupted => ReadError::new(Stage::Query, "it was interrupted by a reading"),
        }
    }
}

enum Current {
    Nothing,
    Rows(usize),
    Closing(Positions<2>),
}

/// Sends the batch and reads its answer to the end.
pub(super) async fn run<S>(
    client: &mut Client<S>,
    msdb: &str,
    sets: &mut [&mut dyn Set],
    context: &mut Context<'_>,
    patience: Option<Duration>,
) -> Result<(), BatchError>
where
    S: futures_util::AsyncRead + futures_util::AsyncWrite + Unpin + Send,
{
    let text = text(sets, msdb);
    let mut began = Instant::now();
    let asked = client.simple_query(text);
    let mut stream = match patience {
        Some(patience) => timeout(patience, asked).await.map_err(|_| BatchError::Silent(patience))??,
        None => asked.await?,
    };
    let mut current = Current::Nothing;
    loop {
        let pending = sets.iter().find(|set| set.outcome().closing.is_none()).map(|set| set.statement());
        let next = match pending.and_then(|statement| Some((statement.name, statement.cap?))) {
            Some((name, cap)) => {
                timeout_at(began + cap, stream.try_next()).await.map_err(|_| BatchError::OverCap(name, cap))??
            }
            None => stream.try_next().await?,
        };
        match next {
            None => return Ok(()),
            Some(QueryItem::Metadata(metadata)) => {
                let columns: Vec<String> = metadata.columns().iter().map(|column| column.name().to_owned()).collect();
                current = open(&columns, sets, context)?;
            }
            Some(QueryItem::Row(row)) => match &current {
                Current::Rows(at) => sets[*at].take(Cells::new(&row), context),
                Current::Closing(positions) => {
                    let (name, error) = close(positions, &row)?;
                    let set = named(sets, &name)
                        .ok_or_else(|| CellError::new(format!("an unknown set was closed: {name:?}")))?;
                    sets[set].close(Closing { error, took: began.elapsed() });
                    began = Instant::now();
                }
                Current::Nothing => return Err(CellError::new("a row came before any column").into()),
            },
        }
    }
}

fn named(sets: &[&mut dyn Set], name: &str) -> Option<usize> {
    sets.iter().position(|set| set.statement().name == name)
}

fn open(columns: &[String], sets: &mut [&mut dyn Set], context: &mut Context<'_>) -> Result<Current, CellError> {
    let first = columns.first().map(String::as_str).unwrap_or_default();
    if first == CLOSING {
        return Ok(Current::Closing(Positions::locate(&CLOSING_COLUMNS, columns)?));
    }
    let set = first
        .strip_prefix("set:")
        .and_then(|name| named(sets, name))
        .ok_or_else(|| CellError::new(format!("a result set came that was not asked for: {first:?}")))?;
    sets[set].open(columns, context);
    Ok(Current::Rows(set))
}

fn close(positions: &Positions<2>, row: &Row) -> Result<(String, u32), CellError> {
    let [name, error] = positions.cells(Cells::new(row))?;
    Ok((name.text()?, error.integer()?))
}

/// One integer of a row of a single-row answer.
pub(crate) fn integer(row: &Row, column: &str) -> Option<i64> {
    let at = row.columns().iter().position(|candidate| candidate.name() == column)?;
    Cell::new("", row.get_column_data(at).ok()?).integer_or_null().ok()?
}

/// One text of a row of a single-row answer.
pub(crate) fn text_of(row: &Row, column: &str) -> Option<String> {
    let at = row.columns().iter().position(|candidate| candidate.name() == column)?;
    Cell::new("", row.get_column_data(at).ok()?).text_or_null().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlserver::clock::{CLOCK, MasterClock};
    use crate::sqlserver::result_set::{ResultSet, Statement};

    const OTHER: Statement = Statement::new("other", "SELECT CAST(NULL AS tinyint) AS [set:other];");

    #[test]
    fn every_statement_is_closed_by_its_name_inside_one_transaction() {
        let mut clock = ResultSet::<MasterClock>::of(&CLOCK);
        let mut other = ResultSet::<MasterClock>::of(&OTHER);
        let text = text(&[&mut clock, &mut other], "msdb");
        assert!(text.starts_with("BEGIN TRANSACTION;\n"), "{text}");
        assert!(text.ends_with("IF @@TRANCOUNT > 0 COMMIT TRANSACTION;\n"), "{text}");
        let clock = text.find("N'clock'");
        let other = text.find("[set:other]");
        assert!(clock < other && clock.is_some(), "{text}");
        assert!(other < text.find("N'other'"), "{text}");
    }
}
