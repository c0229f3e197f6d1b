//! Certificates for the stand-in: an authority, leaves with names, one that has ended, and one like SQL Server's own.

use rcgen::{CertificateParams, DnType, Error, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use std::fmt;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate with its chain and its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    pem: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

impl Identity {
    /// The leaf and what signed it, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The key of the leaf.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }

    /// The leaf as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate like the one that SQL Server makes for itself at start when it was given none: signed by itself,
    /// named `SSL_Self_Signed_Fallback`, without a host name.
    ///
    /// # Errors
    /// What rcgen says.
    pub fn self_signed_fallback() -> Result<Identity, Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "SSL_Self_Signed_Fallback");
        Identity::self_signed(params)
    }

    /// An authority's certificate for these names, which signed itself and is a server's own.
    ///
    /// # Errors
    /// What rcgen says.
    pub fn own_authority(names: &[&str]) -> Result<Identity, Error> {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Identity::self_signed(params)
    }

    fn self_signed(params: CertificateParams) -> Result<Identity, Error> {
        let key = KeyPair::generate()?;
        let leaf = params.self_signed(&key)?;
        Ok(Identity { chain: vec![leaf.der().clone()], pem: leaf.pem(), key: key.serialize_der().into() })
    }
}

/// A certificate authority made for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// What rcgen says.
    pub fn new(name: &str) -> Result<Authority, Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), pem })
    }

    /// Its own certificate as PEM, to be trusted by clients.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A leaf for these host names and addresses, good from 2020 to 2099.
    ///
    /// # Errors
    /// What rcgen says, such as a name that is no DNS name.
    pub fn issue(&self, names: &[&str]) -> Result<Identity, Error> {
        self.issue_between(names, (2020, 1, 1), (2099, 12, 31))
    }

    /// A leaf that ended in 2021.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn issue_expired(&self, names: &[&str]) -> Result<Identity, Error> {
        self.issue_between(names, (2020, 1, 1), (2021, 1, 1))
    }

    /// A leaf that is good between two days, each `(year, month, day)`.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn issue_between(
        &self,
        names: &[&str],
        (from_year, from_month, from_day): (i32, u8, u8),
        (to_year, to_month, to_day): (i32, u8, u8),
    ) -> Result<Identity, Error> {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("unnamed"));
        params.not_before = date_time_ymd(from_year, from_month, from_day);
        params.not_after = date_time_ymd(to_year, to_month, to_day);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.insert_extended_key_usage(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { chain: vec![leaf.der().clone()], pem: leaf.pem(), key: key.serialize_der().into() })
    }
}
