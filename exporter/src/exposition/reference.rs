//! The reference of all metrics, `exporter/METRICS.md`, from the catalogue.

use super::catalogue::{Group, Metric, catalogue};
use crate::model::{
    Cause, Check, Direction, ErrorClass, MasterEvidence, Operation, OrphanKind, PortSource, PortState, ProbeFailure,
    Refusal, Stage, Word,
};
use std::fmt::Write as _;

/// The complete document in Markdown.
pub fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    for group in Group::ALL {
        let _ = write!(out, "\n## {}\n\n", group.title());
        out.push_str("| metric | type | labels | collector | meaning |\n|---|---|---|---|---|\n");
        for metric in catalogue().iter().filter(|metric| metric.group == group) {
            row(&mut out, metric);
        }
    }
    out.push_str(CAUSES);
    for cause in Cause::ALL {
        let _ = writeln!(out, "| {} | `{}` |", cause.code(), cause.name());
    }
    out.push_str(WORDS);
    words(&mut out, "state", "msx_port_state", &PortState::ALL.map(PortState::word));
    words(&mut out, "check", "msx_port_*", &Check::ALL.map(Check::word));
    words(&mut out, "direction", "msx_port_*", &Direction::ALL.map(Direction::word));
    words(&mut out, "source", "msx_port_info", &PortSource::ALL.map(PortSource::word));
    words(&mut out, "evidence", "msx_target_master_evidence", &MasterEvidence::ALL.map(MasterEvidence::word));
    words(&mut out, "operation", "msx_target_pending_operations", &Operation::ALL.map(Operation::word));
    words(&mut out, "operation", "msx_orphan_instructions", &OrphanKind::ALL.map(OrphanKind::word));
    words(&mut out, "class", "msx_target_download_errors_by_class", &ErrorClass::ALL.map(ErrorClass::word));
    words(&mut out, "stage", "msx_exporter_sql_errors_total", &Stage::ALL.map(Stage::word));
    words(&mut out, "reason", "msx_exporter_http_refused_total", &Refusal::ALL.map(Refusal::word));
    words(&mut out, "reason", "msx_exporter_probe_failures_total", &ProbeFailure::ALL.map(ProbeFailure::word));
    let states = |open| {
        let states = PortState::ALL.iter().filter(|state| state.open() == open);
        states.map(|state| format!("`{}`", state.name())).collect::<Vec<_>>().join(", ")
    };
    let (open, closed, unknown) = (states(Some(true)), states(Some(false)), states(None));
    let _ = writeln!(out, "\n`msx_port_open` is 1 in the states {open}; 0 in {closed}; absent in {unknown}.");
    out.push_str(OVER_TIME);
    out.push_str(CLOSING);
    out
}

fn words(out: &mut String, label: &str, of: &str, words: &[Word]) {
    for Word { name, meaning, .. } in words {
        let _ = writeln!(out, "| `{label}` | `{of}` | `{name}` | {meaning} |");
    }
}

fn row(out: &mut String, metric: &Metric) {
    let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    let collector = metric.collector.map_or("", |collector| collector.name());
    let (name, kind, help) = (metric.name, metric.kind.name(), metric.help);
    let _ = writeln!(out, "| `{name}` | {kind} | {labels} | {collector} | {help} |");
}

const INTRODUCTION: &str = "\
# Metrics

This file is generated from the exporter's catalogue of metrics; a test keeps the two equal.

- Absent means that no series is written. 0 never stands for \"unknown\".
- Times are seconds since 1970 in UTC. Take an age from `msx_server_time_seconds`, the master's own clock.
- `target` is the name under which the target is enlisted, such as `SQL01` or `SQL01\\PAYROLL`.
- A collector that failed writes none of its series. When the targets could not be read `msx_up` is 0 and no series
  about the master, its targets or its jobs is written; those of the ports and of the exporter go on.
- With `role: target` there is neither `msx_up` nor a series of the master, its targets or its jobs: only the chapter of the
  far side, the ports and the exporter.
- `master` stands only on port checks that go from a target to its master.
- `targets.labels` of the configuration adds its labels to `msx_target_info`.

How many of its own poll intervals each target is late; over 3 it is stale:

```promql
(msx_server_time_seconds - on (job, instance) group_right () msx_target_last_poll_timestamp_seconds)
  / msx_target_poll_interval_seconds
```
";

const CAUSES: &str = "
## Causes and their numbers

`msx_target_diagnosis` has the name of the cause that holds, `msx_target_diagnosis_code` its number. A number never
changes its meaning and is never used again.

| number | cause |
|---|---|
";

const WORDS: &str = "
## Words in labels

| label | of | word | meaning |
|---|---|---|---|
";

const OVER_TIME: &str = "
## Over a range of time

A series with a label for what holds now (`msx_target_diagnosis`, `msx_target_download_errors_by_class`,
`msx_port_state`) ends when something else holds. `last_over_time` still finds it for the length of its range, next to
the one that came after it. So ask a range of the number, and take the name from the series of this moment:

| question | query |
|---|---|
| which targets are settling, even across a lost scrape | `last_over_time(msx_target_diagnosis_code[5m]) == 12` |
| how often did the cause change | `changes(msx_target_diagnosis_code[1h])` |
| for which share of a day was it `ok` | `avg_over_time((msx_target_diagnosis_code == bool 0)[1d:1m])` |
| what is the cause called | `msx_target_diagnosis` |

- Federation does not pass on that a series has ended, unless the job that federates has
  `track_timestamps_staleness: true` (Prometheus 2.48 or later). Without it the series of a cause that has ended stays
  for five minutes next to the one that holds.
- Downsampling, as Thanos does it for old data, averages the number: where the cause changed it shows one that was never
  written. Read old data by its minimum, its maximum or the count of its samples.
";

const CLOSING: &str = "
## When a page grows too long

Over `limits.series` families are left out, in this order, until the page fits:

1. the last run of each job on each target (`msx_job_target_last_run_*`),
2. the durations of port checks (`msx_port_*_duration_seconds`),
3. the numbers of the ports (`msx_port_info`).

Nothing is ever left out of a target. `msx_exporter_series_limited` says how many series are missing: `collector=\"jobs\"`
for the first, `collector=\"ports\"` for the other two. Pairs of job and target over `limits.job_pairs` count there as
well, as three series each, and targets over `limits.targets` as one each under `collector=\"targets\"`.
";
