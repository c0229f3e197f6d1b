//! What a batch is answered with.

use jiff::civil::DateTime;
use std::sync::Arc;
use std::time::Duration;

/// A SQL Server data type as it stands in a result set's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `bit`
    Bit,
    /// `tinyint`, unsigned
    TinyInt,
    /// `smallint`
    SmallInt,
    /// `int`
    Int,
    /// `bigint`
    BigInt,
    /// `float`
    Float,
    /// `decimal(precision, scale)`
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// `datetime`: 1/300 s
    DateTime,
    /// `datetime2(scale)`
    DateTime2(u8),
    /// `datetimeoffset(scale)`
    DateTimeOffset(u8),
    /// `nvarchar(n)`; `None` is max
    NVarChar(Option<u16>),
    /// `varchar(n)`; `None` is max
    VarChar(Option<u16>),
    /// `varbinary(n)`; `None` is max
    VarBinary(Option<u16>),
    /// `uniqueidentifier`
    UniqueIdentifier,
}

/// A column of a result set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, which may be empty.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it may be NULL: decides between the fixed and the nullable form on the wire.
    pub nullable: bool,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL of any type.
    Null,
    /// Every integer type and `bit`.
    Int(i64),
    /// `float`
    Float(f64),
    /// `decimal`: the digits without the point.
    Decimal(i128),
    /// Every character type.
    Text(Arc<str>),
    /// `varbinary`
    Bytes(Arc<[u8]>),
    /// `datetime` and `datetime2`: wall time without a zone.
    DateTime(DateTime),
    /// `datetimeoffset`: wall time and its offset in minutes east.
    DateTimeOffset(DateTime, i16),
    /// `uniqueidentifier`, in the order in which it is printed.
    Guid([u8; 16]),
}

/// An ERROR or INFO token ([MS-TDS] 2.2.7.10 and 2.2.7.13).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Msg {number}, Level {class}, State {state}: {message}")]
pub struct ServerError {
    /// Such as 229 or 18456.
    pub number: u32,
    /// State.
    pub state: u8,
    /// Severity. 11 and more is an error; 20 and more ends the connection.
    pub class: u8,
    /// Text.
    pub message: String,
}

impl ServerError {
    /// An error with state 1.
    pub fn new(number: u32, class: u8, message: impl Into<String>) -> ServerError {
        ServerError { number, state: 1, class, message: message.into() }
    }
}

/// One step of an answer. A batch is answered by a list of them; the server closes it with the final DONE by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A result set begins.
    Columns(Arc<[Column]>),
    /// One of its rows.
    Row(Vec<Value>),
    /// A statement ended; `rows` as DONE_COUNT. Whether more follows is told by the list.
    Done {
        /// Rows it returned or touched; `None` for statements that count none.
        rows: Option<u64>,
    },
    /// An error token, anywhere. The statement goes on or ends as the following replies say.
    Error(ServerError),
    /// An information token (`PRINT`, a change of database).
    Info(ServerError),
    /// Nothing for a while. An attention ends it at once, as on a real server.
    Wait(Duration),
    /// From here on the answer leaves so many bytes at a time, with a pause between.
    Drip {
        /// Bytes at a time.
        bytes: usize,
        /// The pause.
        pause: Duration,
    },
    /// Everything so far is sent, and then only so many bytes of what follows; then the connection ends with a FIN.
    CutAfter(usize),
    /// The connection ends with a FIN.
    Close,
    /// The connection ends with a RST.
    Reset,
    /// Bytes as they are, inside the message: for answers that are no TDS.
    Garbage(Vec<u8>),
}

/// Who is connected, as LOGIN7 told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// SQL login.
    pub user: String,
    /// Database asked for.
    pub database: String,
    /// `program_name`.
    pub application: String,
    /// `host_name`.
    pub host: String,
    /// Session number, unique for the life of the server.
    pub session: u16,
    /// Whether the session is encrypted after the login.
    pub encrypted: bool,
}

/// What stands behind the protocol.
pub trait Backend: Send + Sync + 'static {
    /// Whether this login may come in; the error is 18456 where it may not.
    ///
    /// # Errors
    /// The token to refuse it with.
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError>;

    /// Answers one batch, or one `sp_executesql` with its parameters already put in place as literals.
    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply>;
}
