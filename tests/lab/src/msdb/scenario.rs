//! Named states of a master. Each is reached by letting a fleet live up to now, not by writing its rows.

use super::arrivals::{Arrival, Arriving};
use super::fleet::{Downloading, Fleet, Job, Operation, Outcome};
use super::master::Master;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What a lab plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scenario {
    /// Six targets, all fine.
    Healthy,
    /// SQL03 was enlisted with `sp_msx_enlist` and never polled: its instructions stay at status 0.
    NeverPolled,
    /// SQL03 polled until three days ago.
    Stopped,
    /// SQL03 could not carry out an instruction: it polls, and everything behind it is held.
    Blocked,
    /// SQL03 was blocked, and then stopped polling.
    BlockedAndDead,
    /// SQL03 polls and takes nothing.
    NotDownloading,
    /// A DEFECT waits for SQL03, which no longer polls; its row still stands.
    DefectPending,
    /// SQL03 was deleted while it was dead: its DEFECT stays without a row in systargetservers.
    Orphan,
    /// The clock of SQL03 is 12 minutes ahead.
    ClockSkew,
    /// SQL03 was renamed to SQL33 without defecting first: the old row goes stale, the new name is not enlisted.
    Renamed,
    /// `sp_resync_targetserver 'ALL'` ran a moment ago.
    ResyncStorm,
    /// The master has been up for 20 seconds after an outage of 20 minutes.
    MasterJustStarted,
    /// The master's certificate ended two hours ago: all targets stopped at once.
    CertificateEnded,
    /// SQL03 stopped polling twenty minutes ago, and a login from its host is refused at each of its polls.
    LoginRefused,
    /// The same, and its connections end before their login, which the master records.
    EndedBeforeLogin,
    /// The same, and its connections end in order before their login: nothing is recorded.
    HungUpInOrder,
    /// The same, and its Agent is logged in, blocked by another session.
    ConnectedNotPolling,
    /// msdb has been read-only for twenty minutes: no poll can be written, and all targets are silent.
    MsdbReadOnly,
    /// The same, because a session holds a lock on the table of targets.
    PollsBlocked,
    /// Not a master: no targets.
    NoTargets,
    /// 24 targets in all states at once, with names that are hard to print.
    Everything,
    /// So many targets, rows in the download list and jobs.
    Fleet {
        /// Targets.
        targets: usize,
        /// Rows of sysdownloadlist.
        rows: usize,
        /// Jobs, each on every target.
        jobs: usize,
    },
}

/// Texts that targets write.
const PROXY_DISABLED: &str =
    "The job step requires a proxy account, however proxy matching is disabled on the target server.";
const PROXY_MISSING: &str = "Proxy not found.";

