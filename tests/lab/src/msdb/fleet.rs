//! The rows of the master's tables, and the procedures of msdb that change them.

use crate::tsql::functions::time::round_datetime;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// `operation_code` of `sysdownloadlist`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Operation {
    Insert = 1,
    Update = 2,
    Delete = 3,
    Start = 4,
    Stop = 5,
    ReEnlist = 6,
    Defect = 7,
    SyncTime = 8,
    SetPoll = 9,
}

impl Operation {
    /// 1 for what concerns a job, 2 for what concerns the server.
    fn object_type(self) -> u8 {
        if (self as u8) < Operation::ReEnlist as u8 { 1 } else { 2 }
    }
}

/// What a target does when it polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downloading {
    /// Takes everything that waits.
    All,
    /// Takes one instruction each time.
    One,
    /// Polls and takes nothing.
    Nothing,
}

/// One row of `systargetservers`, and the machine behind it.
#[derive(Debug, Clone)]
pub struct Target {
    /// `server_id`.
    pub id: i32,
    /// `server_name`, in upper case as `sp_enlist_tsx` stores it.
    pub name: String,
    /// `location`.
    pub location: Option<String>,
    /// `time_zone_adjustment`, in minutes.
    pub time_zone_adjustment: i32,
    /// `enlist_date`.
    pub enlist_date: DateTime,
    /// `last_poll_date`.
    pub last_poll_date: DateTime,
    /// `local_time_at_last_poll`.
    pub local_time_at_last_poll: DateTime,
    /// `poll_interval`, as the target last reported it.
    pub poll_interval: i32,
    /// The target's own zone.
    pub zone: TimeZone,
    /// How far its clock is ahead.
    pub skew: SignedDuration,
    /// Whether it polls at all.
    pub alive: bool,
    /// What it takes.
    pub downloading: Downloading,
    /// The text that it writes to the next job instruction it tries, and is blocked by.
    pub fails_with: Option<String>,
    /// The interval that it really uses, in seconds.
    pub interval: i64,
    /// When it polls next.
    pub next_poll: Timestamp,
    /// When it was enlisted: what it ran before, it did not report here.
    pub enlisted_at: Timestamp,
}

/// One row of `sysdownloadlist`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Instruction {
    pub operation: Operation,
    pub object_id: [u8; 16],
    pub target_server: String,
    pub error_message: Option<String>,
    pub date_posted: DateTime,
    pub date_downloaded: Option<DateTime>,
    pub status: u8,
    pub deleted_object_name: Option<String>,
}

/// One row of `sysjobs`, with its targets.
#[derive(Debug, Clone)]
pub struct Job {
    /// `job_id`, in the order in which it is printed.
    pub id: [u8; 16],
    /// `name`.
    pub name: String,
    /// `enabled`.
    pub enabled: bool,
    /// How often it runs on each target, in seconds; `None` never by itself.
    pub every: Option<i64>,
    /// Rows of `sysjobservers` by `server_id`.
    pub servers: BTreeMap<i32, Outcome>,
    /// When it was made.
    pub created: DateTime,
}

/// The rest of a row of `sysjobservers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `last_run_outcome`; 5, unknown, until the first run.
    pub outcome: u8,
    /// What the next runs end with.
    pub ends_with: u8,
    /// Start of the last run in the target's local time; `None` when it never ran.
    pub ran: Option<DateTime>,
    /// Seconds that it took.
    pub seconds: u32,
    /// `last_outcome_message`; `None` for what SQL Server Agent writes of such an outcome.
    pub message: Option<String>,
}

impl Default for Outcome {
    fn default() -> Outcome {
        Outcome { outcome: 5, ends_with: 1, ran: None, seconds: 0, message: None }
    }
}

/// All rows.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// `systargetservers` by `server_id`.
    pub targets: BTreeMap<i32, Target>,
    next_server: i32,
    /// `sysdownloadlist` by `instance_id`.
    pub instructions: BTreeMap<i32, Instruction>,
    next_instance: i32,
    /// Rows with status 0 by the upper-case name of their target.
    pending: BTreeMap<String, BTreeSet<i32>>,
    /// `systargetservergroups`: name and members.
    pub groups: Vec<(String, BTreeSet<i32>)>,
    /// Multiserver jobs, and local ones.
    pub jobs: Vec<Job>,
    /// DownloadedMaxRows: -1 keeps all.
    pub downloaded_max_rows: i64,
    /// Machines that were deleted and still live: when they poll next.
    deleted: Vec<(String, Timestamp)>,
    /// `server_id` by name.
    by_name: HashMap<String, i32>,
    /// Goes up whenever the download list changes.
    pub downloads_changed: u64,
    /// Local wall time of the master for an instant.
    zone: Option<TimeZone>,
}

