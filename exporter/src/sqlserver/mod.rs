//! Asks the master and answers plain rows: one task owns one connection, one round trip answers one reading.
//!
//! It never writes: every statement is a SELECT, a SET of its own session, or the bracket of the transaction that makes
//! all SELECTs see the same moment. Nobody outside sees a type of the driver.

mod arrivals;
mod assemble;
mod batch;
mod cells;
mod clock;
mod coalescing;
mod doctor;
mod faults;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod grants;
mod reader;
mod reader_stats;
mod reading;
mod refusals;
mod result_cache;
mod rights;
mod rows;
mod session;
mod stage_tracker;
mod statements;

pub use arrivals::{AgentSession, Arrival, Arrivals, RecordKind, Sighting, Timers};
pub use coalescing::ReaderHandle;
pub use doctor::{Agent, Listener, MasterTold, Member, TargetTold, ask_master, ask_target};
pub use grants::{GrantFile, Grantee, Principal, Release, grant_files, revocation, whole as grants_for};
pub use reader_stats::ReaderStats;
pub use reading::{
    Collected, CollectorReport, DownloadRow, DownloadedRow, Downloads, Fault, JobRow, JobTargetRow, Jobs, Outcome,
    Reading, ServerFacts, TargetRow, Targets,
};
pub use refusals::Refusal;

/// The script that gives the login its rights, as far as they are missing on the master now.
///
/// # Errors
/// Why the master could not be asked; the whole script comes with [`grants_for`].
pub async fn missing_grants(config: &crate::config::Config, grantee: &Grantee) -> Result<String, Fault> {
    let capabilities = session::look_at_rights(&config.master).await?;
    Ok(grants::missing(grantee, &capabilities))
}

/// Whether an address belongs to this machine: the node of a failover cluster that holds the instance has the network
/// name's address. A name that does not resolve is not here.
pub async fn is_here(address: &crate::model::Address) -> bool {
    match tokio::net::lookup_host((address.host.as_str(), 0)).await {
        Ok(mut found) => found.any(|found| session::is_local(found.ip())),
        Err(_) => false,
    }
}
