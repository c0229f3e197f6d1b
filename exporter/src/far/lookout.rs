//! Keeps what is known of the targets on this machine, and looks at their master's certificate now and then.

use super::certificate::{self, Look};
use super::homes::{Home, homes};
use super::registry::Registry;
use super::{FarSide, Presented, View};
use crate::config::{Address, Config, Ports};
use crate::ports::{Destination, Prober, Route};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Looks at the certificate are at least so far apart: each leaves a connection without a login behind, which the
/// master may note.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3_600);

/// The targets on this machine and what they see. Without any it leads every check to the target of its name, as beside
/// a master.
pub struct Lookout {
    registry: Box<dyn Registry>,
    homes: ArcSwap<Vec<Home>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the master was last asked, and what was asked.
    asked: Option<(Instant, Question)>,
    /// By the name that was checked.
    presented: BTreeMap<String, Presented>,
}

/// Whom a look goes to, and for which names.
type Question = (Address, BTreeSet<String>);

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookout").field("homes", &self.homes).finish_non_exhaustive()
    }
}

impl Lookout {
    /// Knows no target before the first [`Lookout::look`].
    pub fn new(registry: Box<dyn Registry>) -> Lookout {
        Lookout { registry, homes: ArcSwap::default(), seen: Mutex::default() }
    }

    /// Where a target's name leads: a target of this machine to its master, any other to itself.
    pub fn route(self: &Arc<Self>) -> Route {
        let lookout = Arc::clone(self);
        Arc::new(move |name: &str, ports: &Ports| {
            let homes = lookout.homes.load();
            match homes.iter().find(|home| home.target == name) {
                Some(home) => home.destination(),
                None => Destination::to_target(name, &ports.overrides),
            }
        })
    }

    /// Forgets the targets, as when the configuration changes the role.
    pub fn leave(&self) {
        self.homes.store(Arc::default());
    }

    /// Names of the targets on this machine.
    pub fn names(&self) -> Vec<String> {
        self.homes.load().iter().map(|home| home.target.clone()).collect()
    }

    /// Reads the registry anew, and looks at the master's certificate where the last look is over an hour ago.
    pub async fn look(&self, config: &Config, prober: &Prober) {
        let homes = homes(config, self.registry.as_ref());
        let names: BTreeSet<String> = homes.iter().map(|home| home.checked_name().to_owned()).collect();
        self.homes.store(Arc::new(homes));
        let question = (config.master.address.clone(), names.clone());
        let due = match &self.lock().asked {
            Some((at, before)) => *before != question || at.elapsed() >= BETWEEN_LOOKS,
            None => true,
        };
        if names.is_empty() || !due {
            return;
        }
        let look = certificate::see(&config.master, names.into_iter().collect(), prober).await;
        let mut seen = self.lock();
        match look {
            // The ports say that it is not reached; what was seen before says nothing of now.
            Look::NotReached => *seen = Seen::default(),
            Look::Reached(presented) => *seen = Seen { asked: Some((Instant::now(), question)), presented },
        }
    }

    /// What is known now.
    pub fn far_side(&self) -> FarSide {
        let homes = self.homes.load_full();
        let seen = self.lock();
        let views = homes
            .iter()
            .map(|home| View { home: home.clone(), presented: seen.presented.get(home.checked_name()).cloned() });
        FarSide { views: views.collect() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
