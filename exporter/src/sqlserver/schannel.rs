//! What Windows' TLS says, by its codes: its texts are in the language of the machine.

/// A code, what it means, and what to do.
type Row = (u32, &'static str, &'static str);

const CA: &str = "set master.ca_file to the authority that signed it, put that into this machine's store, or set \
                  master.trust_server_certificate: true where the network is trusted";
const NAME: &str = "set master.host_name_in_certificate to the name in the certificate";
const CLOCK: &str = "install a certificate that is valid now on the master, and look whether both clocks are right";
const SUITES: &str = "compare the TLS versions and cipher suites of both machines (their SCHANNEL settings)";
const REVOCATION: &str = "let this machine reach the list of revoked certificates that the certificate names";
const USAGE: &str = "issue a certificate for server authentication";

const ROWS: &[Row] = &[
    (0x8009_0304, "the Local Security Authority failed", "look into this machine's System event log (Schannel)"),
    (
        0x8009_0308,
        "what the server sent is no TLS",
        "is this the port of SQL Server's engine, and master.encrypt right?",
    ),
    (0x8009_030E, "this machine has no credentials for TLS", "look into this machine's System event log (Schannel)"),
    (0x8009_0322, "the certificate is for another name", NAME),
    (0x8009_0325, "the certificate's root is not trusted", CA),
    (0x8009_0326, "the server's part of the handshake was not as expected", SUITES),
    (0x8009_0327, "the certificate cannot be used", CA),
    (0x8009_0328, "the certificate has expired", CLOCK),
    (0x8009_0331, "both machines have no cipher suite in common", SUITES),
    (0x8009_0349, "the certificate is not meant for a server", USAGE),
    (0x8009_2004, "the certificate's issuer was not found", CA),
    (0x8009_2010, "the certificate was revoked", CLOCK),
    (0x8009_2012, "whether the certificate was revoked cannot be looked up", REVOCATION),
    (0x8009_2013, "the list of revoked certificates cannot be reached", REVOCATION),
    (0x800B_0101, "the certificate has expired, or is not valid yet", CLOCK),
    (0x800B_0102, "the certificate outlives the one that signed it", CLOCK),
    (0x800B_0109, "the certificate's root is not trusted", CA),
    (0x800B_010A, "the certificate leads to no trusted root", CA),
    (0x800B_010C, "the certificate was revoked", CLOCK),
    (0x800B_010E, "whether the certificate was revoked cannot be looked up", REVOCATION),
    (0x800B_010F, "the certificate is for another name", NAME),
    (0x800B_0110, "the certificate is not meant for a server", USAGE),
];

/// The meaning of the code in a text such as `… (os error -2146762487)`, and what to do.
pub(super) fn explain(text: &str) -> Option<(String, &'static str)> {
    let (_, behind) = text.rsplit_once("(os error ")?;
    let signed: i32 = behind.split_once(')')?.0.parse().ok()?;
    let code = signed.cast_unsigned();
    let (_, meaning, hint) = ROWS.iter().find(|(known, ..)| *known == code)?;
    Some((format!("{meaning} (0x{code:08X})"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_in_any_language() {
        for (text, meaning) in [
            ("Eine Zertifikatkette wurde verarbeitet (os error -2146762487)", "root is not trusted (0x800B0109)"),
            ("(os error -2146762481)", "another name (0x800B010F)"),
            ("x (os error -2146885613)", "cannot be reached (0x80092013)"),
            ("x (os error -2146893018)", "not as expected (0x80090326)"),
        ] {
            assert!(explain(text).is_some_and(|(found, _)| found.contains(meaning)), "{text}: {:?}", explain(text));
        }
        for text in ["", "(os error 5)", "(os error x)", "a certificate"] {
            assert_eq!(explain(text), None, "{text}");
        }
    }
}
