//! Lays pages before parsers that others wrote: promtool, and the strict OpenMetrics parser of Python's
//! prometheus_client. `tests/stages/exposition` installs both and runs this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::TestServer;
use harness::exporter::Setup;
use msx_lab::msdb::{Lab, Scenario};
use msx_lab::tds::Options;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Reads an exposition as OpenMetrics 1.0.0 asks, and says how many samples there were and which names of targets.
const STRICT: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
samples = [s for family in read(sys.stdin.buffer.read().decode()) for s in family.samples]
print(len(samples))
print(*sorted({s.labels['target'] for s in samples if s.name == 'msx_target_info'}), sep='\\n')
";

/// The same for the older format.
fn lenient() -> String {
    STRICT.replace("prometheus_client.openmetrics.parser", "prometheus_client.parser")
}

fn judge(mut program: Command, page: &[u8]) -> Output {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(page));
        child.wait_with_output().unwrap()
    })
}

fn promtool(page: &[u8]) -> String {
    let mut program = Command::new(std::env::var_os("MSX_PROMTOOL").unwrap_or_else(|| "promtool".into()));
    program.args(["check", "metrics"]);
    let output = judge(program, page);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || !said.is_empty());
    said
}

fn python(script: &str, page: &[u8]) -> Result<Vec<String>, String> {
    let python: OsString = std::env::var_os("MSX_PYTHON").unwrap_or_else(|| "python3".into());
    let mut program = Command::new(python);
    program.args(["-c", script]).env("PYTHONIOENCODING", "utf-8");
    let output = judge(program, page);
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn series(page: &[u8]) -> usize {
    page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count()
}

#[test]
fn every_page_is_clean() {
    for scenario in Scenario::all() {
        let master = TestServer::start(Lab::scenario(scenario.clone()), Options::default());
        let exporter = Setup::of(&master).start();
        let plain = exporter.get("/metrics").body;
        let open =
            exporter.request("GET", "/metrics", &[("Accept", "application/openmetrics-text;version=1.0.0")]).body;
        assert_eq!(promtool(&plain), "", "{}", scenario.name());
        let mut names = master.lab.with(|fleet, _| fleet.names());
        names.sort();
        for (script, page) in [(lenient(), &plain), (STRICT.to_owned(), &open)] {
            let reported = python(&script, page).unwrap_or_else(|error| panic!("{}: {error}", scenario.name()));
            assert_eq!(reported[0], series(page).to_string(), "{}", scenario.name());
            let reported: Vec<&String> = reported[1..].iter().filter(|name| !name.is_empty()).collect();
            assert_eq!(reported, names.iter().collect::<Vec<_>>(), "{}", scenario.name());
        }
    }
}

#[test]
fn the_page_of_a_master_that_is_down_is_clean() {
    let exporter = Setup::new("127.0.0.1:1").start();
    let plain = exporter.get("/metrics").body;
    assert_eq!(promtool(&plain), "");
    let open = exporter.request("GET", "/metrics", &[("Accept", "application/openmetrics-text;version=1.0.0")]).body;
    assert_eq!(python(STRICT, &open).unwrap()[0], series(&open).to_string());
}

#[test]
fn the_judges_do_find_faults() {
    assert!(promtool(b"# TYPE a counter\na 1\n").contains("counter metrics should have"));
    assert!(python(STRICT, b"a 1\n").unwrap_err().contains("Missing # EOF"));
    assert!(python(STRICT, b"# TYPE a gauge\n# TYPE a gauge\na 1\n# EOF\n").is_err());
}