impl Fleet {
    /// An empty master, whose registry limits nothing.
    pub fn new() -> Fleet {
        Fleet { next_server: 1, next_instance: 1, downloaded_max_rows: -1, ..Fleet::default() }
    }

    pub(crate) fn set_zone(&mut self, zone: TimeZone) {
        self.zone = Some(zone);
    }

    /// `GETDATE()` at an instant.
    pub fn local(&self, at: Timestamp) -> DateTime {
        round_datetime(at.to_zoned(self.zone.clone().unwrap_or(TimeZone::UTC)).datetime())
    }

    /// The target of this name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.get(self.by_name.get(&name.to_uppercase())?)
    }

    /// The target of this name, to be changed.
    pub fn target_mut(&mut self, name: &str) -> Option<&mut Target> {
        self.targets.get_mut(self.by_name.get(&name.to_uppercase())?)
    }

    /// `sp_enlist_tsx`: a row whose last poll is its enlistment; leftovers under that name go. `None` where a row of
    /// that name still stands.
    pub fn enlist(&mut self, name: &str, at: Timestamp) -> Option<&mut Target> {
        let name = name.to_uppercase();
        if self.target(&name).is_some() || name == "ALL" {
            return None;
        }
        self.clear(&name);
        let id = self.next_server;
        self.next_server += 1;
        self.by_name.insert(name.clone(), id);
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let local = self.local(at);
        let target = Target {
            id,
            name,
            location: None,
            time_zone_adjustment: super::clock::standard_offset_minutes(&zone, at),
            enlist_date: local,
            last_poll_date: local,
            local_time_at_last_poll: full_seconds(local),
            poll_interval: 60,
            zone,
            skew: SignedDuration::ZERO,
            alive: true,
            downloading: Downloading::All,
            fails_with: None,
            interval: 60,
            enlisted_at: at,
            next_poll: at.checked_add(SignedDuration::from_secs(60)).unwrap_or(at),
        };
        Some(self.targets.entry(id).or_insert(target))
    }

    /// `sp_delete_targetserver`: the list is cleared, DEFECT is posted, the rows go. The DEFECT row stays until the
    /// target comes for it.
    pub fn delete(&mut self, name: &str, post_defection: bool, at: Timestamp) {
        let Some(target) = self.target(name) else { return };
        let (id, name) = (target.id, target.name.clone());
        let comes = (target.alive && post_defection).then(|| (name.clone(), target.next_poll));
        self.deleted.extend(comes);
        self.clear(&name);
        if post_defection {
            self.post(Operation::Defect, [0; 16], &name, at);
        }
        self.remove(id);
    }

    /// The target defects by itself: no row of it is left.
    pub fn defect(&mut self, name: &str) {
        let Some((id, name)) = self.target(name).map(|t| (t.id, t.name.clone())) else { return };
        self.clear(&name);
        self.remove(id);
    }

    fn remove(&mut self, id: i32) {
        if let Some(target) = self.targets.remove(&id) {
            self.by_name.remove(&target.name);
        }
        self.groups.iter_mut().for_each(|(_, members)| {
            members.remove(&id);
        });
        self.jobs.iter_mut().for_each(|job| {
            job.servers.remove(&id);
        });
    }

    /// The machine takes another name without telling the master: the old row stands and nobody polls for it.
    pub fn rename_machine(&mut self, name: &str) {
        if let Some(target) = self.target_mut(name) {
            target.alive = false;
        }
    }

    /// `sp_post_msx_operation` for one target. Answers the new `instance_id`.
    pub fn post(&mut self, operation: Operation, object_id: [u8; 16], target: &str, at: Timestamp) -> i32 {
        let id = self.next_instance;
        self.next_instance += 1;
        let instruction = Instruction {
            operation,
            object_id,
            target_server: target.to_owned(),
            error_message: None,
            date_posted: self.local(at),
            date_downloaded: None,
            status: 0,
            deleted_object_name: None,
        };
        self.instructions.insert(id, instruction);
        self.pending.entry(target.to_uppercase()).or_default().insert(id);
        self.downloads_changed += 1;
        self.limit_downloaded(target);
        id
    }

    /// What IDENT_CURRENT says of the download list: the number that was given last, and 1 before the first.
    pub(crate) fn last_number(&self) -> i32 {
        self.next_instance.saturating_sub(1).max(1)
    }

    /// Restores all of it from a copy that was taken before.
    pub fn restore(&mut self, copy: Fleet) {
        let changed = self.downloads_changed + 1;
        *self = Fleet { downloads_changed: changed, ..copy };
    }

    /// `sp_downloaded_row_limiter`: keeps the newest rows with status 1.
    pub fn limit_downloaded(&mut self, target: &str) {
        let Ok(keep) = usize::try_from(self.downloaded_max_rows) else { return };
        let of = |i: &Instruction| i.status == 1 && i.target_server.eq_ignore_ascii_case(target);
        let downloaded: Vec<i32> = self.instructions.iter().filter(|(_, i)| of(i)).map(|(id, _)| *id).collect();
        for id in &downloaded[..downloaded.len().saturating_sub(keep)] {
            self.instructions.remove(id);
        }
    }

    /// `sp_resync_targetserver` for one target: everything goes, then DELETE of all jobs and one INSERT for each.
    pub fn resync(&mut self, name: &str, at: Timestamp) {
        self.clear(name);
        self.post_all_jobs(name, at);
    }

    /// `sp_resync_targetserver 'ALL'`: the table is truncated, which starts `instance_id` anew.
    pub fn resync_all(&mut self, at: Timestamp) {
        self.instructions.clear();
        self.pending.clear();
        self.next_instance = 1;
        let names: Vec<String> = self.targets.values().map(|t| t.name.clone()).collect();
        for name in names {
            self.post_all_jobs(&name, at);
        }
    }

    fn post_all_jobs(&mut self, name: &str, at: Timestamp) {
        let Some(id) = self.target(name).map(|t| t.id) else { return };
        self.post(Operation::Delete, [0; 16], name, at);
        let jobs: Vec<[u8; 16]> = self.jobs.iter().filter(|j| j.servers.contains_key(&id)).map(|j| j.id).collect();
        for job in jobs {
            self.post(Operation::Insert, job, name, at);
        }
    }

    fn clear(&mut self, name: &str) {
        self.instructions.retain(|_, i| !i.target_server.eq_ignore_ascii_case(name));
        self.pending.remove(&name.to_uppercase());
        self.downloads_changed += 1;
    }

    /// Writes an error to a row, as a target does that cannot carry it out.
    pub fn fail(&mut self, instance_id: i32, message: &str) {
        if let Some(instruction) = self.instructions.get_mut(&instance_id) {
            instruction.error_message = Some(message.to_owned());
            self.downloads_changed += 1;
        }
    }

    /// Makes a row that was downloaded before.
    pub fn downloaded(
        &mut self,
        operation: Operation,
        object_id: [u8; 16],
        target: &str,
        posted: Timestamp,
        at: Timestamp,
    ) {
        let id = self.post(operation, object_id, target, posted);
        self.take(id, &target.to_uppercase(), at);
    }

    fn take(&mut self, id: i32, upper: &str, at: Timestamp) {
        let local = self.local(at);
        if let Some(instruction) = self.instructions.get_mut(&id) {
            instruction.status = 1;
            instruction.date_downloaded = Some(local);
            self.downloads_changed += 1;
        }
        if let Some(pending) = self.pending.get_mut(upper) {
            pending.remove(&id);
        }
    }

    /// Everything that happened up to this instant: polls, downloads, runs of jobs.
    pub fn advance(&mut self, to: Timestamp) {
        let due: Vec<i32> = self.targets.values().filter(|t| t.alive && t.next_poll <= to).map(|t| t.id).collect();
        for id in due {
            self.polls(id, to);
        }
        self.run_jobs(to);
        self.defected(to);
    }

    /// A deleted target that still lives comes for its DEFECT with its next poll, and `sp_enlist_tsx` clears its rows.
    fn defected(&mut self, to: Timestamp) {
        let (came, away): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.deleted).into_iter().partition(|(_, at)| *at <= to);
        self.deleted = away;
        for (name, _) in came {
            self.clear(&name);
        }
    }

    fn polls(&mut self, id: i32, to: Timestamp) {
        loop {
            let Some(target) = self.targets.get(&id).filter(|t| t.alive && t.next_poll <= to) else { return };
            let (at, interval) = (target.next_poll, target.interval.max(1));
            let name = target.name.clone();
            if !self.poll(id, at) {
                // Nothing to take: only the last poll before `to` leaves a trace.
                let left = (to.as_second() - at.as_second()) / interval;
                let last = at.checked_add(SignedDuration::from_secs(left * interval)).unwrap_or(at);
                let last =
                    if last > to { last.checked_sub(SignedDuration::from_secs(interval)).unwrap_or(at) } else { last };
                self.probe(id, last);
                self.schedule(id, last);
                return;
            }
            if self.target(&name).is_none() {
                return;
            }
            self.schedule(id, at);
        }
    }

    fn schedule(&mut self, id: i32, from: Timestamp) {
        if let Some(target) = self.targets.get_mut(&id) {
            target.next_poll = from.checked_add(SignedDuration::from_secs(target.interval.max(1))).unwrap_or(from);
        }
    }

    /// `sp_sqlagent_probe_msx`: what a poll writes, blocked or not.
    fn probe(&mut self, id: i32, at: Timestamp) {
        let local = self.local(at);
        if let Some(target) = self.targets.get_mut(&id) {
            let theirs = at.checked_add(target.skew).unwrap_or(at);
            target.last_poll_date = local;
            target.local_time_at_last_poll = full_seconds(theirs.to_zoned(target.zone.clone()).datetime());
            target.poll_interval = i32::try_from(target.interval).unwrap_or(i32::MAX);
            target.time_zone_adjustment = super::clock::standard_offset_minutes(&target.zone, at);
        }
    }

    /// One poll. False when the next one would do the same again.
    fn poll(&mut self, id: i32, at: Timestamp) -> bool {
        self.probe(id, at);
        let Some(target) = self.targets.get(&id) else { return false };
        let (upper, downloading, fails_with) = (target.name.clone(), target.downloading, target.fails_with.clone());
        let waiting: Vec<i32> = self.pending.get(&upper).into_iter().flatten().copied().collect();
        // Any row with an error, whatever its status, blocks all further downloads (sp_help_downloadlist).
        let blocked = waiting.iter().any(|id| self.instructions.get(id).is_some_and(|i| i.error_message.is_some()));
        if waiting.is_empty() || blocked || downloading == Downloading::Nothing {
            return false;
        }
        let most = if downloading == Downloading::One { 1 } else { waiting.len() };
        for instance in waiting.into_iter().take(most) {
            let Some(instruction) = self.instructions.get(&instance) else { continue };
            let (operation, object_id) = (instruction.operation, instruction.object_id);
            if let Some(message) = fails_with.as_ref().filter(|_| operation.object_type() == 1) {
                self.fail(instance, message);
                return false;
            }
            self.take(instance, &upper, at);
            match operation {
                Operation::Defect => {
                    self.defect(&upper);
                    return true;
                }
                Operation::SetPoll => {
                    let tail: [u8; 4] = [object_id[12], object_id[13], object_id[14], object_id[15]];
                    if let Some(target) = self.targets.get_mut(&id) {
                        target.interval = i64::from(u32::from_be_bytes(tail)).clamp(10, 28_800);
                    }
                }
                Operation::SyncTime => {
                    if let Some(target) = self.targets.get_mut(&id) {
                        target.skew = SignedDuration::ZERO;
                    }
                }
                Operation::Start => self.run_job(object_id, id, at),
                _ => {}
            }
        }
        true
    }

    /// Runs that jobs made by themselves; a target that does not reach its master cannot report.
    fn run_jobs(&mut self, to: Timestamp) {
        let targets = &self.targets;
        for job in self.jobs.iter_mut().filter(|job| job.enabled) {
            let Some(every) = job.every.filter(|every| *every > 0) else { continue };
            let started = to.as_second().div_euclid(every) * every;
            let Ok(started) = Timestamp::from_second(started) else { continue };
            for (server, outcome) in &mut job.servers {
                if let Some(target) = targets.get(server).filter(|t| t.alive && t.enlisted_at <= started) {
                    outcome.finish(target, started);
                }
            }
        }
    }

    fn run_job(&mut self, job_id: [u8; 16], server: i32, at: Timestamp) {
        let Some(target) = self.targets.get(&server) else { return };
        for job in self.jobs.iter_mut().filter(|job| job.id == job_id) {
            if let Some(outcome) = job.servers.get_mut(&server) {
                outcome.finish(target, at);
            }
        }
    }

    /// Targets, in the order of their ids, as names.
    pub fn names(&self) -> Vec<String> {
        self.targets.values().map(|t| t.name.clone()).collect()
    }
}

