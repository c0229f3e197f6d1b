//! `collectors`.

use crate::config::readers::FLAG;
use crate::config::section::section;
use crate::model::Collector;

section! {
    /// What is read from the master. With `role: target` nothing is read.
    #[derive(Copy, PartialEq, Eq)]
    pub struct Collectors {
        /// The targets. Downloads, expected targets and port checks need it.
        targets: bool = FLAG.or("true");
        /// The download list: pending and failed instructions.
        downloads: bool = FLAG.or("true");
        /// Multiserver jobs and their outcomes.
        jobs: bool = FLAG.or("true");
        /// Facts about the master itself.
        server: bool = FLAG.or("true");
        /// Who arrives at the master, and why a login is refused: asked for only while a target is silent. Needs VIEW
        /// SERVER STATE, from SQL Server 2022 VIEW SERVER PERFORMANCE STATE; without it the rest goes on.
        arrivals: bool = FLAG.or("true");
    }
}

impl Collectors {
    /// Whether one is switched on.
    pub fn has(self, collector: Collector) -> bool {
        match collector {
            Collector::Targets => self.targets,
            Collector::Downloads => self.downloads,
            Collector::Server => self.server,
            Collector::Jobs => self.jobs,
            Collector::Arrivals => self.arrivals,
        }
    }
}
