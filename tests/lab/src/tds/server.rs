//! The listener, its settings and what a test can do to it while it runs.

use super::certs::Identity;
use super::session;
use crate::wire::Backend;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the server does about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// It has none to offer.
    None,
    /// The client may ask for none, for the login's alone, or for all: a server without Force Encryption.
    LoginOnly,
    /// All is encrypted: Force Encryption.
    Required,
    /// TDS 8.0 alone: Force Strict Encryption.
    Strict,
}

/// A server's version, as PRELOGIN and LOGINACK tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion {
    /// 11 for 2012 to 17 for 2025.
    pub major: u8,
    /// 0.
    pub minor: u8,
    /// Such as 1000.
    pub build: u16,
}

impl ServerVersion {
    /// SQL Server 2012 SP4.
    pub const V2012: ServerVersion = ServerVersion { major: 11, minor: 0, build: 7001 };
    /// SQL Server 2014 SP3.
    pub const V2014: ServerVersion = ServerVersion { major: 12, minor: 0, build: 6024 };
    /// SQL Server 2016 SP3.
    pub const V2016: ServerVersion = ServerVersion { major: 13, minor: 0, build: 6300 };
    /// SQL Server 2017.
    pub const V2017: ServerVersion = ServerVersion { major: 14, minor: 0, build: 1000 };
    /// SQL Server 2019.
    pub const V2019: ServerVersion = ServerVersion { major: 15, minor: 0, build: 2000 };
    /// SQL Server 2022.
    pub const V2022: ServerVersion = ServerVersion { major: 16, minor: 0, build: 1000 };
    /// SQL Server 2025.
    pub const V2025: ServerVersion = ServerVersion { major: 17, minor: 0, build: 1000 };
}

/// What goes wrong with every new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is closed as soon as it is there.
    CloseAtOnce,
    /// It is accepted and PRELOGIN is never answered.
    Silent,
    /// The first bytes are answered with these, such as an HTTP answer; then it is closed.
    Answer(Vec<u8>),
    /// PRELOGIN is answered, then nothing more: the client waits in the TLS handshake or for its login.
    StopAfterPrelogin,
    /// The login arrives and is never answered.
    StopInLogin,
}

/// How a server behaves. Connections that are open keep the options that they began with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Encryption.
    pub encryption: Encryption,
    /// Certificate and key; `None` is one that signs itself, as SQL Server makes it where it was given none.
    pub identity: Option<Arc<Identity>>,
    /// Version.
    pub version: ServerVersion,
    /// Name of the instance, `MSSQLSERVER` for the default one.
    pub instance: String,
    /// `@@SERVERNAME`, which stands in every error.
    pub name: String,
    /// What goes wrong with new connections.
    pub fault: Option<Fault>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            encryption: Encryption::None,
            identity: None,
            version: ServerVersion::V2022,
            instance: "MSSQLSERVER".into(),
            name: "MSXLAB".into(),
            fault: None,
        }
    }
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Now.
    pub open: usize,
    /// Since the server was bound.
    pub ever: usize,
    /// Those that are logged in.
    pub sessions: usize,
    /// The most that were logged in at once.
    pub most_sessions: usize,
    /// Requests that are being answered.
    pub running: usize,
}

/// How many of something there are, and were at most.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    /// Counts one for as long as what is returned is kept.
    pub(crate) fn enter(&self) -> Counted<'_> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Counted(self)
    }
}

/// One of those that a gauge counts.
pub(crate) struct Counted<'a>(&'a Gauge);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What connections and controls share.
#[derive(Debug)]
pub(crate) struct Shared {
    options: RwLock<Arc<Options>>,
    fallback: Arc<Identity>,
    open: AtomicUsize,
    ever: AtomicUsize,
    pub(crate) sessions: Gauge,
    pub(crate) running: Gauge,
    next_session: AtomicU16,
    hang_up: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn options(&self) -> Arc<Options> {
        self.options.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn identity(&self, options: &Options) -> Arc<Identity> {
        options.identity.clone().unwrap_or_else(|| self.fallback.clone())
    }

    pub(crate) fn next_session(&self) -> u16 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }
}

/// Changes and watches a server while it runs.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    /// Changes the options for connections to come.
    pub fn change(&self, change: impl FnOnce(&mut Options)) {
        let mut options = self.shared.options.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut options));
    }

    /// How many connections there are.
    pub fn connections(&self) -> Connections {
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        let Shared { open, ever, sessions, running, .. } = &*self.shared;
        Connections {
            open: count(open),
            ever: count(ever),
            sessions: count(&sessions.now),
            most_sessions: count(&sessions.most),
            running: count(&running.now),
        }
    }

    /// Ends every connection that is open, as a restart does.
    pub fn hang_up(&self) {
        self.shared.hang_up.send_replace(());
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Server {
    /// Binds; port 0 takes a free one. Clients wait in the queue until [`Server::run`].
    ///
    /// # Errors
    /// The socket's own.
    pub async fn bind(address: impl ToSocketAddrs, options: Options) -> io::Result<Server> {
        let shared = Shared {
            options: RwLock::new(Arc::new(options)),
            fallback: Arc::new(Identity::self_signed_fallback().map_err(io::Error::other)?),
            open: AtomicUsize::new(0),
            ever: AtomicUsize::new(0),
            sessions: Gauge::default(),
            running: Gauge::default(),
            // Sessions up to 50 are the system's own.
            next_session: AtomicU16::new(51),
            hang_up: watch::Sender::new(()),
        };
        Ok(Server { listener: TcpListener::bind(address).await?, shared: Arc::new(shared) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The socket's own.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The handle to change and watch it with.
    pub fn control(&self) -> Control {
        Control { shared: self.shared.clone() }
    }

    /// Serves until `shutdown` ends; then every connection ends too.
    pub async fn run(self, backend: Arc<dyn Backend>, shutdown: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                accepted = self.listener.accept() => {
                    let Ok((tcp, _)) = accepted else {
                        // One client's misfortune, or no descriptor is free: not the server's end.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    };
                    let open = Open::new(self.shared.clone());
                    let backend = backend.clone();
                    connections.spawn(async move {
                        let mut hang_up = open.shared.hang_up.subscribe();
                        tokio::select! {
                            () = session::serve(tcp, &open.shared, backend) => {}
                            _ = hang_up.changed() => {}
                        }
                    });
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Counts a connection for as long as it lives.
struct Open {
    shared: Arc<Shared>,
}

impl Open {
    fn new(shared: Arc<Shared>) -> Open {
        shared.open.fetch_add(1, Ordering::SeqCst);
        shared.ever.fetch_add(1, Ordering::SeqCst);
        Open { shared }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
    }
}
