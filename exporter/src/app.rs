//! Where the rooms meet: a scrape becomes a reading, the reading a fleet, the fleet a page.

use crate::collectors::Reading;
use crate::collectors::{ReaderHandle, ReaderStats};
use crate::config::{self, Config, Role, Sources};
use crate::diagnosis::{self, Fleet, MasterFleet, Memory, TargetFleet};
use crate::events;
use crate::exposition::{BuildInfo, ExporterFacts, Reload};
use crate::http::{NoProbe, ReloadError, Settings, Site, Web};
use crate::model::duration::span;
use crate::model::{Cause, names};
use crate::probe::{Extent, PortResults, Probe, Prober, Probes, Roster, Sweeper, sweep_once};
use crate::process;
use crate::sqlserver::{self, ReadError};
use crate::target_side::{self, MasterView, TargetMonitor};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

/// A reading ends by itself at its own deadline; this is for its cancellation and its answer.
const GRACE: Duration = Duration::from_secs(1);
/// How this program was built.
pub const BUILD: BuildInfo =
    BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: env!("MSX_REVISION"), rustc: env!("MSX_RUSTC") };

/// Between the beginnings of two reloads: each costs the master a login.
const RELOAD_SPACING: Duration = Duration::from_millis(500);
/// For reading all files of the configuration again.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

/// While the master cannot be read, the ports of the targets that were last seen are checked for so long.
const ROSTER_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// The exporter behind the server.
pub struct App {
    sources: Arc<Sources>,
    web: Arc<Web>,
    reader_stats: Arc<ReaderStats>,
    /// Replaced whole by a reload; what is under way ends on the old one.
    current: ArcSwap<Current>,
    assessed: Mutex<Assessed>,
    reload: Mutex<Reload>,
    /// When the last reload began. Held for as long as a reload reads files, even where its caller has given up.
    reloading: Arc<tokio::sync::Mutex<Option<Instant>>>,
    prober: Arc<Prober>,
    sweeper: Sweeper,
    probes: Probes,
    roster: watch::Sender<Roster>,
    /// With `role: target`, what the targets on this machine see of their master.
    monitor: Arc<TargetMonitor>,
    /// What does not fit on the far side, as the log has it.
    remarks: Mutex<Vec<String>>,
    /// The configuration has changed: what goes on in the background begins again.
    changed: Notify,
    /// Whether another node of the cluster holds the instance.
    passive: AtomicBool,
}

/// What a reload replaces.
struct Current {
    config: Arc<Config>,
    master: ReaderHandle,
}

/// What the assessments leave behind.
#[derive(Default)]
struct Assessed {
    memory: Memory,
    last: Option<(Arc<Reading>, Arc<Fleet>)>,
    /// When the targets were last read.
    read: Option<Instant>,
}

impl App {
    /// Puts the rooms together. Nothing is opened before the first scrape. Needs a runtime.
    pub fn new(config: Config, sources: Sources, web: Arc<Web>) -> App {
        let reader_stats = Arc::<ReaderStats>::default();
        let prober = Arc::new(Prober::new(config.ports.clone()));
        let (roster, names) = watch::channel(Roster::default());
        let monitor = Arc::new(TargetMonitor::new(target_side::of_this_machine()));
        if config.role == Role::Target {
            monitor.find(&config);
        }
        let sweeper = Sweeper::new(prober.clone(), names, monitor.route());
        let probes = Probes::new(prober.clone(), monitor.route());
        App {
            current: ArcSwap::from_pointee(Current::start(config, &reader_stats)),
            sources: Arc::new(sources),
            web,
            reader_stats,
            assessed: Mutex::default(),
            reload: Mutex::new(Reload { successful: true, at: Some(Timestamp::now()) }),
            reloading: Arc::default(),
            prober,
            sweeper,
            probes,
            roster,
            monitor,
            remarks: Mutex::default(),
            changed: Notify::new(),
            passive: AtomicBool::new(false),
        }
    }

    /// On a failover cluster only the node that holds the instance reads and probes. The others have no connection.
    async fn stays_passive(&self, current: &Current) -> bool {
        if !current.config.master.only_if_local {
            return false;
        }
        let passive = !sqlserver::is_here(&current.config.master.address).await;
        if self.passive.swap(passive, Ordering::Relaxed) != passive {
            info!(
                event = events::NODE,
                passive,
                "{}",
                if passive { "another node holds the instance" } else { "this node holds the instance" }
            );
            if passive {
                self.roster.send_replace(Roster::default());
                self.lock_assessed().read = None;
                self.current.store(Arc::new(Current::start(Config::clone(&current.config), &self.reader_stats)));
            }
        }
        passive
    }

    /// Whether another node of the cluster holds the instance, as far as it was asked.
    pub fn is_passive(&self) -> bool {
        self.passive.load(Ordering::Relaxed)
    }

