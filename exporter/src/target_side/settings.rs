//! What each setting of MsxEncryptChannelOptions would make of the master that was seen.
//!
//! The settings are Microsoft's ([set-encryption-options-on-target-servers]): 0 asks for no encryption, 1 encrypts and
//! verifies nothing, 2 encrypts and verifies. What follows from them is the table of [MS-TDS] 2.2.6.5: a client that
//! asks for nothing still encrypts its login, and all of the session where the server forces it.
//!
//! [set-encryption-options-on-target-servers]: https://learn.microsoft.com/en-us/ssms/agent/set-encryption-options-on-target-servers

use super::Presented;
use crate::probe::protocol::{Encryption, Verdict};

/// The predicted outcome of a connection of SQL Server Agent to its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The value of MsxEncryptChannelOptions.
    pub setting: u32,
    /// Whether the connection would succeed; `None` where that is not known.
    pub connects: Option<bool>,
    /// The reason in words.
    pub words: String,
}

/// One for each setting, 0 to 2. `name` is the host in MSXServerName.
pub fn forecasts(presented: &Presented, name: &str) -> [Forecast; 3] {
    [0, 1, 2].map(|setting| {
        let (connects, words) = forecast(setting, presented, name);
        Forecast { setting, connects, words }
    })
}

fn forecast(setting: u32, presented: &Presented, name: &str) -> (Option<bool>, String) {
    let verdict = presented.verdict;
    let refused = format!("it refuses the master's certificate ({}) for the name {name:?}", verdict.name());
    let good = verdict == Verdict::Ok;
    match (setting, presented.encryption) {
        (0, Encryption::Unavailable) => (Some(true), "nothing is encrypted, the login neither".to_owned()),
        (_, Encryption::Unavailable) => {
            (Some(false), format!("it demands encryption, and the master offers none ({})", verdict.name()))
        }
        // A client of TDS 8.0 always verifies, and setting 2 verifies without TDS 8.0 too.
        (2, Encryption::Strict) if !good => (Some(false), refused),
        (_, Encryption::Strict) => (
            None,
            format!(
                "only strict encryption (TDS 8.0) was seen, which always verifies: the certificate is {}; whether the \
                 Agent of this version speaks it is not known",
                verdict.name()
            ),
        ),
        (0, Encryption::Optional) => (Some(true), "the login alone is encrypted, and nothing is verified".to_owned()),
        (0, Encryption::Required) if good => {
            (Some(true), "all is encrypted, because the master forces it; its certificate would pass".to_owned())
        }
        (0, Encryption::Required) => (
            None,
            format!(
                "all is encrypted, because the master forces it; whether the Agent then looks at the certificate ({}) is \
                 not documented",
                verdict.name()
            ),
        ),
        (1, _) if good => (Some(true), "all is encrypted; the certificate would pass, and is not verified".to_owned()),
        (1, _) => {
            (Some(true), format!("all is encrypted, and nothing is verified: the certificate is {}", verdict.name()))
        }
        _ if good => (Some(true), "all is encrypted, and the certificate passes".to_owned()),
        _ => (Some(false), refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn outcomes(encryption: Encryption, verdict: Verdict) -> [Option<bool>; 3] {
        let presented = Presented {
            verdict,
            store: crate::model::Store::File,
            encryption,
            certificate: None,
            seen_at: Timestamp::UNIX_EPOCH,
        };
        forecasts(&presented, "msx01").map(|forecast| forecast.connects)
    }

    #[test]
    fn each_setting_against_each_master() {
        const YES: Option<bool> = Some(true);
        const NO: Option<bool> = Some(false);
        for (encryption, verdict, expected) in [
            (Encryption::Unavailable, Verdict::NoTls, [YES, NO, NO]),
            (Encryption::Optional, Verdict::Ok, [YES, YES, YES]),
            (Encryption::Optional, Verdict::Untrusted, [YES, YES, NO]),
            (Encryption::Optional, Verdict::NameMismatch, [YES, YES, NO]),
            (Encryption::Required, Verdict::Ok, [YES, YES, YES]),
            (Encryption::Required, Verdict::Untrusted, [None, YES, NO]),
            (Encryption::Required, Verdict::Expired, [None, YES, NO]),
            (Encryption::Strict, Verdict::Ok, [None, None, None]),
            (Encryption::Strict, Verdict::Untrusted, [None, None, NO]),
        ] {
            assert_eq!(outcomes(encryption, verdict), expected, "{encryption:?} {verdict:?}");
        }
    }

    #[test]
    fn the_words_name_the_reason() {
        let presented = |encryption, verdict| Presented {
            verdict,
            store: crate::model::Store::File,
            encryption,
            certificate: None,
            seen_at: Timestamp::UNIX_EPOCH,
        };
        let words = |setting: usize, encryption, verdict| {
            forecasts(&presented(encryption, verdict), "msx01")[setting].words.clone()
        };
        assert!(words(0, Encryption::Required, Verdict::Untrusted).contains("the master forces it"));
        assert!(words(1, Encryption::Optional, Verdict::Untrusted).ends_with("the certificate is untrusted"));
        assert!(
            words(2, Encryption::Required, Verdict::NameMismatch).ends_with("(name_mismatch) for the name \"msx01\"")
        );
        assert!(words(0, Encryption::Strict, Verdict::Expired).contains("the certificate is expired"));
        assert!(words(1, Encryption::Unavailable, Verdict::NoTls).contains("offers none (no_tls)"));
    }
}
