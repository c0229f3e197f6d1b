//! `basic_auth_users`.

use super::section::Section;
use crate::config::{ConfigError, ValueError};
use bcrypt::HashParts;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tokio_rustls::rustls::SupportedCipherSuite;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::crypto::hash::{Hash, Output};

/// The highest accepted cost. Above it a verification takes many seconds, longer than any scrape waits.
const HIGHEST: u32 = 18;
/// Up to this cost, clients that send wrong passwords delay no scrape of another client: a verification takes a few
/// tenths of a second.
const PROMISED: u32 = 12;

/// Users and their bcrypt hashes.
pub(crate) struct Users {
    hashes: BTreeMap<String, String>,
    /// One hash for each cost in use. A wrong password is verified against one hash of each cost, so that the time is
    /// the same for every user, known or not.
    decoys: BTreeMap<u32, String>,
    /// For each user a digest of the password that was right last. Bounded by the number of users, and worthless
    /// outside this process, because the digest is keyed.
    remembered: Mutex<HashMap<String, Vec<u8>>>,
    digest: &'static dyn Hash,
    key: [u8; 32],
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.hashes.len()).finish_non_exhaustive()
    }
}

impl Users {
    /// Parses users and hashes; `None` with faults or without users.
    pub(super) fn understand(mut section: Section, faults: &mut Vec<ConfigError>) -> Option<Users> {
        let pairs = section.texts(faults);
        let mut decoys = BTreeMap::new();
        for (user, hash) in &pairs {
            let mut fault = |wrong| faults.push(section.fault_at(&hash.origin, user, wrong));
            if user.is_empty() {
                fault(ValueError::new("the name of a user is empty"));
            } else if user.contains(':') {
                fault(ValueError::new("the name of a user cannot hold a colon (RFC 7617)"));
            }
            match hash.text.parse::<HashParts>() {
                Ok(parts) if !(4..=HIGHEST).contains(&parts.get_cost()) => {
                    let wrong = ValueError::new(format!("the cost of the hash is not between 4 and {HIGHEST}"));
                    fault(wrong.expected("htpasswd -nBC 10 USER"));
                }
                Ok(parts) => {
                    decoys.entry(parts.get_cost()).or_insert_with(|| hash.text.clone());
                }
                Err(_) => fault(ValueError::new("is not a bcrypt hash").expected("htpasswd -nBC 10 USER")),
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
            faults.push(section.fault("", "the system has no random numbers"));
            return None;
        }
        Some(Users {
            hashes: pairs.into_iter().map(|(user, hash)| (user, hash.text)).collect(),
            decoys,
            remembered: Mutex::default(),
            digest,
            key,
        })
    }

    /// Copies the remembered digests of those users whose hash is unchanged.
    pub(super) fn remember(&mut self, before: &Users) {
        self.key = before.key;
        let known = before.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = known.iter().filter(|(user, _)| self.hashes.get(*user) == before.hashes.get(*user));
        self.remembered = Mutex::new(unchanged.map(|(user, digest)| (user.clone(), digest.clone())).collect());
    }

    /// The cost of the most expensive hash, where it is above `PROMISED`.
    pub(super) fn over_cost(&self) -> Option<u32> {
        self.decoys.keys().copied().max().filter(|cost| *cost > PROMISED)
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
        let known = hash.is_some_and(|hash| bcrypt::verify(password, hash).unwrap_or(false));
        for decoy in self.besides(hash).filter(|_| !known) {
            let _ = bcrypt::verify(password, decoy);
        }
        if known {
            let digest = self.keyed(user, password).as_ref().to_vec();
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned(), digest);
        }
        known
    }

    /// A hash of each cost but that of the given hash.
    fn besides<'a>(&'a self, hash: Option<&'a String>) -> impl Iterator<Item = &'a String> {
        let cost = hash.and_then(|hash| hash.parse::<HashParts>().ok()).map(|parts| parts.get_cost());
        self.decoys.iter().filter(move |(other, _)| Some(**other) != cost).map(|(_, decoy)| decoy)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Place, parse_yaml};

    #[test]
    fn a_wrong_password_costs_the_same_for_every_user() {
        let hash = |cost| bcrypt::hash_with_result("x", cost).unwrap().to_string();
        let text = format!("{{ a: {}, b: {}, c: {}, d: {} }}", hash(4), hash(5), hash(6), hash(5));
        let mut faults = Vec::new();
        let node = parse_yaml(&text, Place::Name("test"), &mut faults).unwrap();
        let section = Section::new("basic_auth_users", node, &mut faults);
        let users = Users::understand(section, &mut faults).unwrap();
        assert!(faults.is_empty());
        let cost = |hash: &String| hash.parse::<HashParts>().unwrap().get_cost();
        for user in ["a", "b", "c", "d", "unknown"] {
            let own = users.hashes.get(user);
            let mut costs: Vec<u32> = own.into_iter().chain(users.besides(own)).map(cost).collect();
            costs.sort_unstable();
            assert_eq!(costs, [4, 5, 6], "{user}");
            assert_eq!(users.verify(user, "x"), user != "unknown");
            assert!(!users.verify(user, "y"));
        }
    }
}