    /// What a passive node has to say.
    fn nothing(&self, current: &Current) -> Arc<Fleet> {
        self.assess(current, Arc::new(Reading::nothing(Timestamp::now())), Arc::default())
    }

    /// What goes on beside the scrapes, for as long as it is polled: the sweep, and a reading whenever no one has asked
    /// for one in a whole interval, so that the sweep knows its targets.
    pub async fn background(&self) {
        tokio::join!(self.sweeper.run(), self.keep_roster());
    }

    async fn keep_roster(&self) {
        loop {
            let ports = self.prober.settings();
            let config = self.current.load().config.clone();
            let age = self.lock_assessed().read.map(|read| read.elapsed());
            if config.role == Role::Target {
                self.look_out(&config).await;
            } else if ports.enabled && age.is_none_or(|age| age >= ports.interval) {
                self.fleet(config.master.timeout + GRACE).await;
            }
            if age.is_some_and(|age| age > ROSTER_KEPT) {
                self.roster.send_if_modified(|names| !std::mem::take(names).is_empty());
            }
            // Either ends the wait.
            let _ = timeout(ports.interval, self.changed.notified()).await;
        }
    }

    /// On a target: finds the targets of this machine, and looks at their master's certificate when it is due.
    async fn look_out(&self, config: &Config) {
        self.monitor.find(config);
        self.publish(self.monitor.names());
        self.monitor.look(config, &self.prober).await;
        let remarks: Vec<String> = self.monitor.target_side().views.iter().flat_map(MasterView::remarks).collect();
        let mut known = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        for remark in remarks.iter().filter(|remark| !known.contains(remark)) {
            warn!(event = events::REMARK, "{remark}");
        }
        *known = remarks;
    }

    /// Tells the sweep and `/probe` which targets there are.
    fn publish(&self, names: Vec<String>) {
        self.lock_assessed().read = Some(Instant::now());
        self.roster.send_if_modified(|known| {
            let changed = **known != names;
            if changed {
                *known = Arc::new(names);
            }
            changed
        });
    }

    /// One reading and one whole sweep. A caller who asks for all checks gets them, whether there is a sweep or not.
    pub async fn once(&self, extent: Extent) -> Arc<Fleet> {
        let current = self.current.load_full();
        if current.config.role == Role::Target {
            self.look_out(&current.config).await;
            let mut port_results = PortResults::default();
            if current.config.ports.enabled {
                let (names, route) = (self.monitor.names(), self.monitor.route());
                port_results = sweep_once(&self.prober, &names, &route, extent).await;
            }
            return self.seen_from_target(Arc::new(port_results));
        }
        // The doctor is asked by somebody who wants to know all the same.
        if extent == Extent::Sweep && self.stays_passive(&current).await {
            return self.nothing(&current);
        }
        let reading = current.master.read(current.config.master.timeout + GRACE).await;
        let fleet = self.assess(&current, reading.clone(), Arc::default());
        if !current.config.ports.enabled && extent == Extent::Sweep {
            return fleet;
        }
        let names = fleet.of_master().map(enlisted).unwrap_or_default();
        let port_results = sweep_once(&self.prober, &names, &self.monitor.route(), extent).await;
        self.assess(&current, reading, Arc::new(port_results))
    }

    /// The fleet of an exporter that runs on a target: its own way to the master, and nothing else.
    fn seen_from_target(&self, port_results: Arc<PortResults>) -> Arc<Fleet> {
        let target_side = self.monitor.target_side();
        Arc::new(Fleet::Target(TargetFleet { began: Timestamp::now(), target_side, port_results }))
    }

    /// Judges a reading and tells the log what changed.
    fn assess(&self, current: &Current, reading: Arc<Reading>, port_results: Arc<PortResults>) -> Arc<Fleet> {
        let mut assessed = self.lock_assessed();
        if let Some((last, fleet)) = &assessed.last
            && Arc::ptr_eq(last, &reading)
            && Arc::ptr_eq(fleet.port_results(), &port_results)
        {
            return fleet.clone();
        }
        let given_up = reading.given_up;
        let result = diagnosis::assess(&reading, port_results, &current.config, &mut assessed.memory);
        let fleet = Arc::new(Fleet::from(result.fleet));
        if given_up {
            return fleet;
        }
        let before = assessed.last.replace((reading, fleet.clone()));
        drop(assessed);
        if let Some(read) = fleet.of_master().filter(|fleet| fleet.master.is_some()) {
            self.publish(enlisted(read));
        }
        log_faults(before.as_ref().map(|(_, fleet)| fleet.as_ref()), &fleet);
        for change in &result.changes {
            if change.to.is_silent() && !change.from.is_some_and(Cause::is_silent) {
                self.sweeper.check_now(&change.target);
            }
        }
        for line in diagnosis::summary(&result.changes) {
            info!(event = events::DIAGNOSIS, "{line}");
        }
        fleet
    }

