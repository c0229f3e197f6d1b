//! The doctor as people call it: what it prints in each form, what it says of what it cannot see, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::TestServer;
use harness::exporter::{Setup, code, command, data, log};
use msx_lab::msdb::{Lab, PASSWORD, Scenario, USER};
use msx_lab::tds::certs::Authority;
use msx_lab::tds::{Encryption, Options};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

/// What differs from run to run: times of this machine, and ports that the system gave.
fn steady(text: &str, port: u16) -> String {
    let times = regex_lite::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap();
    times.replace_all(text, "TIME").replace(&port.to_string(), "PORT")
}

/// A master with a certificate of an authority that this machine does not know.
fn encrypted() -> TestServer {
    TestServer::start(
        Lab::scenario(Scenario::Healthy),
        Options { encryption: Encryption::Required, ..Options::default() },
    )
}

/// A call on a target with a login of its own instance, for which the same lab stands.
fn on_target(master: &TestServer, args: &[&str]) -> Output {
    let mut call = command();
    call.args(["doctor", "--role=target", "--local.name=SQL01", &format!("--master.address={}", master.address)]);
    for (key, value) in [
        ("LOCAL__ADDRESS", master.address.to_string()),
        ("LOCAL__AUTH", "sql".to_owned()),
        ("LOCAL__USER", USER.to_owned()),
        ("LOCAL__PASSWORD", PASSWORD.to_owned()),
        ("PORTS__TIMEOUT", "1s".to_owned()),
    ] {
        call.env(format!("MSX_EXPORTER__{key}"), value);
    }
    call.args(args).output().unwrap()
}

#[test]
fn each_form_as_it_is_printed_on_a_target() {
    let master = encrypted();
    for form in ["text", "markdown", "csv", "json"] {
        let output = on_target(&master, &[&format!("--format={form}")]);
        assert_eq!(code(&output), 0, "{}", log(&output));
        insta::assert_snapshot!(format!("on_target_{form}"), steady(&data(&output), master.address.port()));
    }
}

#[test]
fn on_a_target_the_authority_of_the_configuration_is_trusted_too() {
    let authority = Authority::new("Corp CA").unwrap();
    let identity = Some(Arc::new(authority.issue(&["localhost"]).unwrap()));
    let options = Options { encryption: Encryption::Required, identity, ..Options::default() };
    let master = TestServer::start(Lab::scenario(Scenario::Healthy), options);
    let folder = Setup::of(&master);
    let file = folder.folder().write("authority.pem", authority.pem());
    for (trusted, said) in [(false, "untrusted"), (true, "the certificate passes; ok")] {
        let mut call = command();
        call.args(["doctor", "--role=target", "--local.name=SQL01", "--format=json"]);
        call.arg(format!("--master.address=localhost:{}", master.address.port()));
        if trusted {
            call.env("MSX_EXPORTER__MASTER__CA_FILE", &file);
        }
        let output = call.output().unwrap();
        let (fine, evidence, remedy) = besides(&json(&output), "MsxEncryptChannelOptions = 2 (the default)");
        assert_eq!((fine, remedy.is_empty()), (Some(trusted), trusted), "{evidence}");
        assert!(evidence.contains(said), "{evidence}");
        let (fine, evidence, _) = besides(&json(&output), "MsxEncryptChannelOptions = 1");
        assert!(fine == Some(true) && evidence.starts_with("all is encrypted"), "{evidence}");
    }
}

/// What each setting makes of a master is reported, whatever the master offers.
#[test]
fn on_a_target_each_setting_is_judged_by_what_the_master_demands() {
    for (encryption, expected) in [
        (Encryption::None, [Some(true), Some(false), Some(false)]),
        (Encryption::LoginOnly, [Some(true), Some(true), Some(false)]),
        (Encryption::Required, [None, Some(true), Some(false)]),
        (Encryption::Strict, [None, None, Some(false)]),
    ] {
        let master = TestServer::start(Lab::scenario(Scenario::Healthy), Options { encryption, ..Options::default() });
        let mut call = command();
        call.args(["doctor", "--role=target", "--local.name=SQL01", "--format=json"]);
        let output = call.arg(format!("--master.address={}", master.address)).output().unwrap();
        let request = json(&output);
        let fine = |setting: u32| besides(&request, &format!("MsxEncryptChannelOptions = {setting}")).0;
        assert_eq!([fine(0), fine(1), fine(2)], expected, "{encryption:?}: {request:#}");
    }
}

