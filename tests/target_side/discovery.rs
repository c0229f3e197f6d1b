//! Prometheus' own programs against `/sd`, `/probe` and the page of a target. `tests/run discovery` runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exporter;
mod test_server;

use exporter::{Folder, Running, Serving, command, exporter as call, get, until};
use msx_lab::msdb::Lab;
use msx_lab::tds::{Encryption, Options};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use test_server::{Filtered, TestServer, filtered, refused};

/// What `promtool check metrics` says of a page; nothing where it is clean.
fn lint(page: &str) -> String {
    let mut tool = command("promtool");
    let mut tool = tool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let done = tool.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stderr).unwrap()
}

/// A master with a target that is open, one that refuses, one that is silent, and a second instance on the first one's
/// host, which refuses too.
fn master() -> (TestServer, Filtered, Serving) {
    let master = TestServer::with_targets(&["SQL01", r"SQL01\PAYROLL", "SQL02", "SQL03"]);
    let silent = filtered();
    let serving = Serving::start(&master.config(&format!(
        "ports:\n  enabled: false\n  timeout: 300ms\n  overrides:\n    - {{ match: SQL01, host: 127.0.0.1, \
         engine_port: {} }}\n    - {{ match: SQL03, host: 127.0.0.1, engine_port: {} }}\n    - {{ match: '.*', host: \
         127.0.0.1, engine_port: {} }}\n",
        master.address.port(),
        silent.port,
        refused()
    )));
    (master, silent, serving)
}

#[test]
fn promtool_finds_no_fault_in_the_page_of_a_probe_and_of_a_target() {
    let (_stand, _silent, serving) = master();
    let (status, page) = serving.get("/probe?target=SQL01");
    assert_eq!((status, lint(&page).as_str()), (200, ""));
    let far =
        TestServer::start(Lab::fleet(1, 0, 0), Options { encryption: Encryption::Required, ..Options::default() });
    let place = format!("--master.address=localhost:{}", far.address.port());
    let once = call().args(["once", "--role=target", "--local.name=SQL01", &place]).output().unwrap();
    let page = String::from_utf8(once.stdout).unwrap();
    assert!(page.contains("msx_master_certificate_valid"), "{page}");
    assert_eq!(lint(&page), "");
    assert_eq!(far.logins.load(Ordering::SeqCst), 0, "no login happens");
}

#[test]
fn prometheus_finds_the_targets_and_probes_them() {
    let (_stand, _silent, serving) = master();
    let folder = Folder::new();
    let exporter = serving.address;
    let config = format!(
        "global: {{ scrape_interval: 2s, scrape_timeout: 2s }}\nscrape_configs:\n  - job_name: msx-probe\n    \
         metrics_path: /probe\n    http_sd_configs:\n      - url: http://{exporter}/sd?per=target\n    \
         relabel_configs:\n      - {{ source_labels: [__meta_msx_target], target_label: __param_target }}\n      - {{ \
         source_labels: [__meta_msx_target], target_label: instance }}\n      - {{ target_label: __address__, \
         replacement: '{exporter}' }}\n"
    );
    let api = SocketAddr::from(([127, 0, 0, 1], refused()));
    let mut prometheus = command("prometheus");
    prometheus.arg(format!("--config.file={}", folder.write("prometheus.yml", &config).display()));
    prometheus.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    prometheus.arg(format!("--web.listen-address={api}")).stderr(Stdio::null());
    let _prometheus = Running(prometheus.spawn().unwrap());
    until("Prometheus listens", || std::net::TcpStream::connect(api).ok());
    // {job="msx-probe",check="engine"} as a selector of msx_port_open.
    let query = "/api/v1/query?query=msx_port_open%7Bjob%3D%22msx-probe%22%2Ccheck%3D%22engine%22%7D";
    let expected = BTreeMap::from(
        [("SQL01", "1"), (r"SQL01\PAYROLL", "0"), ("SQL02", "0"), ("SQL03", "0")]
            .map(|(name, open)| (name.to_owned(), (name.to_owned(), open.to_owned()))),
    );
    until("all targets are probed", || {
        let answer: Value = serde_json::from_str(&get(api, query).1).ok()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let samples = answer["data"]["result"].as_array()?.iter().map(|sample| {
            let labels = &sample["metric"];
            (text(&labels["instance"]), (text(&labels["target"]), text(&sample["value"][1])))
        });
        (samples.collect::<BTreeMap<_, _>>() == expected).then_some(())
    });
}
