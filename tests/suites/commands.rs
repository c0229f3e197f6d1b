//! The commands as people call them: exit codes, what goes to which stream, files and the environment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Setup, code, command, data, log, run};
use harness::{Page, TestServer};
use msx_lab::msdb::{PASSWORD, Scenario};

#[test]
fn help_and_version_are_data_and_bad_usage_is_not() {
    for (args, word) in [(["--version"], "msx_exporter 0."), (["--help"], "check-config")] {
        let output = run(&args);
        assert_eq!((code(&output), log(&output)), (0, String::new()));
        assert!(data(&output).contains(word), "{}", data(&output));
    }
    for args in [["--nonsense"], ["dance"], ["--log.level=loud"]] {
        let output = run(&args);
        assert_eq!((code(&output), data(&output)), (64, String::new()));
        assert!(log(&output).starts_with("error: "), "{}", log(&output));
    }
}

#[test]
fn the_catalogue_needs_nothing_and_is_json() {
    let output = run(&["catalogue", "--config.file=/nonexistent"]);
    assert_eq!((code(&output), log(&output)), (0, String::new()));
    let catalogue: serde_json::Value = serde_json::from_str(&data(&output)).unwrap();
    assert_eq!(catalogue["metrics"][0]["name"], "msx_up");
    assert_eq!(catalogue["causes"][5]["name"], "stopped_polling");
    assert!(!data(&run(&["--help"])).contains("catalogue"));
}

#[test]
fn once_writes_the_page_to_standard_output_and_the_log_to_standard_error() {
    let master = TestServer::play(Scenario::Stopped);
    let output = Setup::of(&master).run(&["once", "--log.level=info"]);
    assert_eq!(code(&output), 0, "{}", log(&output));
    let page = Page::parse(&data(&output));
    assert!(page.up());
    assert_eq!(page.cause("SQL03"), Some("stopped_polling"));
    assert!(log(&output).contains("connected to the master"), "{}", log(&output));
    assert!(log(&output).lines().all(|line| line.starts_with("ts=")), "{}", log(&output));
}

#[test]
fn once_replaces_its_file_in_one_step_and_leaves_nothing_next_to_it() {
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let path = setup.folder().write("msx.prom", "old");
    let flag = format!("--output.file={}", path.display());
    let output = setup.run(&["once", &flag]);
    assert_eq!((code(&output), data(&output)), (0, String::new()), "{}", log(&output));
    assert!(Page::parse(&std::fs::read_to_string(&path).unwrap()).up());
    assert_eq!(setup.folder().names(), ["msx.prom", "msx_exporter.yml", "password"]);

    let nowhere = setup.run(&["once", "--output.file=/nonexistent/msx.prom"]);
    assert_eq!((code(&nowhere), data(&nowhere)), (1, String::new()));
    assert!(log(&nowhere).contains("/nonexistent/msx.prom"), "{}", log(&nowhere));
}

#[test]
fn once_says_on_the_page_and_by_its_code_that_the_master_cannot_be_read() {
    let mut master = TestServer::play(Scenario::Healthy);
    master.stop();
    let setup = Setup::of(&master);
    let path = setup.folder().path().join("msx.prom");
    let output = setup.run(&["once", &format!("--output.file={}", path.display())]);
    assert_eq!(code(&output), 1);
    let page = Page::parse(&std::fs::read_to_string(&path).unwrap());
    assert_eq!((page.value("msx_up", &[]), page.errors("connect")), (Some(0.0), 1.0));
    assert!(log(&output).contains("the master cannot be read"), "{}", log(&output));
    assert!(!log(&output).contains("next attempt"), "{}", log(&output));

    let output = setup.run(&["once"]);
    assert_eq!(code(&output), 1);
    assert_eq!(Page::parse(&data(&output)).value("msx_up", &[]), Some(0.0));
}

#[test]
fn once_needs_no_file_where_flags_and_the_environment_say_all() {
    let master = TestServer::play(Scenario::Healthy);
    let mut call = command();
    call.args(["once", "--role=master", &format!("--master.address={}", master.address)]);
    for (key, value) in [("USER", "msx_exporter"), ("PASSWORD", PASSWORD), ("ENCRYPT", "off")] {
        call.env(format!("MSX_EXPORTER__MASTER__{key}"), value);
    }
    let output = call.output().unwrap();
    assert_eq!(code(&output), 0, "{}", log(&output));
    assert!(Page::parse(&data(&output)).up());
}

#[test]
fn check_config_tells_all_faults_with_their_places_and_no_secret() {
    let setup = Setup::new("master.example").with("targets:\n  inclode: x\nexplain:\n  details: perhaps");
    let setup = setup.master("password", "Sw0rdfish");
    let output = setup.run(&["check-config"]);
    assert_eq!((code(&output), data(&output)), (64, String::new()));
    for part in ["msx_exporter.yml:10:3: targets.inclode", "mean include?", "explain.details", "password_file"] {
        assert!(log(&output).contains(part), "{part}: {}", log(&output));
    }
    assert!(!log(&output).contains("Sw0rdfish"), "{}", log(&output));

    let good = Setup::new("master.example").run(&["check-config"]);
    assert_eq!((code(&good), log(&good)), (0, String::new()));
    assert!(!data(&good).is_empty() && !data(&good).contains(PASSWORD), "{}", data(&good));
}