/// Ports towards the targets: the first one's engine on a port of its own, the others' on one where nothing listens.
fn with_ports(master: &TestServer, first: u16) -> Setup {
    Setup::of(master).with(&format!(
        "  timeout: 1s\n  overrides:\n    - {{ match: SQL01, host: 127.0.0.2, engine_port: {first}, required: true }}\n    \
         - {{ match: '.*', host: 127.0.0.3, engine_port: 1 }}"
    ))
}

fn frozen(scenario: Scenario) -> Lab {
    Lab::scenario(scenario).at("2026-11-22T12:00:00Z")
}

/// A port of 127.0.0.2 that is free, and where nothing listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&data(output)).unwrap_or_else(|error| panic!("{error}: {}", data(output)))
}

/// What is said of a subject besides ports: whether it is fine, how that is known, and what to do.
fn besides(request: &Value, subject: &str) -> (Option<bool>, String, String) {
    let all = request["readiness"].as_array().unwrap();
    let item = all.iter().find(|item| item["subject"].as_str().unwrap().contains(subject));
    let item = item.unwrap_or_else(|| panic!("nothing of {subject}: {all:#?}"));
    let text = |key: &str| item[key].as_str().unwrap().to_owned();
    (item["fine"].as_bool(), text("evidence"), text("remedy"))
}

/// The row from one machine to another with this port.
fn row<'r>(request: &'r Value, source: &str, destination: &str, port: &str) -> &'r Value {
    let rows = request["rows"].as_array().unwrap();
    let has = |ends: &Value, name: &str| ends.as_array().unwrap().iter().any(|end| end["name"] == name);
    let found = rows
        .iter()
        .find(|row| has(&row["source"], source) && has(&row["destination"], destination) && row["ports"] == port);
    found.unwrap_or_else(|| panic!("no row {source} -> {destination} {port}: {rows:#?}"))
}

#[test]
fn on_the_master_what_needs_a_rule_is_asked_for_and_nothing_else() {
    let master = TestServer::start(frozen(Scenario::Healthy), Options::default());
    let open = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = open.local_addr().unwrap().port();
    let output = with_ports(&master, port).run(&["doctor", "--format=json"]);
    assert_eq!(code(&output), 0, "{}", log(&output));
    let mut request = json(&output);
    // What this machine itself offers on 135 and 445 is its own affair.
    request["rows"].as_array_mut().unwrap().retain(|row| row["need"] != "for_people");
    let text = serde_json::to_string_pretty(&request).unwrap();
    insta::assert_snapshot!("on_the_master", steady(&text, port));
}

#[test]
fn a_thousand_rows_are_a_few_rules() {
    let master = TestServer::start(Lab::fleet(200, 0, 1), Options::default());
    let setup =
        Setup::of(&master).with("  timeout: 1s\n  overrides: [{ match: '.*', host: 127.0.0.3, engine_port: 1 }]");
    let complete = json(&setup.run(&["doctor", "--format=json", "--each"]));
    let few = json(&setup.run(&["doctor", "--format=json"]));
    let count = |request: &Value| request["rows"].as_array().unwrap().len();
    assert!(count(&complete) > 800 && count(&few) < 12, "{} and {}", count(&complete), count(&few));
    let polling = &few["rows"][0];
    assert_eq!((polling["source"].as_array().unwrap().len(), &polling["need"]), (200, &Value::from("required")));
}

