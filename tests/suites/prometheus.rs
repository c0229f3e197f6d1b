//! A real Prometheus scrapes the real exporter once a second. `tests/stages/prometheus` installs it and runs this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Exporter, Setup};
use harness::{Folder, TestServer, http, until};
use msx_lab::msdb::Scenario;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Far below the five minutes for which Prometheus would go on showing a series that ended without a mark.
const SOON: Duration = Duration::from_secs(45);

struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: Folder,
}

impl Prometheus {
    /// Starts one with these scrape jobs, and whatever stands behind them.
    fn start(jobs: &str) -> Prometheus {
        let folder = Folder::new();
        let config = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\nscrape_configs:\n{jobs}"
        );
        let config = folder.write("prometheus.yml", &config);
        let (mut child, address) = until("a port for Prometheus", || {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut child = Command::new(std::env::var_os("MSX_PROMETHEUS").unwrap_or_else(|| "prometheus".into()))
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .args(["--log.level=warn"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            until("Prometheus to be ready", || {
                let ready = http::request(address, "GET", "/-/ready", &[]).is_ok_and(|answer| answer.status == 200);
                let ended = child.try_wait().unwrap().is_some();
                (ready || ended).then_some(!ended)
            })
            .then_some((child, address))
        });
        assert!(child.try_wait().unwrap().is_none());
        Prometheus { child, address, _folder: folder }
    }

    /// The vector that a query answers with, each element's labels as one text.
    fn query(&self, query: &str) -> BTreeMap<String, f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/v1/query?query={encoded}");
        let answer = http::request(self.address, "GET", &path, &[]).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let element = |element: &Value| {
            let labels = element["metric"].as_object().unwrap().values().filter_map(Value::as_str);
            let labels: Vec<&str> = labels.collect();
            (labels.join(","), element["value"][1].as_str().unwrap().parse().unwrap())
        };
        answer["data"]["result"].as_array().unwrap().iter().map(element).collect()
    }

    /// What is wrong with each rule that fails, once every rule has been evaluated.
    fn failing_rules(&self) -> BTreeMap<String, String> {
        let rules = || -> Option<Vec<Value>> {
            let answer = http::request(self.address, "GET", "/api/v1/rules", &[]).unwrap();
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            let groups = answer["data"]["groups"].as_array().unwrap().iter();
            let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
            let known = !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown");
            known.then_some(rules)
        };
        let failing = until("all rules to be evaluated", rules).into_iter().filter(|rule| rule["health"] != "ok");
        let text = |rule: &Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
        failing.map(|rule| (text(&rule, "name"), text(&rule, "lastError"))).collect()
    }

    /// The one value that a query answers with; `None` for an empty vector.
    fn value(&self, query: &str) -> Option<f64> {
        let vector = self.query(query);
        assert!(vector.len() < 2, "{query}: {vector:?}");
        vector.into_values().next()
    }

