//! One connection to the master, from resolving its name to a session that is ready to be read.

use super::batch::{self, BatchError};
use super::cells::CellError;
use super::error::ReadError;
use super::faults;
use super::refusals::Retry;
use super::result_set::Set;
use super::rights::{Capabilities, Msdb};
use super::rows::Context;
use super::stage_tracker::{Progress, StageTracker};
use super::statements;
use super::transport::{self, Called, Transport};
use crate::config::{Auth, Encrypt, Master, PasswordSource, Secret, Trust, zone_by_name};
use crate::files;
use crate::model::{Address, Certificate, Stage};
use crate::probe::protocol::{self, Anchors, Gaze, SessionVerifier, Sockets};
use jiff::tz::TimeZone;
use socket2::{SockRef, TcpKeepalive};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;
use tiberius::{AuthMethod, Client, EncryptionLevel};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// SQL Browser answers one datagram from memory; the remaining time belongs to the connection.
const BROWSER_PATIENCE: Duration = Duration::from_secs(3);
/// A reading does not wait longer than this for the certificate, which is only shown.
const CERTIFICATE_PATIENCE: Duration = Duration::from_secs(1);
/// Shorter than anything on the way forgets an idle connection.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
/// On Windows TLS is schannel, which the driver brings.
const OWN_TLS: bool = cfg!(not(windows));
/// `SNAPSHOT_ISOLATION_STATE` of `sys.databases`: 1 is on.
const SNAPSHOT_ON: i64 = 1;
const FIRST_WITH_TIMEZONE_ID: u32 = 16;

pub(crate) type Connection = Client<Compat<Transport>>;

/// A session that has logged in and knows the rights of its login.
pub(crate) struct Session {
    pub(super) client: Connection,
    pub(crate) capabilities: Capabilities,
    /// The rules of the master's zone, and their source.
    pub(crate) zone: Option<(TimeZone, &'static str)>,
    /// The address of the server.
    pub(crate) peer: SocketAddr,
    /// The certificate that the server presents to its targets too, where it has one.
    pub(crate) certificate: Option<Certificate>,
}

impl Session {
    /// Sends a batch and fills the result sets, also where the batch fails half-way. Where `patience` is given and nothing
    /// comes within it, the connection counts as lost.
    pub(crate) async fn ask(
        &mut self,
        msdb: &str,
        sets: &mut [&mut dyn Set],
        context: &mut Context<'_>,
        patience: Option<Duration>,
    ) -> Result<(), BatchError> {
        batch::run(&mut self.client, msdb, sets, context, patience).await
    }

    /// Asks again what the server is and what the login may read.
    pub(crate) async fn capabilities_now(&mut self, msdb: &str) -> Result<Capabilities, ReadError> {
        capabilities(&mut self.client, msdb).await
    }

