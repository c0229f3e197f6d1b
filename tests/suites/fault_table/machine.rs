//! The machine on which the exporter runs: descriptors, memory, its log, its clock.

use crate::answers;
use crate::fault::Fault;
use crate::harness::exporter::Setup;
use crate::harness::until;
use crate::play::World;
use std::fs::File;
use std::net::TcpStream;
use std::time::Duration;

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const DEBUG: &str = "--log.level=debug";

pub(crate) fn faults() -> Vec<Fault> {
    let none = |_: &mut World| ();
    vec![
        Fault {
            setup: |setup, _| setup.under(&["prlimit", "--nofile=64"]),
            log: &["connections refused: too many are open"],
            ..Fault::new("clients take all descriptors", take_connections, |world| world.held.clear())
        },
        Fault {
            setup: |setup, _| setup.under(&["prlimit", "--data=134217728"]).allocator_as_installed(),
            ..answers::many_targets("memory is capped at 128 MiB, and the master has 100,000 targets")
        },
        Fault {
            setup: |setup, _| setup.arg(DEBUG).log_to(File::create("/dev/full").unwrap().into()),
            ..Fault::new(
                "the disk of the log is full",
                |world| {
                    talk(world);
                    let lost = world.scrape().0.value("msx_exporter_log_lines_lost_total", &[]);
                    assert!(lost > Some(0.0), "{lost:?}");
                },
                none,
            )
        },
        Fault {
            setup: |setup, world| setup.arg(DEBUG).log_to(world.log_pipe().into()),
            ..Fault::new(
                "the reader of the log stops reading",
                |world| {
                    world.fill_log();
                    talk(world);
                },
                none,
            )
        },
        clock("the clock of the exporter jumps a day ahead", "+1d"),
        clock("the clock of the exporter jumps a day back", "-1d"),
    ]
}

/// As many connections as the exporter takes at all, from four clients, that ask for nothing.
fn take_connections(world: &mut World) {
    let address = world.exporter().address;
    for index in 0..96u8 {
        let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        client.bind(&std::net::SocketAddr::from(([127, 0, 0, 2 + index % 4], 0)).into()).unwrap();
        if client.connect_timeout(&address.into(), Duration::from_secs(1)).is_ok() {
            world.held.push(TcpStream::from(client));
        }
    }
}

/// Something to log.
fn talk(world: &mut World) {
    world.master.control.hang_up();
    until("a new connection, which is logged", || (world.scrape().0.up() && world.master.logins() > 1).then_some(()));
}

fn clock(what: &str, shift: &'static str) -> Fault {
    Fault {
        setup: |setup: Setup, _| {
            let file = setup.folder().write("clock", "+0");
            let setup = setup.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap());
            setup.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        },
        in_gate: false,
        ..Fault::new(what, move |world| set_clock(world, shift), |world| set_clock(world, "+0"))
    }
}

fn set_clock(world: &World, shift: &str) {
    std::fs::write(world.exporter().folder().join("clock"), shift).unwrap();
}
