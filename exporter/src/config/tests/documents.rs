//! The reference and the example, as texts. `tests/generate` compares the committed files with them.

use super::super::{example, keys::KEYS, keys::SECTIONS, load, reference};
use super::sources;

#[test]
fn the_example_loads() {
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
