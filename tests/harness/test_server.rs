//! A stand-in master that listens as long as its test runs.

use super::until;
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::certs::Authority;
use msx_lab::tds::{Control, Options, Server};
use msx_lab::wire::{Backend, Login, Reply, ServerError};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A lab behind a socket of 127.0.0.1.
pub(crate) struct TestServer {
    pub(crate) lab: Lab,
    pub(crate) control: Control,
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    options: Options,
    counts: Arc<Counts>,
    change: Arc<Mutex<Option<Change>>>,
    asked: Arc<Mutex<Asked>>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Runtime,
}

/// What was asked of the lab.
#[derive(Default)]
struct Counts {
    logins: AtomicUsize,
    readings: AtomicUsize,
}

/// What becomes of the lab's answer to a batch.
pub(crate) type Change = fn(Vec<Reply>) -> Vec<Reply>;

struct Counted {
    lab: Lab,
    counts: Arc<Counts>,
    change: Arc<Mutex<Option<Change>>>,
}

impl Backend for Counted {
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError> {
        self.counts.logins.fetch_add(1, Ordering::SeqCst);
        self.lab.login(login, password)
    }

    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply> {
        // The clock comes with each reading, and with nothing else.
        if sql.contains("[set:clock]") {
            self.counts.readings.fetch_add(1, Ordering::SeqCst);
        }
        let replies = self.lab.batch(login, sql);
        let change = *self.change.lock().unwrap();
        match change {
            Some(change) => change(replies),
            None => replies,
        }
    }
}

/// What clients asked of a master that replays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) logins: u64,
    /// Result sets that were sent.
    pub(crate) answers: u64,
}

/// Answers a statement that it has answered before with what it said then, so that what is measured is the client.
struct Replay {
    lab: Lab,
    said: Mutex<HashMap<String, Vec<Reply>>>,
    asked: Arc<Mutex<Asked>>,
}

impl Backend for Replay {
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError> {
        self.asked.lock().unwrap().logins += 1;
        self.lab.login(login, password)
    }

    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply> {
        let said = self.said.lock().unwrap().get(sql).cloned();
        let replies = said.unwrap_or_else(|| self.lab.batch(login, sql));
        let sets = replies.iter().filter(|reply| matches!(reply, Reply::Columns(_))).count();
        self.asked.lock().unwrap().answers += sets as u64;
        self.said.lock().unwrap().entry(sql.to_owned()).or_insert_with(|| replies.clone());
        replies
    }
}

impl TestServer {
    /// A lab that plays a scenario, without encryption.
    pub(crate) fn play(scenario: Scenario) -> TestServer {
        TestServer::start(Lab::scenario(scenario), Options::default())
    }

    /// Any lab. A certificate that an authority of its own signed for 127.0.0.1 and localhost is put in where the
    /// options have none.
    pub(crate) fn start(lab: Lab, options: Options) -> TestServer {
        let authority = Authority::new("Suite Authority").unwrap();
        let leaf = || Arc::new(authority.issue(&["localhost", "127.0.0.1"]).unwrap());
        let options = Options { identity: Some(options.identity.clone().unwrap_or_else(leaf)), ..options };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind("127.0.0.1:0", options.clone())).unwrap();
        let (address, control) = (server.local_addr().unwrap(), server.control());
        let mut master = TestServer {
            lab,
            control,
            address,
            authority,
            options,
            counts: Arc::default(),
            change: Arc::default(),
            asked: Arc::default(),
            stop: None,
            runtime,
        };
        master.serve(server);
        master
    }

    fn serve(&mut self, server: Server) {
        let backend =
            Arc::new(Counted { lab: self.lab.clone(), counts: self.counts.clone(), change: self.change.clone() });
        self.serve_with(server, backend);
    }

    fn serve_with(&mut self, server: Server, backend: Arc<dyn Backend>) {
        let (stop, stopped) = oneshot::channel();
        self.runtime.spawn(server.run(backend, async {
            let _ = stopped.await;
        }));
        self.stop = Some(stop);
    }

    /// From now on the same question has the same answer, at no cost, and [`TestServer::asked`] counts.
    pub(crate) fn replay(&mut self) {
        self.stop();
        let server = self.runtime.block_on(Server::bind(self.address, self.options.clone())).unwrap();
        self.control = server.control();
        self.serve_with(
            server,
            Arc::new(Replay { lab: self.lab.clone(), said: Mutex::default(), asked: self.asked.clone() }),
        );
    }

    /// What was asked since answers are replayed.
    pub(crate) fn asked(&self) -> Asked {
        *self.asked.lock().unwrap()
    }

    /// The service stops: its connections end and its port is closed.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
        until("the lab to close its port", || std::net::TcpStream::connect(self.address).err());
        until("the lab to end its connections", || (self.open() == 0).then_some(()));
    }

    /// It comes back where it was.
    pub(crate) fn come_back(&mut self) {
        let server = self.runtime.block_on(Server::bind(self.address, self.options.clone())).unwrap();
        self.control = server.control();
        self.serve(server);
    }

    /// Another server takes its address over.
    pub(crate) fn fail_over_to(&mut self, lab: Lab) {
        self.stop();
        self.lab = lab;
        self.come_back();
    }

    /// Changes answers from now on, or leaves them as they are.
    pub(crate) fn change_answers(&self, change: Option<Change>) {
        *self.change.lock().unwrap() = change;
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.control.connections().open
    }

    /// Connections since the service was started.
    pub(crate) fn ever(&self) -> usize {
        self.control.connections().ever
    }

    /// Logins that arrived, right or wrong.
    pub(crate) fn logins(&self) -> usize {
        self.counts.logins.load(Ordering::SeqCst)
    }

    /// Batches that read the tables.
    pub(crate) fn readings(&self) -> usize {
        self.counts.readings.load(Ordering::SeqCst)
    }
}