    /// The names of the targets that were last seen; `None` where that is too long ago.
    fn known_names(&self) -> Option<Roster> {
        let read = self.lock_assessed().read?;
        (read.elapsed() <= ROSTER_KEPT).then(|| self.roster.borrow().clone())
    }

    fn lock_assessed(&self) -> MutexGuard<'_, Assessed> {
        self.assessed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of the last reload. A web configuration that changed and was refused by itself counts as one.
    fn reload_state(&self) -> Reload {
        let reload = *self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        Reload { successful: reload.successful && self.web.is_current(), ..reload }
    }

    /// Loads the configuration again as soon as no other reload is under way.
    pub async fn reload_in_turn(&self) -> Result<(), ReloadError> {
        let turn = self.reloading.clone().lock_owned().await;
        self.load(turn).await
    }

    /// Reads everything where blocking harms no client, and puts it in force afterwards: all of it or nothing.
    async fn load(&self, mut turn: OwnedMutexGuard<Option<Instant>>) -> Result<(), ReloadError> {
        if let Some(last) = *turn {
            sleep_until(last + RELOAD_SPACING).await;
        }
        *turn = Some(Instant::now());
        let (sources, web) = (self.sources.clone(), self.web.clone());
        let reading = spawn_blocking(move || {
            let read = config::load(&sources).and_then(|config| Ok((config, web.prepare()?)));
            (turn, read)
        });
        let result = match timeout(RELOAD_DEADLINE, reading).await {
            Ok(Ok((turn, read))) => {
                let result = read.and_then(|(config, web)| {
                    self.web.put_in_force(web)?;
                    self.put_in_force(config);
                    Ok(())
                });
                drop(turn);
                result.map_err(ReloadError::Faults)
            }
            Ok(Err(failure)) => Err(ReloadError::Reading(format!("its files were not read: {failure}"))),
            Err(_) => Err(ReloadError::Reading(format!("its files were not read within {}", span(RELOAD_DEADLINE)))),
        };
        self.note(&result);
        result
    }

    fn put_in_force(&self, config: Config) {
        self.prober.reconfigure(config.ports.clone());
        if config.role != Role::Target {
            self.monitor.leave();
        }
        if config.role != self.current.load().config.role {
            self.lock_assessed().read = None;
            self.roster.send_replace(Roster::default());
        }
        self.current.store(Arc::new(Current::start(config, &self.reader_stats)));
        self.changed.notify_one();
    }

    fn note(&self, result: &Result<(), ReloadError>) {
        let mut reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => {
                *reload = Reload { successful: true, at: Some(Timestamp::now()) };
                let file = self.sources.file.path().display();
                info!(event = events::RELOADED, %file, "the configuration was reloaded");
            }
            Err(error) => {
                reload.successful = false;
                error!(
                    event = events::NOT_RELOADED,
                    "the configuration has faults and the old one stays in force: {error}"
                );
            }
        }
    }
}

/// Only enlisted names are swept: what is merely expected may not exist.
fn enlisted(fleet: &MasterFleet) -> Vec<String> {
    fleet.targets.iter().filter(|target| target.enlisted.is_some()).map(|target| target.name.clone()).collect()
}

impl Current {
    fn start(config: Config, reader_stats: &Arc<ReaderStats>) -> Current {
        let config = Arc::new(config);
        let master = ReaderHandle::start(config.clone(), reader_stats.clone());
        Current { config, master }
    }
}

/// A fault is worth a line when it comes, changes or goes, not at every scrape; and where all collectors share it, as
/// when the master is down, one line is enough.
fn log_faults(before: Option<&Fleet>, now: &Fleet) {
    let kind = |fault: &ReadError| (fault.stage, fault.timeout, fault.retry);
    let all = shared_fault(now);
    let all_before = before.and_then(shared_fault);
    if let Some(fault) = all {
        if all_before.map(kind) != Some(kind(fault)) {
            warn!(
                event = events::MASTER_LOST,
                stage = fault.stage.name(),
                hint = fault.hint.as_deref(),
                "cannot read the master: {}",
                fault.message
            );
        }
        return;
    }
    if all_before.is_some() {
        info!(event = events::MASTER_BACK, "the master can be read again");
    }
    for report in now.reports() {
        let collector = report.collector.name();
        let earlier = before.filter(|_| all_before.is_none());
        let earlier =
            earlier.and_then(|fleet| fleet.reports().iter().find(|other| other.collector == report.collector));
        let earlier = earlier.and_then(|report| report.fault.as_ref());
        match &report.fault {
            Some(fault) if earlier.map(kind) != Some(kind(fault)) => {
                warn!(
                    event = events::PART_LOST,
                    collector,
                    stage = fault.stage.name(),
                    hint = fault.hint.as_deref(),
                    "cannot read: {}",
                    fault.message
                );
            }
            None if earlier.is_some() => info!(event = events::PART_BACK, collector, "can be read again"),
            _ => {}
        }
    }
}

