//! A running server with a stub of the exporter behind it.

use super::super::{Options, ReloadError, Settings, Site, Web, bind, run};
use super::soon;
use crate::collectors::{CollectorReport, TargetDetail};
use crate::config::Limits;
use crate::diagnosis::{Diagnosis, Fleet, MasterClock, MasterFleet, Orphan, Target};
use crate::doctor::MasterSide;
use crate::exposition::{BuildInfo, ExporterFacts, Reload};
use crate::model::{Cause, Collector, OrphanKind, ProbeFailure, Stage};
use crate::probe::Probe;
use crate::sqlserver::ReadError;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Answers at once, or when the test lets it, and records the calls.
pub(super) struct Stub {
    pub(super) settings: Mutex<Settings>,
    /// How many calls wait for a fleet or a probe.
    pub(super) waiting: watch::Sender<usize>,
    /// While true, no fleet and no probe is answered.
    pub(super) held: watch::Sender<bool>,
    pub(super) waits: Mutex<Vec<Duration>>,
    /// How old the readings might be that were asked for.
    pub(super) ages: Mutex<Vec<Duration>>,
    pub(super) reloads: Mutex<Vec<Result<(), ReloadError>>>,
    /// The targets for which a look was requested.
    pub(super) looks: Mutex<Vec<String>>,
    pub(super) fleet: Arc<Fleet>,
    /// What a probe ends with.
    pub(super) probe: Mutex<Result<Arc<Probe>, ProbeFailure>>,
}

impl Stub {
    pub(super) fn new() -> Stub {
        Stub {
            settings: Mutex::new(Settings {
                reading_timeout: Duration::from_secs(8),
                explain_details: false,
                limits: Limits {
                    targets: 10,
                    job_pairs: 10,
                    series: 10_000,
                    scrapes_in_flight: 8,
                    ..crate::config::defaults().limits
                },
            }),
            waiting: watch::Sender::new(0),
            held: watch::Sender::new(false),
            waits: Mutex::default(),
            ages: Mutex::default(),
            reloads: Mutex::default(),
            looks: Mutex::default(),
            fleet: Arc::new(fleet(1).into()),
            probe: Mutex::new(Err(ProbeFailure::NoRoster)),
        }
    }

    /// Waits until that many calls wait for a fleet.
    pub(super) async fn waiters(&self, count: usize) {
        let mut waiting = self.waiting.subscribe();
        soon("waiters", waiting.wait_for(|now| *now == count)).await.unwrap();
    }

    async fn wait(&self, wait: Duration) {
        self.waits.lock().unwrap().push(wait);
        self.waiting.send_modify(|count| *count += 1);
        let _waiter = Waiter(&self.waiting);
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
    }

    pub(super) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }
}

/// The details of the fault in [`fleet`], which only authenticated clients may see.
pub(super) const DETAIL: &str = "the login msx_exporter has no SELECT on sysjobs";

/// A fleet with one expected target, a failed collector, and a name of any length in the JSON.
pub(super) fn fleet(length: usize) -> MasterFleet {
    let fault = ReadError::new(Stage::Permission, DETAIL);
    let report = |collector, fault| CollectorReport {
        collector,
        duration: Duration::from_millis(1),
        permission: true,
        missing: Vec::new(),
        read_at: None,
        fault,
    };
    MasterFleet {
        began: Timestamp::UNIX_EPOCH,
        master: Some(MasterClock {
            now: Timestamp::UNIX_EPOCH,
            utc_offset_seconds: 0,
            zone_known: true,
            started: Timestamp::UNIX_EPOCH,
        }),
        server: None,
        targets: vec![Target {
            name: "SQL 01\\PAYROLL".to_owned(),
            enlisted: None,
            labels: Vec::new(),
            expected: None,
            address: None,
            arrives_from: Vec::new(),
            maintenance: None,
            diagnosis: Diagnosis { cause: Cause::NotEnlisted, evidence: Vec::new() },
            trace: None,
            pages: None,
        }],
        orphans: Some(vec![Orphan { target: "X".repeat(length), kind: OrphanKind::Other, count: 1 }]),
        downloadlist_rows: None,
        jobs: None,
        reports: vec![report(Collector::Targets, None), report(Collector::Jobs, Some(fault))],
        history: Arc::default(),
        has_maintenance_windows: false,
        limited: crate::diagnosis::Limited::default(),
        jobs_left_out: Default::default(),
        port_results: Arc::default(),
        pages: Arc::default(),
    }
}

/// Counts a waiting call for as long as its future lives.
struct Waiter<'a>(&'a watch::Sender<usize>);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Site for Stub {
    async fn fleet(&self, wait: Duration, oldest: Duration, of: Option<&str>) -> Arc<Fleet> {
        self.ages.lock().unwrap().push(oldest);
        self.looks.lock().unwrap().extend(of.map(str::to_owned));
        self.wait(wait).await;
        Arc::clone(&self.fleet)
    }

    async fn target_detail(&self, _: &Fleet, _: &str, _: Duration) -> Option<Result<Arc<TargetDetail>, ReadError>> {
        None
    }

    async fn master_side(&self, _: &Fleet) -> Option<Arc<MasterSide>> {
        None
    }

    async fn probe(&self, _: &str, wait: Duration) -> Result<Arc<Probe>, ProbeFailure> {
        self.wait(wait).await;
        self.probe.lock().unwrap().clone()
    }

    fn facts(&self) -> ExporterFacts {
        ExporterFacts {
            build: BuildInfo { version: "0.0.0", revision: "none", rustc: "none" },
            sql_errors: enum_map::EnumMap::default(),
            sql_connections: 0,
            log_lines_lost: 0,
            refused: None,
            probes: None,
            reload: Reload { successful: true, at: None },
            passive: None,
            process: None,
        }
    }

    fn settings(&self) -> Settings {
        *self.settings.lock().unwrap()
    }

    async fn reload(&self) -> Result<(), ReloadError> {
        self.reloads.lock().unwrap().pop().unwrap_or(Ok(()))
    }
}

/// A server on a free port.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) site: Arc<Stub>,
    pub(super) web: Arc<Web>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    pub(super) fn plain() -> Server {
        Server::with(Stub::new(), Options::default(), Web::open(None).unwrap())
    }

    pub(super) fn with(stub: Stub, options: Options, web: Web) -> Server {
        Server::at(SocketAddr::from(([127, 0, 0, 1], 0)), stub, options, web)
    }

    pub(super) fn at(address: SocketAddr, stub: Stub, options: Options, web: Web) -> Server {
        let listeners = bind(&[address.to_string().parse().unwrap()]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let site = Arc::new(stub);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let web = Arc::new(web);
        let running = tokio::spawn(run(listeners, Arc::clone(&site), options, Arc::clone(&web), shutdown));
        Server { address, site, web, stop, running }
    }

    /// Asks the server to stop; the returned task is that of `run`.
    pub(super) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.running
    }
}
