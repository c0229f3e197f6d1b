//! A server of the exhibits, and clients for it.

use crate::exhibit::{Exhibit, PASSWORD, USER};
use msx_lab::tds::certs::Authority;
use msx_lab::tds::{Control, Encryption, Options, Server};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server that runs as long as its test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    pub(crate) authority: Authority,
    ca: std::path::PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca);
    }
}

pub(crate) async fn start(encryption: Encryption) -> Running {
    let authority = Authority::new("msx-lab").unwrap();
    let identity = Arc::new(authority.issue(&["localhost", "127.0.0.1"]).unwrap());
    let options = Options { encryption, identity: Some(identity), ..Options::default() };
    let server = Server::bind("127.0.0.1:0", options).await.unwrap();
    let (address, control) = (server.local_addr().unwrap(), server.control());
    tokio::spawn(server.run(Arc::new(Exhibit), std::future::pending()));
    // tiberius tells a certificate's form by the end of the file's name.
    let ca = std::env::temp_dir().join(format!("msx-lab-{}-{}.pem", std::process::id(), address.port()));
    std::fs::write(&ca, authority.pem()).unwrap();
    Running { address, control, authority, ca }
}

pub(crate) fn config(server: &Running, encryption: EncryptionLevel) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.address.port());
    config.authentication(AuthMethod::sql_server(USER, PASSWORD));
    config.database("msdb");
    config.application_name("tests");
    config.encryption(encryption);
    config.trust_cert_ca(server.ca.display().to_string());
    config.handshake_timeout(Some(DEADLINE));
    config
}

pub(crate) type Connected = Client<Compat<TcpStream>>;

pub(crate) async fn connect(config: Config) -> tiberius::Result<Connected> {
    let tcp = TcpStream::connect(config.get_addr()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    within(Box::pin(Client::connect(config, tcp.compat_write()))).await
}

/// A client without encryption.
pub(crate) async fn plain(server: &Running) -> Connected {
    connect(config(server, EncryptionLevel::NotSupported)).await.unwrap()
}

/// What the future gives, if it gives it in time.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it took too long")
}

/// Waits for a condition.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// PRELOGIN of a client without encryption.
pub(crate) const PRELOGIN: [u8; 20] = [0x12, 1, 0, 20, 0, 0, 0, 0, 0, 0, 11, 0, 1, 1, 0, 11, 0, 1, 0xFF, 2];

/// A packet that is a complete message.
pub(crate) fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len() + 8).unwrap().to_be_bytes();
    [&[kind, 1, high, low, 0, 0, 0, 0][..], payload].concat()
}

/// A batch behind its headers.
pub(crate) fn batch(sql: &str) -> Vec<u8> {
    let headers = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let text: Vec<u8> = sql.encode_utf16().flat_map(u16::to_le_bytes).collect();
    packet(0x01, &[&headers[..], &text].concat())
}

/// The payload of one packet.
pub(crate) async fn payload(tcp: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 8];
    within(tcp.read_exact(&mut header)).await.unwrap();
    let mut payload = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
    within(tcp.read_exact(&mut payload)).await.unwrap();
    payload
}

/// A login without a library: the socket, and what the server said.
pub(crate) async fn by_hand(server: &Running, version: u32) -> (TcpStream, Vec<u8>) {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(&PRELOGIN).await.unwrap();
    payload(&mut tcp).await;
    let mut login = vec![0_u8; 94];
    login[4..8].copy_from_slice(&version.to_le_bytes());
    for (field, text, veil) in [(40, USER, false), (44, PASSWORD, true)] {
        let (at, characters) = (login.len() as u16, text.encode_utf16().count() as u16);
        login[field..field + 2].copy_from_slice(&at.to_le_bytes());
        login[field + 2..field + 4].copy_from_slice(&characters.to_le_bytes());
        let bytes = text.encode_utf16().flat_map(u16::to_le_bytes);
        login.extend(bytes.map(|byte| if veil { byte.rotate_left(4) ^ 0xA5 } else { byte }));
    }
    login[0] = u8::try_from(login.len()).unwrap();
    tcp.write_all(&packet(0x10, &login)).await.unwrap();
    let said = payload(&mut tcp).await;
    (tcp, said)
}
