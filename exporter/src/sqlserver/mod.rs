//! Asks SQL Server: a connection, a session that is ready to be read, and one round trip that answers a whole batch.
//!
//! It never writes: every statement is a SELECT, a SET of its own session, or the bracket of the transaction that makes
//! all SELECTs see the same moment. Nothing outside sees a type of the driver, and nothing here knows a collector.

mod batch;
mod cells;
mod clock;
mod doctor;
mod error;
mod faults;
mod grants;
mod refusals;
mod result_set;
mod rights;
mod rows;
mod session;
mod stage_tracker;
mod statements;

pub(crate) use batch::{BatchError, Left};
pub(crate) use cells::{Cell, CellError, Positions};
pub use clock::MasterClock;
pub(crate) use clock::{CLOCK, Clock};
pub use doctor::{Agent, Listener, MasterAnswers, Member, TargetAnswers, ask_master, ask_target};
pub use error::ReadError;
pub(crate) use faults::on_statement;
pub use grants::{GrantFile, Grantee, Principal, Release, grant_files, revocation, whole as grants_for};
pub use refusals::Retry;
pub(crate) use result_set::{Closing, ResultSet, Set, SetOutcome, Statement};
pub(crate) use rights::{Capabilities, Msdb, Needs, Right};
pub(crate) use rows::{Column, Context, Decoder, Field, FromRow, Words, key, row};
pub(crate) use session::{Session, open};
pub(crate) use stage_tracker::Progress;
#[cfg(test)]
pub(crate) use statements::prepare;

/// The script that gives the login its rights, as far as they are missing on the master now.
///
/// # Errors
/// Why the master could not be asked; the whole script comes with [`grants_for`].
pub async fn missing_grants(config: &crate::config::Config, grantee: &Grantee) -> Result<String, ReadError> {
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
