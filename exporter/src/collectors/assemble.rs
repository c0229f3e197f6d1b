//! Puts together what came, collector by collector: each fails alone, and rows count only when they are complete.

use super::asked::{Asked, Ended};
use super::needs;
use super::reading::{Collected, CollectorReport, Reading};
use super::result_cache::{CHEAP, Kept, ResultCache};
use crate::config::Config;
use crate::model::{Certificate, Collector, Stage};
use crate::sqlserver::{
    BatchError, Capabilities, CellError, Closing, MissingRight, ReadError, SetOutcome, on_statement,
};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What one batch outcomes, with everything that is needed to judge it.
pub(super) struct BatchAnswer {
    pub(super) asked: Asked,
    /// How each set ended, in the order of the batch.
    pub(super) ended: Vec<Ended>,
    pub(super) end: Option<BatchError>,
    /// Why the batch did not reach its end, in words.
    pub(super) broken: Option<ReadError>,
    pub(super) capabilities: Capabilities,
    /// Collectors that were not even asked for, and why.
    pub(super) refused: Vec<(Collector, ReadError)>,
    pub(super) encrypted: bool,
    pub(super) certificate: Option<Certificate>,
}

/// The reading that an answer amounts to. Expensive rows come from the cache while they rest, and go there.
pub(super) fn reading(answer: BatchAnswer, config: &Config, cache: &mut ResultCache, began: Timestamp) -> Reading {
    let (on, msdb) = (config.collectors, config.master.msdb.as_str());
    let BatchAnswer { asked, ended, end, broken, capabilities, refused, encrypted, certificate } = answer;
    let outcomes = SetOutcomes { ended: &ended, broken: broken.as_ref(), end: end.as_ref(), read_at: Timestamp::now() };
    let refusal = |collector| refused.iter().find(|(refused, _)| *refused == collector).map(|(_, fault)| fault);
    let collect = |collector| Scope {
        collector,
        outcomes: &outcomes,
        missing: capabilities.missing_rights(needs(collector), msdb),
        refusal: refusal(collector),
    };
    let clock = asked.clock();

    let targets =
        on.targets.then(|| collect(Collector::Targets).rows(asked.targets, |sets| Ok(sets.collect(clock.clone()?))));
    let downloads = on.downloads.then(|| {
        let scope = collect(Collector::Downloads);
        if let (Some(kept), None) = (&cache.downloads.downloads, &asked.downloads) {
            return scope.kept(kept);
        }
        let collected = scope.rows(asked.downloads, |sets| {
            // Without it the times of the rows that there may be would not be known.
            clock.clone()?;
            Ok(sets.collect(&mut cache.downloads, outcomes.read_at))
        });
        cache.downloads.downloads = keep(&collected);
        collected
    });
    let server = on.server.then(|| {
        collect(Collector::Server)
            .rows(asked.server, |sets| Ok(sets.collect(&capabilities, encrypted, certificate.clone())))
    });
    let jobs = on.jobs.then(|| {
        let scope = collect(Collector::Jobs);
        if let (Some(kept), None) = (&cache.jobs, &asked.jobs) {
            return scope.kept(kept);
        }
        let collected = scope.rows(asked.jobs, |sets| Ok(sets.collect()));
        cache.jobs = keep(&collected);
        collected
    });
    Reading { began, took: Duration::ZERO, given_up: false, targets, downloads, server, jobs, arrivals: None }
}

/// A reading that could not be done: every collector failed for the same reason.
pub(super) fn failure(config: &Config, began: Timestamp, fault: &ReadError) -> Reading {
    let on = config.collectors;
    Reading {
        began,
        took: Duration::ZERO,
        given_up: false,
        targets: on.targets.then(|| failed(Collector::Targets, fault)),
        downloads: on.downloads.then(|| failed(Collector::Downloads, fault)),
        server: on.server.then(|| failed(Collector::Server, fault)),
        jobs: on.jobs.then(|| failed(Collector::Jobs, fault)),
        arrivals: on.arrivals.then(|| failed(Collector::Arrivals, fault)),
    }
}

