//! What a master does that answers as it should.

use crate::fault::Fault;
use crate::harness::exporter::Setup;
use crate::play::World;
use jiff::SignedDuration;
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::certs::Authority;
use msx_lab::tsql::world::Mishap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn faults() -> Vec<Fault> {
    let right = Fault::new(
        "a right on the download list is taken away",
        |world| world.master.lab.revoke(LIST),
        |world| {
            world.master.lab.grant(LIST);
        },
    );
    vec![
        Fault::new("the master fails over to a server without targets", fail_over, |world| {
            world.master.fail_over_to(Lab::scenario(Scenario::Healthy));
        })
        .showing(&["msx_up 1", "msx_targets 0"], &[], &["connected to the master"]),
        Fault {
            setup: verified,
            reconnects: true,
            ..Fault::new("the master presents another certificate", other, |world| {
                let own = world.master.authority.issue(&["127.0.0.1"]).unwrap();
                world.master.control.change(|options| options.identity = Some(Arc::new(own)));
            })
        }
        .unread(&["stage=tls", "Another Authority"], &["Another Authority"]),
        Fault { back_within: Duration::from_secs(61 + 20), in_gate: false, ..right }.showing(
            &["msx_up 1", "msx_exporter_collector_permission{collector=\"downloads\"} 0"],
            &["GRANT SELECT ON dbo.sysdownloadlist"],
            &["the login lacks a right", "GRANT SELECT ON dbo.sysdownloadlist"],
        ),
        Fault::new("a lock on sysdownloadlist for an hour", lock, |world| world.master.lab.clear_faults()).showing(
            &["msx_up 1", "msx_exporter_collector_timeout{collector=\"downloads\"} 1"],
            &["another session holds a lock"],
            &["collector=downloads", "1222"],
        ),
        refuses(
            "the master runs in single-user mode",
            |world| world.master.lab.single_user(true),
            |world| {
                world.master.lab.single_user(false);
            },
        )
        .unread(&["stage=login", "single-user mode"], &["next attempt in"]),
        refuses(
            "the upgrade script of the master runs",
            |world| world.master.lab.close(Some((18401, 1))),
            |world| {
                world.master.lab.close(None);
            },
        )
        .unread(&["stage=login", "being upgraded"], &["next attempt in"]),
        refuses(
            "the master has no worker left",
            |world| world.master.lab.close(Some((17189, 1))),
            |world| {
                world.master.lab.close(None);
            },
        )
        .unread(&["stage=login", "17189"], &["next attempt in"]),
        Fault::new("the clock of the master jumps a day ahead", |world| jump(world, 24), |world| jump(world, -24)),
        Fault::new("the clock of the master jumps a day back", |world| jump(world, -24), |world| jump(world, 24)),
    ]
}

const LIST: &str = "sysdownloadlist";

fn refuses(what: &str, strike: fn(&mut World), relieve: fn(&mut World)) -> Fault {
    Fault { reconnects: true, ..Fault::new(what, strike, relieve) }
}

fn fail_over(world: &mut World) {
    world.master.fail_over_to(Lab::scenario(Scenario::NoTargets));
}

fn lock(world: &mut World) {
    world.master.lab.fault(LIST, Mishap::Lock(Duration::from_secs(3600)));
}

fn jump(world: &mut World, hours: i64) {
    world.master.lab.jump(world.master.lab.now() + SignedDuration::from_hours(hours));
}

fn verified(setup: Setup, world: &World) -> Setup {
    let ca = setup.folder().write("ca.pem", world.master.authority.pem());
    setup.master("trust_server_certificate", "false").master("ca_file", ca.to_str().unwrap())
}

fn other(world: &mut World) {
    let other = Authority::new("Another Authority").unwrap().issue(&["127.0.0.1"]).unwrap();
    world.master.control.change(|options| options.identity = Some(Arc::new(other)));
}
