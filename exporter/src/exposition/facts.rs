//! What the exporter knows of itself. It is gathered before rendering, which asks nothing.

use crate::model::{ProbeFailure, Refusal, Stage};
use enum_map::EnumMap;
use jiff::Timestamp;

/// The exporter's own facts for one page.
#[derive(Debug, Clone, PartialEq)]
pub struct ExporterFacts {
    /// How it was built.
    pub build: BuildInfo,
    /// Errors while reading the master, by the stage at which the attempt stopped.
    pub sql_errors: EnumMap<Stage, u64>,
    /// Connections to the master that are open now.
    pub sql_connections: u64,
    /// Lines of the log that were not written.
    pub log_lines_lost: u64,
    /// What the web server refused since it began, by reason. `None` where nothing is served.
    pub refused: Option<EnumMap<Refusal, u64>>,
    /// What became of the requests to `/probe`. `None` where nothing is served.
    pub probes: Option<ProbeCounts>,
    /// How the last load of the configuration went.
    pub reload: Reload,
    /// Whether it stays still on a cluster node that does not hold the instance. `None` unless that was asked for.
    pub passive: Option<bool>,
    /// The process, where the platform tells of it.
    pub process: Option<ProcessFacts>,
}

/// Requests to `/probe` since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// All of them.
    pub asked: u64,
    /// Those that were answered without a probe, by reason.
    pub failed: EnumMap<ProbeFailure, u64>,
}

/// How the exporter was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// Its version.
    pub version: &'static str,
    /// The revision of its source.
    pub revision: &'static str,
    /// The compiler.
    pub rustc: &'static str,
}

/// How the last load of the configuration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// Whether it succeeded.
    pub successful: bool,
    /// When the last one that succeeded was.
    pub at: Option<Timestamp>,
}

/// The process. A field is `None` where the platform does not tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessFacts {
    /// CPU time in user and kernel mode, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// The soft limit on them.
    pub max_fds: Option<u64>,
    /// Resident memory in bytes.
    pub resident_bytes: Option<u64>,
    /// Virtual memory in bytes.
    pub virtual_bytes: Option<u64>,
    /// When it started, in seconds since 1970.
    pub start_seconds: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
}
