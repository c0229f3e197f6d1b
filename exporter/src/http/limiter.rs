//! Limits how many places are taken at once, in all and for each client, and decides whose place is freed for another
//! client.

use super::client::{Client, Visitor};
use super::phase::{Activity, Phase};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection must have waited for a request, or its response must have gone unread, before it is ended for
/// another client. A page that is read at all is read in far less.
const PATIENCE: Duration = Duration::from_secs(1);

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// For all clients together.
    pub(crate) in_all: usize,
    /// For one client.
    pub(crate) for_client: usize,
}

/// Counts the places. A [`Permit`] counts until it is dropped, so a client that hangs up frees its place.
///
/// Where all places are taken, a client gets one of the client that has the most, if that one has at least two more;
/// else that of a connection that is idle or does not read its response, of a client that has no fewer. So a client
/// with few places keeps them whatever the others do, and one without any gets one.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    seats: HashMap<u64, Seat>,
    clients: HashMap<Client, usize>,
}

#[derive(Debug)]
struct Seat {
    address: IpAddr,
    client: Client,
    phase: Arc<Phase>,
}

/// Why a client gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All places are taken.
    InAll,
    /// The client has as many as one may have.
    ForClient,
}

/// One place, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    seat: u64,
}

impl Limiter {
    /// Takes a place within the present limits. Also returns the address of the client whose connection was ended for
    /// it. The client's own limit comes first: a client that has reached it frees one of its own places, or is refused.
    pub(crate) fn enter(
        self: &Arc<Limiter>,
        visitor: &Visitor,
        bounds: Bounds,
    ) -> Result<(Permit, Option<IpAddr>), Full> {
        let mut inside = self.lock();
        let leaving = inside.make_room(visitor.client, bounds)?;
        let ended = leaving.and_then(|seat| inside.leave(seat)).map(|seat| {
            seat.phase.end();
            seat.address
        });
        let seat = inside.next;
        inside.next += 1;
        let Visitor { address, client, phase, .. } = visitor.clone();
        inside.seats.insert(seat, Seat { address, client, phase });
        *inside.clients.entry(client).or_default() += 1;
        Ok((Permit { limiter: Arc::clone(self), seat }, ended))
    }

    /// The places that are taken.
    #[cfg(test)]
    pub(crate) fn inside(&self) -> usize {
        self.lock().seats.len()
    }

    // Each statement leaves the counts consistent, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// The place to free for a client, if one must be.
    fn make_room(&self, client: Client, bounds: Bounds) -> Result<Option<u64>, Full> {
        let own = self.clients.get(&client).copied().unwrap_or_default();
        if own >= bounds.for_client {
            return self.least_used(true, |other| other == client).map(Some).ok_or(Full::ForClient);
        }
        if self.seats.len() < bounds.in_all {
            return Ok(None);
        }
        let most = self.clients.values().copied().max().unwrap_or_default();
        let fair =
            (most > own + 1).then(|| self.least_used(false, |other| self.clients.get(&other) == Some(&most))).flatten();
        // A client never loses a place to one that has as many.
        let as_many = |other| self.clients.get(&other).is_some_and(|share| *share >= own);
        fair.or_else(|| self.least_used(true, as_many)).map(Some).ok_or(Full::InAll)
    }

    /// Of the places of some clients, the one that does least: a connection that waits for a request, the longest
    /// first; else the response that has been under way for the longest; else, unless `idle_alone`, the request that
    /// has been worked on for the longest.
    fn least_used(&self, idle_alone: bool, whose: impl Fn(Client) -> bool) -> Option<u64> {
        let now = Instant::now();
        let rank = |seat: &Seat| {
            let (activity, since) = seat.phase.since();
            let idle = activity != Activity::Working && now.saturating_duration_since(since) >= PATIENCE;
            let order = match activity {
                Activity::Asking => 0,
                Activity::Answering => 1,
                Activity::Working => 2,
            };
            (idle || !idle_alone).then_some((order, since))
        };
        let candidates = self.seats.iter().filter(|(_, seat)| whose(seat.client));
        let ranked = candidates.filter_map(|(id, seat)| Some((rank(seat)?, *id)));
        ranked.min().map(|(_, id)| id)
    }

    fn leave(&mut self, seat: u64) -> Option<Seat> {
        let seat = self.seats.remove(&seat)?;
        match self.clients.get_mut(&seat.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                self.clients.remove(&seat.client);
            }
        }
        Some(seat)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // A place that was freed for another client is gone already.
        self.limiter.lock().leave(self.seat);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::client::TrustedClients;
    use super::*;
    use tokio::time::advance;

    const BOUNDS: Bounds = Bounds { in_all: 8, for_client: 4 };

    fn visitor(address: &str) -> Visitor {
        Visitor::new(address.parse().unwrap(), &TrustedClients::default())
    }

    /// Takes a place from an address; the permit, and the address that lost its place.
    fn enter(limiter: &Arc<Limiter>, address: &str, bounds: Bounds) -> Result<(Visitor, Permit, Option<IpAddr>), Full> {
        let visitor = visitor(address);
        limiter.enter(&visitor, bounds).map(|(permit, ended)| (visitor, permit, ended))
    }

