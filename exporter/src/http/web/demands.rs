//! What clients must present. A reload can only demand more: a file that is truncated or half written demands less, and
//! must not remove the authentication.

use super::clients::Policy;
use tokio_rustls::rustls::{ProtocolVersion, SupportedCipherSuite};

/// What a web configuration demands of every client.
#[derive(Debug, Clone, Default)]
pub(super) struct Demands {
    /// `None`: plain HTTP.
    pub(super) tls: Option<TlsDemands>,
    /// Whether a user and a password are demanded. A change of the users is neither more nor less.
    pub(super) users: bool,
}

/// What is demanded in the handshake.
#[derive(Debug, Clone)]
pub(super) struct TlsDemands {
    pub(super) policy: Policy,
    /// Whether the certificate must hold one of some names.
    pub(super) names: bool,
    /// Whether the file names the authorities.
    pub(super) authorities: bool,
    /// Whether TLS 1.2 is refused.
    pub(super) newest_alone: bool,
    /// The suites of TLS 1.2 that are offered.
    pub(super) suites: Vec<SupportedCipherSuite>,
}

impl TlsDemands {
    pub(super) fn new(
        policy: Policy,
        names: bool,
        versions: &[ProtocolVersion],
        suites: &[SupportedCipherSuite],
    ) -> TlsDemands {
        let newest_alone = !versions.contains(&ProtocolVersion::TLSv1_2);
        let older = suites.iter().copied().filter(|suite| suite.tls13().is_none() && !newest_alone).collect();
        TlsDemands { policy, names, authorities: false, newest_alone, suites: older }
    }
}

impl Demands {
    /// The keys in which these demands are weaker than those before, with what is missing. Empty where none is.
    pub(super) fn less_than(&self, before: &Demands) -> Vec<(&'static str, &'static str)> {
        let mut less = Vec::new();
        match (&self.tls, &before.tls) {
            (None, Some(_)) => less.push(("tls_server_config", "TLS cannot be switched off")),
            (Some(now), Some(before)) => {
                if !now.policy.demands_as_much_as(before.policy) {
                    less.push(("tls_server_config.client_auth_type", "fewer demands on clients cannot take effect"));
                }
                if before.authorities && !now.authorities {
                    less.push(("tls_server_config.client_ca_file", "the authorities cannot be removed"));
                }
                if before.names && !now.names {
                    less.push(("tls_server_config.client_allowed_sans", "the list cannot be removed"));
                }
                if before.newest_alone && !now.newest_alone {
                    less.push(("tls_server_config.min_version", "the lowest version cannot be lowered"));
                } else if !before.newest_alone && !now.suites.iter().all(|suite| before.suites.contains(suite)) {
                    less.push(("tls_server_config.cipher_suites", "further suites cannot be offered"));
                }
            }
            (_, None) => {}
        }
        if before.users && !self.users {
            less.push(("basic_auth_users", "the last user cannot be removed"));
        }
        less
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio_rustls::rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;

    const BOTH: &[ProtocolVersion] = &[ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3];
    const NEWEST: &[ProtocolVersion] = &[ProtocolVersion::TLSv1_3];

    fn tls(policy: Policy, names: bool, versions: &[ProtocolVersion], suites: &[SupportedCipherSuite]) -> Demands {
        Demands { tls: Some(TlsDemands::new(policy, names, versions, suites)), users: false }
    }

    #[test]
    fn what_asks_for_less_is_named_by_its_key() {
        let (all, some) = (ALL_CIPHER_SUITES, &ALL_CIPHER_SUITES[..4]);
        let plain = Demands::default();
        let users = Demands { users: true, ..Demands::default() };
        let open = tls(Policy::None, false, BOTH, all);
        let asks = |policy| tls(policy, false, BOTH, all);
        let named = tls(Policy::RequireAny, true, BOTH, all);
        let mut issued = asks(Policy::RequireAndVerify);
        issued.tls.as_mut().unwrap().authorities = true;
        let newest = tls(Policy::None, false, NEWEST, all);
        let narrow = tls(Policy::None, false, BOTH, some);
        for (before, now, keys) in [
            (&plain, &plain, &[][..]),
            (&plain, &open, &[]),
            (&plain, &users, &[]),
            (&users, &plain, &["basic_auth_users"]),
            (&open, &plain, &["tls_server_config"]),
            (&users, &open, &["basic_auth_users"]),
            (&asks(Policy::RequireAny), &open, &["tls_server_config.client_auth_type"]),
            (&open, &asks(Policy::RequireAny), &[]),
            (&named, &asks(Policy::RequireAny), &["tls_server_config.client_allowed_sans"]),
            (&named, &asks(Policy::RequireAndVerify), &["tls_server_config.client_allowed_sans"]),
            (&named, &open, &["tls_server_config.client_auth_type", "tls_server_config.client_allowed_sans"]),
            (&issued, &asks(Policy::RequireAndVerify), &["tls_server_config.client_ca_file"]),
            (&asks(Policy::RequireAndVerify), &issued, &[]),
            (&newest, &open, &["tls_server_config.min_version"]),
            (&open, &newest, &[]),
            (&narrow, &open, &["tls_server_config.cipher_suites"]),
            (&open, &narrow, &[]),
            (&narrow, &newest, &[]),
        ] {
            let found: Vec<_> = now.less_than(before).into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, keys, "{before:?} -> {now:?}");
        }
    }
}
