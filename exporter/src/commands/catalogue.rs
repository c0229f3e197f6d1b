//! `catalogue`: every name that the program has, as JSON. Dashboards, alerts, the chart and the tests read it, so that
//! none of them reads Rust.

mod check;
mod command_line;
mod keys;
mod metrics;

use crate::app::BUILD;
use crate::diagnosis::order;
use crate::exit::{Done, Failure};
use crate::exposition::Group;
use crate::model::{
    Cause, CauseFacts, Check, Collector, Direction, ErrorClass, HistoryKind, MasterEvidence, Operation, OrphanKind,
    PageSource, PortSource, PortState, ProbeFailure, Refusal, Stage, StartMode, Store, Word,
};
use crate::probe::protocol::Verdict;
use crate::probe::{own_port, transport};
use crate::{doctor, events, http};
use command_line::CommandFacts;
use keys::{KeyFacts, SectionFacts};
use metrics::MetricFacts;
use serde::Serialize;

/// All sections. Each list is in the order in which the program itself has its entries.
#[derive(Debug, Clone, Serialize)]
struct Catalogue {
    version: &'static str,
    groups: Vec<Word>,
    /// In the order of the page.
    metrics: Vec<MetricFacts>,
    /// In the order of their codes.
    causes: Vec<CauseFacts>,
    /// The names of the causes, from the first that is decided to the last.
    order: Vec<&'static str>,
    port_states: Vec<StateFacts>,
    checks: Vec<CheckFacts>,
    directions: Vec<Word>,
    port_sources: Vec<Word>,
    error_classes: Vec<Word>,
    operations: Vec<Word>,
    orphan_operations: Vec<Word>,
    collectors: Vec<Word>,
    /// What the master shows of a silent target, in the order in which it is decided.
    master_evidence: Vec<Word>,
    /// What the history of a fleet has events of.
    history_kinds: Vec<Word>,
    stages: Vec<Word>,
    refusals: Vec<Word>,
    probe_failures: Vec<Word>,
    certificate_reasons: Vec<Word>,
    certificate_stores: Vec<Word>,
    page_sources: Vec<Word>,
    start_modes: Vec<Word>,
    sections: Vec<SectionFacts>,
    keys: Vec<KeyFacts>,
    commands: Vec<CommandFacts>,
    paths: Vec<PathFacts>,
    events: Vec<EventFacts>,
    firewall: Firewall,
}

#[derive(Debug, Clone, Serialize)]
struct StateFacts {
    #[serde(flatten)]
    word: Word,
    /// Whether the port is open; `null` where that cannot be known.
    open: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
struct CheckFacts {
    #[serde(flatten)]
    word: Word,
    /// `tcp` or `udp`.
    transport: &'static str,
    /// The protocol's own port; `null` where it has none.
    port: Option<u16>,
}

/// A path that the server answers, after the prefix.
#[derive(Debug, Clone, Serialize)]
struct PathFacts {
    path: &'static str,
    methods: Vec<&'static str>,
}

/// An entry of the Event Log.
#[derive(Debug, Clone, Serialize)]
struct EventFacts {
    id: u64,
    /// `error`, `warn` or `info`.
    level: String,
    text: &'static str,
}

/// What the firewall request is made of.
#[derive(Debug, Clone, Serialize)]
struct Firewall {
    columns: Vec<&'static str>,
    /// The rows of a target, with `{…}` where each request has its own names and figures.
    rows: Vec<doctor::Row>,
}

impl Catalogue {
    fn gather() -> Catalogue {
        Catalogue {
            version: BUILD.version,
            groups: Group::ALL.map(Group::word).into(),
            metrics: metrics::facts(),
            causes: Cause::ALL.map(Cause::facts).into(),
            order: order().into_iter().map(Cause::name).collect(),
            port_states: PortState::ALL.map(|state| StateFacts { word: state.word(), open: state.open() }).into(),
            checks: Check::ALL
                .map(|check| CheckFacts { word: check.word(), transport: transport(check), port: own_port(check) })
                .into(),
            directions: Direction::ALL.map(Direction::word).into(),
            port_sources: PortSource::ALL.map(PortSource::word).into(),
            error_classes: ErrorClass::ALL.map(ErrorClass::word).into(),
            operations: Operation::ALL.map(Operation::word).into(),
            orphan_operations: OrphanKind::ALL.map(OrphanKind::word).into(),
            collectors: Collector::ALL.map(Collector::word).into(),
            master_evidence: MasterEvidence::ALL.map(MasterEvidence::word).into(),
            history_kinds: HistoryKind::ALL.map(HistoryKind::word).into(),
            stages: Stage::ALL.map(Stage::word).into(),
            refusals: Refusal::ALL.map(Refusal::word).into(),
            probe_failures: ProbeFailure::ALL.map(ProbeFailure::word).into(),
            certificate_reasons: Verdict::ALL.map(Verdict::word).into(),
            certificate_stores: Store::ALL.map(Store::word).into(),
            page_sources: PageSource::ALL.map(PageSource::word).into(),
            start_modes: StartMode::ALL.map(StartMode::word).into(),
            sections: keys::sections(),
            keys: keys::facts(),
            commands: command_line::facts(),
            paths: http::paths()
                .map(|(path, methods)| PathFacts { path, methods: methods.split(", ").collect() })
                .collect(),
            events: events::ALL
                .map(|(id, level, text)| EventFacts { id, level: level.as_str().to_ascii_lowercase(), text })
                .into(),
            firewall: Firewall { columns: doctor::HEADS.to_vec(), rows: doctor::patterns() },
        }
    }
}

/// `catalogue`: prints the catalogue.
///
/// # Errors
/// Code 1 with one sentence for each entry that is not valid.
pub fn catalogue() -> Done {
    write(&Catalogue::gather())
}

fn write(catalogue: &Catalogue) -> Done {
    let faults = check::check(catalogue);
    if !faults.is_empty() {
        return Err(Failure::running(faults.join("\n")));
    }
    let text = serde_json::to_string_pretty(catalogue);
    text.map(|text| text + "\n")
        .map_err(|error| Failure::running(format!("the catalogue cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::exit::FAILED;

    #[test]
    fn what_is_not_fit_is_not_printed_and_each_fault_is_a_line() {
        let mut catalogue = Catalogue::gather();
        catalogue.metrics[0].help = "";
        catalogue.causes[3].next_step = "";
        let failure = write(&catalogue).unwrap_err();
        assert_eq!((failure.code, failure.data.as_str()), (FAILED, ""));
        assert_eq!(failure.complaint, "the metric msx_up has no help\nthe cause download_error has no next step");
    }

    #[test]
    fn a_check_has_the_port_of_its_protocol() {
        let checks = Catalogue::gather().checks;
        let ports: Vec<_> = checks.iter().map(|check| (check.word.name, check.transport, check.port)).collect();
        assert_eq!(ports[0], ("engine", "tcp", Some(1433)));
        assert_eq!(ports[1], ("browser", "udp", Some(1434)));
        assert_eq!(ports[3], ("rpc_scm", "tcp", None));
    }
}
