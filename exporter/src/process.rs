//! Asks the operating system about this process, for the `process_*` metrics, and about its computer.

use crate::exposition::ProcessFacts;
use crate::model::names;
use std::sync::LazyLock;

/// The name of this computer without its domain, in capitals; empty where it is not known.
pub fn computer() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        #[cfg(windows)]
        let name = std::env::var("COMPUTERNAME");
        #[cfg(not(windows))]
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
        names::key(name.unwrap_or_default().trim().split('.').next().unwrap_or_default()).into_owned()
    });
    &NAME
}

/// What the platform reports of this process now. `None` where it reports nothing.
#[cfg(target_os = "linux")]
pub fn read() -> Option<ProcessFacts> {
    let process = procfs::process::Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks = procfs::ticks_per_second() as f64;
    Some(ProcessFacts {
        cpu_seconds: Some((stat.utime + stat.stime) as f64 / ticks),
        open_fds: process.fd_count().ok().and_then(|count| u64::try_from(count).ok()),
        max_fds: process.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
            procfs::process::LimitValue::Value(value) => Some(value),
            procfs::process::LimitValue::Unlimited => None,
        }),
        resident_bytes: Some(stat.rss * procfs::page_size()),
        virtual_bytes: Some(stat.vsize),
        start_seconds: procfs::boot_time_secs().ok().map(|boot| boot as f64 + stat.starttime as f64 / ticks),
        threads: u64::try_from(stat.num_threads).ok(),
    })
}

/// What the platform reports of this process now. `None` where it reports nothing.
#[cfg(windows)]
pub fn read() -> Option<ProcessFacts> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
    let pid = sysinfo::get_current_pid().ok()?;
    let mut system = System::new();
    let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
    let process = system.process(pid)?;
    Some(ProcessFacts {
        cpu_seconds: Some(process.accumulated_cpu_time() as f64 / 1000.0),
        open_fds: None,
        max_fds: None,
        resident_bytes: Some(process.memory()),
        virtual_bytes: Some(process.virtual_memory()),
        start_seconds: Some(process.start_time() as f64),
        threads: None,
    })
}

/// What the platform reports of this process now. `None` where it reports nothing.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn read() -> Option<ProcessFacts> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_facts_of_this_process_are_plausible() {
        let facts = super::read().unwrap();
        let page = procfs::page_size();
        assert!(facts.resident_bytes.unwrap() > 100 * page);
        assert!(facts.virtual_bytes.unwrap() >= facts.resident_bytes.unwrap());
        assert!(facts.open_fds.unwrap() >= 3 && facts.open_fds.unwrap() <= facts.max_fds.unwrap());
        assert!(facts.threads.unwrap() >= 1);
        let now = jiff::Timestamp::now().as_second() as f64;
        let age = now - facts.start_seconds.unwrap();
        assert!((-2.0..3600.0).contains(&age), "started {age} s ago");
    }
}
