//! One round trip that answers a whole reading.
//!
//! The driver skips error tokens and raises only the first one, at the end of the stream; a result set that an error
//! cut short looks complete. So each set names itself in its first column, and its rows count only when the row that
//! closes it came and says that the statement ended without error.

use super::cells::{Cell, CellError, Positions};
use super::rows::{Decoder, Rows};
use super::statements::{self, Set};
use futures_util::TryStreamExt;
use std::collections::BTreeMap;
use std::time::Duration;
use tiberius::error::Error as DriverError;
use tiberius::{Client, QueryItem, Row};
use tokio::time::{Instant, timeout_at};

const CLOSING: &str = "closing";
const CLOSING_COLUMNS: [&str; 2] = [CLOSING, "error"];

/// The text of a batch: one transaction, so that every statement sees the same moment, and a closing row behind each.
pub(crate) fn text(sets: &[Set], msdb: &str) -> String {
    let mut text = String::from("BEGIN TRANSACTION;\n");
    for set in sets {
        text.push_str(&statements::prepare(set.statement(), msdb));
        text.push_str(&format!(
            "\nSELECT CAST(N'{}' AS nvarchar(32)) AS {CLOSING}, CAST(@@ERROR AS int) AS error;\n",
            set.name()
        ));
    }
    text.push_str("IF @@TRANCOUNT > 0 COMMIT TRANSACTION;\n");
    text
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    /// `@@ERROR` right behind it; 0 when its rows are whole.
    pub(crate) error: u32,
    /// From the end of the one before to its own.
    pub(crate) took: Duration,
}

/// What came of a batch so far. It outlives the attempt, so that a deadline loses nothing that was whole before it.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    pub(crate) rows: Rows,
    pub(crate) closed: BTreeMap<Set, Closing>,
    /// Sets that came and are not what was asked for. The stream is sound, so those behind them are read all the same.
    pub(crate) misfits: BTreeMap<Set, CellError>,
}

/// Why a batch did not reach its end.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// The driver's word: an error token, or the connection.
    Driver(DriverError),
    /// What came is not what was asked for.
    CellError(CellError),
    /// A statement took longer than it may.
    OverCap(Set, Duration),
    /// The time for the whole reading was up.
    Deadline,
}

impl From<DriverError> for BatchError {
    fn from(error: DriverError) -> BatchError {
        BatchError::Driver(error)
    }
}

impl From<CellError> for BatchError {
    fn from(misfit: CellError) -> BatchError {
        BatchError::CellError(misfit)
    }
}

enum Current {
    Nothing,
    Rows(Set, Decoder),
    /// Rows of a set that does not fit.
    Spoiled,
    Closing(Positions<2>),
}

/// Sends the batch and reads its answer to the end. Rows are decoded as they come; nothing is kept twice.
pub(crate) async fn run<S>(
    client: &mut Client<S>,
    text: &str,
    sets: &[Set],
    cap: impl Fn(Set) -> Option<Duration>,
    harvest: &mut Harvest,
) -> Result<(), BatchError>
where
    S: futures_util::AsyncRead + futures_util::AsyncWrite + Unpin + Send,
{
    let mut began = Instant::now();
    let mut stream = client.simple_query(text).await?;
    let mut current = Current::Nothing;
    loop {
        let pending = sets.iter().copied().find(|set| !harvest.closed.contains_key(set));
        let next = match pending.and_then(|set| cap(set).map(|cap| (set, cap))) {
            Some((set, cap)) => {
                timeout_at(began + cap, stream.try_next()).await.map_err(|_| BatchError::OverCap(set, cap))??
            }
            None => stream.try_next().await?,
        };
        match next {
            None => return Ok(()),
            Some(QueryItem::Metadata(metadata)) => {
                let columns: Vec<String> = metadata.columns().iter().map(|column| column.name().to_owned()).collect();
                current = open(&columns, sets, &mut harvest.misfits)?;
            }
            Some(QueryItem::Row(row)) => match &current {
                Current::Rows(set, decoder) => {
                    if let Err(misfit) = decoder.read(&row, &mut harvest.rows) {
                        harvest.misfits.insert(*set, misfit);
                        current = Current::Spoiled;
                    }
                }
                Current::Spoiled => {}
                Current::Closing(positions) => {
                    let (set, error) = close(positions, &row)?;
                    harvest.closed.insert(set, Closing { error, took: began.elapsed() });
                    began = Instant::now();
                }
                Current::Nothing => return Err(CellError::new("a row came before any column").into()),
            },
        }
    }
}

fn open(columns: &[String], sets: &[Set], misfits: &mut BTreeMap<Set, CellError>) -> Result<Current, CellError> {
    let first = columns.first().map(String::as_str).unwrap_or_default();
    if first == CLOSING {
        return Ok(Current::Closing(Positions::locate(&CLOSING_COLUMNS, columns)?));
    }
    let set = first
        .strip_prefix("set:")
        .and_then(Set::from_name)
        .filter(|set| sets.contains(set))
        .ok_or_else(|| CellError::new(format!("a result set came that was not asked for: {first:?}")))?;
    Ok(match Decoder::new(set, columns) {
        Ok(decoder) => Current::Rows(set, decoder),
        Err(misfit) => {
            misfits.insert(set, misfit);
            Current::Spoiled
        }
    })
}

fn close(positions: &Positions<2>, row: &Row) -> Result<(Set, u32), CellError> {
    let [name, error] = positions.cells(row)?;
    let name = name.text()?;
    let set = Set::from_name(&name).ok_or_else(|| CellError::new(format!("an unknown set was closed: {name:?}")))?;
    Ok((set, error.integer()?))
}

/// One integer of a row that stands alone.
pub(crate) fn integer(row: &Row, column: &str) -> Option<i64> {
    let at = row.columns().iter().position(|candidate| candidate.name() == column)?;
    Cell::new("", row.get_column_data(at).ok()?).integer_or_null().ok()?
}

/// One text of a row that stands alone.
pub(crate) fn text_of(row: &Row, column: &str) -> Option<String> {
    let at = row.columns().iter().position(|candidate| candidate.name() == column)?;
    Cell::new("", row.get_column_data(at).ok()?).text_or_null().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_closed_by_its_name_inside_one_transaction() {
        let text = text(&[Set::Clock, Set::Targets], "msdb");
        assert!(text.starts_with("BEGIN TRANSACTION;\n"), "{text}");
        assert!(text.ends_with("IF @@TRANCOUNT > 0 COMMIT TRANSACTION;\n"), "{text}");
        let clock = text.find("N'clock'");
        let targets = text.find("[set:targets]");
        assert!(clock < targets && clock.is_some(), "{text}");
    }
}
