//! The handle that tests, the stand-alone server and the protocol hold.

use super::arrivals::{Arrival, Arriving};
use super::clock::Clock;
use super::fleet::{Fleet, Operation};
use super::master::{Fault, Master};
use super::network::{Listening, Refused};
use super::rights::Rights;
use super::scenario::Scenario;
use super::state::State;
use super::view::View;
use crate::tsql::collation::Collation;
use crate::tsql::world::Mishap;
use crate::wire::{Backend, Login, Reply, ServerError};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex};

/// A stand-in master. Cloning it gives another handle to the same one.
#[derive(Debug, Clone)]
pub struct Lab(Arc<Mutex<Master>>);

/// Before a lab is looked at: each of these builds its fleet anew, so that the scenario holds now.
impl Lab {
    /// A lab that plays this scenario, in UTC and in real time; 2022, with the login [`super::USER`].
    pub fn scenario(scenario: Scenario) -> Lab {
        Lab(Arc::new(Mutex::new(Master::new(scenario))))
    }

    /// A fleet of this size.
    pub fn fleet(targets: usize, rows: usize, jobs: usize) -> Lab {
        Lab::scenario(Scenario::Fleet { targets, rows, jobs })
    }

    /// The major version, as the year in its name: 2012 to 2025.
    #[must_use]
    pub fn version(self, year: u16) -> Lab {
        self.master().version = year;
        self
    }

    /// The zone of the master's wall time, by its IANA name. A name that is not known changes nothing.
    #[must_use]
    pub fn zone(self, iana: &str) -> Lab {
        if let Ok(zone) = TimeZone::get(iana) {
            let mut master = self.master();
            master.clock.set_zone(zone);
            master.populate();
            drop(master);
        }
        self
    }

    /// Sets the clock and stops it there. A text that is no timestamp changes nothing.
    #[must_use]
    pub fn at(self, timestamp: &str) -> Lab {
        if let Ok(at) = timestamp.parse::<Timestamp>() {
            let mut master = self.master();
            master.clock.run(0.0);
            master.clock.set(at);
            master.populate();
            drop(master);
        }
        self
    }

    /// Lets the clock run at this speed; 0 stops it.
    #[must_use]
    pub fn speed(self, speed: f64) -> Lab {
        self.master().clock.run(speed);
        self
    }

    /// Compares names with regard to their case.
    #[must_use]
    pub fn case_sensitive(self) -> Lab {
        self.master().collation = Collation::CaseSensitive;
        self
    }

    /// Another name for the database that holds the tables; `None` is a server without one.
    #[must_use]
    pub fn msdb(self, name: Option<&str>) -> Lab {
        self.master().msdb = name.map(str::to_owned);
        self
    }

    /// Forbids SNAPSHOT isolation, as in a database that is no real msdb.
    #[must_use]
    pub fn without_snapshot(self) -> Lab {
        self.master().snapshot = false;
        self
    }

    /// The server's name.
    #[must_use]
    pub fn server_name(self, name: &str) -> Lab {
        self.master().server_name = name.to_owned();
        self
    }
}

/// While it runs.
impl Lab {
    /// Adds a login with this password and no right but to enter msdb.
    pub fn add_login(&self, user: &str, password: &str) {
        self.master().logins.insert(user.to_owned(), Rights::none(password));
    }

    /// Adds a login with the rights of the default one, or changes its password.
    pub fn set_password(&self, user: &str, password: &str) {
        let mut master = self.master();
        let rights = master.logins.get(user).or_else(|| master.logins.get(super::USER)).cloned().unwrap_or_default();
        master.logins.insert(user.to_owned(), Rights { password: password.to_owned(), ..rights });
    }

    /// Takes a right from every login but sysadmin: a table, `table(column)`, or a server permission.
    pub fn revoke(&self, right: &str) {
        self.master().logins.values_mut().for_each(|rights| rights.revoke(right));
    }

    /// Gives it to every login.
    pub fn grant(&self, right: &str) {
        self.master().logins.values_mut().for_each(|rights| rights.grant(right));
    }

    /// Whether logins without sysadmin may enter msdb.
    pub fn allow_msdb(&self, allowed: bool) {
        self.master().logins.values_mut().for_each(|rights| rights.msdb = allowed);
    }

    /// Refuses every login with this error and state, or lets logins in again.
    pub fn close(&self, with: Option<(u32, u8)>) {
        self.master().closed_with = with;
    }

    /// Starts the server in single-user mode, or as usual.
    pub fn single_user(&self, on: bool) {
        self.master().single_user = on;
    }

    /// Disables or enables a login: 18456 at the next one.
    pub fn disable_login(&self, user: &str, disabled: bool) {
        if let Some(rights) = self.master().logins.get_mut(user) {
            rights.disabled = disabled;
        }
    }

    /// Takes a table away altogether.
    pub fn drop_table(&self, name: &str) {
        self.master().missing.insert(name.to_lowercase());
    }

    /// Whether SQL Server Agent runs on the master.
    pub fn agent_running(&self, running: bool) {
        self.master().agent_running = running;
    }

    /// Whether the operator MSXOperator exists.
    pub fn operator(&self, present: bool) {
        self.master().operator = present;
    }

    /// Makes a user or group, by its `type_desc`, a member of TargetServersRole.
    pub fn add_member(&self, name: &str, kind: &str) {
        self.master().members.push((name.to_owned(), kind.to_owned()));
    }

    /// Where the engine listens, as it tells it, in place of what it told before.
    pub fn listens_on(&self, sockets: &[(&str, u16)]) {
        let listening =
            |(address, port): &(&str, u16)| Listening { address: (*address).to_owned(), port: *port, group: false };
        self.master().listeners = sockets.iter().map(listening).collect();
    }

