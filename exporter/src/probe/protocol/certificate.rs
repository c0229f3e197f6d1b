//! Decodes certificates.

use crate::model::Certificate;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;
use std::net::IpAddr;
use x509_cert::TbsCertificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{BmpString, ObjectIdentifier};
use x509_cert::der::oid::AssociatedOid as _;
use x509_cert::der::oid::db::rfc5280::ID_KP_SERVER_AUTH;
use x509_cert::der::{Decode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::time::Time;

/// The longest name that is kept, in characters: it becomes a label, and any server can send it.
pub(super) const NAME_LIMIT: usize = 512;
/// `rsaEncryption` of RFC 8017.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// The deepest nesting of values. Those of a certificate need at most ten levels.
const DEEPEST: usize = 32;
/// Names of one certificate that are looked at.
const MOST_NAMES: usize = 500;
/// `commonName` of X.520.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Decodes a certificate in DER; `None` for other bytes.
pub(crate) fn describe(der: &[u8]) -> Option<Certificate> {
    let certificate = read(der)?;
    Some(Certificate {
        subject: distinguished(&certificate.subject),
        issuer: distinguished(&certificate.issuer),
        self_signed: certificate.subject == certificate.issuer,
        not_after: instant(certificate.validity.not_after),
        names: names(&certificate),
        sha256: fingerprint(der),
    })
}

fn fingerprint(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a certificate in DER is within its validity period.
pub(crate) fn holds_at(der: &[u8], now: Timestamp) -> bool {
    read(der).is_some_and(|certificate| {
        let validity = certificate.validity;
        (instant(validity.not_before)..=instant(validity.not_after)).contains(&now)
    })
}

/// Whether a certificate in DER is valid for a host: by its DNS names and addresses, and by its common name where it
/// has no DNS name, as on Windows.
pub(crate) fn is_for(der: &[u8], host: &str) -> bool {
    let Some(certificate) = read(der) else { return false };
    let alternatives = alternatives(&certificate);
    let host = without_dot(host);
    let address: Option<IpAddr> = host.parse().ok();
    let has_address = alternatives.iter().any(|name| match (name, address) {
        (GeneralName::IpAddress(octets), Some(IpAddr::V4(address))) => octets.as_bytes() == address.octets(),
        (GeneralName::IpAddress(octets), Some(IpAddr::V6(address))) => octets.as_bytes() == address.octets(),
        _ => false,
    });
    has_address || names(&certificate).iter().any(|pattern| covers(pattern, host))
}

/// The DNS names, or the common names where there is no DNS name.
fn names(certificate: &TbsCertificate) -> Vec<String> {
    let alternatives = alternatives(certificate);
    let dns_names = alternatives.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        _ => None,
    });
    let dns_names: Vec<String> = dns_names.take(MOST_NAMES).collect();
    if dns_names.is_empty() { common_names(certificate).take(MOST_NAMES).collect() } else { dns_names }
}

/// What matters where a certificate is refused.
#[derive(Debug, Default)]
pub(super) struct About {
    /// Names of hosts: the alternative ones, or the common name where there is none.
    pub(super) names: Vec<String>,
    pub(super) self_signed: bool,
    /// Whether SQL Server made it for itself.
    pub(super) fallback: bool,
    /// Whether it is the certificate of an authority.
    pub(super) authority: bool,
    pub(super) begins_later: bool,
    pub(super) has_ended: bool,
    /// Whether its extended key usage names others and not that of a server.
    pub(super) for_others: bool,
    /// An RSA key of fewer than 2048 bits.
    pub(super) short_key: bool,
}

