//! Every file in `testdata/bad` with the faults that are expected of it beside it. `MSX_WRITE_DOCUMENTS=1` writes the
//! faults anew; read them before they are committed.

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
        let told = load(&sources(name, text.clone())).expect_err(name).to_string() + "\n";
        let golden = path.with_extension("faults");
        if std::env::var_os("MSX_WRITE_DOCUMENTS").is_some() {
            fs::write(&golden, &told).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
        assert!(told == expected, "{name} tells\n{told}and was expected to tell\n{expected}");
        assert!(!told.contains("hunter2"), "{name} shows a secret:\n{told}");
    }
    assert!(seen > 10, "{seen}");
}

fn told(sources: &Sources) -> String {
    load(sources).unwrap_err().to_string()
}

#[test]
fn unknown_variables_are_refused_by_name() {
    let good = "master: { user: u, password_file: /run/secrets/msx }";
    let variable = |name, value| told(&sources("c.yml", good).with_variable(name, value));
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
            .contains("expected_targets: is a single value; hint: expected: list of names")
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
    assert!(told(&missing).starts_with("other.yml: cannot be read: "), "{}", told(&missing));
    missing.file = super::ConfigFile::Usual("other.yml".into());
    assert!(
        told(&missing)
            .starts_with("other.yml: is not there; hint: name another file with --config.file\nmaster.user: ")
    );
}
