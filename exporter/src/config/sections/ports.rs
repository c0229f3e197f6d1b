//! `ports`.

use super::port_checks::{CheckRows, CheckSettings};
use super::port_overrides::{OVERRIDES, PortOverride};
use crate::config::readers::{COUNT, DURATION, FLAG};
use crate::config::scope::Scope;
use crate::config::section::{Context, section};
use crate::model::Check;
use std::collections::BTreeMap;
use std::time::Duration;

section! {
    /// Port checks.
    pub struct Ports {
        /// Whether ports are checked in the background.
        enabled: bool = FLAG.or("true");
        /// How often each target is checked. A target that turns stale is checked at once.
        interval: Duration = DURATION.or("5m");
        /// For one check.
        timeout: Duration = DURATION.or("3s");
        /// Sockets that are open at once.
        concurrency: usize = COUNT.or("256");
        /// One entry for each check.
        checks: BTreeMap<Check, CheckSettings> = CheckRows;
        /// What differs for some targets, such as `{ match: 'SQL01\\PAYROLL', host: sql01.corp.example, engine_port:
        /// 14331, required: true }`. The first match wins.
        overrides: Vec<PortOverride> = OVERRIDES;
    }
    check timeout_fits { interval, timeout }
}

fn timeout_fits(scope: &mut Scope<'_>, _: &Context<'_>, interval: Option<&Duration>, timeout: Option<&Duration>) {
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout >= interval
    {
        scope.fault("ports.timeout", "is not shorter than ports.interval");
    }
}