/// Reads what matters where a certificate is refused; nothing of bytes that are no certificate.
pub(super) fn about(der: &[u8]) -> About {
    let Some(certificate) = read(der) else { return About::default() };
    let mut names: Vec<String> = alternatives(&certificate).iter().filter_map(host).collect();
    let fallback = distinguished(&certificate.subject) == "CN=SSL_Self_Signed_Fallback";
    if names.is_empty() && !fallback {
        names = common_names(&certificate).collect();
    }
    let key = &certificate.subject_public_key_info;
    let constraints = certificate.get::<BasicConstraints>().ok().flatten();
    let usage = certificate.get::<ExtendedKeyUsage>().ok().flatten();
    let now = Timestamp::now();
    About {
        names,
        self_signed: certificate.subject == certificate.issuer,
        fallback,
        authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
        begins_later: instant(certificate.validity.not_before) > now,
        has_ended: instant(certificate.validity.not_after) < now,
        for_others: usage.is_some_and(|(_, usage)| !usage.0.contains(&ID_KP_SERVER_AUTH)),
        // A modulus of 2048 bits alone takes 256 bytes.
        short_key: key.algorithm.oid == RSA && key.subject_public_key.raw_bytes().len() < 256,
    }
}

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => {
            let v4 = <[u8; 4]>::try_from(octets.as_bytes()).map(IpAddr::from);
            let any = v4.or_else(|_| <[u8; 16]>::try_from(octets.as_bytes()).map(IpAddr::from));
            any.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn common_names(certificate: &TbsCertificate) -> impl Iterator<Item = String> + '_ {
    let parts = certificate.subject.0.iter().flat_map(|relative| relative.0.iter());
    let written = parts.filter(|part| part.oid == COMMON_NAME).map(attribute);
    written.filter_map(|written| written.split_once('=').map(|(_, name)| name.to_owned()))
}

/// The certificate without its signature.
fn read(der: &[u8]) -> Option<TbsCertificate> {
    if !lengths_hold(der, DEEPEST) {
        return None;
    }
    x509_cert::Certificate::from_der(der).ok().map(|certificate| certificate.tbs_certificate)
}

/// The subject alternative names; none where they cannot be decoded.
fn alternatives(certificate: &TbsCertificate) -> Vec<GeneralName> {
    let mut written = certificate.extensions.iter().flatten().filter(|part| part.extn_id == SubjectAltName::OID);
    if !written.all(|part| lengths_hold(part.extn_value.as_bytes(), DEEPEST)) {
        return Vec::new();
    }
    certificate.get::<SubjectAltName>().ok().flatten().map(|(_, names)| names.0).unwrap_or_default()
}

/// Whether the input really holds every length that a tree of DER values (X.690 8.1) announces. The library allocates
/// an announced length, up to 256 MiB, before it reads the bytes.
fn lengths_hold(mut bytes: &[u8], deepest: usize) -> bool {
    loop {
        let [tag, length, rest @ ..] = bytes else { return bytes.is_empty() };
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            0x81..=0x84 => {
                let Some((digits, rest)) = rest.split_at_checked(usize::from(length & 0x7f)) else { return false };
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return false,
        };
        let Some((content, after)) = rest.split_at_checked(length) else { return false };
        let holds_others = tag & 0x20 != 0;
        if holds_others && (deepest == 0 || !lengths_hold(content, deepest - 1)) {
            return false;
        }
        bytes = after;
    }
}

/// A name or a pattern whose first label is `*`, which stands for exactly one label (RFC 6125 6.4.3).
fn covers(pattern: &str, host: &str) -> bool {
    let pattern = without_dot(pattern);
    match pattern.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => !host.is_empty() && pattern.eq_ignore_ascii_case(host),
    }
}

/// A host without the dot that ends a complete name.
fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// A certificate without an end (RFC 5280 4.1.2.5: the year 9999) ends after the last representable instant.
fn instant(time: Time) -> Timestamp {
    let since_epoch = SignedDuration::try_from(time.to_unix_duration()).unwrap_or(SignedDuration::MAX);
    Timestamp::from_duration(since_epoch).unwrap_or(Timestamp::MAX)
}