#[test]
fn a_required_port_that_is_closed_ends_with_2_and_an_earlier_request_is_compared_with_now() {
    let master = TestServer::start(frozen(Scenario::Healthy), Options::default());
    let port = free_port();
    let setup = with_ports(&master, port);
    let before = setup.run(&["doctor", "--format=json"]);
    assert_eq!(code(&before), 2, "{}", log(&before));
    assert!(log(&before).contains(&format!("required and not open: MSX01 -> SQL01, TCP {port} (refused)")));
    // As `>` of Windows PowerShell 5.1 writes it.
    let file = setup.folder().write("earlier.json", "");
    let lines = format!("\u{feff}{}", data(&before).replace('\n', "\r\n"));
    std::fs::write(&file, lines.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    let verify = |more: &[&str]| {
        let flag = format!("--verify={}", file.display());
        setup.run(&[&["doctor", "--format=json", &flag], more].concat())
    };
    let still = verify(&[]);
    assert_eq!(code(&still), 2);
    let states = |output: &Output| {
        let request = json(output);
        let row = row(&request, "MSX01", "SQL01", &port.to_string());
        (row["before"]["state"].clone(), row["now"]["state"].clone())
    };
    assert_eq!(states(&still), ("refused".into(), "refused".into()));

    let _open = TcpListener::bind(("127.0.0.2", port)).unwrap();
    for more in [&[][..], &["--each"]] {
        let now = verify(more);
        assert_eq!(code(&now), 0, "{}", log(&now));
        assert_eq!(states(&now), ("refused".into(), "open".into()), "{more:?}");
    }
    let text = data(&setup.run(&["doctor", &format!("--verify={}", file.display())]));
    assert!(text.lines().any(|line| line.starts_with("      before     refused: ") && line.ends_with("; open now")));
}

#[test]
fn a_required_port_that_could_not_be_looked_at_ends_with_3() {
    let master = TestServer::start(frozen(Scenario::Stopped), Options::default());
    let output = Setup::of(&master).run(&["doctor"]);
    assert_eq!(code(&output), 3, "{}", log(&output));
    assert!(log(&output).contains("required and could not be looked at: SQL03"), "{}", log(&output));
    // SQL Browser that keeps silent.
    let _silent = std::net::UdpSocket::bind("127.0.41.3:1434").unwrap();
    let mut call = command();
    call.args(["doctor", "--role=target", "--local.name=SQL01", r"--master.address=127.0.41.3\HQ"]);
    let output = call.env("MSX_EXPORTER__PORTS__TIMEOUT", "500ms").output().unwrap();
    assert_eq!(code(&output), 3, "{}", log(&output));
}

#[test]
fn on_a_target_a_closed_way_to_the_master_ends_with_2() {
    let mut call = command();
    call.args(["doctor", "--role=target", "--local.name=SQL01", "--master.address=127.0.0.2:1", "--format=json"]);
    let output = call.output().unwrap();
    assert_eq!(code(&output), 2, "{}", log(&output));
    assert_eq!(row(&json(&output), "SQL01", "127.0.0.2", "1")["now"]["state"], "refused");
}

#[test]
fn on_a_node_of_a_failover_cluster_every_node_is_a_source() {
    let master = encrypted();
    master.lab.cluster(&["127.0.0.11", "127.0.0.12"]);
    let request = json(&on_target(&master, &["--format=json"]));
    let port = master.address.port().to_string();
    assert_eq!(row(&request, "127.0.0.11", "127.0.0.1", &port)["source"].as_array().unwrap().len(), 2);
    master.lab.revoke("VIEW SERVER STATE");
    let request = json(&on_target(&master, &["--format=json"]));
    row(&request, "SQL01", "127.0.0.1", &port);
    for (subject, right) in [
        ("nodes of a failover cluster", "VIEW SERVER PERFORMANCE STATE"),
        ("SQL Server Agent on this target", "VIEW SERVER SECURITY STATE"),
        ("ports of this target's engine", "VIEW SERVER SECURITY STATE"),
    ] {
        let (fine, _, remedy) = besides(&request, subject);
        assert!(fine.is_none() && remedy.contains(right), "{subject}: {remedy}");
    }
}

#[test]
fn without_a_readable_master_it_prints_what_is_needed_and_what_is_not_known() {
    let output = Setup::new("127.0.0.1:1").run(&["doctor", "--format=json"]);
    assert_eq!(code(&output), 1, "{}", log(&output));
    assert!(log(&output).contains("the master cannot be read: connect: "), "{}", log(&output));
    let request = json(&output);
    for subject in ["SQL Server Agent on the master", "operator MSXOperator", "certificate of the master"] {
        let (fine, evidence, remedy) = besides(&request, subject);
        assert_eq!((fine, evidence.as_str(), remedy.as_str()), (None, "not asked: the master cannot be read", ""));
    }
    let polling = row(&request, "each target", "127.0.0.1", "1");
    assert_eq!((&polling["need"], &polling["now"]["open"]), (&Value::from("required"), &Value::Null));
    let (fine, evidence, _) = besides(&request, "master");
    assert!(fine.is_none() && evidence.contains("127.0.0.1:1"), "{evidence}");
    assert!(request["next"][0].as_str().unwrap().ends_with("--master.address=127.0.0.1:1 --local.name=NAME"));
}

#[test]
fn bad_usage_is_64() {
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let wrong = setup.folder().write("wrong.json", "{\"rows\": []}");
    for (args, part) in [
        (vec!["--format=xml".to_owned()], "xml"),
        (vec!["--verify=/nonexistent/x.json".to_owned()], "/nonexistent/x.json"),
        (vec!["--verify=/dev/zero".to_owned()], "it is a device"),
        (vec![format!("--verify={}", wrong.display())], "no request"),
    ] {
        let output = setup.run(&[vec!["doctor"], args.iter().map(String::as_str).collect()].concat());
        assert_eq!((code(&output), data(&output)), (64, String::new()), "{args:?}");
        assert!(log(&output).contains(part), "{args:?}: {}", log(&output));
    }
    let output = command().args(["doctor", "--role=target", "--master.address=127.0.0.1:1"]).output().unwrap();
    assert_eq!(code(&output), 64);
    assert!(log(&output).contains("--local.name"), "{}", log(&output));
}

#[test]
fn what_the_login_may_not_see_is_unknown_and_comes_with_the_grant_that_would_show_it() {
    for (version, security, performance) in [
        (2012, "VIEW SERVER STATE", "VIEW SERVER STATE"),
        (2019, "VIEW SERVER STATE", "VIEW SERVER STATE"),
        (2022, "VIEW SERVER SECURITY STATE", "VIEW SERVER PERFORMANCE STATE"),
        (2025, "VIEW SERVER SECURITY STATE", "VIEW SERVER PERFORMANCE STATE"),
    ] {
        let master = TestServer::start(frozen(Scenario::Stopped).version(version), Options::default());
        master.lab.refuse_login("10.1.0.3", 18_456, 8);
        master.lab.revoke("VIEW SERVER STATE");
        // What the doctor is asked for is asked whatever the exporter itself reads.
        let more = "targets:\n  addresses: [{ match: SQL03, address: 10.1.0.3 }]\ncollectors: { arrivals: false }";
        let setup = with_ports(&master, 1).with(more);
        let ask = || json(&setup.run(&["doctor", "--format=json"]));
        let request = ask();
        for (subject, right) in [
            ("ports on which the master listens", security),
            ("what the master remembers of silent targets", performance),
            ("TargetServersRole", "VIEW DEFINITION"),
        ] {
            let (fine, evidence, remedy) = besides(&request, subject);
            assert_eq!(fine, None, "{version}, {subject}");
            assert!(evidence.starts_with("not known: "), "{version}, {subject}: {evidence}");
            assert!(remedy.contains(&format!("GRANT {right} TO")), "{version}, {subject}: {remedy}");
        }
        for right in [security, performance, "VIEW DEFINITION"] {
            master.lab.grant(right);
        }
        let request = ask();
        assert!(besides(&request, "TargetServersRole").1.contains(r"CORP\svc_agent (WINDOWS_USER)"), "{version}");
        let (fine, evidence, _) = besides(&request, "silence of SQL03");
        assert_eq!(fine, Some(false), "{version}");
        assert!(evidence.starts_with("the master shows: logins refused. The master refused 1 login"), "{evidence}");
        for detail in ["10.1.0.3 (targets.addresses)", "error 18456 state 8: The password of the SQL login is wrong"] {
            assert!(evidence.contains(detail), "{evidence}");
        }
        let silence =
            request["readiness"].as_array().unwrap().iter().find(|item| item["subject"] == "silence of SQL03");
        let first = &silence.unwrap()["suspects"][0];
        assert_eq!(first["title"], "The password of the SQL login is wrong", "{version}");
        assert!(first["step"].as_str().unwrap().contains("sp_msx_get_account"), "{version}");
        assert_eq!(row(&request, "SQL03", "MSX01", "1433")["now"]["open"], true, "what was refused arrived");
    }
}

#[test]
fn a_question_that_fails_costs_its_own_answer_alone() {
    for (table, spoiled) in [
        ("dm_os_ring_buffers", "what the master remembers of silent targets"),
        ("dm_tcp_listener_states", "ports on which the master listens"),
        ("database_role_members", "TargetServersRole"),
    ] {
        let master = TestServer::start(frozen(Scenario::Stopped), Options::default());
        master.lab.grant("VIEW DEFINITION");
        master.lab.drop_table(table);
        let request = json(&with_ports(&master, 1).run(&["doctor", "--format=json"]));
        assert!(besides(&request, spoiled).1.starts_with("not known: "), "{table}");
        let unknown = request["readiness"].as_array().unwrap().iter();
        let unknown = unknown.filter(|item| item["evidence"].as_str().unwrap().starts_with("not known"));
        assert_eq!(unknown.count(), 1, "{table}");
    }
}

#[test]
fn a_question_that_is_never_answered_costs_what_follows_and_no_more_than_the_time_of_a_reading() {
    let master = TestServer::start(frozen(Scenario::Stopped), Options::default());
    master.lab.grant("VIEW DEFINITION");
    master.lab.command("fault database_role_members wait 600s").unwrap();
    let began = std::time::Instant::now();
    let output = with_ports(&master, 1).master("timeout", "2s").run(&["doctor", "--format=json", "--each"]);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let request = json(&output);
    assert_eq!(row(&request, "SQL02", "MSX01", "1433")["now"]["open"], Value::from(true));
    assert!(besides(&request, "TargetServersRole").1.contains("no answer within 2 s"));
    assert!(besides(&request, "silence of SQL03").1.starts_with("the master shows: "), "it was asked before");
}

#[test]
fn the_ports_asked_for_are_those_on_which_targets_can_poll() {
    let master = TestServer::start(frozen(Scenario::Healthy).server_name(r"MSX01\HQ"), Options::default());
    master.lab.listens_on(&[("0.0.0.0", 14330), ("127.0.0.1", 14331), ("::1", 14331)]);
    master.lab.group_listener("10.1.0.99", 5022);
    let request = json(&with_ports(&master, free_port()).run(&["doctor", "--format=json"]));
    assert_eq!(row(&request, "SQL01", "MSX01", "14330")["transport"], "tcp");
    assert_eq!(row(&request, "SQL01", "MSX01", "1434")["transport"], "udp");
    let text = request.to_string();
    assert!(!text.contains("14331") && !text.contains("5022"), "{text}");
}

#[test]
fn no_form_and_no_log_holds_a_credential() {
    let master = encrypted();
    let setup = Setup::of(&master).master("encrypt", "required").arg("--log.level=trace");
    for form in ["text", "markdown", "csv", "json"] {
        for output in [setup.run(&["doctor", "--format", form]), on_target(&master, &["--format", form])] {
            assert!(data(&output).len() > 500, "{}", log(&output));
            assert!(!data(&output).contains(PASSWORD) && !log(&output).contains(PASSWORD));
        }
    }
}