    /// Cancels the running batch, for at most `grace`. False: the connection must not be used again.
    pub(crate) async fn cancel(&mut self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        matches!(timeout_at(deadline, self.client.cancel_query()).await, Ok(Ok(())))
            && matches!(timeout_at(deadline, execute(&mut self.client, statements::ROLLBACK)).await, Ok(Ok(())))
    }
}

/// Connects, logs in and asks what the server is. The caller sets the deadline; `progress` shows the stage in which it
/// passed.
pub(crate) async fn open(master: &Master, deadline: Instant, progress: &Progress) -> Result<Session, ReadError> {
    progress.enter(Stage::Resolve);
    let addresses = resolve(&master.address, deadline).await?;
    progress.enter(Stage::Connect);
    let (stream, peer) = connect(&addresses, &master.address, deadline).await?;
    let to = format!("{} ({peer})", master.address);
    let settings = master.clone();
    // Preparing reads files.
    let prepared = tokio::task::spawn_blocking(move || prepare(&settings, peer)).await;
    let (mut driver, verifier) = prepared
        .map_err(|failure| ReadError::new(Stage::Login, format!("the login was not prepared: {failure}")))??;
    progress.enter(Stage::Tls);
    let tracked = StageTracker::new(stream, progress.clone());
    let (stream, presented) = if OWN_TLS && master.encrypt != Encrypt::LoginOnly {
        driver.encryption(EncryptionLevel::NotSupported);
        let called = Called { name: name_to_find(master).to_owned(), address: peer.ip(), shown: to.clone() };
        Box::pin(transport::greet(tracked, master.encrypt, verifier, &called)).await?
    } else {
        (Box::new(tracked) as Transport, None)
    };
    // Boxed, because every caller's future would otherwise grow by its size.
    let client = Box::pin(Client::connect(driver, stream.compat_write())).await;
    let mut client = match client {
        Ok(client) => client,
        Err(error) => {
            let fault = faults::on_connecting(&error, progress.stage(), &to);
            let fault = if matches!(master.auth, Auth::Windows) { fault.of_windows_account() } else { fault };
            let presented = if fault.stage == Stage::Tls { certificate(master, peer).await } else { None };
            return Err(fault.with_certificate(presented.as_ref()));
        }
    };
    progress.enter(Stage::Query);
    execute(&mut client, statements::SESSION).await?;
    let capabilities = capabilities(&mut client, &master.msdb).await?;
    if capabilities.single_user {
        return Err(left_to_an_administrator(&to));
    }
    if capabilities.msdb == Msdb::Readable && !allows_snapshot(&mut client, &master.msdb).await? {
        execute(&mut client, statements::READ_UNCOMMITTED).await?;
    }
    let zone = zone(&mut client, master, &capabilities, peer.ip()).await?;
    let certificate = if presented.is_some() { presented } else { certificate(master, peer).await };
    Ok(Session { client, capabilities, zone, peer, certificate })
}

/// In single-user mode this session would be the only one.
fn left_to_an_administrator(to: &str) -> ReadError {
    let message = format!("{to} runs in single-user mode: the exporter gave its one session back to an administrator");
    let fault = ReadError::new(Stage::Login, message);
    ReadError { retry: Retry::SingleUser, ..fault }
        .with_hint("the exporter comes back when the server is started as usual")
}

async fn resolve(address: &Address, deadline: Instant) -> Result<Vec<SocketAddr>, ReadError> {
    let host = address.host.as_str();
    let hint = "is the name right, and does this machine's name server know it?";
    // The lookup wants a port, which is known only later.
    let mut found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0))
        .await
        .map_err(|error| ReadError::new(Stage::Resolve, format!("{host} has no address: {error}")).with_hint(hint))?
        .collect();
    if found.is_empty() {
        return Err(ReadError::new(Stage::Resolve, format!("{host} has no address")).with_hint(hint));
    }
    let patience = deadline.min(Instant::now() + BROWSER_PATIENCE);
    let hosts: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
    let (port, _) = protocol::engine_port(&hosts, address.engine_port(), patience).await.map_err(|miss| {
        ReadError::new(Stage::Resolve, format!("the port of {} is not known: {}", address.server_name(), miss.evidence))
            .with_hint("write master.address as host:port, or start SQL Browser and open UDP 1434")
    })?;
    found.iter_mut().for_each(|address| address.set_port(port));
    Ok(found)
}

/// Tries each address in turn; one that does not answer leaves the others their share of the time.
async fn connect(
    addresses: &[SocketAddr],
    to: &Address,
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), ReadError> {
    let mut tried = Vec::new();
    let mut timed_out = false;
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout(share.mul_f64(0.9), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a small batch waits for the acknowledgement of the previous one.
                let _ = stream.set_nodelay(true);
                // So that what forgets idle connections does not forget this one, and a peer that is gone is noticed.
                let _ = SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE);
                return Ok((stream, *address));
            }
            Ok(Err(error)) => tried.push(format!("{address}: {error}")),
            Err(_) => {
                timed_out = true;
                tried.push(format!("{address}: no answer within {share:.1?}"));
            }
        }
    }
    let message = format!("{} does not answer: {}", to, tried.join("; "));
    let hint = if timed_out {
        "a firewall that drops packets looks like this: is the engine's TCP port open from here?"
    } else {
        "is the engine running, is TCP enabled in SQL Server Configuration Manager, and is this its port?"
    };
    Err(ReadError { timeout: timed_out, ..ReadError::new(Stage::Connect, message).with_hint(hint) })
}

/// Whether an address is one of this machine's own: only then can it be bound.
pub(crate) fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// The name that the certificate must hold.
fn name_to_find(master: &Master) -> &str {
    master.host_name_in_certificate.as_deref().unwrap_or(&master.address.host)
}

/// What the driver is to do, and who judges the certificate where that is not the driver.
fn prepare(master: &Master, peer: SocketAddr) -> Result<(tiberius::Config, SessionVerifier), ReadError> {
    let mut driver = tiberius::Config::new();
    driver.host(&master.address.host);
    driver.port(peer.port());
    driver.database("master");
    driver.application_name(concat!("msx_exporter ", env!("CARGO_PKG_VERSION")));
    // The complete reading has one deadline; the driver's own would apply to each round trip.
    driver.handshake_timeout(None);
    driver.command_timeout(None);
    driver.encryption(match master.encrypt {
        Encrypt::Strict => EncryptionLevel::Strict,
        Encrypt::Required => EncryptionLevel::Required,
        Encrypt::LoginOnly => EncryptionLevel::Off,
        Encrypt::Off => EncryptionLevel::NotSupported,
    });
    let trusted = match master.trust_server_certificate {
        Trust::Always => true,
        Trust::Never => false,
        Trust::Auto => is_local(peer.ip()),
    };
    let mut anchors = None;
    if trusted {
        driver.trust_cert();
    } else {
        let mut bundle = Vec::new();
        if let Some(path) = &master.ca_file {
            let bytes = files::read(path).map_err(|error| {
                ReadError::new(Stage::Tls, format!("master.ca_file {} cannot be read: {error}", path.display()))
            })?;
            bundle = files::unmarked(bytes);
            driver.trust_cert_ca_bundle(bundle.clone());
        }
        anchors = Some(Anchors::of_this_machine_and(&bundle));
    }
    if let Some(name) = &master.host_name_in_certificate {
        driver.hostname_in_certificate(name);
    }
    driver.authentication(match &master.auth {
        Auth::Sql { user, password } => AuthMethod::sql_server(user, reveal(password)?.reveal()),
        Auth::Windows => windows_account()?,
    });
    Ok((driver, SessionVerifier::new(anchors, name_to_find(master))))
}

