//! Asks the master and answers plain rows: one task owns one connection, one round trip answers one reading.

mod reading;

pub use reading::{
    Certificate, Collected, Collector, CollectorReport, DownloadRow, DownloadedRow, Downloads, Fault, JobRow,
    JobTargetRow, Jobs, Outcome, Reading, ServerFacts, Stage, TargetRow, Targets,
};
