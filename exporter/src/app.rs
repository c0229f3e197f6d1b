//! The composition root: a scrape becomes a reading, the reading a fleet, the fleet a page.

use crate::collectors::Reading;
use crate::collectors::{LOOK_ENDS_WITHIN, ReaderHandle, ReaderStats, TargetDetail};
use crate::config::{self, Config, Role, Sources};
use crate::diagnosis::{self, Fleet, MasterFleet, Memory, Observed, TargetFleet};
use crate::doctor::MasterSide;
use crate::events;
use crate::exposition::{BuildInfo, ExporterFacts, Reload};
use crate::http::{ReloadError, Settings, Site, Web};
use crate::logging;
use crate::model::duration::span;
use crate::model::{Cause, ProbeFailure, names};
use crate::probe::{Extent, PortResults, Probe, Prober, Probes, Roster, Sweeper, sweep_once};
use crate::process;
use crate::sqlserver::{self, ReadError};
use crate::target_pages::{PageReader, PageResults};
use crate::target_side::{self, MasterView, TargetMonitor};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

/// A reading ends at its own deadline; this much more is left for its cancellation and its answer.
const GRACE: Duration = Duration::from_secs(1);
/// Version, commit and compiler of this program.
pub const BUILD: BuildInfo =
    BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: env!("MSX_REVISION"), rustc: env!("MSX_RUSTC") };

/// The least time between the beginnings of two reloads, because each costs the master a login.
const RELOAD_SPACING: Duration = Duration::from_millis(500);
/// How long a reload may take to read all files of the configuration.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

/// For so long after the last good reading the ports of the targets that it showed are still checked.
const ROSTER_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// How long pages of the firewall request share what the master says of itself, which costs a login.
const MASTER_SIDE_KEPT: Duration = Duration::from_secs(15 * 60);
/// The same where it said nothing.
const MASTER_SIDE_MISSED: Duration = Duration::from_secs(60);

/// The exporter behind the HTTP server.
pub struct App {
    sources: Arc<Sources>,
    web: Arc<Web>,
    reader_stats: Arc<ReaderStats>,
    /// A reload replaces the value in one step; requests that are under way end with the one that they began with.
    current: ArcSwap<Current>,
    assessed: Mutex<Assessed>,
    reload: Mutex<Reload>,
    /// When the last reload began. The lock is held while a reload reads files, even after its caller has given up.
    reloading: Arc<tokio::sync::Mutex<Option<Instant>>>,
    prober: Arc<Prober>,
    sweeper: Sweeper,
    probes: Probes,
    roster: watch::Sender<Roster>,
    /// With `role: target`, what the targets on this machine see of their master.
    monitor: Arc<TargetMonitor>,
    /// What the targets wrote about themselves, as last read.
    pages: ArcSwap<PageResults>,
    page_reader: Mutex<PageReader>,
    /// Notified when other pages are to be read than before.
    pages_due: Notify,
    /// What the log last reported of settings that do not fit together on the target side.
    remarks: Mutex<Vec<String>>,
    /// Notified after each reload, so that the background tasks start again with the new configuration.
    changed: Notify,
    /// Whether another node of the failover cluster holds the instance.
    passive: AtomicBool,
    /// What the master says of itself for the firewall request. The lock is held while it is asked.
    master_side: tokio::sync::Mutex<Option<KnownSide>>,
}

/// What the master said of itself, by which configuration and when it was asked.
struct KnownSide {
    config: Arc<Config>,
    asked: Instant,
    side: Arc<MasterSide>,
}

impl KnownSide {
    fn holds_for(&self, config: &Arc<Config>) -> bool {
        let kept = if self.side.answers.is_ok() { MASTER_SIDE_KEPT } else { MASTER_SIDE_MISSED };
        Arc::ptr_eq(&self.config, config) && self.asked.elapsed() < kept
    }
}

/// Everything that a reload replaces.
struct Current {
    config: Arc<Config>,
    master: ReaderHandle,
}

