//! A stand-in for SQL Server Browser: [MC-SQLR] over UDP.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::{ToSocketAddrs, UdpSocket};

/// CLNT_BCAST_EX: who is there, sent to all ([MC-SQLR] 2.2.1).
const BROADCAST: u8 = 0x02;
/// CLNT_UCAST_EX: all instances of this host (2.2.2).
const ALL: u8 = 0x03;
/// CLNT_UCAST_INST: one instance (2.2.3).
const INSTANCE: u8 = 0x04;
/// CLNT_UCAST_DAC: the port of an instance's dedicated administrator connection (2.2.4).
const DAC: u8 = 0x0F;
/// SVR_RESP (2.2.5).
const RESPONSE: u8 = 0x05;

/// An instance that the browser knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Name of the host as the answer tells it.
    pub host: String,
    /// Name of the instance.
    pub name: String,
    /// Such as `16.0.1000.6`.
    pub version: String,
    /// Its TCP port; `None` where TCP is switched off.
    pub port: Option<u16>,
    /// Port of the dedicated administrator connection; `None` where it is not open to others.
    pub dac: Option<u16>,
    /// Whether it is an instance of a failover cluster.
    pub clustered: bool,
}

impl Instance {
    /// An instance of host `SQLHOST` and version 2022 on a port.
    pub fn new(name: impl Into<String>, port: u16) -> Instance {
        Instance {
            host: "SQLHOST".into(),
            name: name.into(),
            version: "16.0.1000.6".into(),
            port: Some(port),
            dac: None,
            clustered: false,
        }
    }

    /// RESP_DATA for this instance.
    fn describe(&self) -> String {
        let clustered = if self.clustered { "Yes" } else { "No" };
        let tcp = self.port.map(|port| format!("tcp;{port};")).unwrap_or_default();
        let Instance { host, name, version, .. } = self;
        format!("ServerName;{host};InstanceName;{name};IsClustered;{clustered};Version;{version};{tcp};")
    }
}

/// What a browser does with a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Answers what is asked. Of an instance that it does not know it says nothing, as the real one does.
    #[default]
    Honest,
    /// Says nothing.
    Silent,
    /// Answers with bytes that are no SVR_RESP.
    Garbage,
    /// Answers for an instance that was not asked for.
    WrongInstance,
    /// Promises more bytes than it sends.
    Truncated,
}

#[derive(Debug, Default)]
struct Shared {
    behaviour: RwLock<(Mode, Vec<Instance>)>,
    asked: AtomicUsize,
}

/// Changes and watches a browser while it runs.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    /// Changes what it does with questions to come.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.behaviour.write().unwrap_or_else(PoisonError::into_inner).0 = mode;
    }

    /// Changes the instances that it knows.
    pub fn set_instances(&self, instances: Vec<Instance>) {
        self.shared.behaviour.write().unwrap_or_else(PoisonError::into_inner).1 = instances;
    }

    /// How many datagrams came in.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

/// A browser that listens.
#[derive(Debug)]
pub struct Browser {
    socket: UdpSocket,
    shared: Arc<Shared>,
}

impl Browser {
    /// Binds. Clients ask port 1434; tests take port 0 or another loopback address.
    ///
    /// # Errors
    /// The socket's own.
    pub async fn bind(address: impl ToSocketAddrs, instances: Vec<Instance>) -> io::Result<Browser> {
        let shared = Shared { behaviour: RwLock::new((Mode::Honest, instances)), asked: AtomicUsize::new(0) };
        Ok(Browser { socket: UdpSocket::bind(address).await?, shared: Arc::new(shared) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The socket's own.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The handle to change and watch it with.
    pub fn control(&self) -> Control {
        Control { shared: self.shared.clone() }
    }

    /// Answers until `shutdown` ends.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut question = [0; 1024];
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                // An error here is a client's port that is closed already.
                received = self.socket.recv_from(&mut question) => if let Ok((length, from)) = received {
                    self.shared.asked.fetch_add(1, Ordering::SeqCst);
                    if let Some(answer) = self.answer(&question[..length]) {
                        let _ = self.socket.send_to(&answer, from).await;
                    }
                },
            }
        }
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let behaviour = self.shared.behaviour.read().unwrap_or_else(PoisonError::into_inner);
        let (mode, instances) = &*behaviour;
        answer(question, *mode, instances)
    }
}

