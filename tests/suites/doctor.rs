//! The doctor as people call it: what it prints in each form, what it says of what it cannot see, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::Stand;
use harness::exporter::{Setup, command};
use msx_lab::msdb::{Lab, PASSWORD, Scenario, USER};
use msx_lab::tds::{Encryption, Options};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Output;

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn data(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn log(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What differs from run to run: times of this machine, and ports that the system gave.
fn steady(text: &str, port: u16) -> String {
    let times = regex_lite::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap();
    times.replace_all(text, "TIME").replace(&port.to_string(), "PORT")
}

/// A master with a certificate of an authority that this machine does not know.
fn encrypted() -> Stand {
    Stand::start(Lab::scenario(Scenario::Healthy), Options { encryption: Encryption::Required, ..Options::default() })
}

/// A call on a target with a login of its own instance, for which the same lab stands.
fn on_target(stand: &Stand, args: &[&str]) -> Output {
    let mut call = command();
    call.args(["doctor", "--role=target", "--local.name=SQL01", &format!("--master.address={}", stand.address)]);
    for (key, value) in [
        ("LOCAL__ADDRESS", stand.address.to_string()),
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
    let stand = encrypted();
    for form in ["text", "markdown", "csv", "json"] {
        let output = on_target(&stand, &[&format!("--format={form}")]);
        assert_eq!(code(&output), 0, "{}", log(&output));
        insta::assert_snapshot!(format!("on_target_{form}"), steady(&data(&output), stand.address.port()));
    }
}

#[test]
fn scratch() {
    let lab = Lab::scenario(Scenario::Healthy).at("2026-11-22T12:00:00Z");
    lab.refuse_login("127.0.0.3", 18456, 8);
    let stand = Stand::start(lab, Options::default());
    let open = TcpListener::bind("127.0.0.2:0").unwrap();
    let setup = Setup::of(&stand).with(&format!(
        "  timeout: 1s\n  overrides:\n    - {{ match: SQL01, host: 127.0.0.2, engine_port: {}, required: true }}\n    - {{ match: '.*', host: 127.0.0.3, engine_port: 1 }}",
        open.local_addr().unwrap().port()
    ));
    let output = setup.run(&["doctor", "--aggregate"]);
    println!("{}\n{}\n{}", code(&output), data(&output), log(&output));
    let output = setup.run(&["doctor", "--format=json"]);
    println!("{}\n{}", code(&output), data(&output));
    let _: Value = serde_json::from_str(&data(&output)).unwrap();
}
