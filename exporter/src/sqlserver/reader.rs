//! Reads the master, again and again, over one connection.

use super::arrivals::ArrivalWatch;
use super::assemble::{self, Answer};
use super::batch::{self, BatchError, Harvest};
use super::clock::Clock;
use super::faults;
use super::reader_stats::{Backoff, Connected, ReaderStats};
use super::reading::{Fault, Reading};
use super::result_cache::{ResultCache, is_due};
use super::rights::Msdb;
use super::session::{self, Session};
use super::stage_tracker::Progress;
use super::statements::Set;
use crate::config::Config;
use crate::model::{Collector, Stage};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

/// How long a cancelled statement may take to acknowledge before its connection is given up.
const CANCEL_GRACE: Duration = Duration::from_millis(300);
/// The download list is the one table that can be large.
const DOWNLOADS_CAP: Duration = Duration::from_secs(2);
/// Rows that were downloaded are history, and counting them reads the whole table.
const DOWNLOADED_EVERY: Duration = Duration::from_secs(5 * 60);
/// A right that was missing is looked for again this often.
const RIGHTS_EVERY: Duration = Duration::from_secs(60);
/// Msg 3960 and 3961: a snapshot that met a change of the table itself. The next one sees it.
const SNAPSHOT_CONFLICTS: [u32; 2] = [3960, 3961];

pub(super) struct Reader {
    config: Arc<Config>,
    reader_stats: Arc<ReaderStats>,
    progress: Progress,
    session: Option<Session>,
    connected: Option<Connected>,
    /// `None`: they are to be asked for at once.
    rights_asked: Option<Instant>,
    /// A statement was refused for a right, whatever was said of it before.
    rights_doubted: bool,
    clock: Clock,
    backoff: Backoff,
    /// Collectors that broke the last batch go last until they succeed.
    broke: Vec<Collector>,
    shelf: ResultCache,
    watch: ArrivalWatch,
}

impl Reader {
    pub(super) fn new(config: Arc<Config>, reader_stats: Arc<ReaderStats>, progress: Progress) -> Reader {
        Reader {
            config,
            reader_stats,
            progress,
            session: None,
            connected: None,
            rights_asked: None,
            rights_doubted: false,
            clock: Clock::default(),
            backoff: Backoff::default(),
            broke: Vec::new(),
            shelf: ResultCache::default(),
            watch: ArrivalWatch::default(),
        }
    }

    /// One whole reading, within the configured time-out.
    pub(super) async fn read(&mut self) -> Reading {
        let began = Timestamp::now();
        let start = Instant::now();
        let reading = match self.attempt(began, start + self.config.master.timeout).await {
            Ok(reading) => reading,
            Err(fault) => {
                // A scrape that is answered while the reader rests counts too: that master could not be read either.
                self.reader_stats.count(fault.stage);
                failure(&self.config, began, &fault)
            }
        };
        Reading { took: start.elapsed(), ..reading }
    }

