//! Turns a [`crate::diagnosis::Fleet`] into text. Pure: no I/O, no clock, no `await`.

mod catalogue;
mod facts;
pub(crate) mod families;
pub(crate) mod family_writer;
mod label;
mod negotiation;
pub(crate) mod page;
mod reference;
mod text004;
mod zipper;

pub use catalogue::{Group, Kind, Metric, catalogue};
pub use facts::{BuildInfo, ExporterFacts, ProcessFacts, Reload};
pub use negotiation::{accepts_gzip, gzip, negotiate};
pub use page::{Format, page, page_into, zipped_page};
pub use reference::reference;

#[cfg(test)]
pub(crate) mod tests;
