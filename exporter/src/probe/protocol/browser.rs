//! SQL Browser: the port on which a named instance listens ([MC-SQLR], UDP 1434).

use super::attempt::{ProbeError, Sockets, race};
use crate::model::duration::span;
use crate::model::{BROWSER_PORT, PortState, names};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

/// CLNT_UCAST_INST ([MC-SQLR] 2.2.3): a question for one instance. The question for all instances (0x03) is never sent:
/// an answer of up to 64 KB to a spoofed sender is a known amplifier, and some networks raise an alarm.
const ASK_INSTANCE: u8 = 0x04;
/// SVR_RESP ([MC-SQLR] 2.2.5).
const ANSWER: u8 = 0x05;
/// The longest instance name in a question, in bytes.
const NAME_LIMIT: usize = 32;
/// An answer for one instance carries at most 1,024 bytes of text behind its 3 bytes of head.
const ANSWER_LIMIT: usize = 3 + 1024;
/// A datagram may be lost, so the question is sent this often within the time limit.
const SENDINGS: u32 = 3;

/// The announcement of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The host's name by SQL Browser; on a failover cluster the network name.
    pub server: String,
    /// The instance's name by SQL Browser.
    pub instance: String,
    /// Whether it is a failover cluster instance.
    pub clustered: bool,
    /// The version of the base build, which later patches do not always change.
    pub version: String,
    /// Its TCP port. `None` where the instance does not listen on TCP, or says port 0.
    pub port: Option<u16>,
}

/// An announcement with its sender's address, or the most significant failure.
pub(crate) type Announced = Result<(SocketAddr, Announcement), (Option<SocketAddr>, ProbeError)>;

/// The question for one instance, or `None` for a name that no instance can have: empty, over 32 bytes, with a NUL, or
/// beyond Latin-1 (the protocol's "multi-byte" code page is the server's, which is not known).
pub(crate) fn encode_question(instance: &str) -> Option<Vec<u8>> {
    let mut question = vec![ASK_INSTANCE];
    for character in instance.chars() {
        question.push(u8::try_from(character).ok().filter(|byte| *byte != 0)?);
    }
    let length = question.len() - 1;
    question.push(0);
    (1..=NAME_LIMIT).contains(&length).then_some(question)
}

/// Decodes an answer; `None` for bytes that are not a complete answer about an instance.
pub(crate) fn decode_answer(datagram: &[u8]) -> Option<Announcement> {
    let [ANSWER, low, high, text @ ..] = datagram else { return None };
    let size = usize::from(u16::from_le_bytes([*low, *high]));
    let text: String = text.get(..size)?.iter().copied().map(char::from).collect();
    let mut found = Announcement {
        server: String::new(),
        instance: String::new(),
        clustered: false,
        version: String::new(),
        port: None,
    };
    // Pairs of key and value, ended by an empty key: "ServerName;SQL01;InstanceName;PAYROLL;…;tcp;14331;;".
    let mut parts = text.split(';');
    while let (Some(key), Some(value)) = (parts.next().filter(|key| !key.is_empty()), parts.next()) {
        match key.to_ascii_lowercase().as_str() {
            "servername" => found.server = value.to_owned(),
            "instancename" => found.instance = value.to_owned(),
            "isclustered" => found.clustered = value.eq_ignore_ascii_case("yes"),
            "version" => found.version = value.to_owned(),
            "tcp" => found.port = value.parse().ok().filter(|port| *port != 0),
            _ => {}
        }
    }
    (!found.instance.is_empty()).then_some(found)
}