/// A name in the order and spelling of RFC 4514.
fn distinguished(name: &Name) -> String {
    let mut text = String::new();
    for relative in name.0.iter().rev() {
        for part in relative.0.iter() {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&attribute(part));
        }
    }
    match text.char_indices().nth(NAME_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// One part of a name. Windows writes a name with an underscore, such as that of SQL Server's fallback certificate, in
/// UTF-16, which the library would print as hexadecimal digits.
fn attribute(part: &AttributeTypeAndValue) -> String {
    if part.value.tag() == Tag::BmpString
        && let Ok(value) = BmpString::from_ucs2(part.value.value())
    {
        let utf8 =
            AttributeTypeAndValue { oid: part.oid, value: utf8(&value.to_string()).unwrap_or(part.value.clone()) };
        return display(&utf8);
    }
    display(part)
}

fn utf8(text: &str) -> Option<x509_cert::der::Any> {
    x509_cert::der::Any::new(Tag::Utf8String, text.as_bytes()).ok()
}

/// `to_string` would panic where the library's `Display` returns an error.
fn display(part: &AttributeTypeAndValue) -> String {
    let mut text = String::new();
    match write!(text, "{part}") {
        Ok(()) => text,
        Err(_) => format!("{}=?", part.oid),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, string::BmpString};

    fn certificate(common_name: DnValue, end: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["sql01".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_after = rcgen::date_time_ymd(end.0, end.1, end.2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_fallback_certificate_of_sql_server_is_read() {
        let name = BmpString::try_from("SSL_Self_Signed_Fallback").unwrap();
        let found = describe(&certificate(DnValue::BmpString(name), (2056, 3, 1))).unwrap();
        assert_eq!(found.subject, "CN=SSL_Self_Signed_Fallback");
        assert!(found.is_fallback() && found.has_name("SQL01") && !found.has_name("SSL_Self_Signed_Fallback"));
        assert!(found.self_signed);
        assert_eq!(found.not_after.to_string(), "2056-03-01T00:00:00Z");
    }

    #[test]
    fn a_certificate_without_an_end_is_read() {
        let found = describe(&certificate(DnValue::Utf8String("x".into()), (9999, 12, 31))).unwrap();
        assert_eq!(found.not_after, Timestamp::MAX);
    }

    #[test]
    fn a_length_that_is_not_borne_out_is_no_certificate() {
        let complete = certificate(DnValue::Utf8String("sql01".into()), (2030, 1, 1));
        assert!(lengths_hold(&complete, DEEPEST));
        assert!(!lengths_hold(&complete[..complete.len() - 1], DEEPEST));
        assert!(!lengths_hold(&[0x30, 0x05, 0x03, 0x84, 0x0f, 0xff, 0xff], DEEPEST));
        assert!(!lengths_hold(&[0x30, 0x06, 0x03, 0x84, 0x0f, 0xff, 0xff, 0xff], DEEPEST));
        assert!(lengths_hold(&[0x30, 0x02, 0x30, 0x00], 2) && !lengths_hold(&[0x30, 0x02, 0x30, 0x00], 1));
    }

    #[test]
    fn a_long_name_is_cut_and_control_characters_are_escaped() {
        let found =
            describe(&certificate(DnValue::Utf8String("\n".to_owned() + &"é".repeat(900)), (2030, 1, 1))).unwrap();
        assert!(found.subject.starts_with("CN=\\0aé"), "{}", found.subject);
        assert_eq!(found.subject.chars().count(), NAME_LIMIT + 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = describe(&bytes);
        }

        #[test]
        fn a_spoilt_certificate_is_read_without_a_panic(at in 0_usize..300, by: u8) {
            let mut der = certificate(DnValue::Utf8String("sql01".into()), (2030, 1, 1));
            if let Some(byte) = der.get_mut(at) {
                *byte ^= by;
            }
            let _ = describe(&der);
        }
    }
}
