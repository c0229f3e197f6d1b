//! What of the versions, suites and curves of a web configuration is offered here. Every name that the toolkit knows is
//! taken. What is known and not offered is left out with a warning, and refused where nothing else is left.

use super::file::Files;
use super::section::Section;
use crate::config::{ConfigError, ValueError};
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// The versions from `min_version` to `max_version` that are spoken here. Empty with faults.
pub(super) fn versions(
    section: &mut Section,
    files: &mut Files<'_>,
    faults: &mut Vec<ConfigError>,
) -> Vec<&'static SupportedProtocolVersion> {
    let version = |text: &str| match text {
        "TLS10" => Ok(10),
        "TLS11" => Ok(11),
        "TLS12" => Ok(12),
        "TLS13" => Ok(13),
        _ => Err(ValueError::new("is not a version of TLS").expected("TLS12 or TLS13")),
    };
    let lowest: u8 = section.parsed("min_version", version, faults).unwrap_or(12);
    let highest = section.parsed("max_version", version, faults).unwrap_or(13);
    if highest < 12 {
        let wrong = ValueError::new("no version is left: TLS 1.0 and 1.1 are not spoken here");
        faults.push(section.fault("max_version", wrong.expected("TLS12 or TLS13")));
    } else if lowest > highest {
        faults.push(section.fault("max_version", "is below min_version"));
    } else if lowest < 12 {
        files.warn(section.fault("min_version", "TLS 1.0 and 1.1 are not spoken here; the lowest version is TLS 1.2"));
    }
    [(13, &TLS13), (12, &TLS12)]
        .into_iter()
        .filter(|(number, _)| (lowest..=highest).contains(number))
        .map(|(_, version)| version)
        .collect()
}

/// The cryptography, narrowed to what is listed.
pub(super) fn provider(
    section: &mut Section,
    versions: &[&'static SupportedProtocolVersion],
    files: &mut Files<'_>,
    faults: &mut Vec<ConfigError>,
) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    // As in Go, the list is about TLS 1.2: the suites of TLS 1.3 are no matter of choice, though they may be listed.
    let always: Vec<_> = provider.cipher_suites.iter().copied().filter(|suite| suite.tls13().is_some()).collect();
    if let Some(listed) = chosen(section, "cipher_suites", SUITES, LEFT_OUT, files, faults) {
        let older: Vec<_> = listed.into_iter().filter(|suite| suite.tls13().is_none()).collect();
        if older.is_empty() && versions == [&TLS12] {
            let why =
                ValueError::new("no suite is left for TLS 1.2, the only version offered: all of these are of TLS 1.3");
            faults.push(section.fault("cipher_suites", why.expected("a suite of TLS 1.2, or max_version: TLS13")));
        }
        provider.cipher_suites = always.into_iter().chain(older).collect();
    }
    if let Some(listed) = chosen(section, "curve_preferences", CURVES, "CurveP521 is not offered here", files, faults) {
        provider.kx_groups = listed;
    }
    provider
}

/// What a list names. `None` where there is none, or with faults.
fn chosen<T: Copy>(
    section: &mut Section,
    key: &str,
    known: &[(&str, Option<T>)],
    left_out: &str,
    files: &mut Files<'_>,
    faults: &mut Vec<ConfigError>,
) -> Option<Vec<T>> {
    let listed = section.list(key, faults);
    let mut offered = Vec::new();
    let before = faults.len();
    for name in &listed {
        match known.iter().find(|(known, _)| *known == name.text) {
            Some((_, it)) => offered.extend(*it),
            None => {
                let names: Vec<_> = known.iter().filter(|(_, it)| it.is_some()).map(|(name, _)| *name).collect();
                let wrong = ValueError::new("is not known").expected(format!("one of {}", names.join(", ")));
                faults.push(section.fault_at(&name.origin, key, wrong));
            }
        }
    }
    if listed.is_empty() || faults.len() > before {
        return None;
    }
    let missing = listed.len() - offered.len();
    if offered.is_empty() {
        faults.push(section.fault(key, format!("nothing of this list is left: {left_out}")));
    } else if missing > 0 {
        files.warn(section.fault(key, format!("{missing} of {} are not offered here", listed.len())));
    }
    Some(offered)
}

const LEFT_OUT: &str = "suites with CBC or without forward secrecy are not offered here";

/// Every suite that the toolkit knows, by Go's name. With CBC, or without forward secrecy, it is not offered here.
const SUITES: &[(&str, Option<SupportedCipherSuite>)] = {
    use aws_lc_rs::cipher_suite::*;
    &[
        ("TLS_AES_128_GCM_SHA256", Some(TLS13_AES_128_GCM_SHA256)),
        ("TLS_AES_256_GCM_SHA384", Some(TLS13_AES_256_GCM_SHA384)),
        ("TLS_CHACHA20_POLY1305_SHA256", Some(TLS13_CHACHA20_POLY1305_SHA256)),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Some(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Some(TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Some(TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Some(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Some(TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Some(TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256)),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", None),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", None),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", None),
    ]
};

/// Every curve that the toolkit knows.
const CURVES: &[(&str, Option<&'static dyn SupportedKxGroup>)] = {
    use aws_lc_rs::kx_group::*;
    &[
        ("X25519MLKEM768", Some(X25519MLKEM768)),
        ("X25519", Some(X25519)),
        ("CurveP256", Some(SECP256R1)),
        ("CurveP384", Some(SECP384R1)),
        ("CurveP521", None),
    ]
};