impl Scenario {
    /// All named ones.
    pub fn all() -> &'static [Scenario] {
        use Scenario as S;
        &[
            S::Healthy,
            S::NeverPolled,
            S::Stopped,
            S::Blocked,
            S::BlockedAndDead,
            S::NotDownloading,
            S::DefectPending,
            S::Orphan,
            S::ClockSkew,
            S::Renamed,
            S::ResyncStorm,
            S::MasterJustStarted,
            S::CertificateEnded,
            S::LoginRefused,
            S::EndedBeforeLogin,
            S::HungUpInOrder,
            S::ConnectedNotPolling,
            S::MsdbReadOnly,
            S::PollsBlocked,
            S::NoTargets,
            S::Everything,
        ]
    }

    /// The name on a command line.
    pub fn name(&self) -> &'static str {
        match self {
            Scenario::Healthy => "healthy",
            Scenario::NeverPolled => "never_polled",
            Scenario::Stopped => "stopped",
            Scenario::Blocked => "blocked",
            Scenario::BlockedAndDead => "blocked_and_dead",
            Scenario::NotDownloading => "not_downloading",
            Scenario::DefectPending => "defect_pending",
            Scenario::Orphan => "orphan",
            Scenario::ClockSkew => "clock_skew",
            Scenario::Renamed => "renamed",
            Scenario::ResyncStorm => "resync_storm",
            Scenario::MasterJustStarted => "master_just_started",
            Scenario::CertificateEnded => "certificate_ended",
            Scenario::LoginRefused => "login_refused",
            Scenario::EndedBeforeLogin => "ended_before_login",
            Scenario::HungUpInOrder => "hung_up_in_order",
            Scenario::ConnectedNotPolling => "connected_not_polling",
            Scenario::MsdbReadOnly => "msdb_read_only",
            Scenario::PollsBlocked => "polls_blocked",
            Scenario::NoTargets => "no_targets",
            Scenario::Everything => "everything",
            Scenario::Fleet { .. } => "fleet",
        }
    }

    /// One line about it.
    pub fn description(&self) -> &'static str {
        match self {
            Scenario::Healthy => "six targets, all fine",
            Scenario::NeverPolled => "SQL03 was enlisted and never polled; its instructions stay at status 0",
            Scenario::Stopped => "SQL03 polled until three days ago",
            Scenario::Blocked => "SQL03 failed to carry out an instruction; it polls, and everything behind it is held",
            Scenario::BlockedAndDead => "SQL03 was blocked and then stopped polling",
            Scenario::NotDownloading => "SQL03 polls and takes nothing",
            Scenario::DefectPending => "a DEFECT waits for SQL03, which no longer polls",
            Scenario::Orphan => "SQL03 was deleted while dead; its DEFECT waits for ever",
            Scenario::ClockSkew => "the clock of SQL03 is 12 minutes ahead",
            Scenario::Renamed => "SQL03 was renamed to SQL33 without defecting",
            Scenario::ResyncStorm => "sp_resync_targetserver 'ALL' ran a moment ago",
            Scenario::MasterJustStarted => "the master has been up for 20 seconds",
            Scenario::CertificateEnded => "all targets stopped two hours ago",
            Scenario::LoginRefused => "SQL03 is silent, and a login from 10.1.0.3 is refused at each of its polls",
            Scenario::EndedBeforeLogin => "SQL03 is silent, and connections from 10.1.0.3 end before login",
            Scenario::HungUpInOrder => "SQL03 is silent, and hangs up in order: nothing is recorded",
            Scenario::ConnectedNotPolling => "SQL03 is silent, and its Agent is logged in from 10.1.0.3 and blocked",
            Scenario::MsdbReadOnly => "msdb is read-only, and all targets are silent",
            Scenario::PollsBlocked => "session 71 holds a lock on the table of targets, and all are silent",
            Scenario::NoTargets => "a server that is no master",
            Scenario::Everything => "24 targets in all states",
            Scenario::Fleet { .. } => "a fleet of a given size",
        }
    }

    /// The named scenario of this name.
    pub fn named(name: &str) -> Option<Scenario> {
        Scenario::all().iter().find(|scenario| scenario.name() == name).cloned()
    }

    pub(crate) fn build(&self, master: &mut Master, now: Timestamp) {
        match self {
            Scenario::NoTargets => {}
            Scenario::Fleet { targets, rows, jobs } => sized(&mut master.fleet, now, *targets, *rows, *jobs),
            Scenario::Everything => {
                everything(&mut master.fleet, now);
                master.fleet.advance(now);
            }
            _ => {
                base(&mut master.fleet, now);
                self.break_things(master, now);
                master.fleet.advance(now);
            }
        }
    }

    fn break_things(&self, master: &mut Master, now: Timestamp) {
        let fleet = &mut master.fleet;
        let victim = "SQL03";
        match self {
            Scenario::NeverPolled => never_polled(fleet, victim, ago(now, 26 * 60)),
            Scenario::Stopped => stopped(fleet, victim, ago(now, 3 * 24 * 60)),
            Scenario::Blocked => blocked(fleet, victim, PROXY_DISABLED, ago(now, 180)),
            Scenario::BlockedAndDead => {
                blocked(fleet, victim, PROXY_MISSING, ago(now, 48 * 60));
                stopped(fleet, victim, ago(now, 24 * 60));
            }
            Scenario::NotDownloading => not_downloading(fleet, victim, ago(now, 120)),
            Scenario::DefectPending => {
                stopped(fleet, victim, ago(now, 600));
                fleet.post(Operation::Defect, [0; 16], victim, ago(now, 300));
            }
            Scenario::Orphan => orphan(fleet, victim, ago(now, 600)),
            Scenario::ClockSkew => skewed(fleet, victim, 12),
            Scenario::Renamed => {
                fleet.advance(ago(now, 240));
                fleet.rename_machine(victim);
            }
            Scenario::ResyncStorm => {
                fleet.advance(ago(now, 1));
                for target in fleet.targets.values_mut() {
                    target.downloading = Downloading::One;
                }
                fleet.resync_all(now.checked_sub(SignedDuration::from_secs(2)).unwrap_or(now));
            }
            Scenario::MasterJustStarted => {
                fleet.advance(ago(now, 20));
                master.started = now.checked_sub(SignedDuration::from_secs(20)).unwrap_or(now);
                for (at, target) in (0_i64..).zip(fleet.targets.values_mut()) {
                    target.next_poll = now.checked_add(SignedDuration::from_secs(5 + at * 7)).unwrap_or(now);
                }
            }
            Scenario::LoginRefused => arrives(master, victim, now, Arrival::Refused(18_456, 8)),
            Scenario::EndedBeforeLogin => arrives(master, victim, now, Arrival::Reset(104)),
            Scenario::HungUpInOrder => arrives(master, victim, now, Arrival::Orderly),
            Scenario::ConnectedNotPolling => {
                let (login, host) = ("CORP\\sql03".to_owned(), victim.to_owned());
                arrives(master, victim, now, Arrival::Agent { login, host, blocked_by: 71 });
            }
            Scenario::CertificateEnded => all_stopped(fleet, ago(now, 120)),
            Scenario::MsdbReadOnly => {
                all_stopped(fleet, ago(now, 20));
                master.state.read_only = true;
            }
            Scenario::PollsBlocked => {
                all_stopped(fleet, ago(now, 20));
                master.state.blocker = Some(71);
            }
            _ => {}
        }
    }
}