/// A collector that failed before any of its statements ran.
fn failed<T>(collector: Collector, fault: &ReadError) -> Collected<T> {
    let report = CollectorReport {
        collector,
        duration: Duration::ZERO,
        permission: fault.stage != Stage::Permission,
        missing: Vec::new(),
        read_at: None,
        fault: Some(fault.clone()),
    };
    Collected { report, rows: None }
}

/// One collector and how it fared.
struct Scope<'a> {
    collector: Collector,
    outcomes: &'a SetOutcomes<'a>,
    missing: Vec<MissingRight>,
    refusal: Option<&'a ReadError>,
}

impl Scope<'_> {
    /// Its rows where every one of its sets is complete.
    fn rows<S, T>(self, sets: Option<S>, rows: impl FnOnce(S) -> Result<T, CellError>) -> Collected<T> {
        let fault = self.refusal.cloned().or_else(|| self.outcomes.fault(self.collector));
        let result = match (fault, sets) {
            (Some(fault), _) => Err(fault),
            (None, Some(sets)) => rows(sets).map_err(ReadError::from),
            (None, None) => Err(ReadError::new(Stage::Query, format!("{} was not asked for", self.collector.name()))),
        };
        let (rows, fault) = match result {
            Ok(rows) => (Some(Arc::new(rows)), None),
            Err(fault) => (None, Some(fault)),
        };
        let denied = fault.as_ref().is_some_and(|fault| fault.stage == Stage::Permission);
        let report = CollectorReport {
            collector: self.collector,
            duration: self.outcomes.took(self.collector),
            permission: !denied && self.missing.is_empty(),
            missing: self.missing,
            read_at: rows.is_some().then_some(self.outcomes.read_at),
            fault,
        };
        Collected { report, rows }
    }

    /// An expensive answer that is not due yet: its rows with their age.
    fn kept<T>(self, kept: &Kept<Arc<T>>) -> Collected<T> {
        let report = CollectorReport {
            collector: self.collector,
            duration: kept.took,
            permission: self.missing.is_empty(),
            missing: self.missing,
            read_at: Some(kept.read_at),
            fault: None,
        };
        Collected { report, rows: Some(kept.rows.clone()) }
    }
}

/// Why the rows of a set are not complete, if they are not. `broken` is the end of its batch in words.
pub(super) fn incomplete(
    name: &str,
    outcome: &SetOutcome,
    end: Option<&BatchError>,
    broken: Option<&ReadError>,
) -> Option<ReadError> {
    match outcome.closing {
        Some(Closing { error: 0, .. }) => outcome.error.clone().map(ReadError::from),
        Some(Closing { error, .. }) => {
            // The one text that the driver kept may be that of another statement.
            let raised = end.and_then(BatchError::raised).filter(|(code, _)| *code == error);
            Some(on_statement(error, raised.map(|(_, text)| text)))
        }
        None => Some(
            broken
                .cloned()
                .unwrap_or_else(|| ReadError::new(Stage::Decode, format!("the answer ended before set {name}"))),
        ),
    }
}

fn keep<T>(collected: &Collected<T>) -> Option<Kept<Arc<T>>> {
    let report = &collected.report;
    let rows = collected.rows.as_ref().filter(|_| report.duration > CHEAP)?;
    Some(Kept::new(rows.clone(), report.read_at?, report.duration))
}

/// How the batch and its sets ended.
struct SetOutcomes<'a> {
    ended: &'a [Ended],
    broken: Option<&'a ReadError>,
    end: Option<&'a BatchError>,
    read_at: Timestamp,
}

impl SetOutcomes<'_> {
    fn of(&self, collector: Collector) -> impl Iterator<Item = &Ended> {
        self.ended.iter().filter(move |ended| ended.collector == collector)
    }

    /// Why a collector's rows are not complete, if they are not.
    fn fault(&self, collector: Collector) -> Option<ReadError> {
        self.of(collector).find_map(|ended| incomplete(ended.name, &ended.outcome, self.end, self.broken))
    }

    fn took(&self, collector: Collector) -> Duration {
        self.of(collector).filter_map(|ended| ended.outcome.closing).map(|closing| closing.took).sum()
    }
}