/// What a datagram is answered with; `None` is silence.
fn answer(question: &[u8], mode: Mode, instances: &[Instance]) -> Option<Vec<u8>> {
    let stranger = Instance::new("STRANGER", 49_999);
    let named = |name: &[u8]| match mode {
        Mode::WrongInstance => Some(&stranger),
        _ => find(instances, name),
    };
    let mut answer = match question {
        [BROADCAST | ALL, ..] if mode == Mode::WrongInstance => response(stranger.describe().as_bytes()),
        [BROADCAST | ALL, ..] => response(instances.iter().map(Instance::describe).collect::<String>().as_bytes()),
        [INSTANCE, name @ ..] => response(named(name)?.describe().as_bytes()),
        [DAC, 1, name @ ..] => dac_response(named(name)?.dac?),
        _ => return None,
    };
    match mode {
        Mode::Silent => return None,
        Mode::Garbage => answer = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        Mode::Truncated => answer.truncate(answer.len() / 2),
        Mode::Honest | Mode::WrongInstance => {}
    }
    Some(answer)
}

/// The instance of that name, whatever its case. The specification ends the name with a NUL; some clients do not.
fn find<'a>(instances: &'a [Instance], name: &[u8]) -> Option<&'a Instance> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    instances.iter().find(|instance| instance.name.as_bytes().eq_ignore_ascii_case(name))
}

fn response(data: &[u8]) -> Vec<u8> {
    // The size has two bytes; a table that is longer could not be sent as one datagram either.
    let size = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut answer = vec![RESPONSE];
    answer.extend(size.to_le_bytes());
    answer.extend_from_slice(&data[..usize::from(size)]);
    answer
}

/// The answer to CLNT_UCAST_DAC has its length in all as its size, version 1, and the port (2.2.6).
fn dac_response(port: u16) -> Vec<u8> {
    let [low, high] = port.to_le_bytes();
    vec![RESPONSE, 6, 0, 1, low, high]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PAYROLL: &str = "ServerName;SQLHOST;InstanceName;PAYROLL;IsClustered;No;Version;16.0.1000.6;tcp;49152;;";

    fn table() -> Vec<Instance> {
        let mut hr = Instance::new("HR", 49_153);
        (hr.port, hr.dac, hr.clustered) = (None, Some(49_200), true);
        vec![Instance::new("PAYROLL", 49_152), hr]
    }

    fn ask(question: &[u8]) -> Option<Vec<u8>> {
        answer(question, Mode::Honest, &table())
    }

    fn text(answer: Option<Vec<u8>>) -> String {
        let answer = answer.unwrap();
        assert_eq!(answer[0], RESPONSE);
        assert_eq!(usize::from(u16::from_le_bytes([answer[1], answer[2]])), answer.len() - 3);
        String::from_utf8(answer[3..].to_vec()).unwrap()
    }

    #[test]
    fn an_instance_is_found_with_and_without_its_nul_and_whatever_its_case() {
        for question in [&b"\x04PAYROLL\0"[..], b"\x04PAYROLL", b"\x04payroll\0"] {
            assert_eq!(text(ask(question)), PAYROLL);
        }
        for question in [&b"\x04PAY\0"[..], b"\x04", b"\x01", b""] {
            assert_eq!(ask(question), None);
        }
    }

    #[test]
    fn all_instances_are_listed() {
        let hr = "ServerName;SQLHOST;InstanceName;HR;IsClustered;Yes;Version;16.0.1000.6;;";
        for question in [[ALL], [BROADCAST]] {
            assert_eq!(text(ask(&question)), format!("{PAYROLL}{hr}"));
        }
    }

    #[test]
    fn the_port_of_the_administrator_is_told_where_there_is_one() {
        assert_eq!(ask(b"\x0f\x01HR\0"), Some(vec![RESPONSE, 6, 0, 1, 0x30, 0xC0]));
        assert_eq!(ask(b"\x0f\x01PAYROLL\0"), None);
    }

    #[test]
    fn each_mode_does_what_its_name_says() {
        let ask = |mode| answer(b"\x04PAYROLL\0", mode, &table());
        assert_eq!(ask(Mode::Silent), None);
        assert_ne!(ask(Mode::Garbage).unwrap()[0], RESPONSE);
        assert!(text(ask(Mode::WrongInstance)).contains("InstanceName;STRANGER;"));
        let cut = ask(Mode::Truncated).unwrap();
        assert!(usize::from(u16::from_le_bytes([cut[1], cut[2]])) > cut.len() - 3);
    }

    #[tokio::test]
    async fn questions_travel_over_a_socket_and_the_table_can_change() {
        let browser = Browser::bind("127.0.0.1:0", table()).await.unwrap();
        let (address, control) = (browser.local_addr().unwrap(), browser.control());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(browser.run(async { drop(stopped.await) }));
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut answer = [0; 512];
        for port in [49_152, 50_000] {
            control.set_instances(vec![Instance::new("PAYROLL", port)]);
            client.send_to(b"\x04PAYROLL", address).await.unwrap();
            let length = client.recv(&mut answer).await.unwrap();
            assert!(text(Some(answer[..length].to_vec())).ends_with(&format!("tcp;{port};;")));
        }
        assert_eq!(control.asked(), 2);
        drop(stop);
        running.await.unwrap();
    }
}