/// What one assessment leaves behind for the next.
#[derive(Default)]
struct Assessed {
    memory: Memory,
    /// The last reading, to know it again: its rows, those beyond the limits too, are not kept for that.
    last: Option<(Weak<Reading>, Arc<Fleet>)>,
    /// When the reading of `last` began. `None` where it may not be shown any more.
    began: Option<Instant>,
    /// When a page of a silent target last asked for a look.
    looked: Option<Instant>,
    /// When the targets were last read.
    read: Option<Instant>,
    /// The configuration whose patterns were compared with the names that are enlisted.
    compared: Option<Arc<Config>>,
}

impl Assessed {
    /// Whether a page may ask for a look: pages cost the master no more than one reading in this time.
    fn may_look(&mut self, oldest: Duration) -> bool {
        let may = self.looked.is_none_or(|looked| looked.elapsed() >= oldest);
        if may {
            self.looked = Some(Instant::now());
        }
        may
    }

    /// The last fleet, where its reading began less than `oldest` ago.
    fn recent(&self, oldest: Duration) -> Option<Arc<Fleet>> {
        self.began.filter(|began| began.elapsed() < oldest)?;
        self.last.as_ref().map(|(_, fleet)| fleet.clone())
    }
}

impl App {
    /// Connects the parts of the exporter. Opens nothing before the first scrape. Needs a tokio runtime.
    pub fn new(config: Config, sources: Sources, web: Arc<Web>) -> App {
        let reader_stats = Arc::<ReaderStats>::default();
        let prober = Arc::new(Prober::new(config.ports.clone()));
        let (roster, names) = watch::channel(Roster::default());
        let monitor =
            Arc::new(TargetMonitor::new(target_side::of_this_machine(), target_side::manager_of_this_machine()));
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
            pages: ArcSwap::default(),
            page_reader: Mutex::default(),
            pages_due: Notify::new(),
            remarks: Mutex::default(),
            changed: Notify::new(),
            passive: AtomicBool::new(false),
            master_side: tokio::sync::Mutex::default(),
        }
    }

    /// On a failover cluster only the node that holds the instance reads and probes; the others open no connection.
    async fn stays_passive(&self, current: &Current) -> bool {
        if !current.config.master.only_if_local {
            return false;
        }
        let passive = !sqlserver::is_here(&current.config.master.address).await;
        if self.passive.swap(passive, Ordering::Relaxed) != passive {
            self.lock_assessed().began = None;
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

    /// Whether another node of the cluster held the instance when that was last checked.
    pub fn is_passive(&self) -> bool {
        self.passive.load(Ordering::Relaxed)
    }

    /// The fleet of a passive node: no master, no findings.
    fn nothing(&self, current: &Current) -> Arc<Fleet> {
        self.assess(current, Arc::new(Reading::nothing(Timestamp::now())), Arc::default())
    }

    /// Runs the sweep for as long as it is polled. Also reads the master when no scrape did so within an interval,
    /// because the sweep takes its targets from the reading.
    pub async fn background(&self) {
        tokio::join!(self.sweeper.run(), self.keep_roster(), self.keep_pages());
    }

    /// Reads the pages of the targets next to the scrapes, which take what was read last.
    async fn keep_pages(&self) {
        loop {
            let interval = self.current.load().config.target_pages.interval;
            let names = self.roster.borrow().clone();
            self.read_pages(&names).await;
            // The interval, a reload or another list of targets ends the wait.
            let _ = timeout(interval, self.pages_due.notified()).await;
        }
    }

    /// Reads the pages of these targets once, on a thread that may wait for a share.
    async fn read_pages(&self, names: &Roster) {
        let config = self.current.load().config.clone();
        let Some(files) = config.target_pages.files.clone() else {
            if !self.pages.load().0.is_empty() {
                self.pages.store(Arc::default());
            }
            return;
        };
        let mut reader = std::mem::take(&mut *self.page_reader.lock().unwrap_or_else(PoisonError::into_inner));
        let names = names.clone();
        let read = spawn_blocking(move || {
            let pages = reader.read(&files, &names, Timestamp::now());
            (reader, pages)
        });
        if let Ok((reader, pages)) = read.await {
            *self.page_reader.lock().unwrap_or_else(PoisonError::into_inner) = reader;
            self.pages.store(Arc::new(pages));
        }
    }

    async fn keep_roster(&self) {
        loop {
            let ports = self.prober.settings();
            let config = self.current.load().config.clone();
            let age = self.lock_assessed().read.map(|read| read.elapsed());
            if config.role == Role::Target {
                self.look_out(&config).await;
            } else if ports.enabled && age.is_none_or(|age| age >= ports.interval) {
                self.fleet(config.master.timeout + GRACE, Duration::ZERO, None).await;
            }
            if age.is_some_and(|age| age > ROSTER_KEPT) {
                self.roster.send_if_modified(|names| !std::mem::take(names).is_empty());
            }
            // The interval or a reload ends the wait, whichever comes first.
            let _ = timeout(ports.interval, self.changed.notified()).await;
        }
    }

    /// With `role: target`: finds the targets of this machine and checks their master's certificate when that is due.
    async fn look_out(&self, config: &Config) {
        self.monitor.find(config);
        self.publish(self.monitor.names().iter().map(String::as_str));
        self.monitor.look(config, &self.prober).await;
        let remarks: Vec<String> = self.monitor.target_side().views.iter().flat_map(MasterView::remarks).collect();
        let mut known = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        for remark in remarks.iter().filter(|remark| !known.contains(remark)) {
            warn!(event = events::REMARK, "{remark}");
        }
        *known = remarks;
    }

    /// Hands the names of the targets to the sweep and to `/probe`. Whether they are others than before.
    fn publish<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.lock_assessed().read = Some(Instant::now());
        self.roster.send_if_modified(|known| {
            let changed = !names.clone().eq(known.iter().map(String::as_str));
            if changed {
                *known = Arc::new(names.map(str::to_owned).collect());
                self.pages_due.notify_one();
            }
            changed
        })
    }

    /// Logs which patterns fit no target: once for each configuration, and when other targets are enlisted.
    fn report_unmatched(&self, config: &Arc<Config>, reading: &Reading, changed: bool) {
        let compared = self.lock_assessed().compared.replace(config.clone());
        let is_known = compared.is_some_and(|compared| Arc::ptr_eq(&compared, config)) && !changed;
        let targets = reading.targets.as_ref().and_then(|targets| targets.rows.as_deref());
        let is_asked = !is_known && self.web.is_serving();
        let Some(targets) = targets.filter(|targets| is_asked && !targets.rows.is_empty()) else { return };
        let unmatched = diagnosis::unmatched(config, targets);
        if !unmatched.is_empty() {
            warn!("patterns of the configuration that fit no enlisted target: {}", unmatched.join("; "));
        }
    }

    /// One reading and one complete sweep. `extent` may ask for all checks even where the sweep is switched off.
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
        // The doctor reads on a passive node too, because its user asks for a diagnosis of this machine.
        if extent == Extent::Sweep && self.stays_passive(&current).await {
            return self.nothing(&current);
        }
        let wait = current.config.master.timeout + GRACE + LOOK_ENDS_WITHIN;
        let reading = current.master.read_with_look(wait).await;
        let fleet = self.assess(&current, reading.clone(), Arc::default());
        let names: Vec<String> = fleet.of_master().into_iter().flat_map(enlisted).map(str::to_owned).collect();
        self.read_pages(&Arc::new(names.clone())).await;
        if !current.config.ports.enabled && extent == Extent::Sweep {
            return self.assess(&current, reading, Arc::default());
        }
        let port_results = sweep_once(&self.prober, &names, &self.monitor.route(), extent).await;
        self.assess(&current, reading, Arc::new(port_results))
    }

    /// The fleet of an exporter on a target: its own way to the master and nothing else.
    fn seen_from_target(&self, port_results: Arc<PortResults>) -> Arc<Fleet> {
        let target_side = self.monitor.target_side();
        Arc::new(Fleet::Target(TargetFleet { began: Timestamp::now(), target_side, port_results }))
    }

    /// Assesses a reading and logs what changed.
    fn assess(&self, current: &Current, reading: Arc<Reading>, port_results: Arc<PortResults>) -> Arc<Fleet> {
        let pages = self.pages.load_full();
        let mut assessed = self.lock_assessed();
        if let Some((last, fleet)) = &assessed.last
            && ptr::eq(last.as_ptr(), Arc::as_ptr(&reading))
            && Arc::ptr_eq(fleet.port_results(), &port_results)
            && fleet.of_master().is_none_or(|fleet| Arc::ptr_eq(&fleet.pages, &pages))
        {
            return fleet.clone();
        }
        let (given_up, took) = (reading.given_up, reading.took);
        let observed = Observed { port_results, pages };
        let result = diagnosis::assess(&reading, observed, &current.config, &mut assessed.memory);
        let fleet = Arc::new(Fleet::from(result.fleet));
        if given_up {
            return fleet;
        }
        assessed.began = Instant::now().checked_sub(took);
        let before = assessed.last.replace((Arc::downgrade(&reading), fleet.clone()));
        drop(assessed);
        if let Some(read) = fleet.of_master().filter(|fleet| fleet.master.is_some()) {
            let changed = self.publish(enlisted(read));
            self.report_unmatched(&current.config, &reading, changed);
        }
        log_faults(before.as_ref().map(|(_, fleet)| fleet.as_ref()), &fleet, self.web.is_serving());
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

    /// Whether a target was silent at the last reading.
    fn is_silent(&self, target: &str) -> bool {
        let last = self.lock_assessed().last.as_ref().map(|(_, fleet)| fleet.clone());
        let fleet = last.as_deref().and_then(Fleet::of_master);
        let shown = fleet.and_then(|fleet| fleet.target(target));
        // Only silent targets have a trace.
        shown.is_some_and(|shown| shown.trace.is_some())
    }

    /// The names of the last good reading; `None` where that is longer ago than `ROSTER_KEPT`.
    fn known_names(&self) -> Option<Roster> {
        let read = self.lock_assessed().read?;
        (read.elapsed() <= ROSTER_KEPT).then(|| self.roster.borrow().clone())
    }

    fn lock_assessed(&self) -> MutexGuard<'_, Assessed> {
        self.assessed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome of the last reload. A web configuration that changed on disk and was refused counts as one.
    fn reload_state(&self) -> Reload {
        let reload = *self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        Reload { successful: reload.successful && self.web.is_current(), ..reload }
    }

    /// Loads the configuration again as soon as no other reload is under way.
    pub async fn reload_in_turn(&self) -> Result<(), ReloadError> {
        let turn = self.reloading.clone().lock_owned().await;
        self.load(turn).await
    }

    /// Reads all files on a blocking thread, then puts everything in force, or nothing.
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
        self.lock_assessed().began = None;
        self.changed.notify_one();
        self.pages_due.notify_one();
    }

    fn note(&self, result: &Result<(), ReloadError>) {
        self.lock_assessed().memory.note_reload(Timestamp::now(), result.is_ok());
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

/// Names that are only expected are not swept: their hosts may not exist.
fn enlisted(fleet: &MasterFleet) -> impl Iterator<Item = &str> + Clone {
    fleet.targets.iter().filter(|target| target.enlisted.is_some()).map(|target| target.name.as_str())
}

impl Current {
    fn start(config: Config, reader_stats: &Arc<ReaderStats>) -> Current {
        let config = Arc::new(config);
        let master = ReaderHandle::start(config.clone(), reader_stats.clone());
        Current { config, master }
    }
}

/// Logs a fault when it begins, changes or ends, not at every scrape. Where all collectors share one, as when the
/// master is down, one line is enough. There is a next attempt only while the exporter serves.
fn log_faults(before: Option<&Fleet>, now: &Fleet, serving: bool) {
    let message = |fault: &ReadError| if serving { fault.with_next_attempt() } else { fault.message.clone() };
    // What to do differs with the refusal: a server that was in single-user mode and is upgraded now is news.
    let kind = |fault: &ReadError| (fault.stage, fault.timeout, fault.retry, fault.hint.clone());
    let all = shared_fault(now);
    let all_before = before.and_then(shared_fault);
    if let Some(fault) = all {
        if all_before.map(kind) != Some(kind(fault)) {
            warn!(
                event = events::MASTER_LOST,
                stage = fault.stage.name(),
                hint = fault.hint.as_deref(),
                "cannot read the master: {}",
                message(fault)
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
                    message(fault)
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
    async fn fleet(&self, wait: Duration, oldest: Duration, of: Option<&str>) -> Arc<Fleet> {
        let current = self.current.load_full();
        if current.config.role == Role::Target {
            return self.seen_from_target(self.sweeper.port_results());
        }
        if self.stays_passive(&current).await {
            return self.nothing(&current);
        }
        let looks = of.is_some_and(|target| self.is_silent(target)) && self.lock_assessed().may_look(oldest);
        if !looks && let Some(fleet) = self.lock_assessed().recent(oldest) {
            return fleet;
        }
        let reading = if looks { current.master.read_with_look(wait).await } else { current.master.read(wait).await };
        self.assess(&current, reading, self.sweeper.port_results())
    }

    async fn target_detail(
        &self,
        fleet: &Fleet,
        name: &str,
        wait: Duration,
    ) -> Option<Result<Arc<TargetDetail>, ReadError>> {
        let server_id = fleet.of_master()?.target(name)?.enlisted.as_ref()?.server_id;
        Some(self.current.load_full().master.target_detail(server_id, wait).await)
    }

    async fn master_side(&self, fleet: &Fleet) -> Option<Arc<MasterSide>> {
        let read = fleet.of_master().filter(|fleet| fleet.master.is_some())?;
        let config = self.current.load().config.clone();
        let mut known = self.master_side.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.holds_for(&config)) {
            return Some(known.side.clone());
        }
        let side = Arc::new(MasterSide::look(&config, &self.prober, read).await);
        *known = Some(KnownSide { config, asked: Instant::now(), side: side.clone() });
        Some(side)
    }

    async fn probe(&self, name: &str, wait: Duration) -> Result<Arc<Probe>, ProbeFailure> {
        let began = Instant::now();
        if self.known_names().is_none() {
            self.fleet(wait, Duration::ZERO, None).await;
        }
        let names = self.known_names().ok_or(ProbeFailure::NoRoster)?;
        let config = self.current.load().config.clone();
        // On a target, only its own way to the master is probed.
        let expected = config.expected_targets.iter().filter(|_| config.role == Role::Master);
        let known = names.iter().chain(expected).find(|known| names::same(known, name));
        let known = known.ok_or(ProbeFailure::NotListed)?;
        self.probes.probe(known, wait.saturating_sub(began.elapsed())).await.ok_or(ProbeFailure::NoTime)
    }

    fn facts(&self) -> ExporterFacts {
        ExporterFacts {
            build: BUILD,
            sql_errors: self.reader_stats.sql_errors(),
            sql_connections: self.reader_stats.sql_connections(),
            log_lines_lost: logging::lost(),
            refused: self.web.refusal_counts(),
            probes: self.web.probe_counts(),
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

    /// Sources whose file is read only when the test releases it, with a channel that reports each beginning.
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

        // What is read after the deadline is not put in force; the next reload is.
        release.send(()).unwrap();
        release.send(()).unwrap();
        assert!(Arc::ptr_eq(&before, &app.current.load_full()));
        assert_eq!(app.reload_in_turn().await, Ok(()));
        assert!(!Arc::ptr_eq(&before, &app.current.load_full()));
        assert!(app.facts().reload.successful);

        // At most two reloads begin within a second.
        let began = Instant::now();
        for _ in 0..3 {
            release.send(()).unwrap();
            assert_eq!(app.reload().await, Ok(()));
        }
        assert!(began.elapsed() >= RELOAD_SPACING * 2, "{:?}", began.elapsed());
    }
}
