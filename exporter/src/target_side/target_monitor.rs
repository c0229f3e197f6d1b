//! Keeps what is known of the targets on this machine, and checks their master's certificate hourly.

use super::certificate::{self, Look};
use super::local_targets::{LocalTarget, local_targets};
use super::registry::Registry;
use super::services::{ServiceManager, Services};
use super::{MasterView, Presented, TargetSide};
use crate::config::{Config, Ports};
use crate::model::Address;
use crate::probe::{Destination, Prober, Route};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two checks of the certificate: each is a connection without a login, which the master may
/// log.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3_600);

/// The time to the next check where the master took the connection and showed nothing, as when it is slow once. It doubles up
/// to [`BETWEEN_LOOKS`]: connections that end before a login must not have the rhythm of polls.
const AFTER_NOTHING: Duration = Duration::from_secs(60);

/// The targets on this machine and what they see. Without any, every check goes to the target of its name, as with the
/// role `master`.
pub struct TargetMonitor {
    registry: Box<dyn Registry>,
    manager: Box<dyn ServiceManager>,
    local_targets: ArcSwap<Vec<LocalTarget>>,
    /// By the name of the target.
    services: ArcSwap<BTreeMap<String, Services>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the master was last asked, and the question.
    asked: Option<(Instant, Question)>,
    /// How many checks in a row the master took and showed nothing.
    misses: u32,
    /// By the checked name.
    presented: BTreeMap<String, Presented>,
}

impl Seen {
    fn is_due(&self, question: &Question) -> bool {
        let pause = match self.misses {
            0 => BETWEEN_LOOKS,
            misses => AFTER_NOTHING.saturating_mul(2_u32.saturating_pow(misses - 1)).min(BETWEEN_LOOKS),
        };
        self.asked.as_ref().is_none_or(|(at, before)| before != question || at.elapsed() >= pause)
    }
}

/// The address that is asked, and the names that are checked.
type Question = (Address, BTreeSet<String>);

impl fmt::Debug for TargetMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetMonitor").field("local_targets", &self.local_targets).finish_non_exhaustive()
    }
}

impl TargetMonitor {
    /// Has no target before the first [`TargetMonitor::find`].
    pub fn new(registry: Box<dyn Registry>, manager: Box<dyn ServiceManager>) -> TargetMonitor {
        TargetMonitor {
            registry,
            manager,
            local_targets: ArcSwap::default(),
            services: ArcSwap::default(),
            seen: Mutex::default(),
        }
    }

    /// The destination of a target's checks: for a target of this machine its master, for any other the target itself.
    pub fn route(self: &Arc<Self>) -> Route {
        let monitor = Arc::clone(self);
        Arc::new(move |name: &str, ports: &Ports| {
            let local_targets = monitor.local_targets.load();
            match local_targets.iter().find(|local_target| local_target.target == name) {
                Some(local_target) => local_target.destination(),
                None => Destination::to_target(name, &ports.overrides),
            }
        })
    }

    /// Forgets the targets, as when a reload changes the role.
    pub fn leave(&self) {
        self.local_targets.store(Arc::default());
    }

    /// Names of the targets on this machine.
    pub fn names(&self) -> Vec<String> {
        self.local_targets.load().iter().map(|local_target| local_target.target.clone()).collect()
    }

    /// Finds the targets of this machine from the configuration and the registry as they are now, and their services.
    pub fn find(&self, config: &Config) {
        let found = local_targets(config, self.registry.as_ref());
        let services = |found: &LocalTarget| (found.target.clone(), Services::of(&found.target, self.manager.as_ref()));
        self.services.store(Arc::new(found.iter().map(services).collect()));
        self.local_targets.store(Arc::new(found));
    }

    /// Checks the master's certificate where that is due.
    pub async fn look(&self, config: &Config, prober: &Prober) {
        let local_targets = self.local_targets.load_full();
        let names: BTreeSet<String> =
            local_targets.iter().map(|local_target| local_target.checked_name().to_owned()).collect();
        let question = (config.master.address.clone(), names.clone());
        if names.is_empty() || !self.lock().is_due(&question) {
            return;
        }
        let look = certificate::see(&config.master, names.into_iter().collect(), prober).await;
        let mut seen = self.lock();
        match look {
            // The master is not reachable, so an earlier certificate says nothing about now.
            Look::NotReached => *seen = Seen::default(),
            Look::Reached(presented) => {
                let misses = if presented.is_empty() { seen.misses.saturating_add(1) } else { 0 };
                *seen = Seen { asked: Some((Instant::now(), question)), misses, presented };
            }
        }
    }

