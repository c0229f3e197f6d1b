//! TDS as a SQL Server speaks it: [MS-TDS] 7.4, and 8.0 where encryption is strict.
//!
//! ```text
//! Server ─► session ─► prelogin ─► tls ─► login ─► request ─► Backend::batch ─► reply ─► tokens, types ─► packet
//! ```
//!
//! Left out on purpose: MARS, bulk load, prepared handles, integrated and federated logins. Each is refused as a real
//! server refuses what it was not set up for; none is passed over in silence.

pub mod certs;
mod link;
mod literal;
mod login;
mod packet;
mod prelogin;
mod reply;
mod request;
mod rpc;
mod server;
mod session;
mod tls;
mod tokens;
mod types;
mod values;

pub use certs::Identity;
pub use server::{Connections, Control, Encryption, Fault, Options, Server, ServerVersion};
