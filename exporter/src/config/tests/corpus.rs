//! Every file in `testdata/bad` with the faults that are expected of it next to it. They are golden files, which
//! `tests/generate` leaves alone: `MSX_ACCEPT_FAULTS=1` writes them again; read them before they are committed.

use super::super::keys::{KEYS, Kind};
use super::super::load;
use super::{Sources, sources};
use std::fs;
use std::path::Path;

#[test]
fn every_bad_configuration_gives_exactly_its_faults() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata/bad");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "faults") {
            continue;
        }
        seen += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let faults = load(&sources(name, text.clone())).expect_err(name).to_string() + "\n";
        let golden = path.with_extension("faults");
        if std::env::var_os("MSX_ACCEPT_FAULTS").is_some() {
            fs::write(&golden, &faults).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
        assert!(faults == expected, "{name} reports\n{faults}and was expected to report\n{expected}");
        assert!(!faults.contains("hunter2"), "{name} shows a secret:\n{faults}");
    }
    assert!(seen > 10, "{seen}");
}

fn faults_of(sources: &Sources) -> String {
    load(sources).unwrap_err().to_string()
}

/// A key that stands in the table but is not read, or is read as something else, is found here.
#[test]
fn every_key_is_read_and_refuses_what_makes_no_sense() {
    for key in KEYS.iter() {
        let wrong = match key.kind {
            Kind::Secret => "x\n",
            Kind::Names => "['']",
            Kind::Items { .. } => "[{}]",
            _ => "\u{1}(",
        };
        let role = if key.path.starts_with("local.") { "target" } else { "master" };
        let text = format!("role: {role}\nmaster: {{ address: x, user: u, password_file: /run/secrets/msx }}");
        let faults = faults_of(&sources("c.yml", text).with_variable(&key.variable(), wrong));
        let expected = format!("{}: {}", key.variable(), key.path);
        assert!(faults.lines().any(|line| line.starts_with(&expected)), "{expected}: {faults}");
    }
}

#[test]
fn every_word_of_a_choice_is_understood() {
    for key in KEYS.iter() {
        let Kind::Choice(words) = key.kind else { continue };
        for word in words {
            let sources = sources("c.yml", "").with_variable(&key.variable(), word);
            let faults = load(&sources).err().map(|faults| faults.to_string()).unwrap_or_default();
            assert!(!faults.contains("is not known"), "{}: {word}: {faults}", key.path);
        }
    }
}

#[test]
fn null_is_as_good_as_nothing() {
    let faults = faults_of(&sources(
        "c.yml",
        "role: target\nmaster: { address: null, timeout: ~, user: }\nlocal: { name: SQL01 }",
    ));
    assert_eq!(faults.lines().count(), 1, "{faults}");
    assert!(faults.starts_with("master.address: is missing"), "{faults}");
}

#[test]
fn a_value_of_the_wrong_shape_is_reported_once_and_a_variable_overrides_it() {
    let text = "master: { user: u, password: p }\nports: 5\nexpected_targets: { a: b }\n";
    let both = sources("c.yml", text).with_variable("MSX_EXPORTER__PORTS__INTERVAL", "5m");
    let faults = faults_of(&both.with_variable("MSX_EXPORTER__EXPECTED_TARGETS", "[SQL01, sql01]"));
    let paths: Vec<_> = faults.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(paths, ["ports", "expected_targets", "expected_targets"], "{faults}");
}

#[test]
fn unknown_variables_are_refused_by_name() {
    let good = "master: { user: u, password_file: /run/secrets/msx }";
    let variable = |name, value| faults_of(&sources("c.yml", good).with_variable(name, value));
    assert_eq!(
        variable("MSX_EXPORTER__MASTER__ADRESS", "x"),
        "MSX_EXPORTER__MASTER__ADRESS: unknown variable; hint: did you mean MSX_EXPORTER__MASTER__ADDRESS?"
    );
    assert_eq!(
        variable("MSX_EXPORTER__MASTER__TIMEOUT", "8"),
        "MSX_EXPORTER__MASTER__TIMEOUT: master.timeout: \"8\" has no unit; hint: a duration has a unit, such as 8s, 5m or 250ms"
    );
    assert!(
        variable("MSX_EXPORTER__EXPECTED_TARGETS", "SQL01")
            .contains("expected_targets: is a single value; hint: this key takes a list of names")
    );
    assert!(
        variable("MSX_EXPORTER__EXPECTED_TARGETS", "[SQL01")
            .starts_with("MSX_EXPORTER__EXPECTED_TARGETS: expected_targets[1]: not YAML: ")
    );
    assert!(variable("MSX_EXPORTER__MASTER", "x").contains("unknown variable"));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let mut missing = sources("c.yml", "");
    missing.file = super::ConfigFile::Named("other.yml".into());
    assert!(faults_of(&missing).starts_with("other.yml: cannot be read: "), "{}", faults_of(&missing));
    missing.file = super::ConfigFile::Usual("other.yml".into());
    assert!(faults_of(&missing).starts_with(
        "other.yml: is not there; hint: write it, or name another file with --config.file\nmaster.user: "
    ));
}
