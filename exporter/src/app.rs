//! Where the rooms meet: a scrape becomes a reading, the reading a fleet, the fleet a page.

use crate::config::{self, Config, Sources};
use crate::fleet::{self, Fleet, Memory};
use crate::master::{Fault, Master, Reading, Vitals};
use crate::ports::Board;
use crate::process;
use crate::render::{BuildInfo, ExporterFacts, Reload};
use crate::serve::{Settings, Site, Web};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::{error, info, warn};

/// How this program was built.
pub const BUILD: BuildInfo =
    BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: env!("MSX_REVISION"), rustc: env!("MSX_RUSTC") };

/// The exporter behind the server.
pub struct App {
    sources: Sources,
    web: Arc<Web>,
    vitals: Arc<Vitals>,
    /// Replaced whole by a reload; what is under way ends on the old one.
    current: ArcSwap<Current>,
    assessed: Mutex<Assessed>,
    reload: Mutex<Reload>,
}

/// What a reload replaces.
struct Current {
    config: Arc<Config>,
    master: Master,
    board: Arc<Board>,
}

/// What the assessments leave behind.
#[derive(Default)]
struct Assessed {
    memory: Memory,
    last: Option<(Arc<Reading>, Arc<Fleet>)>,
}

impl App {
    /// Puts the rooms together. Nothing is opened before the first scrape. Needs a runtime.
    pub fn new(config: Config, sources: Sources, web: Arc<Web>) -> App {
        let vitals = Arc::<Vitals>::default();
        App {
            current: ArcSwap::from_pointee(Current::start(config, &vitals)),
            sources,
            web,
            vitals,
            assessed: Mutex::default(),
            reload: Mutex::new(Reload { successful: true, at: Some(Timestamp::now()) }),
        }
    }

    /// Judges a reading, once however many scrapes share it, and tells the log what changed.
    fn assess(&self, current: &Current, reading: Arc<Reading>) -> Arc<Fleet> {
        let mut assessed = self.assessed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, fleet)) = &assessed.last
            && Arc::ptr_eq(last, &reading)
        {
            return fleet.clone();
        }
        let result = fleet::assess(&reading, current.board.clone(), &current.config, &mut assessed.memory);
        let fleet = Arc::new(result.fleet);
        let before = assessed.last.replace((reading, fleet.clone()));
        drop(assessed);
        tell_of_faults(before.as_ref().map(|(_, fleet)| fleet.as_ref()), &fleet);
        for line in fleet::summary(&result.changes) {
            info!("{line}");
        }
        fleet
    }

    fn load(&self) -> Result<(), String> {
        let config = config::load(&self.sources).map_err(|faults| faults.to_string())?;
        self.web.reload().map_err(|error| error.to_string())?;
        self.current.store(Arc::new(Current::start(config, &self.vitals)));
        Ok(())
    }
}

impl Current {
    fn start(config: Config, vitals: &Arc<Vitals>) -> Current {
        let config = Arc::new(config);
        let master = Master::start(config.clone(), vitals.clone());
        Current { config, master, board: Arc::default() }
    }
}

/// A fault is worth a line when it comes, changes or goes, not at every scrape; and where all collectors share it, as
/// when the master is down, one line is enough.
fn tell_of_faults(before: Option<&Fleet>, now: &Fleet) {
    let kind = |fault: &Fault| (fault.stage, fault.timeout);
    let all = shared_fault(now);
    let all_before = before.and_then(shared_fault);
    if let Some(fault) = all {
        if all_before.map(kind) != Some(kind(fault)) {
            warn!(
                stage = fault.stage.name(),
                hint = fault.hint.as_deref(),
                "cannot read the master: {}",
                fault.message
            );
        }
        return;
    }
    if all_before.is_some() {
        info!("the master can be read again");
    }
    for report in &now.reports {
        let collector = report.collector.name();
        let earlier = before.filter(|_| all_before.is_none());
        let earlier = earlier.and_then(|fleet| fleet.reports.iter().find(|other| other.collector == report.collector));
        let earlier = earlier.and_then(|report| report.fault.as_ref());
        match &report.fault {
            Some(fault) if earlier.map(kind) != Some(kind(fault)) => {
                warn!(
                    collector,
                    stage = fault.stage.name(),
                    hint = fault.hint.as_deref(),
                    "cannot read: {}",
                    fault.message
                );
            }
            None if earlier.is_some() => info!(collector, "can be read again"),
            _ => {}
        }
    }
}

/// The fault of every collector, where all failed for the same reason.
fn shared_fault(fleet: &Fleet) -> Option<&Fault> {
    let mut faults = fleet.reports.iter().map(|report| report.fault.as_ref());
    let first = faults.next()??;
    faults.all(|fault| fault == Some(first)).then_some(first)
}

impl Site for App {
    async fn fleet(&self, wait: Duration) -> Arc<Fleet> {
        let current = self.current.load_full();
        let reading = current.master.read(wait).await;
        self.assess(&current, reading)
    }

    fn facts(&self) -> ExporterFacts {
        ExporterFacts {
            build: BUILD,
            sql_errors: self.vitals.sql_errors(),
            sql_connections: self.vitals.sql_connections(),
            reload: *self.reload.lock().unwrap_or_else(PoisonError::into_inner),
            passive: None,
            process: process::read(),
        }
    }

    fn settings(&self) -> Settings {
        Settings::from(self.current.load().config.as_ref())
    }

    async fn reload(&self) -> Result<(), String> {
        let result = self.load();
        let mut reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(()) => {
                *reload = Reload { successful: true, at: Some(Timestamp::now()) };
                info!("the configuration was loaded anew");
            }
            Err(faults) => {
                reload.successful = false;
                error!("the configuration has faults and the old one stays in force: {faults}");
            }
        }
        result
    }
}
