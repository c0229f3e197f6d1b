//! Everything that one stand-in master knows.

use super::arrivals::Arriving;
use super::clock::Clock;
use super::fleet::Fleet;
use super::network::{Listening, Refused};
use super::rights::Rights;
use super::scenario::Scenario;
use super::state::State;
use crate::tsql::collation::Collation;
use crate::tsql::session::Session;
use crate::tsql::world::{Mishap, Row};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

/// The login that every lab starts with; it has the rights that monitoring needs, and no more.
pub const USER: &str = "msx_exporter";
/// Its password.
pub const PASSWORD: &str = "Correct-Horse-9814";

/// The tables that the default login may read.
const GRANTED: [&str; 8] = [
    "systargetservers",
    "sysdownloadlist",
    "systargetservergroups",
    "systargetservergroupmembers",
    "sysjobservers",
    "sysjobs",
    "syscategories",
    "sysoperators(name)",
];

/// A fault and how often it still strikes.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) table: String,
    pub(crate) mishap: Mishap,
    /// `None` is for ever.
    pub(crate) times: Option<u32>,
}

/// Rows of the download list as they were last built.
pub(crate) type Built = Mutex<Option<(u64, Arc<Vec<Row>>)>>;

/// The state behind a lab.
#[derive(Debug)]
pub struct Master {
    /// Its clock.
    pub clock: Clock,
    /// Its targets, instructions and jobs.
    pub fleet: Fleet,
    /// What it plays; the fleet is built anew when the clock is set before the start.
    pub(crate) scenario: Scenario,
    pub(crate) version: u16,
    pub(crate) collation: Collation,
    /// `SERVERPROPERTY('ServerName')`.
    pub(crate) server_name: String,
    /// The database that holds the tables; `None` where it is absent.
    pub(crate) msdb: Option<String>,
    pub(crate) snapshot: bool,
    pub(crate) logins: BTreeMap<String, Rights>,
    pub(crate) missing: BTreeSet<String>,
    pub(crate) faults: Mutex<Vec<Fault>>,
    pub(crate) sessions: HashMap<u16, Session>,
    pub(crate) started: Timestamp,
    pub(crate) agent_running: bool,
    pub(crate) operator: bool,
    /// Members of TargetServersRole: name and `type_desc`.
    pub(crate) members: Vec<(String, String)>,
    pub(crate) listeners: Vec<Listening>,
    pub(crate) refused: Vec<Refused>,
    /// The error and the state with which every login is refused.
    pub(crate) closed_with: Option<(u32, u8)>,
    pub(crate) single_user: bool,
    pub(crate) arriving: Vec<Arriving>,
    /// The nodes, where it is a failover cluster instance.
    pub(crate) nodes: Vec<String>,
    pub(crate) downloads: Built,
    pub(crate) state: State,
}

impl Master {
    pub(crate) fn new(scenario: Scenario) -> Master {
        let mut rights = Rights::none(PASSWORD);
        GRANTED.iter().for_each(|table| rights.grant(table));
        rights.grant("VIEW SERVER STATE");
        let sa = Rights { sysadmin: true, ..Rights::none(PASSWORD) };
        let clock = Clock::real();
        let mut master = Master {
            fleet: Fleet::new(),
            scenario,
            version: 2022,
            collation: Collation::CaseInsensitive,
            server_name: "MSX01".to_owned(),
            msdb: Some("msdb".to_owned()),
            snapshot: true,
            logins: BTreeMap::from([(USER.to_owned(), rights), ("sa".to_owned(), sa)]),
            missing: BTreeSet::new(),
            faults: Mutex::default(),
            sessions: HashMap::new(),
            started: clock.now(),
            agent_running: true,
            operator: true,
            members: vec![("CORP\\svc_agent".to_owned(), "WINDOWS_USER".to_owned())],
            listeners: [("0.0.0.0", 1433), ("::", 1433), ("127.0.0.1", 1434), ("::1", 1434)]
                .map(|(address, port)| Listening { address: address.to_owned(), port, group: false })
                .into(),
            refused: Vec::new(),
            closed_with: None,
            single_user: false,
            arriving: Vec::new(),
            nodes: Vec::new(),
            downloads: Mutex::default(),
            state: State::default(),
            clock,
        };
        master.populate();
        master
    }

    /// Builds the fleet of the scenario so that now is the moment to look at it.
    pub(crate) fn populate(&mut self) {
        self.fleet = Fleet::new();
        self.fleet.set_zone(self.clock.zone().clone());
        self.arriving.clear();
        *super::locked(&self.downloads) = None;
        let now = self.clock.now();
        self.started = now.checked_sub(jiff::SignedDuration::from_hours(24 * 40)).unwrap_or(now);
        let scenario = self.scenario.clone();
        scenario.build(self, now);
    }

    /// Lets everything happen that is due by now.
    pub(crate) fn settle(&mut self) {
        let now = self.clock.now();
        self.fleet.advance(now);
    }

    /// `SERVERPROPERTY('ProductVersion')`.
    pub(crate) fn product_version(&self) -> &'static str {
        match self.version {
            ..=2012 => "11.0.7507.2",
            2013..=2014 => "12.0.6449.1",
            2015..=2016 => "13.0.6300.2",
            2017..=2018 => "14.0.3456.2",
            2019..=2021 => "15.0.4430.1",
            2022..=2024 => "16.0.4215.2",
            _ => "17.0.1000.7",
        }
    }
}
