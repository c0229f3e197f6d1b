//! What a certificate says of itself.

use super::vocabulary::vocabulary;
use jiff::Timestamp;

/// The certificate that the master presents to all that connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name of the subject.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Whether it is signed with its own key.
    pub self_signed: bool,
    /// When it ends.
    pub not_after: Timestamp,
    /// The hosts that it is for: its DNS names, or its common name where it has none.
    pub names: Vec<String>,
    /// The SHA-256 of its bytes, in lower case.
    pub sha256: String,
}

vocabulary! {
    /// What targets make of the certificate, as far as it says so itself. A target verifies with MsxEncryptChannelOptions 2, the
    /// default, and takes any certificate with 0 and 1.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Acceptance {
        /// It has ended.
        Ended = "ended" => "a target with option 2, the default, refuses it; 0 and 1 take it",
        /// It is SQL Server's own.
        Fallback = "fallback" => "a target with option 2, the default, refuses it; 0 and 1 take it",
        /// It is signed by itself.
        SelfSigned = "self_signed" =>
            "signed by itself: a target with option 2, the default, refuses it, unless it is in the target's store; 0 and 1 take it",
        /// An authority signed it.
        OfAuthority = "of_authority" => "option 2 takes it where its authority is trusted and it has the master's name",
    }
}

/// What SQL Server calls the certificate that it makes at each start where it finds no other.
const FALLBACK: &str = "CN=SSL_Self_Signed_Fallback";

impl Certificate {
    /// Whether it is SQL Server's own, which is new at each start and in no store.
    pub(crate) fn is_fallback(&self) -> bool {
        self.subject.eq_ignore_ascii_case(FALLBACK)
    }

    /// What targets make of it now.
    pub(crate) fn acceptance(&self, now: Timestamp) -> Acceptance {
        match self {
            _ if self.not_after <= now => Acceptance::Ended,
            _ if self.is_fallback() => Acceptance::Fallback,
            Certificate { self_signed: true, .. } => Acceptance::SelfSigned,
            _ => Acceptance::OfAuthority,
        }
    }

    /// Whether it is for a host by this very name.
    pub(crate) fn has_name(&self, host: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}
