//! `basic_auth_users`.

use bcrypt::HashParts;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::rustls::SupportedCipherSuite;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::crypto::hash::{Hash, Output};

/// Above this a verification takes many seconds: longer than any scrape waits.
const DEAREST: u32 = 18;

/// Users and their bcrypt hashes.
pub(crate) struct Users {
    hashes: BTreeMap<String, String>,
    /// Verified in place of an unknown user's, so that it takes as long: the dearest there is.
    decoy: String,
    /// One digest for each user: of the password that was right the last time. Bounded by the number of users, and
    /// worth nothing outside this process, because the digest is keyed.
    remembered: Mutex<HashMap<String, Vec<u8>>>,
    digest: &'static dyn Hash,
    key: [u8; 32],
    turn: Arc<Semaphore>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.hashes.len()).finish_non_exhaustive()
    }
}

impl Users {
    /// Takes users and hashes; `None` with faults or without users.
    pub(super) fn understand(pairs: Vec<(String, String)>, faults: &mut Vec<String>) -> Option<Users> {
        let mut dearest = (0, String::new());
        for (user, hash) in &pairs {
            let path = format!("basic_auth_users.{user}");
            if user.contains(':') {
                faults.push(format!("{path}: a user's name cannot hold a colon (RFC 7617)"));
            }
            match hash.parse::<HashParts>() {
                Ok(parts) if !(4..=DEAREST).contains(&parts.get_cost()) => {
                    faults.push(format!("{path}: the cost is {}; use 10 to {DEAREST}", parts.get_cost()));
                }
                Ok(parts) if parts.get_cost() > dearest.0 => dearest = (parts.get_cost(), hash.clone()),
                Ok(_) => {}
                Err(_) => faults.push(format!("{path}: is not a bcrypt hash; hint: htpasswd -nBC 10 {user:?}")),
            }
        }
        if pairs.is_empty() {
            return None;
        }
        let mut key = [0; 32];
        let digest = match aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256 {
            SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
            SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        };
        if aws_lc_rs::default_provider().secure_random.fill(&mut key).is_err() {
            faults.push("basic_auth_users: the system has no random numbers".to_owned());
            return None;
        }
        Some(Users {
            hashes: pairs.into_iter().collect(),
            decoy: dearest.1,
            remembered: Mutex::default(),
            digest,
            key,
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Waits for the turn to verify: one at a time.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.turn).acquire_owned().await
    }

    /// Whether this password was right before.
    pub(crate) fn remembers(&self, user: &str, password: &str) -> bool {
        let digest = self.keyed(user, password);
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(user).is_some_and(|known| known == digest.as_ref())
    }

    /// Verifies a password by bcrypt, which takes tens of milliseconds of processor time and more.
    pub(crate) fn verify(&self, user: &str, password: &str) -> bool {
        let hash = self.hashes.get(user);
        let right = bcrypt::verify(password, hash.unwrap_or(&self.decoy)).unwrap_or(false);
        let known = right && hash.is_some();
        if known {
            let digest = self.keyed(user, password).as_ref().to_vec();
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned(), digest);
        }
        known
    }

    fn keyed(&self, user: &str, password: &str) -> Output {
        let mut context = self.digest.start();
        context.update(&self.key);
        context.update(&(user.len() as u64).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password.as_bytes());
        context.finish()
    }
}