fn all_stopped(fleet: &mut Fleet, at: Timestamp) {
    fleet.advance(at);
    fleet.targets.values_mut().for_each(|target| target.alive = false);
}

/// A target stops polling, and this arrives from its host at the rhythm of its polls instead.
fn arrives(master: &mut Master, name: &str, now: Timestamp, what: Arrival) {
    stopped(&mut master.fleet, name, ago(now, 20));
    let (since, every_seconds) =
        master.fleet.target(name).map_or((now, 60), |target| (target.next_poll, target.interval));
    master.arriving.push(Arriving { host: "10.1.0.3".to_owned(), since, every_seconds, what });
}

fn ago(now: Timestamp, minutes: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(now)
}

/// Six targets for a month, three jobs, two groups.
fn base(fleet: &mut Fleet, now: Timestamp) {
    let begin = ago(now, 30 * 24 * 60);
    for (at, name) in (0..).zip(["SQL01", "SQL02", "SQL03", "SQL04", "SQL05", "SQL06"]) {
        enlist(fleet, name, begin, at);
    }
    group(fleet, "PRODUCTION", &["SQL01", "SQL02", "SQL03"]);
    group(fleet, "TEST", &["SQL03", "SQL06"]);
    jobs(fleet, begin, &["Backup databases", "Check integrity", "Purge history"]);
}

fn enlist(fleet: &mut Fleet, name: &str, at: Timestamp, place: i64) {
    if let Some(target) = fleet.enlist(name, at) {
        target.location = Some(format!("Room {}", 1 + place % 3));
        // Polls spread over the minute, as they do where targets were enlisted one after the other.
        target.next_poll = at.checked_add(SignedDuration::from_secs(61 + place * 7 % 60)).unwrap_or(at);
    }
}

