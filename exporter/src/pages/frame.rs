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
    /// What leads to the same as JSON, from there.
    pub(crate) json: String,
    is_target: bool,
}

/// A page in the navigation.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// Relative, so that it holds behind any prefix.
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    /// The path of its document.
    json: &'static str,
}

const TARGETS: &str = "api/v1/targets";
pub(super) const FLEET: &str = "Fleet";
pub(super) const JOBS: &str = "Jobs";
pub(super) const HISTORY: &str = "History";
pub(crate) const DOCTOR: &str = "Firewall request";
/// On a target, the first page.
pub(super) const WAY: &str = "The way to the master";

const OF_MASTER: &[Page] = &[
    Page { path: "./", name: FLEET, json: TARGETS },
    Page { path: "jobs", name: JOBS, json: "api/v1/jobs" },
    Page { path: "history", name: HISTORY, json: "api/v1/history" },
    Page { path: "doctor", name: DOCTOR, json: "api/v1/doctor" },
];
const OF_TARGET: &[Page] = &[Page { path: "./", name: WAY, json: TARGETS }];

impl Frame {
    pub(crate) fn new(fleet: &Fleet, here: &'static str) -> Frame {
        let read = match fleet {
            Fleet::Target(fleet) => format!("Seen at {}.", readable_instant(fleet.began)),
            Fleet::Master(fleet) => match &fleet.master {
                Some(clock) => {
                    let local = local(clock.now, clock.utc_offset_seconds);
                    format!("Read at {} by the master's clock{local}.", readable_instant(clock.now))
                }
                None => format!("Tried at {} by the exporter's clock.", readable_instant(fleet.began)),
            },
        };
        let json = OF_MASTER.iter().find(|page| page.name == here).map_or(TARGETS, |page| page.json).to_owned();
        Frame {
            here,
            json,
            read,
            began: instant(fleet.began()),
            is_target: matches!(fleet, Fleet::Target(_)),
            ..Frame::alone("")
        }
    }

    /// Around a page for which no fleet was asked.
    pub(crate) fn alone(root: &str) -> Frame {
        let (version, root) = (env!("CARGO_PKG_VERSION"), root.to_owned());
        let (read, began, json) = (String::new(), String::new(), TARGETS.to_owned());
        Frame { version, here: "", read, began, root, json, is_target: false }
    }

    /// Of a page that shows what the query of its address selects; an empty one selects all.
    pub(super) fn selected(mut self, query: &str) -> Frame {
        if !query.is_empty() {
            self.json = format!("{}?{query}", self.json);
        }
        self
    }

    pub(crate) fn pages(&self) -> &'static [Page] {
        if self.is_target { OF_TARGET } else { OF_MASTER }
    }
}

/// The master's wall time, where it is not UTC.
fn local(now: Timestamp, utc_offset_seconds: i32) -> String {
    match Offset::from_seconds(utc_offset_seconds) {
        Ok(offset) if utc_offset_seconds != 0 => {
            format!(", {} there", offset.to_datetime(now).strftime("%H:%M:%S"))
        }
        _ => String::new(),
    }
}
