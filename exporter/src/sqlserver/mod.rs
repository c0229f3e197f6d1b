//! Asks SQL Server: opens a connection, prepares the session, and reads one batch in one round trip.
//!
//! It never writes: every statement is a SELECT, a SET of its own session, or the transaction that makes all SELECTs
//! see the same moment. No type of the driver leaves this room, and no collector is known here.

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
mod schannel;
mod session;
mod stage_tracker;
mod statements;
mod transport;

pub(crate) use batch::{BatchError, Left};
pub(crate) use cells::{Cell, CellError, Positions};
pub use clock::MasterClock;
pub(crate) use clock::{CLOCK, Clock};
pub use doctor::{Agent, Listener, MasterAnswers, Member, TargetAnswers, ask_master, ask_target};
pub use error::ReadError;
pub(crate) use faults::on_statement;
pub use grants::{GrantFile, Grantee, Principal, Release, complete as grants_for, grant_files, revocation};
pub use refusals::Retry;
pub(crate) use result_set::{Closing, ResultSet, Set, SetOutcome, Statement};
pub(crate) use rights::{Capabilities, Msdb, Needs, Right};
pub use rights::{MissingRight, Place};
pub(crate) use rows::{Column, Context, Decoder, Field, FromRow, Words, key, row};
pub(crate) use session::{Session, open};
pub(crate) use stage_tracker::Progress;
#[cfg(test)]
pub(crate) use statements::prepare;

/// The script that grants the rights that the login lacks on the master now.
///
/// # Errors
/// Why the master could not be asked; [`grants_for`] has the complete script.
pub async fn missing_grants(config: &crate::config::Config, grantee: &Grantee) -> Result<String, ReadError> {
    let capabilities = session::look_at_rights(&config.master).await?;
    Ok(grants::missing(grantee, &capabilities))
}

/// Whether an address belongs to this machine: the node of a failover cluster that holds the instance also has the
/// address of the network name. False for a name that does not resolve.
pub async fn is_here(address: &crate::model::Address) -> bool {
    match tokio::net::lookup_host((address.host.as_str(), 0)).await {
        Ok(mut found) => found.any(|found| session::is_local(found.ip())),
        Err(_) => false,
    }
}
