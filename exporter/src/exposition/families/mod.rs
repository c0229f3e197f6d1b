//! What each part of a fleet becomes on a page.

mod exporter;
mod jobs;
mod master;
mod ports;
mod target;
mod target_side;

pub(crate) use exporter::{counters, exporter, process, series_limited};
pub(crate) use jobs::{SERIES_PER_RUN, jobs, run_series, runs};
pub(crate) use master::{master, up};
pub(crate) use ports::{duration_series, durations, info_series, infos, ports};
pub(crate) use target::targets;
pub(crate) use target_side::target_side;
