//! A secret is in no output, whatever was done wrong with it; and no text panics the parser.

use super::super::keys::{KEYS, Kind};
use super::super::{check, load};
use super::{Sources, sources};
use proptest::prelude::*;

const MARKER: &str = "hunter2Marker";

/// All that is ever said of a configuration.
fn said(sources: &Sources) -> String {
    let faults = match load(sources) {
        Ok(config) => format!("{config:?}"),
        Err(faults) => format!("{faults} {faults:?}"),
    };
    let report = check(sources).unwrap_or_else(|faults| faults.to_string());
    format!("{faults}\n{report}\n{sources:?}")
}

/// The secrets, and the keys into which people put one by mistake.
fn secret_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter()
        .filter(|key| key.kind == Kind::Secret || key.path.ends_with("password_file"))
        .map(|key| (key.section(), key.name()))
}

#[test]
fn a_secret_in_any_shape_is_never_said() {
    let mut shapes = 0;
    for (section, key) in secret_keys() {
        for role in ["master", "target"] {
            for shape in [
                "  KEY: MARKER\n",
                "  KEY: [MARKER]\n",
                "  KEY: [[MARKER, {MARKER: MARKER}]]\n",
                "  KEY: { a: MARKER }\n",
                "  KEY: { MARKER x: 1 }\n",
                "  KEY:\n    - MARKER\n",
                "  KEY:MARKER\n",
                "  KEY:MARKER\n  user: u\n",
                "  KEY=MARKER\n",
                "  {KEY MARKER}\n",
                "  {KEY:MARKER}\n",
                "  KEY:MARKER: x\n",
                "  ? KEY:MARKER\n",
                "  ? [MARKER]\n  : x\n",
                "  KEY: MARKER\n  KEY: MARKER\n",
                "  KEY: &MARKER x\n  user: *MARKER\n",
                "  KEY: *MARKER\n",
                "  KEY: !MARKER x\n",
                "  KEY: \"MARKER\\q\"\n",
                "  KEY: \"MARKER\n",
                "  KEY: 'MARKER\n",
                "  KEY: @MARKER\n",
                "  KEY: %MARKER\n",
                "  KEY: MARKER: x\n",
                "  KEY: |\n    MARKER\n",
                "  KEY: |\n\tMARKER\n",
                "\tKEY: MARKER\n",
                "  KEY: {MARKER\n",
                "  KEYS: MARKER\n",
                "  user: u\n  auth: sql\n  KEY: MARKER\n",
                "  auth: windows\n  KEY: MARKER\n",
                "  address: sql://u:MARKER@host\n",
                "  address: Server=h;Password=MARKER\n",
            ] {
                let shape = shape.replace("KEYS", &format!("{key}s")).replace("KEY", key).replace("MARKER", MARKER);
                for text in
                    [format!("role: {role}\n{section}:\n{shape}"), format!("{section}: {key}:{MARKER}"), shape.clone()]
                {
                    let said = said(&sources("c.yml", text.clone()));
                    assert!(!said.contains(MARKER), "{text}\n---\n{said}");
                    shapes += 1;
                }
            }
            for shape in [
                "KEY = \"MARKER\"",
                "KEY = [\"MARKER\"]",
                "KEY = {a = \"MARKER\"}",
                "KEY = MARKER",
                "KEY = \"MARKER",
                "KEY: MARKER",
            ] {
                let shape = shape.replace("KEY", key).replace("MARKER", MARKER);
                let said = said(&sources("c.toml", format!("role = \"{role}\"\n[{section}]\n{shape}\n")));
                assert!(!said.contains(MARKER), "{shape}\n---\n{said}");
            }
            let name = format!("MSX_EXPORTER__{}__{}", section.to_uppercase(), key.to_uppercase());
            for name in [name.clone(), format!("{name}X"), format!("{name}__X")] {
                for value in
                    [MARKER.to_owned(), format!("{MARKER}\n"), format!("[{MARKER}"), format!("{{ a: {MARKER} }}")]
                {
                    let said = said(&sources("c.yml", format!("role: {role}")).with_variable(&name, &value));
                    assert!(!said.contains(MARKER), "{name}={value}\n---\n{said}");
                }
            }
        }
    }
    assert!(shapes > 300);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for name in ["c.yml", "c.toml"] {
            said(&sources(name, text.clone()));
            said(&sources(name, bytes.clone()));
        }
    }

    /// Texts made of what means something to the parsers.
    #[test]
    fn no_structure_panics(parts in proptest::collection::vec(prop_oneof![
        Just("master"), Just("password"), Just(": "), Just("\n"), Just("  "), Just("- "), Just("{"), Just("}"), Just("["), Just("]"),
        Just(","), Just("'"), Just("\""), Just("|\n"), Just(">-\n"), Just("&a "), Just("*a"), Just("!!str "), Just("? "), Just("#"),
        Just("---\n"), Just("...\n"), Just("%YAML 1.2\n"), Just("\t"), Just("="), Just("ports"), Just("checks"), Just("."), Just("\\"),
    ], 0..60)) {
        let text = parts.concat();
        for name in ["c.yml", "c.toml"] {
            said(&sources(name, text.clone()));
        }
        said(&sources("c.yml", "").with_variable("MSX_EXPORTER__TARGETS__LABELS", &text));
    }

    /// A value of any key is refused or taken, whatever it is.
    #[test]
    fn no_value_panics(index in 0..KEYS.len(), value in "\\PC{0,40}") {
        let name = KEYS[index].variable();
        said(&sources("c.yml", "").with_variable(&name, &value));
    }
}

#[test]
fn deep_and_wide_texts_end() {
    for text in ["[".repeat(100_000), "- ".repeat(10_000), "{a: ".repeat(50_000), "a:\n".repeat(20_000)] {
        assert!(load(&sources("c.yml", text)).is_err());
    }
    assert!(load(&sources("c.toml", format!("a = {}", "[".repeat(100_000)))).is_err());
    let bomb = "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b]\nexpected_targets: *c\n";
    let faults = load(&sources("c.yml", bomb)).unwrap_err().to_string();
    assert!(faults.contains("a YAML alias; hint: write the value out in each place"), "{faults}");
}