#[cfg(windows)]
fn windows_account() -> Result<AuthMethod, ReadError> {
    Ok(AuthMethod::Integrated)
}

#[cfg(not(windows))]
fn windows_account() -> Result<AuthMethod, ReadError> {
    Err(ReadError::new(Stage::Login, "auth: windows works only on Windows").with_hint("use `auth: sql` here"))
}

/// Reads a password file at each login, so that a new password needs no restart.
fn reveal(password: &PasswordSource) -> Result<Secret, ReadError> {
    password.read().map_err(|error| {
        ReadError::new(Stage::Login, format!("the password of master.password_file cannot be read: {error}"))
            .with_hint("may the account under which the exporter runs read it?")
    })
}

/// The certificate from a second connection without a login, because the driver does not expose the one that it met.
/// Done once for each connection: SQL Server takes a new certificate only when it starts.
async fn certificate(master: &Master, peer: SocketAddr) -> Option<Certificate> {
    let gaze = Gaze {
        addresses: &[peer],
        host: &master.address.host,
        instance: "",
        strict: master.encrypt == Encrypt::Strict,
        patience: CERTIFICATE_PATIENCE,
    };
    protocol::look(gaze, &Sockets::new(1)).await.facts.certificate
}

async fn execute(client: &mut Connection, statement: &str) -> Result<(), ReadError> {
    let text = statements::prepare(statement, "msdb");
    let stream = client.simple_query(text).await.map_err(|error| faults::on_reading(&error))?;
    stream.into_results().await.map_err(|error| faults::on_reading(&error))?;
    Ok(())
}

async fn row(client: &mut Connection, statement: &str, msdb: &str) -> Result<Option<tiberius::Row>, ReadError> {
    let text = statements::prepare(statement, msdb);
    let stream = client.simple_query(text).await.map_err(|error| faults::on_reading(&error))?;
    stream.into_row().await.map_err(|error| faults::on_reading(&error))
}

/// Asks what the server is and what the login may read.
async fn capabilities(client: &mut Connection, msdb: &str) -> Result<Capabilities, ReadError> {
    let row = row(client, statements::CAPABILITIES, msdb).await?;
    let row = row.ok_or_else(|| CellError::new("the server reported nothing of itself"))?;
    Ok(Capabilities::read(&row)?)
}

async fn allows_snapshot(client: &mut Connection, msdb: &str) -> Result<bool, ReadError> {
    let row = row(client, statements::ISOLATION, msdb).await?;
    Ok(row.is_some_and(|row| batch::integer(&row, "snapshot_isolation_state") == Some(SNAPSHOT_ON)))
}

/// The zone: from the configuration; else from the server, since 2022; else from this machine, where the master runs on
/// it.
async fn zone(
    client: &mut Connection,
    master: &Master,
    capabilities: &Capabilities,
    peer: IpAddr,
) -> Result<Option<(TimeZone, &'static str)>, ReadError> {
    if let Some(zone) = master.timezone.as_deref().and_then(zone_by_name) {
        return Ok(Some((zone, "the configuration")));
    }
    if capabilities.major_version() >= FIRST_WITH_TIMEZONE_ID {
        let row = row(client, statements::TIMEZONE, &master.msdb).await?;
        let name = row.and_then(|row| batch::text_of(&row, "timezone_id"));
        if let Some(zone) = name.as_deref().and_then(zone_by_name) {
            return Ok(Some((zone, "the server")));
        }
    }
    Ok(is_local(peer).then(|| (TimeZone::system(), "this machine")))
}

/// Connects only to find the missing rights: the text of `msx_exporter grants`.
pub(crate) async fn look_at_rights(master: &Master) -> Result<Capabilities, ReadError> {
    let progress = Progress::default();
    let deadline = Instant::now() + master.timeout;
    match timeout_at(deadline, open(master, deadline, &progress)).await {
        Ok(session) => session.map(|session| session.capabilities),
        Err(_) => {
            Err(ReadError::timed_out(progress.stage(), &format!("connecting to {}", master.address), master.timeout))
        }
    }
}
