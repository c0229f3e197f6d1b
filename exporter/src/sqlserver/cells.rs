//! Reads the cells of a row by column name and reports which one has another type. The only file that knows the
//! driver's values.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time, date};
use tiberius::{ColumnData, Row};

/// A cell, or a set of columns, that is not what the statement asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CellError(String);

impl CellError {
    pub(crate) fn new(text: impl Into<String>) -> CellError {
        CellError(text.into())
    }
}

/// The cells of one row, as the driver has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells<'r>(&'r Row);

impl<'r> Cells<'r> {
    pub(super) fn new(row: &'r Row) -> Cells<'r> {
        Cells(row)
    }

    fn cell<'n: 'r>(self, name: &'n str, at: usize) -> Result<Cell<'r>, CellError> {
        let data = self.0.get_column_data(at).map_err(|error| CellError(format!("column {name}: {error}")))?;
        Ok(Cell { name, data })
    }
}

/// The position of one column in the rows of its set.
#[derive(Debug)]
pub(crate) struct Located {
    name: String,
    at: usize,
}

impl Located {
    /// Finds the column among those of the result set.
    pub(super) fn find(name: &str, columns: &[String]) -> Result<Located, CellError> {
        Ok(Located { at: position(name, columns)?, name: name.to_owned() })
    }

    pub(super) fn cell<'r>(&'r self, row: Cells<'r>) -> Result<Cell<'r>, CellError> {
        row.cell(&self.name, self.at)
    }
}

fn position(name: &str, columns: &[String]) -> Result<usize, CellError> {
    columns
        .iter()
        .position(|column| column == name)
        .ok_or_else(|| CellError(format!("column {name} is missing among {}", columns.join(", "))))
}

/// The positions of several columns of one set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Positions<const N: usize> {
    names: &'static [&'static str; N],
    at: [usize; N],
}

impl<const N: usize> Positions<N> {
    /// Finds each name among the columns of the result set.
    pub(crate) fn locate(names: &'static [&'static str; N], columns: &[String]) -> Result<Positions<N>, CellError> {
        let mut at = [0; N];
        for (slot, name) in at.iter_mut().zip(names) {
            *slot = position(name, columns)?;
        }
        Ok(Positions { names, at })
    }

    /// The cells of a row in the order of the names.
    pub(crate) fn cells<'r>(&self, row: Cells<'r>) -> Result<[Cell<'r>; N], CellError> {
        let mut cells = [Cell { name: "", data: &ColumnData::Bit(None) }; N];
        for ((cell, at), name) in cells.iter_mut().zip(self.at).zip(self.names) {
            *cell = row.cell(name, at)?;
        }
        Ok(cells)
    }
}

/// One cell of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'r> {
    name: &'r str,
    data: &'r ColumnData<'static>,
}

impl<'r> Cell<'r> {
    pub(super) fn new(name: &'r str, data: &'r ColumnData<'static>) -> Cell<'r> {
        Cell { name, data }
    }

    /// The name of its column.
    pub(super) fn name(&self) -> &'r str {
        self.name
    }

    fn unexpected(&self, wanted: &str) -> CellError {
        CellError(format!("column {} is no {wanted}: {:?}", self.name, self.data))
    }

    fn present<T>(&self, value: Option<T>) -> Result<T, CellError> {
        value.ok_or_else(|| CellError(format!("column {} is NULL", self.name)))
    }

    /// An integer or bit of any width.
    pub(crate) fn integer_or_null(&self) -> Result<Option<i64>, CellError> {
        match self.data {
            ColumnData::U8(value) => Ok(value.map(i64::from)),
            ColumnData::I16(value) => Ok(value.map(i64::from)),
            ColumnData::I32(value) => Ok(value.map(i64::from)),
            ColumnData::I64(value) => Ok(*value),
            ColumnData::Bit(value) => Ok(value.map(i64::from)),
            _ => Err(self.unexpected("integer")),
        }
    }

    /// An integer that must not be NULL and must fit into the type `T`.
    pub(crate) fn integer<T: TryFrom<i64>>(&self) -> Result<T, CellError> {
        self.in_range(self.present(self.integer_or_null()?)?)
    }

    /// A count, which is NULL where there is nothing to count.
    pub(super) fn count(&self) -> Result<u64, CellError> {
        self.in_range(self.integer_or_null()?.unwrap_or(0))
    }

    fn in_range<T: TryFrom<i64>>(&self, value: i64) -> Result<T, CellError> {
        T::try_from(value).map_err(|_| CellError(format!("column {} is out of range: {value}", self.name)))
    }

    pub(crate) fn text_or_null(&self) -> Result<Option<String>, CellError> {
        match self.data {
            ColumnData::String(text) => Ok(text.as_ref().map(|text| text.clone().into_owned())),
            _ => Err(self.unexpected("text")),
        }
    }

    pub(crate) fn text(&self) -> Result<String, CellError> {
        self.present(self.text_or_null()?)
    }

    /// A uniqueidentifier as SQL Server prints it.
    pub(crate) fn guid(&self) -> Result<String, CellError> {
        match self.data {
            ColumnData::Guid(value) => Ok(self.present(*value)?.hyphenated().to_string().to_uppercase()),
            _ => Err(self.unexpected("uniqueidentifier")),
        }
    }

