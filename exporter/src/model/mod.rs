//! The vocabulary that all rooms share: names, addresses, and the closed sets of words in labels, logs, pages and the
//! configuration. It depends on no other room.

mod address;
mod cause;
mod certificate;
pub(crate) mod duration;
pub(crate) mod figures;
mod history;
mod instruction;
mod master_evidence;
pub(crate) mod names;
mod page;
mod port;
mod query;
mod reading;
mod refusal;
mod server_name;
pub(crate) mod silence;
mod spelling;
mod steering;
mod utc_instant;
mod vocabulary;
mod way;

pub(crate) use address::canonical;
pub use address::{Address, BROWSER_PORT, DEFAULT_PORT, EnginePort};
pub use cause::Cause;
pub(crate) use cause::CauseFacts;
pub use certificate::{Acceptance, Certificate};
pub use history::HistoryKind;
pub use instruction::{ErrorClass, Operation, OrphanKind};
pub use master_evidence::MasterEvidence;
pub use page::{PageSource, StartMode, Store};
pub use port::{Check, Direction, PortSource, PortState};
pub(crate) use query::query_value;
pub use reading::{Collector, Stage};
pub use refusal::{ProbeFailure, Refusal};
pub use server_name::{DEFAULT_INSTANCE, ServerName};
pub(crate) use spelling::slips;
pub(crate) use steering::without_steering;
pub use utc_instant::UtcInstant;
pub(crate) use vocabulary::{Word, vocabulary};
pub use way::WayToMaster;