    fn is_ended(visitor: &Visitor) -> bool {
        use futures_util::FutureExt;
        visitor.phase.ended().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn bounds_hold_and_places_come_back() {
        let limiter = Arc::new(Limiter::default());
        let bounds = Bounds { in_all: 3, for_client: 2 };
        let first = enter(&limiter, "10.0.0.1", bounds).unwrap();
        let second = enter(&limiter, "::ffff:10.0.0.1", bounds).unwrap();
        assert_eq!(enter(&limiter, "10.0.0.1", bounds).unwrap_err(), Full::ForClient);
        let third = enter(&limiter, "10.0.0.2", bounds).unwrap();
        assert_eq!(enter(&limiter, "10.0.0.2", bounds).unwrap_err(), Full::InAll);
        drop(second);
        drop(enter(&limiter, "10.0.0.1", bounds).unwrap());
        drop((first, third));
        assert_eq!(limiter.inside(), 0);
        assert!(limiter.lock().clients.is_empty(), "an address that is gone leaves nothing behind");
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_gets_the_oldest_idle_place_of_the_client_with_the_most() {
        let limiter = Arc::new(Limiter::default());
        let mut heavy = Vec::new();
        for address in ["10.0.0.1", "10.0.0.2"] {
            for _ in 0..4 {
                advance(Duration::from_millis(1)).await;
                heavy.push(enter(&limiter, address, BOUNDS).unwrap());
            }
        }
        heavy[0].0.phase.asked(true);
        let (visitor, _permit, ended) = enter(&limiter, "10.0.0.3", BOUNDS).unwrap();
        assert_eq!(ended, Some("10.0.0.1".parse().unwrap()));
        assert!(!is_ended(&heavy[0].0) && is_ended(&heavy[1].0) && !is_ended(&visitor));
        assert_eq!(limiter.inside(), 8);
        drop(heavy.remove(1));
        assert_eq!(limiter.inside(), 8, "one that was ended is not counted twice");
        drop((heavy, visitor));
    }

    #[tokio::test(start_paused = true)]
    async fn eight_clients_that_wait_or_do_not_read_leave_room_for_a_ninth() {
        for activity in [Activity::Asking, Activity::Working, Activity::Answering] {
            let limiter = Arc::new(Limiter::default());
            let bounds = Bounds { in_all: 32, for_client: 4 };
            let mut heavy = Vec::new();
            for index in 0..32 {
                let (visitor, permit, _) = enter(&limiter, &format!("10.0.0.{}", index % 8), bounds).unwrap();
                if activity != Activity::Asking {
                    visitor.phase.asked(true);
                }
                let answering = (activity == Activity::Answering).then(|| visitor.phase.answering());
                heavy.push((visitor, permit, answering));
            }
            let (scrape, permit, ended) = enter(&limiter, "10.0.1.1", bounds).unwrap();
            assert!(ended.is_some(), "{activity:?}");
            // The scrape keeps its place however often the other clients try again.
            scrape.phase.asked(true);
            for index in 0..100 {
                let again = enter(&limiter, &format!("10.0.0.{}", index % 8), bounds);
                heavy.extend(again.ok().map(|(visitor, permit, _)| (visitor, permit, None)));
            }
            assert!(!is_ended(&scrape), "{activity:?}");
            drop((heavy, permit));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn five_addresses_of_one_ipv6_network_are_one_client() {
        let limiter = Arc::new(Limiter::default());
        let bounds = Bounds { in_all: 512, for_client: 128 };
        let mut held = Vec::new();
        for index in 0..512 {
            held.extend(enter(&limiter, &format!("2001:db8:1:2::{}", index % 5 + 1), bounds).ok());
        }
        assert_eq!(held.len(), 128);
        let (_, _permit, ended) = enter(&limiter, "2001:db8:1:3::1", bounds).unwrap();
        assert_eq!(ended, None);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_have_one_place_the_one_that_is_not_used_goes_before_anybody_is_refused() {
        let limiter = Arc::new(Limiter::default());
        let mut held = Vec::new();
        for index in 0..8 {
            held.push(enter(&limiter, &format!("10.0.0.{index}"), BOUNDS).unwrap());
        }
        assert_eq!(enter(&limiter, "10.0.1.1", BOUNDS).unwrap_err(), Full::InAll);
        advance(PATIENCE).await;
        for (index, (visitor, ..)) in held.iter().enumerate() {
            visitor.phase.asked(true);
            if index == 3 {
                let _answering = std::mem::ManuallyDrop::new(visitor.phase.answering());
            }
        }
        assert_eq!(enter(&limiter, "10.0.1.1", BOUNDS).unwrap_err(), Full::InAll);
        advance(PATIENCE).await;
        let (_, _permit, ended) = enter(&limiter, "10.0.1.1", BOUNDS).unwrap();
        assert_eq!(ended, Some("10.0.0.3".parse().unwrap()), "who does not read");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_many_places_ends_none_of_one_with_fewer() {
        let limiter = Arc::new(Limiter::default());
        let mut held = vec![enter(&limiter, "10.0.0.3", BOUNDS).unwrap()];
        advance(PATIENCE).await;
        for index in 0..7 {
            held.push(enter(&limiter, &format!("10.0.0.{}", index % 2 + 1), BOUNDS).unwrap());
        }
        advance(PATIENCE).await;
        let (_, _permit, ended) = enter(&limiter, "10.0.0.2", BOUNDS).unwrap();
        assert_eq!(ended, Some("10.0.0.1".parse().unwrap()));
        assert!(!is_ended(&held[0].0), "although it is the one that waited longest");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_makes_room_for_itself() {
        let limiter = Arc::new(Limiter::default());
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(enter(&limiter, "10.0.0.1", BOUNDS).unwrap());
            advance(PATIENCE).await;
        }
        let (_, _permit, ended) = enter(&limiter, "10.0.0.1", BOUNDS).unwrap();
        assert!(ended.is_some() && is_ended(&held[0].0) && !is_ended(&held[1].0));
    }
}
