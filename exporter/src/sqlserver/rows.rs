//! Rows by column name: the columns of a result set are found once, then each row becomes a value.

use super::cells::{Cell, CellError, Cells, Located};
use super::clock::{Clock, ClockNow, ClockRow};
use enum_map::{EnumArray, EnumMap};
use jiff::Timestamp;
use jiff::civil::DateTime;

/// A type that is made from the rows of a statement. Implemented by [`row!`].
pub(crate) trait FromRow: Sized {
    /// Finds the columns among those of the result set, and returns the decoder of its rows.
    fn decoder(columns: &[String]) -> Result<Decoder<Self>, CellError>;

    /// Called when the rows of this type cannot be decoded.
    fn spoiled(_error: &CellError, _context: &mut Context<'_>) {}
}

/// Decodes one row of a result set whose columns were found.
pub(crate) type Decoder<R> = Box<dyn Fn(Cells<'_>, &mut Context<'_>) -> Result<R, CellError> + Send>;

/// The context of a row within its batch.
pub(crate) struct Context<'c> {
    /// `None` until the clock of this batch was read.
    clock: Option<&'c mut Clock>,
    now: Result<ClockNow<'c>, CellError>,
    /// The name of the result set.
    set: &'static str,
    /// The value that distinguishes the row from the others of its set.
    key: String,
}

impl<'c> Context<'c> {
    /// The context of a batch whose first statement reads the server's clock.
    pub(crate) fn new(clock: &'c mut Clock) -> Context<'c> {
        let now = Err(CellError::new("the master's clock was not read"));
        Context { clock: Some(clock), now, set: "", key: String::new() }
    }

    /// Begins a result set.
    pub(crate) fn enter(&mut self, set: &'static str) {
        self.set = set;
        self.key.clear();
    }

    /// Sets the server's clock of this batch.
    pub(super) fn read_clock(&mut self, row: &ClockRow) -> Result<&ClockNow<'c>, CellError> {
        let clock = self.clock.take().ok_or_else(|| CellError::new("the clock came twice"))?;
        self.now = clock.at(row);
        self.now.as_ref().map_err(Clone::clone)
    }

    /// Records why there is no clock, unless there is one.
    pub(super) fn without_clock(&mut self, error: &CellError) {
        if let Err(reason) = &mut self.now {
            *reason = error.clone();
        }
    }

    /// `DATEDIFF(second, wall, GETDATE())` on the server.
    pub(crate) fn local_age_seconds(&self, wall: DateTime) -> Result<i64, CellError> {
        Ok(self.now.as_ref().map_err(Clone::clone)?.local_age_seconds(wall))
    }

    /// The instant of a local time of the server in this row and column.
    pub(super) fn instant(&mut self, column: &str, wall: DateTime) -> Result<Timestamp, CellError> {
        let now = self.now.as_mut().map_err(|error| error.clone())?;
        now.instant(self.set, &self.key, column, wall)
    }
}

/// A type that one column holds.
pub(crate) trait Column: Sized {
    /// Decodes a cell.
    fn read(cell: &Cell<'_>, context: &mut Context<'_>) -> Result<Self, CellError>;
}

macro_rules! columns {
    ($($type:ty: $cell:ident, $context:pat => $read:expr;)+) => {
        $(impl Column for $type {
            fn read($cell: &Cell<'_>, $context: &mut Context<'_>) -> Result<$type, CellError> {
                $read
            }
        })+
    };
}

columns! {
    i32: cell, _ => cell.integer();
    u8: cell, _ => cell.integer();
    u64: cell, _ => cell.integer();
    i64: cell, _ => cell.integer();
    Option<i64>: cell, _ => cell.integer_or_null();
    bool: cell, _ => Ok(cell.integer::<u8>()? != 0);
    String: cell, _ => cell.text();
    Option<String>: cell, _ => cell.text_or_null();
    // The local clock of another machine, or a time that cannot be converted.
    DateTime: cell, _ => cell.wall_time();
    // The master's own local clock.
    Timestamp: cell, context => context.instant(cell.name(), cell.wall_time()?);
    Option<Timestamp>: cell, context => {
        cell.wall_time_or_null()?.map(|wall| context.instant(cell.name(), wall)).transpose()
    };
}