fn group(fleet: &mut Fleet, name: &str, members: &[&str]) {
    let members = members.iter().filter_map(|name| fleet.target(name)).map(|t| t.id).collect();
    fleet.groups.push((name.to_owned(), members));
}

fn jobs(fleet: &mut Fleet, at: Timestamp, names: &[&str]) {
    let ids: Vec<i32> = fleet.targets.keys().copied().collect();
    for (place, name) in (0_u8..).zip(names) {
        let every = [3_600, 86_400, 900][usize::from(place) % 3];
        let servers: BTreeMap<i32, Outcome> = ids
            .iter()
            .map(|id| (*id, Outcome { seconds: 42 + u32::from(place) * 400, ..Outcome::default() }))
            .collect();
        let id = job_id(place.into());
        let created = fleet.local(at);
        fleet.jobs.push(Job { id, name: (*name).to_owned(), enabled: true, every: Some(every), servers, created });
    }
    for name in fleet.names() {
        for place in 0..names.len() {
            fleet.post(Operation::Insert, job_id(place), &name, at);
        }
    }
}

/// A GUID that is stable and looks like one.
fn job_id(place: usize) -> [u8; 16] {
    let mut id = [0x6F, 0x96, 0x19, 0xFF, 0x8B, 0x86, 0x40, 0x11, 0xB4, 0x2D, 0x00, 0xC0, 0x4F, 0xC9, 0, 0];
    id[14..].copy_from_slice(&u16::try_from(place).unwrap_or(u16::MAX).to_be_bytes());
    id
}

/// Defects it and enlists it again, so that everything is as on the first day.
fn never_polled(fleet: &mut Fleet, name: &str, at: Timestamp) {
    fleet.advance(at);
    fleet.defect(name);
    enlist(fleet, name, at, 1);
    if let Some(target) = fleet.target_mut(name) {
        target.alive = false;
    }
    let id = fleet.target(name).map(|t| t.id);
    for job in &mut fleet.jobs {
        job.servers.extend(id.map(|id| (id, Outcome::default())));
    }
    post_all(fleet, name, at);
}

fn post_all(fleet: &mut Fleet, name: &str, at: Timestamp) {
    let ids: Vec<[u8; 16]> = fleet.jobs.iter().map(|job| job.id).collect();
    for id in ids {
        fleet.post(Operation::Insert, id, name, at);
    }
}

fn stopped(fleet: &mut Fleet, name: &str, at: Timestamp) {
    fleet.advance(at);
    if let Some(target) = fleet.target_mut(name) {
        target.alive = false;
    }
    post_all(fleet, name, at);
}

fn blocked(fleet: &mut Fleet, name: &str, message: &str, at: Timestamp) {
    fleet.advance(at);
    if let Some(target) = fleet.target_mut(name) {
        target.fails_with = Some(message.to_owned());
    }
    post_all(fleet, name, at);
    fleet.advance(at.checked_add(SignedDuration::from_mins(5)).unwrap_or(at));
}

fn not_downloading(fleet: &mut Fleet, name: &str, at: Timestamp) {
    fleet.advance(at);
    if let Some(target) = fleet.target_mut(name) {
        target.downloading = Downloading::Nothing;
    }
    post_all(fleet, name, at);
}

fn orphan(fleet: &mut Fleet, name: &str, at: Timestamp) {
    stopped(fleet, name, at);
    fleet.delete(name, true, at);
}

fn skewed(fleet: &mut Fleet, name: &str, minutes: i64) {
    if let Some(target) = fleet.target_mut(name) {
        target.skew = SignedDuration::from_mins(minutes);
    }
}

