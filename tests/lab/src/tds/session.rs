//! One connection, from its first byte to its last: [MS-TDS] 3.3.5.

use super::link::Link;
use super::login::{Login7, knows_null_bitmap};
use super::packet::{Message, MessageReader, MessageWriter, Stopped, kind, status};
use super::prelogin::{Agreed, Prelogin};
use super::reply::{End, Manner, play};
use super::request::{Request, Transaction};
use super::server::{Encryption, Fault, Gauge, Options, Shared};
use super::tls;
use super::tokens::{self, BinaryChange, Done, TextChange, command, done};
use crate::wire::{Backend, Login, Reply, ServerError};
use bytes::{Bytes, BytesMut};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

/// The packet size before one is agreed.
const FIRST_PACKET_SIZE: usize = 4096;
/// The first byte of a TLS record that shakes hands.
const TLS_HANDSHAKE: u8 = 0x16;
/// The descriptor of every transaction; a session has one at most.
const TRANSACTION: [u8; 8] = 1_u64.to_le_bytes();

/// Serves one client. Whatever goes wrong ends this connection and nothing else.
pub(crate) async fn serve(tcp: TcpStream, shared: &Shared, backend: Arc<dyn Backend>) {
    // Without it the small packets of a login wait for each other.
    let _ = tcp.set_nodelay(true);
    let options = shared.options();
    // The client learns of an error by the end of the connection, as on a real server.
    if let Ok(Some(mut session)) = open(tcp, shared, &options, backend).await {
        let end = {
            let _logged_in = shared.sessions.enter();
            session.run(&shared.running).await
        };
        let link = session.reader.into_inner().unsplit(session.writer.into_inner());
        match end {
            Ok(End::Reset) => link.reset(),
            _ => link.close().await,
        }
    }
}

/// Everything up to and with the login; `None` where there is no session to run.
async fn open(
    tcp: TcpStream,
    shared: &Shared,
    options: &Arc<Options>,
    backend: Arc<dyn Backend>,
) -> Result<Option<Session>, Stopped> {
    match &options.fault {
        Some(Fault::CloseAtOnce) => return Ok(None),
        Some(Fault::Silent) => return Ok(stop(tcp).await),
        Some(Fault::Answer(bytes)) => return Ok(close_with(tcp, bytes).await?),
        _ => {}
    }
    let strict = options.encryption == Encryption::Strict;
    let mut first = [0];
    if tcp.peek(&mut first).await? == 0 || (first == [TLS_HANDSHAKE]) != strict {
        return Ok(close_with(tcp, b"").await?);
    }
    let identity = shared.identity(options);
    let mut link = if strict { tls::accept_strict(tcp, &identity).await? } else { Link::Plain(tcp) };
    let Some(prelogin) = expect(&mut link, kind::PRELOGIN).await?.as_ref().and_then(Prelogin::parse) else {
        return Ok(None);
    };
    let mut body = BytesMut::new();
    let agreed = prelogin.answer(options, &mut body);
    send(&mut link, body).await?;
    if options.fault == Some(Fault::StopAfterPrelogin) {
        return Ok(stop(link.into_tcp()).await);
    }
    if matches!(agreed, Agreed::Login | Agreed::All) {
        link = tls::accept_in_packets(link.into_tcp(), &identity).await?;
    }
    let Some(login) = expect(&mut link, kind::LOGIN7).await?.as_deref().and_then(Login7::parse) else {
        return Ok(None);
    };
    if options.fault == Some(Fault::StopInLogin) {
        return Ok(stop(link.into_tcp()).await);
    }
    if agreed == Agreed::Login {
        link = Link::Plain(link.into_tcp());
    }
    log_in(link, login, shared, options, backend).await
}

/// Reads and forgets until the client goes.
async fn stop(mut tcp: TcpStream) -> Option<Session> {
    let mut forgotten = [0; 1024];
    while tcp.read(&mut forgotten).await.is_ok_and(|read| read > 0) {}
    None
}

/// Takes the client's first bytes, says this and closes with a FIN: bytes left unread would make it a RST.
async fn close_with(mut tcp: TcpStream, bytes: &[u8]) -> io::Result<Option<Session>> {
    if tcp.read(&mut [0; 4096]).await? > 0 {
        tcp.write_all(bytes).await?;
    }
    tcp.shutdown().await?;
    Ok(None)
}

