//! Turns a [`crate::fleet::Fleet`] into text. Pure: no I/O, no clock, no `await`.

pub mod api;
mod catalogue;
pub mod discovery;
pub mod explain;
mod exposition;
mod facts;
mod families;
mod label;
mod negotiation;
mod probe;
mod reference;
mod sheet;
mod text004;
mod words;
mod zipper;

pub use catalogue::{Group, Kind, Metric, catalogue};
pub use exposition::{Format, page, page_into, zipped_page};
pub use facts::{BuildInfo, ExporterFacts, ProcessFacts, Reload};
pub use negotiation::{accepts_gzip, gzip, negotiate};
pub use probe::{probe, probe_trace};
pub use reference::reference;

#[cfg(test)]
mod tests;