fn everything(fleet: &mut Fleet, now: Timestamp) {
    let long = format!("SQL-{}", "X".repeat(124));
    let mut names: Vec<&str> = vec![
        "SQL01\\PAYROLL",
        "SQL01\\STOCK",
        "SQL02",
        "SQL03",
        "SQL04",
        "SQL05",
        "SQL06",
        "SQL07",
        "SQL08",
        "SQL09",
        "SQL10",
        "SQL11",
        "SQL12",
        "СЕРВЕР-01",
        "東京-DB",
        "O'BRIEN",
        "A\"QUOTE",
        "BERLIN-DB",
        "KOLKATA-DB",
        "ADELAIDE-DB",
        "SLOW-DB",
        "DEFECTING",
        "RENAMED-OLD",
    ];
    names.push(&long);
    let begin = ago(now, 30 * 24 * 60);
    for (place, name) in (0..).zip(&names) {
        enlist(fleet, name, begin, place);
    }
    for (name, zone) in
        [("BERLIN-DB", "Europe/Berlin"), ("KOLKATA-DB", "Asia/Kolkata"), ("ADELAIDE-DB", "Australia/Adelaide")]
    {
        if let (Some(target), Ok(zone)) = (fleet.target_mut(name), TimeZone::get(zone)) {
            target.zone = zone;
        }
    }
    group(fleet, "PRODUCTION", &["SQL01\\PAYROLL", "SQL02", "SQL03", "SQL04"]);
    group(fleet, "Größere \"Gruppe\"", &["SQL02", "東京-DB"]);
    jobs(fleet, begin, &["Backup databases", "Check integrity", "Purge history", "Überwachung \"nachts\""]);
    if let Some(target) = fleet.target("SQL02").map(|t| t.id) {
        for (job, ends_with) in fleet.jobs.iter_mut().zip([0, 3, 1]) {
            if let Some(outcome) = job.servers.get_mut(&target) {
                outcome.ends_with = ends_with;
            }
        }
    }
    fleet.post(Operation::SetPoll, super::fleet::packed_seconds(900), "SLOW-DB", begin);
    skewed(fleet, "SQL08", 12);
    // In the order of time: a fleet lives forwards.
    stopped(fleet, "SQL04", ago(now, 3 * 24 * 60));
    blocked(fleet, "SQL06", PROXY_MISSING, ago(now, 48 * 60));
    never_polled(fleet, "SQL03", ago(now, 26 * 60));
    stopped(fleet, "SQL06", ago(now, 24 * 60));
    orphan(fleet, "SQL09", ago(now, 600));
    stopped(fleet, "DEFECTING", ago(now, 500));
    fleet.post(Operation::Defect, [0; 16], "DEFECTING", ago(now, 400));
    fleet.advance(ago(now, 240));
    fleet.rename_machine("RENAMED-OLD");
    blocked(fleet, "SQL01\\PAYROLL", PROXY_DISABLED, ago(now, 180));
    not_downloading(fleet, "SQL07", ago(now, 120));
}

fn sized(fleet: &mut Fleet, now: Timestamp, targets: usize, rows: usize, count: usize) {
    let begin = ago(now, 60);
    for place in 0..targets {
        let instance = if place % 10 == 0 { "\\INST1" } else { "" };
        enlist(fleet, &format!("SQL{place:05}{instance}"), begin, i64::try_from(place).unwrap_or(0));
    }
    let names: Vec<String> = (0..count).map(|place| format!("Job {place:03}")).collect();
    let ids: Vec<i32> = fleet.targets.keys().copied().collect();
    let created = fleet.local(begin);
    for (place, name) in names.into_iter().enumerate() {
        let servers = ids.iter().map(|id| (*id, Outcome::default())).collect();
        fleet.jobs.push(Job { id: job_id(place), name, enabled: true, every: Some(900), servers, created });
    }
    fleet.advance(ago(now, 2));
    // One in ten waits; the rest was downloaded.
    let names = fleet.names();
    for place in 0..rows {
        let Some(name) = names.get(place % names.len().max(1)) else { break };
        if (place / names.len().max(1)).is_multiple_of(10) {
            fleet.post(Operation::Insert, job_id(place % count.max(1)), name, now);
        } else {
            fleet.downloaded(Operation::Update, job_id(place % count.max(1)), name, begin, ago(now, 30));
        }
    }
    for target in fleet.targets.values_mut() {
        target.next_poll = now.checked_add(SignedDuration::from_secs(1 + i64::from(target.id % 60))).unwrap_or(now);
    }
}
