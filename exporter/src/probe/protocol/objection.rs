//! Why a certificate is not taken, and the way out that fits this very one.

use super::certificate;
use super::verify::Verdict;

/// What a certificate is refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: String,
}

const ANY: &str = "set master.trust_server_certificate: true where the network is trusted";

/// The objection of a verdict; `None` where there is none. `alone`: nothing came with the certificate.
pub(super) fn of(verdict: Verdict, leaf: &[u8], alone: bool, name: &str) -> Option<Objection> {
    let about = certificate::about(leaf);
    let (message, hint) = match verdict {
        Verdict::Ok => return None,
        Verdict::NoTls => ("there is no certificate".to_owned(), ANY.to_owned()),
        Verdict::Expired if about.begins_later => (
            "its certificate is not valid yet".to_owned(),
            format!("is this machine's clock right? Else install one that has begun, or {ANY}"),
        ),
        Verdict::Expired if !about.has_ended => (
            "the certificate of an authority above its own has expired or is not valid yet".to_owned(),
            format!("let the master send that authority's present one, or set master.ca_file to this very certificate, or {ANY}"),
        ),
        Verdict::Expired => (
            "its certificate has expired".to_owned(),
            format!("install a new one on the master and restart SQL Server; until then {ANY}"),
        ),
        Verdict::NameMismatch if about.names.is_empty() => (
            format!("its certificate names no host, so it is not for {name}"),
            format!("issue one with {name} as subject alternative name, or {ANY}"),
        ),
        Verdict::NameMismatch => {
            // A wildcard is no name of a host: only one that it covers is taken.
            let one = match about.names.iter().find_map(|name| name.strip_prefix('*')) {
                Some(domain) => format!("a name that it covers, such as HOST{domain}"),
                None => "one of these names".to_owned(),
            };
            (
                format!("its certificate is for {}, not for {name}", about.names.join(", ")),
                format!(
                    "set master.host_name_in_certificate to {one}, or master.address to the name under which the targets \
                     know the master"
                ),
            )
        }
        Verdict::Untrusted if about.fallback => (
            "its certificate is the one that SQL Server makes for itself at each start".to_owned(),
            format!("give SQL Server a certificate of an authority, or {ANY}; master.ca_file holds until its next start"),
        ),
        Verdict::Untrusted if about.self_signed => (
            "its certificate signed itself and is not trusted here".to_owned(),
            format!("set master.ca_file to this very certificate, or {ANY}"),
        ),
        Verdict::Untrusted if about.authority => (
            "its certificate is that of an authority, used as a server's own".to_owned(),
            format!("set master.ca_file to this very certificate, or {ANY}"),
        ),
        Verdict::Untrusted if about.for_others => (
            "its certificate is not for a server: its extended key usage lacks server authentication".to_owned(),
            format!("issue one with that usage, or set master.ca_file to this very certificate, or {ANY}"),
        ),
        Verdict::Untrusted if alone => (
            "its certificate was signed by an authority that is not trusted here, and the server sent nothing in between"
                .to_owned(),
            format!("set master.ca_file to the authority that signed it and those above, or {ANY}"),
        ),
        Verdict::Untrusted => (
            "its certificate leads to no authority that is trusted here".to_owned(),
            format!("set master.ca_file to the authority at its top, or {ANY}"),
        ),
    };
    Some(Objection { message, hint })
}

/// A certificate that is right, with a key or in a form that this program cannot use in a handshake.
pub(super) fn of_signature(leaf: &[u8], error: &str) -> Objection {
    let short = certificate::about(leaf).short_key;
    let message = if short {
        "the RSA key of its certificate has fewer than 2048 bits, which is not taken here though Windows may take it"
            .to_owned()
    } else {
        format!("what it signed with its certificate cannot be verified: {error}")
    };
    Objection { message, hint: format!("issue a certificate with a key of 2048 bits or more, or {ANY}") }
}
