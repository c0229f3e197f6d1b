//! One record of the connectivity ring buffer, from its XML.
//!
//! The view is documented as not supported and its records differ by version: two spellings of several elements, their
//! order, elements that are empty or not there. So the elements of use are looked for by name, each within a bound, and
//! what is missing is `None`. A text that is cut short or broken gives what stands before the break.

use crate::model::canonical;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use std::net::IpAddr;
use std::time::Duration;

/// No value of use is longer.
const LONGEST: usize = 64;
/// Elements in one another; records have five.
const DEEPEST: usize = 16;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// `Error`: the server refused or ended the connection with an error.
    Error,
    /// `ConnectionClose`: the server ended it.
    ConnectionClose,
    /// `LoginTimers`: how long a login took that failed.
    LoginTimers,
    /// Another word, or none.
    Other,
}

/// How long the parts of a login took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timers {
    /// All of it.
    pub total: Option<Duration>,
    /// Waiting for a worker thread.
    pub enqueued: Option<Duration>,
    /// Waiting for the client's bytes.
    pub reads: Option<Duration>,
    /// TLS.
    pub ssl: Option<Duration>,
    /// The Windows login.
    pub sspi: Option<Duration>,
}

/// What one record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    pub(super) connection: Option<String>,
    pub(super) from: Option<IpAddr>,
    pub(super) error: Option<u32>,
    pub(super) state: Option<u32>,
    /// A connection of the server's own, as to a linked server.
    pub(super) is_client: bool,
    pub(super) before_login: bool,
    pub(super) sent: Option<bool>,
    pub(super) timers: Option<Timers>,
}

