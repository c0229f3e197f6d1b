//! What is read of the master. One file for each collector: its statements, what their rows become, the rights that it
//! needs, and the metrics that come straight from its rows. And the task that reads all of them again and again, over
//! one connection.

mod arrivals;
mod asked;
mod assemble;
mod coalescing;
pub(crate) mod downloads;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub(crate) mod jobs;
mod reader;
mod reader_stats;
mod reading;
mod result_cache;
pub(crate) mod server;
mod target_detail;
pub(crate) mod targets;

use arrivals::Interrupt;
pub use arrivals::{
    AgentSession, Arrival, Arrivals, Blocker, Interruptions, LOOK_ENDS_WITHIN, MasterState, RecordKind, Sighting,
    Timers,
};
pub use coalescing::ReaderHandle;
pub use downloads::{DownloadRow, DownloadedRow, Downloads};
pub use jobs::{JobRow, JobTargetRow, Jobs, Outcome};
pub use reader_stats::ReaderStats;
pub use reading::{Collected, CollectorReport, Reading};
pub use server::ServerFacts;
pub use target_detail::{DetailResult, Instruction, Instructions, JobMessage, TargetDetail};
pub use targets::{TargetRow, Targets};

use crate::model::Collector;
use crate::sqlserver::Needs;

/// The rights that a collector needs.
fn needs(collector: Collector) -> &'static Needs {
    match collector {
        Collector::Targets => &targets::NEEDS,
        Collector::Downloads => &downloads::NEEDS,
        Collector::Server => &server::NEEDS,
        Collector::Jobs => &jobs::NEEDS,
        Collector::Arrivals => &arrivals::NEEDS,
    }
}

/// A truth as a label's value.
fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
