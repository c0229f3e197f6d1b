//! The result of a probe of one target, as metrics and as a trace.

use crate::exposition::Format;
use crate::exposition::family_writer::FamilyWriter;
use crate::metrics;
use crate::model::figures::readable_instant;
use crate::model::{ServerName, names};
use crate::probe::{PortResults, Probe};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt::{self, Write as _};

/// The port series of the target alone: the exporter's own series are on `/metrics`.
pub fn probe(probe: &Probe, format: Format) -> String {
    let findings = [(probe.target.clone(), probe.visited.findings.clone())];
    let port_results = PortResults { findings: findings.into(), ..PortResults::default() };
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = format.encode(&mut out, Page { port_results, format });
    out
}

/// Each step with its duration, then the metrics that the probe would have returned. Addresses and what was seen there
/// are shown only with `details`.
pub fn probe_trace(run: &Probe, details: bool) -> String {
    let mut out = format!(
        "Probe of {}, begun {}, took {:.3} s\n\n",
        run.target,
        readable_instant(run.began),
        run.took.as_secs_f64()
    );
    let own = ServerName::of(&run.target).host;
    let states = [None].into_iter().chain(run.visited.findings.iter().map(|finding| Some(finding.state.name())));
    for (step, state) in run.visited.steps.iter().zip(states) {
        let outcome = if details { Some(step.outcome.as_str()) } else { state };
        let outcome = outcome.map(|outcome| format!(": {outcome}")).unwrap_or_default();
        // The first step names the host, which an override may have replaced.
        let name = match step.name.split_once(' ') {
            Some((name @ "resolve", host)) if !details && !names::same(host, own) => name,
            _ => &step.name,
        };
        let _ = writeln!(out, "{:9.3} ms  {name}{outcome}", step.took.as_secs_f64() * 1000.0);
    }
    if !details {
        out.push_str("\nWhat was seen stands here with authentication, or with explain.details: true.\n");
    }
    let _ = write!(out, "\nMetrics that would have been returned:\n\n{}", probe(run, Format::Text004));
    out
}

#[derive(Debug)]
struct Page {
    port_results: PortResults,
    format: Format,
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = FamilyWriter::new(encoder, self.format);
        let findings = metrics::checked(&self.port_results);
        metrics::ports(&mut families, findings.clone())?;
        metrics::infos(&mut families, findings.clone())?;
        metrics::durations(&mut families, findings)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::fixtures::finding;
    use crate::metrics::tests::parser::parse;
    use crate::model::{Check, PortState};
    use crate::probe::{Step, Visited};
    use std::time::Duration;

    fn run() -> Probe {
        let step = |name: &str, outcome: &str| Step {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            took: Duration::from_micros(1250),
        };
        Probe {
            target: r"SQL01\PAYROLL".to_owned(),
            began: "2026-11-22T12:00:00Z".parse().unwrap(),
            took: Duration::from_millis(3_001),
            visited: Visited {
                findings: vec![
                    finding(Check::Engine, PortState::Open),
                    finding(Check::Browser, PortState::NoAnswer),
                    finding(Check::Smb, PortState::Filtered),
                ],
                addresses: Vec::new(),
                steps: vec![
                    step("resolve SQL01", "10.1.2.3"),
                    step("engine tcp 1433", "open: 10.1.2.3:1433 accepted the connection"),
                    step("browser udp 1434", "no_answer: silence"),
                    step("smb tcp 445", "filtered: silence"),
                ],
            },
        }
    }

    #[test]
    fn only_the_ports_of_the_target_are_written_in_both_formats() {
        let (old, new) = (probe(&run(), Format::Text004), probe(&run(), Format::OpenMetrics100));
        assert_eq!(format!("{old}# EOF\n"), new);
        let parsed = parse(&new, true).unwrap();
        assert_eq!(parse(&old, false).unwrap().samples, parsed.samples);
        assert!(parsed.samples.keys().all(|(name, labels)| {
            name.starts_with("msx_port_") && labels["target"] == r"SQL01\PAYROLL" && labels["direction"] == "to_target"
        }));
        let open = |check: &str| {
            parsed.of("msx_port_open").find(|(labels, _)| labels["check"] == check).map(|(_, value)| value)
        };
        assert_eq!(["engine", "browser", "smb"].map(open), [Some(1.0), None, Some(0.0)]);
        assert_eq!(parsed.of("msx_port_state").count(), 3);
    }

    #[test]
    fn a_trace_shows_each_step_with_its_time() {
        let trace = probe_trace(&run(), true);
        assert!(trace.starts_with("Probe of SQL01\\PAYROLL, begun 2026-11-22 12:00:00 UTC, took 3.001 s\n"), "{trace}");
        assert!(
            trace.contains("    1.250 ms  engine tcp 1433: open: 10.1.2.3:1433 accepted the connection\n"),
            "{trace}"
        );
        assert!(trace.contains("msx_port_state{"), "{trace}");
    }

    #[test]
    fn without_details_a_trace_shows_states_and_no_addresses() {
        let trace = probe_trace(&run(), false);
        assert!(!trace.contains("10.1.2.3"), "{trace}");
        for line in ["ms  resolve SQL01\n", "ms  engine tcp 1433: open\n", "ms  smb tcp 445: filtered\n"] {
            assert!(trace.contains(line), "{line}: {trace}");
        }
        let mut run = run();
        run.visited.steps[0].name = "resolve 10.9.9.9".to_owned();
        let trace = probe_trace(&run, false);
        assert!(trace.contains("ms  resolve\n") && !trace.contains("10.9.9.9"), "{trace}");
        assert!(probe_trace(&run, true).contains("ms  resolve 10.9.9.9: "));
    }
}
