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
}