    /// Waits until a query has this value.
    fn becomes(&self, query: &str, value: Option<f64>) {
        let began = Instant::now();
        until(&format!("{query} to be {value:?}"), || (self.value(query) == value).then_some(()));
        assert!(began.elapsed() < SOON, "{query} was {value:?} only after {:?}", began.elapsed());
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn job(name: &str, exporter: &Exporter, more: &str) -> String {
    format!("- job_name: {name}\n  static_configs:\n  - targets: ['{}']\n{more}", exporter.address)
}

#[test]
fn it_sees_what_the_page_says() {
    let master = TestServer::play(Scenario::Everything);
    let exporter = Setup::of(&master).start();
    let prometheus = Prometheus::start(&job("msx", &exporter, ""));
    prometheus.becomes("up", Some(1.0));
    prometheus.becomes("msx_up", Some(1.0));
    let page = exporter.scrape();
    for name in
        ["msx_target_info", "msx_target_diagnosis", "msx_target_download_errors", "msx_job_target_last_run_success"]
    {
        let expected = page.all(name, &[]).len();
        assert!(expected > 20, "{name}");
        assert_eq!(prometheus.value(&format!("count({name})")), Some(expected as f64), "{name}");
    }
    let mut causes = BTreeMap::<String, f64>::new();
    for sample in page.all("msx_target_diagnosis", &[]) {
        *causes.entry(sample.labels["cause"].clone()).or_default() += 1.0;
    }
    assert_eq!(prometheus.query("count by (cause) (msx_target_diagnosis)"), causes);
    assert_eq!(prometheus.value(r#"count(msx_target_info{target="SQL01\\PAYROLL"})"#), Some(1.0));
    assert_eq!(prometheus.value(r#"count(msx_target_info{target="СЕРВЕР-01"})"#), Some(1.0));
    // Two seconds on, nothing has come twice or been refused.
    prometheus.becomes("count_over_time(up[1m]) > bool 3", Some(1.0));
    assert_eq!(prometheus.value("min_over_time(up[1m])"), Some(1.0));
}

#[test]
fn a_target_is_gone_with_its_defect_and_the_fleet_with_its_master() {
    let mut master = TestServer::play(Scenario::Healthy);
    let exporter = Setup::of(&master).start();
    let prometheus = Prometheus::start(&job("msx", &exporter, ""));
    prometheus.becomes("count(msx_target_info)", Some(6.0));
    let of_one = r#"count({target="SQL02"})"#;
    assert!(prometheus.value(of_one) > Some(20.0));
    master.lab.with(|fleet, _| fleet.defect("SQL02"));
    prometheus.becomes(of_one, None);
    assert_eq!(prometheus.value("count(msx_target_info)"), Some(5.0));
    assert_eq!(prometheus.value("msx_targets"), Some(5.0));

    master.stop();
    prometheus.becomes("msx_up", Some(0.0));
    assert_eq!(prometheus.value("up"), Some(1.0));
    prometheus.becomes(r#"count({target!=""})"#, None);
    assert_eq!(prometheus.value("msx_targets"), None);
    prometheus.becomes("sum(msx_exporter_sql_errors_total) > bool 0", Some(1.0));
    master.come_back();
    prometheus.becomes("msx_up", Some(1.0));
    prometheus.becomes("count(msx_target_info)", Some(5.0));
}

/// The host's exporter: it answers everything with the pages of its files. It ends with the test's process.
fn textfile_collector(pages: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
    let answer = format!("{head}Content-Length: {}\r\n\r\n{pages}", pages.len());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
            while request.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn two_masters_on_one_host_break_no_rule_once_their_label_is_the_instance() {
    let page = |name: &str| {
        let master = TestServer::play(Scenario::Everything);
        let output = Setup::of(&master).run(&["once", &format!("--output.label=msx={name}")]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let host = textfile_collector(page("msx01") + &page("msx02"));
    let document = include_str!("../../exporter/TEXTFILE.md");
    let relabelling = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(relabelling.contains("metric_relabel_configs"), "{relabelling}");
    let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alerts/msx-*.yaml");
    let start = |more: &str| {
        let job = format!("- job_name: node\n  static_configs:\n  - targets: ['{host}']\n{more}");
        Prometheus::start(&format!("{job}rule_files:\n- {}\n", alerts.display()))
    };

    let plain = start("");
    plain.becomes("count(msx_up)", Some(2.0));
    let failing =
        until("rules to fail without the lines", || Some(plain.failing_rules()).filter(|all| !all.is_empty()));
    assert!(failing.values().any(|error| error.contains("many-to-many") || error.contains("duplicate")), "{failing:?}");

    let relabelled = start(relabelling);
    relabelled.becomes(r#"count(msx_up{job="msx"})"#, Some(2.0));
    let instances = relabelled.query("count by (instance) (msx_up)");
    assert_eq!(instances, [("msx01".to_owned(), 1.0), ("msx02".to_owned(), 1.0)].into());
    // Rules that build on recorded series are evaluated over them too.
    relabelled.becomes("count(count by (instance) (msx_target:roster:info))", Some(2.0));
    assert_eq!(relabelled.failing_rules(), BTreeMap::new());
}

#[test]
fn tls_and_a_password_let_it_in_and_no_other() {
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = setup.folder().write("web.crt", &made.cert.pem());
    setup.folder().write("web.key", &made.signing_key.serialize_pem());
    let hash = bcrypt::hash("0pen Sesame", 4).unwrap();
    let web = "tls_server_config:\n  cert_file: web.crt\n  key_file: web.key\nbasic_auth_users:\n  prometheus: ";
    let web = setup.folder().write("web.yml", &format!("{web}'{hash}'\n"));
    let exporter = setup.arg(&format!("--web.config.file={}", web.display())).start();
    let tls = format!("  scheme: https\n  tls_config:\n    ca_file: {}\n", certificate.display());
    let user = |password: &str| format!("  basic_auth:\n    username: prometheus\n    password: {password}\n");
    let jobs = [
        job("good", &exporter, &format!("{tls}{}", user("0pen Sesame"))),
        job("anonymous", &exporter, &tls),
        job("wrong", &exporter, &format!("{tls}{}", user("wrong"))),
        job("clear", &exporter, &user("0pen Sesame")),
        job("distrust", &exporter, &format!("  scheme: https\n{}", user("0pen Sesame"))),
    ];
    let prometheus = Prometheus::start(&jobs.concat());
    prometheus.becomes(r#"up{job="good"}"#, Some(1.0));
    prometheus.becomes(r#"msx_up{job="good"}"#, Some(1.0));
    for refused in ["anonymous", "wrong", "clear", "distrust"] {
        prometheus.becomes(&format!("up{{job='{refused}'}}"), Some(0.0));
    }
    assert_eq!(prometheus.value("count(msx_up)"), Some(1.0));
    assert!(!exporter.log().contains("0pen Sesame"));
}
