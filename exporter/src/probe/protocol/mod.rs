//! The protocols that show whether a port answers as expected: bytes without policy. None logs in, and none panics,
//! hangs or grows on what a peer sends.

/// Passes the protocols of one question and one answer to a macro; each has a fuzz target of its name.
#[cfg(feature = "fuzzing")]
macro_rules! of_one_question {
    ($with:ident) => {
        $with!(netbios, smb);
    };
}
#[cfg(feature = "fuzzing")]
use of_one_question;

pub(crate) mod attempt;
pub(crate) mod browser;
mod certificate;
pub(crate) mod engine_port;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod legacy_signatures;
pub(crate) mod netbios;
mod objection;
pub(crate) mod resolve;
pub(crate) mod rpc;
mod session_verifier;
pub(crate) mod smb;
pub(crate) mod tcp;
pub(crate) mod tds;
pub(crate) mod tls;
pub(crate) mod verify;

pub use attempt::{ProbeError, Sockets};
pub use browser::Announcement;
pub use engine_port::engine_port;
pub use rpc::{Interface, SERVICE_CONTROL, registered_port};
pub(crate) use session_verifier::SessionVerifier;
pub(crate) use tds::packet::PacketError;
pub(crate) use tds::packets;
pub use tds::{Encryption, Engine, EngineFacts, Gaze, look};
pub use tls::TlsFacts;
pub use verify::{Anchors, Verdict, verify_certificate};