/// Asks SQL Browser at one address for one instance, and repeats the question while no answer comes.
///
/// # Errors
/// [`PortState::NoAnswer`] for silence, which proves nothing: blocked, stopped, hidden or no such instance.
/// [`PortState::Refused`] and [`PortState::Unreachable`] where an ICMP message says so and the system reports it (Linux
/// does not report transient ones such as "host unreachable"), [`PortState::WrongProtocol`] where the answer is not SQL
/// Browser's, [`PortState::Skipped`] for a name that cannot be asked for.
pub(crate) async fn ask(browser: SocketAddr, instance: &str, patience: Duration) -> Result<Announcement, ProbeError> {
    let question = encode_question(instance)
        .ok_or_else(|| ProbeError::new(PortState::Skipped, format!("{instance:?} is no name of an instance")))?;
    let here = match browser {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let io = |error: std::io::Error| ProbeError::from_io(&error);
    let socket = UdpSocket::bind(here).await.map_err(io)?;
    // A connected socket receives datagrams from this address only, and ICMP errors about it.
    socket.connect(browser).await.map_err(io)?;
    let mut strange = false;
    for _ in 0..SENDINGS {
        socket.send(&question).await.map_err(io)?;
        let until = Instant::now() + patience / SENDINGS;
        let mut datagram = [0; ANSWER_LIMIT];
        while let Ok(received) = timeout_at(until, socket.recv(&mut datagram)).await {
            let length = received.map_err(io)?;
            match datagram.get(..length).and_then(decode_answer) {
                Some(found) if names::same(&found.instance, instance) => return Ok(found),
                _ => strange = true,
            }
        }
    }
    Err(if strange {
        ProbeError::new(PortState::WrongProtocol, format!("what answers knows nothing of instance {instance}"))
    } else {
        ProbeError::new(PortState::NoAnswer, format!("no answer for instance {instance} in {}", span(patience)))
    })
}

/// Asks SQL Browser at all of these addresses, each a moment after the one before.
pub(crate) async fn ask_any(
    browsers: &[SocketAddr],
    instance: &str,
    patience: Duration,
    sockets: &Sockets,
) -> Announced {
    race(browsers, patience, |browser| async move {
        let _permit = sockets.open().await;
        ask(browser, instance, patience).await.map(|found| (browser, found))
    })
    .await
}

/// The TCP port of a named instance by SQL Browser at any of the host's addresses. Silence is reported only once
/// `deadline` has passed.
///
/// # Errors
/// The most significant failure of the addresses, or [`PortState::Skipped`] where SQL Browser knows the instance and no
/// port: TCP is disabled there. Silence is [`PortState::NoAnswer`].
pub(crate) async fn instance_port(
    browsers: &[SocketAddr],
    instance: &str,
    deadline: Instant,
) -> Result<u16, ProbeError> {
    let patience = deadline.saturating_duration_since(Instant::now());
    // All addresses have begun within half of the time, so each has at least the other half.
    let sockets = Sockets::new(browsers.len());
    let question = ask_any(browsers, instance, patience / 2, &sockets);
    let silence =
        |_| ProbeError::new(PortState::NoAnswer, format!("no answer for instance {instance} in {}", span(patience)));
    let found = timeout(patience, question).await.map_err(silence)?;
    let found = found.map_err(|(_, miss)| {
        ProbeError::new(miss.state, format!("SQL Browser (UDP {BROWSER_PORT}) reported no port: {}", miss.evidence))
    })?;
    found.1.port.ok_or_else(|| {
        ProbeError::new(
            PortState::Skipped,
            format!("SQL Browser knows instance {instance} and says that it has no TCP port"),
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    fn answer(text: &str) -> Vec<u8> {
        let size = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&[ANSWER], size.as_slice(), text.as_bytes()].concat()
    }

    const PAYROLL: &str =
        "ServerName;SQL01;InstanceName;PAYROLL;IsClustered;No;Version;16.0.1000.6;tcp;14331;np;\\\\SQL01\\pipe\\sql;;";

    #[test]
    fn the_question_is_the_name_with_a_nul() {
        assert_eq!(encode_question("PAYROLL").unwrap(), b"\x04PAYROLL\0");
        for impossible in ["", "a\0b", "Ж", &"x".repeat(33)] {
            assert_eq!(encode_question(impossible), None, "{impossible:?}");
        }
    }

    #[test]
    fn an_answer_is_read() {
        let found = decode_answer(&answer(PAYROLL)).unwrap();
        assert_eq!((found.server.as_str(), found.instance.as_str(), found.port), ("SQL01", "PAYROLL", Some(14331)));
        assert_eq!((found.version.as_str(), found.clustered), ("16.0.1000.6", false));
    }

    #[test]
    fn port_zero_and_no_port_are_no_port() {
        for text in ["InstanceName;P;tcp;0;;", "InstanceName;P;tcp;70000;;", "InstanceName;P;;", "InstanceName;P"] {
            assert_eq!(decode_answer(&answer(text)).unwrap().port, None, "{text}");
        }
    }

    #[test]
    fn a_size_beyond_the_datagram_is_no_answer() {
        let mut cut = answer(PAYROLL);
        cut.pop();
        assert_eq!(decode_answer(&cut), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = decode_answer(&bytes);
        }

        #[test]
        fn any_text_in_an_answer_is_read(text in "[ -~]{0,200}") {
            let _ = decode_answer(&answer(&text));
        }
    }

    /// Answers the first question after `ignored` ones with these bytes.
    async fn browser(ignored: usize, reply: Vec<u8>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut question = [0; 64];
            for turn in 0.. {
                let (_, from) = socket.recv_from(&mut question).await.unwrap();
                if turn >= ignored {
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
        address
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(3)
    }

    #[tokio::test]
    async fn a_lost_question_is_repeated() {
        let address = browser(1, answer(PAYROLL)).await;
        assert_eq!(instance_port(&[address], "payroll", soon()).await, Ok(14331));
    }

    #[tokio::test]
    async fn a_closed_port_is_refused_and_the_next_address_is_asked() {
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(instance_port(&[closed], "PAYROLL", soon()).await.unwrap_err().state, PortState::Refused);
        let open = browser(0, answer(PAYROLL)).await;
        assert_eq!(instance_port(&[closed, open], "PAYROLL", soon()).await, Ok(14331));
    }

    #[tokio::test]
    async fn silence_is_no_answer_and_ends_in_time() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let started = Instant::now();
        let deadline = started + Duration::from_millis(200);
        let miss = instance_port(&[silent.local_addr().unwrap()], "PAYROLL", deadline).await.unwrap_err();
        assert_eq!(miss.state, PortState::NoAnswer);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn garbage_and_another_instance_are_not_taken_for_an_answer() {
        for reply in [vec![0xff; 900], answer("InstanceName;OTHER;tcp;1;;")] {
            let address = browser(0, reply).await;
            let deadline = Instant::now() + Duration::from_secs(2);
            let miss = instance_port(&[address], "PAYROLL", deadline).await.unwrap_err();
            assert_eq!(miss.state, PortState::WrongProtocol);
        }
    }
}