/// The fault of every collector, where all failed for the same reason.
fn shared_fault(fleet: &Fleet) -> Option<&ReadError> {
    let mut faults = fleet.reports().iter().map(|report| report.fault.as_ref());
    let first = faults.next()??;
    faults.all(|fault| fault == Some(first)).then_some(first)
}

impl Site for App {
    async fn fleet(&self, wait: Duration) -> Arc<Fleet> {
        let current = self.current.load_full();
        if current.config.role == Role::Target {
            return self.seen_from_target(self.sweeper.port_results());
        }
        if self.stays_passive(&current).await {
            return self.nothing(&current);
        }
        let reading = current.master.read(wait).await;
        self.assess(&current, reading, self.sweeper.port_results())
    }

    async fn probe(&self, name: &str, wait: Duration) -> Result<Arc<Probe>, NoProbe> {
        let began = Instant::now();
        if self.known_names().is_none() {
            self.fleet(wait).await;
        }
        let names = self.known_names().ok_or(NoProbe::NoRoster)?;
        let config = self.current.load().config.clone();
        // On a target, only its own way to the master is probed.
        let expected = config.expected_targets.iter().filter(|_| config.role == Role::Master);
        let known = names.iter().chain(expected).find(|known| names::same(known, name));
        let known = known.ok_or(NoProbe::NotListed)?;
        self.probes.probe(known, wait.saturating_sub(began.elapsed())).await.ok_or(NoProbe::NoTime)
    }

    fn facts(&self) -> ExporterFacts {
        ExporterFacts {
            build: BUILD,
            sql_errors: self.reader_stats.sql_errors(),
            sql_connections: self.reader_stats.sql_connections(),
            refused: self.web.refusal_counts(),
            reload: self.reload_state(),
            passive: self.current.load().config.master.only_if_local.then(|| self.is_passive()),
            process: process::read(),
        }
    }

    fn settings(&self) -> Settings {
        Settings::from(self.current.load().config.as_ref())
    }

    async fn reload(&self) -> Result<(), ReloadError> {
        let turn = self.reloading.clone().try_lock_owned().map_err(|_| ReloadError::UnderWay)?;
        self.load(turn).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc;

    const TEXT: &str =
        "role: master\nmaster: { address: 127.0.0.1:1, user: u, password: p }\nports: { enabled: false }\n";

    /// Sources whose file is read when it is released, with the beginnings of its readings and the release.
    fn slow() -> (Sources, tokio::sync::mpsc::UnboundedReceiver<()>, mpsc::Sender<()>) {
        let (begun, beginnings) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let mut sources = Sources::of_process(config::ConfigFile::Named("c.yml".into()), Vec::new());
        sources.environment.clear();
        sources.read = Box::new(move |_| {
            let _ = begun.send(());
            let _ = released.lock().unwrap().recv();
            Ok(TEXT.into())
        });
        (sources, beginnings, release)
    }

    #[tokio::test]
    async fn a_reload_that_does_not_end_stops_nothing_and_changes_nothing() {
        let (sources, mut beginnings, release) = slow();
        release.send(()).unwrap();
        let config = config::load(&sources).unwrap();
        beginnings.recv().await.unwrap();
        let app = Arc::new(App::new(config, sources, Arc::new(Web::open(None).unwrap())));
        let before = app.current.load_full();
        let first = tokio::spawn({
            let app = app.clone();
            async move { app.reload().await }
        });
        beginnings.recv().await.unwrap();
        assert_eq!(app.reload().await, Err(ReloadError::UnderWay));
        tokio::time::pause();
        tokio::time::advance(RELOAD_DEADLINE * 2).await;
        assert!(matches!(first.await.unwrap(), Err(ReloadError::Reading(_))));
        assert!(!app.facts().reload.successful);
        assert_eq!(app.reload().await, Err(ReloadError::UnderWay), "it has not ended");
        tokio::time::resume();

        // What is read too late is not put in force; the next reload is.
        release.send(()).unwrap();
        release.send(()).unwrap();
        assert!(Arc::ptr_eq(&before, &app.current.load_full()));
        assert_eq!(app.reload_in_turn().await, Ok(()));
        assert!(!Arc::ptr_eq(&before, &app.current.load_full()));
        assert!(app.facts().reload.successful);

        // There are two a second at most.
        let began = Instant::now();
        for _ in 0..3 {
            release.send(()).unwrap();
            assert_eq!(app.reload().await, Ok(()));
        }
        assert!(began.elapsed() >= RELOAD_SPACING * 2, "{:?}", began.elapsed());
    }
}
