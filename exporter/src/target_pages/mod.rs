//! The pages that targets write, read by the exporter of their master: what only a target can know of itself and of its
//! way to the master. A user who may write into the folder of a target may write anything there, so each page is read within
//! bounds and believed of this target alone. What a page proves is decided in `diagnosis`.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod memory;
mod page;
mod parse;
mod reader;
mod sample;
#[cfg(test)]
mod script;

pub use page::{CertificateLook, KnownPage, PageResults, PagesOfTarget, TargetPage};
pub use reader::PageReader;

#[cfg(test)]
pub(crate) use page::tests;
