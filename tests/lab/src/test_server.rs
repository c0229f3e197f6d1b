//! Puts a lab behind a socket.

use crate::msdb::Lab;
use crate::tds::{Control, Encryption, Options, Server, ServerVersion};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::ToSocketAddrs;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A lab that listens. It ends when it is dropped or [`TestServer::stop`]ped.
#[derive(Debug)]
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The protocol's handle: faults of connections, how many there are.
    pub control: Control,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl TestServer {
    /// Starts it. The version in PRELOGIN is the lab's, whatever the options say.
    ///
    /// # Errors
    /// The socket's own.
    pub async fn start(lab: &Lab, address: impl ToSocketAddrs, options: Options) -> io::Result<TestServer> {
        let options = Options { version: version(lab.year()), name: lab.name(), ..options };
        let server = Server::bind(address, options).await?;
        let (address, control) = (server.local_addr()?, server.control());
        let (stop, stopped) = oneshot::channel::<()>();
        let backend = Arc::new(lab.clone());
        let task = tokio::spawn(server.run(backend, async move {
            let _ = stopped.await;
        }));
        Ok(TestServer { address, control, stop, task })
    }

    /// Stops listening and ends every connection.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

/// The encryption of this name, as the exporter's configuration calls it.
pub fn encryption(name: &str) -> Option<Encryption> {
    Some(match name {
        "none" | "off" => Encryption::None,
        "login_only" => Encryption::LoginOnly,
        "required" => Encryption::Required,
        "strict" => Encryption::Strict,
        _ => return None,
    })
}

fn version(year: u16) -> ServerVersion {
    match year {
        ..=2012 => ServerVersion::V2012,
        2013..=2014 => ServerVersion::V2014,
        2015..=2016 => ServerVersion::V2016,
        2017..=2018 => ServerVersion::V2017,
        2019..=2021 => ServerVersion::V2019,
        2022..=2024 => ServerVersion::V2022,
        _ => ServerVersion::V2025,
    }
}