    /// The present state.
    pub fn target_side(&self) -> TargetSide {
        let local_targets = self.local_targets.load_full();
        let (services, seen) = (self.services.load(), self.lock());
        let views = local_targets.iter().map(|local_target| MasterView {
            local_target: local_target.clone(),
            presented: seen.presented.get(local_target.checked_name()).cloned(),
            services: services.get(&local_target.target).copied().unwrap_or_default(),
        });
        TargetSide { views: views.collect() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::registry::tests::Fake;
    use super::super::services::Nothing;
    use super::*;
    use crate::config::{ConfigFile, Sources, load};
    use crate::model::Direction;
    use crate::probe::protocol::Verdict;
    use msx_lab::msdb::Lab;
    use msx_lab::tds::{Encryption, Fault, Options};
    use msx_lab::test_server::TestServer;

    /// The configuration of a target on the machine that the fake registry describes.
    fn config(address: &str) -> Config {
        let text = format!("role: target\nmaster: {{ address: '{address}' }}\nlocal: {{ name: 'SQL01\\PAYROLL' }}");
        let mut sources = Sources::of_process(ConfigFile::Named("far.yml".into()), Vec::new());
        sources.environment.clear();
        sources.read = Box::new(move |_| Ok(text.clone().into_bytes()));
        load(&sources).unwrap()
    }

    async fn start_master(encryption: Encryption) -> TestServer {
        TestServer::start(&Lab::fleet(1, 0, 0), "127.0.0.1:0", Options { encryption, ..Options::default() })
            .await
            .unwrap()
    }

    fn verdict(monitor: &TargetMonitor) -> Option<Verdict> {
        monitor.target_side().views[0].presented.as_ref().map(|presented| presented.verdict)
    }

    async fn minutes(count: u64) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(count * 60)).await;
        tokio::time::resume();
    }

    #[tokio::test]
    async fn the_certificate_is_looked_at_once_an_hour() {
        let master = start_master(Encryption::Required).await;
        let config = config(&master.address.to_string());
        let (monitor, prober) =
            (TargetMonitor::new(Box::new(Fake::machine()), Box::new(Nothing)), Prober::new(config.ports.clone()));
        assert_eq!(monitor.target_side(), TargetSide::default());
        monitor.find(&config);
        for _ in 0..3 {
            monitor.look(&config, &prober).await;
            assert_eq!((verdict(&monitor), master.control.connections().ever), (Some(Verdict::Untrusted), 1));
        }
        master.control.change(|options| options.encryption = Encryption::None);
        minutes(60).await;
        monitor.look(&config, &prober).await;
        assert_eq!((verdict(&monitor), master.control.connections().ever), (Some(Verdict::NoTls), 2));
        // Without a certificate the next check is due as soon as the master can be back.
        master.stop().await;
        minutes(60).await;
        monitor.look(&config, &prober).await;
        assert_eq!(verdict(&monitor), None);
    }

    #[tokio::test]
    async fn a_certificate_that_was_not_seen_is_looked_for_in_growing_intervals() {
        let master = start_master(Encryption::Required).await;
        let config = config(&master.address.to_string());
        let (monitor, prober) =
            (TargetMonitor::new(Box::new(Fake::machine()), Box::new(Nothing)), Prober::new(config.ports.clone()));
        monitor.find(&config);
        master.control.change(|options| options.fault = Some(Fault::CloseAtOnce));
        let mut looks = Vec::new();
        for minute in 0..=150 {
            let before = master.control.connections().ever;
            monitor.look(&config, &prober).await;
            if master.control.connections().ever > before {
                looks.push(minute);
            }
            minutes(1).await;
        }
        assert_eq!((looks, verdict(&monitor)), (vec![0, 1, 3, 7, 15, 31, 63, 123], None));
        master.control.change(|options| options.fault = None);
        minutes(60).await;
        monitor.look(&config, &prober).await;
        assert_eq!(verdict(&monitor), Some(Verdict::Untrusted));
        let seen = master.control.connections().ever;
        minutes(59).await;
        monitor.look(&config, &prober).await;
        assert_eq!(master.control.connections().ever, seen, "one that was seen is good for an hour");
    }

    #[tokio::test]
    async fn another_master_is_looked_at_at_once() {
        let (first, second) = (start_master(Encryption::Required).await, start_master(Encryption::None).await);
        let monitor = TargetMonitor::new(Box::new(Fake::machine()), Box::new(Nothing));
        for (master, expected) in [(&first, Verdict::Untrusted), (&second, Verdict::NoTls)] {
            let config = config(&master.address.to_string());
            monitor.find(&config);
            monitor.look(&config, &Prober::new(config.ports.clone())).await;
            assert_eq!(verdict(&monitor), Some(expected));
        }
    }

    #[test]
    fn own_names_lead_to_the_master_and_others_to_themselves() {
        let config = config("127.0.0.1:1");
        let monitor = Arc::new(TargetMonitor::new(Box::new(Fake::machine()), Box::new(Nothing)));
        monitor.find(&config);
        assert_eq!(monitor.names(), [r"SQL01\PAYROLL"]);
        let route = monitor.route();
        assert_eq!(route(r"SQL01\PAYROLL", &config.ports).direction, Direction::ToMaster);
        assert_eq!(route("SQL02", &config.ports).direction, Direction::ToTarget);
        monitor.leave();
        assert_eq!(route(r"SQL01\PAYROLL", &config.ports).direction, Direction::ToTarget);
    }
}