#[test]
fn every_command_refuses_a_bad_configuration() {
    for words in
        [&["serve", "--web.listen-address=127.0.0.1:0"][..], &["once"], &["grants"], &["check-config"], &["doctor"]]
    {
        let output = Setup::new("master.example").with("nonsense: 1").run(words);
        assert_eq!((code(&output), data(&output)), (64, String::new()), "{words:?}");
        assert!(log(&output).contains("nonsense"), "{words:?}: {}", log(&output));
        let output = Setup::new("master.example").env("MSX_EXPORTER__MASTER__PASWORD", "Sw0rdfish").run(words);
        assert_eq!(code(&output), 64, "{words:?}");
        assert!(log(&output).contains("MSX_EXPORTER__MASTER__PASWORD"), "{words:?}: {}", log(&output));
        assert!(!log(&output).contains("Sw0rdfish"), "{words:?}: {}", log(&output));
    }
}

#[test]
fn the_environment_beats_the_file_and_a_flag_beats_the_environment() {
    let master = TestServer::play(Scenario::Healthy);
    let wrong = Setup::new("127.0.0.1:1");
    assert_eq!(code(&wrong.run(&["once"])), 1);
    let address = master.address.to_string();
    let by_environment = Setup::new("127.0.0.1:1").env("MSX_EXPORTER__MASTER__ADDRESS", &address);
    assert_eq!(code(&by_environment.run(&["once"])), 0);
    let by_flag = Setup::new("127.0.0.1:1").env("MSX_EXPORTER__MASTER__ADDRESS", "127.0.0.1:1");
    assert_eq!(code(&by_flag.run(&["once", &format!("--master.address={address}")])), 0);
}

#[test]
fn serve_fails_where_it_cannot_listen() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("--web.listen-address={}", taken.local_addr().unwrap());
    let output = Setup::new("127.0.0.1:1").run(&["serve", &address]);
    assert_eq!((code(&output), data(&output)), (1, String::new()));
    assert!(log(&output).contains("cannot listen on 127.0.0.1:"), "{}", log(&output));
    let output = Setup::new("127.0.0.1:1").run(&["serve", "--web.listen-address=nonsense"]);
    assert_eq!(code(&output), 64);
    let output = Setup::new("127.0.0.1:1").run(&["serve", "--web.config.file=/nonexistent.yml"]);
    assert_eq!(code(&output), 64);
}

#[test]
fn grants_prints_the_complete_script_or_with_a_connection_what_is_missing() {
    let complete = command().arg("grants").output().unwrap();
    assert_eq!(code(&complete), 0, "{}", log(&complete));
    for table in ["systargetservers", "sysdownloadlist", "sysjobservers", "VIEW SERVER STATE"] {
        assert!(data(&complete).contains(table), "{table}: {}", data(&complete));
    }
    let master = TestServer::play(Scenario::Healthy);
    let grants = |statement: &str| {
        let script = data(&Setup::of(&master).run(&["grants"]));
        script.lines().filter(|line| !line.trim_start().starts_with("--") && line.contains(statement)).count()
    };
    assert_eq!(grants("GRANT"), 0, "nothing is missing");
    master.lab.revoke("sysdownloadlist");
    assert_eq!((grants("GRANT"), grants("sysdownloadlist")), (1, 1));
    let other = Setup::of(&master).arg("--login.name=other");
    let unreachable = || Setup::new("127.0.0.1:1");
    let no_password = unreachable().env("MSX_EXPORTER__MASTER__PASSWORD_FILE", "/nonexistent");
    for (setup, why) in [(other, "other may be"), (unreachable(), "127.0.0.1:1"), (no_password, "master.password_file")]
    {
        let output = setup.run(&["grants"]);
        assert_eq!(code(&output), 0, "{}", log(&output));
        assert!(data(&output).contains("sysdownloadlist") && data(&output).contains("systargetservers"));
        let said = log(&output);
        assert!(said.contains("cannot be asked what is missing") && said.contains(why), "{why}: {said}");
    }
}

#[test]
fn a_password_is_never_printed_at_any_level() {
    let master = TestServer::play(Scenario::Healthy);
    for format in ["logfmt", "json"] {
        let setup = Setup::of(&master).arg("--log.level=trace").arg(&format!("--log.format={format}"));
        let output = setup.run(&["once"]);
        assert_eq!(code(&output), 0, "{}", log(&output));
        assert!(log(&output).len() > 1000, "trace says more than that");
        assert!(!log(&output).contains(PASSWORD) && !data(&output).contains(PASSWORD));
    }
}