    /// Drops what a reading that was cancelled left behind. Takes at most the grace.
    pub(super) async fn clean_up(&mut self) {
        if let Some(session) = &mut self.session
            && !session::cancel(&mut session.client, CANCEL_GRACE).await
        {
            self.hang_up();
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.session = None;
        self.connected = None;
    }

    async fn attempt(&mut self, began: Timestamp, deadline: Instant) -> Result<Reading, Fault> {
        let reused = self.session.is_some();
        self.connect(deadline).await?;
        let mut answer = self.ask(deadline).await?;
        let lost = matches!(&answer.end, Some(BatchError::Driver(error)) if !faults::leaves_connection_usable(error));
        if lost && reused && answer.harvest.closed.is_empty() {
            // A connection that died while it was idle: the server was restarted, or a firewall forgot it.
            self.hang_up();
            self.connect(deadline).await?;
            answer = self.ask(deadline).await?;
        } else if met_a_change(&answer) {
            self.settle(answer.end.as_ref()).await;
            self.connect(deadline).await?;
            answer = self.ask(deadline).await?;
        }
        self.settle(answer.end.as_ref()).await;
        self.remember_who_broke(&answer);
        let mut reading = assemble::reading(answer, self.config.collectors, &mut self.clock, &mut self.shelf, began);
        self.look_for_arrivals(&mut reading, deadline).await;
        let stages: BTreeSet<Stage> =
            reading.reports().filter_map(|report| report.fault.as_ref()).map(|fault| fault.stage).collect();
        for stage in &stages {
            self.reader_stats.count(*stage);
        }
        let doubted = stages.contains(&Stage::Permission);
        if doubted && !self.rights_doubted {
            // Taken away while we were connected: whoever reads the log wants the grant now.
            self.rights_asked = None;
        }
        self.rights_doubted = doubted;
        Ok(reading)
    }

    async fn connect(&mut self, deadline: Instant) -> Result<(), Fault> {
        if self.session.is_some() {
            self.look_for_rights(deadline).await;
        }
        if self.session.is_some() {
            return Ok(());
        }
        self.backoff.check()?;
        let opening = session::open(&self.config.master, deadline, &self.progress);
        let opened = match timeout_at(deadline, opening).await {
            Ok(result) => result,
            Err(_) => {
                let doing = format!("connecting to {}", self.config.master.address);
                Err(Fault::timed_out(self.progress.stage(), &doing, self.config.master.timeout))
            }
        };
        let session = opened.inspect_err(|fault| self.backoff.failed(fault))?;
        self.backoff = Backoff::default();
        self.rights_asked = Some(Instant::now());
        // What is missing from the start is known by now.
        self.rights_doubted = session.capabilities.missing().next().is_some();
        self.connected = Some(self.reader_stats.connected());
        info!(
            server = session.capabilities.server_name,
            version = session.capabilities.product_version,
            peer = %session.peer,
            auth = session.capabilities.auth_scheme.as_deref().unwrap_or("unknown"),
            encrypted = self.progress.encrypted(),
            zone = session.zone.as_ref().map_or("not known: the offset in force stands for all", |(_, source)| *source),
            "connected to the master"
        );
        self.clock.set_zone(session.zone.as_ref().map(|(zone, _)| zone.clone()));
        self.session = Some(session);
        self.tell_rights();
        Ok(())
    }

    /// Asks again what may be read where something was missing, so that a grant needs no restart.
    async fn look_for_rights(&mut self, deadline: Instant) {
        let Some(session) = &mut self.session else { return };
        let lacking = session.capabilities.missing().next().is_some() || session.capabilities.msdb != Msdb::Readable;
        let in_doubt = lacking || self.rights_doubted;
        let asked_lately = self.rights_asked.is_some_and(|asked| asked.elapsed() < RIGHTS_EVERY);
        if !in_doubt || asked_lately {
            return;
        }
        self.rights_asked = Some(Instant::now());
        self.progress.enter(Stage::Query);
        let asking = session::capabilities(&mut session.client, &self.config.master.msdb);
        match timeout_at(deadline, asking).await {
            Ok(Ok(capabilities)) if capabilities != session.capabilities => {
                session.capabilities = capabilities;
                self.tell_rights();
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => self.hang_up(),
        }
    }

    fn tell_rights(&self) {
        let Some(session) = &self.session else { return };
        if session.capabilities.msdb != Msdb::Readable {
            // The reading says so; a grant on a table would not help.
            return;
        }
        let major = session.capabilities.major_version();
        for right in session.capabilities.missing() {
            let needs = |c: &Collector| right.essential_for().contains(c) || right.helps() == Some(*c);
            if let Some(collector) = Collector::ALL.into_iter().find(needs).filter(|c| self.config.collectors.has(*c)) {
                let grant = right.grant(major, &self.config.master.msdb);
                warn!(collector = collector.name(), grant, "the login lacks a right");
            }
        }
    }

    /// The sets to ask for now: what is switched on, allowed and due; what broke the last batch goes last.
    fn plan(&self, session: &Session) -> Vec<Set> {
        let on = self.config.collectors;
        let mut collectors: Vec<Collector> = Collector::ALL.into_iter().filter(|c| on.has(*c)).collect();
        collectors.retain(|collector| session.capabilities.refusal(*collector, &self.config.master.msdb).is_none());
        collectors.sort_by_key(|collector| self.broke.contains(collector));
        let mut sets = vec![Set::Clock];
        for collector in collectors {
            match collector {
                Collector::Targets => sets.extend([Set::Targets, Set::Groups]),
                Collector::Downloads if is_due(self.shelf.downloads.as_ref(), Duration::ZERO) => {
                    sets.extend([Set::Downloads, Set::DownloadRows]);
                    if is_due(self.shelf.downloaded.as_ref(), DOWNLOADED_EVERY) {
                        sets.push(Set::Downloaded);
                    }
                }
                Collector::Jobs if is_due(self.shelf.jobs.as_ref(), Duration::ZERO) => {
                    sets.extend([Set::Jobs, Set::JobTargets]);
                }
                Collector::Server => sets.extend([Set::Agent, Set::Operator]),
                Collector::Downloads | Collector::Jobs | Collector::Arrivals => {}
            }
        }
        sets.retain(|set| session.capabilities.allows(*set));
        sets
    }

    /// Sends the batch and takes in what comes until its end or the deadline.
    async fn ask(&mut self, deadline: Instant) -> Result<Answer, Fault> {
        let start = Instant::now();
        let msdb = self.config.master.msdb.clone();
        self.progress.enter(Stage::Query);
        let asked = self.session.as_ref().map(|session| self.plan(session)).unwrap_or_default();
        let mut harvest = Harvest::default();
        let session = self.session.as_mut().ok_or_else(|| Fault::new(Stage::Connect, "there is no connection"))?;
        let capabilities = session.capabilities.clone();
        let certificate = session.certificate.clone();
        let text = batch::text(&asked, &msdb);
        let cap = |set: Set| (set.collector() == Collector::Downloads).then_some(DOWNLOADS_CAP);
        let running = batch::run(&mut session.client, &text, &asked, cap, &mut harvest);
        let end = match timeout_at(deadline, running).await {
            Ok(result) => result.err(),
            Err(_) => Some(BatchError::Deadline),
        };
        let broken = end.as_ref().map(|broken| match broken {
            BatchError::Driver(error) => faults::on_reading(error),
            BatchError::CellError(misfit) => Fault::from(misfit.clone()),
            BatchError::OverCap(set, cap) => Fault::timed_out(Stage::Query, &format!("statement {}", set.name()), *cap),
            BatchError::Deadline => Fault::timed_out(Stage::Query, "reading the master", start.elapsed()),
        });
        let refused = Collector::ALL.into_iter().filter_map(|c| Some((c, capabilities.refusal(c, &msdb)?)));
        let refused = refused.collect();
        let encrypted = self.progress.encrypted();
        Ok(Answer { asked, harvest, end, broken, capabilities, refused, encrypted, certificate })
    }

    /// Asks who arrives, while a target is silent. It comes behind everything else: what goes wrong here spoils no other
    /// part of the reading.
    async fn look_for_arrivals(&mut self, reading: &mut Reading, deadline: Instant) {
        if !self.config.collectors.arrivals {
            return;
        }
        let targets = reading.targets.as_ref().and_then(|targets| targets.rows.as_ref());
        let (arrivals, end) = match &mut self.session {
            Some(session) => {
                self.progress.enter(Stage::Query);
                self.watch.look(session, targets, &self.config.master.msdb, deadline).await
            }
            None => (self.watch.at_rest(), None),
        };
        reading.arrivals = Some(arrivals);
        self.settle(end.as_ref()).await;
    }

    /// Leaves the connection ready for the next reading, or drops it.
    async fn settle(&mut self, end: Option<&BatchError>) {
        match end {
            None => {}
            Some(BatchError::Driver(error)) if faults::leaves_connection_usable(error) => {}
            Some(BatchError::Driver(_)) => self.hang_up(),
            Some(BatchError::CellError(_) | BatchError::OverCap(..) | BatchError::Deadline) => self.clean_up().await,
        }
    }

    fn remember_who_broke(&mut self, answer: &Answer) {
        let closed = &answer.harvest.closed;
        let whole = |collector: Collector| {
            answer.asked.iter().filter(|set| set.collector() == collector).all(|set| closed.contains_key(set))
        };
        self.broke.retain(|collector| !whole(*collector));
        let first_open = answer.asked.iter().find(|set| !closed.contains_key(set)).map(|set| set.collector());
        if let Some(collector) = first_open.filter(|collector| !self.broke.contains(collector)) {
            self.broke.push(collector);
        }
    }
}

/// A reading that could not be done: every collector failed for the same reason.
pub(super) fn failure(config: &Config, began: Timestamp, fault: &Fault) -> Reading {
    let on = config.collectors;
    Reading {
        began,
        took: Duration::ZERO,
        targets: on.targets.then(|| assemble::failed(Collector::Targets, fault)),
        downloads: on.downloads.then(|| assemble::failed(Collector::Downloads, fault)),
        server: on.server.then(|| assemble::failed(Collector::Server, fault)),
        jobs: on.jobs.then(|| assemble::failed(Collector::Jobs, fault)),
        arrivals: on.arrivals.then(|| assemble::failed(Collector::Arrivals, fault)),
    }
}

fn met_a_change(answer: &Answer) -> bool {
    let closings = answer.harvest.closed.values().map(|closing| closing.error);
    let raised = match &answer.end {
        Some(BatchError::Driver(error)) => error.code(),
        _ => None,
    };
    closings.chain(raised).any(|code| SNAPSHOT_CONFLICTS.contains(&code))
}
