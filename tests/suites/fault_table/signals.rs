//! Signals at every stage of a reading.

use crate::fault::{Deed, Fault};
use crate::harness::way::Manner;
use crate::harness::{http, until};
use crate::names::{self, Answer};
use crate::play::World;
use msx_lab::tds;
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
/// How long a process is stopped: longer than a reading may take.
const STOPPED: Duration = Duration::from_secs(4);
/// What an end may take that is asked for.
const END: Duration = Duration::from_secs(5);

struct Stage {
    name: &'static str,
    log: &'static [&'static str],
    hold: fn(&mut World),
}

const STAGES: [Stage; 5] = [
    Stage { name: "resolving", log: &["stage=resolve"], hold: |world| names::say(world, Answer::Silence) },
    Stage { name: "connecting", log: &["stage=connect"], hold: |world| world.way.set(Manner::Filtered) },
    Stage { name: "shaking hands", log: &["stage=tls"], hold: |world| world.way.set(Manner::HangsAfter(300)) },
    Stage {
        name: "logging in",
        log: &["stage=login"],
        hold: |world| world.master.control.change(|options| options.fault = Some(tds::Fault::StopInLogin)),
    },
    Stage {
        name: "reading",
        log: &["stage=query"],
        hold: |world| {
            let replies = vec![Reply::Wait(HOUR)];
            world.master.lab.fault("systargetservers", Mishap::Replies { after: 1, replies });
        },
    },
];

pub(crate) fn faults() -> Vec<Fault> {
    type Signal = (&'static str, fn(&mut World));
    let send: [Signal; 3] = [("SIGTERM", terminate), ("SIGKILL", kill), ("SIGSTOP and SIGCONT", stop)];
    let each = STAGES.into_iter().flat_map(|stage| send.map(|(name, signal)| of(&stage, name, signal)));
    each.collect()
}

fn of(stage: &Stage, name: &str, signal: fn(&mut World)) -> Fault {
    let hold = stage.hold;
    let strike = move |world: &mut World| {
        hold(world);
        world.master.control.hang_up();
        let waiter = http::send(world.exporter().address, "GET", "/metrics", &[]).unwrap();
        until("the attempt to be under way", || (world.exporter().get("/-/healthy").status == 200).then_some(()));
        signal(world);
        drop(waiter);
    };
    let relieve: Deed = Arc::new(|world| {
        world.way.set(Manner::Open);
        world.master.control.change(|options| options.fault = None);
        world.master.lab.clear_faults();
        if world.names.get().is_some() {
            names::say(world, Answer::Address([127, 0, 0, 1]));
        }
    });
    let resolving = stage.name == "resolving";
    let fault = Fault::new(format!("{name} while {}", stage.name), strike, |_| ()).unread(stage.log, &[]);
    Fault { relieve, setup: if resolving { names::by_name } else { fault.setup }, in_gate: !resolving, ..fault }
}

fn terminate(world: &mut World) {
    world.exporter().signal("TERM");
    let began = Instant::now();
    let exporter = world.exporter.as_mut().unwrap();
    assert_eq!(exporter.ended().0.code(), Some(0));
    assert!(began.elapsed() < END, "it ended after {:?}", began.elapsed());
    begin_again(world);
}

fn kill(world: &mut World) {
    world.exporter().signal("KILL");
    world.exporter.as_mut().unwrap().ended();
    begin_again(world);
}

fn begin_again(world: &mut World) {
    until("no session to be left", || (world.master.control.connections().sessions == 0).then_some(()));
    world.start();
}

fn stop(world: &mut World) {
    world.exporter().signal("STOP");
    let began = Instant::now();
    until("a while to pass", || (began.elapsed() > STOPPED).then_some(()));
    world.exporter().signal("CONT");
}
