//! What each part of a fleet becomes on a page.

mod exporter;
mod far;
mod jobs;
mod master;
mod ports;
mod target;

pub(super) use exporter::{counters, exporter, process, series_limited};
pub(super) use far::far;
pub(super) use jobs::{SERIES_PER_RUN, jobs, run_series, runs};
pub(super) use master::{master, up};
pub(super) use ports::{duration_series, durations, info_series, infos, ports};
pub(super) use target::targets;
