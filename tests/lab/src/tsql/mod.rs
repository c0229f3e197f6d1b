//! The part of T-SQL that monitoring needs, run over tables in memory.
//!
//! A batch goes through [`parse`], `bind` (names and types, the compile errors) and `run`. What lies outside this part
//! is an error, never an empty answer. [`world::World`] is what it looks at; [`functions::FUNCTIONS`] and
//! `msdb::schema` say as data what there is, so that statements can be checked without being run.

mod bind;
pub mod collation;
pub mod convert;
pub mod errors;
pub mod functions;
mod like;
pub mod parse;
mod plan;
mod run;
pub mod session;
#[cfg(test)]
mod tests;
pub mod types;
mod walk;
pub mod world;
