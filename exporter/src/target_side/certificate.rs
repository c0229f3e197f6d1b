//! Verifies the certificate that the master presents, as SQL Server Agent on a target would.

use super::Presented;
use crate::config::{Encrypt, Master};
use crate::files;
use crate::model::{Address, Store};
use crate::probe::Prober;
use crate::probe::protocol::{Anchors, Encryption, EngineFacts, Gaze, Verdict, engine_port, look, verify_certificate};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::debug;

/// The result of one connection to the master's engine.
pub(super) enum Look {
    /// No connection was made: the port is not known or not open.
    NotReached,
    /// The master answered. By the checked name; empty where neither a certificate nor its absence was seen.
    Reached(BTreeMap<String, Presented>),
}

/// One connection, with a verdict for every name under which the targets here know their master.
pub(super) async fn see(master: &Master, names: Vec<String>, prober: &Prober) -> Look {
    let Address { host, instance, .. } = &master.address;
    let Some(addresses) = addresses(&master.address, prober).await else { return Look::NotReached };
    let gaze = Gaze {
        addresses: &addresses,
        host,
        instance: instance.as_deref().unwrap_or_default(),
        strict: master.encrypt == Encrypt::Strict,
        patience: prober.settings().timeout,
    };
    let seen = look(gaze, &prober.sockets()).await;
    if seen.connect.is_none() {
        return Look::NotReached;
    }
    let found = presented(seen.facts, names, master).await;
    if found.is_empty() {
        debug!(evidence = %seen.evidence, "the master's certificate was not seen");
    }
    Look::Reached(found)
}

/// Verifies a certificate for each of these names, by this machine's store and `master.ca_file`. Empty where neither a
/// certificate nor its absence was seen.
pub async fn presented(facts: EngineFacts, names: Vec<String>, master: &Master) -> BTreeMap<String, Presented> {
    // A server that starts with TLS answers no PRELOGIN in clear.
    let strict = facts.tls.as_ref().map(|_| Encryption::Strict);
    let Some(encryption) = facts.encryption.or(strict) else { return BTreeMap::new() };
    if facts.tls.is_none() && encryption != Encryption::Unavailable {
        return BTreeMap::new();
    }
    let ca_file = master.ca_file.clone();
    // Reading the machine's store blocks.
    spawn_blocking(move || judge_all(&facts, encryption, names, ca_file)).await.unwrap_or_default()
}

/// The addresses of the engine; `None` where its name does not resolve or SQL Browser does not announce the port.
async fn addresses(address: &Address, prober: &Prober) -> Option<Vec<SocketAddr>> {
    let found = prober.addresses(&address.host).await;
    if found.is_empty() {
        return None;
    }
    let deadline = Instant::now() + prober.settings().timeout;
    let (port, _) = engine_port(&found, address.engine_port(), deadline).await.ok()?;
    Some(found.iter().map(|host| SocketAddr::new(*host, port)).collect())
}

fn judge_all(
    facts: &EngineFacts,
    encryption: Encryption,
    names: Vec<String>,
    ca_file: Option<PathBuf>,
) -> BTreeMap<String, Presented> {
    let now = Timestamp::now();
    let machine = Anchors::of_this_machine();
    let besides = ca_file.map(|path| Anchors::new(authorities(&path)));
    let judged = names.into_iter().map(|name| {
        let verdict = verify_certificate(facts, &name, &machine, now);
        let of_file = besides.as_ref().filter(|_| verdict == Verdict::Untrusted);
        let of_file = of_file.map(|besides| verify_certificate(facts, &name, besides, now));
        // What neither trusts is refused by the store, which is what an Agent asks.
        let (verdict, store) = match of_file.filter(|verdict| *verdict != Verdict::Untrusted) {
            Some(verdict) => (verdict, Store::File),
            None => (verdict, if cfg!(windows) { Store::Windows } else { Store::File }),
        };
        let certificate = facts.certificate.clone();
        let presented = Presented { verdict, store, encryption, certificate, seen_at: now };
        (name, presented)
    });
    judged.collect()
}

/// The certificates in a file. An empty list means that the file changed, because a configuration with such a file is
/// refused.
fn authorities(path: &Path) -> Vec<Vec<u8>> {
    let bytes = files::read(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "master.ca_file cannot be read");
        Vec::new()
    });
    CertificateDer::pem_slice_iter(&files::unmarked(bytes))
        .filter_map(Result::ok)
        .map(|certificate| certificate.to_vec())
        .collect()
}
