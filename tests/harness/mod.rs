//! What the suites share: a master to be read, the real binary, a client, and a reader of its pages.
//!
//! The suites drive the binary as people do, by its command line, its files, its signals and its pages. They take
//! nothing from the exporter's own crate, so that a mistake there cannot hide here.

// Each suite takes its own part of this.
#![allow(dead_code)]

pub(crate) mod cost;
pub(crate) mod exporter;
pub(crate) mod folder;
pub(crate) mod http;
pub(crate) mod page;
pub(crate) mod test_server;
pub(crate) mod way;

pub(crate) use folder::Folder;
pub(crate) use page::Page;
pub(crate) use test_server::TestServer;

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; only what is broken waits so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// Asks again and again until something is there.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
