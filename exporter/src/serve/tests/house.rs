//! A server that runs, and the stand-in behind it.

use super::super::{Options, Rendered, Settings, Site, View, Web, bind, run};
use super::soon;
use crate::fleet::Fleet;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Answers at once, or when it is told to, and writes down what it was asked.
pub(super) struct Stub {
    pub(super) settings: Mutex<Settings>,
    /// How many wait for a fleet now.
    pub(super) waiting: watch::Sender<usize>,
    /// While true nobody gets a fleet.
    pub(super) held: watch::Sender<bool>,
    pub(super) waits: Mutex<Vec<Duration>>,
    pub(super) views: Mutex<Vec<View>>,
    pub(super) reloads: Mutex<Vec<Result<(), String>>>,
    /// Length of the metrics page.
    pub(super) length: usize,
}

impl Stub {
    pub(super) fn new() -> Stub {
        Stub {
            settings: Mutex::new(Settings {
                reading_timeout: Duration::from_secs(8),
                explain_details: false,
                scrapes_in_flight: 8,
                scrapes_in_flight_per_client: 4,
            }),
            waiting: watch::Sender::new(0),
            held: watch::Sender::new(false),
            waits: Mutex::default(),
            views: Mutex::default(),
            reloads: Mutex::default(),
            length: 2000,
        }
    }

    /// Waits until that many wait for a fleet.
    pub(super) async fn waiters(&self, count: usize) {
        let mut waiting = self.waiting.subscribe();
        soon("waiters", waiting.wait_for(|now| *now == count)).await.unwrap();
    }

    pub(super) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub(super) fn last_view(&self) -> View {
        self.views.lock().unwrap().last().cloned().unwrap()
    }
}

/// Counts a waiter for as long as its future lives.
struct Waiter<'a>(&'a watch::Sender<usize>);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Site for Stub {
    async fn fleet(&self, wait: Duration) -> Arc<Fleet> {
        self.waits.lock().unwrap().push(wait);
        self.waiting.send_modify(|count| *count += 1);
        let _waiter = Waiter(&self.waiting);
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        Arc::new(Fleet {
            began: Timestamp::UNIX_EPOCH,
            master: None,
            server: None,
            targets: Vec::new(),
            orphans: None,
            downloadlist_rows: None,
            jobs: None,
            reports: Vec::new(),
            board: Arc::default(),
        })
    }

    fn settings(&self) -> Settings {
        *self.settings.lock().unwrap()
    }

    fn render(&self, _: &Fleet, view: &View) -> Option<Rendered> {
        self.views.lock().unwrap().push(view.clone());
        let (content_type, text) = match view {
            View::Index { base, .. } => ("text/html; charset=utf-8", format!("<a href=\"{base}/metrics\">metrics</a>")),
            View::Target { name, .. } if name == "NOBODY" => return None,
            View::Target { name, .. } => ("text/html; charset=utf-8", format!("<p>{name}</p>")),
            View::Metrics { accept } if accept.contains("openmetrics") => {
                ("application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF\n".to_owned())
            }
            View::Metrics { .. } => ("text/plain; version=0.0.4; charset=utf-8", "a 1\n".repeat(self.length / 4)),
            View::Targets { .. } => ("application/json", "{}".to_owned()),
        };
        Some(Rendered { content_type, text })
    }

    async fn reload(&self) -> Result<(), String> {
        self.reloads.lock().unwrap().pop().unwrap_or(Ok(()))
    }
}

/// A server on a port of its own.
pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) site: Arc<Stub>,
    pub(super) web: Arc<Web>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl House {
    pub(super) fn plain() -> House {
        House::with(Stub::new(), Options::default(), Web::open(None).unwrap())
    }

    pub(super) fn with(stub: Stub, options: Options, web: Web) -> House {
        let listeners = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let site = Arc::new(stub);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let web = Arc::new(web);
        let running = tokio::spawn(run(listeners, Arc::clone(&site), options, Arc::clone(&web), shutdown));
        House { address, site, web, stop, running }
    }

    /// Tells the server to stop; what it answers with is the end of `run`.
    pub(super) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.running
    }
}
