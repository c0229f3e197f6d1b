//! The client's side of TLS without a socket: bytes in, bytes out.
//!
//! It looks and does not trust: any certificate is accepted, so that it can be shown. What a client that verifies would
//! say of it is another question.

// The seam for another implementation: on Windows schannel, which is what SQL Server's own clients use.
mod with_rustls;

use std::net::IpAddr;

pub(crate) use with_rustls::TlsClient;

/// How TLS is started with SQL Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// TDS 7: the handshake travels in PRELOGIN packets. At most TLS 1.2: tickets of TLS 1.3 would come after the
    /// packets have ended.
    InsidePackets,
    /// TDS 8: TLS first, with the application protocol `tds/8.0`.
    Strict,
}

/// Who is called, for the extension that tells the server which certificate is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called<'a> {
    /// The name under which the server is known.
    pub(crate) host: &'a str,
    /// The address that answered, for a name that is no DNS name.
    pub(crate) address: IpAddr,
}

/// What a handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLSv1.2`.
    pub version: String,
    /// The certificates that the server sent, its own first, in DER.
    pub chain: Vec<Vec<u8>>,
}
