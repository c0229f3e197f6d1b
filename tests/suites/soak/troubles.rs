//! What can go wrong, and how it ends.

use crate::harness::way::Manner;
use crate::site::Site;
use msx_lab::msdb::PASSWORD;
use msx_lab::tds::{Fault, Identity};
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::Reply;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Trouble {
    pub(crate) name: &'static str,
    pub(crate) strike: fn(&mut Site),
    pub(crate) relieve: fn(&mut Site),
}

macro_rules! troubles {
    ($($name:literal: $strike:expr, $relieve:expr;)*) => {
        pub(crate) const TROUBLES: &[Trouble] =
            &[$(Trouble { name: $name, strike: $strike, relieve: $relieve }),*];
    };
}

troubles! {
    "a lock": |site| site.master.lab.fault("sysdownloadlist", Mishap::Lock(HOUR)), clear;
    "an end in a row": |site| replies(site, "systargetservers", 3, Reply::Close), clear;
    "a reset in a row": |site| replies(site, "systargetservers", 1, Reply::Reset), clear;
    "a drip": |site| replies(site, "systargetservers", 1, Reply::Drip { bytes: 1, pause: Duration::from_secs(1) }), clear;
    "no end": |site| replies(site, "sysjobservers", 0, Reply::Wait(HOUR)), clear;
    "a right": |site| site.master.lab.revoke("sysjobservers"), |site| site.master.lab.grant("sysjobservers");
    "a stop": |site| site.master.stop(), |site| site.master.come_back();
    "a restart": |site| site.master.control.hang_up(), nothing;
    "an upgrade": |site| refuse(site, Some((18401, 1))), |site| refuse(site, None);
    "single-user mode": single_user, |site| site.master.lab.single_user(false);
    "silence at PRELOGIN": |site| behave(site, Some(Fault::StopAfterPrelogin)), |site| behave(site, None);
    "silence at the login": |site| behave(site, Some(Fault::StopInLogin)), |site| behave(site, None);
    "another certificate of the master": present_another, nothing;
    "resets": |site| lead(site, Manner::Reset), open;
    "a filter": |site| lead(site, Manner::Filtered), open;
    "silence in TLS": |site| lead(site, Manner::HangsAfter(300)), open;
    "a forgotten connection": |site| site.way.forget(), nothing;
    "a wrong password": |site| password(site, "wrong"), |site| password(site, PASSWORD);
    "another user": Site::change_user, nothing;
    "another certificate of its own": Site::change_certificate, nothing;
    "a reload": |site| reload(site, "targets:\n  exclude: 'SQL0[12]'\n"), |site| reload(site, "");
    "a reload that fails": |site| reload(site, "nonsense: true\n"), |site| reload(site, "");
    "readers that stall": stall, |site| site.stalled.clear();
    "clients that hang up": |site| (0..50).for_each(|_| drop(site.send())), nothing;
    "a target more": |site| fleet(site, "enlist NEW01"), |site| fleet(site, "delete NEW01");
    "a target that is silent": |site| fleet(site, "stop SQL02"), |site| fleet(site, "resume SQL02");
    "a fleet that synchronises": |site| fleet(site, "resync ALL"), nothing;
}

fn nothing(_: &mut Site) {}

fn clear(site: &mut Site) {
    site.master.lab.clear_faults();
}

fn replies(site: &Site, table: &str, after: usize, reply: Reply) {
    site.master.lab.fault(table, Mishap::Replies { after, replies: vec![reply] });
}

fn refuse(site: &Site, with: Option<(u32, u8)>) {
    site.master.lab.close(with);
    site.master.control.hang_up();
}

fn single_user(site: &mut Site) {
    site.master.lab.single_user(true);
    site.master.control.hang_up();
}

fn behave(site: &Site, fault: Option<Fault>) {
    site.master.control.change(|options| options.fault = fault);
    site.master.control.hang_up();
}

fn present_another(site: &mut Site) {
    let identity = Identity::own_authority(&["127.0.0.1"]).unwrap();
    site.master.control.change(|options| options.identity = Some(Arc::new(identity)));
    site.master.control.hang_up();
}

fn lead(site: &mut Site, manner: Manner) {
    site.way.set(manner);
    site.master.control.hang_up();
}

fn open(site: &mut Site) {
    site.way.set(Manner::Open);
}

fn password(site: &mut Site, password: &str) {
    site.exporter.setup().folder().write("password", password);
    site.master.control.hang_up();
}

fn reload(site: &mut Site, more: &str) {
    let text = site.exporter.setup().config() + more;
    site.exporter.setup().folder().write("msx_exporter.yml", &text);
    site.exporter.signal("HUP");
}

fn stall(site: &mut Site) {
    site.stalled = std::iter::repeat_with(|| site.send()).take(3).collect();
}

fn fleet(site: &Site, command: &str) {
    site.master.lab.command(command).unwrap();
}