/// The next message if it is of that kind; anything else at this place ends the connection.
async fn expect(link: &mut Link, kind: u8) -> io::Result<Option<Bytes>> {
    let message = MessageReader::new(link).message().await?;
    Ok(message.filter(|message| message.kind == kind).map(|message| message.payload))
}

async fn send(link: &mut Link, body: BytesMut) -> Result<(), Stopped> {
    let mut writer = MessageWriter::new(link, FIRST_PACKET_SIZE);
    *writer.body() = body;
    writer.end().await
}

/// Answers LOGIN7.
async fn log_in(
    mut link: Link,
    asked: Login7,
    shared: &Shared,
    options: &Arc<Options>,
    backend: Arc<dyn Backend>,
) -> Result<Option<Session>, Stopped> {
    let mut body = BytesMut::new();
    let Some(version) = asked.agreed_version(options.encryption == Encryption::Strict) else {
        let text = format!("The version of TDS that the client asks for (0x{:08X}) is not supported.", asked.version);
        tokens::put_old_refusal(&ServerError::new(17_832, 20, text), &options.name, &mut body);
        send(&mut link, body).await?;
        link.close().await;
        return Ok(None);
    };
    let login = Login {
        user: asked.user.clone(),
        database: asked.database.clone(),
        application: asked.application.clone(),
        host: asked.host.clone(),
        session: shared.next_session(),
        encrypted: link.encrypted(),
    };
    if let Err(refusal) = admit(&*backend, &asked, &login) {
        tokens::put_error(&refusal, &options.name, &mut body);
        tokens::put_done(Done::Batch, done::ERROR, command::NONE, 0, &mut body);
        send(&mut link, body).await?;
        link.close().await;
        return Ok(None);
    }
    let packet_size = asked.agreed_packet_size();
    put_welcome(&asked, version, packet_size, options, &mut body);
    send(&mut link, body).await?;
    let (read, write) = tokio::io::split(link);
    let mut writer = MessageWriter::new(write, packet_size);
    writer.set_session(login.session);
    Ok(Some(Session {
        reader: MessageReader::new(read),
        writer,
        login: Arc::new(login),
        backend,
        options: options.clone(),
        null_bitmap: knows_null_bitmap(version),
    }))
}

fn admit(backend: &dyn Backend, asked: &Login7, login: &Login) -> Result<(), ServerError> {
    if asked.integrated {
        return Err(ServerError::new(
            18_452,
            14,
            "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.",
        ));
    }
    backend.login(login, &asked.password)
}

/// The tokens with which a real server says yes.
fn put_welcome(asked: &Login7, version: u32, packet_size: usize, options: &Options, out: &mut BytesMut) {
    let database = if asked.database.is_empty() { "master" } else { &asked.database };
    let info = |number, state, text: String| ServerError { number, state, class: 0, message: text };
    tokens::put_text_change(TextChange::Database, database, "master", out);
    let text = format!("Changed database context to '{database}'.");
    tokens::put_info(&info(5701, 2, text), &options.name, out);
    tokens::put_collation(out);
    tokens::put_text_change(TextChange::Language, "us_english", "", out);
    let text = "Changed language setting to us_english.".to_owned();
    tokens::put_info(&info(5703, 1, text), &options.name, out);
    tokens::put_login_ack(version, (options.version.major, options.version.minor, options.version.build), out);
    let (new, old) = (packet_size.to_string(), FIRST_PACKET_SIZE.to_string());
    tokens::put_text_change(TextChange::PacketSize, &new, &old, out);
    if asked.features {
        tokens::put_no_features(out);
    }
    tokens::put_done(Done::Batch, 0, command::NONE, 0, out);
}

/// A client that has logged in.
struct Session {
    reader: MessageReader<ReadHalf<Link>>,
    writer: MessageWriter<WriteHalf<Link>>,
    login: Arc<Login>,
    backend: Arc<dyn Backend>,
    options: Arc<Options>,
    null_bitmap: bool,
}