impl Record {
    /// Reads one record. `None` for a text that holds no element of a record.
    pub(super) fn parse(text: &str) -> Option<Record> {
        let mut record = Record {
            kind: RecordKind::Other,
            connection: None,
            from: None,
            error: None,
            state: None,
            is_client: false,
            before_login: false,
            sent: None,
            timers: None,
        };
        let mut found = false;
        let mut open: Vec<String> = Vec::new();
        let mut value = String::new();
        let mut reader = Reader::from_str(text);
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(start) => {
                    let name = start.name();
                    let name: &str = name.as_ref();
                    if name == "Stack" || open.len() >= DEEPEST {
                        break;
                    }
                    open.push(name.chars().take(LONGEST).collect());
                    value.clear();
                }
                Event::Text(piece) => push(&mut value, &piece),
                Event::CData(piece) => push(&mut value, &piece),
                Event::GeneralRef(reference) => {
                    let number = reference.resolve_char_ref().ok().flatten().map(String::from);
                    let text = number.or_else(|| resolve_predefined_entity(&reference).map(str::to_owned));
                    push(&mut value, text.as_deref().unwrap_or("?"));
                }
                Event::End(_) => {
                    let Some(name) = open.pop() else { break };
                    if value.len() <= LONGEST {
                        let parent = open.last().map(String::as_str).unwrap_or_default();
                        found |= record.take(parent, &name, value.trim());
                    }
                    value.clear();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        found.then_some(record)
    }

    /// Takes the value of one element. False where the element is of no use.
    fn take(&mut self, parent: &str, name: &str, value: &str) -> bool {
        let number = || value.parse::<u32>().ok();
        let time = || value.parse::<u64>().ok().map(Duration::from_millis);
        let on = matches!(value, "1" | "true");
        match (parent, name) {
            (_, "RecordType") => {
                self.kind = match value {
                    "Error" => RecordKind::Error,
                    "ConnectionClose" => RecordKind::ConnectionClose,
                    "LoginTimers" => RecordKind::LoginTimers,
                    _ => RecordKind::Other,
                };
            }
            (_, "SniConnectionId" | "SniConnId") => self.connection = (!value.is_empty()).then(|| value.to_owned()),
            (_, "RemoteHost") => self.from = canonical(value),
            (_, "SniConsumerError") => self.error = number().filter(|error| *error != 0),
            (_, "State") => self.state = number(),
            (_, "IsClient") => self.is_client = on,
            (_, "ErrorFoundBeforeLogin") => self.before_login = on,
            (_, "TdsInputBufferBytes" | "InputBufBytes") => self.sent = number().map(|bytes| bytes > 0),
            ("LoginTimers", "TotalLoginTimeInMilliseconds") | ("LoginTimersInMilliseconds", "TotalTime") => {
                self.timers().total = time();
            }
            (_, "LoginTaskEnqueuedInMilliseconds" | "EnqueueTime") => self.timers().enqueued = time(),
            (_, "NetworkReadsInMilliseconds") | ("LoginTimersInMilliseconds", "NetReadsTime") => {
                self.timers().reads = time();
            }
            (_, "SslProcessingInMilliseconds") | ("Ssl", "TotalTime") => self.timers().ssl = time(),
            (_, "SspiProcessingInMilliseconds") | ("Sspi", "TotalTime") => self.timers().sspi = time(),
            _ => return false,
        }
        true
    }

    fn timers(&mut self) -> &mut Timers {
        self.timers.get_or_insert_default()
    }
}

/// Adds a piece of a value, up to one character more than is of use.
fn push(value: &mut String, piece: &str) {
    let left = (LONGEST + 1).saturating_sub(value.len());
    value.extend(piece.chars().take(left));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn record(inside: &str) -> String {
        format!(
            "<Record id=\"61\" type=\"RING_BUFFER_CONNECTIVITY\" time=\"71125202\"><ConnectivityTraceRecord>{inside}\
             </ConnectivityTraceRecord><Stack><frame id=\"0\">0X0000000001CBE2B2</frame></Stack></Record>"
        )
    }

    const REFUSED: &str = "<RecordType>Error</RecordType><RecordSource>Tds</RecordSource><Spid>0</Spid>\
        <SniConnectionId>0D1F3C6E-5A0B-4C55-9C7E-2F1B7A9D1E11</SniConnectionId><SniProvider>7</SniProvider>\
        <OSError>0</OSError><SniConsumerError>18456</SniConsumerError><State>8</State>\
        <RemoteHost>10.1.0.8</RemoteHost><RemotePort>50112</RemotePort><LocalHost>10.1.0.1</LocalHost>\
        <LocalPort>1433</LocalPort><RecordTime>11/22/2026 11:59:3.12</RecordTime>";

    #[test]
    fn a_refused_login_has_its_address_error_and_state() {
        let read = Record::parse(&record(REFUSED)).unwrap();
        assert_eq!((read.kind, read.error, read.state), (RecordKind::Error, Some(18_456), Some(8)));
        assert_eq!(read.from, canonical("10.1.0.8"));
        assert_eq!(read.connection.as_deref(), Some("0D1F3C6E-5A0B-4C55-9C7E-2F1B7A9D1E11"));
        assert_eq!((read.is_client, read.before_login, read.sent, read.timers), (false, false, None, None));
    }

    #[test]
    fn a_close_before_login_says_whether_anything_was_sent() {
        let close = |bytes: &str, flags: &str| {
            let buffers = format!(
                "<TdsBuffersInformation><TdsInputBufferError>0</TdsInputBufferError>{bytes}</TdsBuffersInformation>"
            );
            let text = format!(
                "<RecordType>ConnectionClose</RecordType><RemoteHost/>{buffers}<TdsDisconnectFlags>{flags}</TdsDisconnectFlags>"
            );
            let read = Record::parse(&record(&text)).unwrap();
            (read.before_login, read.sent, read.from)
        };
        let early = "<PhysicalConnectionIsKilled>0</PhysicalConnectionIsKilled><ErrorFoundBeforeLogin>1</ErrorFoundBeforeLogin>";
        assert_eq!(close("<TdsInputBufferBytes>52</TdsInputBufferBytes>", early), (true, Some(true), None));
        assert_eq!(close("<TdsInputBufferBytes>0</TdsInputBufferBytes>", early), (true, Some(false), None));
        assert_eq!(close("", "<ErrorFoundBeforeLogin>0</ErrorFoundBeforeLogin>"), (false, None, None));
    }

    #[test]
    fn both_spellings_say_the_same() {
        let old = "<RecordType>LoginTimers</RecordType><SniConnectionId>A</SniConnectionId>\
            <TdsBuffersInformation><TdsInputBufferBytes>104</TdsInputBufferBytes></TdsBuffersInformation>\
            <LoginTimers><TotalLoginTimeInMilliseconds>1502</TotalLoginTimeInMilliseconds>\
            <LoginTaskEnqueuedInMilliseconds>3</LoginTaskEnqueuedInMilliseconds>\
            <NetworkReadsInMilliseconds>501</NetworkReadsInMilliseconds>\
            <SslProcessingInMilliseconds>12</SslProcessingInMilliseconds>\
            <SspiProcessingInMilliseconds>900</SspiProcessingInMilliseconds></LoginTimers>";
        let new = "<RecordType>LoginTimers</RecordType><SniConnId>A</SniConnId>\
            <TdsBufInfo><InputBufBytes>104</InputBufBytes></TdsBufInfo>\
            <LoginTimersInMilliseconds><TotalTime>1502</TotalTime><EnqueueTime>3</EnqueueTime>\
            <NetReadsTime>501</NetReadsTime><Ssl><TotalTime>12</TotalTime></Ssl>\
            <Sspi><TotalTime>900</TotalTime></Sspi></LoginTimersInMilliseconds>";
        let (old, new) = (Record::parse(&record(old)).unwrap(), Record::parse(&record(new)).unwrap());
        assert_eq!(old, new);
        let timers = old.timers.unwrap();
        assert_eq!(timers.total, Some(Duration::from_millis(1_502)));
        assert_eq!(timers.ssl, Some(Duration::from_millis(12)));
    }

    #[test]
    fn an_address_may_be_ipv6_or_a_word() {
        let from = |host: &str| {
            Record::parse(&record(&REFUSED.replace("10.1.0.8", host))).unwrap().from.map(|address| address.to_string())
        };
        assert_eq!(from("::ffff:10.1.0.8").as_deref(), Some("10.1.0.8"));
        assert_eq!(from("FD00::8").as_deref(), Some("fd00::8"));
        assert_eq!(from("fe80::1%4").as_deref(), Some("fe80::1"));
        for word in ["&lt;local machine&gt;", "&lt;named pipe&gt;", "", " "] {
            assert_eq!(from(word), None, "{word}");
        }
    }

    #[test]
    fn the_servers_own_connections_are_known_by_their_mark() {
        for (mark, is_client) in [("1", true), ("true", true), ("0", false), ("", false)] {
            let text = record(&format!("{REFUSED}<IsClient>{mark}</IsClient>"));
            assert_eq!(Record::parse(&text).unwrap().is_client, is_client, "{mark}");
        }
    }

    #[test]
    fn what_is_broken_gives_what_stands_before_the_break_and_garbage_nothing() {
        let complete = record(REFUSED);
        let cut = &complete[..complete.find("<RemoteHost>").unwrap()];
        let read = Record::parse(cut).unwrap();
        assert_eq!((read.error, read.from), (Some(18_456), None));
        for garbage in ["", "no markup", "<a><b></a>", "<Record/>", "<<<<", "<Stack><RecordType>Error</RecordType>"] {
            assert_eq!(Record::parse(garbage), None, "{garbage}");
        }
        let long =
            record(&format!("<RecordType>Error</RecordType><SniConnectionId>{}</SniConnectionId>", "9".repeat(65)));
        assert_eq!(Record::parse(&long).unwrap().connection, None);
        let megabytes = "9".repeat(3 << 20);
        let huge = record(&format!("{REFUSED}<State>{megabytes}</State><{megabytes}></{megabytes}>"));
        assert_eq!(Record::parse(&huge).unwrap().state, Some(8), "what is too long is of no use");
    }

    proptest! {
        #[test]
        fn no_text_panics_or_grows(noise in any::<String>(), at in 0usize..900) {
            let complete = record(&format!("{REFUSED}{noise}"));
            let cut = complete.char_indices().map(|(index, _)| index).take_while(|index| *index <= at).last().unwrap_or(0);
            for text in [&noise, &complete, &complete[..cut]] {
                if let Some(read) = Record::parse(text) {
                    prop_assert!(read.connection.is_none_or(|id| id.len() <= LONGEST));
                }
            }
        }
    }
}
