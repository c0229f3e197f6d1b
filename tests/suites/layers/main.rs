//! No room knows a room above it: the arrows between the rooms of the exporter all run down.
//!
//! Every path of every file counts, `use` or not, for every platform. Only what is compiled for tests is left out.

mod paths;

use paths::{Reference, references};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// The rooms from the bottom up. Rooms of one line do not know each other.
const ORDER: &[&[&str]] = &[
    &["model"],
    &["exit", "signal", "events"],
    &["logging", "files"],
    &["exposition"],
    &["process"],
    &["config"],
    &["probe::protocol"],
    &["sqlserver"],
    &["collectors"],
    &["probe"],
    &["target_side"],
    &["target_pages"],
    &["diagnosis"],
    &["metrics"],
    &["pages", "api"],
    &["doctor"],
    &["http"],
    &["windows_service"],
    &["app"],
    &["cli"],
    &["commands"],
    &["main"],
];

/// Arrows that run up: the lower room, the room that it knows, and what removes the arrow. There is none, and the list
/// only shrinks: an entry that no path needs fails the test.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|level| level.contains(&room))
}

/// The room of a path of modules, such as `probe::protocol::tds`: the longest name in [`ORDER`] that begins it.
fn room(module: &[String]) -> Option<&'static str> {
    let rooms = ORDER.iter().copied().flatten().copied();
    let begins =
        |room: &&'static str| room.split("::").eq(module.iter().map(String::as_str).take(room.split("::").count()));
    rooms.filter(begins).max_by_key(|room| room.len())
}

/// Every arrow between two rooms, with the places that need it.
fn arrows(all: &[Reference]) -> Result<BTreeMap<(&'static str, &'static str), BTreeSet<String>>, String> {
    let mut arrows: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for reference in all {
        let known = |module: &[String]| room(module).ok_or_else(|| module.join("::"));
        // What stands at the root of the crate and is no module, such as a constant, belongs to no room.
        if reference.to.is_empty() {
            continue;
        }
        let (from, to) = (known(&reference.from)?, known(&reference.to)?);
        if from != to {
            arrows.entry((from, to)).or_default().insert(reference.place.clone());
        }
    }
    Ok(arrows)
}

/// What is wrong with these arrows, given these exceptions.
fn faults(arrows: &BTreeMap<(&str, &str), BTreeSet<String>>, exceptions: &[(&str, &str, &str)]) -> String {
    let mut faults = String::new();
    for ((from, to), places) in arrows {
        let down = rank(to) < rank(from);
        if !down && !exceptions.iter().any(|(lower, upper, _)| (lower, upper) == (from, to)) {
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            let _ = writeln!(faults, "{from} knows {to}, which is not below it: {}", places.join(", "));
        }
    }
    for (lower, upper, why) in exceptions {
        if !arrows.contains_key(&(*lower, *upper)) {
            let _ = writeln!(faults, "{lower} no longer knows {upper}: remove the exception ({why})");
        }
    }
    faults
}

#[test]
fn no_room_knows_a_room_above_it() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = references(&sources).unwrap_or_else(|error| unreachable!("the sources can be read: {error}"));
    assert!(all.len() > 500, "only {} paths between modules were found", all.len());
    let arrows = arrows(&all).unwrap_or_else(|unknown| unreachable!("{unknown} belongs to no room of the order"));
    let faults = faults(&arrows, EXCEPTIONS);
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn an_arrow_that_runs_up_and_an_exception_that_is_not_needed_are_faults() {
    let up = [(("model", "http"), BTreeSet::from(["model/port.rs:3".to_owned()]))].into();
    assert_eq!(faults(&up, &[]), "model knows http, which is not below it: model/port.rs:3\n");
    assert_eq!(faults(&up, &[("model", "http", "because")]), "");
    let level = [(("pages", "api"), BTreeSet::from(["pages/mod.rs:1".to_owned()]))].into();
    assert!(faults(&level, &[]).contains("pages knows api"));
    let down = [(("http", "model"), BTreeSet::new())].into();
    assert_eq!(
        faults(&down, &[("model", "http", "because")]),
        "model no longer knows http: remove the exception (because)\n"
    );
}

#[test]
fn the_paths_of_a_file_are_understood() {
    let text = r"
        use crate::config::{self, Config};
        use super::sibling::Thing;
        use std::fmt;
        #[cfg(windows)]
        mod system { use crate::windows_service::run; use super::Other; }
        #[cfg(test)]
        mod tests { use crate::fixtures::fleet; }
        fn f() -> crate::model::Check { println!(); crate::http::bind() }
        macro_rules! m { () => { $crate::model::Word } }
        ";
    let from = ["probe".to_owned(), "sweep".to_owned()];
    let found: BTreeSet<String> = paths::in_text(text, &from, "x.rs")
        .unwrap_or_default()
        .into_iter()
        .map(|reference| reference.to.join("::"))
        .collect();
    let expected = ["config", "http", "model", "probe", "windows_service"].map(str::to_owned);
    assert!(expected.iter().all(|room| found.iter().any(|path| path.split("::").next() == Some(room))), "{found:?}");
    assert!(!found.iter().any(|path| path.contains("fixtures") || path.contains("fmt")), "{found:?}");
}
