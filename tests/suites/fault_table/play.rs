//! One play: a master, the way to it and an exporter; the fault, what is seen of it, and the time after it.

use crate::fault::Fault;
use crate::harness::exporter::{Exporter, Setup};
use crate::harness::way::Way;
use crate::harness::{Page, TestServer, until};
use crate::names::NameServer;
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::{Encryption, Options};
use std::cell::OnceCell;
use std::io::{PipeReader, PipeWriter, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two scrapes of a fault that is held.
const PACE: Duration = Duration::from_millis(500);

/// What a fault strikes.
pub(crate) struct World {
    pub(crate) master: TestServer,
    pub(crate) way: Way,
    pub(crate) exporter: Option<Exporter>,
    /// Clients that ask for nothing.
    pub(crate) held: Vec<TcpStream>,
    pub(crate) names: OnceCell<NameServer>,
    /// A pipe for the log that is not read.
    log: OnceCell<(PipeReader, PipeWriter)>,
    setup: fn(Setup, &World) -> Setup,
    scrape: Duration,
}

/// How long it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Played {
    pub(crate) shown: Duration,
    pub(crate) back: Duration,
    pub(crate) longest_scrape: Duration,
}

impl World {
    fn new(fault: &Fault) -> World {
        let options = Options { encryption: Encryption::Required, ..Options::default() };
        let master = TestServer::start(Lab::scenario(Scenario::Healthy), options);
        let way = Way::to(master.address);
        let mut world = World {
            master,
            way,
            exporter: None,
            held: Vec::new(),
            names: OnceCell::new(),
            log: OnceCell::new(),
            setup: fault.setup,
            scrape: fault.scrape,
        };
        world.start();
        world
    }

    /// Starts an exporter, in place of one that has ended.
    pub(crate) fn start(&mut self) {
        self.exporter = None;
        let setup = Setup::new(self.way.address)
            .master("encrypt", "required")
            .master("trust_server_certificate", "true")
            .master("timeout", &format!("{}s", self.scrape.as_secs() - 1))
            .with("explain:\n  details: true");
        self.exporter = Some((self.setup)(setup, self).start());
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        self.exporter.as_ref().expect("an exporter runs")
    }

    /// The end of a pipe into which a log is written.
    pub(crate) fn log_pipe(&self) -> PipeWriter {
        self.log.get_or_init(|| std::io::pipe().unwrap()).1.try_clone().unwrap()
    }

    /// Fills that pipe: the next write waits for a reader.
    pub(crate) fn fill_log(&self) {
        let (mut pipe, written) = (self.log_pipe(), Arc::<AtomicUsize>::default());
        let count = written.clone();
        // It ends with the play, when the pipe has no reader any more.
        std::thread::spawn(move || {
            while pipe.write_all(&[b'x'; 512]).is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut before = 0;
        until("the pipe to be full", || {
            std::thread::sleep(PACE);
            let now = written.load(Ordering::SeqCst);
            (now > 0 && std::mem::replace(&mut before, now) == now).then_some(())
        });
    }

    /// One scrape, which is answered within its own time whatever happens.
    pub(crate) fn scrape(&self) -> (Page, Duration) {
        let (began, seconds) = (Instant::now(), self.scrape.as_secs().to_string());
        let header = [("X-Prometheus-Scrape-Timeout-Seconds", seconds.as_str())];
        let answer = self.exporter().request("GET", "/metrics", &header);
        let took = began.elapsed();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(took < self.scrape, "a scrape took {took:?}");
        let page = Page::parse(&answer.text());
        assert!(page.up() || page.targets().is_empty(), "targets of a master that cannot be read");
        (page, took)
    }

    fn is_complete(page: &Page) -> bool {
        let collectors = ["targets", "downloads", "jobs", "server"];
        page.up() && page.targets().len() == 6 && collectors.iter().all(|one| page.success(one) == Some(1.0))
    }

    fn is_shown(&self, fault: &Fault, page: &Page) -> bool {
        let mut wanted = fault.metrics.iter().flat_map(|line| Page::parse(line).samples);
        let log = self.exporter().log();
        let line = log.lines().any(|line| fault.log.iter().all(|word| line.contains(word)));
        let shown = || self.exporter().get(fault.path).text();
        wanted.all(|sample| page.samples.contains(&sample))
            && (fault.log.is_empty() || line)
            && (fault.page.is_empty() || fault.page.iter().all(|word| shown().contains(word)))
    }
}

impl Played {
    /// Plays one fault; panics where a promise is broken.
    pub(crate) fn play(fault: &Fault, hold: Duration) -> Played {
        let mut world = World::new(fault);
        let mut longest = Duration::ZERO;
        let mut scrape = |world: &World| {
            let (page, took) = world.scrape();
            longest = longest.max(took);
            page
        };
        until("a first complete page", || World::is_complete(&scrape(&world)).then_some(()));
        let (struck, readings) = (Instant::now(), world.master.readings());
        (fault.strike)(&mut world);
        if fault.reconnects {
            world.master.control.hang_up();
        }
        let mut last = String::new();
        let what = format!("{:?}, {:?} and {:?}", fault.metrics, fault.page, fault.log);
        while !{
            let page = scrape(&world);
            last.clone_from(&page.text);
            // A page may join the reading before. One that began after the fault has ended when the next has begun.
            (!page.up() || world.master.readings() > readings + 1) && world.is_shown(fault, &page)
        } {
            assert!(struck.elapsed() < fault.back_within + fault.scrape, "{what} not shown; the last page:\n{last}");
        }
        let shown = struck.elapsed();
        while struck.elapsed() < hold {
            scrape(&world);
            std::thread::sleep(PACE);
        }
        let relieved = Instant::now();
        (fault.relieve)(&mut world);
        until("a complete page", || World::is_complete(&scrape(&world)).then_some(()));
        let back = relieved.elapsed();
        assert!(back <= fault.back_within, "it took {back:?} until a page was complete");
        let most = world.master.control.connections().most_sessions;
        assert!(most <= fault.sessions, "{most} sessions at once");
        until("no statement to be left at the master", || {
            let left = world.master.control.connections();
            (left.running == 0 && left.sessions <= fault.sessions).then_some(())
        });
        assert!(world.exporter.as_mut().is_some_and(Exporter::lives));
        Played { shown, back, longest_scrape: longest }
    }
}
