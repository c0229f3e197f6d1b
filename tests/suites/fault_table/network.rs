//! The network between the exporter and its master.

use crate::fault::Fault;
use crate::harness::way::Manner;
use crate::play::World;
use msx_lab::tds;

pub(crate) fn faults() -> Vec<Fault> {
    let refused = Fault::new(
        "the master refuses connections",
        |world| world.master.stop(),
        |world| {
            world.master.come_back();
        },
    );
    let refused = Fault { setup: |setup, world| setup.at(world.master.address), ..refused };
    let forgotten = Fault::new("an idle connection is forgotten in silence", |world| world.way.forget(), |_| ());
    vec![
        refused.unread(&["stage=connect", "refused"], &["does not answer"]),
        way("packets to the master are dropped", |world| world.way.set(Manner::Filtered))
            .unread(&["stage=connect", "a firewall that drops packets"], &["no answer within"]),
        way("the master resets connections", |world| world.way.set(Manner::Reset))
            .unread(&["stage=tls", "PRELOGIN"], &["PRELOGIN"]),
        way("the master hangs after connecting", |world| behaves(world, tds::Fault::Silent))
            .unread(&["stage=tls", "no answer within"], &["no answer within"]),
        way("the master hangs after PRELOGIN", |world| behaves(world, tds::Fault::StopAfterPrelogin))
            .unread(&["stage=tls", "no answer within"], &["no answer within"]),
        way("the master hangs within TLS", |world| world.way.set(Manner::HangsAfter(300)))
            .unread(&["stage=tls", "no answer within"], &["no answer within"]),
        way("the master hangs after the login was sent", |world| behaves(world, tds::Fault::StopInLogin))
            .unread(&["stage=login", "no answer within"], &["no answer within"]),
        Fault { sessions: 2, ..forgotten },
    ]
}

/// Met by every connection, also by the one that there is.
fn way(what: &str, strike: fn(&mut World)) -> Fault {
    let fault = Fault::new(what, strike, |world| {
        world.way.set(Manner::Open);
        world.master.control.change(|options| options.fault = None);
    });
    Fault { reconnects: true, ..fault }
}

fn behaves(world: &World, fault: tds::Fault) {
    world.master.control.change(|options| options.fault = Some(fault));
}
