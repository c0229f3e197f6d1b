//! The target side: what a target sees of the way to its master, which cannot be tested from the master.
//!
//! ```text
//! registry ─► local_targets ─┬─► ports (sweep, to_master) ─► PortResults ─┐
//!                            └─► certificate (hourly) ──────────────┴─► Fleet ─► render
//! ```
//!
//! Nothing here connects to SQL Server with a login: only the master's ports, its certificate and this machine's own
//! registry are read.

mod certificate;
mod local_targets;
mod registry;
mod services;
mod settings;
mod target_monitor;
#[cfg(windows)]
mod windows;

pub use certificate::presented;
pub use local_targets::{LocalTarget, local_targets};
pub use registry::{Enlistment, Registry, enlistments, of_this_machine};
pub use services::{ServiceManager, Services, manager_of_this_machine};
pub use settings::{Forecast, forecasts};
pub use target_monitor::TargetMonitor;

use crate::model::{Certificate, Store};
use crate::probe::protocol::{Encryption, Verdict};
use jiff::Timestamp;

/// What every target on this machine sees of its master. Empty where none was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TargetSide {
    /// One for each target, by name.
    pub views: Vec<MasterView>,
}

/// What one target sees of its master.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterView {
    /// The target, and where its master is.
    pub local_target: LocalTarget,
    /// The master's certificate; `None` where it was not seen.
    pub presented: Option<Presented>,
    /// Its services on this computer.
    pub services: Services,
}

/// What a client that verifies would say of the certificate that the master presents.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// The verdict for [`LocalTarget::checked_name`] by this machine's store and `master.ca_file`.
    pub verdict: Verdict,
    /// Whose authorities gave it.
    pub store: Store,
    /// What the master demands of its clients.
    pub encryption: Encryption,
    /// The certificate; `None` where the master offers no TLS.
    pub certificate: Option<Certificate>,
    /// When it was seen.
    pub seen_at: Timestamp,
}

impl MasterView {
    /// The outcome of a connection with each setting of MsxEncryptChannelOptions; `None` where the master was not seen.
    pub fn forecasts(&self) -> Option<[Forecast; 3]> {
        self.presented.as_ref().map(|presented| forecasts(presented, self.local_target.checked_name()))
    }

    /// Settings that contradict each other, in complete sentences.
    pub fn remarks(&self) -> Vec<String> {
        let local_target = &self.local_target;
        let mut remarks = Vec::new();
        if let Some(master) = local_target
            .enlisted_to
            .as_deref()
            .filter(|master| !local_target.is_master(local_target.alias.as_deref().unwrap_or(master)))
        {
            remarks.push(format!(
                "{} is enlisted to {master} (MSXServerName in its registry), and master.address is {}: the ports that \
                 are checked are not those that it polls",
                local_target.target, local_target.master
            ));
        }
        let in_force =
            self.forecasts().into_iter().flatten().find(|it| Some(it.setting) == local_target.encrypt_channel_option);
        if let Some(Forecast { setting, words, .. }) = in_force.filter(|it| it.connects == Some(false)) {
            remarks.push(format!(
                "MsxEncryptChannelOptions of {} is {setting}: {words}, so it cannot poll",
                local_target.target
            ));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::Address;

    fn view(enlisted_to: Option<&str>, option: Option<u32>, verdict: Option<Verdict>) -> MasterView {
        let address = Address { host: "msx01.corp.example".to_owned(), port: Some(14330), instance: None };
        let local_target = LocalTarget {
            target: "SQL01".to_owned(),
            master: "msx01.corp.example".to_owned(),
            address,
            enlisted_to: enlisted_to.map(str::to_owned),
            alias: None,
            encrypt_channel_option: option,
        };
        let encryption = if verdict == Some(Verdict::NoTls) { Encryption::Unavailable } else { Encryption::Required };
        let seen_at = Timestamp::UNIX_EPOCH;
        let presented =
            verdict.map(|verdict| Presented { verdict, store: Store::File, encryption, certificate: None, seen_at });
        MasterView { local_target, presented, services: Services::default() }
    }

    #[test]
    fn what_fits_needs_no_remark() {
        for (enlisted_to, option, verdict) in [
            (None, None, None),
            (None, None, Some(Verdict::Untrusted)),
            (Some("MSX01"), Some(2), Some(Verdict::Ok)),
            (Some("MSX01.CORP.EXAMPLE"), Some(1), Some(Verdict::Untrusted)),
            (Some(r"MSX01\HQ"), Some(0), Some(Verdict::NoTls)),
            (Some("MSX01"), Some(2), None),
            (Some("MSX01"), Some(0), Some(Verdict::Untrusted)),
            (Some("MSX01"), Some(7), Some(Verdict::Untrusted)),
        ] {
            assert_eq!(view(enlisted_to, option, verdict).remarks(), [""; 0], "{enlisted_to:?} {option:?} {verdict:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (enlisted_to, option, verdict, words) in [
            (Some("MSX02"), Some(0), None, "is enlisted to MSX02"),
            (Some("MSX01"), Some(2), Some(Verdict::NameMismatch), "(name_mismatch) for the name \"MSX01\""),
            (Some("MSX01"), Some(2), Some(Verdict::NoTls), "(no_tls)"),
            (None, Some(1), Some(Verdict::NoTls), "is 1: it demands encryption"),
        ] {
            let remarks = view(enlisted_to, option, verdict).remarks();
            assert!(matches!(remarks.as_slice(), [one] if one.contains(words)), "{remarks:?}");
        }
    }
}
