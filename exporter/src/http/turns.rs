//! One turn at a time, shared fairly among clients: a client with a hundred requests waits for its own hundred only.

use super::client::{Client, Visitor};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Hands out one turn at a time. Among the trusted clients and among the others, each client gets one turn before any
/// gets another; where both groups wait, every second turn is for a trusted client.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whether the turn is taken.
    taken: bool,
    /// Whether the last turn went to a trusted client.
    last_trusted: bool,
    trusted: Ring,
    others: Ring,
}

/// The waiting requests by client, and the clients in the order of their turns.
#[derive(Debug, Default)]
struct Ring {
    order: VecDeque<Client>,
    waiters: HashMap<Client, VecDeque<oneshot::Sender<Turn>>>,
}

/// The turn. Dropping it passes it on.
#[derive(Debug)]
pub(crate) struct Turn(Option<Arc<Turns>>);

impl Turns {
    /// Waits for the turn; `None` where as many requests of this client wait already.
    ///
    /// The number of connections bounds how many wait in all.
    pub(crate) async fn wait(self: &Arc<Turns>, visitor: &Visitor, most: usize) -> Option<Turn> {
        let waiter = {
            let mut waiting = self.lock();
            if !waiting.taken {
                waiting.taken = true;
                return Some(Turn(Some(Arc::clone(self))));
            }
            let ring = if visitor.trusted { &mut waiting.trusted } else { &mut waiting.others };
            ring.join(visitor.client, most)?
        };
        waiter.await.ok()
    }

    /// Passes the turn to the next request that still waits.
    fn pass_on(self: &Arc<Turns>) {
        let mut turn = Turn(Some(Arc::clone(self)));
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.next();
                waiting.taken = next.is_some();
                next
            };
            let Some(next) = next else {
                turn.0 = None;
                return;
            };
            match next.send(turn) {
                Ok(()) => return,
                // That request has been dropped.
                Err(back) => turn = back,
            }
        }
    }

    // Each statement leaves the queues consistent, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let next = if self.last_trusted { self.others.next() } else { None };
        let trusted = if next.is_none() { self.trusted.next() } else { None };
        self.last_trusted = trusted.is_some();
        next.or(trusted).or_else(|| self.others.next())
    }
}

impl Ring {
    fn join(&mut self, client: Client, most: usize) -> Option<oneshot::Receiver<Turn>> {
        let own = self.waiters.entry(client).or_default();
        if own.is_empty() {
            self.order.push_back(client);
        }
        own.retain(|waiter| !waiter.is_closed());
        if own.len() >= most {
            return None;
        }
        let (sender, waiter) = oneshot::channel();
        own.push_back(sender);
        Some(waiter)
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        loop {
            let client = self.order.pop_front()?;
            let Some(own) = self.waiters.get_mut(&client) else { continue };
            let next = own.pop_front();
            if own.is_empty() {
                self.waiters.remove(&client);
            } else {
                self.order.push_back(client);
            }
            if next.is_some() {
                return next;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::client::TrustedClients;
    use super::*;
    use futures_util::FutureExt;
    use std::sync::mpsc;

    fn visitor(address: &str) -> Visitor {
        Visitor::new(address.parse().unwrap(), &TrustedClients::default())
    }

    /// The order of turns of requests that all wait before the first is served.
    async fn order(clients: &[&str]) -> Vec<String> {
        let turns = Arc::<Turns>::default();
        let first = turns.wait(&visitor("192.0.2.99"), 4).await.unwrap();
        let (had, order) = mpsc::channel();
        let waits = clients.iter().map(|client| {
            let (turns, had) = (Arc::clone(&turns), had.clone());
            let mut wait = Box::pin(async move {
                let turn = turns.wait(&visitor(client), 100).await.unwrap();
                had.send((*client).to_owned()).unwrap();
                drop(turn);
            });
            assert!((&mut wait).now_or_never().is_none());
            wait
        });
        let waits: Vec<_> = waits.collect();
        drop(first);
        futures_util::future::join_all(waits).await;
        order.try_iter().collect()
    }

    #[tokio::test]
    async fn clients_take_turns_and_every_second_one_is_for_trusted_ones() {
        let (a, b, c) = ("192.0.2.1", "192.0.2.2", "192.0.2.3");
        assert_eq!(order(&[a, a, a, b, b, c]).await, [a, b, c, a, b, a]);
        let own = "127.0.0.1";
        assert_eq!(order(&[a, a, own, own]).await, [own, a, own, a]);
        assert_eq!(order(&[a, b, own]).await, [own, a, b]);
        // One network of 64 bits is one client.
        let (x, y) = ("2001:db8::1", "2001:db8::2");
        assert_eq!(order(&[x, y, x, y, a]).await, [x, a, y, x, y]);
    }

    #[tokio::test]
    async fn a_client_has_its_bound_and_who_leaves_is_passed_over() {
        let turns = Arc::<Turns>::default();
        let (a, b) = (visitor("192.0.2.1"), visitor("192.0.2.2"));
        let first = turns.wait(&a, 2).await.unwrap();
        let mut waits: Vec<_> = (0..2).map(|_| Box::pin(turns.wait(&a, 2))).collect();
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()));
        assert!(turns.wait(&a, 2).await.is_none());
        let mut other = Box::pin(turns.wait(&b, 2));
        assert!((&mut other).now_or_never().is_none());
        // A turn passed to a request that was dropped is passed on as well.
        drop(waits.remove(0));
        drop(first);
        let mut handed = waits.remove(0);
        let turn = (&mut handed).now_or_never().or_else(|| (&mut other).now_or_never()).flatten().unwrap();
        drop((turn, handed, other));
        assert!(turns.wait(&b, 2).now_or_never().flatten().is_some(), "the turn is there again");
        assert!(!turns.lock().taken && turns.lock().others.waiters.is_empty());
    }
}
