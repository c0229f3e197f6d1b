//! The catalogue of metrics, and how a family of them is written: both formats, negotiation, compression. It knows no
//! collector. Pure: no I/O, no clock, no `await`.

pub(crate) mod catalogue;
mod compressor;
mod constant_label;
mod facts;
pub(crate) mod family_writer;
mod format;
pub(crate) mod in_order;
mod negotiation;
mod reference;

pub use catalogue::{Group, Kind, Metric, catalogue};
pub(crate) use compressor::Compressor;
pub use compressor::{Compressed, gzip};
pub use constant_label::{ConstantLabel, ConstantLabelError};
pub use facts::{BuildInfo, ExporterFacts, ProbeCounts, ProcessFacts, Reload};
pub use format::Format;
pub use negotiation::{accepts_gzip, negotiate};
pub use reference::reference;
