//! What stands around every page: the navigation, and when the master was read.

use crate::diagnosis::Fleet;
use crate::model::figures::{instant, readable_instant};
use jiff::Timestamp;
use jiff::tz::Offset;

/// The frame of one page.
pub(crate) struct Frame {
    pub(crate) version: &'static str,
    /// The name of the page that is shown; empty for one that is not in the navigation.
    pub(crate) here: &'static str,
    /// When the fleet was read, by the clocks that people look at.
    pub(crate) read: String,
    /// When the reading began, by this machine's clock; empty where no fleet was asked for.
    pub(crate) began: String,
    /// What leads to the folder of the pages; empty for what stands there.
    pub(crate) root: String,
    is_target: bool,
}

/// A page in the navigation.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// Relative, so that it holds behind any prefix.
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
}

pub(super) const FLEET: &str = "Fleet";
pub(super) const JOBS: &str = "Jobs";
pub(super) const HISTORY: &str = "History";
pub(crate) const DOCTOR: &str = "Firewall request";
/// On a target, the first page.
pub(super) const WAY: &str = "The way to the master";

const OF_MASTER: &[Page] = &[
    Page { path: "./", name: FLEET },
    Page { path: "jobs", name: JOBS },
    Page { path: "history", name: HISTORY },
    Page { path: "doctor", name: DOCTOR },
];
const OF_TARGET: &[Page] = &[Page { path: "./", name: WAY }];

impl Frame {
    pub(crate) fn new(fleet: &Fleet, here: &'static str) -> Frame {
        let read = match fleet {
            Fleet::Target(fleet) => format!("Seen at {}.", readable_instant(fleet.began)),
            Fleet::Master(fleet) => match &fleet.master {
                Some(clock) => {
                    format!("Read at {}{}.", readable_instant(clock.now), local(clock.now, clock.utc_offset_seconds))
                }
                None => format!("Tried at {}.", readable_instant(fleet.began)),
            },
        };
        Frame {
            here,
            read,
            began: instant(fleet.began()),
            is_target: matches!(fleet, Fleet::Target(_)),
            ..Frame::alone("")
        }
    }

    /// Around a page for which no fleet was asked.
    pub(crate) fn alone(root: &str) -> Frame {
        let (version, root) = (env!("CARGO_PKG_VERSION"), root.to_owned());
        Frame { version, here: "", read: String::new(), began: String::new(), root, is_target: false }
    }

    pub(crate) fn pages(&self) -> &'static [Page] {
        if self.is_target { OF_TARGET } else { OF_MASTER }
    }
}

/// The master's wall time, where it is not UTC.
fn local(now: Timestamp, utc_offset_seconds: i32) -> String {
    match Offset::from_seconds(utc_offset_seconds) {
        Ok(offset) if utc_offset_seconds != 0 => {
            format!(", {} on the master", offset.to_datetime(now).strftime("%H:%M:%S"))
        }
        _ => String::new(),
    }
}