/// A field of a row: one column, or one for each word of a closed set.
pub(crate) trait Field: Sized {
    /// Its position.
    type At: Send + 'static;

    /// Finds its columns by its name.
    fn locate(name: &str, columns: &[String]) -> Result<Self::At, CellError>;

    /// Decodes it.
    fn read(at: &Self::At, row: Cells<'_>, context: &mut Context<'_>) -> Result<Self, CellError>;
}

impl<T: Column> Field for T {
    type At = Located;

    fn locate(name: &str, columns: &[String]) -> Result<Located, CellError> {
        Located::find(name, columns)
    }

    fn read(at: &Located, row: Cells<'_>, context: &mut Context<'_>) -> Result<T, CellError> {
        T::read(&at.cell(row)?, context)
    }
}

/// A closed set of words with one column for each, that counts what is of its kind.
pub(crate) trait Words: EnumArray<u64> + Copy + Send + 'static {
    /// The word, which the column's name has behind the field's and an underscore.
    fn word(self) -> &'static str;
}

impl<K: Words> Field for EnumMap<K, u64> {
    type At = Vec<(K, Located)>;

    fn locate(name: &str, columns: &[String]) -> Result<Vec<(K, Located)>, CellError> {
        let words = (0..K::LENGTH).map(K::from_usize);
        words.map(|word| Ok((word, Located::find(&format!("{name}_{}", word.word()), columns)?))).collect()
    }

    fn read(at: &Vec<(K, Located)>, row: Cells<'_>, _: &mut Context<'_>) -> Result<EnumMap<K, u64>, CellError> {
        let mut counts = EnumMap::default();
        for (word, located) in at {
            counts[*word] = located.cell(row)?.count()?;
        }
        Ok(counts)
    }
}

/// A text that distinguishes its row from the others of the set, so that decisions about its times can be kept.
pub(crate) fn key([cell]: [Cell<'_>; 1], context: &mut Context<'_>) -> Result<String, CellError> {
    let text = cell.text()?;
    context.key.clone_from(&text);
    Ok(text)
}

/// Declares the type of a statement's rows. Each field has the name of its column, whose value it is made from, or
/// names several columns and the function that makes it from their cells. Fields behind `and` have no column and begin
/// with their default.
macro_rules! row {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $row:ident {
            $($(#[$doc:meta])* $field_visibility:vis $field:ident: $type:ty = $columns:tt $(=> $read:path)?,)*
        }
        $(and {
            $($(#[$more_doc:meta])* $more_visibility:vis $more:ident: $more_type:ty,)*
        })?
    ) => {
        $(#[$attribute])*
        $visibility struct $row {
            $($(#[$doc])* $field_visibility $field: $type,)*
            $($($(#[$more_doc])* $more_visibility $more: $more_type,)*)?
        }

        impl $crate::sqlserver::FromRow for $row {
            fn decoder(
                columns: &[String],
            ) -> Result<$crate::sqlserver::Decoder<$row>, $crate::sqlserver::CellError> {
                $(let $field = $crate::sqlserver::row!(@locate columns, $type, $columns $($read)?);)*
                Ok(Box::new(move |row, context| {
                    Ok($row {
                        $($field: $crate::sqlserver::row!(@read row, context, $type, $field $($read)?),)*
                        $($($more: <$more_type>::default(),)*)?
                    })
                }))
            }
        }
    };
    (@locate $columns:ident, $type:ty, $name:literal) => {
        <$type as $crate::sqlserver::Field>::locate($name, $columns)?
    };
    (@locate $columns:ident, $type:ty, [$($name:literal),+] $read:path) => {
        $crate::sqlserver::Positions::locate(&[$($name),+], $columns)?
    };
    (@read $row:ident, $context:ident, $type:ty, $at:ident) => {
        <$type as $crate::sqlserver::Field>::read(&$at, $row, $context)?
    };
    (@read $row:ident, $context:ident, $type:ty, $at:ident $read:path) => {
        $read($at.cells($row)?, $context)?
    };
}
pub(crate) use row;
