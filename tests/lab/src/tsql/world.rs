//! What statements look at: the evaluator asks, the lab answers.

use super::collation::Collation;
use super::parse::Isolation;
use crate::wire::{Column, Reply, ServerError, Value};
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::sync::Arc;
use std::time::Duration;

/// One row of a table.
pub type Row = Arc<[Value]>;

/// A table or view as a statement finds it.
#[derive(Debug, PartialEq)]
pub struct Shape {
    /// The database that holds it.
    pub database: String,
    /// `dbo` or `sys`.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// The server's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now {
    /// The instant.
    pub utc: Timestamp,
    /// Its local wall time.
    pub local: DateTime,
    /// Minutes east of UTC.
    pub offset: i16,
}

/// Something that happens where a table is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Mishap {
    /// A lock that is held for so long. The wait ends with 1222 where LOCK_TIMEOUT is shorter.
    Lock(Duration),
    /// An error after so many rows of the set. It ends what an error of its number and class ends.
    Error {
        /// Rows that are sent before it.
        after: usize,
        /// The error.
        error: ServerError,
        /// Whether the batch ends there although the error by itself would not end it.
        abort: bool,
    },
    /// Replies after so many rows: waits, drips, cuts.
    Replies {
        /// Rows that are sent before them.
        after: usize,
        /// The replies, in order.
        replies: Vec<Reply>,
    },
}

/// A function whose answer depends on the server and the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ServerFunction {
    ServerProperty,
    ConnectionProperty,
    ObjectId,
    IdentCurrent,
    DbId,
    DbName,
    HasDbAccess,
    HasPermsByName,
    IsSrvRoleMember,
    IsMember,
    IsRoleMember,
    SuserSname,
    SuserId,
    UserName,
    CurrentTimezoneId,
    AppName,
    HostName,
    ServerName,
    Version,
    Spid,
}

/// The server as one session sees it while one batch runs.
pub trait World {
    /// The major version as the year in its name, such as 2019.
    fn version(&self) -> u16;
    /// The default collation.
    fn collation(&self) -> Collation;
    /// The clock.
    fn now(&self) -> Now;
    /// Finds a table by the parts of its name. `None` where there is no such object.
    ///
    /// # Errors
    /// 916 where the login may not enter the database.
    fn find(&self, database: Option<&str>, schema: Option<&str>, name: &str)
    -> Result<Option<Arc<Shape>>, ServerError>;
    /// Whether the login may read these columns.
    ///
    /// # Errors
    /// 229, 230, or 300 followed by 297.
    fn may_select(&self, shape: &Shape, columns: &[usize]) -> Result<(), Vec<ServerError>>;
    /// Whether a SNAPSHOT transaction may read this database.
    fn snapshot_allowed(&self, database: &str) -> bool;
    /// The rows.
    fn rows(&self, shape: &Shape) -> Arc<Vec<Row>>;
    /// What happens to a statement that reads this table now. Asked once for each statement and table.
    fn mishaps(&self, shape: &Shape, isolation: Isolation) -> Vec<Mishap>;
    /// Answers a function.
    ///
    /// # Errors
    /// Whatever the server says to wrong arguments.
    fn call(&self, function: ServerFunction, arguments: &[Value]) -> Result<Value, ServerError>;
}