    /// A datetime or datetime2, which has no time zone.
    pub(crate) fn wall_time_or_null(&self) -> Result<Option<DateTime>, CellError> {
        let out_of_range = || CellError(format!("column {} is out of range: {:?}", self.name, self.data));
        match self.data {
            ColumnData::DateTime(None) | ColumnData::DateTime2(None) => Ok(None),
            ColumnData::DateTime(Some(value)) => {
                // 1/300 s since midnight ([MS-TDS] 2.2.5.5.1.8), to the nearest millisecond as SQL Server prints it.
                let milliseconds = (i64::from(value.seconds_fragments()) * 10 + 1) / 3;
                moment(date(1900, 1, 1), i64::from(value.days()), SignedDuration::from_millis(milliseconds))
                    .ok_or_else(out_of_range)
                    .map(Some)
            }
            ColumnData::DateTime2(Some(value)) => {
                let scale = u32::from(value.time().scale());
                let unit = 9u32.checked_sub(scale).map(|digits| 10i64.pow(digits)).ok_or_else(out_of_range)?;
                let nanoseconds = i64::try_from(value.time().increments())
                    .ok()
                    .and_then(|count| count.checked_mul(unit))
                    .ok_or_else(out_of_range)?;
                moment(date(1, 1, 1), i64::from(value.date().days()), SignedDuration::from_nanos(nanoseconds))
                    .ok_or_else(out_of_range)
                    .map(Some)
            }
            _ => Err(self.unexpected("date and time")),
        }
    }

    pub(crate) fn wall_time(&self) -> Result<DateTime, CellError> {
        self.present(self.wall_time_or_null()?)
    }
}

fn moment(epoch: Date, days: i64, into_day: SignedDuration) -> Option<DateTime> {
    let since = SignedDuration::try_from_hours(days.checked_mul(24)?)?.checked_add(into_day)?;
    epoch.to_datetime(Time::midnight()).checked_add(since).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::datetime;
    use tiberius::time::{Date as WireDate, DateTime as WireDateTime, DateTime2, Time as WireTime};

    fn wall(data: ColumnData<'static>) -> Result<Option<DateTime>, CellError> {
        Cell { name: "x", data: &data }.wall_time_or_null()
    }

    #[test]
    fn datetime_counts_days_and_three_hundredths() {
        let at = |days, fragments| wall(ColumnData::DateTime(Some(WireDateTime::new(days, fragments)))).unwrap();
        assert_eq!(at(0, 0), Some(datetime(1900, 1, 1, 0, 0, 0, 0)));
        assert_eq!(at(0, 1), Some(datetime(1900, 1, 1, 0, 0, 0, 3_000_000)));
        assert_eq!(at(0, 2), Some(datetime(1900, 1, 1, 0, 0, 0, 7_000_000)));
        assert_eq!(at(46_346, 300 * 3_600 * 12 + 299), Some(datetime(2026, 11, 22, 12, 0, 0, 997_000_000)));
        assert_eq!(at(-53_690, 0), Some(datetime(1753, 1, 1, 0, 0, 0, 0)));
    }

    #[test]
    fn datetime2_counts_days_and_increments_of_its_scale() {
        let value = DateTime2::new(WireDate::new(739_576), WireTime::new(43_200_123, 3));
        assert_eq!(
            wall(ColumnData::DateTime2(Some(value))).unwrap(),
            Some(datetime(2025, 11, 22, 12, 0, 0, 123_000_000))
        );
    }

    #[test]
    fn times_that_cannot_be_are_errors_not_panics() {
        assert!(wall(ColumnData::DateTime(Some(WireDateTime::new(i32::MAX, u32::MAX)))).is_err());
        assert!(wall(ColumnData::DateTime(Some(WireDateTime::new(i32::MIN, 0)))).is_err());
        let odd = DateTime2::new(WireDate::new(u32::MAX >> 8), WireTime::new(u64::MAX, 9));
        assert!(wall(ColumnData::DateTime2(Some(odd))).is_err());
        assert!(wall(ColumnData::I32(Some(1))).is_err());
    }

    #[test]
    fn integers_of_every_width_and_null() {
        let read = |data| Cell { name: "x", data: &data }.integer_or_null();
        assert_eq!(read(ColumnData::U8(Some(255))), Ok(Some(255)));
        assert_eq!(read(ColumnData::I16(Some(-1))), Ok(Some(-1)));
        assert_eq!(read(ColumnData::I32(Some(i32::MIN))), Ok(Some(i64::from(i32::MIN))));
        assert_eq!(read(ColumnData::I64(Some(i64::MAX))), Ok(Some(i64::MAX)));
        assert_eq!(read(ColumnData::Bit(Some(true))), Ok(Some(1)));
        assert_eq!(read(ColumnData::I32(None)), Ok(None));
        assert!(read(ColumnData::F64(Some(1.0))).is_err());
        let data = ColumnData::I64(Some(300));
        assert!(Cell { name: "x", data: &data }.integer::<u8>().is_err());
    }
}