impl Session {
    /// Answers one request after the other until either side ends.
    async fn run(&mut self, running: &Gauge) -> Result<End, Stopped> {
        let mut held = None;
        loop {
            let message = match held.take() {
                Some(message) => message,
                None => match self.reader.message().await? {
                    Some(message) => message,
                    None => return Ok(End::Close),
                },
            };
            // The client gave the request up while it sent it ([MS-TDS] 2.2.1.7).
            if message.status & status::IGNORE != 0 {
                tokens::put_done(Done::Batch, done::ERROR, command::NONE, 0, self.writer.body());
                self.writer.end().await?;
                continue;
            }
            let Some(request) = Request::parse(&message) else {
                return Ok(End::Close);
            };
            if message.status & status::RESET != 0 {
                tokens::put_binary_change(BinaryChange::Reset, &[], &[], self.writer.body());
            }
            let _running = running.enter();
            let end = match request {
                Request::Attention => {
                    self.acknowledge().await?;
                    End::Complete
                }
                Request::Transaction(transaction) => self.transaction(transaction).await?,
                Request::Batch(sql) => self.answer(Question::Sql(sql), false, &mut held).await?,
                Request::Execute(sql) => self.answer(Question::Sql(sql), true, &mut held).await?,
                Request::Procedure(name) => self.answer(Question::Missing(name), true, &mut held).await?,
            };
            if end != End::Complete {
                return Ok(end);
            }
        }
    }

    /// Answers a batch or a procedure. An attention ends the answer wherever it is; any other message is held until
    /// the answer has ended, as it would lie in a real server's socket.
    async fn answer(
        &mut self,
        question: Question,
        procedure: bool,
        held: &mut Option<Message>,
    ) -> Result<End, Stopped> {
        let options = self.options.clone();
        let manner = Manner { server: &options.name, null_bitmap: self.null_bitmap, procedure };
        let (backend, login) = (self.backend.clone(), self.login.clone());
        let interrupted = {
            let (reader, writer) = (&mut self.reader, &mut self.writer);
            let playing = async {
                let replies = question.put_to(backend, login).await;
                play(writer, replies, manner).await
            };
            tokio::pin!(playing);
            loop {
                tokio::select! {
                    end = &mut playing => break Some(end?),
                    message = reader.message(), if held.is_none() => match message? {
                        None => return Ok(End::Close),
                        Some(message) if message.kind == kind::ATTENTION => break None,
                        other => *held = other,
                    },
                }
            }
        };
        match interrupted {
            Some(end) => Ok(end),
            None => {
                self.writer.set_pace(None);
                tokens::put_done(Done::Batch, done::ERROR, command::SELECT, 0, self.writer.body());
                self.writer.end().await?;
                self.acknowledge().await?;
                Ok(End::Complete)
            }
        }
    }

    /// Answers an attention, in a message of its own: a real server ends the answer that it gives up with an error
    /// and then sends this, as captures show (dotnet/SqlClient, pull request 2714).
    async fn acknowledge(&mut self) -> Result<(), Stopped> {
        tokens::put_done(Done::Batch, done::ATTENTION, command::ATTENTION, 0, self.writer.body());
        self.writer.end().await
    }

    async fn transaction(&mut self, transaction: Transaction) -> Result<End, Stopped> {
        let body = self.writer.body();
        let mut result = 0;
        match transaction {
            Transaction::Begin => tokens::put_binary_change(BinaryChange::Begin, &TRANSACTION, &[], body),
            Transaction::Commit => tokens::put_binary_change(BinaryChange::Commit, &[], &TRANSACTION, body),
            Transaction::Rollback => tokens::put_binary_change(BinaryChange::Rollback, &[], &TRANSACTION, body),
            Transaction::Other(kind) => {
                let text = format!("The transaction manager's request {kind} is not supported by this server.");
                tokens::put_error(&ServerError::new(40_510, 16, text), &self.options.name, body);
                result = done::ERROR;
            }
        }
        tokens::put_done(Done::Batch, result, command::NONE, 0, body);
        self.writer.end().await?;
        Ok(End::Complete)
    }
}

/// What the replies are to be found for.
enum Question {
    Sql(String),
    Missing(String),
}

impl Question {
    /// Asks the backend, on a thread of its own: what it computes must not hold up an attention.
    async fn put_to(self, backend: Arc<dyn Backend>, login: Arc<Login>) -> Vec<Reply> {
        match self {
            Question::Missing(name) => vec![Reply::Error(ServerError {
                number: 2812,
                state: 62,
                class: 16,
                message: format!("Could not find stored procedure '{name}'."),
            })],
            Question::Sql(sql) => {
                let asked = tokio::task::spawn_blocking(move || backend.batch(&login, &sql)).await;
                asked.unwrap_or_else(|failure| {
                    let text = format!("The backend did not answer: {failure}.");
                    vec![Reply::Error(ServerError::new(50_000, 20, text))]
                })
            }
        }
    }
}
