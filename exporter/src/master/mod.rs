//! Asks the master and answers plain rows: one task owns one connection, one round trip answers one reading.
//!
//! It never writes: every statement is a SELECT, a SET of its own session, or the bracket of the transaction that makes
//! all SELECTs see the same moment. Nobody outside sees a type of the driver.

mod assemble;
mod batch;
mod cells;
mod clock;
mod desk;
mod faults;
mod reader;
mod reading;
mod rights;
mod rows;
mod session;
mod spacing;
mod statements;
mod tap;
mod vitals;

pub(crate) use clock::zone_by_name;
pub use desk::Master;
pub use reading::{
    Certificate, Collected, Collector, CollectorReport, DownloadRow, DownloadedRow, Downloads, Fault, JobRow,
    JobTargetRow, Jobs, Outcome, Reading, ServerFacts, Stage, TargetRow, Targets,
};
pub use vitals::Vitals;
