//! What a certificate says of itself.

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

/// What SQL Server calls the certificate that it makes at each start where it finds no other.
const FALLBACK: &str = "CN=SSL_Self_Signed_Fallback";

impl Certificate {
    /// Whether it is SQL Server's own, which is new at each start and in no store.
    pub(crate) fn is_fallback(&self) -> bool {
        self.subject.eq_ignore_ascii_case(FALLBACK)
    }

    /// Whether it is for a host by this very name.
    pub(crate) fn has_name(&self, host: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}
