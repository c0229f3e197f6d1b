//! A master of a test's own behind a real socket, and the exporter's reader before it.

// Each suite takes its own part of this.
#![allow(dead_code)]

use msx_exporter::collectors::{ReaderHandle, ReaderStats, Reading, TargetDetail};
use msx_exporter::config::{self, Config, ConfigFile, Sources};
use msx_exporter::sqlserver::ReadError;
use msx_lab::msdb::{Lab, PASSWORD, USER};
use msx_lab::tds::{Control, Options, Server};
use msx_lab::wire::{Backend, Login, Reply, ServerError};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Longer than anything takes on a busy machine; only what is broken waits so long.
const WAIT: Duration = Duration::from_secs(30);

/// A server and a reader of it.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    pub(crate) config: Arc<Config>,
    pub(crate) reader_stats: Arc<ReaderStats>,
    master: ReaderHandle,
    _stop: oneshot::Sender<()>,
}

impl Site {
    /// Puts a backend behind a socket and a reader before it.
    pub(crate) async fn start(backend: Arc<dyn Backend>) -> Site {
        Site::with(backend, &[]).await
    }

    /// The same with keys of the configuration, such as `("master__timezone", "Europe/Berlin")`.
    pub(crate) async fn with(backend: Arc<dyn Backend>, keys: &[(&str, &str)]) -> Site {
        let server = Server::bind("127.0.0.1:0", Options::default()).await.unwrap();
        let (address, control) = (server.local_addr().unwrap(), server.control());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run(backend, async move {
            let _ = stopped.await;
        }));
        let config = Arc::new(configuration(address, keys));
        let reader_stats = Arc::<ReaderStats>::default();
        let master = ReaderHandle::start(config.clone(), reader_stats.clone());
        Site { address, control, config, reader_stats, master, _stop: stop }
    }

    /// A reading that began after this was called.
    pub(crate) async fn read(&self) -> Arc<Reading> {
        self.read_newer(false).await
    }

    /// The same, after a look at who arrives where a target is silent.
    pub(crate) async fn read_with_look(&self) -> Arc<Reading> {
        self.read_newer(true).await
    }

    async fn read_newer(&self, with_look: bool) -> Arc<Reading> {
        let asked = jiff::Timestamp::now();
        let deadline = Instant::now() + WAIT;
        loop {
            let reading = match with_look {
                true => self.master.read_with_look(WAIT).await,
                false => self.master.read(WAIT).await,
            };
            if reading.began >= asked {
                return reading;
            }
            assert!(Instant::now() < deadline, "no new reading within {WAIT:?}");
            // A reading is shared for a second.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is read of one target alone.
    pub(crate) async fn target_detail(&self, server_id: i32) -> Result<Arc<TargetDetail>, ReadError> {
        self.master.target_detail(server_id, WAIT).await
    }

    /// A reader of its own: what the one before decided or kept is forgotten, as after a restart.
    pub(crate) async fn read_afresh(&self) -> Arc<Reading> {
        ReaderHandle::start(self.config.clone(), Arc::default()).read_with_look(WAIT).await
    }
}

fn configuration(address: SocketAddr, keys: &[(&str, &str)]) -> Config {
    let address = address.to_string();
    let plain = [
        ("master__address", address.as_str()),
        ("master__user", USER),
        ("master__password", PASSWORD),
        ("master__encrypt", "off"),
        ("ports__enabled", "false"),
    ];
    let environment = plain.iter().chain(keys);
    let environment =
        environment.map(|(key, value)| (format!("MSX_EXPORTER__{}", key.to_uppercase()).into(), value.into()));
    let sources = Sources {
        environment: environment.collect(),
        ..Sources::of_process(ConfigFile::Usual("/no/such/file.yml".into()), Vec::new())
    };
    config::load(&sources).unwrap()
}

/// A lab that writes down every batch.
#[derive(Debug)]
pub(crate) struct Recorder {
    lab: Lab,
    batches: Mutex<Vec<String>>,
}

impl Recorder {
    pub(crate) fn new(lab: Lab) -> Recorder {
        Recorder { lab, batches: Mutex::default() }
    }

    /// Everything that was asked so far.
    pub(crate) fn batches(&self) -> Vec<String> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Backend for Recorder {
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError> {
        self.lab.login(login, password)
    }

    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(sql.to_owned());
        self.lab.batch(login, sql)
    }
}
