//! Reads the master, again and again, over one connection.

use super::arrivals::{ArrivalWatch, Arrivals, Interrupted};
use super::asked::Asked;
use super::assemble::{self, BatchAnswer};
use super::needs;
use super::reader_stats::{Backoff, Connected, ReaderStats};
use super::reading::{Collected, CollectorReport, Reading};
use super::result_cache::ResultCache;
use super::target_detail::{DetailReader, TargetDetail};
use super::targets::Targets;
use crate::config::Config;
use crate::model::{Collector, Stage};
use crate::sqlserver::{self, BatchError, Clock, Context, Left, Msdb, Progress, ReadError, Session};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

/// How long a cancelled statement may take to acknowledge before its connection is given up.
const CANCEL_GRACE: Duration = Duration::from_millis(300);
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
    /// How long the last batch took: a master that is slow to answer is not taken for one that is silent.
    last_batch: Duration,
    cache: ResultCache,
    arrivals: ArrivalWatch,
    details: DetailReader,
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
            last_batch: Duration::ZERO,
            cache: ResultCache::default(),
            arrivals: ArrivalWatch::default(),
            details: DetailReader::default(),
        }
    }

    /// One complete reading, within the configured time-out.
    pub(super) async fn read(&mut self) -> Reading {
        let began = Timestamp::now();
        let start = Instant::now();
        let reading = match self.attempt(began, start + self.config.master.timeout).await {
            Ok(reading) => reading,
            Err(fault) => {
                // A scrape that is answered while the reader rests counts too: that master could not be read either.
                self.reader_stats.count(fault.stage);
                assemble::failure(&self.config, began, &fault)
            }
        };
        Reading { took: start.elapsed(), ..reading }
    }

    /// Drops what a reading that was cancelled left behind. Takes at most the grace.
    pub(super) async fn clean_up(&mut self) {
        if let Some(session) = &mut self.session
            && !session.cancel(CANCEL_GRACE).await
        {
            self.hang_up();
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.session = None;
        self.connected = None;
    }

    /// What only the page of one target shows. Uses the connection of the last reading.
    pub(super) async fn target_detail(&mut self, server_id: i32) -> Result<Arc<TargetDetail>, ReadError> {
        if let Some(known) = self.details.known(server_id) {
            return known;
        }
        let no_session = || ReadError::new(Stage::Connect, "there is no connection to the master now");
        let session = self.session.as_mut().ok_or_else(no_session)?;
        self.progress.enter(Stage::Query);
        let (answer, end) = self.details.ask(session, server_id, &self.config.master.msdb).await;
        self.settle(end.as_ref()).await;
        Ok(answer)
    }

    /// Gives up a question about one target.
    pub(super) async fn interrupt_detail(&mut self, after: Duration) {
        self.details.interrupted(after);
        self.clean_up().await;
    }

    async fn attempt(&mut self, began: Timestamp, deadline: Instant) -> Result<Reading, ReadError> {
        let reused = self.session.is_some();
        self.connect(deadline).await?;
        let patience = reused.then(|| self.patience(deadline));
        let mut answer = self.ask(deadline, patience).await?;
        let lost = answer.end.as_ref().map(BatchError::left) == Some(Left::Lost);
        if lost && reused && answer.ended.iter().all(|ended| ended.outcome.closing.is_none()) {
            // A connection that died while it was idle: the server was restarted, or a firewall forgot it.
            self.hang_up();
            self.connect(deadline).await?;
            answer = self.ask(deadline, None).await?;
        } else if met_a_change(&answer) {
            self.settle(answer.end.as_ref()).await;
            self.connect(deadline).await?;
            answer = self.ask(deadline, None).await?;
        }
        self.settle(answer.end.as_ref()).await;
        self.remember_who_broke(&answer);
        self.cache.note_over_cap(&answer);
        let mut reading = assemble::reading(answer, &self.config, &mut self.cache, began);
        let stages: BTreeSet<Stage> =
            reading.reports().filter_map(|report| report.fault.as_ref()).map(|fault| fault.stage).collect();
        for stage in &stages {
            self.reader_stats.count(*stage);
        }
        if self.config.collectors.arrivals {
            let capabilities = self.session.as_ref().map(|session| &session.capabilities);
            reading.arrivals = Some(self.arrivals.known(capabilities, &self.config.master.msdb, targets_of(&reading)));
        }
        let refused =
            |report: &CollectorReport| report.fault.as_ref().is_some_and(|fault| fault.stage == Stage::Permission);
        self.doubt_rights(reading.reports().any(refused));
        Ok(reading)
    }

    fn doubt_rights(&mut self, doubted: bool) {
        if doubted && !self.rights_doubted {
            // Taken away while we were connected: the log is to name the grant now.
            self.rights_asked = None;
        }
        self.rights_doubted = doubted;
    }

    /// Whether a look was ended so often that the next one needs its time.
    pub(super) fn look_insists(&self) -> bool {
        self.arrivals.insists()
    }

    /// A scrape came before a look could begin.
    pub(super) fn postpone_look(&mut self) {
        self.arrivals.postpone();
    }

    /// Asks who arrives, while a target is silent: behind a reading that was answered, so that no scrape waits for it.
    /// `None` where nothing was asked.
    pub(super) async fn look(
        &mut self,
        reading: &Reading,
        wished: bool,
        interrupted: Interrupted,
    ) -> Option<Collected<Arrivals>> {
        let targets = targets_of(reading).filter(|_| self.config.collectors.arrivals)?;
        let session = self.session.as_mut()?;
        self.progress.enter(Stage::Query);
        let (arrivals, end) =
            self.arrivals.look(session, targets, &self.config.master.msdb, wished, interrupted).await?;
        self.settle(end.as_ref()).await;
        if let Some(fault) = &arrivals.report.fault {
            self.reader_stats.count(fault.stage);
            self.doubt_rights(self.rights_doubted || fault.stage == Stage::Permission);
        }
        Some(arrivals)
    }

    async fn connect(&mut self, deadline: Instant) -> Result<(), ReadError> {
        if self.session.is_some() {
            self.look_for_rights(deadline).await;
        }
        if self.session.is_some() {
            return Ok(());
        }
        self.backoff.check()?;
        let opening = sqlserver::open(&self.config.master, deadline, &self.progress);
        let opened = match timeout_at(deadline, opening).await {
            Ok(result) => result,
            Err(_) => {
                let doing = format!("connecting to {}", self.config.master.address);
                Err(ReadError::timed_out(self.progress.stage(), &doing, self.config.master.timeout))
            }
        };
        let session = opened.map_err(|fault| self.backoff.failed(fault))?;
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
        self.report_rights();
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
        let patience = self.patience(deadline);
        let Some(session) = &mut self.session else { return };
        let asking = session.capabilities_now(&self.config.master.msdb);
        match timeout(patience, asking).await {
            Ok(Ok(capabilities)) if capabilities != session.capabilities => {
                session.capabilities = capabilities;
                self.report_rights();
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => self.hang_up(),
        }
    }

    fn report_rights(&self) {
        let Some(session) = &self.session else { return };
        if session.capabilities.msdb != Msdb::Readable {
            // The reading says so; a grant on a table would not help.
            return;
        }
        let major = session.capabilities.major_version();
        for right in session.capabilities.missing() {
            let needed = |c: &Collector| needs(*c).include(right);
            if let Some(collector) = Collector::ALL.into_iter().find(needed).filter(|c| self.config.collectors.has(*c))
            {
                let grant = right.grant(major, &self.config.master.msdb);
                warn!(collector = collector.name(), grant, "the login lacks a right");
            }
        }
    }

    /// How long an idle connection may be silent before it is taken for one that was forgotten on the way.
    fn patience(&self, deadline: Instant) -> Duration {
        (deadline.saturating_duration_since(Instant::now()) / 3).max(self.last_batch * 2)
    }

    /// Sends the batch and takes in what comes until its end or the deadline.
    async fn ask(&mut self, deadline: Instant, patience: Option<Duration>) -> Result<BatchAnswer, ReadError> {
        let start = Instant::now();
        let msdb = &self.config.master.msdb;
        self.progress.enter(Stage::Query);
        let session = self.session.as_mut().ok_or_else(|| ReadError::new(Stage::Connect, "there is no connection"))?;
        let capabilities = session.capabilities.clone();
        let certificate = session.certificate.clone();
        let mut asked = Asked::new(self.config.collectors, &capabilities, msdb, &self.cache, &self.broke);
        let mut context = Context::new(&mut self.clock);
        let result = timeout_at(deadline, session.ask(msdb, &mut asked.sets(), &mut context, patience)).await;
        let end = result.unwrap_or(Err(BatchError::Deadline)).err();
        self.last_batch = start.elapsed();
        let broken = end.as_ref().map(|error| error.read_error(self.last_batch));
        let refusal = |c| capabilities.refusal(needs(c), msdb).or_else(|| self.cache.at_rest(c));
        let refused = Collector::ALL.into_iter().filter_map(|c| Some((c, refusal(c)?))).collect();
        let encrypted = self.progress.encrypted();
        Ok(BatchAnswer { ended: asked.ended(), asked, end, broken, capabilities, refused, encrypted, certificate })
    }

    /// Leaves the connection ready for the next reading, or drops it.
    async fn settle(&mut self, end: Option<&BatchError>) {
        match end.map(BatchError::left) {
            None | Some(Left::Usable) => {}
            Some(Left::Lost) => self.hang_up(),
            Some(Left::Busy) => self.clean_up().await,
        }
    }

    fn remember_who_broke(&mut self, answer: &BatchAnswer) {
        let open = || answer.ended.iter().filter(|ended| ended.outcome.closing.is_none());
        let cache = &self.cache;
        self.broke.retain(|broke| open().any(|ended| ended.collector == *broke) || cache.at_rest(*broke).is_some());
        let first_open = open().next().map(|ended| ended.collector);
        if let Some(collector) = first_open.filter(|collector| !self.broke.contains(collector)) {
            self.broke.push(collector);
        }
    }
}

fn targets_of(reading: &Reading) -> Option<&Targets> {
    reading.targets.as_ref()?.rows.as_deref()
}

fn met_a_change(answer: &BatchAnswer) -> bool {
    let closings = answer.ended.iter().filter_map(|ended| ended.outcome.closing).map(|closing| closing.error);
    let raised = answer.end.as_ref().and_then(BatchError::raised).map(|(code, _)| code);
    closings.chain(raised).any(|code| SNAPSHOT_CONFLICTS.contains(&code))
}
