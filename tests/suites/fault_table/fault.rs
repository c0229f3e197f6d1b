//! One row of the table.

use crate::harness::exporter::Setup;
use crate::play::World;
use std::sync::Arc;
use std::time::Duration;

/// Something that is done to the world.
pub(crate) type Deed = Arc<dyn Fn(&mut World) + Send + Sync>;

/// What is played, and what must be seen.
#[derive(Clone)]
pub(crate) struct Fault {
    pub(crate) what: String,
    /// What the exporter is started with, on top of what all have.
    pub(crate) setup: fn(Setup, &World) -> Setup,
    pub(crate) strike: Deed,
    pub(crate) relieve: Deed,
    /// Whether the connection that there is ends when it strikes.
    pub(crate) reconnects: bool,
    /// Series that a page has while it lasts.
    pub(crate) metrics: &'static [&'static str],
    /// Words of a page at the same time, and the path of that page: the overview where nothing else is said.
    pub(crate) page: &'static [&'static str],
    pub(crate) path: &'static str,
    /// Words of one line of the log.
    pub(crate) log: &'static [&'static str],
    /// What Prometheus would wait, as it says in each scrape. A second less is what a reading may take.
    pub(crate) scrape: Duration,
    /// The longest time until a page is complete again.
    pub(crate) back_within: Duration,
    /// Sessions at the master at once: two where the network forgot one that the server still has.
    pub(crate) sessions: usize,
    /// Whether it needs neither root nor minutes.
    pub(crate) in_gate: bool,
}

impl Fault {
    /// Nothing is wrong, and nothing is seen.
    pub(crate) fn new(
        what: impl Into<String>,
        strike: impl Fn(&mut World) + Send + Sync + 'static,
        relieve: impl Fn(&mut World) + Send + Sync + 'static,
    ) -> Fault {
        Fault {
            what: what.into(),
            setup: |setup, _| setup,
            strike: Arc::new(strike),
            relieve: Arc::new(relieve),
            reconnects: false,
            metrics: &["msx_up 1"],
            page: &[],
            path: "/",
            log: &[],
            scrape: Duration::from_secs(4),
            back_within: Duration::from_secs(20),
            sessions: 1,
            in_gate: true,
        }
    }

    /// The master cannot be read: what the log says of it, with the stage first, and a word of the overview.
    pub(crate) fn unread(self, log: &'static [&'static str], page: &'static [&'static str]) -> Fault {
        self.showing(&["msx_up 0"], page, log)
    }

    /// What a page, the overview and a line of the log have while it lasts.
    pub(crate) fn showing(
        self,
        metrics: &'static [&'static str],
        page: &'static [&'static str],
        log: &'static [&'static str],
    ) -> Fault {
        Fault { metrics, page, log, ..self }
    }
}
