//! How many may be in at once, in all and for each client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts who is in. A [`Permit`] counts until it is dropped, so a client that hangs up cannot leave its count behind.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    clients: HashMap<IpAddr, usize>,
}

/// Why somebody stays outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Too many in all.
    InAll,
    /// Too many from this client.
    ForClient,
}

/// A place inside.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    client: IpAddr,
}

impl Limiter {
    /// Takes a place under the bounds in force now. The client's own bound is looked at first: a client that has used
    /// up its share is told so.
    pub(crate) fn enter(self: &Arc<Limiter>, client: IpAddr, in_all: usize, for_client: usize) -> Result<Permit, Full> {
        // A dual-stack socket shows a v4 client as ::ffff:a.b.c.d; it is the same client.
        let client = client.to_canonical();
        let mut inside = self.lock();
        let own = inside.clients.get(&client).copied().unwrap_or(0);
        if own >= for_client {
            return Err(Full::ForClient);
        }
        if inside.total >= in_all {
            return Err(Full::InAll);
        }
        inside.total += 1;
        inside.clients.insert(client, own + 1);
        Ok(Permit { limiter: Arc::clone(self), client })
    }

    /// How many are in.
    #[cfg(test)]
    pub(crate) fn inside(&self) -> usize {
        self.lock().total
    }

    // The counts are whole after every statement, so a poisoned lock hides nothing.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.limiter.lock();
        inside.total = inside.total.saturating_sub(1);
        match inside.clients.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                inside.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bounds_hold_and_places_come_back() {
        let limiter = Arc::new(Limiter::default());
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = limiter.enter(a, 3, 2).unwrap();
        let second = limiter.enter("::ffff:10.0.0.1".parse().unwrap(), 3, 2).unwrap();
        assert_eq!(limiter.enter(a, 3, 2).unwrap_err(), Full::ForClient);
        let third = limiter.enter(b, 3, 2).unwrap();
        assert_eq!(limiter.enter(b, 3, 2).unwrap_err(), Full::InAll);
        drop(second);
        drop(limiter.enter(a, 3, 2).unwrap());
        drop((first, third));
        assert_eq!(limiter.inside(), 0);
        assert!(limiter.lock().clients.is_empty(), "an address that is gone leaves nothing behind");
    }
}
