//! Masters that listen, and ports that are refused or filtered.

use msx_lab::msdb::{Lab, PASSWORD, USER};
use msx_lab::tds::{Options, Server};
use msx_lab::wire::{Backend, Login, Reply, ServerError};
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

/// A server on 127.0.0.1 that listens until it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    /// Logins that were tried.
    pub(crate) logins: Arc<AtomicUsize>,
    _runtime: Runtime,
}

struct Counting(Lab, Arc<AtomicUsize>);

impl Backend for Counting {
    fn login(&self, login: &Login, password: &str) -> Result<(), ServerError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.login(login, password)
    }

    fn batch(&self, login: &Login, sql: &str) -> Vec<Reply> {
        self.0.batch(login, sql)
    }
}

impl TestServer {
    pub(crate) fn start(lab: Lab, options: Options) -> TestServer {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind("127.0.0.1:0", options)).unwrap();
        let address = server.local_addr().unwrap();
        let logins = Arc::<AtomicUsize>::default();
        runtime.spawn(server.run(Arc::new(Counting(lab, logins.clone())), std::future::pending()));
        TestServer { address, logins, _runtime: runtime }
    }

    /// A master with these targets.
    pub(crate) fn with_targets(names: &[&str]) -> TestServer {
        let lab = Lab::fleet(0, 0, 0);
        lab.with(|fleet, now| {
            for name in names {
                assert!(fleet.enlist(name, now).is_some(), "{name}");
            }
        });
        TestServer::start(lab, Options::default())
    }

    /// A configuration for it; `more` follows.
    pub(crate) fn config(&self, more: &str) -> String {
        format!(
            "master: {{ address: '{}', user: '{USER}', password: '{PASSWORD}', encrypt: off }}\n{more}",
            self.address
        )
    }
}

/// A port at which nothing listens.
pub(crate) fn refused() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A port whose queue of connections is full: Linux drops what comes, as a firewall would.
pub(crate) struct Filtered {
    pub(crate) port: u16,
    _listener: Socket,
    _queue: Vec<TcpStream>,
}

pub(crate) fn filtered() -> Filtered {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
        queue.push(stream);
    }
    Filtered { port: address.port(), _listener: listener, _queue: queue }
}
