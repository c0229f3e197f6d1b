//! A stand-in master for tests and demonstrations.
//!
//! - [`wire`]: what a statement is answered with, independent of the protocol and of the data.
//! - [`tds`]: speaks TDS 7.4 and 8.0 over a socket and hands each batch to a [`wire::Backend`].
//! - [`tsql`]: runs the part of T-SQL that monitoring needs over tables in memory; what it does not know is an error.
//! - [`msdb`]: the documented tables, typed as `msdb` types them, and the fleet that lives in them.
//! - [`test_server`]: puts the two halves together.
//!
//! It is judged by clients that were not written here (python-tds, tedious, FreeTDS). It depends on nothing of the
//! exporter, so that a mistake there cannot hide here.

pub mod browser;
pub mod msdb;
pub mod tds;
pub mod test_server;
pub mod tsql;
pub mod wire;
