//! The reference and the example, as texts. `tests/generate` compares the committed files with them.

use super::super::{example, keys::KEYS, keys::Kind, keys::SECTIONS, load, reference};
use super::sources;

#[test]
fn the_example_loads() {
    load(&sources("/etc/example.yml", example())).unwrap();
}

#[test]
fn every_key_stands_in_the_reference_under_a_section_that_is_explained() {
    let page = reference();
    for key in KEYS.iter() {
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
    for key in KEYS.iter() {
        let Kind::Items { fields, .. } = key.kind else { continue };
        let faults = load(&sources("x.yml", "").with_variable(&key.variable(), "[{}]")).unwrap_err().to_string();
        for field in fields {
            let missing = faults.contains(&format!("{}[0].{}: is missing", key.path, field.name));
            assert_eq!(missing, field.required, "{} of {}: {faults}", field.name, key.path);
        }
    }
}
