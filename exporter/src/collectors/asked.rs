//! What one batch asks for.

use super::result_cache::ResultCache;
use super::{downloads, jobs, needs, server, targets};
use crate::config::Collectors;
use crate::model::Collector;
use crate::sqlserver::{CLOCK, Capabilities, CellError, MasterClock, ResultSet, Set, SetOutcome};

/// The sets of each collector that is switched on, allowed and due.
pub(super) struct Asked {
    clock: ResultSet<MasterClock>,
    pub(super) targets: Option<targets::Sets>,
    pub(super) downloads: Option<downloads::Sets>,
    pub(super) server: Option<server::Sets>,
    pub(super) jobs: Option<jobs::Sets>,
    /// Collectors that go last.
    last: Vec<Collector>,
}

/// How one set ended, and whose it is.
pub(super) struct Ended {
    pub(super) collector: Collector,
    pub(super) name: &'static str,
    pub(super) outcome: SetOutcome,
}

impl Asked {
    /// Everything for a server of which so much is known. What broke the last batch goes last.
    pub(super) fn new(
        on: Collectors,
        known: &Capabilities,
        msdb: &str,
        cache: &ResultCache,
        broke: &[Collector],
    ) -> Asked {
        let asks = |collector| {
            on.has(collector) && known.refusal(needs(collector), msdb).is_none() && cache.at_rest(collector).is_none()
        };
        Asked {
            clock: ResultSet::of(&CLOCK),
            targets: asks(Collector::Targets).then(targets::Sets::new),
            downloads: asks(Collector::Downloads).then(|| downloads::Sets::due(&cache.downloads)).flatten(),
            server: asks(Collector::Server).then(|| server::Sets::allowed(known)),
            jobs: asks(Collector::Jobs).then(|| jobs::Sets::due(&cache.jobs)).flatten(),
            last: broke.to_vec(),
        }
    }

    /// The sets in the order of the batch. The clock comes first and belongs to the targets.
    fn owned(&mut self) -> Vec<(Collector, &mut dyn Set)> {
        let mut parts = vec![
            (Collector::Targets, self.targets.as_mut().map(targets::Sets::all)),
            (Collector::Downloads, self.downloads.as_mut().map(downloads::Sets::all)),
            (Collector::Server, self.server.as_mut().map(server::Sets::all)),
            (Collector::Jobs, self.jobs.as_mut().map(jobs::Sets::all)),
        ];
        parts.sort_by_key(|(collector, _)| self.last.contains(collector));
        let mut sets: Vec<(Collector, &mut dyn Set)> = vec![(Collector::Targets, &mut self.clock)];
        for (collector, part) in parts {
            sets.extend(part.into_iter().flatten().map(|set| (collector, set)));
        }
        sets
    }

    /// The sets in the order of the batch.
    pub(super) fn sets(&mut self) -> Vec<&mut dyn Set> {
        self.owned().into_iter().map(|(_, set)| set).collect()
    }

    /// How they ended, in the same order.
    pub(super) fn ended(&mut self) -> Vec<Ended> {
        let ended = |(collector, set): (Collector, &mut dyn Set)| Ended {
            collector,
            name: set.statement().name,
            outcome: set.outcome().clone(),
        };
        self.owned().into_iter().map(ended).collect()
    }

    /// The master's clock, or why there is none.
    pub(super) fn clock(&self) -> Result<MasterClock, CellError> {
        let unread = || CellError::new("the master's clock was not read");
        self.clock.rows.last().copied().ok_or_else(|| self.clock.outcome().error.clone().unwrap_or_else(unread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stage;
    use crate::sqlserver::{Right, prepare};

    const ON: Collectors = Collectors { targets: true, downloads: true, jobs: true, server: true, arrivals: true };

    fn asked(known: &Capabilities, broke: &[Collector]) -> Asked {
        Asked::new(ON, known, "msdb", &ResultCache::default(), broke)
    }

    fn names(mut asked: Asked) -> Vec<&'static str> {
        asked.sets().into_iter().map(|set| set.statement().name).collect()
    }

    fn everything() -> Capabilities {
        Capabilities::with_everything("15.0.4430.1")
    }

    #[test]
    fn the_clock_comes_first_and_what_broke_the_last_batch_last() {
        assert_eq!(
            names(asked(&everything(), &[])),
            [
                "clock",
                "targets",
                "groups",
                "downloads",
                "download_rows",
                "downloaded",
                "agent",
                "operator",
                "jobs",
                "job_targets"
            ]
        );
        let order = names(asked(&everything(), &[Collector::Targets]));
        assert_eq!((order[0], order[1], order[9]), ("clock", "downloads", "groups"));
    }

    #[test]
    fn every_set_names_itself_in_its_first_column() {
        for set in asked(&everything(), &[]).sets() {
            let statement = set.statement();
            let marker = format!("SELECT CAST(NULL AS tinyint) AS [set:{}],", statement.name);
            assert!(statement.text.contains(&marker), "{}", statement.name);
        }
    }

    #[test]
    fn another_database_is_named_everywhere_and_quoted() {
        for set in asked(&everything(), &[]).sets() {
            let text = prepare(set.statement().text, "o'dd]db");
            assert!(!text.contains("msdb"), "{text}");
            assert!(
                set.statement().name != "targets" || text.contains("FROM [o'dd]]db].dbo.systargetservers"),
                "{text}"
            );
        }
    }

    #[test]
    fn comments_are_not_sent() {
        for set in asked(&everything(), &[]).sets() {
            assert!(!prepare(set.statement().text, "msdb").contains("--"), "{}", set.statement().name);
        }
    }

    #[test]
    fn a_missing_table_switches_off_its_collector_alone() {
        let known = everything().without(Right::DownloadList);
        let refusal = |collector| known.refusal(needs(collector), "msdb");
        let fault = refusal(Collector::Downloads);
        assert_eq!(fault.as_ref().map(|fault| fault.stage), Some(Stage::Permission), "{fault:?}");
        let hint = fault.and_then(|fault| fault.hint).unwrap_or_default();
        assert_eq!(hint, "USE msdb; GRANT SELECT ON dbo.sysdownloadlist TO <user>");
        for collector in [Collector::Targets, Collector::Server, Collector::Jobs] {
            assert_eq!(refusal(collector), None, "{collector:?}");
        }
        assert!(!names(asked(&known, &[])).iter().any(|name| name.starts_with("download")));
    }

    #[test]
    fn a_missing_right_to_see_the_agent_leaves_one_fact_out() {
        let known = everything().without(Right::ServerState);
        let names = names(asked(&known, &[]));
        assert!(!names.contains(&"agent"));
        assert!(names.contains(&"operator"));
        assert_eq!(known.refusal(needs(Collector::Server), "msdb"), None);
        assert!(!known.missing_rights(needs(Collector::Server), "msdb").is_empty());
    }
}