impl Outcome {
    /// `last_outcome_message`.
    pub(super) fn said(&self) -> Option<Cow<'_, str>> {
        let written = self.message.as_deref().map(Cow::Borrowed);
        let ended = match self.outcome {
            0 => "failed",
            1 => "succeeded",
            3 => "was stopped prior to completion by User CORP\\dba",
            _ => return written,
        };
        written.or_else(|| {
            let by = "The Job was invoked by Schedule 8 (Every 15 minutes).  The last step to run was step 1 (Run).";
            Some(format!("The job {ended}.  {by}").into())
        })
    }

    fn finish(&mut self, target: &Target, at: Timestamp) {
        let theirs = at.checked_add(target.skew).unwrap_or(at).to_zoned(target.zone.clone()).datetime();
        self.ran = Some(full_seconds(theirs));
        self.outcome = self.ends_with;
        if self.seconds == 0 {
            self.seconds = 12;
        }
    }
}

/// The interval of a SET-POLL, packed as `sp_post_msx_operation` packs it.
pub fn packed_seconds(seconds: u32) -> [u8; 16] {
    let mut packed = [0; 16];
    packed[12..].copy_from_slice(&seconds.to_be_bytes());
    packed
}

fn full_seconds(at: DateTime) -> DateTime {
    at.with().subsec_nanosecond(0).build().unwrap_or(at)
}
