//! One master, one exporter, and the clients that ask it.

use crate::flat::{Held, assert_flat};
use crate::harness::exporter::{Exporter, Setup};
use crate::harness::way::Way;
use crate::harness::{Page, TestServer, until};
use crate::random::Random;
use crate::troubles::TROUBLES;
use crate::web::{Secured, Web};
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::{Encryption, Options};
use std::time::{Duration, Instant};

/// Between two scrapes. Several share a reading, which one of them begins.
const PACE: Duration = Duration::from_millis(200);
/// How long a trouble lasts, and the calm after it.
const PHASE: Duration = Duration::from_secs(3);
/// What Prometheus would wait.
const PATIENCE: Duration = Duration::from_secs(4);
/// Scrapes at once: more than the clients that hang up, which have the address of the one that must be answered.
const PLACES: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) scrapes: u64,
    pub(crate) readings: u64,
}

pub(crate) struct Site {
    pub(crate) master: TestServer,
    pub(crate) way: Way,
    pub(crate) exporter: Exporter,
    pub(crate) random: Random,
    /// Clients that asked and read nothing.
    pub(crate) stalled: Vec<Secured>,
    web: Web,
}

impl Site {
    pub(crate) fn start(random: Random) -> Site {
        let options = Options { encryption: Encryption::Required, ..Options::default() };
        let master = TestServer::start(Lab::scenario(Scenario::Everything), options);
        let way = Way::to(master.address);
        let setup = Setup::new(way.address)
            .master("encrypt", "required")
            .master("trust_server_certificate", "true")
            .master("timeout", "2s")
            .with(&format!("limits:\n  scrapes_in_flight: {PLACES}\n  scrapes_in_flight_per_client: {PLACES}"));
        let web = Web::new("first");
        let file = web.write(setup.folder());
        let exporter = setup.arg(&format!("--web.config.file={}", file.display())).start();
        Site { master, way, exporter, random, stalled: Vec::new(), web }
    }

    /// Another password for who scrapes, in force at once after a reload.
    pub(crate) fn change_user(&mut self) {
        let password = format!("password {}", self.random.below(1_000_000));
        self.change_web(self.web.with_password(password));
    }

    /// Another certificate, which each new connection gets after a reload.
    pub(crate) fn change_certificate(&mut self) {
        self.change_web(self.web.with_another_certificate());
    }

    fn change_web(&mut self, web: Web) {
        web.write(self.exporter.setup().folder());
        self.web = web;
        self.exporter.signal("HUP");
        let is_in_force = || self.web.scrape(self.exporter.address, &[]).is_ok_and(|answer| answer.status == 200);
        until("what was written to be in force", || is_in_force().then_some(()));
    }

    /// A client that sends its request and does nothing more.
    pub(crate) fn send(&self) -> Secured {
        self.web.send(self.exporter.address, &[]).unwrap()
    }

    fn scrape(&self) -> Page {
        let (began, seconds) = (Instant::now(), PATIENCE.as_secs().to_string());
        let asked = self.web.scrape(self.exporter.address, &[("X-Prometheus-Scrape-Timeout-Seconds", &seconds)]);
        let answer = asked.unwrap_or_else(|error| panic!("{error}; the log:\n{}", self.exporter.log()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(began.elapsed() < PATIENCE, "a scrape took {:?}", began.elapsed());
        Page::parse(&answer.text())
    }

    /// Scrapes until `end`, while one trouble follows the other.
    pub(crate) fn soak(mut self, end: Instant) -> Counts {
        let (began, mut counts, mut up, mut samples) = (Instant::now(), Counts::default(), 0u64, Vec::new());
        let is_complete = |page: &Page| {
            page.up() && ["targets", "jobs", "server"].iter().all(|collector| page.success(collector) == Some(1.0))
        };
        until("a first complete page", || is_complete(&self.scrape()).then_some(()));
        while Instant::now() < end {
            let trouble = &TROUBLES[self.random.below(TROUBLES.len())];
            for (deed, lasts) in [(trouble.strike, PHASE), (trouble.relieve, PHASE)] {
                deed(&mut self);
                let over = Instant::now() + lasts;
                while Instant::now() < over {
                    up += u64::from(self.scrape().up());
                    counts.scrapes += 1;
                    let sessions = self.master.control.connections().sessions;
                    assert!(sessions <= 2, "{sessions} sessions while one is replaced, after {}", trouble.name);
                    std::thread::sleep(PACE);
                }
            }
            samples.push(Held::by(self.exporter.id(), began.elapsed().as_secs_f64()));
        }
        until("a complete page after all that", || is_complete(&self.scrape()).then_some(()));
        until("one connection to the master", || (self.master.open() == 1).then_some(()));
        assert!(up > counts.scrapes / 3 && up < counts.scrapes, "{up} of {} up", counts.scrapes);
        assert!(self.exporter.lives());
        assert_flat(&samples);
        Counts { readings: self.master.readings() as u64, ..counts }
    }
}
