//! The files that are written from the table of keys. `MSX_WRITE_DOCUMENTS=1 cargo test` writes them anew.

use super::super::{example, keys::KEYS, keys::Kind, keys::SECTIONS, load, reference};
use super::sources;
use std::fs;
use std::path::Path;

fn compare(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("MSX_WRITE_DOCUMENTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(found == expected, "{file} differs from the table of keys: run MSX_WRITE_DOCUMENTS=1 cargo test documents");
}

#[test]
fn the_reference_is_that_of_the_table() {
    compare("CONFIGURATION.md", &reference());
}

#[test]
fn the_example_is_that_of_the_table_and_loads() {
    compare("../deploy/msx_exporter.example.yml", &example());
    load(&sources("/etc/example.yml", example())).unwrap();
}

#[test]
fn every_key_stands_in_the_reference_under_a_section_that_is_explained() {
    let page = reference();
    for key in KEYS {
        assert_eq!(page.matches(&format!("| `{}`<br>", key.path)).count(), 1, "{}", key.path);
        let section = key.section();
        assert!(
            section.is_empty() || SECTIONS.iter().any(|(name, help)| *name == section && !help.is_empty()),
            "{section}"
        );
    }
}

#[test]
fn the_fields_that_the_table_calls_required_are_those_without_which_a_mapping_is_a_fault() {
    for key in KEYS {
        let Kind::Items { fields, .. } = key.kind else { continue };
        let faults = load(&sources("x.yml", "").with_variable(&key.variable(), "[{}]")).unwrap_err().to_string();
        for field in fields {
            let missing = faults.contains(&format!("{}[0].{}: is missing", key.path, field.name));
            assert_eq!(missing, field.required, "{} of {}: {faults}", field.name, key.path);
        }
    }
}
