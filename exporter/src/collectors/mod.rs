//! What is read of the master, and the task that reads it again and again.

mod assemble;
mod coalescing;
mod reader;
mod reader_stats;
mod result_cache;

pub use coalescing::ReaderHandle;
pub use reader_stats::ReaderStats;