    /// Adds the listener of an availability group.
    pub fn group_listener(&self, address: &str, port: u16) {
        self.master().listeners.push(Listening { address: address.to_owned(), port, group: true });
    }

    /// Changes how the master stands.
    pub fn state(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.master().state);
    }

    /// Makes it a failover cluster instance of these nodes; the first one holds it.
    pub fn cluster(&self, nodes: &[&str]) {
        self.master().nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
    }

    /// A login from this address was refused, such as with error 18456 and state 8.
    pub fn refuse_login(&self, host: &str, error: u32, state: u32) {
        let mut master = self.master();
        let at = master.clock.now();
        master.refused.push(Refused { host: host.to_owned(), error, state, at });
    }

    /// From now on something arrives from this address, so many seconds apart.
    pub fn arrives(&self, host: &str, every_seconds: i64, what: Arrival) {
        let mut master = self.master();
        let since = master.clock.now();
        master.arriving.push(Arriving { host: host.to_owned(), since, every_seconds, what });
    }

    /// Nothing arrives any more, and what arrived is forgotten.
    pub fn nothing_arrives(&self) {
        self.master().arriving.clear();
    }

    /// What happens whenever this table is read, until the faults are cleared.
    pub fn fault(&self, table: &str, mishap: Mishap) {
        super::locked(&self.master().faults).push(Fault { table: table.to_lowercase(), mishap, times: None });
    }

    /// What happens the next time this table is read.
    pub fn fault_once(&self, table: &str, mishap: Mishap) {
        super::locked(&self.master().faults).push(Fault { table: table.to_lowercase(), mishap, times: Some(1) });
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        super::locked(&self.master().faults).clear();
    }

    /// Lets time pass, with everything that happens in it.
    pub fn advance(&self, by: SignedDuration) {
        let mut master = self.master();
        let now = master.clock.now();
        master.clock.set(now.checked_add(by).unwrap_or(now));
        master.settle();
    }

    /// Sets the clock; the targets poll on from there, and nothing happens in between.
    pub fn jump(&self, to: Timestamp) {
        let mut master = self.master();
        let by = to.duration_since(master.clock.now());
        master.clock.set(to);
        for target in master.fleet.targets.values_mut() {
            target.next_poll = target.next_poll.checked_add(by).unwrap_or(to);
        }
    }

    /// What the master's clock shows.
    pub fn now(&self) -> Timestamp {
        self.master().clock.now()
    }

    /// The master's service starts anew: new tempdb, sessions forgotten.
    pub fn restart(&self) {
        let mut master = self.master();
        master.started = master.clock.now();
        master.sessions.clear();
    }

    /// The target stops polling. False where there is none of that name.
    pub fn stop(&self, target: &str) -> bool {
        self.with(|fleet, _| fleet.target_mut(target).map(|t| t.alive = false).is_some())
    }

    /// It polls again, from now on.
    pub fn resume(&self, target: &str) -> bool {
        self.with(|fleet, now| {
            let target = fleet.target_mut(target);
            target
                .map(|t| {
                    t.alive = true;
                    t.next_poll = now;
                })
                .is_some()
        })
    }

    /// Posts an instruction of the first job.
    pub fn post(&self, target: &str, operation: Operation) -> i32 {
        self.with(|fleet, now| {
            let object = if operation as u8 >= 6 { [0; 16] } else { fleet.jobs.first().map_or([0; 16], |job| job.id) };
            fleet.post(operation, object, target, now)
        })
    }

    /// Looks at the fleet as it is now, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Fleet, Timestamp) -> T) -> T {
        let mut master = self.master();
        master.settle();
        let now = master.clock.now();
        look(&mut master.fleet, now)
    }

    /// The version, as the year in its name.
    pub fn year(&self) -> u16 {
        self.master().version
    }

    /// The server's name.
    pub fn name(&self) -> String {
        self.master().server_name.clone()
    }

    /// The clock, to be looked at.
    pub fn clock(&self) -> Clock {
        self.master().clock.clone()
    }

    fn master(&self) -> std::sync::MutexGuard<'_, Master> {
        super::locked(&self.0)
    }
}

impl Backend for Lab {
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError> {
        let master = self.master();
        if let Some((number, state)) = master.closed_with {
            let text = format!("Login failed for user '{}'. The server lets no one in.", login.user);
            return Err(ServerError { state, ..ServerError::new(number, 14, text) });
        }
        let failed = || ServerError::new(18456, 14, format!("Login failed for user '{}'.", login.user));
        let rights = master.logins.get(&login.user).filter(|rights| rights.password == password && !rights.disabled);
        let rights = rights.ok_or_else(failed)?;
        let database = login.database.to_lowercase();
        let msdb = master.msdb.as_ref().is_some_and(|msdb| msdb.to_lowercase() == database);
        let opens = matches!(database.as_str(), "" | "master" | "tempdb") || (msdb && (rights.msdb || rights.sysadmin));
        if opens {
            return Ok(());
        }
        let text = format!("Cannot open database \"{}\" requested by the login. The login failed.", login.database);
        Err(ServerError::new(4060, 11, text))
    }

    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply> {
        let mut master = self.master();
        master.settle();
        let mut session = master.sessions.remove(&login.session).unwrap_or_default();
        let now = master.clock.reading(master.clock.now());
        let rights = master.logins.get(&login.user).cloned().unwrap_or_default();
        let replies = session.batch(&View { master: &master, login, rights: &rights, now }, sql);
        master.sessions.insert(login.session, session);
        replies
    }
}
