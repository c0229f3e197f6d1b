//! The master's database: documented tables, and the fleet that lives in them.
//!
//! ```
//! use msx_lab::msdb::{Lab, Scenario};
//! let lab = Lab::scenario(Scenario::NeverPolled).version(2019).zone("Europe/Berlin").at("2026-10-25T00:30:00Z");
//! lab.revoke("sysdownloadlist");
//! lab.advance(jiff::SignedDuration::from_mins(90));
//! ```

mod arrivals;
mod catalog;
mod clock;
mod control;
mod fleet;
mod lab;
mod master;
pub mod models;
mod network;
mod properties;
mod rights;
mod scenario;
pub mod schema;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use arrivals::{Arrival, LoginPart};
pub use clock::Clock;
pub use fleet::{Downloading, Fleet, Instruction, Job, Operation, Outcome, Target, packed_seconds};
pub use lab::Lab;
pub use master::{Master, PASSWORD, USER};
pub use scenario::Scenario;
pub use state::State;

/// The lock, whatever became of the thread that held it last.
pub(crate) fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
