//! A TLS client without a socket: bytes in, bytes out.
//!
//! It accepts any certificate, so that it can be shown. [`super::verify`] says what a client that verifies would make
//! of it. The session with SQL Server, which verifies, is configured here too.

// The place for another implementation, such as schannel on Windows, which SQL Server's own clients use.
mod with_rustls;

use std::net::IpAddr;

pub(crate) use with_rustls::{TlsClient, client_config, wanted_name};

/// How a client of SQL Server starts TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// TDS 7: the handshake travels in PRELOGIN packets. At most TLS 1.2, because session tickets of TLS 1.3 would come
    /// after the packets have ended.
    InsidePackets,
    /// TDS 8: TLS first, with the application protocol `tds/8.0`.
    Strict,
}

/// The server name of the handshake (SNI), which selects the certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called<'a> {
    /// The name under which the server is known.
    pub(crate) host: &'a str,
    /// The address that answered, for a name that is not a DNS name.
    pub(crate) address: IpAddr,
}

/// The properties of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLSv1.2`.
    pub version: String,
    /// The certificates that the server sent, its own first, in DER.
    pub chain: Vec<Vec<u8>>,
}
