//! The name of the master, and who knows it. Needs a mount namespace, and port 53 of a network of its own.

use crate::fault::Fault;
use crate::harness::exporter::Setup;
use crate::play::World;
use jiff::SignedDuration;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

const MOUNTED: &str = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
static NEXT: AtomicU8 = AtomicU8::new(1);

/// What it says to each question for an address of IPv4.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Address([u8; 4]),
    /// SERVFAIL.
    Failure,
    Silence,
}

/// A name server (RFC 1035) that answers any name alike.
pub(crate) struct NameServer {
    address: Ipv4Addr,
    answer: Arc<Mutex<Answer>>,
}

impl NameServer {
    pub(crate) fn start() -> NameServer {
        let address = Ipv4Addr::new(127, 0, 53, NEXT.fetch_add(1, Ordering::Relaxed));
        let socket = UdpSocket::bind((address, 53)).unwrap();
        let server = NameServer { address, answer: Arc::new(Mutex::new(Answer::Address([127, 0, 0, 1]))) };
        let answer = server.answer.clone();
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut question) {
                let answer = *answer.lock().unwrap();
                if let Some(reply) = reply(&question[..length], answer) {
                    let _ = socket.send_to(&reply, client);
                }
            }
        });
        server
    }
}

fn reply(question: &[u8], answer: Answer) -> Option<Vec<u8>> {
    let end = 12 + question.get(12..)?.iter().position(|byte| *byte == 0)? + 5;
    let asked = question.get(12..end)?;
    let (code, address) = match answer {
        Answer::Address(address) => (0, asked.ends_with(&[0, 1, 0, 1]).then_some(address)),
        Answer::Failure => (2, None),
        Answer::Silence => return None,
    };
    let head = [0x81, 0x80 | code, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0];
    // A pointer to the name in the question, type A, class IN, kept for no time, four bytes.
    let record = address.map(|address| [&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4], &address[..]].concat());
    Some([&question[..2], &head, asked, &record.unwrap_or_default()].concat())
}

pub(crate) fn faults() -> Vec<Fault> {
    let named = |what: &str, answer| Fault {
        setup: by_name,
        reconnects: true,
        in_gate: false,
        ..Fault::new(what, move |world| say(world, answer), |world| say(world, Answer::Address([127, 0, 0, 1])))
    };
    vec![
        named("the name server fails", Answer::Failure).unread(&["stage=resolve"], &["has no address"]),
        named("the name server does not answer", Answer::Silence)
            .unread(&["stage=resolve", "no answer within"], &["no answer within"]),
        Fault {
            setup: targets_by_name,
            in_gate: false,
            path: "/target?name=SQL03",
            ..Fault::new("a target falls silent while the name server does not answer", fall_silent, |world| {
                world.master.lab.resume("SQL03");
            })
        }
        .showing(
            &["msx_up 1", "msx_target_master_evidence{target=\"SQL03\",evidence=\"unknown\"} 1"],
            &["no address of its host is known"],
            &[],
        ),
        named("the name leads to another address, and back", Answer::Address([127, 0, 0, 9]))
            .unread(&["stage=connect", "127.0.0.9"], &["127.0.0.9"]),
    ]
}

pub(crate) fn say(world: &World, answer: Answer) {
    *world.names.get().unwrap().answer.lock().unwrap() = answer;
}

fn fall_silent(world: &mut World) {
    world.master.lab.stop("SQL03");
    world.master.lab.advance(SignedDuration::from_mins(10));
}

fn targets_by_name(setup: Setup, world: &World) -> Setup {
    let setup = under_name_server(setup, world).ports("  interval: 10s\n  timeout: 2s");
    say(world, Answer::Silence);
    setup
}

pub(crate) fn by_name(setup: Setup, world: &World) -> Setup {
    let port = world.way.address.port();
    under_name_server(setup, world).at(format!("master.msx.test:{port}"))
}

fn under_name_server(setup: Setup, world: &World) -> Setup {
    let server = world.names.get_or_init(NameServer::start);
    let text = format!("nameserver {}\noptions timeout:5 attempts:2\n", server.address);
    let file = setup.folder().write("resolv.conf", &text);
    setup.under(&["unshare", "--mount", "sh", "-c", MOUNTED, file.to_str().unwrap()])
}
